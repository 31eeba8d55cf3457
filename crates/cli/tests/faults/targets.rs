//! Targets that cannot take what they are given, and readers that go away.

use std::process::{Command, Stdio};

use windlass_testing::Output;

use crate::site::Site;

#[test]
fn config_path_or_root_that_is_a_file() {
    for file in ["state", "state/etc", "state/etc/demo", "state/etc/demo/.windlass"] {
        let site = Site::fresh();
        site.write(file, "mine");
        site.refused(&[&format!("{file} is not a directory")]);
        assert_eq!(site.read(file), "mine");
    }
}

#[test]
fn target_that_takes_no_file_even_from_root() {
    let site = Site::fresh();
    site.edit("windlass.toml", "local:./state", "local:/sys/kernel");
    site.refused(&["cannot create directory /sys/kernel/etc", "os error"]);
    let record = site.json(site.records().first().expect("the failure is recorded"));
    assert_eq!(record["targets"][0]["state"], "failed", "{record}");
}

#[test]
fn directory_that_became_immutable_keeps_what_it_holds() {
    let site = Site::deployed();
    let demo = site.at("state/etc/demo");
    let chattr =
        |flag: &str| Command::new("chattr").arg(flag).arg(&demo).stderr(Stdio::null()).status();
    if !chattr("+i").is_ok_and(|status| status.success()) {
        return; // Neither this user nor this file system can do it; the test above needs no right.
    }
    site.edit("windlass.toml", "path = \"a.conf\"", "path = \"new.conf\"");
    let before = site.tree();
    let output = site.deploy();
    let after = site.tree();
    assert!(chattr("-i").is_ok_and(|status| status.success()), "the directory is left immutable");
    assert!([1, 4].contains(&output.code), "{output}");
    assert!(output.stderr.contains("state/etc/demo"), "{output}");
    windlass_testing::assert_same_tree(&before, &after);
    let _ = site.deploy().success();
    assert_eq!(site.tree().text("etc/demo/new.conf"), Some("host h1 $uri\n"));
}

#[test]
fn stdout_closed_early_is_no_failure_and_the_work_is_done() {
    let site = Site::fresh();
    for verb in [
        &["deploy", "dev"][..],
        &["plan", "dev"],
        &["history"],
        &["history", "--output", "json"],
        &["config", "show", "dev"],
        &["completions", "bash"],
        &["--help"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe is made");
        drop(reader);
        let mut command = site.windlass().command(verb);
        let output = command.stdout(writer).stderr(Stdio::piped()).spawn();
        let output = output.and_then(std::process::Child::wait_with_output);
        let output = Output::new(verb, &output.expect("it runs")).success();
        assert!(!output.stderr.contains("panicked"), "{output}");
    }
    let records = site.records();
    assert_eq!(site.json(records.first().expect("one"))["status"], "success");
    assert_eq!(site.tree().text("etc/demo/a.conf"), Some("host h1 $uri\n"));
}

#[test]
fn stdout_that_takes_nothing_is_an_error() {
    let site = Site::deployed();
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").expect("it is there");
    let mut command = site.windlass().command(&["history"]);
    let output = command.stdout(full).stderr(Stdio::piped()).spawn();
    let output = output.and_then(std::process::Child::wait_with_output).expect("it runs");
    Output::new(&["history"], &output).code(1).says("cannot write output: No space left");
}
