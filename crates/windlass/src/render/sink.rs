//! Where rendered content goes.

use std::collections::{BTreeMap, HashSet};
use std::fs::{self, File, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::Serialize;
use windlass_core::diagnostic::Diagnostic;
use windlass_core::digest::{Digest, DigestKey, Hasher};
use windlass_core::path::RelativePath;
use windlass_core::release::{FileEntry, Manifest, Mode};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::objects::Batch;
use crate::secrets::SealingKeys;

/// Takes content, side by side.
pub(crate) trait Sink: Sync {
    /// Takes a whole file and returns its digest.
    fn put(&self, path: &RelativePath, mode: Mode, bytes: &[u8]) -> io::Result<Digest>;

    /// Takes a file piece by piece and returns its digest and size.
    fn put_reader(
        &self,
        path: &RelativePath,
        mode: Mode,
        reader: &mut dyn Read,
    ) -> io::Result<(Digest, u64)>;

    /// Takes what may be shown of a file, for those who compare releases, and returns its digest.
    fn put_shown(&self, bytes: &[u8]) -> io::Result<Digest> {
        Ok(Digest::of(bytes))
    }

    /// As [`Sink::put`], for content that holds secrets of the environment; its digest has `key`.
    fn put_secret(
        &self,
        path: &RelativePath,
        mode: Mode,
        bytes: &[u8],
        key: &DigestKey,
    ) -> io::Result<Digest> {
        self.put(path, mode, bytes)?;
        Ok(key.digest(bytes))
    }

    /// As [`Sink::put_reader`], for a file at its beginning: it may be read more than once.
    fn put_file(
        &self,
        path: &RelativePath,
        mode: Mode,
        file: &mut File,
    ) -> io::Result<(Digest, u64)> {
        self.put_reader(path, mode, file)
    }
}

/// Keeps content in the object store, sealed where it holds secrets.
pub(crate) struct Kept<'k> {
    pub(crate) batch: Batch,
    pub(crate) keys: Option<&'k SealingKeys>,
}

impl Kept<'_> {
    /// Puts a manifest; one with a key of digests in it is sealed as the files are.
    pub(crate) fn put_manifest(&self, manifest: &Manifest) -> io::Result<()> {
        match self.keys.filter(|_| manifest.is_secret()) {
            Some(keys) => {
                let json = Zeroizing::new(serde_json::to_vec(manifest)?);
                self.batch.put_sealed(manifest.id(), &json, &keys.objects)
            }
            None => self.batch.put_json(manifest).map(drop),
        }
    }
}

impl Sink for Kept<'_> {
    fn put(&self, _: &RelativePath, _: Mode, bytes: &[u8]) -> io::Result<Digest> {
        self.batch.put(bytes)
    }

    fn put_shown(&self, bytes: &[u8]) -> io::Result<Digest> {
        self.batch.put(bytes)
    }

    fn put_secret(
        &self,
        _: &RelativePath,
        _: Mode,
        bytes: &[u8],
        key: &DigestKey,
    ) -> io::Result<Digest> {
        let name = key.digest(bytes);
        let none = || io::Error::other("there is no key to seal a secret with");
        self.batch.put_sealed(name, bytes, &self.keys.ok_or_else(none)?.objects)?;
        Ok(name)
    }

    fn put_reader(
        &self,
        _: &RelativePath,
        _: Mode,
        reader: &mut dyn Read,
    ) -> io::Result<(Digest, u64)> {
        self.batch.put_reader(reader)
    }

    fn put_file(&self, _: &RelativePath, _: Mode, file: &mut File) -> io::Result<(Digest, u64)> {
        self.batch.put_file(file)
    }
}

/// A rendered file that was written somewhere.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RenderedFile {
    /// Where it goes, below `config_path`.
    pub path: RelativePath,
    /// Its permission bits.
    pub mode: Mode,
    /// Its size in bytes.
    pub size: u64,
    /// What is in it.
    pub digest: Digest,
    /// The service it belongs to.
    pub service: String,
}

impl From<&FileEntry> for RenderedFile {
    fn from(entry: &FileEntry) -> Self {
        Self {
            path: entry.path.clone(),
            mode: entry.mode,
            size: entry.size,
            digest: entry.digest,
            service: entry.service.to_string(),
        }
    }
}

/// A rendered file with its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// Which file.
    pub file: RenderedFile,
    /// What is in it.
    pub bytes: Vec<u8>,
}

/// Keeps content in memory.
#[derive(Default)]
pub(crate) struct Memory(Mutex<BTreeMap<RelativePath, Vec<u8>>>);

impl Memory {
    /// Returns the content of `files`, in order of their paths.
    pub(crate) fn into_rendered(self, files: &[FileEntry]) -> Vec<Rendered> {
        let mut kept = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        let with_content = |file: &FileEntry| {
            let bytes = kept.remove(&file.path)?;
            Some(Rendered { file: RenderedFile::from(file), bytes })
        };
        let mut rendered: Vec<_> = files.iter().filter_map(with_content).collect();
        rendered.sort_by(|a, b| a.file.path.cmp(&b.file.path));
        rendered
    }
}

impl Sink for Memory {
    fn put(&self, path: &RelativePath, _: Mode, bytes: &[u8]) -> io::Result<Digest> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(path.clone(), bytes.to_owned());
        Ok(Digest::of(bytes))
    }

    fn put_reader(
        &self,
        path: &RelativePath,
        mode: Mode,
        reader: &mut dyn Read,
    ) -> io::Result<(Digest, u64)> {
        let mut bytes = Vec::new();
        reader.read_to_end(&mut bytes)?;
        Ok((self.put(path, mode, &bytes)?, bytes.len() as u64))
    }
}

/// Writes files below a directory that was new or empty: no link can be in the way.
pub(crate) struct Directory {
    root: PathBuf,
    made: Mutex<HashSet<PathBuf>>,
}

impl Directory {
    /// Returns the directory, made if it is not there.
    pub(crate) fn create(root: &Path) -> Result<Self, Error> {
        fs::create_dir_all(root).map_err(Error::io("create", root))?;
        let mut entries = fs::read_dir(root).map_err(Error::io("read", root))?;
        if entries.next().is_some() {
            let message = format!("{} is not empty", root.display());
            let hint = "render into a new directory: nothing there is overwritten";
            return Err(Error::invalid(Diagnostic::error(message).hint(hint)));
        }
        Ok(Self { root: root.to_owned(), made: Mutex::default() })
    }

    fn file(&self, path: &RelativePath, mode: Mode) -> io::Result<File> {
        let full = self.root.join(path.as_str());
        if let Some(parent) = path.parent() {
            let parent = self.root.join(parent.as_str());
            let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
            if !made.contains(&parent) {
                fs::create_dir_all(&parent)?;
                made.insert(parent);
            }
        }
        let file =
            File::options().write(true).create_new(true).mode(mode.bits() & 0o777).open(full)?;
        if mode != Mode::FILE {
            file.set_permissions(Permissions::from_mode(mode.bits()))?;
        }
        Ok(file)
    }
}

impl Sink for Directory {
    fn put(&self, path: &RelativePath, mode: Mode, bytes: &[u8]) -> io::Result<Digest> {
        self.file(path, mode)?.write_all(bytes)?;
        Ok(Digest::of(bytes))
    }

    fn put_reader(
        &self,
        path: &RelativePath,
        mode: Mode,
        reader: &mut dyn Read,
    ) -> io::Result<(Digest, u64)> {
        let mut file = self.file(path, mode)?;
        let mut hasher = Hasher::new();
        let mut buffer = vec![0; 64 << 10];
        let mut size = 0;
        loop {
            let read = reader.read(&mut buffer)?;
            if read == 0 {
                return Ok((hasher.finish(), size));
            }
            file.write_all(&buffer[..read])?;
            hasher.update(&buffer[..read]);
            size += read as u64;
        }
    }
}
