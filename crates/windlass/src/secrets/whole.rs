//! Whole files: encrypted, decrypted, edited and merged.

use std::path::Path;

use jiff::Timestamp;
use windlass_sops::{
    DataKey, EncryptedFile, Format, MergeError, Plain, Rules, SystemEntropy, encrypt, merge,
};

use super::error::SecretsError;
use super::files::{self, DirLock};
use super::keys::Keys;
use super::metadata::{self, Metadata};
use super::state::Stored;

/// A SOPS file as it was at one moment, with what it held.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) file: EncryptedFile,
    plain: Plain,
}

impl Snapshot {
    /// Returns the SOPS file at `path`, decrypted and checked.
    ///
    /// # Errors
    /// When it is not there or was tampered with, or no key opens it.
    pub fn open(path: &Path, keys: &Keys) -> Result<Self, SecretsError> {
        Self::open_as(path, Format::of_name(&path.to_string_lossy()), keys)
    }

    /// Returns the same of a file in another format than its name says.
    ///
    /// # Errors
    /// As [`Snapshot::open`].
    pub fn open_as(path: &Path, format: Format, keys: &Keys) -> Result<Self, SecretsError> {
        let stored = Stored::read(path, format)?;
        let stored = stored.ok_or_else(|| SecretsError::NoFile { path: path.to_owned() })?;
        let key = keys.open(&stored.file, path)?;
        let plain = stored.plain(&key)?;
        Ok(Self { file: stored.file, plain })
    }

    /// Returns what it held: the text in the clear, and its values.
    #[must_use]
    pub fn plain(&self) -> &Plain {
        &self.plain
    }
}

/// Returns the text of a SOPS file for `rules` that holds `plain`; `path` tells its format.
///
/// # Errors
/// When `plain` is not of that format or holds what it cannot, or nobody could read the file.
pub fn seal(
    path: &Path,
    plain: &[u8],
    rules: &Rules,
    now: Timestamp,
) -> Result<String, SecretsError> {
    let format = Format::of_name(&path.to_string_lossy());
    encrypt(plain, format, rules, now, &mut SystemEntropy).map_err(SecretsError::sops(path))
}

/// Returns what is in the file at `path`, as it is.
///
/// # Errors
/// When it is not there, is no regular file, or has more than 64 MiB.
pub fn read_file(path: &Path) -> Result<Vec<u8>, SecretsError> {
    files::read(path)
}

/// Puts `bytes` at `path` in one rename, under the lock of its directory; its mode stays.
///
/// # Errors
/// When it cannot be written.
pub fn replace_file(path: &Path, bytes: &[u8]) -> Result<(), SecretsError> {
    let path = files::real(path)?;
    DirLock::alone(&path)?.replace(&path, bytes)
}

type History = (EncryptedFile, DataKey, Metadata);

/// The three files of a merge, as git hands them out, and the name that they have in the repository.
#[derive(Debug, Clone, Copy)]
pub struct MergeFiles<'a> {
    /// What both started from; empty where both added the file.
    pub base: &'a Path,
    /// Ours.
    pub ours: &'a Path,
    /// Theirs.
    pub theirs: &'a Path,
    /// The name, which tells the format.
    pub name: &'a Path,
}

impl MergeFiles<'_> {
    /// Returns the edits of both in one file: those of different keys, with an authentication code over
    /// the result.
    ///
    /// # Errors
    /// [`SecretsError::Merge`] with every key that both edited differently.
    pub fn merge(&self, keys: &Keys, now: Timestamp) -> Result<String, SecretsError> {
        let format = Format::of_name(&self.name.to_string_lossy());
        let base = files::read(self.base)?;
        let base = (!base.is_empty()).then_some(base);
        let (ours, theirs) = (files::read(self.ours)?, files::read(self.theirs)?);
        let sides = (base.as_deref(), &*ours, &*theirs);
        if metadata::is_one(self.name) {
            return self.histories(sides, keys, now);
        }
        self.files(sides, format, keys, now)
    }

    fn files(
        &self,
        (base, ours, theirs): (Option<&[u8]>, &[u8], &[u8]),
        format: Format,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<String, SecretsError> {
        let merged = merge(base, ours, theirs, format, keys, now, &mut SystemEntropy);
        merged.map(|merged| merged.text).map_err(|source| self.error(source))
    }

    /// Merges histories, in which nothing is in conflict: their texts are made the same, so that what is
    /// left to merge is who can read them.
    fn histories(
        &self,
        (base, ours, theirs): (Option<&[u8]>, &[u8], &[u8]),
        keys: &Keys,
        now: Timestamp,
    ) -> Result<String, SecretsError> {
        let read = |text: &[u8]| self.history(text, keys);
        let (base, ours, theirs) = (base.map(read).transpose()?, read(ours)?, read(theirs)?);
        let merged = ours.2.merged(base.as_ref().map(|base| &base.2), &theirs.2).to_text();
        let same = |(file, key, _): &History| {
            let text = file.reencrypt(&merged, key, now, &mut SystemEntropy);
            text.map_err(SecretsError::sops(self.name))
        };
        let (base, ours, theirs) =
            (base.as_ref().map(same).transpose()?, same(&ours)?, same(&theirs)?);
        let base = base.as_ref().map(String::as_bytes);
        self.files((base, ours.as_bytes(), theirs.as_bytes()), Format::Json, keys, now)
    }

    fn history(&self, text: &[u8], keys: &Keys) -> Result<History, SecretsError> {
        let error = || SecretsError::sops(self.name);
        let file = EncryptedFile::parse(text, Format::Json).map_err(error())?;
        let key = keys.open(&file, self.name)?;
        let plain = file.decrypt(&key).map_err(error())?;
        let metadata = Metadata::parse(self.name, plain.text())?;
        Ok((file, key, metadata))
    }

    fn error(&self, source: MergeError) -> SecretsError {
        SecretsError::Merge { path: self.name.to_owned(), source }
    }

    /// Returns our file with a comment on top that names the keys in conflict; as it is where the format
    /// has no comments.
    ///
    /// # Errors
    /// When our file cannot be read.
    pub fn marked(&self, error: &SecretsError) -> Result<Vec<u8>, SecretsError> {
        let ours = files::read(self.ours)?;
        let SecretsError::Merge { source: MergeError::Conflicts(conflicts), .. } = error else {
            return Ok(ours);
        };
        let comment = match Format::of_name(&self.name.to_string_lossy()) {
            Format::Yaml | Format::Dotenv => "#",
            Format::Ini => ";",
            Format::Json | Format::Binary => return Ok(ours),
        };
        let mut marked = String::new();
        for conflict in conflicts {
            let said = conflict.to_string().replace(['\n', '\r'], " ");
            marked += &format!("{comment} CONFLICT {said}; below is ours\n");
        }
        let mut marked = marked.into_bytes();
        marked.extend_from_slice(&ours);
        Ok(marked)
    }
}
