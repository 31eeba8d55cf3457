//! A key of one's own, in the place where SOPS and Windlass look for it.

use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use windlass_sops::{Identities, KeyPair, Recipient};
use zeroize::Zeroizing;

use crate::durable::create_dir;

/// A file with an age key, which exists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyFile {
    /// Where it is.
    pub path: PathBuf,
    /// Whom to encrypt for, so that its first key decrypts it.
    pub recipient: Recipient,
    /// Whether it was made just now.
    pub is_new: bool,
}

/// Says why there is no key file.
#[derive(Debug, thiserror::Error)]
pub enum KeyFileError {
    /// What is there is no key file.
    #[error("{}: {problem}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// It could not be read or written.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// On which path.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
}

impl KeyFile {
    /// Returns the key file at `path`, made with a new key if it is not there. One that is there is never
    /// written to.
    ///
    /// # Errors
    /// When it is there and holds no key, or cannot be read or written.
    pub fn ensure(path: &Path, now: Timestamp) -> Result<Self, KeyFileError> {
        let failed =
            |action| move |source| KeyFileError::Io { action, path: path.to_owned(), source };
        match fs::read_to_string(path).map(Zeroizing::new) {
            Ok(text) => return Self::of(path, &text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed("read")(error)),
        }
        let pair = KeyPair::generate();
        match write(path, &pair, now) {
            Ok(()) => {
                let recipient = pair.recipient().clone();
                Ok(Self { path: path.to_owned(), recipient, is_new: true })
            }
            // Somebody was faster.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                let text = Zeroizing::new(fs::read_to_string(path).map_err(failed("read"))?);
                Self::of(path, &text)
            }
            Err(error) => Err(failed("write")(error)),
        }
    }

    fn of(path: &Path, text: &str) -> Result<Self, KeyFileError> {
        let unusable = |problem: String| KeyFileError::Unusable { path: path.to_owned(), problem };
        let name = path.display().to_string();
        let keys = Identities::parse(text, &name).map_err(|error| unusable(error.to_string()))?;
        let first = keys.recipients().into_iter().next();
        let recipient = first.ok_or_else(|| unusable("there is no key in it".to_owned()))?;
        Ok(Self { path: path.to_owned(), recipient, is_new: false })
    }
}

/// Writes a key as `age-keygen` does, for its owner alone, wholly or not at all; never over another file.
fn write(path: &Path, pair: &KeyPair, now: Timestamp) -> io::Result<()> {
    let directory = path.parent().unwrap_or(Path::new("/"));
    create_dir(directory)?;
    let (recipient, secret) = (pair.recipient(), pair.secret());
    let text =
        Zeroizing::new(format!("# created: {now:.0}\n# public key: {recipient}\n{secret}\n"));
    let private = Permissions::from_mode(0o600);
    let mut file = tempfile::Builder::new().permissions(private).tempfile_in(directory)?;
    file.write_all(text.as_bytes())?;
    file.as_file().sync_all()?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_for_its_owner_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("sops/age/keys.txt");
        let made = KeyFile::ensure(&path, Timestamp::UNIX_EPOCH).expect("made");
        let text = fs::read_to_string(&path).expect("there");
        assert!(text.starts_with("# created: 1970-01-01T00:00:00Z\n# public key: age1"), "{text}");
        assert_eq!(fs::metadata(&path).expect("there").permissions().mode() & 0o777, 0o600);
        let found = KeyFile::ensure(&path, Timestamp::UNIX_EPOCH).expect("found");
        assert_eq!((found.is_new, found.recipient), (false, made.recipient));
        assert_eq!(fs::read_to_string(&path).expect("there"), text);
    }

    #[test]
    fn what_is_no_key_file_is_left_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        for text in ["", "hunter2\n"] {
            let path = dir.path().join("keys.txt");
            fs::write(&path, text).expect("written");
            let error = KeyFile::ensure(&path, Timestamp::UNIX_EPOCH).expect_err("unusable");
            assert!(!error.to_string().contains("hunter2"), "{error}");
            assert_eq!(fs::read_to_string(&path).expect("there"), text);
        }
    }
}
