//! Byte offsets to lines and columns.

use std::ops::Range;

use super::Span;
use crate::diagnostic::Position;

/// Bytes between two known places: what a lookup reads at most.
const STRIDE: usize = 128;

/// The places of a text, found in constant time even when it is a single long line.
pub(super) struct Lines<'t> {
    text: &'t str,
    known: Vec<Position>,
}

impl<'t> Lines<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let mut known = Vec::with_capacity(text.len() / STRIDE + 1);
        let mut at = Position { line: 1, column: 1 };
        for (offset, byte) in text.bytes().enumerate() {
            if offset.is_multiple_of(STRIDE) {
                known.push(at);
            }
            advance(&mut at, byte);
        }
        if text.len().is_multiple_of(STRIDE) {
            known.push(at);
        }
        Self { text, known }
    }

    /// Returns the place of the character at byte `offset`.
    pub(super) fn position(&self, offset: usize) -> Position {
        let offset = offset.min(self.text.len());
        let stride = offset / STRIDE;
        let mut at = self.known[stride];
        for byte in &self.text.as_bytes()[stride * STRIDE..offset] {
            advance(&mut at, *byte);
        }
        at
    }

    /// Returns the stretch of `range` that lies on its first line.
    pub(super) fn span(&self, range: Range<usize>) -> Span {
        let start = range.start.min(self.text.len());
        let end = range.end.clamp(start, self.text.len());
        let position = self.position(start);
        let bytes = &self.text.as_bytes()[start..end];
        let first_line =
            bytes.split(|byte| matches!(byte, b'\r' | b'\n')).next().unwrap_or_default();
        let width = first_line.iter().filter(|byte| starts_char(**byte)).count().max(1);
        Span { position, width: u32::try_from(width).unwrap_or(u32::MAX) }
    }
}

fn advance(at: &mut Position, byte: u8) {
    if byte == b'\n' {
        *at = Position { line: at.line + 1, column: 1 };
    } else if starts_char(byte) {
        at.column += 1;
    }
}

/// Tells whether `byte` is the first of a UTF-8 character.
fn starts_char(byte: u8) -> bool {
    byte & 0b1100_0000 != 0b1000_0000
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_counting_from_the_start() {
        let text = "ünï: 1\r\n日本\n".repeat(40);
        for end in [0, 1, 127, 128, 129, text.len()] {
            let text =
                &text[..(end..).find(|&at| text.is_char_boundary(at)).expect("the end is one")];
            let lines = Lines::new(text);
            let offsets = (0..=text.len()).filter(|&offset| text.is_char_boundary(offset));
            for offset in offsets {
                assert_eq!(lines.position(offset), Position::of_offset(text, offset), "{offset}");
            }
        }
    }

    #[test]
    fn spans_count_characters_of_the_first_line() {
        let lines = Lines::new("ä: 'ü\r\nx'");
        assert_eq!(lines.span(4..10), Span { position: Position { line: 1, column: 4 }, width: 2 });
        assert_eq!(lines.span(99..99).width, 1);
    }
}
