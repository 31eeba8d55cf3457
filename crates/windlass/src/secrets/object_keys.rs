//! What objects with secrets are sealed with, kept in the workspace for whoever may read the secrets.
//!
//! ```text
//! keys/<environment>/1.json     a SOPS file with one random key, for the recipients of the secrets file
//! keys/<environment>/2.json     the next one, made when somebody was no longer to read what is new
//! ```
//!
//! The key that seals is the newest one that can be opened and that nobody else can open than those who may
//! read the secrets. A key is never removed, so that a rollback restores a secret as it was. A key in a file
//! that is not for us stays as it is: objects that it sealed say so by themselves. Files are made under a
//! name that nobody has yet and replaced in one rename, so that any number of processes may be at it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use windlass_core::name::EnvironmentName;
use windlass_sops::{
    DataKey, EncryptedFile, Format, KeyPath, Recipient, Rules, SopsError, SystemEntropy, encrypt,
};
use windlass_sops::{Entropy as _, Plain};
use zeroize::Zeroizing;

use super::error::SecretsError;
use super::files;
use super::keys::Keys;
use crate::durable::{self, Scratch, create_dir};
use crate::objects::ObjectKey;

/// The only value of a file.
const KEY: &str = "key";

/// The keys of one environment in one workspace.
#[derive(Debug)]
pub(super) struct ObjectKeys {
    directory: PathBuf,
    scratch: PathBuf,
}

/// The keys that can be opened.
#[derive(Debug)]
pub(super) struct Opened {
    /// What seals from now on.
    pub(super) current: ObjectKey,
    /// What sealed before, or seals in other workspaces.
    pub(super) earlier: Vec<ObjectKey>,
}

/// A file that was opened.
struct Found {
    path: PathBuf,
    file: EncryptedFile,
    data_key: DataKey,
    key: ObjectKey,
}

/// What lies in the directory.
struct Shelf {
    /// Those that can be opened, oldest first.
    found: Vec<Found>,
    /// The number that nobody has yet.
    next: u32,
}

impl ObjectKeys {
    /// Returns the keys of `environment` in `workspace`.
    pub(super) fn new(workspace: &Path, environment: &EnvironmentName) -> Self {
        let directory = workspace.join("keys");
        // No environment has a name that begins with a dot.
        let scratch = directory.join(".tmp");
        Self { directory: directory.join(environment.as_str()), scratch }
    }

    /// Returns the keys; the first one is made where there is none, and all that are at hand are then for
    /// `recipients` alone.
    pub(super) fn open(
        &self,
        recipients: &[Recipient],
        keys: &Keys,
        now: Timestamp,
    ) -> Result<Opened, SecretsError> {
        loop {
            let mut shelf = self.shelf(keys)?;
            let newest = shelf.found.last().filter(|found| !found.is_for_others_than(recipients));
            let current = match newest.map(|found| found.key.clone()) {
                Some(key) => key,
                None => match self.make(shelf.next, recipients, now)? {
                    Some(key) => key,
                    // Another process was faster: its key will do.
                    None => continue,
                },
            };
            for stale in shelf.found.iter().filter(|found| !found.is_for(recipients)) {
                self.wrap_anew(stale, recipients, now)?;
            }
            shelf.found.retain(|found| found.key != current);
            let earlier = shelf.found.into_iter().rev().map(|found| found.key).collect();
            return Ok(Opened { current, earlier });
        }
    }

    fn shelf(&self, keys: &Keys) -> Result<Shelf, SecretsError> {
        let numbers = self.numbers()?;
        let next = numbers.last().map_or(1, |last| last.saturating_add(1));
        let opened = numbers.into_iter().map(|number| opened(&self.path(number), keys));
        let found = opened.filter_map(Result::transpose).collect::<Result<_, _>>()?;
        Ok(Shelf { found, next })
    }

    /// Returns the numbers of the files, in order.
    fn numbers(&self) -> Result<Vec<u32>, SecretsError> {
        let failed = |error| SecretsError::io("read", &self.directory)(error);
        let entries = match fs::read_dir(&self.directory) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(failed)?,
        };
        let mut numbers = Vec::new();
        for entry in entries {
            let name = entry.map_err(failed)?.file_name();
            let stem = name.to_str().and_then(|name| name.strip_suffix(".json"));
            numbers.extend(stem.and_then(|stem| stem.parse::<u32>().ok()));
        }
        numbers.sort_unstable();
        Ok(numbers)
    }

    fn path(&self, number: u32) -> PathBuf {
        self.directory.join(format!("{number}.json"))
    }

    /// Makes a key, which lasts before anything is sealed with it; nothing where the number is taken.
    fn make(
        &self,
        number: u32,
        recipients: &[Recipient],
        now: Timestamp,
    ) -> Result<Option<ObjectKey>, SecretsError> {
        let path = self.path(number);
        let mut material = Zeroizing::new([0; 32]);
        let random = SystemEntropy.fill(&mut *material).map_err(SopsError::from);
        random.map_err(SecretsError::sops(&path))?;
        let text = Zeroizing::new(format!(
            "{{\"{KEY}\": \"{}\"}}\n",
            STANDARD.encode(material.as_slice())
        ));
        let rules = Rules::for_recipients(recipients.to_vec());
        let sealed = encrypt(text.as_bytes(), Format::Json, &rules, now, &mut SystemEntropy);
        let sealed = sealed.map_err(SecretsError::sops(&path))?;
        let made = create_dir(&self.directory)
            .and_then(|()| Scratch::open(self.scratch.clone()))
            .and_then(|scratch| durable::create_new(&scratch, &path, sealed.as_bytes()));
        match made {
            Ok(()) => Ok(Some(ObjectKey::derive(&*material))),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(None),
            Err(error) => Err(SecretsError::io("write", path)(error)),
        }
    }

    fn wrap_anew(
        &self,
        stale: &Found,
        recipients: &[Recipient],
        now: Timestamp,
    ) -> Result<(), SecretsError> {
        let (path, entropy) = (&stale.path, &mut SystemEntropy);
        let text = stale.file.set_recipients(recipients, &stale.data_key, now, entropy);
        let text = text.map_err(SecretsError::sops(path))?;
        Scratch::open(self.scratch.clone())
            .and_then(|scratch| durable::replace(&scratch, path, text.as_bytes()))
            .map_err(SecretsError::io("write", path))
    }
}

impl Found {
    fn recipients(&self) -> Vec<Recipient> {
        let entries = self.file.metadata().age.iter();
        entries.filter_map(|entry| entry.recipient.parse().ok()).collect()
    }

    fn is_for_others_than(&self, recipients: &[Recipient]) -> bool {
        self.recipients().iter().any(|own| !recipients.contains(own))
    }

    fn is_for(&self, recipients: &[Recipient]) -> bool {
        let own = self.recipients();
        !self.is_for_others_than(recipients) && recipients.iter().all(|one| own.contains(one))
    }
}

/// Returns the key in the file at `path`; nothing where it is for somebody else.
fn opened(path: &Path, keys: &Keys) -> Result<Option<Found>, SecretsError> {
    let file = EncryptedFile::parse(&files::read(path)?, Format::Json);
    let file = file.map_err(SecretsError::sops(path))?;
    let data_key = match keys.open(&file, path) {
        Err(SecretsError::NoKey { .. }) => {
            let path = path.display();
            tracing::warn!("{path} is not for us: what was sealed with the key in it stays sealed");
            return Ok(None);
        }
        opened => opened?,
    };
    let plain = file.decrypt(&data_key).map_err(SecretsError::sops(path))?;
    let key = key_in(&plain).ok_or_else(|| SecretsError::Refused {
        message: format!("{}: holds no key of 32 bytes", path.display()),
        hint: "restore it from a backup; without it, releases that it sealed cannot be restored"
            .to_owned(),
    })?;
    Ok(Some(Found { path: path.to_owned(), file, data_key, key }))
}

fn key_in(plain: &Plain) -> Option<ObjectKey> {
    let letters = plain.value(&KeyPath::key(KEY))?.as_str()?;
    let bytes = Zeroizing::new(STANDARD.decode(letters).ok()?);
    (bytes.len() == 32).then(|| ObjectKey::derive(&bytes))
}

#[cfg(test)]
mod tests;
