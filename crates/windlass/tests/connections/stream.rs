//! Connections that are cut after so many bytes.

use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::process::{Child, ChildStdin, ChildStdout};
use windlass::host::HostError;
use windlass::host::remote::{Connection, Connector};

use super::fixture::agent;

/// Where a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    /// In what the agent is told.
    Down,
    /// In what the agent says.
    Up,
}

/// How many bytes have passed, in both directions.
#[derive(Debug, Default)]
pub(crate) struct Passed {
    down: AtomicUsize,
    up: AtomicUsize,
}

impl Passed {
    pub(crate) fn of(&self, direction: Direction) -> usize {
        self.counter(direction).load(Ordering::SeqCst)
    }

    fn counter(&self, direction: Direction) -> &AtomicUsize {
        match direction {
            Direction::Down => &self.down,
            Direction::Up => &self.up,
        }
    }
}

/// Starts one agent, whose connection is cut; no second one can be reached.
pub(crate) struct Cutting {
    at: (Direction, usize),
    pub(crate) passed: Arc<Passed>,
    agent: Mutex<Option<Child>>,
}

impl Cutting {
    pub(crate) fn new(direction: Direction, bytes: usize) -> Self {
        Self { at: (direction, bytes), passed: Arc::default(), agent: Mutex::default() }
    }

    /// Waits for the agent to end, if one was started.
    pub(crate) async fn agent_ends(&self) {
        let agent = self.agent.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(mut agent) = agent {
            agent.wait().await.expect("it ends");
        }
    }
}

#[async_trait]
impl Connector for Cutting {
    async fn open(&self) -> Result<Connection, HostError> {
        let mut started = self.agent.lock().unwrap_or_else(PoisonError::into_inner);
        if started.is_some() {
            return Err(HostError::Unreachable("the wire is cut".to_owned()));
        }
        let (child, input, output) = agent();
        *started = Some(child);
        let passed = Arc::clone(&self.passed);
        Ok(Connection::new(Wire { pipes: Some((input, output)), at: self.at, passed }))
    }
}

/// The pipes to an agent, until they are cut.
struct Wire {
    pipes: Option<(ChildStdin, ChildStdout)>,
    at: (Direction, usize),
    passed: Arc<Passed>,
}

impl Wire {
    /// Returns how many of `wanted` bytes may pass, and cuts where none may.
    fn allowed(&mut self, direction: Direction, wanted: usize) -> usize {
        if self.at.0 != direction {
            return wanted;
        }
        let left = self.at.1 - self.passed.of(direction);
        if left == 0 {
            self.pipes = None;
        }
        wanted.min(left)
    }

    fn count(&self, direction: Direction, bytes: usize) {
        self.passed.counter(direction).fetch_add(bytes, Ordering::SeqCst);
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let most = self.allowed(Direction::Up, buffer.remaining());
        let Some((_, output)) = &mut self.pipes else { return Poll::Ready(Ok(())) };
        let mut bytes = vec![0; most.min(4096)];
        let mut piece = ReadBuf::new(&mut bytes);
        std::task::ready!(Pin::new(output).poll_read(context, &mut piece))?;
        let count = piece.filled().len();
        buffer.put_slice(piece.filled());
        self.count(Direction::Up, count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        let most = self.allowed(Direction::Down, bytes.len());
        let Some((input, _)) = &mut self.pipes else {
            return Poll::Ready(Err(ErrorKind::BrokenPipe.into()));
        };
        let count = std::task::ready!(Pin::new(input).poll_write(context, &bytes[..most]))?;
        self.count(Direction::Down, count);
        Poll::Ready(Ok(count))
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        match &mut self.pipes {
            Some((input, _)) => Pin::new(input).poll_flush(context),
            None => Poll::Ready(Err(ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        self.pipes = None;
        Poll::Ready(Ok(()))
    }
}
