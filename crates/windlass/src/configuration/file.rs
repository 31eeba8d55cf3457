//! Files of layers, changed in place.

use std::collections::BTreeMap;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use windlass_core::config::{Configuration, Format, MASK, MergeRules, Schema, edit, parse};
use windlass_core::diagnostic::Diagnostic;
use windlass_core::diff::text::unified;

use crate::error::Error;
use crate::sources::{SourceErrorKind, Sources};

/// The permission bits of a file that is new, before the umask.
const NEW: u32 = 0o644;

/// Who may read and write a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Access {
    /// Those who may now; for a new file, as the umask allows.
    Usual,
    /// Its owner alone.
    Owner,
}

impl Access {
    /// Returns the permission bits that it leaves.
    const fn most(self) -> u32 {
        match self {
            Self::Usual => 0o7777,
            Self::Owner => 0o600,
        }
    }
}

/// A change of the file of a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileChange {
    /// The file, below the project.
    pub file: String,
    /// What is in it; nothing where there is no such file yet.
    pub before: Option<String>,
    /// What will be in it.
    pub after: String,
    /// The unified diff, with a mask in place of each secret; nothing where secrets cannot be told
    /// from the rest. It is empty where only secrets change.
    pub diff: Option<String>,
}

impl FileChange {
    /// Returns the change of `file` from `before` to `after`; `schema` tells what is secret.
    pub(super) fn new(
        file: String,
        format: Format,
        before: Option<String>,
        after: String,
        schema: Option<&Schema>,
    ) -> Self {
        let shown = |text: &str| masked(format, &file, text, schema);
        let old = before.as_deref().map_or(Some(None), |text| shown(text).map(Some));
        let new = shown(&after);
        let both = old.zip(new);
        let diff = both.map(|(old, new)| unified(&file, old.as_deref(), Some(&new)));
        Self { file, before, after, diff }
    }

    /// Returns what will be in the file, under its name.
    pub(super) fn pending(&self) -> BTreeMap<String, String> {
        BTreeMap::from([(self.file.clone(), self.after.clone())])
    }

    /// Tells whether anything changes.
    #[must_use]
    pub fn is_change(&self) -> bool {
        self.before.as_deref() != Some(&self.after)
    }
}

/// Returns `text` with a mask in place of each value that `schema` calls secret; nothing if it cannot
/// be made.
fn masked(format: Format, file: &str, text: &str, schema: Option<&Schema>) -> Option<String> {
    let Some(schema) = schema else { return Some(text.to_owned()) };
    let root = parse(format, file, text).ok()?;
    let mut alone = Configuration::from_nodes([root], &MergeRules::default()).ok()?;
    schema.mark_secrets(&mut alone);
    let secret = alone.leaves().filter(|(_, node)| node.is_secret());
    let mask = |(key, _)| edit::Edit::Set { key, value: MASK.into() };
    let edits: Vec<_> = secret.map(mask).collect();
    if edits.is_empty() {
        return Some(text.to_owned());
    }
    edit::apply(format, file, text, &edits).ok()
}

/// Puts changes of files in place: all of them, or none.
pub(super) struct Writer<'w> {
    pub(super) root: &'w Path,
    pub(super) sources: &'w Sources,
}

impl Writer<'_> {
    /// Writes `changes`; where one fails, those before it are taken back.
    ///
    /// # Errors
    /// When a file is not any more what the change was made for, or cannot be written.
    pub(super) fn write(&self, changes: &[FileChange]) -> Result<(), Error> {
        for (done, change) in changes.iter().enumerate() {
            if let Err(error) = self.put(change) {
                self.take_back(&changes[..done]);
                return Err(error);
            }
        }
        Ok(())
    }

    fn put(&self, change: &FileChange) -> Result<(), Error> {
        let path = self.unchanged(change)?;
        let written = replace(&path, change.after.as_bytes(), Access::Usual);
        written.map_err(Error::io("write", &path))
    }

    /// Returns where the file really is, if it still is what the change was made for.
    fn unchanged(&self, change: &FileChange) -> Result<PathBuf, Error> {
        let now = match self.sources.open_file(&change.file) {
            Ok(source) => {
                let path = self.root.join(&source.path);
                let read = self.sources.read_opened(&change.file, source);
                Some((path, read.map_err(|error| Error::invalid(error.diagnostic()))?))
            }
            Err(error) if error.kind == SourceErrorKind::Missing => None,
            Err(error) => return Err(Error::invalid(error.diagnostic())),
        };
        let before = change.before.as_deref().map(str::as_bytes);
        if now.as_ref().map(|(_, bytes)| bytes.as_slice()) != before {
            let problem = Diagnostic::error("changed while it was being edited");
            return Err(Error::invalid(problem.in_file(&change.file).hint("run it again")));
        }
        Ok(now.map_or_else(|| self.root.join(&change.file), |(path, _)| path))
    }

    fn take_back(&self, done: &[FileChange]) {
        for change in done {
            let path = self.root.join(&change.file);
            let outcome = match &change.before {
                Some(text) => path
                    .canonicalize()
                    .and_then(|path| replace(&path, text.as_bytes(), Access::Usual)),
                None => fs::remove_file(&path),
            };
            if let Err(error) = outcome {
                tracing::error!(file = change.file, %error, "file could not be taken back");
            }
        }
    }

    /// Keeps what is in each file before its change beside it, as `FILE.VERSION.bak`, and returns the
    /// names of the copies. What is there is never overwritten: the copy gets a number.
    pub(super) fn keep(
        &self,
        changes: &[FileChange],
        version: &str,
    ) -> Result<BTreeMap<String, String>, Error> {
        let mut kept = BTreeMap::new();
        for change in changes {
            let Some(before) = &change.before else { continue };
            let mode = fs::metadata(self.root.join(&change.file)).map(|found| found.permissions());
            let mode = mode.map_err(Error::io("read", self.root.join(&change.file)))?;
            let name = self.backup(&change.file, &safe(version), before.as_bytes(), &mode)?;
            kept.insert(change.file.clone(), name);
        }
        Ok(kept)
    }

    fn backup(
        &self,
        file: &str,
        version: &str,
        bytes: &[u8],
        mode: &Permissions,
    ) -> Result<String, Error> {
        for number in 1.. {
            let suffix = if number == 1 { String::new() } else { format!(".{number}") };
            let name = format!("{file}.{version}{suffix}.bak");
            let path = self.root.join(&name);
            match create_new(&path, bytes, mode) {
                Ok(()) => return Ok(name),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                    if fs::read(&path).is_ok_and(|there| there == bytes) {
                        return Ok(name);
                    }
                }
                Err(error) => return Err(Error::io("write", path)(error)),
            }
        }
        unreachable!("there is always another number")
    }
}

/// Returns `version` as a part of a file name.
fn safe(version: &str) -> String {
    let is_safe = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    version.chars().map(|c| if is_safe(c) { c } else { '_' }).collect()
}

/// Puts `bytes` at `path` in one rename, with the mode of what is there as far as `access` goes.
pub(crate) fn replace(path: &Path, bytes: &[u8], access: Access) -> io::Result<()> {
    let there = match fs::metadata(path) {
        Ok(found) => Some(found.permissions().mode() & access.most()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(error),
    };
    let directory = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(directory)?;
    let mode = Permissions::from_mode(there.unwrap_or(NEW & access.most()));
    let file = beside(directory, bytes, &mode)?;
    if there.is_some() {
        file.as_file().set_permissions(mode)?;
    }
    file.as_file().sync_all()?;
    file.persist(path).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()
}

/// Puts `bytes` at `path`, where nothing may be.
fn create_new(path: &Path, bytes: &[u8], mode: &Permissions) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let file = beside(directory, bytes, mode)?;
    file.as_file().set_permissions(mode.clone())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()
}

/// Returns an unfinished file, which nobody may ever open whom `mode` and the umask do not let.
fn beside(
    directory: &Path,
    bytes: &[u8],
    mode: &Permissions,
) -> io::Result<tempfile::NamedTempFile> {
    let mut builder = tempfile::Builder::new();
    let mut file = builder.prefix(".windlass-").permissions(mode.clone()).tempfile_in(directory)?;
    file.write_all(bytes)?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(file: &str, before: &str, after: &str) -> FileChange {
        FileChange::new(file.to_owned(), Format::Yaml, Some(before.into()), after.into(), None)
    }

    fn project(files: &[(&str, &str)]) -> (tempfile::TempDir, Sources) {
        let dir = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            fs::write(dir.path().join(name), text).expect("written");
        }
        let sources = Sources::open(dir.path()).expect("opens");
        (dir, sources)
    }

    #[test]
    fn a_file_that_changed_meanwhile_is_left_alone_and_those_before_it_are_taken_back() {
        let (dir, sources) = project(&[("a", "a: 1\n"), ("b", "other: 1\n")]);
        let writer = Writer { root: dir.path(), sources: &sources };
        let changes = [change("a", "a: 1\n", "a: 2\n"), change("b", "b: 1\n", "b: 2\n")];
        let error = writer.write(&changes).expect_err("changed").to_string();
        assert_eq!(error, "b: changed while it was being edited");
        assert_eq!(fs::read_to_string(dir.path().join("a")).expect("there"), "a: 1\n");
        assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 2);
    }

    #[test]
    fn the_mode_stays_and_a_link_stays_a_link() {
        let (dir, sources) = project(&[("a", "a: 1\n")]);
        let (file, link) = (dir.path().join("a"), dir.path().join("link"));
        fs::set_permissions(&file, Permissions::from_mode(0o640)).expect("set");
        std::os::unix::fs::symlink("a", &link).expect("linked");
        let writer = Writer { root: dir.path(), sources: &sources };
        writer.write(&[change("link", "a: 1\n", "a: 2\n")]).expect("written");
        assert_eq!(fs::read_to_string(&file).expect("there"), "a: 2\n");
        assert!(link.is_symlink());
        assert_eq!(fs::metadata(&file).expect("there").permissions().mode() & 0o777, 0o640);
    }

    #[test]
    fn backups_are_never_overwritten() {
        let (dir, sources) = project(&[("a", "a: 1\n"), ("a.1_x.bak", "mine")]);
        let writer = Writer { root: dir.path(), sources: &sources };
        let changes = [change("a", "a: 1\n", "a: 2\n")];
        for _ in 0..2 {
            let kept = writer.keep(&changes, "1/x").expect("kept");
            assert_eq!(kept["a"], "a.1_x.2.bak");
        }
        assert_eq!(fs::read_to_string(dir.path().join("a.1_x.bak")).expect("there"), "mine");
        assert_eq!(fs::read_to_string(dir.path().join("a.1_x.2.bak")).expect("there"), "a: 1\n");
    }

    #[test]
    fn a_diff_shows_no_secret() {
        let schema = r#"{"properties": {"password": {"x-secret": true}}}"#;
        let schema = Schema::compile("s.json", schema).expect("a schema");
        let change = |before: &str, after: &str| {
            let (before, after) = (Some(before.to_owned()), after.to_owned());
            FileChange::new("f".to_owned(), Format::Yaml, before, after, Some(&schema))
        };
        let both = change("password: old1\nport: 1\n", "password: new1\nport: 2\n");
        let diff = both.diff.expect("maskable");
        assert!(diff.contains("-port: 1\n+port: 2\n") && !diff.contains("old1"), "{diff}");
        assert!(!diff.contains("new1"), "{diff}");
        let secret = change("password: old1\n", "password: new1\n");
        assert!(secret.is_change());
        assert_eq!(secret.diff.as_deref(), Some(""));
    }
}
