//! The filter for a text that comes in pieces.

use std::fmt;

use super::{Found, Redactor, View, label};

/// Keeps back the end of what it was given, as long as a value may begin there.
pub struct RedactedStream {
    redactor: Redactor,
    kept: Vec<u8>,
}

impl RedactedStream {
    pub(super) const fn new(redactor: Redactor) -> Self {
        Self { redactor, kept: Vec::new() }
    }

    /// Takes the next piece and returns what can be shown by now. It keeps back at most what the
    /// longest value takes, unless all of it is part of one.
    #[must_use]
    pub fn push(&mut self, piece: &[u8]) -> Vec<u8> {
        let Some(patterns) = &self.redactor.0 else { return piece.to_vec() };
        self.kept.extend_from_slice(piece);
        let views = View::all(&self.kept);
        let held = views.iter().map(|view| view.start_of_last(patterns.reach())).min();
        let found = patterns.find(&self.kept);
        let cut = cut_before(held.unwrap_or(0), &found);
        let rest = self.kept.split_off(cut);
        let ready = std::mem::replace(&mut self.kept, rest);
        let within = |found: &&Found| found.range.end <= cut;
        let mut out = Vec::with_capacity(ready.len());
        let mut at = 0;
        for Found { range, name } in found.iter().filter(within) {
            out.extend_from_slice(&ready[at..range.start]);
            out.extend_from_slice(label(patterns.name(*name)).as_bytes());
            at = range.end;
        }
        out.extend_from_slice(&ready[at..]);
        out
    }

    /// Returns what was kept back: nothing comes after it.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.redactor.redact_bytes(&self.kept).into_owned()
    }
}

/// Returns the last place up to `held` that does not cut through anything found.
fn cut_before(held: usize, found: &[Found]) -> usize {
    let through = found.iter().find(|found| found.range.start < held && held < found.range.end);
    through.map_or(held, |found| found.range.start)
}

impl fmt::Debug for RedactedStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedactedStream").field("kept", &self.kept.len()).finish_non_exhaustive()
    }
}
