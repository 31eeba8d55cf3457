//! What a host says before its agent does: whether the agent is there, is to be sent, or cannot run.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use windlass_agent::protocol::greeting::MOST_NOISE;
use windlass_agent::run::visible;

use super::agents::{self, Sendable};
use super::script::MARK;

/// How long a host may take for its next word, and to take the next piece of the agent.
const SILENCE: Duration = Duration::from_secs(30);

/// How much of the agent is sent at a time.
const PIECE: usize = 64 << 10;

/// The longest line of the script that is waited for.
const MOST_LINE: usize = 4 << 10;

/// How much of what came instead is quoted.
const QUOTED: usize = 600;

/// Why no agent was started.
#[derive(Debug, thiserror::Error)]
pub(super) enum BootstrapError {
    /// The command ended, or said too much, without a word of the script.
    #[error("the host does not run what it is asked to{}", quoted(.said))]
    NoScript {
        /// What came instead.
        said: Vec<u8>,
    },
    /// The host said nothing for too long.
    #[error("the host did not start an agent within {} s{}", SILENCE.as_secs(), quoted(.said))]
    Silent {
        /// What came instead.
        said: Vec<u8>,
    },
    /// There is no agent for the machine.
    #[error("{0}")]
    Machine(String),
    /// No directory can hold the agent.
    #[error(
        "no directory on the host can hold the agent:{0} set `agent_dir` in [ssh] to one that can"
    )]
    Nowhere(String),
    /// The password for `sudo` cannot be had.
    #[error("`become_password_command` of [ssh] gives no password for `sudo`: {0}")]
    NoPassword(String),
    /// `sudo` asked again.
    #[error("`sudo` on the host does not take the password that `become_password_command` prints")]
    WrongPassword,
    /// The agent did not get there.
    #[error("the agent could not be written on the host: {0}")]
    NotWritten(String),
}

fn quoted(said: &[u8]) -> String {
    let said = visible(&String::from_utf8_lossy(&said[..said.len().min(QUOTED)]));
    match said.trim() {
        "" => ", and says nothing".to_owned(),
        said => format!("; it said {said:?}"),
    }
}

/// What the script says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word {
    Became,
    Run,
    Send(String),
    Machine(String),
    Nowhere(String),
    Fail(String),
}

impl Word {
    fn parse(line: &str) -> Option<Self> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let rest = visible(rest);
        match word {
            "became" => Some(Self::Became),
            "run" => Some(Self::Run),
            "send" => Some(Self::Send(rest)),
            "machine" => Some(Self::Machine(rest)),
            "nowhere" => Some(Self::Nowhere(rest)),
            "fail" => Some(Self::Fail(rest)),
            _ => None,
        }
    }
}

/// Listens until the script becomes the agent, which it gets where the host lacks it; returns what
/// came after its last word. What was `heard` came before.
pub(super) async fn bootstrap(
    heard: Vec<u8>,
    output: &mut (impl AsyncRead + Unpin),
    input: &mut (impl AsyncWrite + Unpin),
    agents: &[Sendable],
) -> Result<Vec<u8>, BootstrapError> {
    let mut ear = Ear { output, heard };
    loop {
        match ear.word().await? {
            Word::Became => {}
            Word::Run => return Ok(ear.heard),
            Word::Send(machine) => {
                let agent = for_machine(agents, &machine);
                let agent =
                    agent.ok_or_else(|| BootstrapError::Machine(agents::why_none(&machine)))?;
                // Where it is not taken, the script says why.
                let _ = send(input, &agent.bytes).await;
            }
            Word::Machine(machine) => {
                return Err(BootstrapError::Machine(agents::why_none(&machine)));
            }
            Word::Nowhere(why) => return Err(BootstrapError::Nowhere(why)),
            Word::Fail(why) => return Err(BootstrapError::NotWritten(why)),
        }
    }
}

fn for_machine<'a>(agents: &'a [Sendable], machine: &str) -> Option<&'a Sendable> {
    let machine = if machine == "arm64" { "aarch64" } else { machine };
    agents.iter().find(|agent| agent.machine == machine)
}

async fn send(input: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    for piece in bytes.chunks(PIECE) {
        timeout(SILENCE, input.write_all(piece)).await??;
    }
    timeout(SILENCE, input.flush()).await?
}

/// What hears the words of the script.
pub(super) struct Ear<'a, R> {
    /// The standard output of the script.
    pub(super) output: &'a mut R,
    /// What came and was not taken for a word.
    pub(super) heard: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Ear<'_, R> {
    /// Returns the next word of the script; what came before it is let pass. Who gives up waiting for
    /// it loses nothing.
    pub(super) async fn word(&mut self) -> Result<Word, BootstrapError> {
        let mut searched = 0;
        loop {
            while let Some(begin) = find(&self.heard[searched..], MARK.as_bytes()) {
                let begin = searched + begin;
                let rest = &self.heard[begin + MARK.len()..];
                let Some(length) = find(rest, b"\n") else { break };
                let line = String::from_utf8_lossy(&rest[..length]).into_owned();
                let behind = begin + MARK.len() + length + 1;
                // A profile may print the command itself.
                let starts = begin == 0 || self.heard[begin - 1] == b'\n';
                match Word::parse(line.trim_end()).filter(|_| starts) {
                    Some(word) => {
                        self.heard.drain(..behind);
                        return Ok(word);
                    }
                    None => searched = begin + MARK.len(),
                }
            }
            self.more().await?;
        }
    }

    async fn more(&mut self) -> Result<(), BootstrapError> {
        let said = |ear: &mut Self| std::mem::take(&mut ear.heard);
        if self.heard.len() > MOST_NOISE + MOST_LINE {
            return Err(BootstrapError::NoScript { said: said(self) });
        }
        match timeout(SILENCE, self.output.read_buf(&mut self.heard)).await {
            Ok(Ok(1..)) => Ok(()),
            Ok(_) => Err(BootstrapError::NoScript { said: said(self) }),
            Err(_) => Err(BootstrapError::Silent { said: said(self) }),
        }
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agents() -> Vec<Sendable> {
        vec![Sendable { machine: "x86_64", digest: "d".to_owned(), bytes: b"AGENT".to_vec() }]
    }

    async fn hear(said: &str) -> (Result<Vec<u8>, BootstrapError>, Vec<u8>) {
        let mut sent = Vec::new();
        let outcome = bootstrap(Vec::new(), &mut said.as_bytes(), &mut sent, &agents()).await;
        (outcome, sent)
    }

    #[tokio::test]
    async fn an_agent_that_is_there_gets_nothing_and_its_words_are_kept() {
        let (rest, sent) = hear("motd\n\nwindlass-bootstrap run /x\n\nwindlass-agent 1 0\n").await;
        assert_eq!(rest.expect("started"), b"\nwindlass-agent 1 0\n");
        assert!(sent.is_empty());
    }

    #[tokio::test]
    async fn an_agent_that_is_not_there_is_sent() {
        let said = "\nwindlass-bootstrap send x86_64\n\nwindlass-bootstrap run /x\n";
        let (rest, sent) = hear(said).await;
        assert!(rest.expect("started").is_empty());
        assert_eq!(sent, b"AGENT");
    }

    #[tokio::test]
    async fn the_reasons_of_the_host_are_told() {
        for (said, part) in [
            ("\nwindlass-bootstrap machine riscv64\n", "riscv64"),
            (
                "\nwindlass-bootstrap nowhere /a: mounted noexec;\n",
                "/a: mounted noexec; set `agent_dir`",
            ),
            ("\nwindlass-bootstrap fail /a: No space left\n", "/a: No space left"),
            ("This account is \u{1b}[1mnot available.\n", "is ␛[1mnot available."),
            ("", "says nothing"),
        ] {
            let error = hear(said).await.0.expect_err(said).to_string();
            assert!(error.contains(part), "{error}");
        }
    }

    #[tokio::test]
    async fn a_profile_that_prints_the_command_is_no_word() {
        let echoed = "+ echo windlass-bootstrap run x\nwindlass-bootstrap $*\n";
        let error = hear(echoed).await.0.expect_err("no word");
        assert!(matches!(error, BootstrapError::NoScript { .. }), "{error}");
    }

    #[tokio::test]
    async fn noise_without_end_is_bounded() {
        let mut noise = tokio::io::repeat(b'x');
        let error =
            bootstrap(Vec::new(), &mut noise, &mut Vec::new(), &agents()).await.expect_err("noise");
        assert!(matches!(error, BootstrapError::NoScript { .. }));
        assert!(error.to_string().len() < 1_000);
    }
}
