//! What every host does, however it is reached: in process here, and once more, in
//! `hosts_through_agent`, behind an agent in a process of its own.

#[path = "../agent_process/mod.rs"]
mod agent_process;
mod fixture;

use std::fs;
use std::sync::Arc;

use fixture::{Fixture, deployment, shell};
use windlass::error::describe;
use windlass::host::HostError;
use windlass_agent::work::WorkError;
use windlass_core::event::{CommandRole, Event};
use windlass_core::health::{HealthCheck, Probe};
use windlass_core::plan::DriftIssue;
use windlass_core::record::TargetState;
use windlass_core::release::ServiceRelease;

fn tree(files: &[(&str, &str)]) -> std::collections::BTreeMap<String, String> {
    files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())).collect()
}

const ONE: &[(&str, &str)] = &[("a", "1"), ("b/c", "same"), ("d.plain", "1")];
const TWO: &[(&str, &str)] = &[("a", "2"), ("b/c", "same"), ("e.plain", "2")];

#[tokio::test]
async fn releases_come_and_go_and_come_back() {
    let fixture = Fixture::new();
    let (one, two) = (fixture.plain(ONE), fixture.plain(TWO));
    assert_eq!(fixture.live().await, None);
    fixture.deploy(&one).await;
    assert_eq!(fixture.tree(), tree(ONE));
    fixture.deploy(&two).await;
    assert_eq!(fixture.tree(), tree(TWO));
    let kept = fixture.host.recall(one.id).await.expect("recalled").expect("kept");
    assert_eq!(kept, one);
    fixture.deploy(&kept).await;
    assert_eq!((fixture.live().await, fixture.tree()), (Some(one.id), tree(ONE)));
    fixture.host.prune(vec![]).await.expect("pruned");
    assert_eq!(fixture.host.recall(two.id).await.expect("recalled"), None);
    let nothing = fixture.host.activate(&deployment(), vec![Some(one.id)], None).await;
    assert_eq!(nothing.expect("activated"), TargetState::NotChecked);
    assert_eq!((fixture.live().await, fixture.tree()), (None, tree(&[])));
}

#[tokio::test]
async fn large_and_small_content_arrives() {
    let fixture = Fixture::new();
    // Hardly compressible, and more than one frame and the memory for small content may hold.
    let bytes = windlass_testing::SplitMix64::new(7).bytes(5 << 20);
    let large: String = bytes.iter().map(|byte| char::from(b' ' + byte % 95)).collect();
    let middle = &large[..600 << 10];
    let mut files = vec![("empty", ""), ("large", &large[..]), ("middle", middle), ("z", "last")];
    let names: Vec<_> =
        (0..100).map(|n| (format!("small/{n}"), format!("text {}", n % 70))).collect();
    files.extend(names.iter().map(|(name, text)| (&name[..], &text[..])));
    let one = fixture.plain(&files);
    fixture.deploy(&one).await;
    assert_eq!(fixture.tree(), tree(&files));
    let progress = fixture.events().into_iter().filter_map(|event| match event {
        Event::StagingProgress { done, total, .. } => Some((done, total)),
        _ => None,
    });
    let total = one.manifest.total_bytes();
    assert_eq!(progress.max(), Some((total, total)));
}

#[tokio::test]
async fn drift_and_conflicts_are_seen() {
    let fixture = Fixture::new();
    let (one, two) = (fixture.plain(ONE), fixture.plain(TWO));
    fixture.deploy(&one).await;
    fs::write(fixture.path("a"), "by hand").expect("written");
    fs::write(fixture.path("e.plain"), "theirs").expect("written");
    let wanted = Some(Arc::new(two.manifest.clone()));
    let seen = fixture.host.inspect(wanted).await.expect("inspected");
    let drift: Vec<_> = seen.drift.iter().map(|drift| (&drift.path[..], drift.issue)).collect();
    assert_eq!(drift, [("a", DriftIssue::Modified)]);
    let conflicts: Vec<_> = seen.conflicts.iter().map(ToString::to_string).collect();
    assert_eq!(conflicts, ["e.plain is a file that windlass did not put there"]);
    assert_eq!(seen.live.expect("live").content, one.release);
    let refused = fixture.host.prepare(&deployment(), two, true).await.expect_err("in the way");
    let text = describe(&refused);
    assert!(text.ends_with("e.plain is a file that windlass did not put there"), "{text}");
    fixture.deploy(&one).await;
    assert_eq!(fs::read_to_string(fixture.path("a")).expect("read"), "1");
}

#[tokio::test]
async fn who_moved_a_target_meanwhile_is_left_alone() {
    let fixture = Fixture::new();
    let (one, two) = (fixture.plain(ONE), fixture.plain(TWO));
    fixture.deploy(&one).await;
    fixture.host.prepare(&deployment(), Arc::clone(&two), true).await.expect("prepared");
    let moved = fixture.host.activate(&deployment(), vec![None, Some(two.id)], Some(two)).await;
    let moved = moved.expect_err("it holds another release");
    assert!(matches!(moved, HostError::Work(WorkError::Moved(live)) if live == Some(one.id)));
    assert_eq!(fixture.tree(), tree(ONE));
}

#[tokio::test]
async fn a_check_refuses_before_anything_is_live() {
    let fixture = Fixture::new();
    let web = ServiceRelease {
        check: shell("cat $STAGED/a; echo on $TARGET_ID; exit 3"),
        ..ServiceRelease::default()
    };
    let one = fixture.release(ONE, web);
    let refused = fixture.host.prepare(&deployment(), one, true).await.expect_err("refused");
    assert_eq!(describe(&refused), "check of service `web` exited with status 3: 1on web-1");
    assert_eq!((fixture.live().await, fixture.tree()), (None, tree(&[])));
    let finished = fixture.events().into_iter().find_map(|event| match event {
        Event::CommandFinished { target, role, exit_code, output, .. } => {
            Some((target, role, exit_code, output))
        }
        _ => None,
    });
    let output = "1on web-1\n".to_owned();
    assert_eq!(finished, Some((fixture::target(), CommandRole::Check, Some(3), output)));
}

#[tokio::test]
async fn a_reload_that_fails_comes_after_the_switch() {
    let fixture = Fixture::new();
    let web = ServiceRelease { on_change: shell("echo no; false"), ..ServiceRelease::default() };
    let one = fixture.release(ONE, web);
    fixture.host.prepare(&deployment(), Arc::clone(&one), true).await.expect("prepared");
    let failed = fixture.host.activate(&deployment(), vec![None], Some(Arc::clone(&one))).await;
    let text = describe(&failed.expect_err("the reload failed"));
    assert_eq!(text, "on_change of service `web` exited with status 1: no");
    assert_eq!((fixture.live().await, fixture.tree()), (Some(one.id), tree(ONE)));
    let seen = fixture.host.inspect(None).await.expect("inspected");
    assert_eq!(seen.interrupted.expect("the reload is due").reloads, [fixture::web_name()]);
}

#[tokio::test]
async fn health_is_probed() {
    let fixture = Fixture::new();
    let probe = Probe::Command(shell("test ! -e $TARGET_ROOT/ill").expect("a command"));
    let check = HealthCheck { interval_ms: 1, failures: 2, ..HealthCheck::new(probe) };
    let web = |version: &str| ServiceRelease {
        version: Some(version.to_owned()),
        health: vec![check.clone()],
        ..ServiceRelease::default()
    };
    let (one, two) = (fixture.release(ONE, web("1")), fixture.release(TWO, web("2")));
    fixture.host.prepare(&deployment(), Arc::clone(&one), true).await.expect("prepared");
    let state = fixture.host.activate(&deployment(), vec![None], Some(Arc::clone(&one))).await;
    assert_eq!(state.expect("activated"), TargetState::Healthy);
    let probed = async |live| fixture.host.probe(Arc::clone(live)).await.expect("probed");
    assert_eq!(probed(&one).await, Some(true));
    fs::write(fixture.temp.path().join("root/ill"), "").expect("written");
    assert_eq!(probed(&one).await, Some(false));
    fixture.host.prepare(&deployment(), Arc::clone(&two), true).await.expect("prepared");
    let ill = fixture.host.activate(&deployment(), vec![Some(one.id)], Some(two.clone())).await;
    let ill = ill.expect_err("it is ill");
    assert!(matches!(ill, HostError::Work(WorkError::Unhealthy(_))), "{ill:?}");
    assert!(describe(&ill).contains("(2 times in a row)"), "{}", describe(&ill));
    assert_eq!(fixture.live().await, Some(two.id));
    assert_eq!(fixture.host.probe(fixture.plain(TWO)).await.ok().flatten(), None);
}

#[tokio::test]
async fn probes_look_names_up_on_the_host() {
    let fixture = Fixture::new();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("an address").port();
    for (name, healthy) in [("localhost", true), ("no-such-host.invalid", false)] {
        let probe = Probe::Tcp(format!("{name}:{port}"));
        let health = vec![HealthCheck::new(probe)];
        let one = fixture.release(ONE, ServiceRelease { health, ..ServiceRelease::default() });
        fixture.host.prepare(&deployment(), Arc::clone(&one), true).await.expect("prepared");
        assert_eq!(fixture.host.probe(one).await.expect("probed"), Some(healthy), "{name}");
    }
}

#[tokio::test]
async fn what_happens_is_told_in_order() {
    let fixture = Fixture::new();
    let web = ServiceRelease { check: shell("true"), ..ServiceRelease::default() };
    fixture.deploy(&fixture.release(ONE, web)).await;
    let states = fixture.events().into_iter().filter_map(|event| match event {
        Event::TargetChanged { state, target, .. } if target == fixture::target() => Some(state),
        _ => None,
    });
    let expected = [TargetState::Staging, TargetState::Checking, TargetState::Activating];
    assert_eq!(states.collect::<Vec<_>>(), expected);
}

#[tokio::test]
async fn content_that_is_missing_or_damaged_is_named_and_nothing_changes() {
    let fixture = Fixture::new();
    let one = fixture.plain(ONE);
    fixture.deploy(&one).await;
    let two = fixture.plain(&[("a", "2"), ("new", "content of its own")]);
    let digest = windlass_core::digest::Digest::of(b"content of its own");
    let object = fixture.objects.path().join(digest.to_string());
    let bytes = fs::read(&object).expect("stored");
    let other = fs::read(fixture.objects.path().join(one.manifest.files()[0].digest.to_string()));
    for damage in [other.expect("stored"), b"no zstd".to_vec()] {
        fs::remove_file(&object).expect("removed");
        fs::write(&object, damage).expect("damaged");
        let refused = fixture.host.prepare(&deployment(), two.clone(), true).await;
        let text = describe(&refused.expect_err("damaged"));
        assert!(text.starts_with("cannot read the content of new: object "), "{text}");
        assert!(!object.exists(), "it was set aside");
        let refused = fixture.host.prepare(&deployment(), two.clone(), true).await;
        let text = describe(&refused.expect_err("missing"));
        assert!(text.contains("is not in"), "{text}");
        fs::write(&object, &bytes).expect("mended");
    }
    assert_eq!(fixture.tree(), tree(ONE));
    fixture.deploy(&two).await;
    assert_eq!(fixture.live().await, Some(two.id));
}
