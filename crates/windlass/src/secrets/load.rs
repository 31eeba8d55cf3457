//! All secrets of a file, for rendering.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use windlass_core::fingerprint::FingerprintKey;
use windlass_core::secret::{Secret, SecretName, Secrets};
use windlass_sops::Format;

use super::error::SecretsError;
use super::keys::Keys;
use super::names;
use super::state::{History, Stored};

/// What a file holds, all of it authenticated.
#[derive(Debug)]
pub struct Opened {
    /// The secrets.
    pub secrets: Secrets,
    /// What the file's own rules leave in the clear (`region_unencrypted`): values, but no secrets.
    pub in_the_clear: BTreeMap<SecretName, String>,
    /// What fingerprints of the secrets depend on. It is kept in the file's history and outlives the
    /// data key; where there is no history, it is derived from the data key and goes with it.
    pub fingerprint_key: FingerprintKey,
    /// The 256 bits that it is derived from, for deriving other keys that last as long, such as that of
    /// objects.
    pub root_key: Secret,
    /// Values that secrets had before, as far as the file's history keeps them.
    pub earlier: Vec<(SecretName, Secret)>,
}

/// Returns the secrets in the SOPS file at `path`.
///
/// # Errors
/// When the file is not there or was tampered with, no key opens it, or names in it cannot be told apart.
pub fn load(path: &Path, keys: &Keys) -> Result<Secrets, SecretsError> {
    Ok(open(path, keys)?.secrets)
}

/// Returns all that the SOPS file at `path` holds, and the key of its fingerprints.
///
/// # Errors
/// As [`load`].
pub fn open(path: &Path, keys: &Keys) -> Result<Opened, SecretsError> {
    let format = Format::of_name(&path.to_string_lossy());
    let stored = Stored::read(path, format)?;
    let stored = stored.ok_or_else(|| SecretsError::NoFile { path: path.to_owned() })?;
    let key = keys.open(&stored.file, path)?;
    let named = names::named(&stored.plain(&key)?, path)?;
    let history = History::read(path, keys)?;
    let (kept, earlier) = match &history {
        Some(history) => (history.metadata.root_key(), history.metadata.old_values()),
        None => (None, Vec::new()),
    };
    let root_key = kept.unwrap_or_else(|| Secret::new(key.expose().to_vec()));
    let (clear, secret): (Vec<_>, Vec<_>) = named.into_iter().partition(|one| one.in_the_clear);
    let secrets = Secrets::new(secret.into_iter().map(|one| (one.name, one.secret)));
    Ok(Opened {
        secrets: secrets.map_err(|same| SecretsError::SameName { path: path.to_owned(), same })?,
        in_the_clear: clear
            .into_iter()
            .filter_map(|one| Some((one.name, text(&one.secret)?)))
            .collect(),
        fingerprint_key: FingerprintKey::derive(root_key.expose()),
        root_key,
        earlier,
    })
}

/// Returns where the file is that a project at `root` names as `file`: below it, whatever links there are.
///
/// # Errors
/// When it leads out of the project.
pub fn secrets_file(root: &Path, file: &str) -> Result<PathBuf, SecretsError> {
    let path = root.join(file);
    let outside = || SecretsError::Refused {
        message: format!("{}: a link leads out of the project", path.display()),
        hint: "keep the file in the project".to_owned(),
    };
    let real = |path: &Path| path.canonicalize().ok();
    let root = real(root).unwrap_or_else(|| root.to_owned());
    // Of a file that is not there yet, the directory above that is counts.
    let nearest = path.ancestors().find_map(real);
    if nearest.is_some_and(|found| found.starts_with(root)) { Ok(path) } else { Err(outside()) }
}

fn text(value: &Secret) -> Option<String> {
    value.expose_text().map(str::to_owned)
}
