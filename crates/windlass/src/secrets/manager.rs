//! The secrets of one file, managed.

mod list;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use windlass_core::duration::parse_duration;
use windlass_sops::{Format, Recipient, Rules};

use super::error::SecretsError;
use super::files::{self, DirLock};
use super::keys::Keys;
use super::metadata::{self, Act, SecretDetails, SecretId};
use super::names;
use super::recipients::RecipientChange;
use super::rules::CreationRulesFile;
use super::state::{Draft, History, Reseal, Stored};
use super::whole::Snapshot;
use super::{Secret, SecretName};
use crate::clock::{Clock, SystemClock};

/// Whether the value before a rotation is kept, encrypted, in the history.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Keep {
    /// Only when it was and a fingerprint of it: what was rotated because it leaked is better gone.
    #[default]
    Fingerprint,
    /// The value too.
    Value,
}

/// Stores, reads, lists, rotates and deletes the secrets of one SOPS file.
///
/// Any number of processes may do so at once. Each change is made under the lock of the directory and
/// put in place by one rename: a reader sees the file before it or after it.
///
/// ```
/// use windlass::secrets::{Keep, Keys, Secret, SecretDetails, SecretManager, SecretName};
/// use windlass::sops::{Identities, KeyPair};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// let pair = KeyPair::generate();
/// let rules = format!("creation_rules:\n  - path_regex: ^secrets/\n    age: {}\n", pair.recipient());
/// std::fs::write(dir.path().join(".sops.yaml"), rules)?;
///
/// let keys = Keys::from(Identities::parse(pair.secret(), "an example")?);
/// let manager = SecretManager::new(dir.path().join("secrets/production.yaml"), keys)
///     .with_root(dir.path())
///     .with_actor("alice@desk");
/// let name = SecretName::new("DB_PASSWORD")?;
/// let id = manager.store(&name, &Secret::new("hunter2"), &SecretDetails::default())?;
/// assert_eq!(manager.get(id.as_str())?.expose(), b"hunter2");
///
/// manager.rotate(&name, &Secret::new("correct horse"), Keep::Fingerprint)?;
/// let listed = manager.list()?;
/// assert_eq!(listed.secrets[0].rotations[0].by.as_deref(), Some("alice@desk"));
/// assert!(!format!("{listed:?}").contains("horse"));
///
/// manager.rotate_key()?;
/// assert_eq!(manager.get("DB_PASSWORD")?.expose(), b"correct horse");
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct SecretManager {
    path: PathBuf,
    keys: Arc<Keys>,
    root: Option<PathBuf>,
    clock: Arc<dyn Clock>,
    actor: Option<String>,
    max_age: Option<Duration>,
}

impl SecretManager {
    /// Returns the manager of the file at `path`, which need not be there yet.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>, keys: impl Into<Arc<Keys>>) -> Self {
        Self {
            path: path.into(),
            keys: keys.into(),
            root: None,
            clock: Arc::new(SystemClock),
            actor: None,
            max_age: None,
        }
    }

    /// Looks for `.sops.yaml` no higher than in `root`.
    #[must_use]
    pub fn with_root(self, root: impl Into<PathBuf>) -> Self {
        Self { root: Some(root.into()), ..self }
    }

    /// Notes in histories that `actor` did it.
    #[must_use]
    pub fn with_actor(self, actor: impl Into<String>) -> Self {
        Self { actor: Some(actor.into()), ..self }
    }

    /// Holds ages against `max_age`, where a secret has no policy of its own.
    #[must_use]
    pub fn with_max_age(self, max_age: Option<Duration>) -> Self {
        Self { max_age, ..self }
    }

    /// Asks `clock` for the time.
    #[must_use]
    pub fn with_clock(self, clock: Arc<dyn Clock>) -> Self {
        Self { clock, ..self }
    }

    /// Returns the file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the keys that it is read with.
    #[must_use]
    pub fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Stores `value` as `name`, in place of what it was, and returns its id. The file is made by the
    /// rules of `.sops.yaml` if it is not there; what `details` do not say stays as it was.
    ///
    /// # Errors
    /// When the file cannot be read or written, no rule is for it, or the format has no way to write
    /// the value.
    pub fn store(
        &self,
        name: &SecretName,
        value: &Secret,
        details: &SecretDetails,
    ) -> Result<SecretId, SecretsError> {
        check_details(details)?;
        self.change(|draft| {
            draft.set(name, value)?;
            let id = self.note(draft, name, value, None)?;
            draft.metadata.describe(name, details);
            Ok(id)
        })
    }

    /// Returns the value of the secret that is called `name`, or has that id.
    ///
    /// # Errors
    /// [`SecretsError::Unknown`] when there is none, and whatever is wrong with the file.
    pub fn get(&self, name: &str) -> Result<Secret, SecretsError> {
        let stored = self.stored()?;
        let key = self.keys.open(&stored.file, &self.path)?;
        let named = names::named(&stored.plain(&key)?, &self.path)?;
        let asked = self.resolve(name, named.iter().map(|one| &one.name))?;
        let found = named.into_iter().find(|one| one.name == asked);
        found.map(|one| one.secret).ok_or_else(|| self.unknown(name, Vec::new()))
    }

    /// Takes the secret called `name`, or with that id, out of the file, and forgets its history.
    ///
    /// # Errors
    /// When there is no such secret, and whatever is wrong with the file.
    pub fn delete(&self, name: &str) -> Result<SecretName, SecretsError> {
        self.change_existing(name, |draft, name| {
            draft.remove(name)?;
            Ok(name.clone())
        })
    }

    /// Gives the secret called `name`, which has to be there, the value `new`, and notes it in its history.
    ///
    /// # Errors
    /// When there is no such secret, when `new` is the value that it has, and whatever is wrong with
    /// the file.
    pub fn rotate(
        &self,
        name: &SecretName,
        new: &Secret,
        keep: Keep,
    ) -> Result<SecretId, SecretsError> {
        self.change_existing(name.as_str(), |draft, name| {
            let old = draft.value(name)?.unwrap_or_else(|| Secret::new(""));
            if old == *new {
                return Err(SecretsError::Refused {
                    message: format!("`{name}` has this value already"),
                    hint: "a rotation needs another one; `--generate` makes one".to_owned(),
                });
            }
            draft.set(name, new)?;
            let kept = (keep == Keep::Value).then_some(&old);
            self.note(draft, name, new, kept)
        })
    }

    /// Returns the values that were kept of earlier rotations of the secret called `name`, newest first.
    ///
    /// # Errors
    /// As [`SecretManager::get`].
    pub fn kept(&self, name: &str) -> Result<Vec<Secret>, SecretsError> {
        let path = files::real(&self.path)?;
        let Some(history) = History::read(&path, &self.keys)? else { return Ok(Vec::new()) };
        let name = history.metadata.name_of(name).unwrap_or(name);
        let name = SecretName::new(name)?;
        let record = history.metadata.by_name(&name).map(|(_, record)| record);
        let rotations = record.map(|record| record.rotations.as_slice()).unwrap_or_default();
        Ok(rotations.iter().rev().filter_map(metadata::Rotation::old_value).collect())
    }

    /// Encrypts everything in the file, and its history, under another data key, for the same recipients.
    ///
    /// # Errors
    /// When the file cannot be read or written.
    pub fn rotate_key(&self) -> Result<(), SecretsError> {
        self.stored()?;
        self.change(|draft| draft.reseal(Reseal::NewKey))
    }

    /// Returns for whom the file is encrypted.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn recipients(&self) -> Result<Vec<String>, SecretsError> {
        let stored = self.stored()?;
        let entries = &stored.file.metadata().age;
        Ok(entries.iter().map(|entry| entry.recipient.clone()).collect())
    }

    /// Has `change` made to the recipients of the file and its history; tells whether there was anything
    /// to do. Whoever is removed cannot read what is written from now on; what they have read they know.
    ///
    /// # Errors
    /// When the file cannot be read or written, or nobody would be left.
    pub fn change_recipients(&self, change: &RecipientChange) -> Result<bool, SecretsError> {
        self.set_recipients(&change.apply(&self.stored()?.recipients()))
    }

    /// Has exactly `recipients` read the file and its history; tells whether there was anything to do.
    ///
    /// # Errors
    /// As [`SecretManager::change_recipients`].
    pub fn set_recipients(&self, recipients: &[Recipient]) -> Result<bool, SecretsError> {
        let history = metadata::path_of(&files::real(&self.path)?);
        let history = Stored::read(&history, Format::Json)?;
        let same = |stored: &Stored| {
            let there = stored.recipients();
            there.len() == recipients.len() && recipients.iter().all(|one| there.contains(one))
        };
        if same(&self.stored()?) && history.as_ref().is_none_or(same) {
            return Ok(false);
        }
        self.change(|draft| draft.reseal(Reseal::For(recipients.to_vec())))?;
        Ok(true)
    }

    /// Has the file hold `plain`, which somebody made of what `base` held; what has changed in the file
    /// in the meantime stays. Values that are the same keep their ciphertexts.
    ///
    /// # Errors
    /// When `plain` is not of the format of the file, or others have changed the same keys.
    pub fn save_edit(&self, base: &Snapshot, plain: &[u8]) -> Result<(), SecretsError> {
        self.change(|draft| {
            let act = Act { at: draft.now, by: self.actor.clone() };
            draft.edit(base, plain, &self.keys, &act)
        })
    }

    /// Brings the history into step with the file, after another program has written it.
    ///
    /// # Errors
    /// When the file cannot be read, or the history not be written.
    pub fn settle(&self) -> Result<(), SecretsError> {
        self.change(|_| Ok(()))
    }

    fn note(
        &self,
        draft: &mut Draft,
        name: &SecretName,
        value: &Secret,
        kept: Option<&Secret>,
    ) -> Result<SecretId, SecretsError> {
        let act = Act { at: draft.now, by: self.actor.clone() };
        let kept = kept.map(Secret::expose);
        let id = draft.metadata.set(name, value.expose(), kept, &act);
        id.map_err(SecretsError::sops(&self.path))
    }

    fn change<T>(
        &self,
        act: impl FnOnce(&mut Draft) -> Result<T, SecretsError>,
    ) -> Result<T, SecretsError> {
        let path = files::real(&self.path)?;
        let lock = DirLock::alone(&path)?;
        let mut draft = Draft::read(&path, &self.keys, self.clock.now(), || self.rules())?;
        let outcome = act(&mut draft)?;
        draft.write(&lock)?;
        Ok(outcome)
    }

    fn change_existing<T>(
        &self,
        name: &str,
        act: impl FnOnce(&mut Draft, &SecretName) -> Result<T, SecretsError>,
    ) -> Result<T, SecretsError> {
        self.stored()?;
        self.change(|draft| {
            let names: Vec<_> = draft.named()?.into_iter().map(|one| one.name).collect();
            let name = draft.metadata.name_of(name).unwrap_or(name).to_owned();
            let name = self.resolve(&name, names.iter())?;
            act(draft, &name)
        })
    }

    /// Returns the one of `names` that `asked` names, by itself or by its id.
    fn resolve<'n>(
        &self,
        asked: &str,
        names: impl Iterator<Item = &'n SecretName> + Clone,
    ) -> Result<SecretName, SecretsError> {
        let called = |name: &str| {
            let wanted = SecretName::new(name).ok()?;
            names.clone().find(|known| **known == wanted).cloned()
        };
        if let Some(name) = called(asked) {
            return Ok(name);
        }
        let path = files::real(&self.path)?;
        let by_id = History::in_the_clear(&path)?;
        let by_id = by_id.as_ref().and_then(|metadata| called(metadata.name_of(asked)?));
        by_id.ok_or_else(|| self.not_one_of(asked, names))
    }

    fn not_one_of<'n>(
        &self,
        asked: &str,
        names: impl Iterator<Item = &'n SecretName>,
    ) -> SecretsError {
        let known: Vec<String> = names.map(ToString::to_string).collect();
        let below = format!("{asked}.");
        if known.iter().any(|name| name.starts_with(&below)) {
            let (path, name) = (self.path.clone(), asked.to_owned());
            return SecretsError::NotOneValue { path, name };
        }
        self.unknown(asked, known)
    }

    fn unknown(&self, name: &str, known: Vec<String>) -> SecretsError {
        SecretsError::Unknown { path: self.path.clone(), name: name.to_owned(), known }
    }

    fn stored(&self) -> Result<Stored, SecretsError> {
        let format = Format::of_name(&self.path.to_string_lossy());
        let stored = Stored::read(&self.path, format)?;
        stored.ok_or_else(|| SecretsError::NoFile { path: self.path.clone() })
    }

    fn rules(&self) -> Result<Rules, SecretsError> {
        let found = CreationRulesFile::find(&self.path, self.root.as_deref())?;
        let rules = found.as_ref().and_then(|found| found.for_file(&self.path)).cloned();
        rules.filter(|rules| !rules.recipients.is_empty()).ok_or_else(|| SecretsError::NoRule {
            path: self.path.clone(),
            rules: found.map(|found| found.path),
        })
    }
}

fn check_details(details: &SecretDetails) -> Result<(), SecretsError> {
    let Some(max_age) = &details.max_age else { return Ok(()) };
    parse_duration(max_age)
        .map(drop)
        .map_err(|error| SecretsError::Refused { message: error.to_string(), hint: error.hint() })
}

/// Returns the manager of the secrets in `path`, with the keys that the process has.
#[must_use]
pub fn manage_secrets(path: impl Into<PathBuf>) -> SecretManager {
    SecretManager::new(path, Keys::standard())
}

#[cfg(test)]
mod tests;
