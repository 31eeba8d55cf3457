//! Templates: `${KEY}` substitution and Jinja.
//!
//! | read | for |
//! |---|---|
//! | [`substitute`] | `${KEY}` and `$KEY` in any text, by Compose's grammar |
//! | [`Values`] | variables of which some are secrets |
//! | [`Jinja`] | `.j2` templates, with the configuration as data |
//! | [`substitute_traced`], [`Jinja::render_traced`] | the same texts, with what filled which part |

mod filters;
mod jinja;
mod operators;
mod substitute;
mod traced;
mod tracked;
mod values;

pub use jinja::{Context, Jinja};
pub use substitute::{Variables, substitute, substitute_noting, substitute_traced};
pub use values::{Substituted, Values};

use crate::diagnostic::{Diagnostic, Position};

/// What is wrong with a template, and where; it never holds the value of a variable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct TemplateError {
    /// A lowercase fragment, without a full stop.
    pub message: String,
    /// The partial in which it lies, by the name it was included with; `None` for the template itself.
    pub partial: Option<String>,
    /// Where in the text; column 1 where only the line is known.
    pub position: Position,
    /// How many characters the caret underlines, at least 1.
    pub width: u32,
    /// What to do next.
    pub hint: Option<String>,
}

impl TemplateError {
    /// Returns an error about the bytes `span` of `text`.
    fn spanning(text: &str, span: std::ops::Range<usize>, message: impl Into<String>) -> Self {
        let line =
            text.get(span.clone()).and_then(|words| words.lines().next()).unwrap_or_default();
        Self {
            message: message.into(),
            partial: None,
            position: Position::of_offset(text, span.start),
            width: u32::try_from(line.chars().count().max(1)).unwrap_or(u32::MAX),
            hint: None,
        }
    }

    /// Says what to do next.
    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Returns it as a diagnostic about the template that the user knows as `file`; in a partial,
    /// about that partial.
    #[must_use]
    pub fn into_diagnostic(self, file: &str) -> Diagnostic {
        let file = self.partial.unwrap_or_else(|| file.to_owned());
        let diagnostic = Diagnostic::error(self.message)
            .in_file(file)
            .at(self.position)
            .wide(usize::try_from(self.width).unwrap_or(usize::MAX));
        match self.hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        }
    }
}
