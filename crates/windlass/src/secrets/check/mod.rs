//! What is wrong with the secrets of a project: too old, readable by the wrong people, damaged, or in plain
//! text.

mod plaintext;
mod sealed;

use std::path::{Path, PathBuf};
use std::time::Duration;

use ignore::WalkBuilder;
use ignore::gitignore::{Gitignore, GitignoreBuilder};
use jiff::Timestamp;
use rayon::prelude::*;
use serde::Serialize;
use windlass_sops::{EncryptedFile, Format};

use super::error::SecretsError;
use super::files;
use super::keys::Keys;
use super::rules::{CreationRulesFile, RULES_FILE};

/// The most bytes of a file that is searched for plain text; larger ones are not written by hand.
const LARGEST: u64 = 1 << 20;

/// What is never searched: git's own files, and Windlass's.
const OWN: [&str; 2] = [".git", ".windlass"];

/// What is to be checked.
#[derive(Debug)]
pub struct Checks<'a> {
    /// The directory of the project.
    pub root: &'a Path,
    /// The files that environments say are their secrets, below the root or absolute.
    pub files: Vec<PathBuf>,
    /// How old a secret may get where it says nothing itself.
    pub max_age: Option<Duration>,
    /// Files that are not searched for plain text, as `.gitignore` names them.
    pub allow: &'a [String],
    /// The keys that files are read with; without one for a file, less of it can be checked.
    pub keys: &'a Keys,
    /// The time.
    pub now: Timestamp,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct SecretFinding {
    /// The file, from the root.
    pub file: String,
    /// The line, from 1, if it is about one.
    pub line: Option<u32>,
    /// The column in characters, from 1.
    pub column: Option<u32>,
    /// What kind of thing it is.
    pub kind: FindingKind,
    /// The secret that it is about, if it is about one.
    pub name: Option<String>,
    /// What is wrong; never a value.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// The kinds of things that can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A secret is older than its policy allows.
    Overdue,
    /// There is a policy, and nobody knows how old a secret is.
    UnknownAge,
    /// Somebody whom the rules name cannot read a file.
    MissingRecipient,
    /// Somebody can read a file whom the rules do not name.
    ExtraRecipient,
    /// No rule says who should read a file.
    NoRule,
    /// A file that should be encrypted is not there, or is not encrypted.
    NotEncrypted,
    /// A file was changed without its key, or is damaged.
    Damaged,
    /// Something looks like a secret in plain text.
    PlainText,
}

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct CheckReport {
    /// Everything that is wrong, by file and line.
    pub findings: Vec<SecretFinding>,
    /// The encrypted files, each with whether a key was at hand to check all of it.
    pub files: Vec<CheckedFile>,
    /// How many files were searched for plain text.
    pub searched: usize,
}

/// An encrypted file that was checked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct CheckedFile {
    /// The file, from the root.
    pub file: String,
    /// For whom it is encrypted.
    pub recipients: Vec<String>,
    /// Whether a key was at hand, so that its values and its history were authenticated.
    pub verified: bool,
}

impl Checks<'_> {
    /// Returns everything that is wrong with the secrets of the project.
    ///
    /// # Errors
    /// When the project cannot be walked, or its `.sops.yaml` or patterns cannot be followed.
    pub fn run(&self) -> Result<CheckReport, SecretsError> {
        let allowed = self.allowed()?;
        let paths = self.paths()?;
        let rules = Rules::among(self.root, &paths)?;
        let looked: Vec<Looked> =
            paths.par_iter().map(|path| self.look(path, &allowed, rules.nearest(path))).collect();
        let searched = looked.iter().filter(|looked| looked.searched).count();
        let sealed: Vec<&PathBuf> = paths
            .iter()
            .zip(&looked)
            .filter(|(_, looked)| looked.sealed)
            .map(|(path, _)| path)
            .collect();
        let mut findings: Vec<SecretFinding> =
            looked.iter().flat_map(|looked| looked.findings.clone()).collect();
        findings.extend(self.missing(&paths));
        let mut files = Vec::new();
        for path in sealed {
            let (file, found) = sealed::check(self, path, rules.nearest(path));
            files.extend(file);
            findings.extend(found);
        }
        findings.sort();
        files.sort();
        Ok(CheckReport { findings, files, searched })
    }

    /// Returns the files of the project that git would keep, and those of environments.
    fn paths(&self) -> Result<Vec<PathBuf>, SecretsError> {
        let mut walk = WalkBuilder::new(self.root);
        walk.hidden(false).require_git(false).git_global(false).ignore(false).parents(false);
        walk.filter_entry(|entry| !OWN.iter().any(|own| entry.file_name() == *own));
        let mut paths = Vec::new();
        for entry in walk.build() {
            let entry = entry.map_err(|error| SecretsError::Refused {
                message: format!("the project cannot be searched: {error}"),
                hint: "see to it that all of it can be read".to_owned(),
            })?;
            if entry.file_type().is_some_and(|kind| kind.is_file()) {
                paths.push(entry.into_path());
            }
        }
        paths.extend(self.named().filter(|path| path.is_file()));
        paths.sort();
        paths.dedup();
        Ok(paths)
    }

    /// Returns the files that environments name.
    fn named(&self) -> impl Iterator<Item = PathBuf> {
        self.files.iter().map(|file| self.root.join(file))
    }

    fn missing(&self, paths: &[PathBuf]) -> Vec<SecretFinding> {
        let gone = self.named().filter(|path| !paths.contains(path));
        let finding = |path: PathBuf| {
            let hint = "`windlass secrets set` makes it";
            self.finding(&path, FindingKind::NotEncrypted, "there is no such file").hint(hint)
        };
        let mut all: Vec<_> = gone.map(finding).collect();
        all.dedup();
        all
    }

    fn allowed(&self) -> Result<Gitignore, SecretsError> {
        let mut builder = GitignoreBuilder::new(self.root);
        let wrong = |error: ignore::Error| SecretsError::Refused {
            message: format!("`allow` in [secrets]: {error}"),
            hint: "write patterns as in `.gitignore`".to_owned(),
        };
        for pattern in self.allow {
            builder.add_line(None, pattern).map_err(wrong)?;
        }
        builder.build().map_err(wrong)
    }

    fn look(&self, path: &Path, allowed: &Gitignore, rules: Option<&CreationRulesFile>) -> Looked {
        let format = Format::of_name(&path.to_string_lossy());
        let large = std::fs::metadata(path).is_ok_and(|found| found.len() > LARGEST);
        let Ok(bytes) = files::read(path) else { return Looked::default() };
        // A binary file is JSON with a value, whatever its name is.
        if EncryptedFile::is_one(&bytes, format) {
            return Looked { sealed: true, ..Looked::default() };
        }
        if self.should_be_sealed(path, rules) {
            let message = "the file is not encrypted, and the rules say that it is";
            let hint = format!("windlass secrets encrypt --in-place {}", self.shown(path));
            let finding = self.finding(path, FindingKind::NotEncrypted, message).hint(hint);
            return Looked { findings: vec![finding], searched: true, sealed: false };
        }
        if large || allowed.matched_path_or_any_parents(path, false).is_ignore() {
            return Looked::default();
        }
        let findings = plaintext::search(self, path, &bytes);
        Looked { findings, searched: true, sealed: false }
    }

    /// Returns whether an environment or a rule for some paths, not all, names the file.
    fn should_be_sealed(&self, path: &Path, rules: Option<&CreationRulesFile>) -> bool {
        self.named().any(|named| named == path) || rules.is_some_and(|rules| rules.names(path))
    }

    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(self.root).unwrap_or(path).display().to_string()
    }

    fn finding(&self, path: &Path, kind: FindingKind, message: impl Into<String>) -> SecretFinding {
        SecretFinding {
            file: self.shown(path),
            line: None,
            column: None,
            kind,
            name: None,
            message: message.into(),
            hint: None,
        }
    }
}

impl SecretFinding {
    fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

/// The files of rules in a project.
struct Rules(Vec<CreationRulesFile>);

impl Rules {
    fn among(root: &Path, paths: &[PathBuf]) -> Result<Self, SecretsError> {
        let own = root.join(RULES_FILE);
        let is_one = |path: &&PathBuf| path.file_name().is_some_and(|name| name == RULES_FILE);
        let others = paths.iter().filter(is_one).filter(|path| **path != own);
        let mut all = Vec::new();
        for path in std::iter::once(&own).chain(others) {
            all.extend(CreationRulesFile::read(path)?);
        }
        Ok(Self(all))
    }

    /// Returns the rules in the directory of `file`, or in the nearest one above it.
    fn nearest(&self, file: &Path) -> Option<&CreationRulesFile> {
        let above = |rules: &&CreationRulesFile| {
            rules.path.parent().is_some_and(|directory| file.starts_with(directory))
        };
        self.0.iter().filter(above).max_by_key(|rules| rules.path.components().count())
    }
}

/// What a look at a file gave.
#[derive(Default)]
struct Looked {
    findings: Vec<SecretFinding>,
    searched: bool,
    sealed: bool,
}

#[cfg(test)]
mod tests;
