//! The binary `windlass-agent`, as a host runs it.

use std::io::{Read, Write};
use std::process::{Child, Command, Output, Stdio};

use windlass_agent::protocol::{Answer, Ask, Frame, Kind, Place, Reply, Request, frame, greeting};
use windlass_core::target::{Address, TargetId};

const BINARY: &str = env!("CARGO_BIN_EXE_windlass-agent");

fn run(arguments: &[&str]) -> Output {
    Command::new(BINARY).args(arguments).stdin(Stdio::null()).output().expect("it runs")
}

fn serving() -> Child {
    let mut command = Command::new(BINARY);
    command.arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("it runs")
}

#[test]
fn it_tells_its_version_and_how_it_is_used() {
    let version = run(&["--version"]);
    let text = String::from_utf8(version.stdout).expect("UTF-8");
    assert!(version.status.success());
    assert_eq!(text, format!("windlass-agent {} (protocol 1)\n", env!("CARGO_PKG_VERSION")));
    for bad in [&[][..], &["server"], &["serve", "now"]] {
        let refused = run(bad);
        assert_eq!(refused.status.code(), Some(2), "{bad:?}");
        assert!(String::from_utf8_lossy(&refused.stderr).contains("windlass-agent serve"));
        assert!(refused.stdout.is_empty());
    }
}

#[test]
fn it_answers_on_its_standard_streams_until_they_end() {
    let mut agent = serving();
    let (mut to, mut from) =
        (agent.stdin.take().expect("a pipe"), agent.stdout.take().expect("a pipe"));
    let mut greeted = vec![0; greeting::of_agent().len()];
    from.read_exact(&mut greeted).expect("a greeting");
    assert_eq!(greeted, greeting::of_agent());
    to.write_all(&greeting::of_operator()).expect("written");
    let place = Place {
        root: std::env::temp_dir().to_str().expect("UTF-8").to_owned(),
        config_path: "/windlass-agent-is-not-there".to_owned(),
        target: TargetId::new("web-1"),
        address: Address::Local { root: "/".to_owned() },
    };
    for ask in [Ask::Ping, Ask::Inspect { wanted: None }] {
        let request = Request { place: place.clone(), ask };
        let request = Frame::json(Kind::Request, &request).and_then(|frame| frame.encode());
        to.write_all(&request.expect("small")).expect("written");
        let frame = frame::read(&mut from).expect("a frame").expect("an answer");
        let answer: Answer = frame.parse().expect("an answer");
        assert!(matches!(answer, Ok(Reply::Pong | Reply::Inspected(_))), "{answer:?}");
    }
    drop(to);
    assert!(agent.wait().expect("it ends").success());
}

#[test]
fn it_ends_when_somebody_else_speaks() {
    let mut agent = serving();
    agent.stdin.take().expect("a pipe").write_all(b"GET / HTTP/1.1\r\n\r\n").expect("written");
    let ended = agent.wait_with_output().expect("it ends");
    assert_eq!(ended.status.code(), Some(1));
    let said = String::from_utf8_lossy(&ended.stderr);
    assert!(said.contains("no windlass answered; what came was \"GET / HTTP/1.1"), "{said}");
    assert!(serving().wait_with_output().expect("it ends").status.success());
}
