//! A directory that is in memory, for plain text that must not reach a disk.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use windlass_sops::{Entropy, SystemEntropy};
use zeroize::Zeroizing;

use super::error::SecretsError;

/// What `statfs` calls tmpfs and ramfs (`linux/magic.h`).
const TMPFS: u64 = 0x0102_1994;
const RAMFS: u64 = 0x8584_58f6;

/// How the directories are called.
const PREFIX: &str = "windlass-secrets-";

/// The most bytes of a file in it: 64 MiB.
const MOST: u64 = 64 << 20;

/// A directory for its owner alone, on a file system that is in memory. It goes when this is dropped;
/// what a process that was killed left is removed by the next one, and by a reboot.
#[derive(Debug)]
pub struct MemoryDir {
    path: PathBuf,
    /// Holds the lock that tells it from those that were left.
    _lock: File,
}

impl Drop for MemoryDir {
    fn drop(&mut self) {
        self.remove();
    }
}

impl MemoryDir {
    /// Returns a new directory in the first of `places` that is in memory.
    ///
    /// # Errors
    /// When none of them is, or none can be written.
    pub fn new(places: &[PathBuf]) -> Result<Self, SecretsError> {
        let mut tried = Vec::new();
        for place in places {
            match is_in_memory(place) {
                Ok(true) => {
                    sweep(place);
                    match make(place) {
                        Ok(made) => return Ok(made),
                        Err(error) => tried.push(format!("{}: {error}", place.display())),
                    }
                }
                Ok(false) => tried.push(format!("{}: on a disk", place.display())),
                Err(error) => tried.push(format!("{}: {error}", place.display())),
            }
        }
        Err(SecretsError::Refused {
            message: format!("no directory in memory for plain text ({})", tried.join("; ")),
            hint: "mount a tmpfs and name it by XDG_RUNTIME_DIR, or use `windlass secrets set`, which \
                   needs none"
                .to_owned(),
        })
    }

    /// Returns the places where systems have such file systems: `$XDG_RUNTIME_DIR` and `/dev/shm`.
    #[must_use]
    pub fn usual_places(runtime_dir: Option<PathBuf>) -> Vec<PathBuf> {
        runtime_dir
            .into_iter()
            .filter(|path| path.is_absolute())
            .chain(["/dev/shm".into()])
            .collect()
    }

    /// Removes it with all that is in it, for who ends without dropping anything.
    pub fn remove(&self) {
        let _ = fs::remove_dir_all(&self.path);
    }

    /// Returns where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes a new file for its owner alone, and returns where it is.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, name: &str, bytes: &[u8]) -> Result<PathBuf, SecretsError> {
        let path = self.path.join(name);
        let write = || {
            let mut options = File::options();
            let mut file =
                options.write(true).create(true).truncate(true).mode(0o600).open(&path)?;
            file.write_all(bytes)
        };
        write().map_err(SecretsError::io("write", &path))?;
        Ok(path)
    }

    /// Returns what is in the file called `name`.
    ///
    /// # Errors
    /// When it cannot be read, or has more than 64 MiB.
    pub fn read(&self, name: &str) -> Result<Zeroizing<Vec<u8>>, SecretsError> {
        let path = self.path.join(name);
        let read = || {
            let file = File::open(&path)?;
            let size = usize::try_from(file.metadata()?.len().min(MOST)).unwrap_or_default();
            let mut bytes = Zeroizing::new(Vec::with_capacity(size + 1));
            let read = file.take(MOST + 1).read_to_end(&mut bytes)?;
            if read as u64 > MOST { Err(io::Error::other("more than 64 MiB")) } else { Ok(bytes) }
        };
        read().map_err(SecretsError::io("read", &path))
    }
}

fn is_in_memory(place: &Path) -> io::Result<bool> {
    let found = rustix::fs::statfs(place)?;
    let kind = u64::try_from(found.f_type).unwrap_or_default();
    Ok(matches!(kind, TMPFS | RAMFS))
}

/// How often a directory is made anew that was taken for a left one before it was locked.
const TRIES: usize = 10;

fn make(place: &Path) -> io::Result<MemoryDir> {
    for _ in 0..TRIES {
        let made = make_one(place);
        match &made {
            Ok(dir) if !dir.path.exists() => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound && place.exists() => {}
            _ => return made,
        }
    }
    Err(io::Error::other("directories that are made go at once"))
}

fn make_one(place: &Path) -> io::Result<MemoryDir> {
    let mut random = [0; 8];
    SystemEntropy.fill(&mut random).map_err(io::Error::other)?;
    let path = place.join(format!("{PREFIX}{:016x}", u64::from_be_bytes(random)));
    DirBuilder::new().mode(0o700).create(&path)?;
    let lock = File::open(&path)?;
    lock.lock()?;
    Ok(MemoryDir { path, _lock: lock })
}

/// Removes directories of this user that nobody has locked: their processes are gone.
fn sweep(place: &Path) {
    let own = rustix::process::getuid().as_raw();
    for entry in fs::read_dir(place).into_iter().flatten().flatten() {
        let named = entry.file_name().to_string_lossy().starts_with(PREFIX);
        let path = entry.path();
        let ours = || fs::symlink_metadata(&path).is_ok_and(|it| it.is_dir() && it.uid() == own);
        let left = || File::open(&path).is_ok_and(|file| file.try_lock().is_ok());
        if named && ours() && left() {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Vec<PathBuf> {
        MemoryDir::usual_places(None)
    }

    #[test]
    fn it_is_its_owners_and_goes_with_its_process() {
        let dir = MemoryDir::new(&places()).expect("/dev/shm is in memory");
        let file = dir.write("a.yaml", b"hunter2").expect("written");
        assert_eq!(fs::metadata(dir.path()).expect("there").mode() & 0o777, 0o700);
        assert_eq!(fs::metadata(&file).expect("there").mode() & 0o777, 0o600);
        assert_eq!(&**dir.read("a.yaml").expect("read"), b"hunter2");
        let path = dir.path().to_owned();
        let other = MemoryDir::new(&places()).expect("another one");
        assert!(path.exists(), "one that is in use was removed");
        drop((dir, other));
        assert!(!path.exists());
    }

    #[test]
    fn what_was_left_is_removed() {
        let left = make(Path::new("/dev/shm")).expect("made");
        let path = left.path().to_owned();
        let MemoryDir { _lock, .. } = &left;
        _lock.unlock().expect("unlocked");
        sweep(Path::new("/dev/shm"));
        assert!(!path.exists());
    }

    #[test]
    fn a_disk_is_refused_with_what_to_do() {
        let error = MemoryDir::new(&["/proc".into(), "/nowhere".into()]).expect_err("refused");
        let said = error.to_string();
        assert!(said.contains("/proc: on a disk") && said.contains("/nowhere"), "{said}");
    }
}
