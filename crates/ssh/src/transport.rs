//! What the protocol runs over: TCP, a tunnel or a command, watched for silence.

use std::io;
use std::pin::Pin;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, Sleep};

/// The most that is kept of what comes before a greeting.
const LONGEST_PREAMBLE: usize = 1024;

/// Anything that bytes go through both ways.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// What a server said first.
#[derive(Debug, Default)]
pub(crate) struct Greeting {
    seen: Mutex<Preamble>,
}

#[derive(Debug, Default)]
struct Preamble {
    bytes: Vec<u8>,
    complete: bool,
}

impl Greeting {
    /// Returns whether the server has greeted as one that speaks SSH.
    pub(crate) fn is_there(&self) -> bool {
        self.preamble().complete
    }

    /// Returns what it said instead, on one line and with nothing in it that acts on a terminal.
    pub(crate) fn instead(&self) -> Option<String> {
        let preamble = self.preamble();
        let text = String::from_utf8_lossy(&preamble.bytes).trim().escape_debug().to_string();
        (!preamble.complete && !text.is_empty()).then(|| format!("\"{text}\""))
    }

    fn note(&self, bytes: &[u8]) -> bool {
        let mut preamble = self.preamble();
        let room = LONGEST_PREAMBLE.saturating_sub(preamble.bytes.len());
        preamble.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        let mut lines = preamble.bytes.split(|byte| *byte == b'\n');
        preamble.complete = lines.any(|line| line.starts_with(b"SSH-"));
        preamble.complete || room == 0
    }

    fn preamble(&self) -> std::sync::MutexGuard<'_, Preamble> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ends the stream it belongs to when it is dropped, whatever the stream is waiting for.
#[derive(Debug)]
pub(crate) struct Lifeline {
    _sender: oneshot::Sender<()>,
}

/// A stream that notes the greeting, gives up when the other side takes no bytes for too long, and
/// ends with its [`Lifeline`].
///
/// The keepalives of the protocol cannot notice a black hole while bytes are being sent: they wait
/// behind them.
pub(crate) struct Watched {
    inner: Box<dyn Stream>,
    greeting: Option<Arc<Greeting>>,
    patience: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
    lifeline: oneshot::Receiver<()>,
}

impl Watched {
    /// Returns the stream and what ends it.
    pub(crate) fn new(
        inner: Box<dyn Stream>,
        greeting: Arc<Greeting>,
        patience: Duration,
    ) -> (Self, Lifeline) {
        let (sender, lifeline) = oneshot::channel();
        let watched = Self { inner, greeting: Some(greeting), patience, stalled: None, lifeline };
        (watched, Lifeline { _sender: sender })
    }

    fn poll_patience(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        let patience = self.patience;
        let stalled = self
            .stalled
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(Instant::now() + patience)));
        stalled.as_mut().poll(context).map(|()| {
            let problem = format!("it took no bytes for {} s", patience.as_secs_f64());
            io::Error::new(io::ErrorKind::TimedOut, problem)
        })
    }

    fn poll_written<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.stalled = None;
            return written;
        }
        self.poll_patience(context).map(Err)
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if Pin::new(&mut self.lifeline).poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.inner).poll_read(context, buffer);
        if let (Poll::Ready(Ok(())), Some(greeting)) = (&read, &self.greeting)
            && greeting.note(&buffer.filled()[before..])
        {
            self.greeting = None;
        }
        read
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.inner).poll_write(context, bytes);
        self.poll_written(context, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.inner).poll_flush(context);
        self.poll_written(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.inner).poll_shutdown(context);
        self.poll_written(context, shut)
    }
}

/// A stream that keeps something alive as long as it is used: the connection that it goes through.
pub(crate) struct Through<S, K> {
    pub(crate) stream: S,
    pub(crate) _kept: K,
}

impl<S: AsyncRead + Unpin, K: Unpin> AsyncRead for Through<S, K> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin, K: Unpin> AsyncWrite for Through<S, K> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// The most bytes that are taken in from a tunnel ahead of who reads it: more than the windows of the
/// channels inside of it, so that it never fills.
const AHEAD: usize = 16 << 20;

/// Returns `stream` with what comes on it taken in ahead, until the second value is dropped.
///
/// A connection inside of a tunnel does not read while it writes. What comes for it meanwhile, if only
/// permission to write on, would fill the channel of the tunnel, and with it hold up the connection
/// that the tunnel is in: which then never hears that more may be written into the tunnel.
pub(crate) fn read_ahead(stream: impl Stream + 'static) -> (impl Stream, Pump) {
    let (mut input, output) = tokio::io::split(stream);
    let (near, mut far) = tokio::io::duplex(AHEAD);
    let pump = tokio::spawn(async move {
        // Whatever ends it is the end of the stream for who reads.
        let _ = tokio::io::copy(&mut input, &mut far).await;
    });
    (tokio::io::join(near, output), Pump(pump))
}

/// A task that ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Pump(JoinHandle<()>);

impl Drop for Pump {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The input and output of a running command, which ends with it.
pub(crate) type CommandStream =
    Through<tokio::io::Join<ChildStdout, ChildStdin>, Arc<CommandChild>>;

/// A running `ProxyCommand`.
#[derive(Debug)]
pub(crate) struct CommandChild {
    child: Mutex<Child>,
    said: Arc<Mutex<Vec<u8>>>,
}

impl CommandChild {
    pub(crate) fn new(child: Child, said: Arc<Mutex<Vec<u8>>>) -> Self {
        Self { child: Mutex::new(child), said }
    }

    /// Returns what the command wrote to its standard error, or how it ended.
    pub(crate) fn said(&self) -> Option<String> {
        let said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        let text = String::from_utf8_lossy(&said).trim().escape_debug().to_string();
        let ended = || self.ended().map(|status| status.to_string());
        if text.is_empty() { ended() } else { Some(text) }
    }

    fn ended(&self) -> Option<ExitStatus> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner).try_wait().ok().flatten()
    }
}
