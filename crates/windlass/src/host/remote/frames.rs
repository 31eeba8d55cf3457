//! Frames from and to an agent.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use windlass_agent::protocol::greeting::Listening;
use windlass_agent::protocol::{Frame, FrameError, Greeting, GreetingError, Header};

use super::error::Broken;

/// How much is read or written at a time: no frame takes memory before its bytes have come, and
/// patience is for each such piece.
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

    /// Returns the next frame, or an error where the stream ended or said nothing for `silence`.
    pub(super) async fn next(&mut self, silence: Duration) -> Result<Frame, Broken> {
        loop {
            if let Some(frame) = self.take()? {
                return Ok(frame);
            }
            let more = timeout(silence, self.more()).await;
            let more = more.map_err(|_| Broken::Silent(silence.as_secs()))?;
            if !more.map_err(FrameError::from)? {
                let cut = !self.held.is_empty();
                return Err(if cut { FrameError::Cut.into() } else { Broken::HungUp });
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

/// Writes bytes, as long as some are taken in time.
pub(super) async fn write(
    output: &mut (impl AsyncWrite + Unpin),
    bytes: &[u8],
    silence: Duration,
) -> Result<(), Broken> {
    for piece in bytes.chunks(PIECE) {
        let written = async {
            output.write_all(piece).await?;
            output.flush().await
        };
        let written = timeout(silence, written).await;
        written.map_err(|_| Broken::Silent(silence.as_secs()))?.map_err(FrameError::from)?;
    }
    Ok(())
}
