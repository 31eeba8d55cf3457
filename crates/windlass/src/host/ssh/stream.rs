//! The streams of a command on a host, as one stream of bytes.

use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use windlass_ssh::{Input, Output};

use super::sudo::Prompts;
use crate::host::remote::AsideWriter;

/// The standard streams of a command, with what was read of them already before what comes next.
pub(super) struct CommandStream {
    pub(super) heard: Vec<u8>,
    pub(super) output: Output,
    pub(super) input: Input,
}

impl AsyncRead for CommandStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        if self.heard.is_empty() {
            return Pin::new(&mut self.output).poll_read(context, buffer);
        }
        let count = buffer.remaining().min(self.heard.len());
        buffer.put_slice(&self.heard[..count]);
        self.heard.drain(..count);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for CommandStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.input).poll_write(context, bytes)
    }

    fn poll_flush(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.input).poll_flush(context)
    }

    fn poll_shutdown(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.input).poll_shutdown(context)
    }
}

/// Keeps the end of what a command says on its standard error, and tells when `sudo` asks there.
pub(super) async fn listen_aside(mut errors: Output, aside: AsideWriter, mut prompts: Prompts) {
    let mut buffer = vec![0; 4 << 10];
    while let Ok(count @ 1..) = errors.read(&mut buffer).await {
        prompts.look(&buffer[..count]);
        aside.push(&buffer[..count]);
    }
}
