//! Releases: what an environment holds, immutable and named by content.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::digest::{Digest, DigestKey, Hasher};
use crate::fingerprint::Fingerprint;
use crate::health::HealthCheck;
use crate::name::{EnvironmentName, ServiceName};
use crate::path::RelativePath;
use crate::target::TargetId;

/// How a file takes its place on a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layout {
    /// A stable link into the current release; all linked files switch in one rename.
    #[default]
    Linked,
    /// A regular file, replaced under the journal, for programs that refuse links.
    Plain,
    /// As [`Layout::Linked`], and the release has a link to the content, which is on a file system in
    /// memory and never on a disk of the target.
    Runtime,
}

impl Layout {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The permission bits of a file (`0o7777` at most); in JSON four octal digits, such as `"0644"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Mode(u32);

/// The text or number is no file mode.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a file mode: write three or four octal digits, such as \"0644\"")]
pub struct InvalidMode(pub String);

impl Mode {
    /// `0644`, what a rendered file gets unless told otherwise.
    pub const FILE: Self = Self(0o644);
    /// `0755`, what an executable file gets.
    pub const EXECUTABLE: Self = Self(0o755);

    /// Returns the mode with the permission bits of `bits` (a `st_mode` will do).
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits & 0o7777)
    }

    /// Returns the permission bits.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// Returns the mode with what it grants to the group and to others taken away.
    #[must_use]
    pub const fn owner_only(self) -> Self {
        Self(self.0 & 0o7700)
    }

    /// Tells whether it grants anything to others than the owner and the group.
    #[must_use]
    pub const fn grants_others(self) -> bool {
        self.0 & 0o007 != 0
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04o}", self.0)
    }
}

impl std::str::FromStr for Mode {
    type Err = InvalidMode;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let octal = matches!(text.len(), 3 | 4) && text.bytes().all(|b| matches!(b, b'0'..=b'7'));
        match u32::from_str_radix(text, 8) {
            Ok(bits) if octal => Ok(Self(bits)),
            _ => Err(InvalidMode(text.to_owned())),
        }
    }
}

impl TryFrom<String> for Mode {
    type Error = InvalidMode;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Mode> for String {
    fn from(mode: Mode) -> Self {
        mode.to_string()
    }
}

/// One file of a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileEntry {
    /// Where it goes, below the environment's `config_path`.
    pub path: RelativePath,
    /// Its permission bits.
    pub mode: Mode,
    /// Its size in bytes.
    pub size: u64,
    /// What is in it.
    pub digest: Digest,
    /// The service it belongs to.
    pub service: ServiceName,
    /// How it takes its place.
    #[serde(default, skip_serializing_if = "Layout::is_default")]
    pub layout: Layout,
    /// What may be shown of it: the same with a mask in place of each secret. Nothing where all of it
    /// may be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Digest>,
    /// Whether it holds a secret, or was made with one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub secret: bool,
    /// What its digest depends on, where it holds a secret of the environment: without it, nobody can
    /// find a short secret by trying what gives the digest. A manifest with one is kept as the
    /// secrets are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<DigestKey>,
}

impl FileEntry {
    /// Returns what computes the digest of content that is to be compared with [`FileEntry::digest`].
    #[must_use]
    pub fn hasher(&self) -> Hasher {
        Hasher::with_key(self.key.as_ref())
    }

    /// Tells whether its content is on no disk of the target.
    #[must_use]
    pub fn is_runtime(&self) -> bool {
        self.layout == Layout::Runtime
    }

    /// Returns the first 16 digits of a digest that nobody can try values against, for showing that
    /// the content is another; nothing where the digest is not of that kind.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.key.as_ref().map(|_| Fingerprint::of_keyed(&self.digest))
    }
}

/// Everything that a release puts on one target: files in order of their paths, none twice, none
/// where another file needs a directory.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<FileEntry>", into = "Vec<FileEntry>")]
pub struct Manifest {
    files: Vec<FileEntry>,
}

/// Two files claim the same place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The same path twice.
    #[error("file {path} is claimed by service `{first}` and by service `{second}`")]
    SamePath {
        /// The path claimed twice.
        path: RelativePath,
        /// One service.
        first: ServiceName,
        /// The other, or the same again.
        second: ServiceName,
    },
    /// A path that is a file and also a directory.
    #[error(
        "{file} of service `{first}` is a file, and service `{second}` needs it as a directory for {inside}"
    )]
    FileAsDirectory {
        /// The path that is a file.
        file: RelativePath,
        /// The path below it.
        inside: RelativePath,
        /// The service of the file.
        first: ServiceName,
        /// The service of the path below it.
        second: ServiceName,
    },
}

impl Manifest {
    /// Returns the manifest of `files`, whatever their order.
    ///
    /// # Errors
    /// [`Conflict`] when two of them claim the same place.
    pub fn new(mut files: Vec<FileEntry>) -> Result<Self, Conflict> {
        files.sort_by(|a, b| a.path.cmp(&b.path));
        for pair in files.windows(2) {
            if pair[0].path == pair[1].path {
                return Err(Conflict::SamePath {
                    path: pair[0].path.clone(),
                    first: pair[0].service.clone(),
                    second: pair[1].service.clone(),
                });
            }
        }
        let manifest = Self { files };
        manifest.check_directories()?;
        Ok(manifest)
    }

    fn check_directories(&self) -> Result<(), Conflict> {
        for entry in &self.files {
            for above in entry.path.ancestors() {
                if let Some(file) = self.get(&above) {
                    return Err(Conflict::FileAsDirectory {
                        file: above,
                        inside: entry.path.clone(),
                        first: file.service.clone(),
                        second: entry.service.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    /// Tells whether a key of digests is in it, so that it is kept as the secrets are.
    #[must_use]
    pub fn is_secret(&self) -> bool {
        self.files.iter().any(|file| file.key.is_some())
    }

    /// Returns the files in order of their paths.
    #[must_use]
    pub fn files(&self) -> &[FileEntry] {
        &self.files
    }

    /// Returns the file at `path`, if there is one.
    #[must_use]
    pub fn get(&self, path: &RelativePath) -> Option<&FileEntry> {
        let at = self.files.binary_search_by(|entry| entry.path.cmp(path)).ok()?;
        Some(&self.files[at])
    }

    /// Returns the name of this manifest: the digest of its canonical JSON.
    #[must_use]
    pub fn id(&self) -> Digest {
        Digest::of_json(&self.files)
    }

    /// Returns the bytes of all files together.
    #[must_use]
    pub fn total_bytes(&self) -> u64 {
        self.files.iter().map(|entry| entry.size).sum()
    }
}

impl TryFrom<Vec<FileEntry>> for Manifest {
    type Error = Conflict;

    fn try_from(files: Vec<FileEntry>) -> Result<Self, Self::Error> {
        Self::new(files)
    }
}

impl From<Manifest> for Vec<FileEntry> {
    fn from(manifest: Manifest) -> Self {
        manifest.files
    }
}

/// What a service does besides being files: part of the release, so that a rollback runs the
/// commands of the release it goes back to.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ServiceRelease {
    /// The version of its artifact, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Run on the staged release, before activation; a failure stops the deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub check: Option<Command>,
    /// Run after activation, if a file of the service changed on the target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_change: Option<Command>,
    /// Probed after activation.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub health: Vec<HealthCheck>,
}

/// The name of a release: the digest of everything in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReleaseId(pub Digest);

impl ReleaseId {
    /// Returns the first 12 hexadecimal digits: the `config_version` of records.
    #[must_use]
    pub fn short(&self) -> String {
        self.0.short()
    }
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What an environment holds: for each target the files of its services, and what the services
/// need to be checked and reloaded. The same inputs give the same release on every machine: it
/// holds no time, no absolute path of the operator's machine and no host name but the targets'.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// The project it belongs to.
    pub project: String,
    /// The environment it was made for.
    pub environment: EnvironmentName,
    /// Where its files go on each target.
    pub config_path: String,
    /// Its services.
    pub services: BTreeMap<ServiceName, ServiceRelease>,
    /// What commands see as environment variables: the environment's variables, no secrets.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
    /// What commands see on single targets besides, where it differs.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub target_variables: BTreeMap<TargetId, BTreeMap<String, String>>,
    /// For each target the [`Manifest::id`] of its files.
    pub targets: BTreeMap<TargetId, Digest>,
}

impl Release {
    /// Returns the part of the release that concerns one target.
    #[must_use]
    pub fn only_for(&self, target: &TargetId) -> Self {
        let mut part = self.clone();
        part.targets.retain(|id, _| id == target);
        part.target_variables.retain(|id, _| id == target);
        part
    }

    /// Returns the name of this release.
    #[must_use]
    pub fn id(&self) -> ReleaseId {
        ReleaseId(Digest::of_json(self))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, service: &str) -> FileEntry {
        FileEntry {
            path: RelativePath::new(path).expect("valid path"),
            mode: Mode::FILE,
            size: 0,
            digest: Digest::of(b""),
            service: ServiceName::new(service).expect("valid name"),
            layout: Layout::Linked,
            shown: None,
            secret: false,
            key: None,
        }
    }

    #[test]
    fn the_order_of_files_does_not_change_the_id() {
        let one = Manifest::new(vec![entry("a", "web"), entry("b", "web")]).expect("no conflict");
        let two = Manifest::new(vec![entry("b", "web"), entry("a", "web")]).expect("no conflict");
        assert_eq!(one.id(), two.id());
        assert!(one.get(&RelativePath::new("b").expect("valid")).is_some());
    }

    #[test]
    fn two_files_cannot_claim_one_place() {
        let same = Manifest::new(vec![entry("a", "web"), entry("a", "db")]).expect_err("conflict");
        assert_eq!(same.to_string(), "file a is claimed by service `web` and by service `db`");
        let inside = Manifest::new(vec![entry("a/b", "db"), entry("a-", "x"), entry("a", "web")]);
        assert!(matches!(inside, Err(Conflict::FileAsDirectory { .. })));
    }

    #[test]
    fn what_compares_a_file_with_a_secret_has_the_key() {
        let key = DigestKey::from_bytes([7; 32]);
        let digest = key.digest(b"password: hunter2");
        let plain = entry("a", "web");
        let keyed = FileEntry { digest, secret: true, key: Some(key), ..plain.clone() };
        let mut hasher = keyed.hasher();
        hasher.update(b"password: hunter2");
        assert_eq!(hasher.finish(), digest);
        assert_eq!(plain.hasher().finish(), plain.digest);
        let print = keyed.fingerprint().expect("a keyed digest").to_string();
        assert!(digest.to_string().starts_with(&print) && plain.fingerprint().is_none());
        let manifest = Manifest::new(vec![keyed.clone()]).expect("no conflict");
        assert!(manifest.is_secret());
        let json = serde_json::to_string(&manifest).expect("serializes");
        assert_eq!(serde_json::from_str::<Manifest>(&json).expect("reads"), manifest);
        assert!(!serde_json::to_string(&plain).expect("serializes").contains("secret"));
    }

    #[test]
    fn modes_are_octal_text() {
        assert_eq!("0640".parse(), Ok(Mode::from_bits(0o640)));
        assert_eq!(Mode::from_bits(0o100_755).to_string(), "0755");
        for bad in ["0o644", "888", "64", "06444", "-644"] {
            assert!(bad.parse::<Mode>().is_err(), "{bad}");
        }
    }
}
