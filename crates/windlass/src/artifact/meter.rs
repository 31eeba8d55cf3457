//! Counts what goes into the decompressor and what comes out, and stops it in time.

use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Read};

use super::{ArtifactError, Limits};

/// What a small archive may become whatever its ratio: 64 MiB.
const FREE: u64 = 64 * 1024 * 1024;

/// The counters of one archive, and the first thing that went wrong with its stream. Errors pass
/// through the decompressor, the tar reader and the visitor, who all wrap them; here they are kept
/// as they were.
pub(super) struct Meter {
    limits: Limits,
    packed: Cell<u64>,
    unpacked: Cell<u64>,
    ended: Cell<bool>,
    fault: RefCell<Option<ArtifactError>>,
}

/// The archive as it is stored.
pub(super) struct Packed<'m, R> {
    inner: R,
    meter: &'m Meter,
}

/// The archive, decompressed.
pub(super) struct Unpacked<'m, R> {
    inner: R,
    meter: &'m Meter,
}

impl Meter {
    pub(super) fn new(limits: Limits) -> Self {
        Self {
            limits,
            packed: Cell::new(0),
            unpacked: Cell::new(0),
            ended: Cell::new(false),
            fault: RefCell::new(None),
        }
    }

    pub(super) fn packed<R: Read>(&self, inner: R) -> Packed<'_, R> {
        Packed { inner, meter: self }
    }

    pub(super) fn unpacked<R: Read>(&self, inner: R) -> Unpacked<'_, R> {
        Unpacked { inner, meter: self }
    }

    /// Returns whether the decompressed stream has been read beyond its end.
    pub(super) fn has_ended(&self) -> bool {
        self.ended.get()
    }

    /// Returns why reading failed with `error`.
    pub(super) fn explain(&self, error: io::Error) -> ArtifactError {
        match self.fault.take() {
            Some(fault) => fault,
            None if self.has_ended() => ArtifactError::Truncated,
            None => ArtifactError::Malformed(error),
        }
    }

    /// Returns the fault of the stream, if it has one.
    pub(super) fn fault(&self) -> Option<ArtifactError> {
        self.fault.take()
    }

    /// Keeps `fault` unless there was one before, and returns an error to stop the readers with.
    pub(super) fn fail(&self, fault: ArtifactError) -> io::Error {
        let stopped = io::Error::new(ErrorKind::InvalidData, fault.to_string());
        self.fault.borrow_mut().get_or_insert(fault);
        stopped
    }

    fn judge_size(&self) -> io::Result<()> {
        let Limits { bytes, ratio, .. } = self.limits;
        let unpacked = self.unpacked.get();
        if unpacked > bytes {
            return Err(self.fail(ArtifactError::TooLarge { limit: bytes }));
        }
        if unpacked > FREE && unpacked > self.packed.get().saturating_mul(ratio) {
            return Err(self.fail(ArtifactError::Bomb { limit: ratio }));
        }
        Ok(())
    }

    fn judge_error(&self, error: io::Error) -> io::Error {
        match error.kind() {
            ErrorKind::Interrupted => error,
            ErrorKind::UnexpectedEof => self.fail(ArtifactError::Truncated),
            _ => self.fail(ArtifactError::Compression(error)),
        }
    }
}

impl<R: Read> Read for Packed<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(into) {
            Ok(count) => {
                self.meter.packed.set(self.meter.packed.get() + count as u64);
                Ok(count)
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
            Err(error) => Err(self.meter.fail(ArtifactError::Read(error))),
        }
    }
}

impl<R: Read> Read for Unpacked<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into).map_err(|error| self.meter.judge_error(error))?;
        if count == 0 && !into.is_empty() {
            self.meter.ended.set(true);
        }
        self.meter.unpacked.set(self.meter.unpacked.get() + count as u64);
        self.meter.judge_size()?;
        Ok(count)
    }
}
