//! The part of a source text that a diagnostic is about.

use std::ops::Range;

use windlass_core::diagnostic::Position;

use super::escape;

/// The most characters of a line that are shown.
const WIDEST: usize = 120;
/// How many characters before the caret are kept where a line is cut.
const BEFORE: usize = 40;
/// What a tab becomes, so that the caret stands where it should in every terminal.
const TAB: &str = "    ";

/// A source text whose lines are found without reading it again.
#[derive(Debug)]
pub(crate) struct Source {
    text: String,
    lines: Vec<Range<usize>>,
}

impl Source {
    /// Returns `text`, ready to be asked for its lines.
    pub(crate) fn new(text: String) -> Self {
        let mut lines = Vec::new();
        let mut start = 0;
        for line in text.split('\n') {
            let end = start + line.len();
            lines.push(start..end - usize::from(line.ends_with('\r')));
            start = end + 1;
        }
        Self { text, lines }
    }

    /// Returns what to show for `width` characters at `at`; nothing where the text has no such
    /// line.
    pub(crate) fn excerpt(&self, at: Position, width: u32) -> Option<Excerpt> {
        let index = (at.line as usize).checked_sub(1)?;
        let line = &self.text[self.lines.get(index)?.clone()];
        Some(Excerpt::of(line, (at.column as usize).saturating_sub(1), width as usize))
    }
}

/// One line as it is shown, and the bytes of it that the caret underlines.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Excerpt {
    /// The line, cut around the caret, safe for a terminal.
    pub(crate) line: String,
    /// The underlined bytes of [`Excerpt::line`]; at its end where the place is past it.
    pub(crate) span: Range<usize>,
}

impl Excerpt {
    /// Returns `line` with `width` characters from `column` (from 0) underlined.
    fn of(line: &str, column: usize, width: usize) -> Self {
        let length = line.chars().count();
        let column = column.min(length);
        let marked_end = column.saturating_add(width.max(1));
        let window = window(length, column);
        let mut out = String::from(if window.start > 0 { "…" } else { "" });
        let mut span = out.len()..out.len();
        for (at, c) in line.chars().enumerate().skip(window.start).take(window.len()) {
            push(&mut out, c);
            if at < column {
                span.start = out.len();
            }
            if at < marked_end {
                span.end = out.len();
            }
        }
        if window.end < length {
            out.push('…');
        }
        Self { line: out, span }
    }
}

/// Returns the characters that are shown of a line with `length` of them.
fn window(length: usize, column: usize) -> Range<usize> {
    if length <= WIDEST {
        return 0..length;
    }
    let start = column.saturating_sub(BEFORE);
    start..length.min(start + WIDEST)
}

fn push(out: &mut String, c: char) {
    if c == '\t' { out.push_str(TAB) } else { escape::push(out, c) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str, line: u32, column: u32, width: u32) -> Option<(String, String)> {
        let source = Source::new(text.to_owned());
        let excerpt = source.excerpt(Position { line, column }, width)?;
        let marked = excerpt.line[excerpt.span].to_owned();
        Some((excerpt.line, marked))
    }

    #[test]
    fn finds_lines_of_every_ending() {
        let text = "one\r\ntwo\nthree";
        assert_eq!(at(text, 1, 1, 3), Some(("one".into(), "one".into())));
        assert_eq!(at(text, 2, 2, 1), Some(("two".into(), "w".into())));
        assert_eq!(at(text, 3, 5, 1), Some(("three".into(), "e".into())));
    }

    #[test]
    fn past_the_end_there_is_a_caret_or_no_line() {
        assert_eq!(at("one\n", 1, 99, 5), Some(("one".into(), String::new())));
        assert_eq!(at("one\n", 2, 1, 1), Some((String::new(), String::new())));
        assert_eq!(at("one\n", 3, 1, 1), None);
        assert_eq!(at("one", 0, 0, 0), None, "lines start at 1");
        assert_eq!(at("one", 1, 0, 0), Some(("one".into(), "o".into())), "as far left as can be");
    }

    #[test]
    fn tabs_and_control_characters_keep_the_caret_in_place() {
        assert_eq!(at("\ta\tb", 1, 4, 1), Some(("    a    b".into(), "b".into())));
        let shown = at("x\u{1b}[31m = y", 1, 2, 1);
        assert_eq!(shown, Some(("x\\u{1b}[31m = y".into(), "\\u{1b}".into())));
    }

    #[test]
    fn a_very_long_line_is_cut_around_the_caret() {
        let text = format!("{}Ü{}", "a".repeat(5000), "b".repeat(5000));
        let (line, marked) = at(&text, 1, 5001, 1).expect("the line exists");
        assert_eq!(marked, "Ü");
        assert_eq!(line, format!("…{}Ü{}…", "a".repeat(40), "b".repeat(79)));
        let (line, marked) = at(&text, 1, 5001, 9999).expect("the line exists");
        assert_eq!((line.chars().count(), marked.chars().count()), (122, 80), "no wider");
        let (line, marked) = at(&text, 1, 99_999, 1).expect("the line exists");
        assert_eq!((line, marked), (format!("…{}", "b".repeat(40)), String::new()));
    }
}
