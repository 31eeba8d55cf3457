//! What goes where: events, quiet, colour, streams that are closed, words that are no text, and
//! signals.

mod mini;

use std::ffi::OsStr;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::process::{Child, ChildStderr, Command, Stdio};

use mini::{project, run};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use windlass_testing::{TestProject, Windlass};

fn windlass(project: &TestProject) -> Windlass {
    project.windlass(env!("CARGO_BIN_EXE_windlass"))
}

#[test]
fn events_are_json_lines_in_a_file() {
    let project = project();
    run(&project, &["deploy", "staging", "--events", "events.jsonl"]).success();
    let text = project.read("events.jsonl");
    let events: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert!(events.iter().all(|event| event["at"].is_string()), "{text}");
    let names: Vec<&str> = events.iter().filter_map(|event| event["event"].as_str()).collect();
    assert_eq!(names.len(), events.len(), "{text}");
    assert_eq!(names.last(), Some(&"deployment_finished"));
    assert!(names.contains(&"deployment_started") && names.contains(&"target_changed"), "{text}");
}

#[test]
fn events_on_stderr_have_it_to_themselves() {
    let project = project();
    let deployed = run(&project, &["deploy", "staging", "--events", "-"]).success();
    let lines: Result<Vec<Value>, _> = deployed.stderr.lines().map(serde_json::from_str).collect();
    assert!(lines.expect("each line is JSON").len() > 3);
    assert!(deployed.stdout.contains(": success\n"));
}

#[test]
fn events_that_cannot_be_written_stop_nothing_that_has_begun_and_start_nothing() {
    let project = project();
    run(&project, &["deploy", "staging", "--events", "/dev/full"]).success();
    run(&project, &["deploy", "staging", "--events", "no/such/directory"])
        .code(1)
        .says("no/such/directory");
}

#[test]
fn quiet_leaves_only_the_outcome() {
    let project = project();
    let loud = run(&project, &["deploy", "staging"]).success().says("local:./state: healthy\n");
    let quiet = run(&project, &["deploy", "staging", "--quiet"]).success();
    assert_eq!(quiet.stderr, "");
    assert!(loud.stdout.contains(": success\n") && quiet.stdout.contains(": success\n"));
    let planned = run(&project, &["plan", "staging", "-q", "--out", "saved.plan"]).success();
    assert_eq!(planned.stderr, "");
    run(&project, &["deploy", "stagin", "-q"]).code(1).says("did you mean");
}

#[test]
fn colour_is_used_only_where_it_is_wanted() {
    let project = project();
    let colored = windlass(&project).without_env("NO_COLOR").env("TERM", "xterm-256color");
    let has_colour = |windlass: &Windlass, arguments: &[&str]| {
        let said = windlass.run(&[&["plan", "staging"], arguments].concat()).success();
        said.stdout.contains('\u{1b}') || said.stderr.contains('\u{1b}')
    };
    assert!(!has_colour(&colored, &[]), "a pipe is no terminal");
    assert!(has_colour(&colored, &["--color", "always"]));
    assert!(has_colour(&windlass(&project), &["--color", "always"]), "what is typed wins");
    assert!(!has_colour(&colored, &["--color", "always", "--output", "json", "-q"]));
    assert!(!has_colour(&colored, &["--color", "never"]));
}

/// Returns the command run by `script` in a terminal of its own, whose output is returned.
fn in_terminal(project: &TestProject, term: &str, no_color: &str) -> String {
    let line = format!("{} plan staging", env!("CARGO_BIN_EXE_windlass"));
    let script = project.windlass("/usr/bin/script").env("TERM", term).env("NO_COLOR", no_color);
    script.run(&["-qec", &line, "/dev/null"]).success().stdout
}

#[test]
fn a_terminal_has_colour_unless_it_is_dumb_or_no_color_is_set() {
    let project = project();
    assert!(in_terminal(&project, "xterm-256color", "").contains("\u{1b}["));
    for (term, no_color) in [("dumb", ""), ("xterm-256color", "1")] {
        let said = in_terminal(&project, term, no_color);
        assert!(!said.contains("\u{1b}[1m") && !said.contains("\u{1b}[3"), "{term}: {said:?}");
    }
}

#[test]
fn a_question_stays_on_the_terminal() {
    let project = project();
    let line = format!("{} deploy production", env!("CARGO_BIN_EXE_windlass"));
    let script = project.windlass("/usr/bin/script").env("TERM", "xterm-256color");
    let asked = script.run_with_input(&["-qec", &line, "/dev/null"], "n\n").code(1);
    let (_, after) = asked.stdout.split_once("on production? [y/N] ").expect("it asks");
    assert!(!after.contains("rendering"), "{after:?}");
    assert!(after.contains("nothing was done"), "{after:?}");
    assert!(!project.at("production").exists());
}

#[test]
fn a_reader_that_goes_early_is_no_failure() {
    let project = project();
    project.write("motd", "line\n".repeat(100_000));
    for arguments in [&["render", "staging", "--file", "motd"][..], &["--help"], &["man"]] {
        let mut command = windlass(&project).command(arguments);
        let mut child = command.stdout(Stdio::piped()).spawn().expect("it can be run");
        let mut first = [0];
        let mut stdout = child.stdout.take().expect("it was piped");
        stdout.read_exact(&mut first).expect("it says something");
        drop(stdout);
        assert!(child.wait().expect("it ends").success(), "{arguments:?}");
    }
}

#[test]
fn output_that_cannot_be_written_is_a_failure() {
    let project = project();
    let full = || OpenOptions::new().write(true).open("/dev/full").expect("there is /dev/full");
    let mut command = windlass(&project).command(&["plan", "staging"]);
    let output = command.stdout(full()).output().expect("it can be run");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot write output"));
}

#[test]
fn streams_may_all_be_closed() {
    let project = project();
    let line = format!("exec {} deploy staging <&- >&- 2>&-", env!("CARGO_BIN_EXE_windlass"));
    project.windlass("/bin/sh").run(&["-c", &line]).success();
    assert_eq!(
        fs::read_to_string(project.at("state/etc/mini/motd")).ok().as_deref(),
        Some("hello\n")
    );
}

#[test]
fn words_that_are_no_text_are_refused_or_are_paths() {
    let project = project();
    let odd = OsStr::from_bytes(b"od\xffd");
    let with = |arguments: &[&str]| -> Command { windlass(&project).command(arguments) };
    let refused = with(&["deploy"]).arg(odd).output().expect("it can be run");
    assert_eq!(refused.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("invalid UTF-8"));
    let json = with(&["deploy", "--output", "json"]).arg(odd).output().expect("it can be run");
    let object: Value = serde_json::from_slice(&json.stdout).expect("it is JSON");
    assert_eq!((&object["error"]["kind"], &object["exit_code"]), (&json!("usage"), &json!(2)));
    let planned = with(&["plan", "staging", "--out"]).arg(odd).status().expect("it can be run");
    assert!(planned.success() && project.at(odd).exists());
}

#[test]
fn the_project_and_the_workspace_can_be_named_by_the_environment() {
    let (project, elsewhere) = (project(), TestProject::new());
    let windlass = windlass(&project).current_dir(elsewhere.path());
    let windlass = windlass.env("WINDLASS_PROJECT", project.path());
    let windlass = windlass.env("WINDLASS_WORKSPACE", elsewhere.at("workspace"));
    windlass.run(&["deploy", "staging"]).success();
    assert!(project.at("state/etc/mini/motd").exists());
    assert!(elsewhere.at("workspace/config_deployments").is_dir());
    assert!(!project.at(".windlass").exists());
    let by_option = windlass.run(&["history", "--workspace", "other"]).success();
    assert_eq!(by_option.stdout, "No deployments yet.\n");
}

#[test]
fn the_operator_is_named_once_and_well() {
    let project = project();
    let by = |windlass: Windlass| {
        windlass.run(&["deploy", "staging", "--output", "json"]).success().json()["deployed_by"]
            .clone()
    };
    let by_uid = by(windlass(&project));
    assert!(by_uid.as_str().is_some_and(|who| who.contains('@')), "{by_uid}");
    let named = by(windlass(&project).env("USER", "root").env("SUDO_USER", "alice"));
    assert!(named.as_str().is_some_and(|who| who.starts_with("alice@")), "{named}");
}

/// A deployment that waits in the check of its service until it is released.
struct Waiting<'a> {
    project: &'a TestProject,
    child: Child,
    stderr: BufReader<ChildStderr>,
}

impl<'a> Waiting<'a> {
    /// Starts it, and returns when the check is being run.
    fn start(project: &'a TestProject) -> Self {
        project.fifo("begun").fifo("go");
        let wait =
            format!("check = 'echo > {0}/begun; read line < {0}/go'", project.path().display());
        project.edit("windlass.toml", "check = 'test -s \"$STAGED/motd\"'", &wait);
        let mut command = windlass(project).command(&["deploy", "staging"]);
        let mut child =
            command.stderr(Stdio::piped()).stdout(Stdio::null()).spawn().expect("it runs");
        assert_eq!(project.read("begun"), "\n");
        let stderr = BufReader::new(child.stderr.take().expect("it was piped"));
        Self { project, child, stderr }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it is running");
    }

    /// Returns when stderr has said `text`.
    fn says(&mut self, text: &str) {
        let mut line = String::new();
        while !line.contains(text) {
            line.clear();
            let read = self.stderr.read_line(&mut line).expect("stderr is text");
            assert!(read > 0, "it ended before it said {text:?}");
        }
    }

    /// Lets the check pass, and returns the exit code.
    fn finish(mut self) -> Option<i32> {
        self.project.write("go", "\n");
        let mut rest = String::new();
        self.stderr.read_to_string(&mut rest).expect("stderr is text");
        self.child.wait().expect("it ends").code()
    }
}

#[test]
fn a_signal_stops_at_a_safe_point_and_nothing_has_changed() {
    for signal in [Signal::INT, Signal::TERM] {
        let project = project();
        let mut waiting = Waiting::start(&project);
        waiting.signal(signal);
        waiting.says("stopping at the next safe point");
        assert_eq!(waiting.finish(), Some(1));
        assert!(!project.at("state/etc/mini/motd").exists());
        let history = run(&project, &["history", "--output", "json"]).success().json();
        let record = &history["deployments"][0];
        assert_eq!(record["status"], "failed");
        assert_eq!(record["error"]["message"], "stopped by the operator");
    }
}

#[test]
fn whoever_comes_second_is_told_who_holds_the_lock() {
    let project = project();
    let waiting = Waiting::start(&project);
    let holder = waiting.child.id().to_string();
    let second = run(&project, &["deploy", "staging", "--output", "json"]).code(7).json();
    assert_eq!((&second["error"]["kind"], &second["exit_code"]), (&json!("locked"), &json!(7)));
    let message = second["error"]["message"].as_str().expect("a message");
    assert!(message.contains(&holder) && message.contains("deploy"), "{message}");
    assert_eq!(waiting.finish(), Some(0));
}
