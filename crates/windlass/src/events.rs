//! Where events go.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use windlass_core::event::{Event, Stamped};

use crate::clock::Clock;
use crate::secrets::Redaction;

/// Reads events while the engine works: a terminal, a file of JSON lines, a test.
pub trait EventSink: Send + Sync {
    /// Takes one event. It must be quick and must not panic: work waits for it.
    fn emit(&self, event: &Stamped);
}

/// Stamps events with the time and hands them to every sink.
#[derive(Clone)]
pub struct Events {
    clock: Arc<dyn Clock>,
    sinks: Arc<[Box<dyn EventSink>]>,
    redaction: Redaction,
}

impl Events {
    /// Returns events that are read by `sinks`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, sinks: Vec<Box<dyn EventSink>>) -> Self {
        Self { clock, sinks: sinks.into(), redaction: Redaction::default() }
    }

    /// Returns the same, with what `redaction` knows taken out of each event before anybody reads it.
    #[must_use]
    pub fn filtered(self, redaction: Redaction) -> Self {
        Self { redaction, ..self }
    }

    /// Returns events that nobody reads.
    #[must_use]
    pub fn unread(clock: Arc<dyn Clock>) -> Self {
        Self::new(clock, Vec::new())
    }

    /// Tells every sink that `event` happened now.
    pub fn emit(&self, mut event: Event) {
        if self.sinks.is_empty() {
            return;
        }
        self.redaction.clean_event(&mut event);
        let stamped = Stamped { at: self.clock.now(), event };
        for sink in self.sinks.iter() {
            sink.emit(&stamped);
        }
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("sinks", &self.sinks.len()).finish_non_exhaustive()
    }
}

/// Keeps events in memory, for tests and for embedding.
#[derive(Debug, Clone, Default)]
pub struct Recorded(Arc<Mutex<Vec<Stamped>>>);

impl Recorded {
    /// Returns the events so far.
    #[must_use]
    pub fn events(&self) -> Vec<Event> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().map(|stamped| stamped.event.clone()).collect()
    }
}

impl EventSink for Recorded {
    fn emit(&self, event: &Stamped) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(event.clone());
    }
}
