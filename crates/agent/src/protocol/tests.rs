//! What holds for the protocol as a whole.

use std::io::{self, Read};

use proptest::prelude::*;
use windlass_core::event::Event;
use windlass_core::record::TargetState;
use windlass_core::target::{Address, TargetId};

use super::frame::{self, MOST_BLOB, MOST_CONTROL};
use super::greeting::{self, Heard, Listening, MOST_NOISE};
use super::message::Phase;
use super::*;
use crate::site::SiteError;
use crate::work::WorkError;

fn heard(noise: &[u8], step: usize) -> Result<Option<Heard>, GreetingError> {
    let mut listening = Listening::default();
    for piece in noise.chunks(step.max(1)) {
        if let Some(heard) = listening.hear(piece)? {
            return Ok(Some(heard));
        }
    }
    Ok(None)
}

#[test]
fn a_greeting_is_heard_behind_noise_in_pieces_of_any_size() {
    let greeting = greeting::of_agent();
    for noise in
        ["", "Welcome to web-1\n", "no newline", "\nwindlass-agent is fun\n", "\nwindlass-agent "]
    {
        for step in [1, 2, 7, 1000] {
            let all = [noise.as_bytes(), &greeting, b"rest"].concat();
            let heard = heard(&all, step).expect("an agent").expect("its greeting");
            assert_eq!(heard.greeting.protocol, PROTOCOL, "{noise:?} {step}");
            assert!(b"rest".starts_with(&heard.rest), "{noise:?} {step}");
        }
    }
}

#[test]
fn noise_without_end_is_given_up_and_quoted() {
    let noise = "motd \x1b[2J ".repeat(MOST_NOISE);
    let error = heard(noise.as_bytes(), 4096).expect_err("no agent").to_string();
    assert!(error.starts_with("no windlass answered; what came was \"motd ␛[2J"), "{error}");
    assert!(error.len() < 2000, "{}", error.len());
    assert_eq!(Listening::default().give_up().to_string(), "no windlass answered");
}

#[test]
fn another_protocol_is_refused_and_named() {
    let error = heard(b"\nwindlass-agent 7 9.9.9\n", 5).expect_err("another protocol");
    assert!(error.to_string().contains("windlass 9.9.9 and speaks protocol 7"), "{error}");
    let operator = greeting::of_operator();
    assert!(greeting::read_operator(&operator[..operator.len() - 1]).is_ok());
    let error = greeting::read_operator(b"windlass 2 1.0").expect_err("another protocol");
    assert!(matches!(error, GreetingError::Other(_)));
    assert!(matches!(greeting::read_operator(b"GET /"), Err(GreetingError::Absent { .. })));
}

fn place() -> Place {
    Place {
        root: "/".to_owned(),
        config_path: "/etc/shop".to_owned(),
        target: TargetId::new("web-1"),
        address: Address::Local { root: "/".to_owned() },
    }
}

#[test]
fn what_is_sent_is_read() {
    let request = Request { place: place(), ask: Ask::Inspect { wanted: None } };
    let frame = Frame::json(Kind::Request, &request).expect("small");
    let mut bytes = frame.encode().expect("small");
    frame::put(&mut bytes, Kind::Tick, &[]).expect("small");
    let mut input = &bytes[..];
    let first = frame::read(&mut input).expect("reads").expect("there");
    assert_eq!(first.parse::<Request>().expect("parses"), request);
    assert_eq!(frame::read(&mut input).expect("reads").expect("there").kind, Kind::Tick);
    assert!(frame::read(&mut input).expect("the end").is_none());
}

#[test]
fn paths_and_names_are_checked_as_they_are_parsed() {
    let evil = r#"{"place":{"root":"/","config_path":"/etc","target":"t","address":"local:/"},
        "ask":{"inspect":{"wanted":[{"path":"../../etc/passwd","mode":"0644","size":0,
        "digest":"PLACEHOLDER","service":"web"}]}}}"#;
    let digest = windlass_core::digest::Digest::of(b"").to_string();
    let evil = evil.replace("PLACEHOLDER", &digest);
    assert!(serde_json::from_str::<Request>(&evil).is_err());
    let fine = evil.replace("../../etc/passwd", "passwd");
    assert!(serde_json::from_str::<Request>(&fine).is_ok());
}

/// Endless zeros; panics when more is read than should be.
struct Endless {
    left: u64,
}

impl Read for Endless {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.left = self.left.checked_sub(buffer.len() as u64).expect("bounded reading");
        buffer.fill(0);
        Ok(buffer.len())
    }
}

#[test]
fn absurd_lengths_are_refused_before_anything_is_read() {
    for (kind, most) in
        [(Kind::Request, MOST_CONTROL), (Kind::BlobPart, MOST_BLOB), (Kind::Tick, 0)]
    {
        for length in [u64::from(most) + 1, u64::from(u32::MAX)] {
            let length = u32::try_from(length).expect("fits");
            let mut header = length.to_be_bytes().to_vec();
            header.push(kind as u8);
            let mut input = (&header[..]).chain(Endless { left: 0 });
            assert!(matches!(frame::read(&mut input), Err(FrameError::TooLarge { .. })));
        }
        let much = vec![0; most as usize + 1];
        let refused = frame::put(&mut Vec::new(), kind, &much);
        assert!(matches!(refused, Err(FrameError::TooLarge { .. })));
    }
}

#[test]
fn a_length_that_is_not_kept_takes_no_memory() {
    let header = Header::new(Kind::Answer, MOST_CONTROL as usize).expect("allowed").encode();
    let mut input = (&header[..]).chain(&b"short"[..]);
    assert!(matches!(frame::read(&mut input), Err(FrameError::Cut)));
}

#[test]
fn other_speech_is_quoted() {
    let error = frame::read(&mut &b"bash: windlass-agent: not found"[..]).expect_err("no frame");
    assert_eq!(error.to_string(), "got \"bash:\" where the protocol has a frame");
}

#[test]
fn a_frame_that_is_cut_anywhere_is_an_error() {
    let mut bytes = Vec::new();
    frame::put(&mut bytes, Kind::Event, b"{}").expect("small");
    for end in 1..bytes.len() {
        assert!(matches!(frame::read(&mut &bytes[..end]), Err(FrameError::Cut)), "{end}");
    }
}

#[test]
fn an_agent_speaks_of_its_own_target_and_of_its_own_work() {
    let target = TargetId::new("web-1");
    let other = TargetId::new("web-2");
    let began = Event::TargetChanged { target: other, state: TargetState::Checking, error: None };
    let said = Said::of(began).expect("to be said");
    assert_eq!(said, Said::Began(Phase::Checking));
    let event = said.into_event(target.clone());
    assert!(matches!(event, Event::TargetChanged { target: t, .. } if t == target));
    let healthy = Event::TargetChanged { target, state: TargetState::Healthy, error: None };
    assert_eq!(Said::of(healthy), None);
    assert!(serde_json::from_str::<Said>(r#"{"began":"healthy"}"#).is_err());
}

#[test]
fn what_a_command_printed_is_harmless_for_terminals() {
    let said: Said = serde_json::from_str(
        r#"{"command":{"service":"web","role":"check","exit_code":1,"output":"\u001b[2Jbad"}}"#,
    )
    .expect("parses");
    let Event::CommandFinished { output, .. } = said.into_event(TargetId::new("t")) else {
        panic!("another event")
    };
    assert_eq!(output, "␛[2Jbad");
}

#[test]
fn failures_keep_their_class_and_their_causes() {
    let io = SiteError::Io {
        action: "write",
        path: "/etc/shop".into(),
        source: io::Error::from(io::ErrorKind::StorageFull),
    };
    let failure = Failure::from(&WorkError::from(io));
    let json = serde_json::to_string(&failure).expect("JSON");
    assert_eq!(serde_json::from_str::<Failure>(&json).expect("parses"), failure);
    let Failure::Site { message, content: None } = failure else { panic!("{failure:?}") };
    assert_eq!(message, "cannot write /etc/shop: no storage space");
    let moved = Failure::from(&WorkError::Moved(None));
    assert_eq!(moved, Failure::Moved { live: None });
    let long = Failure::Command { message: "\x1b".repeat(1 << 20) }.tamed();
    let Failure::Command { message } = long else { panic!("{long:?}") };
    assert!(message.chars().all(|c| c == '␛') && message.chars().count() == 64 << 10);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut input = &bytes[..];
        while let Ok(Some(frame)) = frame::read(&mut input) {
            let _ = frame.parse::<Request>();
            let _ = frame.parse::<Answer>();
            prop_assert!(frame.payload.len() <= bytes.len());
        }
        let _ = heard(&bytes, 3);
        let _ = greeting::read_operator(&bytes);
    }
}
