//! What is wrong with an input, and where.

use std::fmt;

use serde::Serialize;

/// A place in a text: line and column start at 1; columns count characters.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, serde::Deserialize,
)]
pub struct Position {
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

impl Position {
    /// Returns the place of byte `offset` in `text`; an offset past the end is the end.
    #[must_use]
    pub fn of_offset(text: &str, offset: usize) -> Self {
        let mut end = offset.min(text.len());
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let before = &text[..end];
        let line_start = before.rfind('\n').map_or(0, |at| at + 1);
        let line = 1 + before.matches('\n').count();
        let column = 1 + before[line_start..].chars().count();
        Self { line: to_u32(line), column: to_u32(column) }
    }
}

fn to_u32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Work goes on.
    Warning,
    /// Nothing is done.
    Error,
}

/// One thing that is wrong with an input: what, where, and what to do about it.
///
/// The message never quotes a whole file; the source line for the caret is read again by whoever
/// shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Error or warning.
    pub severity: Severity,
    /// A lowercase fragment, without a full stop.
    pub message: String,
    /// The file, as the user would name it (relative to the project where it lies inside).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Where in the file.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub position: Option<Position>,
    /// How many characters the caret underlines, at least 1.
    #[serde(skip)]
    pub width: u32,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Diagnostic {
    /// Returns an error with `message`, without a place.
    #[must_use]
    pub fn error(message: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            message: message.into(),
            file: None,
            position: None,
            width: 1,
            hint: None,
        }
    }

    /// Returns a warning with `message`, without a place.
    #[must_use]
    pub fn warning(message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(message) }
    }

    /// Places it in `file`.
    #[must_use]
    pub fn in_file(mut self, file: impl Into<String>) -> Self {
        self.file = Some(file.into());
        self
    }

    /// Places it at `position`.
    #[must_use]
    pub fn at(mut self, position: Position) -> Self {
        self.position = Some(position);
        self
    }

    /// Underlines `width` characters.
    #[must_use]
    pub fn wide(mut self, width: usize) -> Self {
        self.width = to_u32(width.max(1));
        self
    }

    /// Says what to do next.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.file, self.position) {
            (Some(file), Some(at)) => write!(f, "{file}:{}:{}: ", at.line, at.column)?,
            (Some(file), None) => write!(f, "{file}: ")?,
            (None, Some(at)) => write!(f, "{}:{}: ", at.line, at.column)?,
            (None, None) => {}
        }
        f.write_str(&self.message)
    }
}

impl std::error::Error for Diagnostic {}

/// Returns the one of `known` that `word` was probably meant to be: the most similar by
/// Damerau-Levenshtein distance, if it differs in no more than a third of its letters.
#[must_use]
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= candidate.chars().count().div_ceil(3))
        .min()
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let text = "a: 1\nü: x\n";
        assert_eq!(Position::of_offset(text, 0), Position { line: 1, column: 1 });
        assert_eq!(Position::of_offset(text, 9), Position { line: 2, column: 4 });
        assert_eq!(Position::of_offset(text, 999), Position { line: 3, column: 1 });
    }

    #[test]
    fn nearest_helps_with_typos_only() {
        let known = ["staging", "production", "testing"];
        assert_eq!(nearest("stagin", known), Some("staging"));
        assert_eq!(nearest("prodcution", known), Some("production"));
        assert_eq!(nearest("europe", known), None);
    }

    #[test]
    fn displays_like_a_compiler() {
        let d = Diagnostic::error("unset variable `X`").in_file("a.conf");
        assert_eq!(d.clone().to_string(), "a.conf: unset variable `X`");
        let d = d.at(Position { line: 3, column: 7 });
        assert_eq!(d.to_string(), "a.conf:3:7: unset variable `X`");
    }
}
