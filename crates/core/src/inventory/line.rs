//! A line of a text, and where things in it are.

use std::cell::Cell;
use std::ops::Range;
use std::sync::Arc;

use crate::config::{Origin, Span};
use crate::diagnostic::Position;

/// A line without its end.
pub(super) struct Line<'t> {
    pub(super) text: &'t str,
    file: &'t Arc<str>,
    number: u32,
    /// A byte, and how many characters are before it: places are asked for from left to right.
    known: Cell<(usize, usize)>,
}

impl<'t> Line<'t> {
    pub(super) fn new(file: &'t Arc<str>, number: u32, text: &'t str) -> Self {
        Self { text, file, number, known: Cell::new((0, 0)) }
    }

    /// Returns where the line is without the spaces around it.
    pub(super) fn trimmed(&self) -> Range<usize> {
        let start = self.text.len() - self.text.trim_start().len();
        start..start + self.text.trim().len()
    }

    /// Returns the place of the bytes `at`.
    pub(super) fn origin(&self, at: Range<usize>) -> Origin {
        let start = self.characters(at.start);
        let width = self.text[at].chars().count();
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let position = Position { line: self.number, column: number(start + 1) };
        Origin::new(Arc::clone(self.file), Span { position, width: number(width.max(1)) })
    }

    fn characters(&self, at: usize) -> usize {
        let (byte, characters) = match self.known.get() {
            (byte, characters) if byte <= at => (byte, characters),
            _ => (0, 0),
        };
        let characters = characters + self.text[byte..at].chars().count();
        self.known.set((at, characters));
        characters
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters() {
        let file = Arc::from("hosts");
        let line = Line::new(&file, 7, "  é=ü x  ");
        assert_eq!(line.trimmed(), 2..9);
        assert_eq!(line.origin(5..7).to_string(), "hosts:7:5");
        assert_eq!(line.origin(8..9).to_string(), "hosts:7:7");
        assert_eq!(line.origin(2..7).span.map(|span| span.width), Some(3));
        assert_eq!(line.origin(8..8).span.map(|span| span.width), Some(1));
    }
}
