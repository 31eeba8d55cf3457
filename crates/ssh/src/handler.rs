//! What the protocol asks of its user: is this the host, and what to make of what it says.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use russh::client::{self, ChannelOpenHandle, DisconnectReason, Msg, Session};
use russh::keys::{HashAlg, PublicKey, PublicKeyOrCertificate};
use russh::{Channel, ChannelId, ChannelOpenFailure};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;
use tokio::sync::SetOnce;

use crate::config::HostConfig;
use crate::destination;
use crate::error::HostKeyError;
use crate::known_hosts::{self, KnownHosts, Presented, Verdict, judge};
use crate::options::HostKeyPolicy;

/// The most that is kept of the text before a login.
const LONGEST_BANNER: usize = 4096;

/// The first bytes of a key revocation list, as opposed to a list of public keys.
const REVOCATION_LIST: &[u8] = b"SSHKRL\n\0";

/// How a connection ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Ended {
    /// The server said why.
    Said(String),
    /// The server just closed it.
    Closed,
    /// The server was silent for too long.
    Silent,
    /// Something else.
    Failed(String),
}

impl std::fmt::Display for Ended {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Said(words) => write!(formatter, "the server says \"{words}\""),
            Self::Closed => formatter.write_str("the server closed it"),
            Self::Silent => formatter.write_str("the server gave no sign of life"),
            Self::Failed(problem) => formatter.write_str(problem),
        }
    }
}

/// What is known of a running connection besides its channels.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// How it ended, once it has.
    pub(crate) ended: SetOnce<Ended>,
    banner: Mutex<String>,
    refusal: Mutex<Option<String>>,
}

impl State {
    /// Returns the text before the login, if there is one.
    pub(crate) fn banner(&self) -> Option<String> {
        let banner = self.banner.lock().unwrap_or_else(PoisonError::into_inner);
        (!banner.is_empty()).then(|| banner.clone())
    }

    /// Returns what the server last said when it opened no channel.
    pub(crate) fn refusal(&self) -> Option<String> {
        self.refusal.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// Why the protocol stopped.
#[derive(Debug)]
pub(crate) enum HandlerError {
    HostKey(HostKeyError),
    Ssh(russh::Error),
}

impl From<russh::Error> for HandlerError {
    fn from(error: russh::Error) -> Self {
        Self::Ssh(error)
    }
}

/// Answers the protocol for one connection. Whatever a server wants to open, it may not: neither
/// agent forwarding nor any other is asked for.
pub(crate) struct Handler {
    pub(crate) verifier: Verifier,
    pub(crate) state: Arc<State>,
}

impl client::Handler for Handler {
    type Error = HandlerError;

    async fn check_server_key(
        &mut self,
        shown: &PublicKeyOrCertificate,
    ) -> Result<bool, HandlerError> {
        let presented = match shown {
            PublicKeyOrCertificate::PublicKey { key, .. } => Presented::Key(key.clone()),
            PublicKeyOrCertificate::Certificate(certificate) => {
                Presented::Certificate(Box::new(certificate.clone()))
            }
        };
        self.verifier.verify(&presented).await.map_err(HandlerError::HostKey)?;
        Ok(true)
    }

    async fn auth_banner(&mut self, text: &str, _: &mut Session) -> Result<(), HandlerError> {
        let mut banner = self.state.banner.lock().unwrap_or_else(PoisonError::into_inner);
        let room = LONGEST_BANNER.saturating_sub(banner.len());
        banner.extend(printable(text).chars().take(room));
        Ok(())
    }

    async fn channel_open_failure(
        &mut self,
        _: ChannelId,
        reason: ChannelOpenFailure,
        description: &str,
        _: &str,
        _: &mut Session,
    ) -> Result<(), HandlerError> {
        let mut refusal = self.state.refusal.lock().unwrap_or_else(PoisonError::into_inner);
        *refusal = Some(match description.trim() {
            "" => format!("{reason:?}"),
            words => printable(words),
        });
        Ok(())
    }

    async fn disconnected(
        &mut self,
        reason: DisconnectReason<HandlerError>,
    ) -> Result<(), HandlerError> {
        let (ended, result) = match reason {
            DisconnectReason::ReceivedDisconnect(info) => {
                (Ended::Said(printable(&info.message)), Ok(()))
            }
            DisconnectReason::Error(error) => (ended_by(&error), Err(error)),
        };
        self.state.ended.set(ended).ok();
        result
    }

    async fn server_channel_open_forwarded_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), HandlerError> {
        refuse(reply).await
    }

    async fn server_channel_open_forwarded_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), HandlerError> {
        refuse(reply).await
    }

    async fn server_channel_open_agent_forward(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), HandlerError> {
        refuse(reply).await
    }

    async fn server_channel_open_session(
        &mut self,
        _: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), HandlerError> {
        refuse(reply).await
    }

    async fn server_channel_open_direct_tcpip(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), HandlerError> {
        refuse(reply).await
    }

    async fn server_channel_open_direct_streamlocal(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), HandlerError> {
        refuse(reply).await
    }

    async fn server_channel_open_x11(
        &mut self,
        _: Channel<Msg>,
        _: &str,
        _: u32,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), HandlerError> {
        refuse(reply).await
    }
}

async fn refuse(reply: ChannelOpenHandle) -> Result<(), HandlerError> {
    reply.reject(ChannelOpenFailure::AdministrativelyProhibited).await;
    Ok(())
}

fn ended_by(error: &HandlerError) -> Ended {
    match error {
        HandlerError::Ssh(russh::Error::KeepaliveTimeout) => Ended::Silent,
        HandlerError::Ssh(russh::Error::Disconnect | russh::Error::HUP) => Ended::Closed,
        HandlerError::Ssh(russh::Error::IO(error))
            if error.kind() == std::io::ErrorKind::UnexpectedEof =>
        {
            Ended::Closed
        }
        HandlerError::Ssh(error) => Ended::Failed(error.to_string()),
        HandlerError::HostKey(error) => Ended::Failed(error.to_string()),
    }
}

/// Returns `text` on one line, without anything that acts on a terminal.
pub(crate) fn printable(text: &str) -> String {
    let lines = text
        .trim()
        .lines()
        .map(|line| line.chars().filter(|character| !character.is_control()).collect::<String>());
    lines.collect::<Vec<_>>().join(" / ")
}

/// Decides whether a host is who it says it is.
pub(crate) struct Verifier {
    pub(crate) config: Arc<HostConfig>,
    pub(crate) hosts: KnownHosts,
    pub(crate) ssh_program: PathBuf,
}

impl Verifier {
    async fn verify(&self, presented: &Presented) -> Result<(), HostKeyError> {
        self.check_revocation(presented).await?;
        match self.judge(&self.hosts, presented) {
            verdict if verdict.is_trusted() => Ok(()),
            Verdict::Unknown(_) if self.may_learn() => self.learn(presented.clone()).await,
            verdict => Err(problem(&self.config, presented, verdict)),
        }
    }

    fn judge(&self, hosts: &KnownHosts, presented: &Presented) -> Verdict {
        judge_now(&self.config, hosts, presented)
    }

    /// Returns whether a new host may be remembered: not under an alias that is no name, which
    /// would be a pattern for other hosts.
    fn may_learn(&self) -> bool {
        let alias = self.config.host_key_alias.as_deref();
        self.config.host_keys == HostKeyPolicy::AcceptNew
            && alias.is_none_or(|alias| destination::check_host(alias).is_ok())
    }

    async fn learn(&self, presented: Presented) -> Result<(), HostKeyError> {
        let config = Arc::clone(&self.config);
        let learned = tokio::task::spawn_blocking(move || learn(&config, &presented));
        learned.await.unwrap_or(Err(HostKeyError::NoFile))
    }

    async fn check_revocation(&self, presented: &Presented) -> Result<(), HostKeyError> {
        let Some(file) = &self.config.revoked_host_keys else { return Ok(()) };
        let unknown = |source| HostKeyError::Revocation { file: file.clone(), source };
        let text = std::fs::read(file).map_err(unknown)?;
        let revoked = match text.starts_with(REVOCATION_LIST) {
            true => self.is_on_list(file, presented).await.map_err(unknown)?,
            false => is_among(&String::from_utf8_lossy(&text), presented),
        };
        match revoked {
            true => Err(revoked_by(&self.config, presented, file, None)),
            false => Ok(()),
        }
    }

    /// Asks `ssh-keygen`, which comes with `ssh`, whether a revocation list has the key.
    async fn is_on_list(&self, file: &Path, presented: &Presented) -> std::io::Result<bool> {
        let shown = match presented {
            Presented::Key(key) => key.to_openssh(),
            Presented::Certificate(certificate) => certificate.to_openssh(),
        };
        let mut command = Command::new(self.ssh_program.with_file_name("ssh-keygen"));
        command.args(["-Q", "-f"]).arg(file).arg("/dev/stdin").kill_on_drop(true);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        if let Some(mut input) = child.stdin.take() {
            input.write_all(shown.map_err(std::io::Error::other)?.as_bytes()).await?;
        }
        match child.wait().await?.code() {
            Some(0) => Ok(false),
            Some(1) => Ok(true),
            code => Err(std::io::Error::other(format!("ssh-keygen -Q ended with {code:?}"))),
        }
    }
}

/// Returns whether a list of public keys has the key, or the authority of the certificate.
fn is_among(list: &str, presented: &Presented) -> bool {
    let authority = match presented {
        Presented::Certificate(certificate) => Some(certificate.signature_key().clone()),
        Presented::Key(_) => None,
    };
    let key = presented.key();
    list.lines().filter_map(|line| PublicKey::from_openssh(line.trim()).ok()).any(|listed| {
        listed.key_data() == key.key_data() || Some(listed.key_data()) == authority.as_ref()
    })
}

fn judge_now(config: &HostConfig, hosts: &KnownHosts, presented: &Presented) -> Verdict {
    let authorities = &config.algorithms.authorities;
    judge(hosts, &config.known_as(), presented, authorities, SystemTime::now())
}

/// Adds the host to the user's file, unless another process made it known in the meantime: then
/// that is what counts.
fn learn(config: &HostConfig, presented: &Presented) -> Result<(), HostKeyError> {
    let Some(file) = config.user_known_hosts.first() else { return Err(HostKeyError::NoFile) };
    let mut verdict = Verdict::Unknown(None);
    let still_unknown = || {
        verdict = judge_now(config, &KnownHosts::read(&config.known_hosts_files())?, presented);
        Ok(matches!(verdict, Verdict::Unknown(_)))
    };
    let name = config.known_as();
    let key = presented.key();
    let added = known_hosts::remember(file, &name, &key, config.hash_known_hosts, still_unknown);
    match added {
        Ok(true) => Ok(()),
        Ok(false) if verdict.is_trusted() => Ok(()),
        Ok(false) => Err(problem(config, presented, verdict)),
        Err(source) => Err(HostKeyError::NotRecorded { file: file.clone(), source }),
    }
}

fn problem(config: &HostConfig, presented: &Presented, verdict: Verdict) -> HostKeyError {
    let (name, algorithm, fingerprint) = described(config, presented);
    match verdict {
        Verdict::Changed(entry) => HostKeyError::Changed {
            name,
            algorithm,
            fingerprint,
            line: entry.line(),
            file: entry.file().to_owned(),
        },
        Verdict::Revoked(entry) => revoked_by(config, presented, entry.file(), Some(entry.line())),
        Verdict::Unknown(certificate) => HostKeyError::Unknown {
            name,
            algorithm,
            fingerprint,
            certificate,
            files: config.known_hosts_files(),
        },
        Verdict::Known(_) | Verdict::Certified(_) => {
            unreachable!("a host that is trusted is no problem: both callers have asked")
        }
    }
}

fn revoked_by(
    config: &HostConfig,
    presented: &Presented,
    file: &Path,
    line: Option<usize>,
) -> HostKeyError {
    let (name, algorithm, fingerprint) = described(config, presented);
    HostKeyError::Revoked { name, algorithm, fingerprint, file: file.to_owned(), line }
}

fn described(config: &HostConfig, presented: &Presented) -> (String, String, String) {
    let key = presented.key();
    let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
    (config.known_as().recorded(), key.algorithm().to_string(), fingerprint)
}
