//! A command that runs on a host.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use russh::client::Msg;
use russh::{ChannelMsg, ChannelReadHalf, ChannelWriteHalf, Sig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::sync::{mpsc, oneshot};

use crate::connection::Inner;
use crate::error::Error;

/// Packets of one stream that are held for a reader who is behind.
const HELD_PACKETS: usize = 4;

/// The stream number of standard error.
const STANDARD_ERROR: u32 = 1;

/// A command that runs on a host: its streams and its end.
///
/// Whoever starts a command reads both streams or drops them: what is not read holds up all that
/// comes over the same connection. When all parts but the input are dropped the channel is closed. The
/// command itself then goes on without input and output: it has to end when they do, or be told
/// with [`Exit::signal`].
#[derive(Debug)]
pub struct Exec {
    /// What the command reads. Dropping it is the end of the input.
    pub stdin: Input,
    /// What the command writes to its standard output.
    pub stdout: Output,
    /// What the command writes to its standard error.
    pub stderr: Output,
    /// How the command ends.
    pub exit: Exit,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExitStatus {
    /// By itself, with this code.
    Code(u32),
    /// By a signal, by its name without `SIG`.
    Signal(String),
}

impl ExitStatus {
    /// Returns whether the command ended with code 0.
    #[must_use]
    pub const fn is_success(&self) -> bool {
        matches!(self, Self::Code(0))
    }
}

impl fmt::Display for ExitStatus {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(formatter, "exit code {code}"),
            Self::Signal(name) => write!(formatter, "signal {name}"),
        }
    }
}

/// What a command said and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// How it ended.
    pub status: ExitStatus,
    /// The beginning of its standard output, as far as it was wanted.
    pub stdout: Vec<u8>,
    /// The beginning of its standard error, as far as it was wanted.
    pub stderr: Vec<u8>,
}

impl Exec {
    /// Returns the command on a channel that was opened for it.
    pub(crate) fn new(
        read: ChannelReadHalf,
        write: ChannelWriteHalf<Msg>,
        connection: Arc<Inner>,
    ) -> Self {
        let (stdout, out) = mpsc::channel(HELD_PACKETS);
        let (stderr, err) = mpsc::channel(HELD_PACKETS);
        let (exit, ended) = oneshot::channel();
        let (over, closed) = oneshot::channel();
        let write = Arc::new(write);
        let pump = Pump { sinks: Sinks { stdout, stderr }, exit, _over: over };
        tokio::spawn(pump.run(read, Arc::clone(&write), Arc::clone(&connection)));
        Self {
            stdin: Input::new(Arc::clone(&write), closed),
            stdout: Output::new(out),
            stderr: Output::new(err),
            exit: Exit { ended, write, connection },
        }
    }

    /// Returns what the command says without any input and how it ends; more than `most` bytes of
    /// a stream are read and dropped.
    ///
    /// # Errors
    ///
    /// [`Error::Lost`] when the connection ends before the command, and
    /// [`Error::CommandRefused`].
    pub async fn finish(self, most: usize) -> Result<Finished, Error> {
        let Self { stdin, mut stdout, mut stderr, exit } = self;
        drop(stdin);
        let (stdout, stderr, status) =
            tokio::join!(stdout.beginning(most), stderr.beginning(most), exit.status());
        Ok(Finished { status: status?, stdout, stderr })
    }
}

/// How a command ends, once it does.
#[derive(Debug)]
pub struct Exit {
    ended: oneshot::Receiver<Result<ExitStatus, Problem>>,
    write: Arc<ChannelWriteHalf<Msg>>,
    connection: Arc<Inner>,
}

impl Exit {
    /// Returns how the command ended, when it has.
    ///
    /// # Errors
    ///
    /// [`Error::Lost`] when the connection ended before the command, and
    /// [`Error::CommandRefused`].
    pub async fn status(self) -> Result<ExitStatus, Error> {
        match self.ended.await {
            Ok(Ok(status)) => Ok(status),
            Ok(Err(Problem::Refused)) => {
                Err(Error::CommandRefused { host: self.connection.host.clone() })
            }
            Ok(Err(Problem::Closed)) => Err(Error::Lost {
                host: self.connection.host.clone(),
                reason: "the channel was closed before the command had ended".to_owned(),
            }),
            Ok(Err(Problem::Lost)) | Err(_) => Err(self.connection.lost().await),
        }
    }

    /// Asks the server to send the command and its children a signal, by its name without `SIG`.
    /// OpenSSH does so since 7.9, neither to forced commands nor for root, and says nothing of it.
    ///
    /// # Errors
    ///
    /// [`Error::Lost`] when the connection has ended.
    pub async fn signal(&self, name: &str) -> Result<(), Error> {
        match self.write.signal(Sig::Custom(name.to_owned())).await {
            Ok(()) => Ok(()),
            Err(_) => Err(self.connection.lost().await),
        }
    }
}

/// Why there is no exit status.
#[derive(Debug)]
enum Problem {
    Refused,
    Closed,
    Lost,
}

/// Brings what comes on a channel to the parts of an [`Exec`].
struct Pump {
    sinks: Sinks,
    exit: oneshot::Sender<Result<ExitStatus, Problem>>,
    /// Dropped with the pump: then nobody takes any more input.
    _over: oneshot::Sender<()>,
}

impl Pump {
    /// Runs until the channel is closed, the connection lost, or nobody is interested any more.
    async fn run(
        mut self,
        mut read: ChannelReadHalf,
        write: Arc<ChannelWriteHalf<Msg>>,
        connection: Arc<Inner>,
    ) {
        let mut status = None;
        let last = loop {
            let message = tokio::select! {
                message = read.wait() => message,
                () = self.sinks.abandoned(&mut self.exit) => break Last::Abandoned,
            };
            match message {
                Some(ChannelMsg::Close) => break Last::Closed,
                Some(message) => self.sinks.take(message, &mut status).await,
                None => break Last::Lost,
            }
            if matches!(status, Some(Err(Problem::Refused))) {
                break Last::Abandoned;
            }
        };
        // Whoever waits for room in the channel must not wait for what is sent below.
        drop(read);
        let missing = if last == Last::Closed { Problem::Closed } else { Problem::Lost };
        let _ = self.exit.send(status.unwrap_or(Err(missing)));
        if last == Last::Abandoned {
            let _ = write.close().await;
        }
        drop(connection);
    }
}

/// Why a pump stops.
#[derive(Debug, PartialEq, Eq)]
enum Last {
    Closed,
    Lost,
    Abandoned,
}

/// Where the output of a command goes.
struct Sinks {
    stdout: mpsc::Sender<Bytes>,
    stderr: mpsc::Sender<Bytes>,
}

impl Sinks {
    /// Passes on one message; a stream whose reader is gone is dropped.
    async fn take(&self, message: ChannelMsg, status: &mut Option<Result<ExitStatus, Problem>>) {
        match message {
            ChannelMsg::Data { data } => drop(self.stdout.send(data).await),
            ChannelMsg::ExtendedData { data, ext: STANDARD_ERROR } => {
                drop(self.stderr.send(data).await);
            }
            ChannelMsg::ExitStatus { exit_status } => {
                *status = Some(Ok(ExitStatus::Code(exit_status)));
            }
            ChannelMsg::ExitSignal { signal_name, .. } => {
                *status = Some(Ok(ExitStatus::Signal(name_of(&signal_name))));
            }
            ChannelMsg::Failure => *status = Some(Err(Problem::Refused)),
            _ => {}
        }
    }

    /// Ends when nobody holds any part that something could come to.
    async fn abandoned<T>(&self, exit: &mut oneshot::Sender<T>) {
        tokio::join!(self.stdout.closed(), self.stderr.closed(), exit.closed());
    }
}

fn name_of(signal: &Sig) -> String {
    match signal {
        Sig::Custom(name) => name.clone(),
        known => format!("{known:?}"),
    }
}

/// What a command reads.
pub struct Input {
    writer: Pin<Box<dyn AsyncWrite + Send>>,
    write: Arc<ChannelWriteHalf<Msg>>,
    /// Ready when the command takes no more.
    closed: Option<oneshot::Receiver<()>>,
    ended: bool,
    runtime: tokio::runtime::Handle,
}

impl fmt::Debug for Input {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Input").field("ended", &self.ended).finish_non_exhaustive()
    }
}

impl Input {
    fn new(write: Arc<ChannelWriteHalf<Msg>>, closed: oneshot::Receiver<()>) -> Self {
        let writer = Box::pin(write.make_writer());
        let runtime = tokio::runtime::Handle::current();
        Self { writer, write, closed: Some(closed), ended: false, runtime }
    }

    /// Returns an error once the channel is closed: nothing that is written arrives any more.
    fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<io::Error> {
        if let Some(closed) = &mut self.closed {
            let _ = ready!(Pin::new(closed).poll(context));
            self.closed = None;
        }
        Poll::Ready(io::ErrorKind::BrokenPipe.into())
    }
}

impl AsyncWrite for Input {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if let Poll::Ready(error) = self.poll_closed(context) {
            return Poll::Ready(Err(error));
        }
        match bytes.is_empty() {
            true => Poll::Ready(Ok(0)),
            false => self.writer.as_mut().poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.poll_closed(context).is_ready() {
            self.ended = true;
            return Poll::Ready(Ok(()));
        }
        let shut = self.writer.as_mut().poll_shutdown(context);
        self.ended |= shut.is_ready();
        shut
    }
}

impl Drop for Input {
    fn drop(&mut self) {
        if !self.ended {
            let write = Arc::clone(&self.write);
            self.runtime.spawn(async move {
                let _ = write.eof().await;
            });
        }
    }
}

/// What a command writes.
#[derive(Debug)]
pub struct Output {
    packets: mpsc::Receiver<Bytes>,
    current: Bytes,
}

impl Output {
    const fn new(packets: mpsc::Receiver<Bytes>) -> Self {
        Self { packets, current: Bytes::new() }
    }

    /// Returns the first `most` bytes, and reads the others too.
    async fn beginning(&mut self, most: usize) -> Vec<u8> {
        let mut kept = Vec::new();
        let mut rest = tokio::io::sink();
        let limit = u64::try_from(most).unwrap_or(u64::MAX);
        // Neither fails: the end of a connection is the end of a stream, and memory takes all.
        let _ = (&mut *self).take(limit).read_to_end(&mut kept).await;
        let _ = tokio::io::copy(self, &mut rest).await;
        let _ = rest.shutdown().await;
        kept
    }
}

impl AsyncRead for Output {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        while self.current.is_empty() {
            match ready!(self.packets.poll_recv(context)) {
                Some(packet) => self.current = packet,
                None => return Poll::Ready(Ok(())),
            }
        }
        let length = buffer.remaining().min(self.current.len());
        buffer.put_slice(&self.current[..length]);
        self.current.advance(length);
        Poll::Ready(Ok(()))
    }
}
