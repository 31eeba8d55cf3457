//! A file of secrets and what is known about them, read, changed and written as one.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use windlass_core::secret::{Secret, SecretName};
use windlass_sops::{
    DataKey, EncryptedFile, Format, KeyPath, Plain, Recipient, Rules, SopsError, SystemEntropy,
    Tree, Value, encrypt, merge, set_plain,
};

use super::error::SecretsError;
use super::files::{self, DirLock};
use super::keys::Keys;
use super::metadata::{self, Act, Metadata};
use super::names::{self, Named};
use super::whole::Snapshot;

/// A SOPS file on disk.
pub(super) struct Stored {
    pub(super) path: PathBuf,
    pub(super) file: EncryptedFile,
}

impl Stored {
    /// Returns the file at `path`; nothing where there is none.
    pub(super) fn read(path: &Path, format: Format) -> Result<Option<Self>, SecretsError> {
        let Some(text) = files::read_if_there(path)? else { return Ok(None) };
        let file = EncryptedFile::parse(&text, format).map_err(SecretsError::sops(path))?;
        Ok(Some(Self { path: path.to_owned(), file }))
    }

    /// Returns its content, checked.
    pub(super) fn plain(&self, key: &DataKey) -> Result<Plain, SecretsError> {
        self.file.decrypt(key).map_err(SecretsError::sops(&self.path))
    }

    /// Returns when it was last modified, as it says itself.
    pub(super) fn last_modified(&self) -> Option<Timestamp> {
        self.file.metadata().last_modified.parse().ok()
    }

    /// Returns the recipients that anything can be encrypted for.
    pub(super) fn recipients(&self) -> Vec<Recipient> {
        let entries = &self.file.metadata().age;
        entries.iter().filter_map(|entry| entry.recipient.parse().ok()).collect()
    }
}

/// A file of secrets, with its history, on the way to another state. Nothing is written before
/// [`Draft::write`].
pub(super) struct Draft {
    path: PathBuf,
    format: Format,
    /// The file as it will be.
    text: Option<String>,
    /// The text that is on disk.
    before: Option<String>,
    key: Option<DataKey>,
    /// For whom the file is made, where it is not there yet.
    rules: Option<Rules>,
    pub(super) metadata: Metadata,
    history: Option<(Stored, DataKey)>,
    reseal: Option<Reseal>,
    pub(super) now: Timestamp,
}

impl Draft {
    /// Returns the file at `path` as it is, with a history that is in step with it. The metadata of a
    /// file that is not there yet are those of `rules`.
    pub(super) fn read(
        path: &Path,
        keys: &Keys,
        now: Timestamp,
        rules: impl FnOnce() -> Result<Rules, SecretsError>,
    ) -> Result<Self, SecretsError> {
        let format = Format::of_name(&path.to_string_lossy());
        let new = Metadata::new().map_err(SecretsError::sops(path))?;
        let mut draft = Self {
            path: path.to_owned(),
            format,
            text: None,
            before: None,
            key: None,
            rules: None,
            metadata: new,
            history: None,
            reseal: None,
            now,
        };
        match Stored::read(path, format)? {
            Some(stored) => draft.take(&stored, keys)?,
            None => draft.rules = Some(rules()?),
        }
        Ok(draft)
    }

    fn take(&mut self, stored: &Stored, keys: &Keys) -> Result<(), SecretsError> {
        let key = keys.open(&stored.file, &stored.path)?;
        let plain = stored.plain(&key)?;
        let named = names::named(&plain, &self.path)?;
        if let Some(history) = History::read(&self.path, keys)? {
            self.metadata = history.metadata;
            self.history = Some((history.stored, history.key));
        }
        // Whatever another program did was done when it wrote the file, at the latest.
        let outside = Act { at: stored.last_modified().unwrap_or(self.now), by: None };
        self.reconcile(&named, &outside)?;
        self.text = Some(stored.file.text().to_owned());
        self.before.clone_from(&self.text);
        self.key = Some(key);
        Ok(())
    }

    fn reconcile(&mut self, named: &[Named], act: &Act) -> Result<(), SecretsError> {
        let values = named.iter().map(|one| (&one.name, one.secret.expose()));
        self.metadata.reconcile(values, act).map_err(SecretsError::sops(&self.path))
    }

    /// Returns whether there is a history, and not only one that starts now.
    pub(super) fn has_history(&self) -> bool {
        self.history.is_some()
    }

    fn sops<T>(&self, result: Result<T, SopsError>) -> Result<T, SecretsError> {
        result.map_err(SecretsError::sops(&self.path))
    }

    /// Returns the file and its key as they would be; nothing where it is not there yet.
    fn current(&self) -> Result<Option<(EncryptedFile, &DataKey)>, SecretsError> {
        let (Some(text), Some(key)) = (&self.text, &self.key) else { return Ok(None) };
        let file = self.sops(EncryptedFile::parse(text.as_bytes(), self.format))?;
        Ok(Some((file, key)))
    }

    /// Returns the content as it would be; nothing where the file is not there yet.
    pub(super) fn plain(&self) -> Result<Option<Plain>, SecretsError> {
        let Some((file, key)) = self.current()? else { return Ok(None) };
        self.sops(file.decrypt(key)).map(Some)
    }

    /// Returns the secrets as they would be.
    pub(super) fn named(&self) -> Result<Vec<Named>, SecretsError> {
        let plain = self.plain()?;
        plain.map_or_else(|| Ok(Vec::new()), |plain| names::named(&plain, &self.path))
    }

    /// Returns the value of the secret `name`, if it is there.
    pub(super) fn value(&self, name: &SecretName) -> Result<Option<Secret>, SecretsError> {
        Ok(self.named()?.into_iter().find(|one| one.name == *name).map(|one| one.secret))
    }

    /// Puts `value` at `name`.
    pub(super) fn set(&mut self, name: &SecretName, value: &Secret) -> Result<(), SecretsError> {
        names::check(name, self.format, &self.path)?;
        let text = match self.current()? {
            None => self.first(name, value)?,
            Some((file, key)) if self.format == Format::Binary => {
                let entropy = &mut SystemEntropy;
                self.sops(file.reencrypt(value.expose(), key, self.now, entropy))?
            }
            Some((file, key)) => {
                let plain = self.sops(file.decrypt(key))?;
                let path = names::path_of(name, plain.documents().first());
                self.refuse_to_flatten(&plain, &path, name)?;
                let tree = Tree::Value(Value::text(value.expose()));
                self.sops(file.set(&path, &tree, key, self.now, &mut SystemEntropy))?
            }
        };
        self.text = Some(text);
        Ok(())
    }

    /// Refuses to put one value where several are.
    fn refuse_to_flatten(
        &self,
        plain: &Plain,
        path: &KeyPath,
        name: &SecretName,
    ) -> Result<(), SecretsError> {
        match plain.get(path) {
            Some(Tree::Map(_) | Tree::List(_)) => {
                Err(SecretsError::NotOneValue { path: self.path.clone(), name: name.to_string() })
            }
            _ => Ok(()),
        }
    }

    /// Returns a new file with one secret in it.
    fn first(&self, name: &SecretName, value: &Secret) -> Result<String, SecretsError> {
        let rules = self.rules.as_ref().expect("there are rules where there is no file");
        let tree = Tree::Value(Value::text(value.expose()));
        let path = names::path_of(name, None);
        let empty = if self.format == Format::Json { "{}\n" } else { "" };
        let text = match self.format {
            Format::Binary => None,
            format => Some(self.sops(set_plain(empty, format, &path, &tree))?),
        };
        let plain = text.as_ref().map_or(value.expose(), |text| text.as_bytes());
        self.sops(encrypt(plain, self.format, rules, self.now, &mut SystemEntropy))
    }

    /// Takes the secret `name` out.
    pub(super) fn remove(&mut self, name: &SecretName) -> Result<(), SecretsError> {
        let Some((file, key)) = self.current()? else { return Ok(()) };
        let plain = self.sops(file.decrypt(key))?;
        let path = names::path_of(name, plain.documents().first());
        let text = self.sops(file.unset(&path, key, self.now, &mut SystemEntropy))?;
        self.text = Some(text);
        self.metadata.forget(name);
        Ok(())
    }

    /// Takes over `plain`, which somebody made of what `base` held, with what has changed in the file since.
    pub(super) fn edit(
        &mut self,
        base: &Snapshot,
        plain: &[u8],
        keys: &Keys,
        act: &Act,
    ) -> Result<(), SecretsError> {
        let entropy = &mut SystemEntropy;
        let edited = self.sops(base.file.reencrypt(plain, keys, self.now, entropy))?;
        let before = base.file.text();
        let text = match self.text.take() {
            Some(there) if there != before => {
                let texts = (before.as_bytes(), there.as_bytes(), edited.as_bytes());
                let (base, ours, theirs) = texts;
                let merged = merge(Some(base), ours, theirs, self.format, keys, self.now, entropy);
                let path = self.path.clone();
                merged.map_err(|source| SecretsError::Merge { path, source })?.text
            }
            _ => edited,
        };
        let file = self.sops(EncryptedFile::parse(text.as_bytes(), self.format))?;
        self.key = Some(keys.open(&file, &self.path)?);
        self.text = Some(text);
        let named = self.named()?;
        self.reconcile(&named, act)
    }

    /// Gives the file, and its history, another data key or other recipients.
    pub(super) fn reseal(&mut self, reseal: Reseal) -> Result<(), SecretsError> {
        if let Some((file, key)) = self.current()? {
            let text = self.sops(reseal.apply(&file, key, self.now))?;
            self.text = Some(text);
        }
        self.reseal = Some(reseal);
        Ok(())
    }

    /// Writes what has changed: the secrets first. Where the process ends in between, the next one
    /// finds a value that its history does not know, and notes that it is of the time of the file.
    pub(super) fn write(self, lock: &DirLock) -> Result<(), SecretsError> {
        if let Some(text) = self.text.as_ref().filter(|text| self.before.as_ref() != Some(text)) {
            lock.replace(&self.path, text.as_bytes())?;
        }
        let path = metadata::path_of(&self.path);
        let before = self.history.as_ref().map(|(stored, _)| stored.file.text());
        match self.history_text(&path)? {
            Some(text) if before != Some(&text) => lock.replace(&path, text.as_bytes()),
            _ => Ok(()),
        }
    }

    /// Returns the history as it is to be written; nothing where there are no secrets yet.
    fn history_text(&self, path: &Path) -> Result<Option<String>, SecretsError> {
        let plain = self.metadata.to_text();
        let entropy = &mut SystemEntropy;
        if let Some((stored, key)) = &self.history {
            let text = stored.file.reencrypt(&plain, key, self.now, entropy);
            let text = text.map_err(SecretsError::sops(path))?;
            let Some(reseal) = &self.reseal else { return Ok(Some(text)) };
            let file = EncryptedFile::parse(text.as_bytes(), Format::Json);
            let resealed = file.and_then(|file| reseal.apply(&file, key, self.now));
            return resealed.map(Some).map_err(SecretsError::sops(path));
        }
        let Some(text) = &self.text else { return Ok(None) };
        let file = self.sops(EncryptedFile::parse(text.as_bytes(), self.format))?;
        let recipients = Stored { path: self.path.clone(), file }.recipients();
        let rules = Rules { selection: metadata::selection(), ..Rules::for_recipients(recipients) };
        let text = encrypt(&plain, Format::Json, &rules, self.now, entropy);
        text.map(Some).map_err(SecretsError::sops(path))
    }
}

/// How a file is sealed anew, its values as they are.
pub(super) enum Reseal {
    /// With another data key.
    NewKey,
    /// For exactly these recipients; with another data key if somebody is not among them any more.
    For(Vec<Recipient>),
}

impl Reseal {
    fn apply(
        &self,
        file: &EncryptedFile,
        key: &DataKey,
        now: Timestamp,
    ) -> Result<String, SopsError> {
        let entropy = &mut SystemEntropy;
        match self {
            Self::NewKey => file.rotate_data_key(key, now, entropy),
            Self::For(recipients) => file.set_recipients(recipients, key, now, entropy),
        }
    }
}

/// The history beside a file.
pub(super) struct History {
    pub(super) stored: Stored,
    pub(super) key: DataKey,
    pub(super) metadata: Metadata,
}

impl History {
    /// Returns the history of the secrets in `path`, checked; nothing where there is none.
    pub(super) fn read(path: &Path, keys: &Keys) -> Result<Option<Self>, SecretsError> {
        let path = metadata::path_of(path);
        let Some(stored) = Stored::read(&path, Format::Json)? else { return Ok(None) };
        let key = keys.open(&stored.file, &path)?;
        let plain = stored.plain(&key)?;
        let metadata = Metadata::parse(&path, plain.text())?;
        if metadata.fingerprint_key().is_none() {
            let problem = "the key of the fingerprints is damaged".to_owned();
            return Err(SecretsError::Metadata { path, problem });
        }
        Ok(Some(Self { stored, key, metadata }))
    }

    /// Returns what can be read of it without a key.
    pub(super) fn in_the_clear(path: &Path) -> Result<Option<Metadata>, SecretsError> {
        let path = metadata::path_of(path);
        let Some(text) = files::read_if_there(&path)? else { return Ok(None) };
        Metadata::parse(&path, &text).map(Some)
    }
}
