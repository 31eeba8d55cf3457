//! Targets that go back by themselves unless a new connection confirms.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use windlass_testing::{Output, SshdOptions, Windlass, agent_binary};

use super::fixture::{Fleet, Kind};

const BINARY: &str = env!("CARGO_BIN_EXE_windlass");

/// Returns one target that is confirmed within `time`; its command is `on_change`, in which `DIR` is the
/// directory of the server, if there is one.
fn confirmed(kind: Kind, time: &str, on_change: &str) -> Fleet {
    let fleet = match kind {
        Kind::Local => Fleet::new(Kind::Local, 1),
        Kind::Ssh => Fleet::over(SshdOptions::new(), 1),
    };
    let directory = fleet.sshd.as_ref().map(|sshd| sshd.path("").display().to_string());
    let on_change = on_change.replace("DIR", &directory.unwrap_or_default());
    let old = "on_change = 'cp \"$CONFIG_PATH/motd\" \"$CONFIG_PATH/../reloaded\"'";
    let new = format!(
        "on_change = '''\ncp \"$CONFIG_PATH/motd\" \"$CONFIG_PATH/../reloaded\"\n{on_change}'''"
    );
    fleet.project.edit("windlass.toml", old, &new);
    fleet.project.edit("windlass.toml", "[ssh]", &format!("confirm = \"{time}\"\n[ssh]"));
    fleet
}

fn windlass(fleet: &Fleet) -> Windlass {
    fleet.windlass().env("WINDLASS_AGENT", agent_binary(BINARY))
}

#[track_caller]
fn deploy(fleet: &Fleet, greeting: &str) -> Output {
    fleet.project.write("motd", format!("{greeting}\n"));
    windlass(fleet).run(&["deploy", "prod"])
}

#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(300), "not in five minutes: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn record(fleet: &Fleet) -> serde_json::Value {
    let history = windlass(fleet).run(&["history", "prod", "--output", "json"]).success().json();
    let records = history.as_array().or_else(|| history["deployments"].as_array());
    records.unwrap_or_else(|| panic!("{history}"))[0].clone()
}

#[test]
fn a_directory_is_confirmed_and_a_later_failure_is_taken_back() {
    let fleet = confirmed(Kind::Local, "1h", "");
    deploy(&fleet, "one").success();
    deploy(&fleet, "two").success();
    assert_eq!(fleet.text(1, "motd").as_deref(), Some("two\n"));
    assert!(fleet.text(1, ".windlass/armed").is_none(), "it is not armed any more");
    // The health check fails on it, which it is asked for after it was confirmed.
    deploy(&fleet, "broken").code(4);
    assert_eq!(fleet.text(1, "motd").as_deref(), Some("two\n"));
    assert!(fleet.text(1, ".windlass/armed").is_none(), "the way back is not armed");
    windlass(&fleet).run(&["rollback", "prod"]).success();
    assert_eq!(fleet.text(1, "motd").as_deref(), Some("one\n"));
}

#[test]
fn a_host_is_confirmed_over_another_login() {
    let fleet = confirmed(Kind::Ssh, "1h", "");
    deploy(&fleet, "one").success();
    assert_eq!((fleet.text(1, "motd").as_deref(), fleet.logins()), (Some("one\n"), 2));
    assert!(fleet.text(1, ".windlass/armed").is_none(), "it is not armed any more");
    windlass(&fleet).run(&["targets", "forget", "prod"]).success();
    assert!(fleet.agents().is_empty());
    assert!(!fleet.server().path("home/.local/state/windlass").exists());
}

#[test]
fn a_release_that_locks_everybody_out_goes_back_and_the_record_says_so() {
    let lock_out = "if grep -q locked \"$CONFIG_PATH/motd\"; then mv DIRauthorized_keys DIRaway; \
                    elif [ -f DIRaway ]; then mv DIRaway DIRauthorized_keys; fi";
    let fleet = confirmed(Kind::Ssh, "2s", lock_out);
    deploy(&fleet, "one").success();
    let failed = deploy(&fleet, "locked").code(1);
    assert!(failed.stderr.contains("by itself"), "{failed}");
    assert_eq!(fleet.text(1, "motd").as_deref(), Some("one\n"));
    let record = record(&fleet).to_string();
    assert!(record.contains("nobody confirmed it over a new connection"), "{record}");
    deploy(&fleet, "two").success();
    assert_eq!(fleet.text(1, "motd").as_deref(), Some("two\n"));
}

#[test]
fn a_release_that_kills_the_server_goes_back_by_itself() {
    let kill = "if grep -q fatal \"$CONFIG_PATH/motd\"; then kill -9 \"$(cat DIRlistener)\"; fi";
    let fleet = confirmed(Kind::Ssh, "2s", kill);
    std::fs::write(fleet.server().path("listener"), fleet.server().pid().to_string())
        .expect("written");
    deploy(&fleet, "one").success();
    let failed = deploy(&fleet, "fatal").code(5);
    assert!(failed.stderr.contains("whether it did is not known"), "{failed}");
    until("the target is back", || fleet.text(1, "motd").as_deref() == Some("one\n"));
    until("it is reloaded", || {
        std::fs::read_to_string(fleet.root(1).join("etc/reloaded")).ok().as_deref() == Some("one\n")
    });
}

#[test]
fn an_operator_who_is_killed_leaves_a_target_that_goes_back() {
    let hang =
        "if grep -q hang \"$CONFIG_PATH/motd\"; then touch \"$TARGET_ROOT/begun\"; sleep 1000; fi";
    for kind in [Kind::Local, Kind::Ssh] {
        let fleet = confirmed(kind, "2s", hang);
        deploy(&fleet, "one").success();
        fleet.project.write("motd", "hang\n");
        let mut command: Command = windlass(&fleet).command(&["deploy", "prod"]);
        let mut operator =
            command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it runs");
        until("the command runs", || fleet.root(1).join("begun").exists());
        operator.kill().expect("ours");
        operator.wait().expect("ended");
        until("the target is back", || fleet.text(1, "motd").as_deref() == Some("one\n"));
        until("that is told", || fleet.text(1, ".windlass/reverted").is_some());
        deploy(&fleet, "two").success();
        assert_eq!(fleet.text(1, "motd").as_deref(), Some("two\n"), "{kind:?}");
    }
}

#[test]
fn without_an_agent_nothing_is_begun() {
    let fleet = confirmed(Kind::Local, "2s", "");
    fleet.project.write("motd", "one\n");
    let none = fleet.project.at("none");
    let refused = fleet.windlass().env("WINDLASS_AGENT", none).run(&["deploy", "prod"]).code(1);
    assert!(refused.stderr.contains("`confirm` needs an agent"), "{refused}");
    assert_eq!(fleet.text(1, "motd"), None);
}
