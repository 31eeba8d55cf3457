//! The content store: objects named by digest, compressed.
//!
//! ```text
//! objects/<64 hexadecimal digits>   one object, zstd; the digest is that of what was put in
//!                                   one that holds secrets is sealed instead, and has a keyed digest
//! objects/<64 digits>.damaged       what had that name until reading found other content in it
//! objects/planned/<64 digits>       the note that a saved plan refers to the release
//! objects/collected                 empty; its time is that of the last collection by itself
//! objects/tmp/batch-…/              objects of a batch that is not committed yet
//! ```
//!
//! An object under its final name is whole, also after a power cut: it is flushed before it gets
//! the name. What is read is compared with its name, so that bad disks are noticed.
//!
//! Objects are shared by all environments. Whoever is about to refer to one (from a record, say)
//! holds a [`Hold`] until the reference is written; a [`Collector`] works only while nobody does.

mod batch;
mod codec;
mod collect;
mod planned;
mod read;
mod seal;

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustix::fs::{AtFlags, Mode, OFlags};
use rustix::io::Errno;
use serde::de::DeserializeOwned;
use windlass_agent::site::BlobSource;
use windlass_core::digest::Digest;

use crate::durable::{self, Guard, Scratch, context};

pub use batch::Batch;
pub use collect::Collector;
pub use planned::PLAN_LIFETIME;
pub use seal::{Locked, ObjectKey, is_locked};

/// The most bytes that a JSON object may have.
const MAX_JSON: u64 = 256 << 20;

/// A content store in one directory; clones are the same store.
#[derive(Debug, Clone)]
pub struct Objects {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    path: PathBuf,
    dir: OwnedFd,
    scratch: Scratch,
    /// What sealed objects open with.
    keys: RwLock<Vec<ObjectKey>>,
}

impl BlobSource for Objects {
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        self.open_object(digest)
    }
}

/// While it is held, by any process, no object is collected.
#[derive(Debug)]
#[must_use = "what was found or put may be collected as soon as this is dropped"]
pub struct Hold {
    _guard: Guard,
}

impl Objects {
    /// Opens the store in `dir`, makes it where it is missing, and removes what batches of dead
    /// processes left there.
    ///
    /// # Errors
    /// When the directory cannot be made or opened.
    pub fn open(dir: impl Into<PathBuf>) -> io::Result<Self> {
        let path = dir.into();
        let failed = |error: io::Error| cannot("open the object store", &path, error);
        durable::create_dir(&path).map_err(failed)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = rustix::fs::open(&path, flags, Mode::empty())
            .map_err(|errno| failed(io::Error::from(errno)))?;
        // A batch that died while it named its objects has not flushed the names.
        let settle = || Ok(rustix::fs::fsync(&dir)?);
        let scratch = Scratch::open_after(path.join("tmp"), settle).map_err(failed)?;
        Ok(Self { inner: Arc::new(Inner { path, dir, scratch, keys: RwLock::default() }) })
    }

    /// Returns the directory of the store.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Has sealed objects open with `keys` too, here and in all clones.
    pub fn unlock(&self, keys: impl IntoIterator<Item = ObjectKey>) {
        let mut known = self.inner.keys.write().unwrap_or_else(PoisonError::into_inner);
        for key in keys {
            if !known.contains(&key) {
                known.push(key);
            }
        }
    }

    fn keys(&self) -> Vec<ObjectKey> {
        self.inner.keys.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Tells whether the object is sealed: what it refers to cannot be told without its key. A
    /// collection that meets one it cannot open keeps every sealed object.
    ///
    /// # Errors
    /// As [`Self::open_object`].
    pub fn is_sealed(&self, digest: &Digest) -> io::Result<bool> {
        Ok(self.sealed_with(digest)?.is_some())
    }

    fn sealed_with(&self, digest: &Digest) -> io::Result<Option<seal::KeyId>> {
        let mut head = Vec::with_capacity(seal::HEADER);
        let read = self.open_file(digest)?.take(seal::HEADER as u64).read_to_end(&mut head);
        read.map_err(|error| cannot("read object", &self.path_of(digest), error))?;
        Ok(seal::sealed_with(&head))
    }

    /// Tells whether the store has the object. The answer lasts as long as a [`Hold`] taken before.
    ///
    /// # Errors
    /// When the file system does not say.
    pub fn contains(&self, digest: &Digest) -> io::Result<bool> {
        let name = digest.to_string();
        match rustix::fs::statat(&self.inner.dir, &name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(_) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(cannot("look for object", &self.path_of(digest), errno)),
        }
    }

    /// Returns the right to refer to objects: nothing is collected while it is held. Waits for a
    /// [`Collector`] at work.
    ///
    /// # Errors
    /// When the lock cannot be taken.
    pub fn hold(&self) -> io::Result<Hold> {
        let guard = self.inner.scratch.enter();
        let guard = guard.map_err(|error| cannot("hold objects in", &self.inner.path, error))?;
        Ok(Hold { _guard: guard })
    }

    /// Returns the right to collect; `None` while anybody holds objects.
    ///
    /// # Errors
    /// When the lock cannot be tried.
    pub fn collector(&self) -> io::Result<Option<Collector>> {
        let alone = self.inner.scratch.alone();
        let alone = alone.map_err(|error| cannot("collect in", &self.inner.path, error))?;
        Ok(alone.map(|guard| Collector::new(self.clone(), guard)))
    }

    /// Returns a batch to put objects in.
    #[must_use]
    pub fn batch(&self) -> Batch {
        Batch::new(self.clone())
    }

    /// Returns the content of an object, piece by piece. What has been read is to be trusted only
    /// once the end is reached without an error: the digest is compared there.
    ///
    /// # Errors
    /// `NotFound` when there is no such object; `InvalidData`, here or while reading, when it is
    /// not what its name says; `PermissionDenied` ([`is_locked`]) when its key is not there.
    pub fn open_object(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        let file = self.open_file(digest)?;
        let stored = Stored { objects: self, digest: *digest, inode: inode(&file)? };
        match read::open(*digest, file, || self.keys()) {
            Ok(content) => Ok(Box::new(SetsAside { stored, content })),
            Err(error) => Err(stored.judge(error)),
        }
    }

    /// Returns the compressed content of an object, as it is stored where it is not sealed: whoever
    /// unpacks it compares the digest.
    ///
    /// # Errors
    /// As [`Self::open_object`].
    pub(crate) fn open_compressed(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send>> {
        let file = self.open_file(digest)?;
        let mut head = [0; seal::HEADER];
        let count = file.read_at(&mut head, 0)?;
        if seal::sealed_with(&head[..count]).is_none() {
            return Ok(Box::new(file));
        }
        let mut compressed = codec::compressing(Vec::new())?;
        io::copy(&mut self.open_object(digest)?, &mut compressed)?;
        Ok(Box::new(seal::Cleared::new(compressed.finish()?)))
    }

    /// Reads an object to its end, and sets it aside when it is damaged.
    ///
    /// # Errors
    /// As [`Self::open_object`].
    pub(crate) fn verify(&self, digest: &Digest) -> io::Result<()> {
        io::copy(&mut self.open_object(digest)?, &mut io::sink()).map(drop)
    }

    /// Returns the content of an object of at most `max` bytes.
    ///
    /// # Errors
    /// As [`Self::open_object`]; `FileTooLarge` when it has more bytes.
    pub fn read(&self, digest: &Digest, max: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open_object(digest)?.take(max.saturating_add(1)).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).is_ok_and(|len| len <= max) {
            Ok(bytes)
        } else {
            let message = format!("object {digest} has more than {max} bytes");
            Err(io::Error::new(io::ErrorKind::FileTooLarge, message))
        }
    }

    /// Returns the value whose JSON the object is.
    ///
    /// # Errors
    /// As [`Self::read`]; `InvalidData` when it is not the JSON of a `T`.
    pub fn read_json<T: DeserializeOwned>(&self, digest: &Digest) -> io::Result<T> {
        let bytes = self.read(digest, MAX_JSON)?;
        serde_json::from_slice(&bytes).map_err(|error| {
            let error = io::Error::new(io::ErrorKind::InvalidData, error);
            context(format!("object {digest} is not what it is used as"), error)
        })
    }

    fn open_file(&self, digest: &Digest) -> io::Result<File> {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOFOLLOW;
        match rustix::fs::openat(&self.inner.dir, digest.to_string(), flags, Mode::empty()) {
            Ok(file) => Ok(File::from(file)),
            Err(Errno::NOENT) => {
                let message = format!("object {digest} is not in {}", self.inner.path.display());
                Err(io::Error::new(io::ErrorKind::NotFound, message))
            }
            Err(errno) => Err(cannot("read object", &self.path_of(digest), errno)),
        }
    }

    fn path_of(&self, digest: &Digest) -> PathBuf {
        self.inner.path.join(digest.to_string())
    }
}

/// The file of an object, as it was opened.
struct Stored<'a> {
    objects: &'a Objects,
    digest: Digest,
    inode: (u64, u64),
}

impl Stored<'_> {
    /// Takes the name from an object that `error` says is damaged, so that it is written again when
    /// its content is next put; the bytes stay beside it. Returns `error`.
    fn judge(&self, error: io::Error) -> io::Error {
        if error.kind() == io::ErrorKind::InvalidData && self.is_still_there() {
            let (dir, name) = (&self.objects.inner.dir, self.digest.to_string());
            // Where even that fails, the object stays and is refused again.
            let _ = rustix::fs::renameat(dir, &name, dir, format!("{name}.damaged"));
        }
        error
    }

    /// Tells whether the name is still that of this file: another process may have replaced it.
    fn is_still_there(&self) -> bool {
        let file = self.objects.open_file(&self.digest);
        file.and_then(|file| inode(&file)).is_ok_and(|inode| inode == self.inode)
    }
}

fn inode(file: &File) -> io::Result<(u64, u64)> {
    let metadata = file.metadata()?;
    Ok((metadata.dev(), metadata.ino()))
}

/// Content that is set aside when reading finds it damaged.
struct SetsAside<'a> {
    stored: Stored<'a>,
    content: Box<dyn Read + Send>,
}

impl Read for SetsAside<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.content.read(buffer).map_err(|error| self.stored.judge(error))
    }
}

fn cannot(what: &str, path: &Path, source: impl Into<io::Error>) -> io::Error {
    context(format!("cannot {what} {}", path.display()), source)
}

#[cfg(test)]
mod tests;
