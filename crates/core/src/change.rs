//! What a deployment changes: files, and settings key by key.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::fingerprint::Fingerprint;
use crate::release::{FileEntry, Manifest, Mode};

/// One setting before and after; `None` where it does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettingChange {
    /// The value before.
    pub old: Option<serde_json::Value>,
    /// The value after.
    pub new: Option<serde_json::Value>,
    /// What tells one secret value from another, where the values are not shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprints: Option<FingerprintChange>,
}

/// What stands in place of both values of a setting that is secret.
pub const CHANGED: &str = "changed";

impl SettingChange {
    /// Returns the change of a setting that is shown.
    #[must_use]
    pub const fn shown(old: Option<serde_json::Value>, new: Option<serde_json::Value>) -> Self {
        Self { old, new, fingerprints: None }
    }

    /// Returns the change of a secret: [`CHANGED`] on both sides, and what tells the values apart.
    #[must_use]
    pub fn secret(fingerprints: Option<FingerprintChange>) -> Self {
        let changed = || Some(serde_json::Value::from(CHANGED));
        Self { old: changed(), new: changed(), fingerprints }
    }
}

/// The fingerprints of something secret before and after; nothing where it does not exist, or where
/// the key is not there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FingerprintChange {
    /// Of the value before.
    pub old: Option<Fingerprint>,
    /// Of the value after.
    pub new: Option<Fingerprint>,
}

impl FingerprintChange {
    /// Returns both, unless neither is known.
    #[must_use]
    pub fn of(old: Option<Fingerprint>, new: Option<Fingerprint>) -> Option<Self> {
        (old.is_some() || new.is_some()).then_some(Self { old, new })
    }
}

/// One file mode before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ModeChange {
    /// The mode before.
    pub old: Mode,
    /// The mode after.
    pub new: Mode,
}

/// What changes, over all targets together.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ChangeSet {
    /// Paths that appear.
    pub files_added: BTreeSet<String>,
    /// Paths that go.
    pub files_removed: BTreeSet<String>,
    /// Paths whose bytes or mode change.
    pub files_modified: BTreeSet<String>,
    /// For each modified file in a known format, its settings that differ, by dotted key.
    pub settings_changed: BTreeMap<String, BTreeMap<String, SettingChange>>,
    /// For each modified file whose mode differs, the modes.
    #[serde(default)]
    pub modes_changed: BTreeMap<String, ModeChange>,
    /// For each file with secrets whose content appears or changes, what tells the contents apart.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub secrets_changed: BTreeMap<String, FingerprintChange>,
}

impl ChangeSet {
    /// Returns the files that differ between two manifests, settings not yet looked at; `None` is a
    /// target with nothing on it.
    #[must_use]
    pub fn between(old: Option<&Manifest>, new: Option<&Manifest>) -> Self {
        let empty = Manifest::default();
        let (old, new) = (old.unwrap_or(&empty), new.unwrap_or(&empty));
        let mut changes = Self::default();
        for entry in new.files() {
            let path = entry.path.to_string();
            if let Some(change) = secret_change(old.get(&entry.path), entry) {
                changes.secrets_changed.insert(path.clone(), change);
            }
            match old.get(&entry.path) {
                None => {
                    changes.files_added.insert(path);
                }
                Some(before) if before.digest == entry.digest && before.mode == entry.mode => {}
                Some(before) => {
                    if before.mode != entry.mode {
                        let modes = ModeChange { old: before.mode, new: entry.mode };
                        changes.modes_changed.insert(path.clone(), modes);
                    }
                    changes.files_modified.insert(path);
                }
            }
        }
        let gone = old.files().iter().filter(|entry| new.get(&entry.path).is_none());
        changes.files_removed = gone.map(|entry| entry.path.to_string()).collect();
        changes
    }

    /// Adds what changes on another target.
    pub fn merge(&mut self, other: Self) {
        self.files_added.extend(other.files_added);
        self.files_removed.extend(other.files_removed);
        self.files_modified.extend(other.files_modified);
        self.modes_changed.extend(other.modes_changed);
        self.secrets_changed.extend(other.secrets_changed);
        for (file, settings) in other.settings_changed {
            self.settings_changed.entry(file).or_default().extend(settings);
        }
    }

    /// Tells whether no file changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files() == 0
    }

    /// Returns how many files appear, go or change.
    #[must_use]
    pub fn files(&self) -> usize {
        self.files_added.len() + self.files_removed.len() + self.files_modified.len()
    }

    /// Returns how many settings change.
    #[must_use]
    pub fn settings(&self) -> usize {
        self.settings_changed.values().map(BTreeMap::len).sum()
    }
}

/// Returns the fingerprints of the contents of a file with secrets, where they differ.
fn secret_change(before: Option<&FileEntry>, after: &FileEntry) -> Option<FingerprintChange> {
    let differs = before.is_none_or(|before| before.digest != after.digest);
    let print = after.fingerprint().filter(|_| differs)?;
    FingerprintChange::of(before.and_then(FileEntry::fingerprint), Some(print))
}
