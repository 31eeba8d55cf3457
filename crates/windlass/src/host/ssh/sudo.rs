//! Becoming another user on a host, over its `sudo`.
//!
//! The whole script that finds the agent runs as that user, so the agent lies in a directory that
//! is that user's own: who logs in cannot put another program into its place. The password is
//! written to the standard input of `sudo`, and only when `sudo` asks for it: it is in no command
//! line, no environment and no file.

use std::sync::Arc;

use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::sync::{OnceCell, mpsc};
use windlass_core::name::EnvironmentName;
use windlass_core::secret::{Secret, SecretName, Secrets};
use zeroize::Zeroizing;

use super::bootstrap::{BootstrapError, Ear, Word};
use crate::secrets::{Redaction, printed_by};

/// What `sudo` asks with. The script makes it of two parts, so that a profile that prints the
/// command does not ask.
pub(super) const PROMPT: &str = "windlass-asks:";

/// The most bytes of a password: what `sudo` reads (`SUDO_CONV_REPL_MAX` of its plugin API).
const LONGEST: usize = 1023;

/// Where the password comes from.
#[derive(Debug, Default)]
pub(super) struct Password {
    command: Option<Vec<String>>,
    redaction: Redaction,
    read: OnceCell<Result<Arc<Secrets>, String>>,
}

impl Password {
    /// Returns the password that `command` prints, which `redaction` hears of once it is read.
    pub(super) fn new(command: Option<Vec<String>>, redaction: Redaction) -> Self {
        Self { command, redaction, read: OnceCell::new() }
    }

    /// Tells whether there is a password to give.
    pub(super) const fn is_there(&self) -> bool {
        self.command.is_some()
    }

    /// Returns the password as `sudo` reads it, a line; its program is run once, whatever comes of it.
    async fn line(&self) -> Result<Zeroizing<Vec<u8>>, BootstrapError> {
        let command = self.command.clone().unwrap_or_default();
        let read = || async {
            let asked = tokio::task::spawn_blocking(move || read(&command));
            let secrets = asked.await.unwrap_or_else(|_| Err("it was not run".to_owned()))?;
            self.redaction.learn(&of_hosts(), &secrets);
            Ok(secrets)
        };
        match self.read.get_or_init(read).await {
            Ok(secrets) => Ok(secrets.get(&name()).map(line_of).unwrap_or_default()),
            Err(why) => Err(BootstrapError::NoPassword(why.clone())),
        }
    }
}

fn name() -> SecretName {
    SecretName::new("become_password").expect("letters and `_` are a name")
}

/// Returns what stands in the place of the environment for a secret that is for all hosts.
fn of_hosts() -> EnvironmentName {
    EnvironmentName::new("ssh").expect("letters are a name")
}

fn line_of(secret: &Secret) -> Zeroizing<Vec<u8>> {
    let mut line = Zeroizing::new(Vec::with_capacity(secret.len() + 1));
    line.extend(secret.expose());
    line.push(b'\n');
    line
}

fn read(command: &[String]) -> Result<Arc<Secrets>, String> {
    let printed = printed_by(command)?;
    let password = printed.strip_suffix(b"\n").unwrap_or(&printed);
    let password = password.strip_suffix(b"\r").unwrap_or(password);
    if password.is_empty() {
        return Err("it printed nothing".to_owned());
    }
    if password.len() > LONGEST || password.contains(&b'\n') || password.contains(&0) {
        return Err("it printed more than one line, or what is no password".to_owned());
    }
    Ok(Arc::new(Secrets::labelled([(name(), Secret::new(password))])))
}

/// Listens until the script runs as the other user, and answers `sudo` where it asks; returns what
/// was heard after that.
pub(super) async fn pass(
    output: &mut (impl AsyncRead + Unpin),
    input: &mut (impl AsyncWrite + Unpin),
    asked: &mut mpsc::Receiver<()>,
    password: &Password,
) -> Result<Vec<u8>, BootstrapError> {
    let mut ear = Ear { output, heard: Vec::new() };
    let mut answered = false;
    loop {
        tokio::select! {
            biased;
            word = ear.word() => match word? {
                Word::Became => return Ok(ear.heard),
                _ => return Err(BootstrapError::NoScript { said: ear.heard }),
            },
            Some(()) = asked.recv() => {
                if std::mem::replace(&mut answered, true) {
                    return Err(BootstrapError::WrongPassword);
                }
                let line = password.line().await?;
                // Where it is not taken, `sudo` has ended, which is heard next.
                let _ = input.write_all(&line).await;
                let _ = input.flush().await;
            }
        }
    }
}

/// Tells each time that `sudo` asks in what comes aside.
#[derive(Debug)]
pub(super) struct Prompts {
    tell: mpsc::Sender<()>,
    recent: Vec<u8>,
}

impl Prompts {
    /// Returns what is given all that comes aside, and what hears of prompts.
    pub(super) fn new() -> (Self, mpsc::Receiver<()>) {
        let (tell, asked) = mpsc::channel(4);
        (Self { tell, recent: Vec::new() }, asked)
    }

    /// Looks for prompts in the next `bytes`.
    pub(super) fn look(&mut self, bytes: &[u8]) {
        self.recent.extend(bytes);
        while let Some(at) = find(&self.recent, PROMPT.as_bytes()) {
            self.recent.drain(..at + PROMPT.len());
            // Who hears nothing any more has been told enough.
            let _ = self.tell.try_send(());
        }
        let excess = self.recent.len().saturating_sub(PROMPT.len());
        self.recent.drain(..excess);
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

/// Returns why `sudo` did not let `login` become `user`, and what to do, for what it said.
pub(super) fn refusal(login: &str, user: &str, said: &str) -> String {
    let has = |words: &[&str]| words.iter().any(|words| said.contains(words));
    let free = format!("`{login} ALL=({user}) NOPASSWD: ALL` into a file of /etc/sudoers.d");
    let why = if has(&["password is required", "no password was provided"]) {
        format!(
            "`sudo` on the host asks {login} for a password: say what prints it with \
             `become_password_command` in [ssh], or put {free}"
        )
    } else if has(&["must have a tty", "a terminal is required"]) {
        format!(
            "`sudo` on the host wants a terminal: put `Defaults:{login} !requiretty` into a file of \
             /etc/sudoers.d"
        )
    } else if has(&["not in the sudoers", "not allowed to", "may not run", "I'm sorry"]) {
        format!("`sudo` on the host does not let {login} become {user}: put {free}")
    } else if has(&["unknown user"]) {
        format!("the host has no user {user}: `become_user` names another")
    } else if has(&["sudo: not found", "sudo: command not found", "sudo: inaccessible"]) {
        "the host has no `sudo`: install it, or log in as the user who owns the destination"
            .to_owned()
    } else {
        format!("`sudo` on the host did not make {login} become {user}")
    };
    let said = said.replace(PROMPT, "");
    match said.trim() {
        "" => format!("{why}; it said nothing"),
        said => format!("{why}; it said {:?}", said.chars().take(600).collect::<String>()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn password(printed: &str) -> Password {
        let command = ["printf", "%s", printed].map(str::to_owned).to_vec();
        Password::new(Some(command), Redaction::default())
    }

    async fn pass_with(
        said: &str,
        prompts: usize,
        password: &Password,
    ) -> (Result<Vec<u8>, BootstrapError>, Vec<u8>) {
        let (mut look, mut asked) = Prompts::new();
        (0..prompts).for_each(|_| look.look(PROMPT.as_bytes()));
        let mut sent = Vec::new();
        let heard = said.as_bytes().to_vec();
        let mut output = Later { asked: prompts, heard };
        let outcome = pass(&mut output, &mut sent, &mut asked, password).await;
        (outcome, sent)
    }

    /// Says nothing until it was polled once for each prompt.
    struct Later {
        asked: usize,
        heard: Vec<u8>,
    }

    impl AsyncRead for Later {
        fn poll_read(
            mut self: std::pin::Pin<&mut Self>,
            context: &mut std::task::Context<'_>,
            buffer: &mut tokio::io::ReadBuf<'_>,
        ) -> std::task::Poll<std::io::Result<()>> {
            if self.asked > 0 {
                self.asked -= 1;
                context.waker().wake_by_ref();
                return std::task::Poll::Pending;
            }
            buffer.put_slice(&std::mem::take(&mut self.heard));
            std::task::Poll::Ready(Ok(()))
        }
    }

    const BECAME: &str = "motd\n\nwindlass-bootstrap became\n\nwindlass-bootstrap run /x\n";

    #[tokio::test]
    async fn who_is_not_asked_says_nothing() {
        let (heard, sent) = pass_with(BECAME, 0, &password("hunter2")).await;
        assert_eq!(heard.expect("became"), b"\nwindlass-bootstrap run /x\n");
        assert!(sent.is_empty());
    }

    #[tokio::test]
    async fn a_password_is_a_line_and_is_given_once() {
        let (heard, sent) = pass_with(BECAME, 1, &password("hunter2\n")).await;
        assert!(heard.is_ok());
        assert_eq!(sent, b"hunter2\n");
        let (heard, sent) = pass_with(BECAME, 2, &password("hunter2")).await;
        assert!(matches!(heard, Err(BootstrapError::WrongPassword)), "{heard:?}");
        assert_eq!(sent, b"hunter2\n");
    }

    #[tokio::test]
    async fn a_password_that_cannot_be_read_is_an_error_without_it() {
        for command in [&["false"][..], &["windlass-no-such-program"], &["printf", "a\nhunter2"]] {
            let command = command.iter().map(|word| (*word).to_owned()).collect();
            let password = Password::new(Some(command), Redaction::default());
            let (heard, sent) = pass_with(BECAME, 1, &password).await;
            let error = heard.expect_err("no password").to_string();
            assert!(error.contains("become_password_command"), "{error}");
            assert!(!error.contains("hunter2") && sent.is_empty(), "{error}");
        }
    }

    #[test]
    fn prompts_are_heard_in_pieces_too() {
        let (mut look, mut asked) = Prompts::new();
        look.look(b"We trust you\nwindlass-");
        assert!(asked.try_recv().is_err());
        look.look(b"asks: ");
        assert!(asked.try_recv().is_ok());
        look.look(b"Sorry\nwindlass-asks:[sudo: windlass-asks:] Password");
        assert!(asked.try_recv().is_ok() && asked.try_recv().is_ok());
        assert!(asked.try_recv().is_err());
        look.look(&[b'x'; 10_000]);
        assert!(look.recent.len() < 100);
    }

    #[test]
    fn refusals_say_what_to_put_into_sudoers() {
        for (said, parts) in [
            (
                "sudo: a password is required",
                &["become_password_command", "me ALL=(app) NOPASSWD: ALL"][..],
            ),
            ("sudo: sorry, you must have a tty to run sudo", &["Defaults:me !requiretty"]),
            ("me is not in the sudoers file.", &["me ALL=(app) NOPASSWD: ALL"]),
            ("Sorry, user me is not allowed to execute", &["does not let me become app"]),
            ("sudo: unknown user app", &["no user app"]),
            ("sh: 1: exec: sudo: not found", &["has no `sudo`"]),
            ("windlass-asks: odd", &["did not make me become app", "it said \"odd\""]),
        ] {
            let refusal = refusal("me", "app", said);
            assert!(parts.iter().all(|part| refusal.contains(part)), "{refusal}");
        }
    }
}
