//! A second copy of each file, for the day when the disk returns something else than was written.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::{envelope, read_bytes};
use crate::durable::{self, Scratch};
use crate::store::{Flaw, StoreError};

/// Copies, below a directory of their own: `copies/<directory>/<file>`.
///
/// A copy is as new as its file, or newer by a write that was not finished: it is written first where a
/// file is replaced. It is not flushed, which would double what a write costs; the checksum in it tells
/// whether it got to the disk.
#[derive(Debug)]
pub(super) struct Copies {
    dir: PathBuf,
}

impl Copies {
    pub(super) const fn new(dir: PathBuf) -> Self {
        Self { dir }
    }

    /// Keeps `bytes` as the copy of the file at `path`. Nothing depends on it: a copy that cannot be
    /// written is logged.
    pub(super) fn keep(&self, scratch: &Scratch, path: &Path, bytes: &[u8]) {
        if let Err(error) = self.try_keep(scratch, path, bytes) {
            tracing::warn!(path = %path.display(), %error, "no copy was kept");
        }
    }

    fn try_keep(&self, scratch: &Scratch, path: &Path, bytes: &[u8]) -> io::Result<()> {
        let copy = self.copy_of(path).ok_or(io::ErrorKind::InvalidInput)?;
        match durable::replace_unflushed(scratch, &copy, bytes) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                durable::create_dir(copy.parent().unwrap_or(&self.dir))?;
                durable::replace_unflushed(scratch, &copy, bytes)
            }
            done => done,
        }
    }

    fn copy_of(&self, path: &Path) -> Option<PathBuf> {
        let directory = path.parent()?.file_name()?;
        Some(self.dir.join(directory).join(path.file_name()?))
    }

    /// Returns `problem` as a flaw, mended with `fix` where there is a whole copy of the damaged file: that
    /// is then set aside as `FILE.damaged`.
    pub(super) fn mend(
        &self,
        scratch: &Scratch,
        problem: StoreError,
        fix: bool,
    ) -> Result<Flaw, StoreError> {
        let path = problem.path().map(Path::to_owned);
        let (StoreError::Corrupt { .. }, Some(damaged)) = (&problem, &path) else {
            return Ok(flaw(path.as_deref(), problem));
        };
        let Some(copy) = self.whole_copy(damaged) else { return Ok(flaw(Some(damaged), problem)) };
        if fix {
            restore(scratch, damaged, &copy)?;
        }
        let repair = Some("put the copy of it in its place".to_owned());
        Ok(Flaw { repair, repaired: fix, ..flaw(Some(damaged), problem) })
    }

    /// Returns the copy of the file at `path`, if there is one and it is as it was written.
    fn whole_copy(&self, path: &Path) -> Option<Vec<u8>> {
        let copy = read_bytes(&self.copy_of(path)?).ok().flatten()?;
        envelope::open::<Value>(&copy, u32::MAX).ok().map(|_| copy)
    }
}

fn flaw(path: Option<&Path>, problem: StoreError) -> Flaw {
    let stem = path.and_then(Path::file_stem).map(|stem| stem.to_string_lossy().into_owned());
    let subject = stem.unwrap_or_else(|| "state".to_owned());
    Flaw { subject, problem, repair: None, repaired: false }
}

fn restore(scratch: &Scratch, damaged: &Path, copy: &[u8]) -> Result<(), StoreError> {
    let failed = |source| StoreError::io("mend", damaged, source);
    let mut aside = damaged.as_os_str().to_owned();
    aside.push(".damaged");
    fs::rename(damaged, &aside).map_err(failed)?;
    durable::create_new(scratch, damaged, copy).map_err(failed)
}
