//! The plug is pulled: whoever comes next finds each target on one release, and heals it.

mod gate;
mod sweep;

use gate::Gated;
use serde_json::Value;

#[track_caller]
fn assert_interrupted(record: &Value) {
    assert_eq!(record["status"], "rolled_back", "{record}");
    let error = record["error"]["message"].as_str().unwrap_or_default();
    assert!(error.contains("interrupted"), "{record}");
}

#[test]
fn killed_in_a_check_nothing_has_changed_and_the_next_deployment_goes_on() {
    let gated = Gated::deployed();
    gated.start(&["deploy", "staging"], "check", "t1").kill();
    assert_eq!(gated.versions(), [1, 1, 1]);
    let _ = gated.json(&["deploy", "staging"]);
    assert_eq!(gated.versions(), [2, 2, 2]);
    let history = gated.history();
    assert_eq!((history.len(), &history[0]["status"]), (3, &"success".into()));
    assert_interrupted(&history[1]);
    assert_eq!([1, 2, 3].map(|nth| gated.reloads(nth)), [[1, 2], [1, 2], [1, 2]]);
}

#[test]
fn killed_in_a_reload_the_reload_is_not_lost() {
    let gated = Gated::deployed();
    gated.start(&["deploy", "staging"], "on_change", "t2").kill();
    assert_eq!(gated.versions(), [2, 2, 1]);
    let status = gated.json(&["status", "staging"]);
    assert_eq!(status["targets"][1]["state"], "interrupted");
    let _ = gated.json(&["deploy", "staging"]);
    assert_eq!(gated.versions(), [2, 2, 2]);
    assert_interrupted(&gated.history()[1]);
    for nth in 1..=3 {
        assert_eq!(gated.reloads(nth).last(), Some(&2), "target {nth}");
        let status = gated.json(&["status", "staging"]);
        assert_eq!(status["targets"][nth as usize - 1]["state"], "in_sync");
    }
}

#[test]
fn killed_in_a_reload_the_deployment_can_be_gone_on_with() {
    let gated = Gated::deployed();
    gated.start(&["deploy", "staging"], "on_change", "t2").kill();
    assert_eq!(gated.versions(), [2, 2, 1]);
    let interrupted = gated.history()[0]["deployment_id"].clone();
    let interrupted = interrupted.as_str().expect("an id");
    let record = gated.json(&["resume", interrupted]);
    assert_eq!((&record["status"], &record["error"]), (&"success".into(), &Value::Null));
    assert_eq!(gated.versions(), [2, 2, 2]);
    let status = gated.json(&["status", "staging"]);
    for nth in 1..=3 {
        assert_eq!(gated.reloads(nth).last(), Some(&2), "target {nth}");
        assert_eq!(status["targets"][nth as usize - 1]["state"], "in_sync");
    }
    assert_eq!(gated.history().len(), 2);
    assert_eq!(gated.json(&["resume", interrupted]), record);
}

#[test]
fn killed_while_probing_a_rollback_takes_that_deployment_back_and_no_other() {
    let gated = Gated::deployed();
    let _ = gated.json(&["deploy", "staging"]);
    let gated = gated.version(3);
    gated.start(&["deploy", "staging"], "health", "t3").kill();
    assert_eq!(gated.versions(), [3, 3, 3]);
    let interrupted = gated.history()[0]["deployment_id"].clone();
    let planned = gated.json(&["rollback", "staging", "--dry-run"]);
    assert_eq!(planned["deployment"], interrupted, "{planned}");
    let record = gated.json(&["rollback", "staging"]);
    assert_eq!(record["rollback_info"]["deployment"], interrupted);
    assert_eq!(gated.versions(), [2, 2, 2]);
    assert_interrupted(&gated.history()[1]);
    for nth in 1..=3 {
        assert_eq!(gated.reloads(nth).last(), Some(&2), "target {nth}");
    }
    let _ = gated.json(&["rollback", "staging"]);
    assert_eq!(gated.versions(), [1, 1, 1]);
}

#[test]
fn a_killed_rollback_is_finished_by_the_same_command_and_goes_no_further() {
    for again in ["environment", "deployment"] {
        let gated = Gated::deployed();
        let _ = gated.json(&["deploy", "staging"]);
        let gated = gated.version(3);
        let third = gated.json(&["deploy", "staging"])["deployment_id"].clone();
        let third = third.as_str().expect("an id");
        gated.start(&["rollback", "staging"], "on_change", "t2").kill();
        assert_eq!(gated.versions(), [2, 2, 3]);
        let begun = gated.history()[0]["deployment_id"].clone();
        let subject = if again == "environment" { "staging" } else { third };
        let record = gated.json(&["rollback", subject]);
        assert_eq!((&record["deployment_id"], &record["status"]), (&begun, &"success".into()));
        assert_eq!(gated.versions(), [2, 2, 2], "by {again}");
        let undone = gated.json(&["show", third]);
        assert_eq!(undone["status"], "rolled_back");
        assert_eq!(undone["rollback_info"]["rolled_back_by"], begun);
        assert_eq!(
            (1..=3).map(|nth| gated.reloads(nth).last().copied()).collect::<Vec<_>>(),
            [Some(2); 3]
        );
    }
}

#[test]
fn a_killed_rollback_is_finished_before_a_deployment() {
    let gated = Gated::deployed();
    let second = gated.json(&["deploy", "staging"])["deployment_id"].clone();
    gated.start(&["rollback", "staging"], "on_change", "t1").kill();
    let gated = gated.version(3);
    let _ = gated.json(&["deploy", "staging"]);
    assert_eq!(gated.versions(), [3, 3, 3]);
    let history = gated.history();
    let statuses: Vec<_> = history.iter().map(|record| record["status"].clone()).collect();
    assert_eq!(statuses, ["success", "success", "rolled_back", "success"]);
    assert_eq!(history[1]["rollback_info"]["deployment"], second);
    let _ = gated.json(&["rollback", "staging"]);
    assert_eq!(gated.versions(), [1, 1, 1]);
}

#[test]
fn a_first_deployment_that_is_killed_leaves_nothing() {
    let gated = Gated::new();
    gated.start(&["deploy", "staging"], "on_change", "t3").kill();
    let _ = gated.json(&["rollback", "staging"]);
    assert_eq!(gated.versions(), [0, 0, 0]);
    let status = gated.json(&["status", "staging"]);
    let states: Vec<_> = (0..3).map(|nth| &status["targets"][nth]["state"]).collect();
    assert_eq!(states, ["empty"; 3]);
}

#[test]
fn a_target_left_interrupted_is_healed_from_another_workspace() {
    let gated = Gated::deployed();
    gated.start(&["deploy", "staging"], "on_change", "t1").kill();
    let _ = gated.json(&["deploy", "staging", "--workspace", "elsewhere"]);
    assert_eq!(gated.versions(), [2, 2, 2]);
    assert_eq!(gated.reloads(1), [1, 2]);
    let status = gated.json(&["status", "staging"]);
    assert_eq!(status["targets"][0]["state"], "in_sync");
}

#[test]
fn doctor_ends_what_was_interrupted() {
    let gated = Gated::deployed();
    let running = gated.start(&["deploy", "staging"], "on_change", "t2");
    let found = gated.windlass.run(&["doctor", "--output", "json"]).success().json();
    assert!(found["findings"].to_string().contains("in use by"), "{found:#}");
    running.kill();
    let found = gated.windlass.run(&["doctor", "--offline"]).code(3).stdout;
    assert!(found.contains("was interrupted"), "{found}");
    let mended = gated.windlass.run(&["doctor", "--fix"]).success().stdout;
    assert!(mended.contains("mended"), "{mended}");
    assert_eq!(gated.versions(), [1, 1, 1]);
    let _ = gated.windlass.run(&["doctor"]).success();
}
