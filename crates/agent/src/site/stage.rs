//! Writing a release beside the live one.

use std::collections::{BTreeMap, BTreeSet};
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
use super::{Found, SiteError, StagedRelease, parallel, preflight};

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

/// How many of the bytes to stage are done.
struct Progress<'a> {
    done: AtomicU64,
    total: u64,
    tell: &'a (dyn Fn(u64, u64) + Sync),
}

impl<'a> Progress<'a> {
    fn new(wanted: &Manifest, tell: &'a (dyn Fn(u64, u64) + Sync)) -> Self {
        Self { done: AtomicU64::new(0), total: wanted.total_bytes(), tell }
    }

    fn add(&self, count: u64) {
        let before = self.done.fetch_add(count, Ordering::Relaxed);
        (self.tell)(before + count, self.total);
    }
}

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
        let in_memory = self.make_runtime(&release.id, &release.manifest)?;
        let (releases, made) = self.state.ensure_child(RELEASES)?;
        if made {
            self.state.sync()?;
        }
        let fill = Fill { blobs, progress: &Progress::new(&release.manifest, progress) };
        let links = self.site.runtime().links(&release.id, &release.manifest);
        let files = Files::on_disk(&release.manifest, links);
        let memory = in_memory.as_ref().map(|dir| (dir, Files::in_memory(&release.manifest)));
        match releases.child(&release.id.to_string())? {
            Some(dir) => {
                self.queue_mended(release, live.as_ref(), settled)?;
                fill.memory(memory).and_then(|()| fill.mend(&dir, &files))?;
            }
            None => fill
                .memory(memory)
                .and_then(|()| fill.write_new(&releases, &release.id, &files))
                // The first error is the one to tell; what stays is swept up later.
                .inspect_err(|_| drop(self.sweep_runtime()))?,
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
        let drift = self.site.drift(&self.config, &self.state, live)?;
        let entries = drift
            .iter()
            .filter_map(|drift| live.manifest.get(&RelativePath::new(drift.path.as_str()).ok()?));
        let mended = entries.filter(|entry| entry.layout != Layout::Plain);
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

/// What belongs into a directory.
struct Files<'a> {
    files: Vec<&'a FileEntry>,
    /// Where the others lead.
    links: BTreeMap<RelativePath, String>,
    directories: BTreeSet<RelativePath>,
}

impl<'a> Files<'a> {
    /// Returns what is in the directory of a release: files, and links to those that are in memory.
    fn on_disk(wanted: &'a Manifest, links: BTreeMap<RelativePath, String>) -> Self {
        let files = wanted.files().iter().filter(|entry| !entry.is_runtime()).collect();
        Self { files, links, directories: directories(wanted) }
    }

    /// Returns what of a release is in memory.
    fn in_memory(wanted: &'a Manifest) -> Self {
        let files: Vec<_> = wanted.files().iter().filter(|entry| entry.is_runtime()).collect();
        let directories = files.iter().flat_map(|entry| entry.path.ancestors()).collect();
        Self { files, links: BTreeMap::new(), directories }
    }

    fn has(&self, path: &RelativePath) -> bool {
        self.files.binary_search_by(|entry| entry.path.cmp(path)).is_ok()
    }
}

/// Fills directories of a release.
struct Fill<'a> {
    blobs: &'a dyn BlobSource,
    progress: &'a Progress<'a>,
}

/// What each thread keeps to itself.
struct Worker<'a> {
    cursor: Cursor<'a>,
    buffer: Vec<u8>,
}

impl Fill<'_> {
    /// Writes what of a release is in memory, whatever is there from an earlier time.
    fn memory(&self, memory: Option<(&Dir, Files<'_>)>) -> Result<(), SiteError> {
        memory.map_or(Ok(()), |(dir, files)| self.mend(dir, &files))
    }

    /// Writes the directory of a release, and gives it its name when it is whole.
    fn write_new(
        &self,
        releases: &Dir,
        id: &ReleaseId,
        files: &Files<'_>,
    ) -> Result<(), SiteError> {
        let partial = random_name(&format!("{id}{PARTIAL}"));
        let written = releases
            .ensure_child(&partial)
            .and_then(|(dir, _)| self.fill(&dir, files))
            .and_then(|()| releases.rename(&partial, releases, &id.to_string()));
        if let Err(error) = written {
            // The first error is the one to tell; what stays is swept up later.
            let _ = releases.remove_all(&partial);
            return Err(error);
        }
        releases.sync()
    }

    /// Writes every file into the empty `dir`: afterwards all is on the disk.
    fn fill(&self, dir: &Dir, files: &Files<'_>) -> Result<(), SiteError> {
        self.each_file(dir, files, |worker, entry| {
            let parent = worker.cursor.existing(&entry.path)?;
            self.write(parent, entry.path.file_name(), entry, &mut worker.buffer)
        })
    }

    /// Writes the files that are damaged or missing in `dir`, and removes what does not belong.
    fn mend(&self, dir: &Dir, files: &Files<'_>) -> Result<(), SiteError> {
        remove_strange(dir, None, files)?;
        self.each_file(dir, files, |worker, entry| {
            let parent = worker.cursor.existing(&entry.path)?;
            let name = entry.path.file_name();
            if examine(parent, name, entry, &mut worker.buffer)?.is(entry) {
                self.progress.add(entry.size);
                return Ok(());
            }
            let temporary = random_name(TEMPORARY);
            self.write(parent, &temporary, entry, &mut worker.buffer)?;
            parent.rename(&temporary, parent, name)
        })
    }

    fn each_file(
        &self,
        dir: &Dir,
        files: &Files<'_>,
        work: impl Fn(&mut Worker<'_>, &FileEntry) -> Result<(), SiteError> + Sync,
    ) -> Result<(), SiteError> {
        make_directories(dir, files)?;
        let start = || Worker { cursor: Cursor::new(dir), buffer: buffer() };
        parallel::each(&files.files, start, |worker, entry| work(worker, entry))?;
        make_links(dir, files)?;
        sync_tree(dir, files)
    }

    fn write(
        &self,
        dir: &Dir,
        name: &str,
        entry: &FileEntry,
        buffer: &mut [u8],
    ) -> Result<(), SiteError> {
        let missing = |source| SiteError::Blob { file: entry.path.clone(), source };
        let mut content = self.blobs.open(&entry.digest).map_err(missing)?;
        copy(&mut *content, dir, name, entry, buffer, &|count| self.progress.add(count))
    }
}

fn make_directories(dir: &Dir, files: &Files<'_>) -> Result<(), SiteError> {
    let mut cursor = Cursor::new(dir);
    for path in &files.directories {
        cursor.existing(path)?.ensure_child(path.file_name())?;
    }
    Ok(())
}

fn make_links(dir: &Dir, files: &Files<'_>) -> Result<(), SiteError> {
    let mut cursor = Cursor::new(dir);
    for (path, target) in &files.links {
        let (parent, name) = (cursor.existing(path)?, path.file_name());
        if parent.link(name)?.as_ref() == Some(target) {
            continue;
        }
        let temporary = random_name(TEMPORARY);
        let made = parent.make_link(&temporary, target);
        made.map_err(SiteError::io("create link", parent.at(name)))?;
        parent.rename(&temporary, parent, name)?;
    }
    Ok(())
}

/// Removes from a release what does not belong to it, and what is no file, link or directory where
/// there should be one.
fn remove_strange(
    dir: &Dir,
    at: Option<&RelativePath>,
    files: &Files<'_>,
) -> Result<(), SiteError> {
    for raw in dir.names()? {
        let Some((name, path)) = path_of(at, &raw) else {
            dir.remove_all_raw(&raw)?;
            continue;
        };
        match dir.look(name)? {
            Some(Found::Directory) if files.directories.contains(&path) => {
                if let Some(child) = dir.child(name)? {
                    remove_strange(&child, Some(&path), files)?;
                }
            }
            Some(Found::File) if files.has(&path) => {}
            Some(Found::Link(target)) if files.links.get(&path) == Some(&target) => {}
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

fn sync_tree(dir: &Dir, files: &Files<'_>) -> Result<(), SiteError> {
    if files.files.len() > SYNCED_SINGLY {
        return dir.sync_file_system();
    }
    let mut cursor = Cursor::new(dir);
    for entry in &files.files {
        let parent = cursor.existing(&entry.path)?;
        if let Some(file) = parent.open_file(entry.path.file_name())? {
            file.sync_all().map_err(SiteError::io("sync", parent.at(entry.path.file_name())))?;
        }
    }
    for path in &files.directories {
        if let Some(inner) = cursor.open(Some(path))? {
            inner.sync()?;
        }
    }
    dir.sync()
}
