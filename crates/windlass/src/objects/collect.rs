//! Collection: objects that nothing refers to are removed.

use std::collections::HashMap;
use std::fs;
use std::io;

use windlass_core::digest::Digest;

use super::{Objects, cannot};
use crate::durable::Guard;

/// The right to remove objects: nobody holds any, and whoever wants to waits until this is
/// dropped. What is reachable is to be found out *after* it was obtained, since a record may have
/// been written until then.
#[derive(Debug)]
pub struct Collector {
    objects: Objects,
    _alone: Guard,
}

impl Collector {
    pub(super) fn new(objects: Objects, alone: Guard) -> Self {
        Self { objects, _alone: alone }
    }

    /// Returns every object with the bytes that it takes on disk.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub fn stored(&self) -> io::Result<HashMap<Digest, u64>> {
        self.objects.stored()
    }

    /// Removes `objects`, of which those that are not there are ignored. It can be interrupted and
    /// done again.
    ///
    /// # Errors
    /// When an object cannot be removed: those before it are gone.
    pub fn remove<'d>(&self, objects: impl IntoIterator<Item = &'d Digest>) -> io::Result<()> {
        for digest in objects {
            let path = self.objects.path_of(digest);
            match fs::remove_file(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(cannot("remove object", &path, error));
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Objects {
    /// Returns every object with the bytes that it takes on disk. Files with other names are left out.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub fn stored(&self) -> io::Result<HashMap<Digest, u64>> {
        let path = self.path();
        let failed = |error| cannot("list", path, error);
        let mut stored = HashMap::new();
        for entry in fs::read_dir(path).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(digest) = name.to_str().and_then(|name| name.parse::<Digest>().ok()) else {
                continue;
            };
            match entry.metadata() {
                Ok(metadata) => drop(stored.insert(digest, metadata.len())),
                // Set aside by a reader in the meantime.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(failed(error)),
            }
        }
        Ok(stored)
    }

    /// Returns the names of objects of which damaged content was set aside.
    ///
    /// # Errors
    /// When the store cannot be listed.
    pub(crate) fn damaged(&self) -> io::Result<Vec<Digest>> {
        let mut damaged = Vec::new();
        for entry in fs::read_dir(self.path())? {
            let name = entry?.file_name();
            let digest = name.to_str().and_then(|name| name.strip_suffix(".damaged"));
            damaged.extend(digest.and_then(|digest| digest.parse::<Digest>().ok()));
        }
        Ok(damaged)
    }

    /// Removes the damaged content of an object that was set aside.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub(crate) fn discard_damaged(&self, digest: &Digest) -> io::Result<()> {
        fs::remove_file(self.path().join(format!("{digest}.damaged")))
    }
}
