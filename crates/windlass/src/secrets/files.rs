//! Files of secrets on disk: read whole, replaced whole, one writer at a time.

use std::fs::{self, File, Permissions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::thread::sleep;
use std::time::{Duration, Instant};

use super::error::SecretsError;
use crate::durable::create_dir;

/// The most bytes of a file: 64 MiB.
const MOST: u64 = 64 << 20;

/// How unfinished files are called: whoever has the lock of the directory removes those that are left.
const UNFINISHED: &str = ".windlass-secrets-";

/// The mode of a new file; one that exists keeps its own.
const NEW: u32 = 0o600;

/// How long a lock is waited for. A writer holds it for milliseconds.
const PATIENCE: Duration = Duration::from_secs(30);

/// How often a lock that is held is tried again.
const POLL: Duration = Duration::from_millis(5);

/// Returns what is in the regular file at `path`.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, SecretsError> {
    read_if_there(path)?.ok_or_else(|| SecretsError::NoFile { path: path.to_owned() })
}

/// Returns what is in the regular file at `path`; nothing where there is none.
pub(super) fn read_if_there(path: &Path) -> Result<Option<Vec<u8>>, SecretsError> {
    let kind = match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        found => found.map_err(SecretsError::io("read", path))?,
    };
    let refuse = |problem: &str| SecretsError::Refused {
        message: format!("{}: {problem}", path.display()),
        hint: "name a regular file of at most 64 MiB".to_owned(),
    };
    if !kind.is_file() {
        return Err(refuse("not a regular file"));
    }
    let file = match File::open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(SecretsError::io("read", path))?,
    };
    let room = usize::try_from(kind.len().min(MOST)).unwrap_or_default();
    let mut bytes = Vec::with_capacity(room + 1);
    file.take(MOST + 1).read_to_end(&mut bytes).map_err(SecretsError::io("read", path))?;
    if bytes.len() as u64 > MOST { Err(refuse("more than 64 MiB")) } else { Ok(Some(bytes)) }
}

/// Returns the file itself where `path` is a link to it, so that a link stays one.
pub(super) fn real(path: &Path) -> Result<PathBuf, SecretsError> {
    match fs::canonicalize(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            std::path::absolute(path).map_err(SecretsError::io("find", path))
        }
        found => found.map_err(SecretsError::io("find", path)),
    }
}

/// The lock of a directory: all its files are written under it. It is the kernel's lock on the
/// directory itself, so that there is no file of it to be left behind or committed, and it ends with
/// its process.
#[derive(Debug)]
pub(super) struct DirLock {
    directory: PathBuf,
    file: File,
}

impl Drop for DirLock {
    fn drop(&mut self) {
        // Closing alone would leave it to a child that was forked but has not called exec yet.
        let _ = self.file.unlock();
    }
}

#[derive(Clone, Copy)]
enum Way {
    Alone,
    Shared,
}

impl DirLock {
    /// Returns the right to write in the directory of `path`, which is made if it is not there.
    pub(super) fn alone(path: &Path) -> Result<Self, SecretsError> {
        let directory = directory_of(path);
        create_dir(&directory).map_err(SecretsError::io("make", &directory))?;
        let lock = Self::acquire(directory, Way::Alone)?;
        lock.sweep();
        Ok(lock)
    }

    /// Returns the right to read files of the directory of `path` as no writer leaves them in between;
    /// nothing where there is no such directory.
    pub(super) fn shared(path: &Path) -> Result<Option<Self>, SecretsError> {
        let directory = directory_of(path);
        if directory.is_dir() { Self::acquire(directory, Way::Shared).map(Some) } else { Ok(None) }
    }

    fn acquire(directory: PathBuf, way: Way) -> Result<Self, SecretsError> {
        let file = File::open(&directory).map_err(SecretsError::io("open", &directory))?;
        let started = Instant::now();
        loop {
            let attempt = match way {
                Way::Alone => file.try_lock(),
                Way::Shared => file.try_lock_shared(),
            };
            match attempt {
                Ok(()) => return Ok(Self { directory, file }),
                Err(TryLockError::WouldBlock) if started.elapsed() < PATIENCE => sleep(POLL),
                Err(TryLockError::WouldBlock) => {
                    return Err(SecretsError::Locked { path: directory });
                }
                Err(TryLockError::Error(error)) => {
                    return Err(SecretsError::io("lock", &directory)(error));
                }
            }
        }
    }

    /// Removes what writers left that were killed. Nothing depends on it.
    fn sweep(&self) {
        for entry in fs::read_dir(&self.directory).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Puts `bytes` at `path`, a file of the directory, in one rename, and makes it last.
    pub(super) fn replace(&self, path: &Path, bytes: &[u8]) -> Result<(), SecretsError> {
        self.try_replace(path, bytes).map_err(SecretsError::io("write", path))
    }

    fn try_replace(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let there = fs::metadata(path).map(|found| found.permissions().mode() & 0o777);
        let mut builder = tempfile::Builder::new();
        builder.prefix(UNFINISHED).permissions(Permissions::from_mode(NEW));
        let mut file = builder.tempfile_in(&self.directory)?;
        file.write_all(bytes)?;
        if let Ok(mode) = there {
            file.as_file().set_permissions(Permissions::from_mode(mode))?;
        }
        file.as_file().sync_all()?;
        file.persist(path).map_err(|error| error.error)?;
        self.file.sync_all()
    }
}

fn directory_of(path: &Path) -> PathBuf {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    parent.unwrap_or(Path::new(".")).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_keeps_its_mode_and_a_new_one_is_its_owners() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("a/b.yaml");
        let lock = DirLock::alone(&path).expect("locked");
        lock.replace(&path, b"1").expect("written");
        let mode = || fs::metadata(&path).expect("there").permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        fs::set_permissions(&path, Permissions::from_mode(0o644)).expect("set");
        lock.replace(&path, b"2").expect("written");
        assert_eq!((mode(), read(&path).expect("there")), (0o644, b"2".to_vec()));
    }

    #[test]
    fn one_writer_or_several_readers() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("x");
        let held = File::open(dir.path()).expect("open");
        let one = DirLock::shared(&path).expect("locked").expect("there");
        let two = DirLock::shared(&path).expect("locked").expect("there");
        assert!(matches!(held.try_lock(), Err(TryLockError::WouldBlock)));
        drop((one, two));
        let alone = DirLock::alone(&path).expect("locked");
        assert!(matches!(held.try_lock_shared(), Err(TryLockError::WouldBlock)));
        drop(alone);
        held.try_lock().expect("free");
    }

    #[test]
    fn what_killed_writers_left_is_removed_by_the_next_one() {
        let dir = tempfile::tempdir().expect("a directory");
        let left = dir.path().join(".windlass-secrets-x1y2z3");
        fs::write(&left, "half").expect("written");
        let _lock = DirLock::alone(&dir.path().join("x")).expect("locked");
        assert!(!left.exists());
    }

    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let dir = tempfile::tempdir().expect("a directory");
        assert!(matches!(read(&dir.path().join("x")), Err(SecretsError::NoFile { .. })));
        let said = read(dir.path()).expect_err("a directory").to_string();
        assert!(said.ends_with("not a regular file"), "{said}");
    }
}
