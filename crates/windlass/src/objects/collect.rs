//! Collection: objects that nothing refers to are removed.

use std::collections::HashSet;
use std::fs;
use std::io;
use std::path::Path;

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

/// What a collection removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Removed {
    /// How many objects.
    pub objects: u64,
    /// The bytes they took on disk, compressed.
    pub bytes: u64,
}

impl Collector {
    pub(super) fn new(objects: Objects, alone: Guard) -> Self {
        Self { objects, _alone: alone }
    }

    /// Removes every object that is not in `keep`, and returns how much that was. It can be
    /// interrupted and done again. Files with other names than objects are left alone.
    ///
    /// # Errors
    /// When an object cannot be removed: those before it are gone, all unreferenced.
    pub fn remove_unreferenced(&self, keep: &HashSet<Digest>) -> io::Result<Removed> {
        let path = &self.objects.inner.path;
        let mut removed = Removed::default();
        let entries = fs::read_dir(path).map_err(|error| cannot("list", path, error))?;
        for entry in entries {
            let entry = entry.map_err(|error| cannot("list", path, error))?;
            let digest = entry.file_name().to_str().and_then(|name| name.parse::<Digest>().ok());
            if digest.is_some_and(|digest| !keep.contains(&digest)) {
                removed.bytes += remove(&entry.path())?;
                removed.objects += 1;
            }
        }
        Ok(removed)
    }
}

/// Removes the file and returns its size.
fn remove(path: &Path) -> io::Result<u64> {
    let failed = |error| cannot("remove object", path, error);
    let size = fs::symlink_metadata(path).map_err(failed)?.len();
    fs::remove_file(path).map_err(failed)?;
    Ok(size)
}
