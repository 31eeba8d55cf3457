//! Writing a release beside the live one.

use std::collections::BTreeSet;
use std::ffi::CStr;
use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use windlass_core::digest::Digest;
use windlass_core::path::RelativePath;
use windlass_core::release::{FileEntry, Layout, Manifest, ReleaseId};

use super::content::{buffer, copy, examine};
use super::dir::{Cursor, Dir};
use super::durable::{SYNCED_SINGLY, TEMPORARY, random_name};
use super::journal::{Journal, Phase, union};
use super::lock::{LockedSite, PARTIAL};
use super::record::{self, RELEASES, Record};
use super::steps::directories;
use super::{Found, SiteError, StagedRelease, inspect, parallel, preflight};

/// Where the content of files comes from.
pub trait BlobSource: Sync {
    /// Returns the content with `digest`.
    ///
    /// # Errors
    /// When it is not there or cannot be read.
    fn open(&self, digest: &Digest) -> std::io::Result<Box<dyn Read + Send + '_>>;
}

impl<T: BlobSource + ?Sized> BlobSource for &T {
    fn open(&self, digest: &Digest) -> std::io::Result<Box<dyn Read + Send + '_>> {
        (**self).open(digest)
    }
}

/// How many of the bytes to stage are done; called from several threads.
type Progress<'a> = &'a (dyn Fn(u64, u64) + Sync);

impl LockedSite<'_> {
    /// Writes the files of `release` beside the live ones and returns their absolute directory.
    /// Every byte is checked and on the disk; nothing that is live changes. A release that is
    /// already there, the live one too, is checked, and mended where it is damaged; the services
    /// whose live files are mended stay queued for a reload. `progress` hears bytes done and bytes in
    /// all, from several threads, and not always in order.
    ///
    /// # Errors
    /// When something that Windlass did not put there is in the way, somebody else manages the
    /// site, content is missing or wrong, or the system refuses; what was begun is removed.
    pub fn stage(
        &mut self,
        release: &StagedRelease,
        blobs: &dyn BlobSource,
        progress: &(dyn Fn(u64, u64) + Sync),
    ) -> Result<PathBuf, SiteError> {
        let settled = self.check_settled()?;
        self.sweep()?;
        let live = record::live(&self.state)?;
        preflight::check_owner(&self.config, live.as_ref(), &release.owner)?;
        preflight::check(&self.config, live.as_ref(), Some(&release.manifest))?;
        let known = self.known(release)?;
        let (releases, made) = self.state.ensure_child(RELEASES)?;
        if made {
            self.state.sync()?;
        }
        let filler = Filler { wanted: &release.manifest, blobs, progress };
        match releases.child(&release.id.to_string())? {
            Some(dir) => {
                self.queue_mended(release, live.as_ref(), settled)?;
                filler.mend(&dir)?;
            }
            None => write_new(&releases, &release.id, &filler)?,
        }
        if !known {
            record::write(&self.state, &new_record(release))?;
        }
        Ok(self.site.release_dir(&release.id))
    }

    /// Queues the reloads of services whose live files are damaged: they are mended in place, and
    /// nobody could tell afterwards that they changed.
    fn queue_mended(
        &self,
        release: &StagedRelease,
        live: Option<&Record>,
        settled: Option<Journal>,
    ) -> Result<(), SiteError> {
        let Some(live) = live.filter(|live| live.release == release.id) else { return Ok(()) };
        let drift = inspect::drift(&self.config, &self.state, live)?;
        let entries = drift
            .iter()
            .filter_map(|drift| live.manifest.get(&RelativePath::new(drift.path.as_str()).ok()?));
        let mended = entries.filter(|entry| entry.layout == Layout::Linked);
        let mended: Vec<_> = mended.map(|entry| entry.service.clone()).collect();
        if mended.is_empty() {
            return Ok(());
        }
        let due = settled.map(|journal| journal.due()).unwrap_or_default();
        let journal = Journal {
            deployment: release.deployment.clone(),
            phase: Phase::Activated,
            from: Some(live.release),
            to: Some(live.release),
            reloads: union(&due, &mended),
            carried: Vec::new(),
        };
        journal.write(&self.state)
    }

    /// Tells whether the record of `release` is there already.
    fn known(&self, release: &StagedRelease) -> Result<bool, SiteError> {
        match record::read(&self.state, &release.id) {
            Ok(Some(record)) if record.manifest != release.manifest => Err(SiteError::Shared {
                config: self.config.path().to_owned(),
                release: release.id.short(),
            }),
            Ok(record) => Ok(record.is_some_and(|record| record.owner == release.owner)),
            // The live release's was read before; any other can be written again.
            Err(SiteError::Damaged { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn new_record(release: &StagedRelease) -> Record {
    Record {
        release: release.id,
        deployment: release.deployment.clone(),
        owner: release.owner.clone(),
        content: release.content.clone(),
        directories: BTreeSet::new(),
        manifest: release.manifest.clone(),
    }
}

fn write_new(releases: &Dir, id: &ReleaseId, filler: &Filler<'_>) -> Result<(), SiteError> {
    let partial = random_name(&format!("{id}{PARTIAL}"));
    let written = releases
        .ensure_child(&partial)
        .and_then(|(dir, _)| filler.fill(&dir))
        .and_then(|()| releases.rename(&partial, releases, &id.to_string()));
    if let Err(error) = written {
        // The first error is the one to tell; what stays is swept up later.
        let _ = releases.remove_all(&partial);
        return Err(error);
    }
    releases.sync()
}

/// Fills the directory of a release.
struct Filler<'a> {
    wanted: &'a Manifest,
    blobs: &'a dyn BlobSource,
    progress: Progress<'a>,
}

/// What each thread keeps to itself.
struct Worker<'a> {
    cursor: Cursor<'a>,
    buffer: Vec<u8>,
}

impl Filler<'_> {
    /// Writes every file into the empty `dir`: afterwards all is on the disk.
    fn fill(&self, dir: &Dir) -> Result<(), SiteError> {
        self.each_file(dir, |worker, entry, on_bytes| {
            let parent = worker.cursor.existing(&entry.path)?;
            self.write(parent, entry.path.file_name(), entry, &mut worker.buffer, on_bytes)
        })
    }

    /// Writes the files that are damaged or missing in `dir`, and removes what does not belong.
    fn mend(&self, dir: &Dir) -> Result<(), SiteError> {
        remove_strange(dir, None, self.wanted, &directories(self.wanted))?;
        self.each_file(dir, |worker, entry, on_bytes| {
            let parent = worker.cursor.existing(&entry.path)?;
            let name = entry.path.file_name();
            if examine(parent, name, entry, &mut worker.buffer)?.is(entry) {
                on_bytes(entry.size);
                return Ok(());
            }
            let temporary = random_name(TEMPORARY);
            self.write(parent, &temporary, entry, &mut worker.buffer, on_bytes)?;
            parent.rename(&temporary, parent, name)
        })
    }

    fn each_file(
        &self,
        dir: &Dir,
        work: impl Fn(&mut Worker<'_>, &FileEntry, &dyn Fn(u64)) -> Result<(), SiteError> + Sync,
    ) -> Result<(), SiteError> {
        make_directories(dir, self.wanted)?;
        let total = self.wanted.total_bytes();
        let done = AtomicU64::new(0);
        let on_bytes = |count| {
            let before = done.fetch_add(count, Ordering::Relaxed);
            (self.progress)(before + count, total);
        };
        let start = || Worker { cursor: Cursor::new(dir), buffer: buffer() };
        parallel::each(self.wanted.files(), start, |worker, entry| work(worker, entry, &on_bytes))?;
        sync_tree(dir, self.wanted)
    }

    fn write(
        &self,
        dir: &Dir,
        name: &str,
        entry: &FileEntry,
        buffer: &mut [u8],
        on_bytes: &dyn Fn(u64),
    ) -> Result<(), SiteError> {
        let missing = |source| SiteError::Blob { file: entry.path.clone(), source };
        let mut content = self.blobs.open(&entry.digest).map_err(missing)?;
        copy(&mut *content, dir, name, entry, buffer, on_bytes)
    }
}

fn make_directories(dir: &Dir, wanted: &Manifest) -> Result<(), SiteError> {
    let mut cursor = Cursor::new(dir);
    for path in directories(wanted) {
        cursor.existing(&path)?.ensure_child(path.file_name())?;
    }
    Ok(())
}

/// Removes from a release what its manifest does not have, and what is no file or directory where
/// there should be one.
fn remove_strange(
    dir: &Dir,
    at: Option<&RelativePath>,
    wanted: &Manifest,
    needed: &BTreeSet<RelativePath>,
) -> Result<(), SiteError> {
    for raw in dir.names()? {
        let Some((name, path)) = path_of(at, &raw) else {
            dir.remove_all_raw(&raw)?;
            continue;
        };
        match dir.look(name)? {
            Some(Found::Directory) if needed.contains(&path) => {
                if let Some(child) = dir.child(name)? {
                    remove_strange(&child, Some(&path), wanted, needed)?;
                }
            }
            Some(Found::File) if wanted.get(&path).is_some() => {}
            _ => dir.remove_all(name)?,
        }
    }
    Ok(())
}

fn path_of<'a>(at: Option<&RelativePath>, raw: &'a CStr) -> Option<(&'a str, RelativePath)> {
    let name = raw.to_str().ok()?;
    let path = match at {
        Some(at) => RelativePath::new(format!("{at}/{name}")),
        None => RelativePath::new(name),
    };
    Some((name, path.ok()?))
}

fn sync_tree(dir: &Dir, wanted: &Manifest) -> Result<(), SiteError> {
    if wanted.files().len() > SYNCED_SINGLY {
        return dir.sync_file_system();
    }
    let mut cursor = Cursor::new(dir);
    for entry in wanted.files() {
        let parent = cursor.existing(&entry.path)?;
        if let Some(file) = parent.open_file(entry.path.file_name())? {
            file.sync_all().map_err(SiteError::io("sync", parent.at(entry.path.file_name())))?;
        }
    }
    for path in directories(wanted) {
        if let Some(inner) = cursor.open(Some(&path))? {
            inner.sync()?;
        }
    }
    dir.sync()
}
