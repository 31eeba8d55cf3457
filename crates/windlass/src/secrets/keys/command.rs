//! Keys that a program prints, such as `pass show age` or `vault kv get -field=key secret/age`.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use windlass_sops::Identities;
use zeroize::Zeroizing;

use super::{FoundKeys, KeySource};

/// How long it may take: somebody may have to type a passphrase.
const TIMEOUT: Duration = Duration::from_secs(120);

/// The most bytes that are taken of what it prints.
const MOST: u64 = 1 << 20;

/// The most bytes of its last words that are repeated.
const LAST_WORDS: usize = 300;

/// The keys that a program prints. Its arguments are passed on as they are, without a shell, and its
/// output is held in memory that is wiped.
#[derive(Debug)]
pub struct CommandKey {
    name: &'static str,
    argv: Result<Vec<String>, String>,
    timeout: Duration,
}

impl CommandKey {
    /// Returns the keys that `argv` prints; `name` says who wants it run.
    #[must_use]
    pub fn new(name: &'static str, argv: Vec<String>) -> Self {
        Self { name, argv: Ok(argv), timeout: TIMEOUT }
    }

    /// Returns the keys that the command in `line` prints: words, quoted as for a shell.
    #[must_use]
    pub fn of_line(name: &'static str, line: &str) -> Self {
        let words = shlex::split(line).ok_or_else(|| "quotes are not closed".to_owned());
        Self { name, argv: words, timeout: TIMEOUT }
    }

    /// Returns the same with another time limit.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }
}

impl KeySource for CommandKey {
    fn place(&self) -> String {
        let program = self.argv.as_ref().ok().and_then(|argv| argv.first());
        match program {
            Some(program) => format!("{} {program}", self.name),
            None => self.name.to_owned(),
        }
    }

    fn keys(&self) -> Result<FoundKeys, String> {
        let argv = self.argv.as_ref().map_err(String::clone)?;
        let printed = printed_within(argv, self.timeout)?;
        let program = argv.first().map(String::as_str).unwrap_or_default();
        let text = std::str::from_utf8(&printed).map_err(|_| "prints what is not UTF-8")?;
        let identities = Identities::parse(text, program).map_err(|error| error.to_string())?;
        Ok(FoundKeys { identities, warnings: Vec::new() })
    }
}

/// Returns what the program `argv[0]` prints, run without a shell, in memory that is wiped; it may take
/// as long as one that prints keys.
pub(crate) fn printed_by(argv: &[String]) -> Result<Bytes, String> {
    printed_within(argv, TIMEOUT)
}

fn printed_within(argv: &[String], timeout: Duration) -> Result<Bytes, String> {
    let (program, arguments) = argv.split_first().ok_or("the command is empty")?;
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().map_err(|error| format!("cannot be started: {error}"))?;
    Running::follow(child).finish(timeout)
}

type Bytes = Zeroizing<Vec<u8>>;

/// A program, and threads that take what it writes.
struct Running {
    child: Child,
    printed: Receiver<Bytes>,
    said: Receiver<Bytes>,
}

impl Running {
    fn follow(mut child: Child) -> Self {
        let printed = reading(child.stdout.take());
        let said = reading(child.stderr.take());
        Self { child, printed, said }
    }

    /// Returns what it printed, when it has ended well.
    fn finish(mut self, timeout: Duration) -> Result<Bytes, String> {
        let deadline = Instant::now() + timeout;
        let printed = match self.printed.recv_timeout(timeout) {
            Ok(printed) if printed.len() as u64 <= MOST => printed,
            Ok(_) => return Err(self.stop("prints more than 1 MiB")),
            Err(RecvTimeoutError::Timeout) => return Err(self.stop("took too long")),
            Err(RecvTimeoutError::Disconnected) => return Err(self.stop("cannot be followed")),
        };
        // Its output has ended; so it will soon have, too.
        let left = deadline.saturating_duration_since(Instant::now());
        let said = match self.said.recv_timeout(left) {
            Ok(said) => said,
            Err(_) => return Err(self.stop("took too long")),
        };
        let status = self.child.wait().map_err(|error| error.to_string())?;
        if status.success() {
            return Ok(printed);
        }
        let how =
            status.code().map_or("was killed".to_owned(), |code| format!("exited with {code}"));
        Err(match last_words(&said) {
            Some(words) => format!("{how}: {words}"),
            None => how,
        })
    }

    fn stop(mut self, why: &str) -> String {
        let _ = self.child.kill();
        let _ = self.child.wait();
        why.to_owned()
    }
}

/// Takes all of `stream` in a thread of its own; one byte more than the limit tells that there is more.
fn reading(stream: Option<impl Read + Send + 'static>) -> Receiver<Bytes> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Zeroizing::new(Vec::with_capacity(64 << 10));
        let done = stream.map(|stream| stream.take(MOST + 1).read_to_end(&mut bytes));
        if matches!(done, Some(Ok(_))) {
            let _ = sender.send(bytes);
        }
    });
    receiver
}

/// Returns the last line of what a program that failed said, unless it looks as if it held a key.
fn last_words(said: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(said);
    let line = text.lines().map(str::trim).rfind(|line| !line.is_empty())?;
    let upper = line.to_ascii_uppercase();
    if upper.contains("SECRET") || upper.contains("PRIVATE") {
        return None;
    }
    let shown = line.chars().filter(|c| !c.is_control()).take(LAST_WORDS).collect();
    Some(shown)
}
