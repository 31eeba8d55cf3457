//! One deployment of an environment at a time, and an operator who changes their mind.

mod gate;

use std::io::Read;
use std::process::Stdio;

use gate::{Gated, Running};
use rustix::process::{Pid, Signal, kill_process};
use windlass_testing::Output;

/// Interrupts it and waits until it has taken notice.
fn interrupt(running: &mut Running) {
    let pid = Pid::from_child(&running.child);
    kill_process(pid, Signal::INT).expect("it is there");
    let stderr = running.child.stderr.as_mut().expect("it is captured");
    let (mut heard, mut byte) = (Vec::new(), [0]);
    while !String::from_utf8_lossy(&heard).contains("stopping at the next safe point") {
        assert_eq!(stderr.read(&mut byte).expect("it can be read"), 1, "it ended too early");
        heard.extend(byte);
    }
}

#[test]
fn the_second_deployment_is_refused_and_told_who_holds_the_lock() {
    let gated = Gated::new();
    let first = gated.start(&["deploy", "staging", "--by", "alice"], "check", "t1");
    let pid = format!("(process {})", first.child.id());
    let second = gated.windlass.run(&["deploy", "staging", "--by", "bob"]).code(7);
    let second = second.says("alice on ").says(&pid).says(" since ").says(": deploy");
    assert!(second.says("staging").stdout.is_empty());
    let refused = gated.windlass.run(&["deploy", "staging", "--output", "json"]).code(7).json();
    assert_eq!((&refused["error"]["kind"], &refused["exit_code"]), (&"locked".into(), &7.into()));
    assert!(refused["error"]["hint"].is_string(), "{refused}");
    gated.open();
    let _ = first.wait().success();
    assert_eq!(gated.versions(), [1, 1, 1]);
    assert_eq!(gated.history().len(), 1, "what was refused is no deployment");
    let gated = gated.version(2);
    let _ = gated.windlass.run(&["deploy", "staging"]).success();
    assert_eq!(gated.versions(), [2, 2, 2]);
}

#[test]
fn a_rollback_and_a_saved_plan_wait_for_nobody_either() {
    let gated = Gated::deployed();
    let _ = gated.windlass.run(&["plan", "staging", "--out", "saved.plan"]).success();
    let first = gated.start(&["deploy", "staging", "--by", "alice"], "on_change", "t2");
    for arguments in [&["rollback", "staging"][..], &["apply", "saved.plan"]] {
        let _ = gated.windlass.run(arguments).code(7).says("alice on ");
    }
    gated.open();
    let _ = first.wait().success();
    let _ = gated.windlass.run(&["apply", "saved.plan"]).code(1).says("changed since");
    assert_eq!(gated.versions(), [2, 2, 2]);
}

#[test]
fn whoever_only_looks_is_not_kept_out() {
    let gated = Gated::deployed();
    let first = gated.start(&["deploy", "staging"], "on_change", "t2");
    let status = gated.json(&["status", "staging"]);
    let states: Vec<_> = (0..3).map(|nth| &status["targets"][nth]["state"]).collect();
    assert_eq!(states, ["in_sync", "interrupted", "in_sync"]);
    assert_eq!(gated.history()[0]["status"], "in_progress");
    assert_eq!(gated.versions(), [2, 2, 1]);
    let _ = gated.json(&["plan", "staging"]);
    let _ = gated.json(&["rollback", "staging", "--dry-run"]);
    let _ = gated.json(&["show", gated.history()[0]["deployment_id"].as_str().expect("an id")]);
    gated.open();
    let _ = first.wait().success();
}

#[test]
fn a_dead_holder_holds_nothing() {
    let gated = Gated::deployed();
    gated.start(&["deploy", "staging"], "check", "t1").kill();
    let _ = gated.windlass.run(&["deploy", "staging"]).success();
    assert_eq!(gated.versions(), [2, 2, 2]);
}

#[test]
fn another_workspace_does_not_get_past_the_lock_of_the_target() {
    let gated = Gated::deployed();
    let first = gated.start(&["deploy", "staging"], "on_change", "t1");
    let before = gated.versions();
    let other = ["deploy", "staging", "--workspace", "elsewhere"];
    let _ = gated.windlass.run(&other).code(1).says("t1").says(".windlass/lock");
    assert_eq!(gated.versions(), before);
    gated.open();
    let _ = first.wait().success();
    assert_eq!(gated.versions(), [2, 2, 2]);
}

#[test]
fn many_at_once_take_turns_or_are_refused() {
    let gated = Gated::deployed();
    let start = || {
        let mut command = gated.windlass.command(&["deploy", "staging"]);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it can be started")
    };
    let started: Vec<_> = (0..6).map(|_| start()).collect();
    let ended: Vec<_> = started
        .into_iter()
        .map(|child| Output::new(&["deploy"], &child.wait_with_output().expect("it ends")))
        .collect();
    let done = ended.iter().filter(|output| output.code == 0).count();
    for output in ended {
        assert!(matches!(output.code, 0 | 7), "{output}");
    }
    assert!(done >= 1, "somebody goes on");
    assert_eq!(gated.history().len(), 1 + done);
    assert_eq!(gated.versions(), [2, 2, 2]);
}

#[test]
fn an_interrupt_before_the_first_switch_changes_nothing() {
    let gated = Gated::deployed();
    let mut running = gated.start(&["deploy", "staging"], "check", "t2");
    interrupt(&mut running);
    gated.open();
    let _ = running.wait().code(1);
    assert_eq!(gated.versions(), [1, 1, 1]);
    let newest = &gated.history()[0];
    assert_eq!(
        (&newest["status"], &newest["error"]["message"]),
        (&"failed".into(), &"stopped by the operator".into())
    );
    assert_eq!([1, 2, 3].map(|nth| gated.reloads(nth)), [[1], [1], [1]]);
}

#[test]
fn an_interrupt_in_a_rollout_takes_back_what_was_moved() {
    let gated = Gated::deployed();
    let mut running = gated.start(&["deploy", "staging"], "on_change", "t2");
    interrupt(&mut running);
    gated.open();
    let _ = running.wait().code(4).says("every target is as it was before");
    assert_eq!(gated.versions(), [1, 1, 1]);
    let newest = &gated.history()[0];
    assert_eq!(newest["status"], "rolled_back");
    assert_eq!(newest["error"]["message"], "stopped by the operator");
    assert_eq!(newest["rollback_info"]["reason"], "stopped by the operator");
    let states: Vec<_> = (0..3).map(|nth| &newest["targets"][nth]["state"]).collect();
    assert_eq!(states, ["rolled_back", "rolled_back", "staged"]);
    assert_eq!(gated.reloads(1), [1, 2, 1]);
    assert_eq!(gated.reloads(2), [1, 2, 1]);
    assert_eq!(gated.reloads(3), [1]);
}

#[test]
fn an_interrupt_in_a_rollback_says_what_is_left_and_the_rest_follows() {
    let gated = Gated::deployed();
    let deployed = gated.json(&["deploy", "staging"]);
    let mut running = gated.start(&["rollback", "staging"], "on_change", "t2");
    interrupt(&mut running);
    gated.open();
    let _ = running.wait().code(5).says("some targets are not as before");
    assert_eq!(gated.versions(), [1, 1, 2]);
    assert_eq!(gated.history()[0]["status"], "failed");
    assert_eq!(gated.history()[0]["error"]["message"], "stopped by the operator");
    let record = gated.json(&["rollback", "staging"]);
    assert_eq!(record["rollback_info"]["deployment"], deployed["deployment_id"]);
    assert_eq!(gated.versions(), [1, 1, 1]);
}

#[test]
fn who_waits_for_the_lock_deploys_when_it_is_free() {
    let gated = Gated::new();
    let first = gated.start(&["deploy", "staging", "--by", "alice"], "check", "t1");
    let _ = gated.windlass.run(&["deploy", "staging", "--lock-wait", "10ms"]).code(7).says("alice");
    let waiting = gated.windlass.command(&["deploy", "staging", "--lock-wait", "5m"]).spawn();
    gated.open();
    let _ = first.wait().success();
    let ended = waiting.expect("started").wait().expect("waited for");
    assert!(ended.success());
    let _ = gated.windlass.run(&["deploy", "staging", "--lock-wait", "soon"]).code(2);
}

#[test]
fn a_deployment_is_paused_and_goes_on_from_another_terminal() {
    let gated = Gated::deployed();
    let nothing = gated.windlass.run(&["pause", "staging"]).code(1);
    let _ = nothing.says("nothing is being deployed to environment `staging`");
    let running = gated.start(&["deploy", "staging"], "on_change", "t1");
    let paused = gated.json(&["pause", "staging"]);
    assert_eq!(paused["progress"]["state"], "paused");
    let id = paused["deployment_id"].as_str().expect("an id").to_owned();
    let again = gated.windlass.run(&["pause", &id]).code(1);
    let _ = again.says("the rollout is already paused by hand");
    gated.open();
    assert_eq!(gated.json(&["resume", "staging"])["progress"]["state"], "running");
    let _ = running.wait().success();
    assert_eq!(gated.versions(), [2, 2, 2]);
    let _ = gated.windlass.run(&["abort", &id]).code(1).says("nobody is carrying out");
}

#[test]
fn a_deployment_is_aborted_from_another_terminal() {
    let gated = Gated::deployed();
    let running = gated.start(&["deploy", "staging"], "on_change", "t2");
    let aborted = gated.json(&["abort", "staging"]);
    assert_eq!(aborted["progress"]["state"], "rolling_back");
    gated.open();
    let _ = running.wait().code(4).says("every target is as it was before");
    assert_eq!(gated.versions(), [1, 1, 1]);
    assert_eq!(gated.history()[0]["error"]["message"], "aborted by a person");
}
