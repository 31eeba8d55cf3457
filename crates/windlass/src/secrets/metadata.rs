//! What is known about secrets besides their values: `FILE.meta.json`.

mod info;
mod merge;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use windlass_core::fingerprint::{Fingerprint, FingerprintKey};
use windlass_core::secret::{Secret, SecretName};
use windlass_sops::{Entropy, Pattern, Selection, SopsError, SystemEntropy};
use zeroize::Zeroizing;

use super::error::SecretsError;
pub(super) use info::age;
pub use info::{AgeState, RotationInfo, SecretInfo, SecretList};

/// The version of the file.
const VERSION: u32 = 1;

/// What is encrypted in it. No other key of it can have such a name, but for labels.
const ENCRYPTED: &str = "^(fingerprint_key|old_value)$";

/// Returns where the file is that tells about the secrets in `path`.
pub(super) fn path_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".meta.json");
    name.into()
}

/// Returns whether `path` is such a file.
pub(super) fn is_one(path: &Path) -> bool {
    path.to_string_lossy().ends_with(".meta.json")
}

/// Returns which of its values are encrypted.
pub(super) fn selection() -> Selection {
    Selection::EncryptedRegex(Pattern::new(ENCRYPTED).expect("it is a regular expression"))
}

/// The id of a secret, which stays when its value does not: `secret_` and 16 hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretId(String);

impl SecretId {
    fn generate() -> Result<Self, SopsError> {
        let mut bytes = [0; 8];
        SystemEntropy.fill(&mut bytes)?;
        Ok(Self(format!("secret_{:016x}", u64::from_be_bytes(bytes))))
    }

    /// Returns the id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What is said about a secret by whoever stores it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SecretDetails {
    /// How old it may get, as `90d`; otherwise the policy of the project holds.
    pub max_age: Option<String>,
    /// What it is for, in a line.
    pub note: Option<String>,
    /// Anything else, such as who is to be asked.
    pub labels: BTreeMap<String, String>,
}

/// One time that a secret got another value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Rotation {
    pub(super) at: Timestamp,
    /// By whom; nobody knows where it was not Windlass that did it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    /// The fingerprint of the value that it had before.
    fingerprint: Fingerprint,
    /// That value, in base64, if it was to be kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    old_value: Option<Hidden>,
}

impl Rotation {
    /// Returns whether the value before it was kept.
    #[must_use]
    pub(super) fn keeps_old_value(&self) -> bool {
        self.old_value.is_some()
    }

    /// Returns the value that the secret had before, if it was kept.
    pub(super) fn old_value(&self) -> Option<Secret> {
        STANDARD.decode(&*self.old_value.as_ref()?.0).ok().map(Secret::new)
    }
}

/// What is encrypted in the file.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
struct Hidden(Zeroizing<String>);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// What is known about one secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    pub(super) name: String,
    pub(super) created: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) created_by: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) max_age: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) labels: BTreeMap<String, String>,
    /// Of the value that it has; nothing where that has to be looked at first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) fingerprint: Option<Fingerprint>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) rotations: Vec<Rotation>,
}

impl Record {
    /// Returns when it got the value that it has.
    pub(super) fn rotated(&self) -> Timestamp {
        self.rotations.last().map_or(self.created, |last| last.at)
    }

    /// Returns who gave it the value that it has.
    pub(super) fn rotated_by(&self) -> Option<&str> {
        match self.rotations.last() {
            Some(last) => last.by.as_deref(),
            None => self.created_by.as_deref(),
        }
    }
}

/// The whole file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Metadata {
    version: u32,
    fingerprint_key: Hidden,
    secrets: BTreeMap<SecretId, Record>,
}

/// When and by whom something was done.
#[derive(Debug, Clone)]
pub(super) struct Act {
    pub(super) at: Timestamp,
    pub(super) by: Option<String>,
}

impl Metadata {
    /// Returns what is known at first: nothing, with a new key for fingerprints.
    pub(super) fn new() -> Result<Self, SopsError> {
        let mut key = Zeroizing::new([0; 32]);
        SystemEntropy.fill(&mut *key)?;
        let fingerprint_key = Hidden(Zeroizing::new(STANDARD.encode(key.as_slice())));
        Ok(Self { version: VERSION, fingerprint_key, secrets: BTreeMap::new() })
    }

    /// Returns what `text` says, encrypted or not.
    pub(super) fn parse(path: &Path, text: &[u8]) -> Result<Self, SecretsError> {
        let wrong = |problem: String| SecretsError::Metadata { path: path.to_owned(), problem };
        let read: Self = serde_json::from_slice(text).map_err(|error| {
            // What it says of the text may hold a value.
            wrong(format!(
                "line {}, column {}: not as Windlass writes it",
                error.line(),
                error.column()
            ))
        })?;
        if read.version != VERSION {
            let problem = format!("version {} was written by a newer windlass", read.version);
            return Err(wrong(problem));
        }
        Ok(read)
    }

    /// Returns the text of the file, in the clear.
    pub(super) fn to_text(&self) -> Zeroizing<Vec<u8>> {
        let mut text = serde_json::to_vec_pretty(self).expect("its keys are texts");
        text.push(b'\n');
        Zeroizing::new(text)
    }

    /// Returns what the key of the fingerprints is derived from: 32 bytes; nothing where that was not
    /// decrypted.
    pub(super) fn root_key(&self) -> Option<Secret> {
        let bytes = STANDARD.decode(&*self.fingerprint_key.0).ok().map(Secret::new)?;
        (bytes.len() == 32).then_some(bytes)
    }

    /// Returns the key of the fingerprints; nothing where it was not decrypted.
    pub(super) fn fingerprint_key(&self) -> Option<FingerprintKey> {
        Some(FingerprintKey::derive(self.root_key()?.expose()))
    }

    /// Returns the fingerprint of the value of a secret. The name is a part of it, so that two secrets
    /// with the same value do not show that.
    fn fingerprint(&self, name: &SecretName, value: &[u8]) -> Fingerprint {
        let key = self.fingerprint_key().expect("it was decrypted, or is new");
        let mut text = Zeroizing::new(Vec::with_capacity(name.as_str().len() + 1 + value.len()));
        text.extend_from_slice(name.as_str().as_bytes());
        text.push(0);
        text.extend_from_slice(value);
        key.fingerprint(&text)
    }

    /// Returns the values that secrets had before, as far as they were kept.
    pub(super) fn old_values(&self) -> Vec<(SecretName, Secret)> {
        let named = |record: &Record| {
            let name = SecretName::new(record.name.as_str()).ok();
            let values = record.rotations.iter().filter_map(Rotation::old_value);
            name.map(|name| values.map(|value| (name.clone(), value)).collect::<Vec<_>>())
        };
        self.secrets.values().filter_map(named).flatten().collect()
    }

    /// Returns the secret called `name`; the first one that was made where two people made it at once.
    pub(super) fn by_name(&self, name: &SecretName) -> Option<(&SecretId, &Record)> {
        let called = self.secrets.iter().filter(|(_, record)| record.name == name.as_str());
        called.min_by_key(|(id, record)| (record.created, (*id).clone()))
    }

    fn by_name_mut(&mut self, name: &SecretName) -> Option<&mut Record> {
        let id = self.by_name(name)?.0.clone();
        self.secrets.get_mut(&id)
    }

    /// Returns the name of the secret with this id.
    pub(super) fn name_of(&self, id: &str) -> Option<&str> {
        let found = self.secrets.iter().find(|(known, _)| known.as_str() == id);
        found.map(|(_, record)| record.name.as_str())
    }

    /// Notes that the secret called `name` has the value `new`, in place of `old`. It is no rotation
    /// if that is the same.
    pub(super) fn set(
        &mut self,
        name: &SecretName,
        new: &[u8],
        kept: Option<&[u8]>,
        act: &Act,
    ) -> Result<SecretId, SopsError> {
        let fingerprint = self.fingerprint(name, new);
        if let Some(record) = self.by_name_mut(name) {
            let before = record.fingerprint.replace(fingerprint.clone());
            if let Some(before) = before.filter(|before| *before != fingerprint) {
                let encoded = kept.map(|value| Hidden(Zeroizing::new(STANDARD.encode(value))));
                record.rotations.push(Rotation {
                    at: act.at,
                    by: act.by.clone(),
                    fingerprint: before,
                    old_value: encoded,
                });
            }
            let id = self.by_name(name).expect("it is there").0.clone();
            return Ok(id);
        }
        let id = SecretId::generate()?;
        let record = Record {
            name: name.as_str().to_owned(),
            created: act.at,
            created_by: act.by.clone(),
            max_age: None,
            note: None,
            labels: BTreeMap::new(),
            fingerprint: Some(fingerprint),
            rotations: Vec::new(),
        };
        self.secrets.insert(id.clone(), record);
        Ok(id)
    }

    /// Notes what is said about a secret; what is not said stays as it was.
    pub(super) fn describe(&mut self, name: &SecretName, details: &SecretDetails) {
        let Some(record) = self.by_name_mut(name) else { return };
        if details.max_age.is_some() {
            record.max_age.clone_from(&details.max_age);
        }
        if details.note.is_some() {
            record.note.clone_from(&details.note);
        }
        record.labels.extend(details.labels.clone());
    }

    /// Forgets all that is known about the secret called `name`.
    pub(super) fn forget(&mut self, name: &SecretName) {
        self.secrets.retain(|_, record| record.name != name.as_str());
    }

    /// Brings it into step with `values`, those that the file really has: what is not known of them is
    /// noted as done by `act`.
    pub(super) fn reconcile<'v>(
        &mut self,
        values: impl IntoIterator<Item = (&'v SecretName, &'v [u8])>,
        act: &Act,
    ) -> Result<(), SopsError> {
        let mut there = BTreeSet::new();
        for (name, value) in values {
            self.set(name, value, None, act)?;
            there.insert(name.as_str());
        }
        self.secrets.retain(|_, record| there.contains(record.name.as_str()));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    fn name(text: &str) -> SecretName {
        SecretName::new(text).expect("a name")
    }

    fn act(at: &str) -> Act {
        Act { at: time(at), by: Some("alice@desk".to_owned()) }
    }

    #[test]
    fn a_value_that_is_set_again_is_no_rotation() {
        let mut metadata = Metadata::new().expect("random bytes");
        let made = metadata.set(&name("A"), b"1", None, &act("2026-01-01T00:00:00Z"));
        let same = metadata.set(&name("A"), b"1", None, &act("2026-01-02T00:00:00Z"));
        let other = metadata.set(&name("A"), b"2", Some(b"1"), &act("2026-01-03T00:00:00Z"));
        assert_eq!(made.as_ref().ok(), same.as_ref().ok());
        assert_eq!(made.ok(), other.ok());
        let record = metadata.by_name(&name("A")).expect("known").1;
        assert_eq!(record.rotations.len(), 1);
        assert_eq!(record.rotated(), time("2026-01-03T00:00:00Z"));
        assert_eq!(record.rotations[0].old_value(), Some(Secret::new("1")));
        assert!(!format!("{metadata:?}").contains("MQ=="), "the old value is shown");
    }

    #[test]
    fn what_others_did_is_noted_as_of_the_last_change_of_the_file() {
        let mut metadata = Metadata::new().expect("random bytes");
        for secret in ["A", "B"] {
            metadata.set(&name(secret), b"1", None, &act("2026-01-01T00:00:00Z")).expect("set");
        }
        let (a, c) = (name("A"), name("C"));
        let values: [(&SecretName, &[u8]); 2] = [(&a, b"2"), (&c, b"3")];
        let act = Act { at: time("2026-02-01T00:00:00Z"), by: None };
        metadata.reconcile(values, &act).expect("done");
        let of = |secret| metadata.by_name(&name(secret)).map(|(_, record)| record);
        let (a, c) = (of("A").expect("known"), of("C").expect("known"));
        assert_eq!((a.rotated(), a.rotated_by()), (time("2026-02-01T00:00:00Z"), None));
        assert_eq!((c.created, &c.created_by), (time("2026-02-01T00:00:00Z"), &None));
        assert!(of("B").is_none());
    }

    #[test]
    fn the_same_value_under_two_names_has_two_fingerprints() {
        let metadata = Metadata::new().expect("random bytes");
        let print = |secret| metadata.fingerprint(&name(secret), b"x");
        assert_eq!(print("A"), print("A"));
        assert_ne!(print("A"), print("B"));
    }

    #[test]
    fn a_newer_version_and_other_texts_are_refused_without_quoting_them() {
        let path = Path::new("x.meta.json");
        let newer = r#"{"version": 2, "fingerprint_key": "x", "secrets": {}}"#;
        let error = Metadata::parse(path, newer.as_bytes()).expect_err("newer").to_string();
        assert_eq!(error, "x.meta.json: version 2 was written by a newer windlass");
        let error = Metadata::parse(path, br#"{"hunter2": 1}"#).expect_err("other").to_string();
        assert!(!error.contains("hunter2") && error.contains("line 1"), "{error}");
    }
}
