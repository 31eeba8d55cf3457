//! What can go wrong with secrets; never with a value in it.

use std::path::{Path, PathBuf};

use windlass_core::diagnostic::{Diagnostic, Position, nearest};
use windlass_core::secret::{InvalidSecretName, SameName};
use windlass_sops::{Conflict, Finding, MergeError, SopsError};

use super::keys::Tried;
use crate::error::describe;

const CONFLICT_HINT: &str = "set the value that it should have with `windlass secrets set`";

/// Why something could not be done with secrets.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SecretsError {
    /// A file is not what it should be.
    #[error("{}", path.display())]
    Sops {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: SopsError,
    },
    /// No key that is at hand opens the file.
    #[error("{}: no key at hand opens the file, which is encrypted for {}; {}",
        path.display(), recipients.join(", "), told(tried))]
    NoKey {
        /// The file.
        path: PathBuf,
        /// For whom it is encrypted.
        recipients: Vec<String>,
        /// Every place that was looked at, and why it gave nothing.
        tried: Vec<Tried>,
    },
    /// There is no such file.
    #[error("{}: there is no such file", path.display())]
    NoFile {
        /// The file.
        path: PathBuf,
    },
    /// No rule says for whom a new file is.
    #[error("{}: no rule says for whom it is to be encrypted", path.display())]
    NoRule {
        /// The file.
        path: PathBuf,
        /// The `.sops.yaml` that was looked at, if there is one.
        rules: Option<PathBuf>,
    },
    /// The file has no such secret.
    #[error("{}: there is no secret `{name}`", path.display())]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The name or id that was asked for.
        name: String,
        /// The names that there are.
        known: Vec<String>,
    },
    /// A name leads to a map or list of values.
    #[error("{}: `{name}` is not one value but several", path.display())]
    NotOneValue {
        /// The file.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// A text is no name of a secret.
    #[error(transparent)]
    Name(#[from] InvalidSecretName),
    /// Keys of a file cannot be names of secrets.
    #[error("{}: {}", path.display(), listed(names))]
    Names {
        /// The file.
        path: PathBuf,
        /// Which, and why not.
        names: Vec<InvalidSecretName>,
    },
    /// Secrets of a file cannot be told apart.
    #[error("{}: {}", path.display(), listed(same))]
    SameName {
        /// The file.
        path: PathBuf,
        /// Which.
        same: Vec<SameName>,
    },
    /// Another process is writing in the directory, and does not end.
    #[error("{}: another process holds the lock of the directory", path.display())]
    Locked {
        /// The directory.
        path: PathBuf,
    },
    /// The file of ages and histories is not what it should be.
    #[error("{}: {problem}", path.display())]
    Metadata {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// Two edits of a file do not go together.
    #[error("{}", path.display())]
    Merge {
        /// The file.
        path: PathBuf,
        /// Which keys both changed.
        source: MergeError,
    },
    /// A text that is to be a configuration's field, or a configuration, cannot be encrypted.
    #[error("{0}")]
    Configuration(String),
    /// Something cannot be had without what is not there.
    #[error("{message}")]
    Refused {
        /// What, and why not.
        message: String,
        /// What to do about it.
        hint: String,
    },
    /// A file or directory could not be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
}

impl SecretsError {
    /// Returns a function that makes an error of what is wrong with `path`.
    pub(crate) fn sops(path: &Path) -> impl FnOnce(SopsError) -> Self {
        move |source| Self::Sops { path: path.to_owned(), source }
    }

    /// Returns a function that makes an error of a failure to `action` on `path`.
    pub(crate) fn io(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { action, path: path.into(), source }
    }

    /// Returns what is wrong, each thing at its place, with what to do about it. The lines themselves
    /// must not be shown: they may hold secrets.
    #[must_use]
    pub fn diagnostics(&self) -> Vec<Diagnostic> {
        match self {
            Self::Sops { path, source } if !source.findings().is_empty() => {
                source.findings().iter().map(|finding| at(path, finding)).collect()
            }
            Self::Merge { path, source: MergeError::Conflicts(conflicts) } => {
                let one = |conflict: &Conflict| {
                    let file = path.display().to_string();
                    Diagnostic::error(conflict.to_string()).in_file(file).hint(CONFLICT_HINT)
                };
                conflicts.iter().map(one).collect()
            }
            _ => {
                let whole = Diagnostic::error(describe(self));
                vec![match self.hint() {
                    Some(hint) => whole.hint(hint),
                    None => whole,
                }]
            }
        }
    }

    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Sops { source, .. } => return source.hint(),
            Self::NoKey { tried, .. } => return Some(no_key_hint(tried)),
            Self::NoFile { .. } => "`windlass secrets set` makes it",
            Self::NoRule { rules: None, .. } => {
                "`windlass secrets init` writes a `.sops.yaml` with such a rule"
            }
            Self::NoRule { rules: Some(_), .. } => {
                "add a rule for this path to `.sops.yaml`, with `age:` and who may read it"
            }
            Self::Unknown { name, known, .. } => return unknown_hint(name, known),
            Self::NotOneValue { .. } => "name one of the values in it",
            Self::Locked { .. } => "wait until it is done",
            Self::Metadata { .. } => {
                "take the file from an earlier commit; without it, ages start anew"
            }
            Self::Refused { hint, .. } => hint,
            _ => return None,
        };
        Some(hint.to_owned())
    }
}

fn at(path: &Path, finding: &Finding) -> Diagnostic {
    let message = match finding.key.steps() {
        [] => finding.problem.to_string(),
        _ => format!("{}: {}", finding.key, finding.problem),
    };
    let mut diagnostic = Diagnostic::error(message).in_file(path.display().to_string());
    if let Some(place) = finding.place {
        let number = |n: usize| u32::try_from(n).unwrap_or(u32::MAX);
        let position = Position { line: number(place.line), column: number(place.column) };
        diagnostic = diagnostic.at(position).wide(place.width);
    }
    match finding.problem.hint() {
        Some(hint) => diagnostic.hint(hint),
        None => diagnostic,
    }
}

fn no_key_hint(tried: &[Tried]) -> String {
    let mine = tried.iter().flat_map(|tried| &tried.recipients).next();
    match mine {
        Some(mine) => {
            format!("ask somebody who can read it to run `windlass secrets recipients add {mine}`")
        }
        None => {
            "`windlass secrets init` makes a key; have it added with `windlass secrets recipients \
                 add`"
                .to_owned()
        }
    }
}

fn unknown_hint(name: &str, known: &[String]) -> Option<String> {
    match nearest(name, known.iter().map(String::as_str)) {
        Some(near) => Some(format!("did you mean `{near}`?")),
        None if known.is_empty() => None,
        None => Some("`windlass secrets list` shows those that there are".to_owned()),
    }
}

fn told(tried: &[Tried]) -> String {
    let lines: Vec<String> = tried.iter().map(ToString::to_string).collect();
    format!("looked at {}", lines.join("; "))
}

fn listed(items: &[impl std::fmt::Display]) -> String {
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}
