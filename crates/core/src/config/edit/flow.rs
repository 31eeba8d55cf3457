//! What stands in brackets, in any of the formats.

use super::text::{
    Splice, comments_above, delete_lines, ends_line, indentation, is_blank, line_end, line_start,
    skip_trivia, starts_line,
};
use super::tree::Tree;

/// A collection in brackets, and the text that it is in.
#[derive(Clone, Copy)]
pub(super) struct Flow<'t> {
    pub(super) text: &'t str,
    pub(super) tree: &'t Tree,
    /// Whether `#` starts a comment.
    pub(super) comments: bool,
    /// The line break, and how items on one line are separated.
    pub(super) newline: &'static str,
    pub(super) separator: &'t str,
}

impl<'t> Flow<'t> {
    /// Returns the indentation of its items if they are on lines of their own.
    pub(super) fn lines(&self) -> Option<&'t str> {
        let first = self.tree.items.first()?.start;
        starts_line(self.text, first).then(|| indentation(self.text, first))
    }

    /// Returns what adds `item` at the end.
    pub(super) fn append(&self, item: &str) -> Vec<Splice> {
        let Some(last) = self.tree.items.last() else {
            let inside = self.tree.range.start + 1..self.tree.range.end - 1;
            return vec![Splice::new(inside, item)];
        };
        let end = last.end();
        match (self.lines(), self.comma_after(end)) {
            (None, None) => vec![Splice::insert(end, format!("{}{item}", self.separator))],
            (None, Some(comma)) => vec![Splice::insert(comma + 1, format!(" {item},"))],
            (Some(indent), None) => {
                let line = format!("{}{indent}{item}", self.newline);
                let comma = Splice::insert(end, ",");
                vec![comma, Splice::insert(self.tail(end), line)]
            }
            (Some(indent), Some(comma)) => {
                let line = format!("{}{indent}{item},", self.newline);
                vec![Splice::insert(self.tail(comma + 1), line)]
            }
        }
    }

    /// Returns what takes the item at `index` out, with its comma and, on lines of its own, the
    /// comments directly above.
    pub(super) fn remove(&self, index: usize) -> Vec<Splice> {
        let items = &self.tree.items;
        if items.len() == 1 {
            return vec![Splice::delete(self.tree.range.start + 1..self.tree.range.end - 1)];
        }
        let item = &items[index];
        let comma = self.comma_after(item.end());
        let end = comma.map_or(item.end(), |comma| comma + 1);
        let own_lines =
            starts_line(self.text, item.start) && ends_line(self.text, end, self.comments);
        let deleted = match items.get(index + 1) {
            _ if own_lines => delete_lines(self.text, self.lead(item.start), end),
            Some(next) => Splice::delete(item.start..next.start.min(self.after_blanks(end))),
            None => Splice::delete(self.before_blanks(item.start)..end),
        };
        let is_last = index + 1 == items.len() && comma.is_none();
        let stray = is_last.then(|| self.comma_after(items[index - 1].end())).flatten();
        stray.map(|comma| Splice::delete(comma..comma + 1)).into_iter().chain([deleted]).collect()
    }

    /// Returns where the line of byte `at` starts, or the comments directly above it.
    fn lead(&self, at: usize) -> usize {
        if self.comments { comments_above(self.text, at) } else { line_start(self.text, at) }
    }

    fn comma_after(&self, end: usize) -> Option<usize> {
        let at = skip_trivia(self.text, end, self.comments);
        self.text[at..].starts_with(',').then_some(at)
    }

    /// Returns where a line can be added after what ends at `end`: behind its comment.
    fn tail(&self, end: usize) -> usize {
        if ends_line(self.text, end, self.comments) { line_end(self.text, end) } else { end }
    }

    fn after_blanks(&self, at: usize) -> usize {
        let rest = &self.text[at..];
        at + rest.len() - rest.trim_start_matches(is_blank).len()
    }

    fn before_blanks(&self, at: usize) -> usize {
        self.text[..at].trim_end_matches(is_blank).len()
    }
}
