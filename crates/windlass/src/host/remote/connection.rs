//! Connections to agents, however they are made.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;
use windlass_agent::run::visible;

use crate::host::HostError;

/// How much of what comes aside is kept: its end.
const MOST_ASIDE: usize = 4 << 10;

/// How long its end is waited for once the connection is lost.
const SETTLING: Duration = Duration::from_secs(1);

/// Starts an agent on a host: over SSH, as a process, or however a test wants to.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Returns a new connection to an agent that has just been started and speaks first. It is
    /// dropped to hang up: the agent then ends by itself.
    ///
    /// # Errors
    /// [`HostError::Unreachable`] when there is no way to the host, or no agent could be started
    /// there; nothing on it has changed then.
    async fn open(&self) -> Result<Connection, HostError>;

    /// Lets go of what is kept open, so that the next connection is a new one all the way. One that keeps
    /// nothing open has nothing to let go.
    async fn hang_up(&self) {}

    /// Removes the agents that are kept on the host, and returns their paths. One that keeps none has
    /// nothing to remove.
    ///
    /// # Errors
    /// [`HostError::Unreachable`] when the host cannot be asked.
    async fn forget(&self) -> Result<Vec<String>, HostError> {
        Ok(Vec::new())
    }
}

/// Bytes in both directions.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// A connection to an agent.
pub struct Connection {
    /// The agent's standard output and input.
    pub stream: Box<dyn Stream>,
    /// What comes aside, such as the agent's standard error: quoted where no agent answers, or the
    /// connection is lost.
    pub aside: Aside,
}

impl Connection {
    /// Returns a connection that nothing comes aside of.
    #[must_use]
    pub fn new(stream: impl Stream + 'static) -> Self {
        Self { stream: Box::new(stream), aside: Aside::default() }
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("aside", &self.aside).finish_non_exhaustive()
    }
}

/// The end of what comes aside, and whether more can come.
#[derive(Debug, Clone)]
pub struct Aside {
    kept: Arc<Mutex<Vec<u8>>>,
    open: watch::Receiver<()>,
}

/// Fills an [`Aside`] until it is dropped.
#[derive(Debug)]
pub struct AsideWriter {
    kept: Arc<Mutex<Vec<u8>>>,
    _open: watch::Sender<()>,
}

impl Aside {
    /// Returns an aside, and what fills it.
    #[must_use]
    pub fn new() -> (AsideWriter, Self) {
        let (sender, open) = watch::channel(());
        let kept = Arc::default();
        (AsideWriter { kept: Arc::clone(&kept), _open: sender }, Self { kept, open })
    }

    /// Returns the text, made harmless for terminals, in one line; waits a moment for its end.
    pub async fn text(&self) -> String {
        let mut open = self.open.clone();
        let ended = async { while open.changed().await.is_ok() {} };
        // Where it goes on, what has come so far is the answer.
        let _ = tokio::time::timeout(SETTLING, ended).await;
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let text = visible(&String::from_utf8_lossy(&kept));
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join(" | ")
    }
}

impl Default for Aside {
    /// Returns an aside that nothing comes to.
    fn default() -> Self {
        Self::new().1
    }
}

impl AsideWriter {
    /// Adds bytes; only the last of all are kept.
    pub fn push(&self, bytes: &[u8]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(bytes);
        let excess = kept.len().saturating_sub(MOST_ASIDE);
        kept.drain(..excess);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_end_of_what_comes_aside_is_kept_in_one_harmless_line() {
        let (writer, aside) = Aside::new();
        writer.push(&[b'x'; MOST_ASIDE]);
        writer.push(b"\n\n\x1b[31mdenied\r\n");
        drop(writer);
        let text = aside.text().await;
        assert!(text.ends_with("x | ␛[31mdenied"), "{text}");
        assert!(text.chars().count() < MOST_ASIDE, "{}", text.len());
    }
}
