//! Values that know where in the project file they were written.

use crate::diagnostic::{Diagnostic, Position};

/// A value, and where in the project file it was written, so that what turns out to be wrong with
/// it later (a file that is missing) can be shown there too.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it starts.
    pub position: Position,
    /// How many characters it takes, at least 1.
    pub width: u32,
}

impl<T> Located<T> {
    /// Returns an error with `message`, placed at this value in `file`.
    #[must_use]
    pub fn error(&self, file: &str, message: impl Into<String>) -> Diagnostic {
        Diagnostic::error(message).in_file(file).at(self.position).wide(self.width as usize)
    }

    /// Returns another value with the same place.
    #[must_use]
    pub fn with<U>(&self, value: U) -> Located<U> {
        Located { value, position: self.position, width: self.width }
    }
}
