//! The real binary, run as a user with an empty home would.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::{ErrorKind, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

use crate::project::done;

/// What is taken over from the test's own environment: where programs are, and where coverage goes.
const INHERITED: [&str; 3] = ["PATH", "TMPDIR", "LLVM_PROFILE_FILE"];

/// Runs a binary in a project, with nothing of the developer's environment.
#[derive(Debug, Clone)]
pub struct Windlass {
    binary: PathBuf,
    directory: PathBuf,
    environment: BTreeMap<OsString, OsString>,
}

impl Windlass {
    /// Returns what runs `binary` in `directory`; the XDG directories are below `home`.
    #[must_use]
    pub fn new(
        binary: impl Into<PathBuf>,
        directory: impl Into<PathBuf>,
        home: impl AsRef<Path>,
    ) -> Self {
        let environment = clean_environment(home.as_ref());
        Self { binary: binary.into(), directory: directory.into(), environment }
    }

    /// Returns the same with one environment variable more, or another value of it.
    #[must_use]
    pub fn env(mut self, name: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.environment.insert(name.as_ref().to_owned(), value.as_ref().to_owned());
        self
    }

    /// Returns the same with one environment variable less.
    #[must_use]
    pub fn without_env(mut self, name: impl AsRef<OsStr>) -> Self {
        self.environment.remove(name.as_ref());
        self
    }

    /// Returns the same, run in another directory.
    #[must_use]
    pub fn current_dir(mut self, directory: impl Into<PathBuf>) -> Self {
        self.directory = directory.into();
        self
    }

    /// Returns the command that [`run`](Self::run) runs, for tests that kill it or wrap it.
    #[must_use]
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.prepared(&self.binary, arguments.iter().map(OsStr::new))
    }

    /// Returns the command run by `wrapper`, such as `["strace", "-f"]`.
    ///
    /// # Panics
    /// When `wrapper` is empty.
    #[must_use]
    pub fn wrapped(&self, wrapper: &[&str], arguments: &[&str]) -> Command {
        let (program, options) = wrapper.split_first().expect("a wrapper has a program");
        let own = [self.binary.as_os_str()];
        let rest = options.iter().map(OsStr::new).chain(own);
        self.prepared(Path::new(program), rest.chain(arguments.iter().map(OsStr::new)))
    }

    /// Runs it with `arguments` and an empty standard input until it ends.
    #[must_use]
    #[track_caller]
    pub fn run(&self, arguments: &[&str]) -> Output {
        let output = self.command(arguments).output();
        Output::new(arguments, &done("run", &self.binary, output))
    }

    /// Runs it with `input` as its standard input. It need not read it.
    #[must_use]
    #[track_caller]
    pub fn run_with_input(&self, arguments: &[&str], input: &str) -> Output {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = done("run", &self.binary, command.spawn());
        let output = thread::scope(|scope| {
            feed(scope, &mut child, input);
            child.wait_with_output()
        });
        Output::new(arguments, &done("wait for", &self.binary, output))
    }

    fn prepared<'a>(&self, program: &Path, arguments: impl Iterator<Item = &'a OsStr>) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(&self.directory).stdin(Stdio::null());
        command.env_clear().envs(&self.environment);
        command
    }
}

fn clean_environment(home: &Path) -> BTreeMap<OsString, OsString> {
    let xdg = [
        ("XDG_CONFIG_HOME", ".config"),
        ("XDG_CACHE_HOME", ".cache"),
        ("XDG_DATA_HOME", ".local/share"),
        ("XDG_STATE_HOME", ".local/state"),
    ];
    let fixed = [("NO_COLOR", "1"), ("TERM", "dumb"), ("LC_ALL", "C.UTF-8"), ("TZ", "UTC")];
    let inherited =
        INHERITED.iter().filter_map(|name| Some((name.into(), std::env::var_os(name)?)));
    xdg.iter()
        .map(|(name, path)| (name.into(), home.join(path).into_os_string()))
        .chain(fixed.iter().map(|(name, value)| (name.into(), value.into())))
        .chain(inherited)
        .chain([("HOME".into(), home.as_os_str().to_owned())])
        .collect()
}

/// Writes `input` from a thread of its own, so that neither side waits for the other; a child that
/// does not read is no failure.
fn feed<'scope>(scope: &'scope thread::Scope<'scope, '_>, child: &mut Child, input: &'scope str) {
    let mut stdin = child.stdin.take().expect("the standard input was piped");
    scope.spawn(move || match stdin.write_all(input.as_bytes()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => panic!("cannot feed: {error}"),
        _ => {}
    });
}

/// What a run said, and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The command line, for messages.
    pub arguments: String,
    /// The exit code; 128 + n where signal n ended it, as a shell says.
    pub code: i32,
    /// Its standard output; what is not UTF-8 is replaced by U+FFFD.
    pub stdout: String,
    /// Its standard error, likewise.
    pub stderr: String,
}

impl Output {
    /// Returns `output` of a run with `arguments`.
    #[must_use]
    pub fn new(arguments: &[&str], output: &std::process::Output) -> Self {
        let status = output.status;
        let by_signal = || 128 + status.signal().expect("without a code, a signal ended it");
        Self {
            arguments: arguments.join(" "),
            code: status.code().unwrap_or_else(by_signal),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Fails the test, showing all that was said, unless the exit code is 0.
    #[track_caller]
    pub fn success(self) -> Self {
        self.code(0)
    }

    /// Fails the test, showing all that was said, unless the exit code is `expected`.
    #[track_caller]
    pub fn code(self, expected: i32) -> Self {
        assert!(self.code == expected, "exit code {}, not {expected}: {self}", self.code);
        self
    }

    /// Fails the test unless standard error holds `text`.
    #[track_caller]
    pub fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text), "standard error lacks {text:?}: {self}");
        self
    }

    /// Returns the one JSON value that standard output is.
    ///
    /// # Panics
    /// Fails the test when it is something else.
    #[must_use]
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        match serde_json::from_str(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("standard output is not one JSON value: {error}: {self}"),
        }
    }

    /// Returns the JSON values that standard output is, one on each line.
    ///
    /// # Panics
    /// Fails the test when a line is something else.
    #[must_use]
    #[track_caller]
    pub fn json_lines(&self) -> Vec<serde_json::Value> {
        let values: Result<_, _> = self.stdout.lines().map(serde_json::from_str).collect();
        match values {
            Ok(values) => values,
            Err(error) => panic!("a line is not a JSON value: {error}: {self}"),
        }
    }
}

impl std::fmt::Display for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{} (exit code {})", self.arguments, self.code)?;
        writeln!(f, "--- stdout\n{}", self.stdout)?;
        writeln!(f, "--- stderr\n{}", self.stderr)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TestProject;

    fn shell(project: &TestProject, script: &str) -> Output {
        project.windlass("/bin/sh").run(&["-c", script])
    }

    #[test]
    fn runs_in_the_project_and_keeps_the_streams_apart() {
        let project = TestProject::new();
        project.write("here", "");
        let output = shell(&project, "ls; echo oops >&2; exit 4").code(4).says("oops");
        assert_eq!((output.stdout.as_str(), output.stderr.as_str()), ("here\n", "oops\n"));
    }

    #[test]
    fn the_environment_is_clean_and_the_home_its_own() {
        let project = TestProject::new();
        let windlass = project.windlass("/usr/bin/env").env("EXTRA", "1").without_env("TZ");
        let listing = windlass.run(&[]).success().stdout;
        let variables: BTreeMap<_, _> =
            listing.lines().filter_map(|line| line.split_once('=')).collect();
        assert_eq!(variables["HOME"], project.home().to_str().expect("UTF-8"));
        assert!(Path::new(variables["XDG_STATE_HOME"]).starts_with(project.home()));
        assert_eq!((variables["NO_COLOR"], variables["EXTRA"]), ("1", "1"));
        assert!(!variables.contains_key("TZ"));
        assert!(!variables.keys().any(|name| name.starts_with("CARGO")), "{listing}");
    }

    #[test]
    fn a_signal_is_128_and_its_number() {
        shell(&TestProject::new(), "kill -9 $$").code(137);
    }

    #[test]
    fn the_standard_input_is_empty_or_what_is_given() {
        let project = TestProject::new();
        assert_eq!(project.windlass("/bin/cat").run(&[]).success().stdout, "");
        let long = "line\n".repeat(100_000);
        let echoed = project.windlass("/bin/cat").run_with_input(&[], &long).success();
        assert!(echoed.stdout == long, "cat changed its input");
        project.windlass("/bin/true").run_with_input(&[], &long).success();
    }

    #[test]
    fn a_wrapper_runs_the_binary() {
        let project = TestProject::new();
        let mut command = project.windlass("/bin/echo").wrapped(&["env", "-u", "HOME"], &["hi"]);
        let output = command.output().expect("env is there");
        assert_eq!(output.stdout, b"hi\n");
    }

    #[test]
    fn json_is_read_whole_and_by_line() {
        let project = TestProject::new();
        assert_eq!(shell(&project, "echo '{\"a\": [1]}'").json()["a"][0], 1);
        let lines = shell(&project, "echo 1; echo '\"two\"'").json_lines();
        assert_eq!(lines, [serde_json::json!(1), serde_json::json!("two")]);
    }

    #[test]
    #[should_panic(expected = "standard output is not one JSON value")]
    fn text_that_is_no_json_is_shown() {
        let _ = shell(&TestProject::new(), "echo hello").json();
    }

    #[test]
    #[should_panic(expected = "exit code 3, not 0")]
    fn a_failure_shows_all_that_was_said() {
        let _ = shell(&TestProject::new(), "echo why >&2; exit 3").success();
    }
}
