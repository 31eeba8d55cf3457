//! What an agent writes, from several threads.

use std::io::Write;
use std::sync::{Mutex, PoisonError};

use crate::interrupt::Interrupt;
use crate::protocol::{Frame, FrameError, Kind, frame};

/// The stream to the operator. Whoever cannot write to it raises the interrupt: nobody is there.
pub(super) struct Outbox {
    output: Mutex<Box<dyn Write + Send>>,
    interrupt: Interrupt,
}

impl Outbox {
    /// Returns the outbox that writes to `output`.
    pub(super) fn new(output: impl Write + Send + 'static, interrupt: Interrupt) -> Self {
        Self { output: Mutex::new(Box::new(output)), interrupt }
    }

    /// Writes bytes that are no frame.
    pub(super) fn raw(&self, bytes: &[u8]) -> Result<(), FrameError> {
        self.with(|output| {
            output.write_all(bytes)?;
            Ok(output.flush()?)
        })
    }

    /// Writes a frame.
    pub(super) fn put(&self, kind: Kind, payload: &[u8]) -> Result<(), FrameError> {
        self.with(|mut output| frame::write(&mut output, kind, payload))
    }

    /// Writes a frame.
    pub(super) fn send(&self, frame: &Frame) -> Result<(), FrameError> {
        self.put(frame.kind, &frame.payload)
    }

    fn with(
        &self,
        write: impl FnOnce(&mut dyn Write) -> Result<(), FrameError>,
    ) -> Result<(), FrameError> {
        let mut output = self.output.lock().unwrap_or_else(PoisonError::into_inner);
        write(&mut **output).inspect_err(|_| self.interrupt.raise())
    }
}
