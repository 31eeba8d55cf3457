//! Batches: many objects put at once, and flushed together.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fs::{File, Permissions};
use std::io::{self, Read, Seek, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rustix::fs::{AtFlags, Mode, OFlags};
use serde::Serialize;
use tempfile::TempDir;
use windlass_core::digest::{Digest, Hasher};

use super::{Hold, ObjectKey, Objects, cannot, codec, seal};

/// Up to so many files are flushed one by one: less to wait for than the whole file system.
const FEW: usize = 16;

/// How many bytes are read at once.
const BUFFER: usize = 128 << 10;

/// Objects on their way into the store: they are there once [`Batch::commit`] says so. Several
/// threads may put at the same time. Dropped without commit, it leaves nothing.
#[derive(Debug)]
pub struct Batch {
    objects: Objects,
    state: Mutex<State>,
    serial: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    // Fields drop in order: the staged files go before others may think them left behind.
    staging: Option<Arc<Staging>>,
    hold: Option<Hold>,
    /// The serial of the staged file; `None` for what the store had already.
    known: HashMap<Digest, Option<u64>>,
}

/// The directory of one batch's files, removed with the batch.
#[derive(Debug)]
struct Staging {
    /// Opened before the first write, so that `syncfs` on it reports what went wrong since.
    fd: OwnedFd,
    dir: TempDir,
}

impl Batch {
    pub(super) fn new(objects: Objects) -> Self {
        Self { objects, state: Mutex::default(), serial: AtomicU64::new(0) }
    }

    /// Puts `bytes` and returns their digest. What the store or the batch has is not written again.
    ///
    /// # Errors
    /// When the object cannot be written.
    pub fn put(&self, bytes: &[u8]) -> io::Result<Digest> {
        let digest = Digest::of(bytes);
        if self.has(&digest)? {
            return Ok(digest);
        }
        let staged = self.stage()?;
        let written = if bytes.len() <= codec::SMALL {
            codec::compress_small(bytes, |compressed| (&staged.file).write_all(compressed))
        } else {
            compress(bytes, &staged.file)
        };
        written.map_err(|error| self.cannot_write(error))?;
        self.adopt(digest, staged);
        Ok(digest)
    }

    /// Puts `bytes`, which hold secrets, sealed with `key` as the object `name`, which must be a keyed
    /// digest of them, or the digest of a text in which such a key stands. An object that was sealed
    /// with another key is sealed anew.
    ///
    /// # Errors
    /// When the object cannot be written.
    pub fn put_sealed(&self, name: Digest, bytes: &[u8], key: &ObjectKey) -> io::Result<()> {
        if self.has_sealed(&name, key)? {
            return Ok(());
        }
        let staged = self.stage()?;
        let written =
            seal::seal(key, &name, bytes).and_then(|sealed| (&staged.file).write_all(&sealed));
        written.map_err(|error| self.cannot_write(error))?;
        self.adopt(name, staged);
        Ok(())
    }

    /// Puts all that `reader` gives; returns its digest and its size in bytes. Memory does not grow
    /// with the size.
    ///
    /// # Errors
    /// When `reader` fails (its own error), or the object cannot be written.
    pub fn put_reader(&self, mut reader: impl Read) -> io::Result<(Digest, u64)> {
        let mut head = Vec::new();
        (&mut reader).take(codec::SMALL as u64).read_to_end(&mut head)?;
        if head.len() < codec::SMALL {
            return Ok((self.put(&head)?, head.len() as u64));
        }
        self.put_long(head, reader)
    }

    /// As [`Self::put_reader`], for a file at its beginning: a long one is read first, and neither
    /// compressed nor written where the batch or the store has it.
    ///
    /// # Errors
    /// As [`Self::put_reader`].
    pub fn put_file(&self, file: &mut File) -> io::Result<(Digest, u64)> {
        if file.metadata()?.len() >= codec::SMALL as u64 {
            let (digest, size) = measure(file)?;
            if self.has(&digest)? {
                return Ok((digest, size));
            }
            file.rewind()?;
        }
        self.put_reader(file)
    }

    /// Puts the compact JSON of `value` and returns its digest, which is [`Digest::of_json`].
    ///
    /// # Errors
    /// When `value` cannot be JSON, or the object cannot be written.
    pub fn put_json<T: Serialize>(&self, value: &T) -> io::Result<Digest> {
        self.put(&serde_json::to_vec(value)?)
    }

    /// Makes everything that was put last, under its final name. The store keeps it for as long as
    /// the hold that is returned, and longer if by then something refers to it.
    ///
    /// # Errors
    /// When something cannot be flushed or named: then the store holds none or some of the objects,
    /// each of them whole.
    pub fn commit(self) -> io::Result<Hold> {
        let mut state = self.state.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(staging) = state.staging.take() {
            publish(&self.objects, staging, &state.known)?;
        }
        match state.hold.take() {
            Some(hold) => Ok(hold),
            None => self.objects.hold(),
        }
    }

    fn put_long(&self, head: Vec<u8>, mut rest: impl Read) -> io::Result<(Digest, u64)> {
        let staged = self.stage()?;
        let failed = |error| self.cannot_write(error);
        let mut encoder = codec::compressing(&staged.file).map_err(failed)?;
        let mut hasher = Hasher::new();
        let mut size = 0;
        let mut chunk = head;
        while !chunk.is_empty() {
            hasher.update(&chunk);
            size += chunk.len() as u64;
            encoder.write_all(&chunk).map_err(failed)?;
            chunk.clear();
            (&mut rest).take(codec::SMALL as u64).read_to_end(&mut chunk)?;
        }
        encoder.finish().map_err(failed)?;
        let digest = hasher.finish();
        if !self.has(&digest)? {
            self.adopt(digest, staged);
        }
        Ok((digest, size))
    }

    /// Tells whether the batch or the store has the object, which stays so while the batch lives.
    fn has(&self, digest: &Digest) -> io::Result<bool> {
        {
            let mut state = self.lock();
            if state.known.contains_key(digest) {
                return Ok(true);
            }
            if state.hold.is_none() {
                state.hold = Some(self.objects.hold()?);
            }
        }
        let stored = self.objects.contains(digest)?;
        if stored {
            self.lock().known.entry(*digest).or_insert(None);
        }
        Ok(stored)
    }

    /// As [`Self::has`], for an object that is sealed with `key`.
    fn has_sealed(&self, name: &Digest, key: &ObjectKey) -> io::Result<bool> {
        if !self.has(name)? {
            return Ok(false);
        }
        let mut state = self.lock();
        if state.known.get(name).is_some_and(Option::is_some) {
            return Ok(true);
        }
        let current = self.objects.sealed_with(name)? == Some(key.id());
        if !current {
            state.known.remove(name);
        }
        Ok(current)
    }

    /// Returns a new file in the batch's directory.
    fn stage(&self) -> io::Result<Staged> {
        let staging = self.staging().map_err(|error| self.cannot_write(error))?;
        let serial = self.serial.fetch_add(1, Ordering::Relaxed);
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::CLOEXEC;
        let mode = Mode::RUSR | Mode::WUSR;
        let file = rustix::fs::openat(&staging.fd, serial.to_string(), flags, mode)
            .map_err(|errno| self.cannot_write(errno))?;
        Ok(Staged { staging, serial, file: File::from(file), adopted: false })
    }

    fn staging(&self) -> io::Result<Arc<Staging>> {
        let mut state = self.lock();
        if let Some(staging) = &state.staging {
            return Ok(Arc::clone(staging));
        }
        if state.hold.is_none() {
            state.hold = Some(self.objects.hold()?);
        }
        let staging = Arc::new(Staging::new(&self.objects)?);
        state.staging = Some(Arc::clone(&staging));
        Ok(staging)
    }

    /// Makes `staged` the file of `digest`, unless another thread was faster.
    fn adopt(&self, digest: Digest, mut staged: Staged) {
        if let Entry::Vacant(entry) = self.lock().known.entry(digest) {
            entry.insert(Some(staged.serial));
            staged.adopted = true;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn cannot_write(&self, error: impl Into<io::Error>) -> io::Error {
        cannot("write to the object store", &self.objects.inner.path, error)
    }
}

impl Staging {
    fn new(objects: &Objects) -> io::Result<Self> {
        let scratch = objects.inner.scratch.dir();
        let dir = tempfile::Builder::new()
            .prefix("batch-")
            .permissions(Permissions::from_mode(0o700))
            .tempdir_in(scratch)?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(dir.path(), flags, Mode::empty())?;
        Ok(Self { fd, dir })
    }
}

/// A file of the batch, removed unless it is adopted.
struct Staged {
    staging: Arc<Staging>,
    serial: u64,
    file: File,
    adopted: bool,
}

impl Drop for Staged {
    fn drop(&mut self) {
        if !self.adopted {
            let name = self.serial.to_string();
            // What stays goes with the batch's directory.
            let _ = rustix::fs::unlinkat(&self.staging.fd, name, AtFlags::empty());
        }
    }
}

/// Returns the digest and the size of what is left of `file`.
fn measure(file: &mut File) -> io::Result<(Digest, u64)> {
    let (mut hasher, mut size) = (Hasher::new(), 0);
    let mut buffer = vec![0; BUFFER];
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((hasher.finish(), size)),
            Ok(count) => {
                hasher.update(&buffer[..count]);
                size += count as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn compress(bytes: &[u8], file: &File) -> io::Result<()> {
    let mut encoder = codec::compressing(file)?;
    encoder.set_pledged_src_size(Some(bytes.len() as u64))?;
    encoder.write_all(bytes)?;
    encoder.finish()?;
    Ok(())
}

/// Flushes the staged files, gives them their final names, and flushes the names.
fn publish(
    objects: &Objects,
    staging: Arc<Staging>,
    known: &HashMap<Digest, Option<u64>>,
) -> io::Result<()> {
    let mut files: Vec<(u64, &Digest)> =
        known.iter().filter_map(|(digest, serial)| Some(((*serial)?, digest))).collect();
    files.sort_unstable();
    flush(&staging, &files)
        .map_err(|error| cannot("flush objects in", staging.dir.path(), error))?;
    let named = name(objects, &staging, &files);
    if named.is_err()
        && let Some(staging) = Arc::into_inner(staging)
    {
        // A name may be there that is not flushed: with this left, the next to open the store
        // flushes it before anybody relies on it.
        let _ = staging.dir.keep();
    }
    named
}

fn name(objects: &Objects, staging: &Staging, files: &[(u64, &Digest)]) -> io::Result<()> {
    for (serial, digest) in files {
        let (from, to) = (serial.to_string(), digest.to_string());
        rustix::fs::renameat(&staging.fd, from, &objects.inner.dir, to)
            .map_err(|errno| cannot("create object", &objects.path_of(digest), errno))?;
    }
    rustix::fs::fsync(&objects.inner.dir)
        .map_err(|errno| cannot("flush", &objects.inner.path, errno))
}

fn flush(staging: &Staging, files: &[(u64, &Digest)]) -> io::Result<()> {
    if files.len() > FEW {
        return Ok(rustix::fs::syncfs(&staging.fd)?);
    }
    for (serial, _) in files {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&staging.fd, serial.to_string(), flags, Mode::empty())?;
        rustix::fs::fsync(file)?;
    }
    Ok(())
}
