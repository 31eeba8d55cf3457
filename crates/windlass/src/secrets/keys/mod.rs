//! Where age keys come from: every place that SOPS knows, systemd's credentials, and commands.
//!
//! The places are asked in this order, each at most once, until one has a key that opens the file:
//!
//! 1. the variable `SOPS_AGE_KEY`: the keys themselves
//! 2. the file that `SOPS_AGE_KEY_FILE` names
//! 3. the SSH key that `SOPS_AGE_SSH_PRIVATE_KEY_FILE` names
//! 4. `$CREDENTIALS_DIRECTORY/windlass-age-key`: what systemd's `LoadCredential=` gives a service
//! 5. `$XDG_CONFIG_HOME/sops/age/keys.txt`, or `~/.config/sops/age/keys.txt`
//! 6. `~/.ssh/id_ed25519`
//! 7. the command in `SOPS_AGE_KEY_CMD`
//! 8. `key_command` of `[secrets]` in the project file
//!
//! Commands come last because they may ask somebody. No place is an error by itself; when none helps,
//! the error names each of them and why it gave nothing.

mod command;
mod file;
mod variable;

use std::ffi::OsString;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use windlass_sops::{AgeEntry, DataKey, EncryptedFile, Identities, SopsError, Unlock, UnlockError};

pub use command::CommandKey;
pub(crate) use command::printed_by;
pub use file::FileKey;
pub use variable::VariableKey;

use super::error::SecretsError;

/// The name of the key among systemd's credentials.
const CREDENTIAL: &str = "windlass-age-key";

/// A place where keys may be.
pub trait KeySource: Send + Sync {
    /// Returns what to call it: a variable, a path or a command; never a key.
    fn place(&self) -> String;

    /// Returns the keys that are there. It is asked at most once.
    ///
    /// # Errors
    /// Why there are none, in words without a key in them.
    fn keys(&self) -> Result<FoundKeys, String>;
}

/// Keys, and what is not as it should be about where they are.
#[derive(Debug, Default)]
pub struct FoundKeys {
    /// The keys.
    pub identities: Identities,
    /// What somebody should do something about, such as a file that others can read.
    pub warnings: Vec<String>,
}

/// A place that was looked at without success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// What it is called.
    pub place: String,
    /// Why it gave nothing.
    pub reason: String,
    /// The recipients of the keys that were there, which do not open the file.
    pub recipients: Vec<String>,
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.place, self.reason)
    }
}

/// The keys of whoever runs this, in the order in which they are tried.
#[derive(Default)]
pub struct Keys {
    places: Vec<Place>,
}

struct Place {
    source: Box<dyn KeySource>,
    found: OnceLock<Result<FoundKeys, String>>,
}

impl Keys {
    /// Returns no keys, to be added to with [`Keys::and`].
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Returns the keys that the environment of the process leads to.
    #[must_use]
    pub fn standard() -> Self {
        Self::of_environment(&|name| std::env::var_os(name))
    }

    /// Returns the keys that the variables of an environment lead to.
    #[must_use]
    pub fn of_environment(variable: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let home = set("HOME").map(PathBuf::from);
        let mut keys = Self::none();
        keys.push(VariableKey::new("SOPS_AGE_KEY", set("SOPS_AGE_KEY")));
        for name in ["SOPS_AGE_KEY_FILE", "SOPS_AGE_SSH_PRIVATE_KEY_FILE"] {
            if let Some(path) = set(name) {
                keys.push(FileKey::named_by(name, path));
            }
        }
        if let Some(directory) = set("CREDENTIALS_DIRECTORY") {
            keys.push(FileKey::usual(Path::new(&directory).join(CREDENTIAL)));
        }
        if let Some(path) = standard_key_file(variable) {
            keys.push(FileKey::usual(path));
        }
        if let Some(home) = home {
            keys.push(FileKey::usual(home.join(".ssh/id_ed25519")));
        }
        if let Some(line) = set("SOPS_AGE_KEY_CMD") {
            keys.push(CommandKey::of_line("SOPS_AGE_KEY_CMD", &line.to_string_lossy()));
        }
        keys
    }

    /// Returns these and, tried after them, what the program `argv` prints.
    #[must_use]
    pub fn with_command(self, argv: &[String]) -> Self {
        self.and(CommandKey::new("key_command", argv.to_vec()))
    }

    /// Returns these and, tried after them, those of `source`.
    #[must_use]
    pub fn and(mut self, source: impl KeySource + 'static) -> Self {
        self.push(source);
        self
    }

    fn push(&mut self, source: impl KeySource + 'static) {
        self.places.push(Place { source: Box::new(source), found: OnceLock::new() });
    }

    /// Returns the data key of `file`, which is at `path`.
    ///
    /// # Errors
    /// [`SecretsError::NoKey`] with every place that was looked at; [`SecretsError::Sops`] when the file
    /// is such that no age key could open it.
    pub fn open(&self, file: &EncryptedFile, path: &Path) -> Result<DataKey, SecretsError> {
        let entries = &file.metadata().age;
        file.data_key(self).map_err(|error| match (error, self.try_all(entries)) {
            (SopsError::Unlock(_), Err(tried)) => {
                let recipients = entries.iter().map(|entry| entry.recipient.clone()).collect();
                SecretsError::NoKey { path: path.to_owned(), recipients, tried }
            }
            (error, _) => SecretsError::sops(path)(error),
        })
    }

    fn try_all(&self, entries: &[AgeEntry]) -> Result<DataKey, Vec<Tried>> {
        let mut tried = Vec::new();
        for place in &self.places {
            match place.unlock(entries) {
                Ok(key) => return Ok(key),
                Err(why) => tried.push(why),
            }
        }
        Err(tried)
    }

    /// Returns what is not as it should be about the places that were asked so far.
    #[must_use]
    pub fn warnings(&self) -> Vec<String> {
        let found = self.places.iter().filter_map(|place| place.found.get()?.as_ref().ok());
        found.flat_map(|found| found.warnings.clone()).collect()
    }
}

/// Returns where the key file is that SOPS looks at by itself, if there is a home.
#[must_use]
pub fn standard_key_file(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let set = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = set("XDG_CONFIG_HOME").filter(|path| path.is_absolute());
    let config = config.or_else(|| Some(set("HOME")?.join(".config")))?;
    Some(config.join("sops/age/keys.txt"))
}

/// Tries the places in their order.
impl Unlock for Keys {
    fn unlock(&self, entries: &[AgeEntry]) -> Result<DataKey, UnlockError> {
        self.try_all(entries).map_err(|tried| {
            let tried: Vec<String> = tried.iter().map(ToString::to_string).collect();
            UnlockError::Refused(format!("looked at {}", tried.join("; ")))
        })
    }
}

impl Place {
    fn unlock(&self, entries: &[AgeEntry]) -> Result<DataKey, Tried> {
        let tried = |reason: String, recipients: Vec<String>| Tried {
            place: self.source.place(),
            reason,
            recipients,
        };
        let found = self.found.get_or_init(|| self.source.keys());
        let found = found.as_ref().map_err(|reason| tried(reason.clone(), Vec::new()))?;
        if found.identities.is_empty() {
            return Err(tried("holds no key".to_owned(), Vec::new()));
        }
        found.identities.unlock(entries).map_err(|error| {
            let own = found.identities.recipients();
            let own: Vec<String> = own.iter().map(ToString::to_string).collect();
            match error {
                UnlockError::NotForUs { .. } => tried(format!("has {}", own.join(", ")), own),
                other => tried(other.to_string(), own),
            }
        })
    }
}

/// Keys that are at hand as they are.
struct Given(std::sync::Mutex<Option<Identities>>);

impl KeySource for Given {
    fn place(&self) -> String {
        "the key that was given".to_owned()
    }

    fn keys(&self) -> Result<FoundKeys, String> {
        let mut given = self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let identities = given.take().ok_or("was taken already")?;
        Ok(FoundKeys { identities, warnings: Vec::new() })
    }
}

impl From<Identities> for Keys {
    fn from(identities: Identities) -> Self {
        Self::none().and(Given(std::sync::Mutex::new(Some(identities))))
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.places.iter().map(|place| place.source.place())).finish()
    }
}

#[cfg(test)]
mod tests;
