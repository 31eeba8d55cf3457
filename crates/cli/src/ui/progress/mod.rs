//! What is being done: a reader of the engine's events.

mod bars;
mod board;
mod lines;

use std::io::Write;
use std::sync::{Mutex, MutexGuard, PoisonError};

use indicatif::ProgressDrawTarget;
use windlass_core::event::Stamped;

use self::bars::Bars;
use super::style::Style;

/// How progress is shown. The caller decides, from the terminal, `TERM` and `--quiet`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProgressMode {
    /// Lines that are drawn again and again, for a terminal.
    Bars,
    /// A line for each event, for everything else.
    Lines,
    /// Nothing.
    Quiet,
}

/// Shows events on the standard error stream. A stream that is closed or full changes nothing: what
/// is being done goes on.
pub(crate) struct Progress {
    display: Mutex<Display>,
    style: Style,
}

enum Display {
    Bars(Box<Bars>),
    Lines(Box<dyn Write + Send>),
    Quiet,
}

impl Progress {
    /// Returns a reader that shows events as `mode` says; [`ProgressMode::Bars`] are lines where
    /// standard error is no terminal after all.
    pub(crate) fn new(mode: ProgressMode, style: Style) -> Self {
        let terminal = ProgressDrawTarget::stderr();
        let display = match mode {
            ProgressMode::Quiet => Display::Quiet,
            ProgressMode::Bars if !terminal.is_hidden() => {
                Display::Bars(Box::new(Bars::new(terminal, style)))
            }
            ProgressMode::Bars | ProgressMode::Lines => Display::Lines(Box::new(std::io::stderr())),
        };
        Self { display: Mutex::new(display), style }
    }

    /// Shows `stamped`. May be called from several threads.
    pub(crate) fn on(&self, stamped: &Stamped) {
        match &mut *self.display() {
            Display::Bars(bars) => bars.on(&stamped.event),
            Display::Lines(out) => {
                if let Some(lines) = lines::stamped(stamped, self.style) {
                    // Nobody is left to tell that standard error is closed.
                    let _ = out.write_all(lines.as_bytes()).and_then(|()| out.flush());
                }
            }
            Display::Quiet => {}
        }
    }

    /// Takes what is drawn again and again off the terminal, before something else is printed.
    pub(crate) fn clear(&self) {
        if let Display::Bars(bars) = &mut *self.display() {
            bars.clear();
        }
    }

    fn display(&self) -> MutexGuard<'_, Display> {
        self.display.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;

    use windlass_core::event::Event;
    use windlass_core::record::TargetState;
    use windlass_core::target::TargetId;

    use super::*;
    use crate::ui::samples::when;

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("no test panics while writing").write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Closed;

    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    fn lines_to(out: impl Write + Send + 'static) -> Progress {
        Progress { display: Mutex::new(Display::Lines(Box::new(out))), style: Style::PLAIN }
    }

    fn activating() -> Stamped {
        let state = TargetState::Activating;
        let event = Event::TargetChanged { target: TargetId::new("web1"), state, error: None };
        Stamped { at: when(), event }
    }

    #[test]
    fn lines_are_written_as_events_come() {
        let out = Shared::default();
        let progress = lines_to(out.clone());
        progress.on(&activating());
        progress.clear();
        let written = out.0.lock().expect("no test panics while writing").clone();
        assert_eq!(String::from_utf8_lossy(&written), "[22:13:20] web1: activating\n");
    }

    #[test]
    fn a_closed_stream_breaks_nothing() {
        let progress = lines_to(Closed);
        progress.on(&activating());
        progress.on(&activating());
    }

    #[test]
    fn a_display_can_be_cleared_before_its_first_event() {
        for mode in [ProgressMode::Bars, ProgressMode::Lines, ProgressMode::Quiet] {
            Progress::new(mode, Style::COLORED).clear();
        }
    }

    #[test]
    fn quiet_has_nowhere_to_write() {
        let progress = Progress::new(ProgressMode::Quiet, Style::COLORED);
        progress.on(&activating());
        assert!(matches!(*progress.display(), Display::Quiet));
    }
}
