//! Starting the agent on one host.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::AsyncReadExt;
use tokio::sync::Mutex;
use tokio::time::timeout;
use windlass_agent::protocol::greeting::AGENT;
use windlass_agent::run::visible;
use windlass_ssh::{Connection as SshConnection, Error as SshError, Exec, Exit, Input, Output};

use super::bootstrap::{BootstrapError, bootstrap};
use super::script::{self, Kept, Sudo};
use super::stream::{CommandStream, listen_aside};
use super::sudo::{self, Prompts};
use super::{Entry, Shared};
use crate::error::describe;
use crate::host::HostError;
use crate::host::remote::{Aside, Connection, Connector, Patience};

/// The most that is read of what a command without an agent says.
const MOST_SAID: u64 = 64 << 10;

/// How long a command without an agent may take.
const ANSWERING: Duration = Duration::from_secs(60);

/// How long the end of a command that says no more is waited for.
const ENDING: Duration = Duration::from_secs(1);

/// Starts agents on one host, over a connection that is made when it is first needed and kept.
#[derive(Debug)]
pub struct SshConnector {
    shared: Arc<Shared>,
    entry: Entry,
    open: Mutex<Option<SshConnection>>,
}

/// A command that was started, as whoever it is to run as.
struct Started {
    heard: Vec<u8>,
    output: Output,
    input: Input,
    exit: Exit,
    aside: Aside,
}

impl SshConnector {
    pub(super) fn new(shared: Arc<Shared>, entry: Entry) -> Self {
        Self { shared, entry, open: Mutex::default() }
    }

    /// Starts a command. A server that opens no more sessions on the connection gets another one.
    async fn exec(&self, command: String) -> Result<Exec, SshError> {
        let mut open = self.open.lock().await;
        if let Some(connection) = open.as_ref().filter(|connection| !connection.is_closed()) {
            match connection.exec(command.clone()).await {
                Err(SshError::NoMoreSessions { .. } | SshError::Lost { .. }) => {}
                answer => return answer,
            }
        }
        let connection = self.shared.client.connect(&self.entry.destination).await?;
        let exec = connection.exec(command).await;
        *open = Some(connection);
        exec
    }

    /// Returns how a script is run as another user, where it is.
    fn over(&self) -> Option<Sudo<'_>> {
        let may_ask = self.shared.password.is_there();
        self.entry.user.as_deref().map(|user| Sudo { user, may_ask })
    }

    /// Starts a command of `script`, and waits until `sudo` is past where it is over it.
    async fn command(&self, command: String) -> Result<Started, Failed> {
        let Exec { mut stdin, mut stdout, stderr, exit } = self.exec(command).await?;
        let (writer, aside) = Aside::new();
        let (prompts, mut asked) = Prompts::new();
        tokio::spawn(listen_aside(stderr, writer, prompts));
        let heard = match &self.entry.user {
            None => Vec::new(),
            Some(user) => {
                let password = &self.shared.password;
                match sudo::pass(&mut stdout, &mut stdin, &mut asked, password).await {
                    Ok(heard) => heard,
                    Err(error) => {
                        drop((stdin, stdout));
                        return Err(self.not_passed(error, user, exit, &aside).await);
                    }
                }
            }
        };
        Ok(Started { heard, output: stdout, input: stdin, exit, aside })
    }

    /// Returns why `sudo` was not passed, for what it said.
    async fn not_passed(
        &self,
        error: BootstrapError,
        user: &str,
        exit: Exit,
        aside: &Aside,
    ) -> Failed {
        let (BootstrapError::NoScript { said } | BootstrapError::Silent { said }) = error else {
            return Failed::Bootstrap(error.to_string());
        };
        let config = self.shared.client.configuration(&self.entry.destination).await;
        let login = config.map_or_else(|_| "the user".to_owned(), |config| config.user.clone());
        let aside = aside.text().await;
        let said = visible(&String::from_utf8_lossy(&said));
        let all = [said.trim(), &aside].join(" ");
        // How it ended tells nothing that its words do not.
        drop(exit);
        Failed::Bootstrap(sudo::refusal(&login, user, &all))
    }

    async fn start(&self, kept: Kept) -> Result<Connection, Failed> {
        let agents = self.shared.agents.get().await;
        let command = script::start(&agents, &self.shared.places, kept, self.over());
        let Started { heard, mut output, mut input, exit, aside } = self.command(command).await?;
        match bootstrap(heard, &mut output, &mut input, &agents).await {
            Ok(heard) => {
                let stream = Box::new(CommandStream { heard, output, input });
                Ok(Connection { stream, aside })
            }
            Err(error) => {
                drop((input, output));
                Err(Failed::Bootstrap(with_end(error, exit, &aside).await))
            }
        }
    }

    /// Returns what a command says, to its end.
    async fn answer(&self, command: String) -> Result<String, Failed> {
        let Started { mut heard, output, input, .. } = self.command(command).await?;
        drop(input);
        let mut output = output.take(MOST_SAID);
        let read = timeout(ANSWERING, output.read_to_end(&mut heard)).await;
        match read {
            Ok(Ok(_)) => Ok(String::from_utf8_lossy(&heard).into_owned()),
            Ok(Err(error)) => Err(Failed::Bootstrap(describe(&error))),
            Err(_) => {
                let seconds = ANSWERING.as_secs();
                Err(Failed::Bootstrap(format!("the host did not answer within {seconds} s")))
            }
        }
    }
}

/// Why no agent was started.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Ssh(#[from] SshError),
    #[error("{0}")]
    Bootstrap(String),
}

fn unreachable(error: impl std::error::Error) -> HostError {
    HostError::Unreachable(describe(&error))
}

/// Returns the message of `error` with how the command ended and what it said aside.
async fn with_end(error: BootstrapError, exit: Exit, aside: &Aside) -> String {
    let message = error.to_string();
    let BootstrapError::NoScript { .. } = error else { return message };
    let aside = aside.text().await;
    let aside = if aside.is_empty() { aside } else { format!("; on the side it said: {aside}") };
    let waited = timeout(ENDING, exit.status()).await;
    match waited {
        Ok(Ok(status)) => format!("{message}{aside} ({status})"),
        Ok(Err(error)) => format!("{message}{aside}: {}", describe(&error)),
        Err(_) => format!("{message}{aside}"),
    }
}

/// Returns the paths that the script removed.
fn forgotten(said: &str) -> Result<Vec<String>, String> {
    let words: Vec<_> = said.lines().filter_map(|line| line.strip_prefix(script::MARK)).collect();
    if let Some(why) = words.iter().find_map(|word| word.strip_prefix("fail ")) {
        return Err(format!("an agent cannot be removed: {}", visible(why)));
    }
    if !words.contains(&"done") {
        let said: String = said.trim().chars().take(600).collect();
        let said = visible(&said);
        return Err(format!("the host does not run what it is asked to; it said {said:?}"));
    }
    let removed = words.iter().filter_map(|word| word.strip_prefix("removed "));
    Ok(removed.map(visible).collect())
}

/// Returns the connection once the agent begins to greet, or nothing where something else is there.
async fn greeting(mut connection: Connection) -> Result<Option<Connection>, HostError> {
    let mut first = [0; AGENT.len()];
    let limit = Patience::default().greeting;
    match timeout(limit, connection.stream.read_exact(&mut first)).await {
        Ok(Ok(_)) if first == *AGENT => {
            let (reader, writer) = tokio::io::split(connection.stream);
            let reader = std::io::Cursor::new(first).chain(reader);
            connection.stream = Box::new(tokio::io::join(reader, writer));
            Ok(Some(connection))
        }
        Ok(_) => Ok(None),
        Err(_) => {
            let seconds = limit.as_secs();
            Err(HostError::Unreachable(format!("the agent said nothing for {seconds} s")))
        }
    }
}

#[async_trait]
impl Connector for SshConnector {
    /// Where what is kept on the host does not greet as an agent does, it is replaced.
    async fn open(&self) -> Result<Connection, HostError> {
        let started = self.start(Kept::Used).await.map_err(unreachable)?;
        match greeting(started).await? {
            Some(connection) => Ok(connection),
            None => self.start(Kept::Replaced).await.map_err(unreachable),
        }
    }

    /// What is at work over the connection goes on with it.
    async fn hang_up(&self) {
        *self.open.lock().await = None;
    }

    async fn forget(&self) -> Result<Vec<String>, HostError> {
        let command = script::forget(&self.shared.places, self.over());
        let said = self.answer(command).await.map_err(unreachable)?;
        forgotten(&said).map_err(HostError::Unreachable)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_removed_is_read_behind_the_noise_of_a_profile() {
        let said = "motd\n\nwindlass-bootstrap removed /a/agent-1\n\nwindlass-bootstrap done\n";
        assert_eq!(forgotten(said).expect("done"), ["/a/agent-1"]);
        assert!(forgotten("only noise").expect_err("no script").contains("only noise"));
        let failed = "windlass-bootstrap fail rm: busy\nwindlass-bootstrap done\n";
        assert!(forgotten(failed).expect_err("failed").contains("rm: busy"));
    }
}
