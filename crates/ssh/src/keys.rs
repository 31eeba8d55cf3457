//! Reading key files, each only once in a run.

use std::collections::HashMap;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use russh::keys::ssh_key;
use russh::keys::{Certificate, PrivateKey, PublicKey};

use crate::identity::{FileIdentity, Secret, Unusable};

/// The most that is read of a key file.
const LARGEST_FILE: u64 = 256 * 1024;

/// What the files of one `IdentityFile` hold: the key, and its certificate if there is one.
type Loaded = Arc<Vec<FileIdentity>>;

/// The keys that were read.
#[derive(Debug, Default)]
pub(crate) struct KeyCache {
    loaded: Mutex<HashMap<PathBuf, Loaded>>,
}

impl KeyCache {
    /// Returns the key of the file and the certificate beside it; nothing where there is neither.
    pub(crate) fn identity(&self, path: &Path) -> Loaded {
        let mut loaded = self.loaded.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = loaded.entry(path.to_owned());
        Arc::clone(entry.or_insert_with(|| Arc::new(load(path))))
    }
}

/// Returns the certificate that a file holds.
pub(crate) fn certificate(path: &Path) -> Option<Arc<Certificate>> {
    let text = text(path).ok()?;
    Certificate::from_openssh(text.trim()).ok().map(Arc::new)
}

/// Returns the key and then its certificate, as `ssh` tries them. What cannot be read is passed
/// over, as `ssh` does: most of the default files are not there.
fn load(path: &Path) -> Vec<FileIdentity> {
    let Some((public, secret)) = key(path) else { return Vec::new() };
    let plain = FileIdentity { path: path.to_owned(), public, certificate: None, secret };
    let beside = with_suffix(path, "-cert.pub");
    let certified = certificate(&beside).map(|certificate| FileIdentity {
        path: beside,
        public: PublicKey::new(certificate.public_key().clone(), ""),
        certificate: Some(certificate),
        secret: plain.secret.clone(),
    });
    [Some(plain), certified].into_iter().flatten().collect()
}

fn key(path: &Path) -> Option<(PublicKey, Secret)> {
    let locked = || Secret::Unusable(Unusable::Locked);
    match text(path).ok().map(|text| secret(&text)) {
        Some(Ok(key)) => {
            let public = PublicKey::new(key.public_key().key_data().clone(), "");
            let secret = match exposed(path) {
                Some(mode) => Secret::Unusable(Unusable::Exposed(mode)),
                None if key.is_encrypted() => locked(),
                None => Secret::Open(Arc::new(key)),
            };
            Some((public, secret))
        }
        Some(Err(true)) => Some((public_of(path)?, locked())),
        Some(Err(false)) | None => Some((public_of(path)?, Secret::Absent)),
    }
}

/// Returns the mode of a file that belongs to this user and that others may read or write.
fn exposed(path: &Path) -> Option<u32> {
    let metadata = std::fs::metadata(path).ok()?;
    let own = metadata.uid() == rustix::process::getuid().as_raw();
    (own && metadata.mode() & 0o077 != 0).then_some(metadata.mode() & 0o7777)
}

/// Returns the key in `text`, in the format of OpenSSH or an older one, or whether it is locked.
fn secret(text: &str) -> Result<PrivateKey, bool> {
    if text.contains("BEGIN OPENSSH PRIVATE KEY") {
        return PrivateKey::from_openssh(text).map_err(|_| false);
    }
    let locked = text.contains("ENCRYPTED");
    match locked {
        true => Err(true),
        false => russh::keys::decode_secret_key(text, None).map_err(|_| false),
    }
}

/// Returns the public key of a file whose secret cannot be read: that of the file beside it, or
/// the file itself, which may be public: then an agent has the secret.
fn public_of(path: &Path) -> Option<PublicKey> {
    let parse = |path: &Path| -> Result<PublicKey, ssh_key::Error> {
        PublicKey::from_openssh(text(path).unwrap_or_default().trim())
    };
    parse(&with_suffix(path, ".pub")).or_else(|_| parse(path)).ok()
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

fn text(path: &Path) -> io::Result<String> {
    let metadata = std::fs::metadata(path)?;
    if !metadata.is_file() || metadata.len() > LARGEST_FILE {
        return Err(io::ErrorKind::InvalidData.into());
    }
    std::fs::read_to_string(path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use super::*;

    /// Makes a key with `ssh-keygen`.
    fn generated(path: &Path, arguments: &[&str]) {
        let mut command = Command::new("ssh-keygen");
        command.args(["-q", "-f"]).arg(path).args(arguments);
        assert!(command.status().unwrap().success());
    }

    fn only(path: &Path) -> FileIdentity {
        let loaded = KeyCache::default().identity(path);
        assert_eq!(loaded.len(), 1, "{path:?}");
        loaded[0].clone()
    }

    #[test]
    fn keys_of_all_kinds_and_formats_are_read() {
        let directory = tempfile::tempdir().unwrap();
        let kinds: [&[&str]; 6] = [
            &["-t", "ed25519"],
            &["-t", "ecdsa"],
            &["-t", "ecdsa", "-b", "521"],
            &["-t", "rsa", "-b", "2048"],
            &["-t", "rsa", "-b", "2048", "-m", "PEM"],
            &["-t", "ecdsa", "-m", "PKCS8"],
        ];
        for (index, kind) in kinds.iter().enumerate() {
            let path = directory.path().join(index.to_string());
            generated(&path, &[kind, &["-N", ""][..]].concat());
            assert!(matches!(only(&path).secret, Secret::Open(_)), "{kind:?}");
        }
    }

    #[test]
    fn a_key_under_a_passphrase_is_locked_in_every_format() {
        let directory = tempfile::tempdir().unwrap();
        for format in ["RFC4716", "PEM", "PKCS8"] {
            let path = directory.path().join(format);
            generated(&path, &["-t", "rsa", "-b", "2048", "-m", format, "-N", "a passphrase"]);
            let secret = only(&path).secret;
            assert!(matches!(secret, Secret::Unusable(Unusable::Locked)), "{format}: {secret:?}");
        }
    }

    #[test]
    fn a_key_that_others_can_read_is_not_used() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        generated(&path, &["-t", "ed25519", "-N", ""]);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let secret = only(&path).secret;
        assert!(matches!(secret, Secret::Unusable(Unusable::Exposed(0o640))), "{secret:?}");
    }

    #[test]
    fn a_certificate_beside_the_key_comes_after_it() {
        let directory = tempfile::tempdir().unwrap();
        let (authority, key) = (directory.path().join("ca"), directory.path().join("key"));
        generated(&authority, &["-t", "ed25519", "-N", ""]);
        generated(&key, &["-t", "ed25519", "-N", ""]);
        let mut sign = Command::new("ssh-keygen");
        sign.args(["-q", "-I", "me", "-n", "root", "-s"]).arg(&authority);
        assert!(sign.arg(with_suffix(&key, ".pub")).status().unwrap().success());
        let loaded = KeyCache::default().identity(&key);
        assert_eq!(loaded.len(), 2);
        assert!(loaded[0].certificate.is_none() && loaded[1].certificate.is_some());
        assert!(certificate(&with_suffix(&key, "-cert.pub")).is_some());
    }

    #[test]
    fn what_is_not_there_or_no_key_is_passed_over() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x");
        assert!(load(&path).is_empty());
        std::fs::write(&path, "hello").unwrap();
        assert!(load(&path).is_empty());
        assert!(load(directory.path()).is_empty());
    }

    #[test]
    fn a_public_key_stands_for_the_one_in_the_agent() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("key");
        generated(&path, &["-t", "ed25519", "-N", ""]);
        assert!(matches!(only(&with_suffix(&path, ".pub")).secret, Secret::Absent));
        std::fs::remove_file(&path).unwrap();
        assert!(matches!(only(&path).secret, Secret::Absent));
    }
}
