//! An agent that is a child process, or behind one, such as the `ssh` program.

use std::ffi::OsString;
use std::pin::Pin;
use std::process::Stdio;
use std::task::{Context, Poll};

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, Join, ReadBuf};
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};

use super::connection::{Aside, AsideWriter, Connection, Connector};
use crate::host::HostError;

/// Starts an agent as a child process, which ends when its standard input does.
#[derive(Debug, Clone)]
pub struct ProcessConnector {
    program: OsString,
    arguments: Vec<OsString>,
    own_group: bool,
}

impl ProcessConnector {
    /// Returns what runs `program` with `arguments`, such as `windlass-agent` with `serve`.
    #[must_use]
    pub fn new<A: Into<OsString>>(
        program: impl Into<OsString>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        Self { program: program.into(), arguments, own_group: false }
    }

    /// Returns the same, in a process group of its own: a key that interrupts this process at a terminal
    /// is not for the agent, which is hung up on instead.
    #[must_use]
    pub const fn in_own_group(mut self) -> Self {
        self.own_group = true;
        self
    }

    fn start(&self) -> std::io::Result<Child> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments);
        if self.own_group {
            command.process_group(0);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
    }
}

#[async_trait]
impl Connector for ProcessConnector {
    async fn open(&self) -> Result<Connection, HostError> {
        let cannot = |reason: &str| {
            let program = self.program.display();
            HostError::Unreachable(format!("cannot start {program}: {reason}"))
        };
        let mut child = self.start().map_err(|error| cannot(&error.to_string()))?;
        let streams = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (Some(input), Some(output), Some(errors)) = streams else {
            return Err(cannot("it has no pipes"));
        };
        let (writer, aside) = Aside::new();
        tokio::spawn(listen_aside(errors, writer));
        let pipes = tokio::io::join(output, input);
        Ok(Connection { stream: Box::new(Process { pipes, _child: child }), aside })
    }
}

async fn listen_aside(mut errors: ChildStderr, aside: AsideWriter) {
    let mut buffer = vec![0; 4 << 10];
    while let Ok(count @ 1..) = errors.read(&mut buffer).await {
        aside.push(&buffer[..count]);
    }
}

/// The pipes of a process, which is reaped by the runtime when it has ended.
struct Process {
    pipes: Join<ChildStdout, ChildStdin>,
    _child: Child,
}

impl AsyncRead for Process {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.pipes).poll_read(context, buffer)
    }
}

impl AsyncWrite for Process {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.pipes).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.pipes).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.pipes).poll_shutdown(context)
    }
}
