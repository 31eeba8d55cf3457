//! Readers of the engine's events.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use windlass::{Error, EventSink};
use windlass_core::event::Stamped;

use crate::ui::progress::Progress;

/// Shows progress on stderr.
pub(crate) struct Terminal(Mutex<Progress>);

impl Terminal {
    pub(crate) const fn new(progress: Progress) -> Self {
        Self(Mutex::new(progress))
    }
}

impl EventSink for Terminal {
    fn emit(&self, event: &Stamped) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).on(event);
    }
}

/// Writes each event as one line of JSON.
pub(crate) struct JsonLines(Mutex<Box<dyn Write + Send>>);

impl JsonLines {
    /// Opens `path`, or stderr for `-`: stdout carries the outcome.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        if path == Path::new("-") {
            return Ok(Self(Mutex::new(Box::new(io::stderr()))));
        }
        let source = |source| Error::Io { action: "create", path: path.to_owned(), source };
        Ok(Self(Mutex::new(Box::new(File::create(path).map_err(source)?))))
    }
}

impl EventSink for JsonLines {
    fn emit(&self, event: &Stamped) {
        let Ok(mut line) = serde_json::to_vec(event) else { return };
        line.push(b'\n');
        let mut out = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // A reader that has gone must not stop a deployment.
        let _ = out.write_all(&line);
    }
}
