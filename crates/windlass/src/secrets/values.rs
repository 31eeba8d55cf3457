//! The values that secrets had, so that the last filter knows them in files of earlier releases.
//!
//! ```text
//! keys/<environment>/values-1.json     a SOPS file for the recipients of the secrets file
//! ```
//!
//! A rollback, and a deployment that is taken back, runs commands beside files with values that have been
//! rotated since. What those commands print can be filtered only by who knows these values. They are noted
//! before anything is deployed; a file that is not for us is left to those whose it is.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use windlass_core::name::EnvironmentName;
use windlass_core::secret::{Secret, SecretName, Secrets};
use windlass_sops::{
    EncryptedFile, Format, KeyPath, Recipient, Rules, SystemEntropy, Tree, Value, encrypt,
};
use zeroize::Zeroizing;

use super::error::SecretsError;
use super::files::{self, DirLock};
use super::keys::Keys;

/// So many values of one secret are remembered, in Base64: that is more than targets and people go back by.
const REMEMBERED: usize = 32;

/// The only value of a file.
const VALUES: &str = "values";

/// The values of each secret, newest first.
type Known = BTreeMap<String, Vec<Zeroizing<String>>>;

/// Notes `current` as the values of `environment` in `workspace`, and returns those that were noted before:
/// as many sets as the most often rotated secret had values.
pub(super) fn note(
    workspace: &Path,
    environment: &EnvironmentName,
    current: &Secrets,
    recipients: &[Recipient],
    keys: &Keys,
    now: Timestamp,
) -> Result<Vec<Arc<Secrets>>, SecretsError> {
    let directory = workspace.join("keys").join(environment.as_str());
    let lock = DirLock::alone(&directory.join(VALUES))?;
    let (path, there) = ours(&directory, keys)?;
    let mut known = there.as_ref().map(|(_, known)| known.clone()).unwrap_or_default();
    let before = earlier(&known, current);
    if add(&mut known, current) || there.as_ref().is_some_and(|(file, _)| !is_for(file, recipients))
    {
        lock.replace(&path, sealed(&path, &known, recipients, now)?.as_bytes())?;
    }
    Ok(before)
}

/// Returns the first file that is for us, or the first name that nobody has.
fn ours(
    directory: &Path,
    keys: &Keys,
) -> Result<(PathBuf, Option<(EncryptedFile, Known)>), SecretsError> {
    let mut number = 1_u32;
    loop {
        let path = directory.join(format!("{VALUES}-{number}.json"));
        let Some(text) = files::read_if_there(&path)? else { return Ok((path, None)) };
        let file = EncryptedFile::parse(&text, Format::Json).map_err(SecretsError::sops(&path))?;
        match keys.open(&file, &path) {
            Err(SecretsError::NoKey { .. }) => number = number.saturating_add(1),
            key => {
                let plain = file.decrypt(&key?).map_err(SecretsError::sops(&path))?;
                let values = plain.value(&KeyPath::key(VALUES)).and_then(|value| value.as_str());
                let known = values.and_then(|values| serde_json::from_str(values).ok());
                let known = known.ok_or_else(|| damaged(&path))?;
                return Ok((path, Some((file, known))));
            }
        }
    }
}

fn damaged(path: &Path) -> SecretsError {
    SecretsError::Refused {
        message: format!("{}: not as Windlass writes it", path.display()),
        hint: "remove it: then values that secrets had are not filtered any more".to_owned(),
    }
}

/// Puts `current` first; tells whether anything changed.
fn add(known: &mut Known, current: &Secrets) -> bool {
    let mut changed = false;
    for (name, secret) in current.iter() {
        let value = Zeroizing::new(STANDARD.encode(secret.expose()));
        let values = known.entry(name.as_str().to_owned()).or_default();
        if !values.contains(&value) {
            values.insert(0, value);
            values.truncate(REMEMBERED);
            changed = true;
        }
    }
    changed
}

/// Returns the values in `known` that are not those of `current`.
fn earlier(known: &Known, current: &Secrets) -> Vec<Arc<Secrets>> {
    let mut sets: Vec<Vec<(SecretName, Secret)>> = Vec::new();
    for (name, values) in known {
        let Ok(name) = SecretName::new(name.as_str()) else { continue };
        let secret =
            |letters: &Zeroizing<String>| STANDARD.decode(&**letters).ok().map(Secret::new);
        let others = values.iter().filter_map(secret).filter(|old| current.get(&name) != Some(old));
        for (at, old) in others.enumerate() {
            if sets.len() == at {
                sets.push(Vec::new());
            }
            sets[at].push((name.clone(), old));
        }
    }
    sets.into_iter().map(|set| Arc::new(Secrets::labelled(set))).collect()
}

fn is_for(file: &EncryptedFile, recipients: &[Recipient]) -> bool {
    let entries = &file.metadata().age;
    let own: Vec<Recipient> = entries.iter().filter_map(|one| one.recipient.parse().ok()).collect();
    own.len() == recipients.len() && recipients.iter().all(|one| own.contains(one))
}

fn sealed(
    path: &Path,
    known: &Known,
    recipients: &[Recipient],
    now: Timestamp,
) -> Result<String, SecretsError> {
    let text = serde_json::to_string(known).map(Zeroizing::new).expect("its keys are texts");
    let tree = Tree::Value(Value::text(text.as_bytes()));
    let key = KeyPath::key(VALUES);
    let rules = Rules::for_recipients(recipients.to_vec());
    windlass_sops::set_plain("{}\n", Format::Json, &key, &tree)
        .and_then(|plain| encrypt(plain.as_bytes(), Format::Json, &rules, now, &mut SystemEntropy))
        .map_err(SecretsError::sops(path))
}

#[cfg(test)]
mod tests {
    use windlass_sops::{Identities, KeyPair};

    use super::*;

    fn note_for(dir: &Path, who: &KeyPair, value: &str) -> Vec<String> {
        let name = |name| SecretName::new(name).expect("a name");
        let current = [(name("a.b"), Secret::new(value)), (name("C"), Secret::new("stays"))];
        let current = Secrets::new(current).expect("told apart");
        let keys = Keys::from(Identities::parse(who.secret(), "a test").expect("a key"));
        let environment = EnvironmentName::new("staging").expect("a name");
        let now = "2026-11-20T12:00:00Z".parse().expect("a time");
        let recipients = [who.recipient().clone()];
        let before = note(dir, &environment, &current, &recipients, &keys, now).expect("noted");
        let all = before.iter().flat_map(|set| set.iter());
        all.map(|(name, value)| format!("{name}={}", value.expose_text().expect("text"))).collect()
    }

    #[test]
    fn values_that_were_are_told_and_lie_encrypted() {
        let (dir, alice) = (tempfile::tempdir().expect("a directory"), KeyPair::generate());
        assert!(note_for(dir.path(), &alice, "first").is_empty());
        assert!(note_for(dir.path(), &alice, "first").is_empty());
        assert_eq!(note_for(dir.path(), &alice, "second"), ["a.b=first"]);
        assert_eq!(note_for(dir.path(), &alice, "third"), ["a.b=second", "a.b=first"]);
        assert_eq!(note_for(dir.path(), &alice, "first"), ["a.b=third", "a.b=second"]);
        let path = dir.path().join("keys/staging/values-1.json");
        let text = std::fs::read_to_string(path).expect("text");
        assert!(!text.contains(&STANDARD.encode("second")) && text.contains("ENC["), "{text}");
    }

    #[test]
    fn a_file_for_somebody_else_is_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let (alice, bob) = (KeyPair::generate(), KeyPair::generate());
        assert!(note_for(dir.path(), &alice, "first").is_empty());
        assert!(note_for(dir.path(), &bob, "second").is_empty());
        assert_eq!(note_for(dir.path(), &alice, "third"), ["a.b=first"]);
        assert_eq!(note_for(dir.path(), &bob, "third"), ["a.b=second"]);
    }
}
