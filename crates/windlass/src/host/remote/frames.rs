//! Frames from and to an agent.

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use windlass_agent::protocol::greeting::Listening;
use windlass_agent::protocol::{Frame, FrameError, Greeting, GreetingError, Header};

/// How much is read at a time: no frame takes memory before its bytes have come.
const PIECE: usize = 64 << 10;

/// Reads frames; a read that is given up loses nothing.
pub(super) struct Reader<R> {
    input: R,
    held: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    /// Returns a reader of what comes after a greeting.
    pub(super) fn new(input: R) -> Self {
        Self { input, held: Vec::new() }
    }

    /// Reads the agent's greeting, which `listening` has heard the beginning of.
    pub(super) async fn greeting(
        &mut self,
        listening: &mut Listening,
    ) -> Result<Greeting, GreetingError> {
        loop {
            if !self.more().await.unwrap_or(false) {
                return Err(listening.give_up());
            }
            if let Some(heard) = listening.hear(&std::mem::take(&mut self.held))? {
                self.held = heard.rest;
                return Ok(heard.greeting);
            }
        }
    }

    /// Returns the next frame, or nothing where the stream ended before it.
    pub(super) async fn next(&mut self) -> Result<Option<Frame>, FrameError> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(Some(frame));
            }
            if !self.more().await? {
                return if self.held.is_empty() { Ok(None) } else { Err(FrameError::Cut) };
            }
        }
    }

    fn take(&mut self) -> Result<Option<Frame>, FrameError> {
        let Some(header) = self.held.first_chunk() else { return Ok(None) };
        let header = Header::decode(*header)?;
        let end = Header::BYTES + header.length as usize;
        let Some(payload) = self.held.get(Header::BYTES..end) else { return Ok(None) };
        let frame = Frame { kind: header.kind, payload: payload.to_vec() };
        self.held.drain(..end);
        Ok(Some(frame))
    }

    /// Reads what is there; tells whether the stream goes on.
    async fn more(&mut self) -> Result<bool, std::io::Error> {
        self.held.reserve(PIECE);
        Ok(self.input.read_buf(&mut self.held).await? > 0)
    }
}

/// Writes bytes and sees them off.
pub(super) async fn write(
    output: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
) -> Result<(), FrameError> {
    output.write_all(bytes).await?;
    Ok(output.flush().await?)
}
