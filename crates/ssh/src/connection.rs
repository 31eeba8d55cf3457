//! A connection to a host, on which commands run.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use russh::Disconnect;
use russh::client::{Handle, Msg};
use russh::{Channel, ChannelStream};
use tokio::time::timeout;

use crate::error::{Error, Phase};
use crate::exec::Exec;
use crate::handler::{Ended, Handler, State, printable};
use crate::transport::Lifeline;

/// How long the protocol is waited for to say how it ended: it has ended already.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// A connection to a host as a user who is logged in. Copies are the same connection; it ends with
/// the last of them and of the commands on it.
#[derive(Clone)]
pub struct Connection {
    inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) host: String,
    handle: Handle<Handler>,
    state: Arc<State>,
    channel_timeout: Duration,
    _lifeline: Lifeline,
}

impl fmt::Debug for Inner {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Connection").field("host", &self.host).finish_non_exhaustive()
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(formatter)
    }
}

impl Connection {
    pub(crate) fn new(
        host: String,
        handle: Handle<Handler>,
        state: Arc<State>,
        channel_timeout: Duration,
        lifeline: Lifeline,
    ) -> Self {
        let inner = Inner { host, handle, state, channel_timeout, _lifeline: lifeline };
        Self { inner: Arc::new(inner) }
    }

    pub(crate) const fn inner(&self) -> &Arc<Inner> {
        &self.inner
    }

    pub(crate) const fn of(inner: Arc<Inner>) -> Self {
        Self { inner }
    }

    /// Returns the host as it was asked for.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.inner.host
    }

    /// Returns the text that the server shows before a login, if it has one, on one line.
    #[must_use]
    pub fn banner(&self) -> Option<String> {
        self.inner.state.banner()
    }

    /// Returns whether the connection has ended.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.inner.handle.is_closed()
    }

    /// Starts a command, which the user's shell on the host runs.
    ///
    /// # Errors
    ///
    /// [`Error::NoMoreSessions`] when the server opens no further channel, [`Error::Lost`] when the
    /// connection has ended, [`Error::TimedOut`] when the server does not answer. A server that
    /// does not run the command says so at its end: [`Error::CommandRefused`].
    pub async fn exec(&self, command: impl Into<Vec<u8>>) -> Result<Exec, Error> {
        let channel = self.inner.opened(self.inner.handle.channel_open_session()).await?;
        let (read, write) = channel.split();
        match write.exec(true, command).await {
            Ok(()) => Ok(Exec::new(read, write, Arc::clone(&self.inner))),
            Err(_) => Err(self.inner.lost().await),
        }
    }

    /// Ends the connection for all who use it, and tells the server.
    pub async fn close(self) {
        let goodbye = self.inner.handle.disconnect(Disconnect::ByApplication, "", "");
        if timeout(LAST_WORDS, goodbye).await.is_ok_and(|sent| sent.is_ok()) {
            let _ = timeout(LAST_WORDS, self.inner.state.ended.wait()).await;
        }
    }
}

impl Inner {
    /// Returns a stream to `host:port` as seen from the host of this connection.
    pub(crate) async fn tunnel(&self, host: &str, port: u16) -> Result<ChannelStream<Msg>, Error> {
        let origin = "127.0.0.1";
        let opening = self.handle.channel_open_direct_tcpip(host, port.into(), origin, 0);
        Ok(self.opened(opening).await?.into_stream())
    }

    async fn opened(
        &self,
        opening: impl Future<Output = Result<Channel<Msg>, russh::Error>>,
    ) -> Result<Channel<Msg>, Error> {
        let host = || self.host.clone();
        match timeout(self.channel_timeout, opening).await {
            Ok(Ok(channel)) => Ok(channel),
            Ok(Err(russh::Error::ChannelOpenFailure(reason))) => {
                let said = self.state.refusal();
                let reason = said.unwrap_or_else(|| printable(&format!("{reason:?}")));
                Err(Error::NoMoreSessions { host: host(), reason })
            }
            Ok(Err(_)) => Err(self.lost().await),
            Err(_) => {
                let (phase, after) = (Phase::Channel, self.channel_timeout);
                Err(Error::TimedOut { host: host(), phase, after })
            }
        }
    }

    /// Returns the error for a connection that has ended, with its reason.
    pub(crate) async fn lost(&self) -> Error {
        let ended = timeout(LAST_WORDS, self.state.ended.wait()).await;
        let reason = ended.map_or_else(|_| Ended::Closed.to_string(), Ended::to_string);
        Error::Lost { host: self.host.clone(), reason }
    }
}
