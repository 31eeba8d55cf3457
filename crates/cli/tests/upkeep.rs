//! What keeps a workspace whole and small: `doctor`, `gc` and `pin`.

mod mini;

use std::fs;
use std::path::PathBuf;

use mini::{project, run};
use serde_json::Value;
use windlass_testing::{Output, TestProject};

/// Deploys what says each of `times`, and returns the deployments, the newest last.
fn deployments(project: &TestProject, times: std::ops::Range<usize>) -> Vec<String> {
    let deploy = |nth: usize| {
        project.write("motd", format!("${{GREETING}} for the {nth}th time\n"));
        let deployed = run(project, &["deploy", "staging", "--output", "json"]).success();
        deployed.json()["deployment_id"].as_str().expect("an id").to_owned()
    };
    times.map(deploy).collect()
}

fn retaining(retain: u32) -> TestProject {
    let project = project();
    project.edit(
        "windlass.toml",
        "name = \"mini\"",
        &format!("name = \"mini\"\nretain = {retain}"),
    );
    project
}

fn json(project: &TestProject, arguments: &[&str], code: i32) -> Value {
    run(project, &[arguments, &["--output", "json"]].concat()).code(code).json()
}

fn motd(project: &TestProject) -> String {
    project.read("state/etc/mini/motd")
}

/// Fails unless the command succeeds, or finds something where that is expected, and says `text` on
/// standard output.
#[track_caller]
fn prints(output: Output, code: i32, text: &str) {
    let output = output.code(code);
    assert!(output.stdout.contains(text), "{text:?} is not in {}", output.stdout);
}

/// Returns the files of the object store that are objects.
fn objects(project: &TestProject) -> Vec<PathBuf> {
    let entries = fs::read_dir(project.at(".windlass/objects")).expect("there");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let is_object = |path: &PathBuf| path.file_name().is_some_and(|name| name.len() == 64);
    paths.filter(is_object).collect()
}

/// Changes a byte in the middle of a file.
fn damage(path: &std::path::Path) {
    let mut bytes = fs::read(path).expect("there");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes).expect("written");
}

#[test]
fn collecting_keeps_what_can_be_returned_to() {
    let project = retaining(3);
    let ids = deployments(&project, 0..6);
    let before = objects(&project).len();
    let planned = json(&project, &["gc", "--dry-run"], 0);
    assert_eq!(objects(&project).len(), before, "a dry run removes nothing");
    let collected = json(&project, &["gc"], 0);
    assert_eq!(planned["objects_removed"], collected["objects_removed"]);
    assert_eq!(collected["releases"], 3);
    let removed = usize::try_from(collected["objects_removed"].as_u64().expect("a number"));
    assert_eq!(objects(&project).len(), before - removed.expect("small"));
    let refused = run(&project, &["rollback", "staging", "--to", &ids[1]]).code(1);
    let _ = refused.says("cannot be restored");
    for (back, nth) in [(&ids[3], 3), (&ids[5], 5)] {
        let _ = run(&project, &["rollback", "staging", "--to", back]).success();
        assert_eq!(motd(&project), format!("hello for the {nth}th time\n"));
    }
    let _ = run(&project, &["gc", "--output", "json"]).success();
    prints(run(&project, &["doctor"]), 0, "nothing is wrong");
}

#[test]
fn a_pin_keeps_a_release_until_it_is_taken_out() {
    let project = retaining(1);
    let ids = deployments(&project, 0..4);
    let pinned = json(&project, &["pin", &ids[0], "--by", "alice", "--why", "good"], 0);
    assert_eq!(pinned["pinned"]["by"], "alice");
    let _ = run(&project, &["gc"]).success();
    let _ = run(&project, &["rollback", "staging", "--to", &ids[0]]).success();
    assert_eq!(motd(&project), "hello for the 0th time\n");
    let _ = deployments(&project, 4..7);
    prints(run(&project, &["pin", &ids[0], "--remove"]), 0, "is not pinned");
    let _ = run(&project, &["gc"]).success();
    let _ = run(&project, &["pin", &ids[0]]).code(1).says("cannot be restored");
    let _ = run(&project, &["pin", "deploy_staging_1"]).code(1).says("unknown deployment");
}

#[test]
fn a_saved_plan_survives_a_collection() {
    let project = retaining(1);
    let _ = deployments(&project, 0..1);
    project.write("motd", "planned\n");
    let _ = run(&project, &["plan", "staging", "--out", "staging.plan"]).success();
    let _ = run(&project, &["gc"]).success();
    let _ = run(&project, &["apply", "staging.plan"]).success();
    assert_eq!(motd(&project), "planned\n");
}

#[test]
fn a_budget_takes_older_releases_but_never_the_two_that_count() {
    let project = retaining(10);
    let ids = deployments(&project, 0..5);
    let collected = json(&project, &["gc", "--max-size", "1B"], 0);
    assert_eq!(collected["over_max_size"], true);
    assert_eq!(collected["releases"], 2);
    let _ = run(&project, &["rollback", "staging"]).success();
    assert_eq!(motd(&project), "hello for the 3th time\n");
    let _ = run(&project, &["rollback", "staging", "--to", &ids[4]]).success();
    let _ = run(&project, &["gc", "--max-size", "much"]).code(2);
}

#[test]
fn nothing_is_collected_while_a_plan_is_made_or_a_record_cannot_be_read() {
    let project = retaining(1);
    let ids = deployments(&project, 0..3);
    let before = objects(&project).len();
    damage(&project.at(format!(".windlass/config_deployments/{}.json", ids[0])));
    let _ = run(&project, &["gc"]).code(1).says("windlass doctor");
    assert_eq!(objects(&project).len(), before);
}

#[test]
fn doctor_mends_a_damaged_record_from_its_copy() {
    let project = project();
    let ids = deployments(&project, 0..2);
    let record = format!(".windlass/config_deployments/{}.json", ids[1]);
    let whole = project.read(&record);
    for content in ["", "{", &whole[..whole.len() / 2], &whole.replace("success", "failed")] {
        project.write(&record, content);
        let found = json(&project, &["doctor"], 3);
        assert_eq!(found["healthy"], false);
        assert_eq!(found["findings"][0]["repair"], "put the copy of it in its place");
        assert_eq!(project.read(&record), content, "nothing changes without --fix");
        prints(run(&project, &["doctor", "--fix"]), 0, "mended");
        assert_eq!(project.read(&record), whole);
        assert_eq!(project.read(format!("{record}.damaged")), content);
    }
    let _ = run(&project, &["rollback", "staging"]).success();
    assert_eq!(motd(&project), "hello for the 0th time\n");
}

#[test]
fn doctor_leaves_what_it_cannot_mend_and_what_is_of_the_future() {
    let project = project();
    let ids = deployments(&project, 0..1);
    let record = format!(".windlass/config_deployments/{}.json", ids[0]);
    let copy = format!(".windlass/copies/config_deployments/{}.json", ids[0]);
    let future = project.read(&record).replace("\"schema\": 1", "\"schema\": 2");
    project.write(&record, &future);
    prints(run(&project, &["doctor", "--fix"]), 3, "newer version");
    assert_eq!(project.read(&record), future);
    project.write(&record, "torn").write(&copy, "torn too");
    prints(run(&project, &["doctor", "--fix"]), 3, "restore it from a backup");
    assert_eq!(project.read(&record), "torn");
}

#[test]
fn doctor_finds_a_damaged_object_and_what_depends_on_it() {
    let project = project();
    let _ = deployments(&project, 0..2);
    let object = objects(&project).into_iter().next().expect("an object");
    damage(&object);
    let found = json(&project, &["doctor", "--offline"], 3);
    let findings = found["findings"].as_array().expect("a list");
    let says = |text: &str| findings.iter().any(|f| f["problem"].to_string().contains(text));
    assert!(says("set aside") && says("cannot be restored from here"), "{found:#}");
}
