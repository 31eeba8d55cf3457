//! Where in a text something is.

use std::ops::Range;

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
    /// How many characters of that line it covers, at least 1.
    pub width: usize,
}

/// Knows where the lines of a text start.
pub(crate) struct Lines<'t> {
    text: &'t str,
    starts: Vec<usize>,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        let starts =
            [0].into_iter().chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { text, starts }
    }

    /// Returns the number of the line that holds byte `at`, from 1.
    pub(crate) fn line(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at)
    }

    /// Returns the place of the bytes `range`, as far as they are on the first line of it.
    pub(crate) fn place(&self, range: &Range<usize>) -> Place {
        let at = range.start.min(self.text.len());
        let line = self.line(at);
        let start = self.starts[line - 1];
        let end = self.starts.get(line).map_or(self.text.len(), |next| next - 1);
        let chars = |range: Range<usize>| {
            self.text.get(range).map_or(0, |text| text.trim_end_matches('\r').chars().count())
        };
        let width = chars(at..range.end.min(end).max(at)).max(1);
        Place { line, column: chars(start..at) + 1, width }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_and_stay_on_their_line() {
        let lines = Lines::new("é: 1\nab: 22\r\n");
        assert_eq!(lines.place(&(4..5)), Place { line: 1, column: 4, width: 1 });
        assert_eq!(lines.place(&(10..99)), Place { line: 2, column: 5, width: 2 });
        assert_eq!(lines.place(&(99..99)), Place { line: 3, column: 1, width: 1 });
    }
}
