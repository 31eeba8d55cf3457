//! Splices, and lines around a byte.

use std::ops::Range;

/// A stretch of a text, and what comes in its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Splice {
    range: Range<usize>,
    text: String,
}

impl Splice {
    pub(super) fn new(range: Range<usize>, text: impl Into<String>) -> Self {
        Self { range, text: text.into() }
    }

    pub(super) fn insert(at: usize, text: impl Into<String>) -> Self {
        Self::new(at..at, text)
    }

    pub(super) fn delete(range: Range<usize>) -> Self {
        Self::new(range, "")
    }
}

/// Returns `text` with all of `splices`, or nothing if they overlap or reach beyond it.
pub(super) fn splice(text: &str, mut splices: Vec<Splice>) -> Option<String> {
    splices.sort_by_key(|splice| (splice.range.start, splice.range.end));
    let mut result = String::with_capacity(text.len() + 64);
    let mut done = 0;
    for Splice { range, text: new } in splices {
        result.push_str(text.get(done..range.start)?);
        result.push_str(&new);
        done = range.end;
    }
    result.push_str(text.get(done..)?);
    Some(result)
}

/// Returns the line break that `text` uses.
pub(super) fn newline(text: &str) -> &'static str {
    match text.find('\n') {
        Some(at) if text[..at].ends_with('\r') => "\r\n",
        _ => "\n",
    }
}

/// Returns where the line of byte `at` starts.
pub(super) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |at| at + 1)
}

/// Returns where the line of byte `at` ends, before its line break.
pub(super) fn line_end(text: &str, at: usize) -> usize {
    match text[at..].find('\n') {
        None => text.len(),
        Some(0) => at,
        Some(length) => at + length - usize::from(text[at..at + length].ends_with('\r')),
    }
}

/// Returns where the line after that of byte `at` starts, or the end of the text.
pub(super) fn next_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |length| at + length + 1)
}

/// Tells whether nothing but blanks stands before byte `at` on its line.
pub(super) fn starts_line(text: &str, at: usize) -> bool {
    text[line_start(text, at)..at].chars().all(is_blank)
}

/// Returns the blanks that the line of byte `at` starts with.
pub(super) fn indentation(text: &str, at: usize) -> &str {
    let line = &text[line_start(text, at)..];
    &line[..line.len() - line.trim_start_matches(is_blank).len()]
}

/// Returns how many characters stand before byte `at` on its line.
pub(super) fn column(text: &str, at: usize) -> usize {
    text[line_start(text, at)..at].chars().count()
}

pub(super) fn is_blank(c: char) -> bool {
    matches!(c, ' ' | '\t')
}

/// Returns the first byte from `at` on that is neither white nor, where there are comments, in one.
pub(super) fn skip_trivia(text: &str, mut at: usize, comments: bool) -> usize {
    loop {
        let rest = &text[at..];
        at += rest.len() - rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
        if !(comments && text[at..].starts_with('#')) {
            return at;
        }
        at = line_end(text, at);
    }
}

/// Tells whether the rest of the line from byte `at` on is blank or a comment.
pub(super) fn ends_line(text: &str, at: usize, comments: bool) -> bool {
    let rest = text[at..line_end(text, at)].trim_start_matches(is_blank);
    rest.is_empty() || comments && rest.starts_with('#')
}

/// Returns where the comment lines directly above the line of byte `at`, at its indentation, start;
/// the start of that line if there are none.
pub(super) fn comments_above(text: &str, at: usize) -> usize {
    let indent = indentation(text, at).len();
    let mut start = line_start(text, at);
    while start > 0 {
        let above = line_start(text, start - 1);
        let same = indentation(text, above).len() == indent;
        if !(same && text[above + indent..].starts_with('#')) {
            break;
        }
        start = above;
    }
    start
}

/// Returns what deletes the whole lines from that which starts at `start` to that which `end` is in.
///
/// A text that does not end in a line break does not end in one afterwards.
pub(super) fn delete_lines(text: &str, start: usize, end: usize) -> Splice {
    let after = next_line(text, end);
    if after < text.len() || text.ends_with('\n') || start == 0 {
        return Splice::delete(start..after);
    }
    Splice::delete(line_end(text, line_start(text, start - 1))..after)
}

/// Returns `lines` joined, each that is not empty after `indent`.
pub(super) fn indented(lines: &[String], indent: &str, newline: &str) -> String {
    let line =
        |line: &String| if line.is_empty() { String::new() } else { format!("{indent}{line}") };
    lines.iter().map(line).collect::<Vec<_>>().join(newline)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splices_apply_in_any_order_and_never_overlap() {
        let splices = vec![Splice::insert(3, "!"), Splice::new(0..1, "A"), Splice::delete(1..2)];
        assert_eq!(splice("abc", splices).as_deref(), Some("Ac!"));
        assert_eq!(splice("abc", vec![Splice::delete(0..2), Splice::delete(1..3)]), None);
        assert_eq!(splice("abc", vec![Splice::insert(9, "x")]), None);
    }

    #[test]
    fn lines_end_before_their_break() {
        let text = "ab\r\n\ncd";
        assert_eq!((line_start(text, 1), line_end(text, 1), next_line(text, 1)), (0, 2, 4));
        assert_eq!((line_start(text, 4), line_end(text, 4), next_line(text, 4)), (4, 4, 5));
        assert_eq!((line_start(text, 6), line_end(text, 6), next_line(text, 6)), (5, 7, 7));
        assert_eq!(line_end(text, 2), 2);
        assert_eq!(newline(text), "\r\n");
    }

    #[test]
    fn comments_belong_to_what_they_stand_directly_above() {
        let text = "# a\n\n  # b\n# c\n# d\nx\n";
        assert_eq!(comments_above(text, 19), 11);
        assert_eq!(comments_above(text, 0), 0);
    }

    #[test]
    fn deleting_the_last_line_keeps_the_end_of_the_text() {
        let deleted = |text: &str, at| splice(text, vec![delete_lines(text, at, at)]);
        assert_eq!(deleted("a\r\nb", 3).as_deref(), Some("a"));
        assert_eq!(deleted("a\nb\n", 2).as_deref(), Some("a\n"));
        assert_eq!(deleted("a", 0).as_deref(), Some(""));
    }
}
