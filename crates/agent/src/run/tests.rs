use std::fs;

use super::*;

fn shell(text: &str) -> Command {
    Command::Shell(text.to_owned())
}

fn argv(words: &[&str]) -> Command {
    Command::Argv(words.iter().map(|&word| word.to_owned()).collect())
}

fn run_with(command: &Command, variables: &[(&str, &str)]) -> Result<Finished, RunError> {
    let owned = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
    let variables: BTreeMap<_, _> = variables.iter().map(owned).collect();
    let timeout = Duration::from_secs(20);
    run(command, &Context { directory: None, variables: &variables, timeout, interrupt: None })
}

fn run_for(command: &Command, timeout: Duration) -> Finished {
    let variables = BTreeMap::new();
    run(command, &Context { directory: None, variables: &variables, timeout, interrupt: None })
        .expect("runs")
}

fn finished(text: &str) -> Finished {
    run_with(&shell(text), &[]).expect("runs")
}

/// Returns whether the process is still doing something: gone and zombie both say no.
fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with('Z'))
}

/// Returns whether the process ends: a signal that was sent takes a moment to do its work.
fn ends(pid: &str) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    while is_alive(pid) && Instant::now() < deadline {
        std::thread::yield_now();
    }
    !is_alive(pid)
}

#[test]
fn tells_how_the_command_ended() {
    assert_eq!(finished("true").exit, Exit::Code(0));
    assert_eq!(finished("exit 3").exit, Exit::Code(3));
    assert_eq!(finished("kill -TERM $$").exit, Exit::Signal(15));
    assert!(finished("exit 0").exit.is_success());
    assert!(!finished("exit 1").exit.is_success());
}

#[test]
fn both_outputs_come_in_the_order_of_writing() {
    let done = finished("echo one; echo two >&2; echo three; echo four >/dev/stderr");
    assert_eq!(done.output, "one\ntwo\nthree\nfour\n");
    assert_eq!(done.omitted, 0);
}

#[test]
fn a_command_out_of_time_is_killed_with_its_children() {
    let done = run_for(&shell("sleep 60 & echo $!; sleep 60"), Duration::from_millis(200));
    assert_eq!(done.exit, Exit::TimedOut);
    assert!(done.duration < Duration::from_secs(10), "{:?}", done.duration);
    assert!(ends(&done.output), "{}", done.output);
}

#[test]
fn a_timeout_too_long_for_the_clock_is_no_overflow() {
    assert_eq!(run_for(&shell("exit 2"), Duration::MAX).exit, Exit::Code(2));
}

#[test]
fn no_time_at_all_is_a_timeout() {
    assert_eq!(run_for(&shell("sleep 60"), Duration::ZERO).exit, Exit::TimedOut);
}

#[test]
fn a_background_process_does_not_keep_the_caller_and_does_not_stay() {
    let done = finished("sleep 60 & echo $!");
    assert_eq!(done.exit, Exit::Code(0));
    assert!(done.duration < Duration::from_secs(10), "{:?}", done.duration);
    assert!(ends(&done.output), "{}", done.output);
}

#[test]
fn a_daemon_with_a_session_of_its_own_that_holds_the_pipe_does_not_keep_the_caller() {
    let done = finished("setsid -f sh -c 'echo $$; exec sleep 60'; read line; exit 5");
    assert_eq!(done.exit, Exit::Code(5));
    assert!(done.duration < Duration::from_secs(10), "{:?}", done.duration);
    assert!(is_alive(&done.output), "a daemon goes on: {}", done.output);
    let daemon = done.output.trim().parse().ok().and_then(rustix::process::Pid::from_raw);
    let daemon = daemon.expect("the daemon wrote its number");
    rustix::process::kill_process(daemon, rustix::process::Signal::KILL).expect("it is ours");
}

#[test]
fn endless_output_ends_at_the_timeout_with_its_tail() {
    let done = run_for(&shell("yes windlass"), Duration::from_millis(100));
    assert_eq!(done.exit, Exit::TimedOut);
    assert!(done.output.len() <= 64 * 1024);
    assert!(done.omitted > 0);
}

#[test]
fn an_endless_background_writer_does_not_make_a_finished_command_time_out() {
    let done = finished("yes windlass & exit 4");
    assert_eq!(done.exit, Exit::Code(4));
    assert!(done.output.len() <= 64 * 1024);
}

#[test]
fn standard_input_is_empty() {
    assert_eq!(finished("cat; echo end").output, "end\n");
}

#[test]
fn the_environment_is_small_and_holds_the_variables() {
    let done = run_with(&argv(&["env"]), &[("STAGED", "/srv/a b"), ("LANG", "C.UTF-8")]);
    let output = done.expect("runs").output;
    let lines: Vec<&str> = output.lines().collect();
    assert!(lines.contains(&"STAGED=/srv/a b") && lines.contains(&"LANG=C.UTF-8"), "{output}");
    assert!(lines.iter().any(|line| line.starts_with("PATH=")), "{output}");
    assert!(!lines.iter().any(|line| line.starts_with("CARGO")), "{output}");
}

#[test]
fn values_reach_shell_and_argument_list_as_they_are() {
    let evil = [("NAME", "$(echo x); `echo y`")];
    let from_shell = run_with(&shell("echo \"$NAME\""), &evil).expect("runs");
    let from_argv = run_with(&argv(&["echo", "${NAME}"]), &evil).expect("runs");
    assert_eq!(from_shell.output, "$(echo x); `echo y`\n");
    assert_eq!(from_argv.output, from_shell.output);
}

#[test]
fn runs_in_the_directory() {
    let directory = tempfile::tempdir().expect("temporary directory");
    let variables = BTreeMap::new();
    let timeout = Duration::from_secs(20);
    let context = Context {
        directory: Some(directory.path()),
        variables: &variables,
        timeout,
        interrupt: None,
    };
    let done = run(&shell("pwd -P"), &context).expect("runs");
    let real = directory.path().canonicalize().expect("exists");
    assert_eq!(done.output.trim_end(), real.to_string_lossy());
    let missing = directory.path().join("missing");
    let error = run(&shell("true"), &Context { directory: Some(&missing), ..context });
    assert!(matches!(error, Err(RunError::Directory { directory }) if directory == missing));
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let error = run_with(&argv(&["no-such-program", "-x"]), &[]).expect_err("not there");
    assert_eq!(error.to_string(), "program `no-such-program` was not found");
}

#[test]
fn a_program_that_cannot_be_started_says_why() {
    let error = run_with(&argv(&["/etc/passwd"]), &[]).expect_err("not executable");
    assert!(matches!(&error, RunError::Start { program, .. } if program == "/etc/passwd"));
}

#[test]
fn nothing_to_run_is_an_error() {
    assert!(matches!(run_with(&argv(&[]), &[]), Err(RunError::Empty)));
    assert!(matches!(run_with(&argv(&[""]), &[]), Err(RunError::Empty)));
}

#[test]
fn a_variable_that_cannot_be_passed_is_named_without_its_value() {
    for (name, value) in [("A=B", "hidden"), ("", "hidden"), ("N", "hid\0den")] {
        let error = run_with(&shell("true"), &[(name, value)]).expect_err(name).to_string();
        assert!(error.contains(&format!("{name:?}")) && !error.contains("hid"), "{error}");
    }
}

#[test]
fn an_interrupt_ends_a_command_and_its_children() {
    let interrupt = crate::interrupt::Interrupt::new().expect("a pipe");
    let directory = tempfile::tempdir().expect("a directory");
    let pid = directory.path().join("pid");
    let script = format!("sleep 3600 & echo $! > {0}.new; mv {0}.new {0}; wait", pid.display());
    let variables = BTreeMap::new();
    let timeout = Duration::from_secs(3600);
    let context =
        Context { directory: None, variables: &variables, timeout, interrupt: Some(&interrupt) };
    let finished = std::thread::scope(|scope| {
        let running = scope.spawn(|| run(&shell(&script), &context).expect("runs"));
        while !pid.exists() {
            std::thread::yield_now();
        }
        interrupt.raise();
        running.join().expect("no panic")
    });
    assert_eq!(finished.exit, Exit::Interrupted);
    let child = std::fs::read_to_string(pid).expect("read");
    let status = format!("/proc/{}/stat", child.trim());
    // Whoever inherits it may not have reaped it yet.
    while std::fs::read_to_string(&status).is_ok_and(|stat| !stat.contains(") Z ")) {
        std::thread::yield_now();
    }
    assert_eq!(run(&shell("sleep 3600"), &context).expect("runs").exit, Exit::Interrupted);
}
