//! What a file holds, and how old that is; never values.

use std::path::Path;
use std::time::Duration;

use super::SecretManager;
use crate::secrets::SecretName;
use crate::secrets::error::SecretsError;
use crate::secrets::files::{self, DirLock};
use crate::secrets::metadata::{Metadata, SecretInfo, SecretList};
use crate::secrets::names;
use crate::secrets::state::{Draft, History};

/// What is known of the secrets of a file.
struct Known {
    names: Vec<SecretName>,
    metadata: Option<Metadata>,
    /// Whether a key was at hand.
    verified: bool,
    /// Whether there is a history, and not only one that starts now.
    has_history: bool,
}

impl SecretManager {
    /// Returns the secrets in the order of their names: ids, ages and histories, never values. Without
    /// a key it is what can be read in the clear, which nobody vouches for.
    ///
    /// # Errors
    /// When the file or its history cannot be read, or one of them was tampered with.
    pub fn list(&self) -> Result<SecretList, SecretsError> {
        let path = files::real(&self.path)?;
        let _lock = DirLock::shared(&path)?;
        let Known { mut names, metadata, verified, has_history } = self.known(&path)?;
        names.sort();
        let info = |name| {
            let mut info = SecretInfo::of(name, metadata.as_ref(), self.clock.now(), self.max_age);
            if !has_history {
                // Made up for the moment: nobody would see the same.
                (info.id, info.fingerprint) = (None, None);
            }
            info
        };
        let secrets = names.into_iter().map(info).collect();
        Ok(SecretList { secrets, verified })
    }

    /// Returns what is known of the file at `path`; without a key, what can be read without one.
    fn known(&self, path: &Path) -> Result<Known, SecretsError> {
        let stored = self.stored()?;
        match self.keys.open(&stored.file, path) {
            Ok(_) => {
                let draft = Draft::read(path, &self.keys, self.clock.now(), || self.rules())?;
                Ok(Known {
                    names: draft.named()?.into_iter().map(|one| one.name).collect(),
                    has_history: draft.has_history(),
                    metadata: Some(draft.metadata),
                    verified: true,
                })
            }
            Err(SecretsError::NoKey { .. }) => {
                let metadata = History::in_the_clear(path)?;
                let listings = stored.file.listings().into_iter();
                let names = listings.map(|listing| names::name_of(&listing.path));
                Ok(Known {
                    names: names.collect::<Result<_, _>>()?,
                    has_history: metadata.is_some(),
                    metadata,
                    verified: false,
                })
            }
            Err(error) => Err(error),
        }
    }

    /// Returns how long ago the secret called `name`, or with that id, got its value.
    ///
    /// # Errors
    /// As [`SecretManager::list`], and when there is no such secret.
    pub fn age(&self, name: &str) -> Result<Duration, SecretsError> {
        let info = self.info(name)?;
        let seconds = info.age_seconds.ok_or_else(|| SecretsError::Refused {
            message: format!("{}: nobody noted when `{name}` was set", self.path.display()),
            hint: "set or rotate a secret of the file once with a key: histories start then"
                .to_owned(),
        })?;
        Ok(Duration::from_secs(seconds))
    }

    /// Returns what is known about the secret called `name`, or with that id.
    ///
    /// # Errors
    /// As [`SecretManager::list`], and when there is no such secret.
    pub fn info(&self, name: &str) -> Result<SecretInfo, SecretsError> {
        let list = self.list()?.secrets;
        let known: Vec<String> = list.iter().map(|one| one.name.to_string()).collect();
        let same = |one: &SecretInfo| {
            one.name.as_str() == name || one.id.as_ref().is_some_and(|id| id.as_str() == name)
        };
        list.into_iter().find(same).ok_or_else(|| self.unknown(name, known))
    }
}
