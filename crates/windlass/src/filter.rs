//! Commands that get JSON and give JSON back.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use serde_json::Value;

/// How long a command may take.
const TIMEOUT: Duration = Duration::from_secs(60);
/// How much it may write.
const MAX_OUTPUT: u64 = 16 << 20;
/// How much of what it says on standard error is shown.
const SHOWN: usize = 500;

/// Runs `command` in `directory` with `document` on its standard input, and returns what it writes to
/// standard output. It has a process group of its own, which is killed when its time is over.
///
/// # Errors
/// Why there is no result, in words.
pub(crate) fn run(command: &[String], document: &Value, directory: &Path) -> Result<Value, String> {
    run_within(command, document, directory, TIMEOUT)
}

fn run_within(
    command: &[String],
    document: &Value,
    directory: &Path,
    timeout: Duration,
) -> Result<Value, String> {
    let (program, arguments) = command.split_first().ok_or("the command is empty")?;
    let child = Command::new(program)
        .args(arguments)
        .current_dir(directory)
        .process_group(0)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.map_err(|error| format!("cannot start `{program}`: {error}"))?;
    let written = follow(&mut child, document.to_string(), Instant::now() + timeout);
    let status = end(&mut child);
    let (output, said) = written?;
    let status = status.map_err(|_| lost("end"))?;
    if !status.success() {
        return Err(format!("`{program}` failed ({status}){}", shown(&said)));
    }
    if output.len() as u64 > MAX_OUTPUT {
        return Err(format!("`{program}` wrote more than 16 MiB"));
    }
    let value = serde_json::from_slice(&output);
    value.map_err(|error| format!("`{program}` wrote no JSON document: {error}"))
}

fn lost(what: &str) -> String {
    format!("the {what} of the command is lost")
}

/// Returns what the command wrote to both of its outputs, once it is gone.
fn follow(
    child: &mut Child,
    input: String,
    deadline: Instant,
) -> Result<(Vec<u8>, Vec<u8>), String> {
    if let Some(stdin) = child.stdin.take() {
        thread::spawn(move || feed(stdin, &input));
    }
    let output = collected(child.stdout.take().ok_or_else(|| lost("output"))?);
    let said = collected(child.stderr.take().ok_or_else(|| lost("output"))?);
    let gone = gone(child);
    let written = (receive(&output, "output", deadline)?, receive(&said, "output", deadline)?);
    receive(&gone, "end", deadline)?;
    Ok(written)
}

fn receive<T>(from: &Receiver<T>, what: &str, deadline: Instant) -> Result<T, String> {
    let left = deadline.saturating_duration_since(Instant::now());
    from.recv_timeout(left).map_err(|error| match error {
        RecvTimeoutError::Timeout => "timed out and was killed".to_owned(),
        RecvTimeoutError::Disconnected => lost(what),
    })
}

/// Returns where the news arrives that the command is gone. It is not reaped, so that its group keeps
/// its number until it has been killed.
fn gone(child: &Child) -> Receiver<()> {
    let (sender, receiver) = mpsc::channel();
    let pid = Pid::from_child(child);
    thread::spawn(move || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        if rustix::io::retry_on_intr(|| waitid(WaitId::Pid(pid), options)).is_ok() {
            let _ = sender.send(());
        }
    });
    receiver
}

/// Writes the input; a command that does not read it is no failure by that alone.
fn feed(mut stdin: ChildStdin, input: &str) {
    let _ = stdin.write_all(input.as_bytes());
}

/// Returns where what `from` writes arrives at its end, as far as it is wanted.
fn collected(mut from: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let read = from.by_ref().take(MAX_OUTPUT + 1).read_to_end(&mut bytes);
        // What is beyond goes nowhere, so that the command can end.
        let rest = io::copy(&mut from, &mut io::sink());
        if read.and(rest).is_ok() {
            let _ = sender.send(bytes);
        }
    });
    receiver
}

/// Ends the whole process group, whatever is left of it, and returns how the command ended.
fn end(child: &mut Child) -> io::Result<ExitStatus> {
    // The only failure is that nobody is left.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    child.wait()
}

fn shown(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let text: String = text.trim().chars().take(SHOWN).collect();
    if text.is_empty() { text } else { format!(": {text}") }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn sh(script: &str, timeout: Duration) -> Result<Value, String> {
        let command = ["sh", "-c", script].map(str::to_owned);
        run_within(&command, &json!({"a": [1]}), Path::new("/"), timeout)
    }

    #[test]
    fn the_document_goes_in_and_comes_out() {
        assert_eq!(sh("cat", TIMEOUT), Ok(json!({"a": [1]})));
        assert_eq!(sh("echo '{\"b\": 2}'", TIMEOUT), Ok(json!({"b": 2})));
    }

    #[test]
    fn what_fails_says_why() {
        let error = |script| sh(script, TIMEOUT).expect_err(script);
        assert_eq!(
            error("echo no such key >&2; exit 3"),
            "`sh` failed (exit status: 3): no such key"
        );
        assert!(error("echo oops").starts_with("`sh` wrote no JSON document"));
        let missing = run(&["/nowhere/x".to_owned()], &json!({}), Path::new("/"));
        assert!(missing.expect_err("missing").starts_with("cannot start `/nowhere/x`"));
        assert!(run(&[], &json!({}), Path::new("/")).is_err());
    }

    #[test]
    fn one_that_closes_its_outputs_is_waited_for() {
        let closed = "echo '{}'; exec >&- 2>&-; exit 3";
        assert_eq!(sh(closed, TIMEOUT).expect_err("fails"), "`sh` failed (exit status: 3)");
        let error = sh("exec >&- 2>&-; sleep 100", Duration::from_millis(50)).expect_err("hangs");
        assert_eq!(error, "timed out and was killed");
    }

    #[test]
    fn one_that_hangs_is_killed_with_its_children() {
        let began = Instant::now();
        let error = sh("sleep 100 & sleep 100", Duration::from_millis(50)).expect_err("hangs");
        assert_eq!(error, "timed out and was killed");
        assert!(began.elapsed() < Duration::from_secs(20));
    }

    #[test]
    fn one_that_writes_without_end_is_killed() {
        let error = sh("yes", Duration::from_millis(200)).expect_err("endless");
        assert_eq!(error, "timed out and was killed");
    }
}
