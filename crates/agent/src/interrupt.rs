//! Ending commands and waits that nobody waits for any more.

use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::run::readable;

/// Tells everybody who works or waits that it is over; clones are the same interrupt. Once raised it
/// stays so.
#[derive(Debug, Clone)]
pub struct Interrupt(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    told: AtomicBool,
    /// Readable once it was raised: nobody ever reads it.
    raised: PipeReader,
    raise: PipeWriter,
}

impl Interrupt {
    /// Returns an interrupt that nobody has raised.
    ///
    /// # Errors
    /// When the system has no pipe left.
    pub fn new() -> io::Result<Self> {
        let (raised, raise) = io::pipe()?;
        Ok(Self(Arc::new(Inner { told: AtomicBool::new(false), raised, raise })))
    }

    /// Raises it.
    pub fn raise(&self) {
        if !self.0.told.swap(true, Ordering::SeqCst) {
            // One byte into an empty pipe that both ends of are open: it neither blocks nor fails.
            let _ = (&self.0.raise).write(&[1]);
        }
    }

    /// Tells whether it was raised.
    #[must_use]
    pub fn is_raised(&self) -> bool {
        self.0.told.load(Ordering::SeqCst)
    }

    /// Returns what becomes readable when it is raised.
    pub(crate) fn raised(&self) -> BorrowedFd<'_> {
        self.0.raised.as_fd()
    }

    /// Waits for `time`, and returns early, with `true`, when it or `other` is raised.
    pub(crate) fn wait(&self, other: Option<&Self>, time: Duration) -> bool {
        let watched: Vec<_> = [Some(self), other].into_iter().flatten().map(Self::raised).collect();
        // What cannot be watched is not waited for: its work comes to its end without a pause.
        readable(&watched, time).map_or(true, |ready| ready.contains(&true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_waits_for_either_is_told() {
        let (one, two) = (Interrupt::new().expect("a pipe"), Interrupt::new().expect("a pipe"));
        assert!(!one.wait(Some(&two), Duration::from_millis(1)));
        two.clone().raise();
        two.raise();
        assert!(two.is_raised() && !one.is_raised());
        assert!(one.wait(Some(&two), Duration::from_secs(3600)));
        assert!(two.wait(None, Duration::from_secs(3600)));
    }
}
