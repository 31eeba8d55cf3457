//! Connections that are lost, noisy, silent or hostile: the host is on one release whatever happens to
//! them, and no agent stays behind.

#[path = "../agent_process/mod.rs"]
mod agent_process;
mod cut;
mod fixture;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use fixture::{Fixture, OnlyOnce, Scripted, deployment};
use windlass::error::describe;
use windlass::host::remote::{Connector, Patience, ProcessConnector};
use windlass::host::{Host, HostError};
use windlass_agent::protocol::message::Phase;
use windlass_agent::protocol::{Failure, Frame, Kind, Reply, Said, Wanted, greeting};
use windlass_core::digest::Digest;
use windlass_core::event::Event;
use windlass_core::record::TargetState;
use windlass_testing::SplitMix64;

fn shell(script: &str) -> Arc<dyn Connector> {
    Arc::new(ProcessConnector::new("sh", ["-c", script]))
}

async fn unreachable(connector: Arc<dyn Connector>) -> String {
    let fixture = Fixture::new();
    let host = fixture.host(connector, Patience::default());
    let error = host.inspect(None).await.expect_err("no agent");
    assert!(matches!(error, HostError::Unreachable(_)), "{error:?}");
    describe(&error)
}

#[tokio::test]
async fn a_host_without_an_agent_is_told_in_its_own_words() {
    let script = "echo 'Welcome to web-1'; echo 'sh: windlass-agent: not found' >&2; exit 127";
    let text = unreachable(shell(script)).await;
    assert_eq!(
        text,
        "no windlass answered; what came was \"Welcome to web-1\"; on the side the host said: sh: \
         windlass-agent: not found"
    );
    let endless = unreachable(shell("while echo only noise; do :; done")).await;
    assert!(endless.starts_with("no windlass answered; what came was \"only noise"), "{endless}");
    let other = unreachable(shell("printf '\\nwindlass-agent 9 4.2.0\\n'; cat")).await;
    assert_eq!(other, "the other end is windlass 4.2.0 and speaks protocol 9; this one speaks 1");
    let missing = Arc::new(ProcessConnector::new("/nowhere/agent", ["serve"]));
    assert!(unreachable(missing).await.starts_with("cannot start /nowhere/agent: "));
}

#[tokio::test]
async fn a_host_that_says_nothing_is_given_up() {
    let fixture = Fixture::new();
    let patience = Patience { greeting: Duration::from_millis(10), ..Patience::default() };
    let host = fixture.host(shell("exec cat"), patience);
    let error = host.inspect(None).await.expect_err("no greeting");
    assert_eq!(describe(&error), "no windlass answered");
}

#[tokio::test]
async fn an_agent_that_falls_silent_is_lost() {
    let fixture = Fixture::new();
    let patience = Patience { silence: Duration::from_millis(10), ..Patience::default() };
    let host = fixture.host(Arc::new(Scripted::new(greeting::of_agent())), patience);
    let error = host.inspect(None).await.expect_err("no answer");
    assert!(matches!(error, HostError::Lost(_)), "{error:?}");
    assert!(describe(&error).contains("no sign of life"), "{}", describe(&error));
    let one = fixture.plain(&[("a", "1")]);
    let error = host.activate(&deployment(), vec![None], Some(one)).await.expect_err("no answer");
    assert!(matches!(error, HostError::Lost(_)), "{error:?}");
}

#[tokio::test]
async fn an_answer_may_have_a_limit_of_its_own() {
    let fixture = Fixture::new();
    let patience = Patience { answer: Some(Duration::from_millis(10)), ..Patience::default() };
    let host = fixture.host(Arc::new(Scripted::new(greeting::of_agent())), patience);
    let error = host.inspect(None).await.expect_err("no answer");
    assert!(matches!(error, HostError::Unreachable(_)), "{error:?}");
    assert_eq!(describe(&error), "no answer within 0.01 s (`host_timeout` in [ssh])");
    let one = fixture.plain(&[("a", "1")]);
    let error = host.activate(&deployment(), vec![None], Some(one)).await.expect_err("no answer");
    assert!(matches!(error, HostError::Lost(_)), "nobody knows what it did: {error:?}");
}

fn json<T: serde::Serialize>(kind: Kind, value: &T) -> Vec<u8> {
    Frame::json(kind, value).and_then(|frame| frame.encode()).expect("small")
}

/// Returns what a host makes of an agent that says this.
async fn told(said: &[Vec<u8>]) -> (HostError, Vec<Event>) {
    let fixture = Fixture::new();
    let script = [&[greeting::of_agent()], said].concat().concat();
    let host = fixture.host(Arc::new(Scripted::ending(script)), Patience::default());
    let one = fixture.plain(&[("a", "1")]);
    let error = host.prepare(&deployment(), one, true).await.expect_err("a bad agent");
    (error, fixture.events())
}

#[tokio::test]
async fn a_hostile_agent_gets_nothing_and_does_no_harm() {
    let secret = Wanted { digests: vec![Digest::of(b"something else")] };
    let (error, _) = told(&[json(Kind::Wanted, &secret)]).await;
    assert!(describe(&error).contains("content that is not in the release"), "{error}");
    let twice = Wanted { digests: vec![Digest::of(b"1"); 2] };
    let (error, _) = told(&[json(Kind::Wanted, &twice)]).await;
    assert!(describe(&error).contains("content that is not in the release"), "{error}");
    let (error, _) = told(&[json(Kind::Answer, &Ok::<_, Failure>(Reply::Pong))]).await;
    assert!(describe(&error).contains("answered another question"), "{error}");
    let (error, _) = told(&[vec![0xff; 64]]).await;
    assert!(describe(&error).contains("where the protocol has a frame"), "{error}");
    let (error, _) = told(&[vec![0x7f, 0, 0, 0, Kind::Answer as u8]]).await;
    assert!(describe(&error).contains("a frame of 2130706432 bytes was announced"), "{error}");
    let (error, events) = told(&[
        json(Kind::Event, &Said::Began(Phase::Staging)),
        json(Kind::Event, &Said::Staging { done: 9, total: 1 }),
    ])
    .await;
    assert!(describe(&error).contains("the agent hung up"), "{error}");
    let states = events.iter().filter(|event| {
        matches!(event, Event::TargetChanged { state: TargetState::Staging, .. })
            || matches!(event, Event::StagingProgress { done: 1, total: 1, .. })
    });
    assert_eq!(states.count(), 2, "{events:?}");
    let message = "\x1b]0;owned\x07".to_owned();
    let failure: Result<Reply, _> = Err(Failure::Command { message });
    let (error, _) = told(&[json(Kind::Answer, &failure)]).await;
    assert_eq!(describe(&error), "␛]0;owned␇");
}

#[tokio::test]
async fn garbage_of_any_kind_is_an_error() {
    let mut random = SplitMix64::new(33);
    for _ in 0..300 {
        let length = random.below(400);
        let mut noise = random.bytes(length);
        if random.chance(50) {
            let kind = *random.pick(&[Kind::Answer, Kind::Wanted, Kind::Event, Kind::Tick]);
            noise =
                [&u32::try_from(length).expect("fits").to_be_bytes()[..], &[kind as u8], &noise]
                    .concat();
        }
        let (error, _) = told(&[noise]).await;
        assert!(matches!(error, HostError::Lost(_)), "{error:?}");
    }
}

#[tokio::test]
async fn one_connection_is_used_for_one_call_after_another() {
    let fixture = Fixture::new();
    let connector = Arc::new(OnlyOnce::new());
    let host = fixture.host(connector.clone(), Patience::default());
    let one = fixture.plain(&[("a", "1")]);
    assert!(host.inspect(None).await.expect("inspected").live.is_none());
    host.prepare(&deployment(), one.clone(), true).await.expect("prepared");
    host.activate(&deployment(), vec![None], Some(one.clone())).await.expect("activated");
    // A failure that the agent answers is no reason to hang up.
    host.activate(&deployment(), vec![None], Some(one)).await.expect_err("moved");
    host.prune(vec![]).await.expect("pruned");
    assert_eq!(connector.opened(), 1);
    drop(host);
    assert!(connector.agents_end().await, "the agent ended by itself, and without an error");
}

#[tokio::test]
async fn a_connection_that_was_lost_between_two_calls_is_made_anew() {
    let fixture = Fixture::new();
    let connector = Arc::new(OnlyOnce::new());
    let patience = Patience { fresh: Duration::ZERO, ..Patience::default() };
    let host = fixture.host(connector.clone(), patience);
    let one = fixture.plain(&[("a", "1")]);
    host.prepare(&deployment(), one.clone(), true).await.expect("prepared");
    connector.kill_agents().await;
    host.activate(&deployment(), vec![None], Some(one.clone())).await.expect("activated");
    assert_eq!(connector.opened(), 2);
    connector.kill_agents().await;
    assert_eq!(
        host.inspect(None).await.expect("inspected").live.map(|live| live.release),
        Some(one.id)
    );
    assert_eq!(connector.opened(), 3);
}

#[tokio::test]
async fn a_harmless_call_is_repeated_even_where_the_connection_was_trusted() {
    let fixture = Fixture::new();
    let connector = Arc::new(OnlyOnce::new());
    let patience = Patience { fresh: Duration::from_secs(3600), ..Patience::default() };
    let host = fixture.host(connector.clone(), patience);
    host.inspect(None).await.expect("inspected");
    connector.kill_agents().await;
    host.inspect(None).await.expect("inspected again");
    assert_eq!(connector.opened(), 2);
}

#[tokio::test]
async fn a_call_that_is_given_up_ends_what_the_agent_runs() {
    let fixture = Fixture::new();
    let connector = Arc::new(OnlyOnce::new());
    let host = fixture.host(connector.clone(), Patience::default());
    let pid = fixture.path("pid");
    let script = format!("echo $$ > {0}.new && mv {0}.new {0} && sleep 3600", pid.display());
    let endless = fixture.checked(&[("a", "1")], &script);
    let deployment = deployment();
    let mut call = host.prepare(&deployment, endless, true);
    let number = loop {
        tokio::select! {
            ended = &mut call => panic!("it ended: {ended:?}"),
            () = tokio::task::yield_now() => {}
        }
        if let Ok(number) = std::fs::read_to_string(&pid) {
            break number;
        }
    };
    drop(call);
    connector.agents_end().await;
    assert!(!std::path::Path::new(&format!("/proc/{}", number.trim())).exists());
}

#[tokio::test]
async fn a_large_release_takes_little_memory_on_the_host() {
    let fixture = Fixture::new();
    let connector = Arc::new(OnlyOnce::new());
    let host = fixture.host(connector.clone(), Patience::default());
    let bytes = SplitMix64::new(1).bytes(48 << 20);
    let large: String = bytes.into_iter().map(|byte| char::from(b' ' + byte % 95)).collect();
    let one = fixture.plain(&[("large", &large), ("small", "1")]);
    host.prepare(&deployment(), one, true).await.expect("prepared");
    let peak = connector.peak_memory();
    assert!(peak < 32 << 20, "{peak} bytes");
}
