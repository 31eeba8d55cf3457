//! Why a project file cannot be used.

use std::io;

use windlass_core::diagnostic::Diagnostic;
use windlass_core::path::InvalidPath;

/// What kind of trouble it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SourceErrorKind {
    /// The path is absolute, a URL, holds `..`, or is otherwise no path below the project.
    Path,
    /// There is nothing there.
    Missing,
    /// A link leaves the project.
    Outside,
    /// Links, or directories through links, go round in circles.
    Loop,
    /// A directory where a file belongs.
    Directory,
    /// A file where a directory belongs.
    NotADirectory,
    /// A FIFO, a socket or a device.
    NotRegular,
    /// The file has too many bytes, or the directory too many files or levels.
    TooLarge,
    /// The system refused, or failed.
    Io,
}

/// Why a project file cannot be used. Whoever knows where the project names the file places it.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct SourceError {
    /// What kind of trouble it is.
    pub kind: SourceErrorKind,
    /// A lowercase fragment that names the path; it never quotes what is in the file.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// What the system said.
    #[source]
    pub cause: Option<io::Error>,
}

impl SourceError {
    /// Returns it as a diagnostic that has no place yet.
    #[must_use]
    pub fn diagnostic(&self) -> Diagnostic {
        let message = match &self.cause {
            Some(cause) => format!("{}: {cause}", self.message),
            None => self.message.clone(),
        };
        let diagnostic = Diagnostic::error(message);
        match &self.hint {
            Some(hint) => diagnostic.hint(hint),
            None => diagnostic,
        }
    }

    /// Returns it as the diagnostic of a path that another file names, from where that file is.
    pub(crate) fn of_reference(&self) -> Diagnostic {
        let diagnostic = self.diagnostic();
        match (self.kind, &self.hint) {
            (SourceErrorKind::Missing, Some(hint)) if hint.starts_with("did you mean") => {
                diagnostic
            }
            (SourceErrorKind::Missing, _) => {
                diagnostic.hint("a path starts at the file in which it is written")
            }
            _ => diagnostic,
        }
    }

    pub(super) fn new(kind: SourceErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, cause: None }
    }

    pub(super) fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn invalid(error: InvalidPath) -> Self {
        let hint = match error {
            InvalidPath::Absolute(_) | InvalidPath::Dots(_) => {
                Some("write a path below the project directory")
            }
            InvalidPath::Url(_) => Some("download it into the project first"),
            _ => None,
        };
        let made = Self::new(SourceErrorKind::Path, error.to_string());
        Self { hint: hint.map(str::to_owned), ..made }
    }

    pub(super) fn is_directory(path: &str) -> Self {
        Self::new(SourceErrorKind::Directory, format!("{path} is a directory"))
            .with_hint(format!("to deploy all of it, write `directory = \"{path}\"`"))
    }

    pub(super) fn not_a_directory(path: &str) -> Self {
        Self::new(SourceErrorKind::NotADirectory, format!("{path} is not a directory"))
    }

    pub(super) fn not_regular(path: &str, what: &str) -> Self {
        let message = format!("{path} is {what}, not a regular file");
        Self::new(SourceErrorKind::NotRegular, message)
    }

    pub(super) fn too_large(path: &str, limit: u64) -> Self {
        let message = format!("{path} is larger than the limit of {limit} bytes");
        Self::new(SourceErrorKind::TooLarge, message)
    }

    pub(super) fn read(path: &str, cause: io::Error) -> Self {
        let made = Self::new(SourceErrorKind::Io, format!("cannot read {path}"));
        Self { cause: Some(cause), ..made }
    }
}
