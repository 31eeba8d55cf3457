//! Taking the steps of an activation.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::ErrorKind;

use windlass_core::path::RelativePath;
use windlass_core::release::{FileEntry, Layout, ReleaseId};

use super::content::{buffer, copy, examine, link_target};
use super::dir::{Cursor, Dir};
use super::durable::{SYNCED_SINGLY, TEMPORARY, random_name};
use super::lock::LockedSite;
use super::record::{self, CURRENT, RELEASES};
use super::steps::Step;
use super::{Found, SiteError};

/// What a step may remove.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Removal {
    /// Any file or link at our path: a change by hand goes with the file.
    Anything,
    /// What is exactly as we put it: anything else came after a crash, and is somebody's.
    OnlyOurs,
}

/// Takes the steps.
pub(super) struct Executor<'a> {
    locked: &'a LockedSite<'a>,
    release: Option<ReleaseId>,
    removal: Removal,
    cursor: Cursor<'a>,
    /// The copies that are ready to be placed: the names of temporary files in the state directory.
    copies: BTreeMap<RelativePath, String>,
    /// Copies that may not be on the disk.
    unsynced: Vec<String>,
    /// Directories whose names may not be on the disk.
    touched: BTreeSet<Option<RelativePath>>,
    buffer: Vec<u8>,
}

impl<'a> Executor<'a> {
    /// Returns an executor of the steps to `release`.
    pub(super) fn new(
        locked: &'a LockedSite<'a>,
        release: Option<ReleaseId>,
        removal: Removal,
    ) -> Self {
        Self {
            locked,
            release,
            removal,
            cursor: Cursor::new(&locked.config),
            copies: BTreeMap::new(),
            unsynced: Vec::new(),
            touched: BTreeSet::new(),
            buffer: buffer(),
        }
    }

    /// Takes one step.
    pub(super) fn take(&mut self, step: &Step<'_>) -> Result<(), SiteError> {
        match step {
            Step::MakeDirectory(path) => self.make_directory(path),
            Step::Link(entry) => self.link(&entry.path),
            Step::Copy(entry) => self.copy(entry),
            Step::Place(entry) => self.place(&entry.path),
            Step::Sync => self.sync(),
            Step::Switch => self.switch(),
            Step::Remove(entry) => self.remove(entry),
            Step::RemoveDirectory(path) => self.remove_directory(path),
        }
    }

    fn make_directory(&mut self, path: &RelativePath) -> Result<(), SiteError> {
        let (_, made) = self.cursor.existing(path)?.ensure_child(path.file_name())?;
        if made {
            self.touched.extend([path.parent(), Some(path.clone())]);
            self.cursor.forget();
        }
        Ok(())
    }

    fn link(&mut self, path: &RelativePath) -> Result<(), SiteError> {
        let dir = self.cursor.existing(path)?;
        let (name, target) = (path.file_name(), link_target(path));
        if dir.link(name)?.as_ref() == Some(&target) {
            return Ok(());
        }
        match dir.make_link(name, &target) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                self.locked.replace_by_link(dir, name, &target)?;
            }
            Err(error) => return Err(SiteError::io("create link", dir.at(name))(error)),
        }
        self.touched.insert(path.parent());
        Ok(())
    }

    fn copy(&mut self, entry: &FileEntry) -> Result<(), SiteError> {
        let name = entry.path.file_name();
        if let Some(dir) = self.cursor.holding_if_any(&entry.path)?
            && examine(dir, name, entry, &mut self.buffer)?.is(entry)
        {
            return Ok(());
        }
        let state = &self.locked.state;
        let source = self.locked.open_staged(self.release, &entry.path)?;
        let mut source = source.ok_or_else(|| SiteError::Blob {
            file: entry.path.clone(),
            source: ErrorKind::NotFound.into(),
        })?;
        let temporary = random_name(TEMPORARY);
        copy(&mut source, state, &temporary, entry, &mut self.buffer, &|_| {})?;
        self.copies.insert(entry.path.clone(), temporary.clone());
        self.unsynced.push(temporary);
        Ok(())
    }

    fn place(&mut self, path: &RelativePath) -> Result<(), SiteError> {
        if let Some(copy) = self.copies.remove(path) {
            let dir = self.cursor.existing(path)?;
            self.locked.state.rename(&copy, dir, path.file_name())?;
            self.touched.insert(path.parent());
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<(), SiteError> {
        let (copies, touched) =
            (std::mem::take(&mut self.unsynced), std::mem::take(&mut self.touched));
        if copies.len() + touched.len() > SYNCED_SINGLY {
            return self.locked.config.sync_file_system();
        }
        for copy in copies {
            let state = &self.locked.state;
            if let Some(file) = state.open_file(&copy)? {
                file.sync_all().map_err(SiteError::io("sync", state.at(&copy)))?;
            }
        }
        for path in touched {
            match self.cursor.open(path.as_ref()) {
                Ok(Some(dir)) => dir.sync()?,
                Ok(None) => {}
                // It was removed since, and a file may be in its place.
                Err(error) if error.is_not_a_directory() => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn switch(&mut self) -> Result<(), SiteError> {
        let state = &self.locked.state;
        match &self.release {
            current if record::current(state)? == *current => {}
            Some(release) => {
                let target = format!("{RELEASES}/{release}");
                self.locked.replace_by_link(state, CURRENT, &target)?;
            }
            None => drop(state.unlink(CURRENT)?),
        }
        state.sync()
    }

    fn remove(&mut self, entry: &FileEntry) -> Result<(), SiteError> {
        let name = entry.path.file_name();
        let Some(dir) = self.cursor.holding_if_any(&entry.path)? else { return Ok(()) };
        let removable = match self.removal {
            Removal::Anything => !matches!(dir.look(name)?, None | Some(Found::Directory)),
            Removal::OnlyOurs => match entry.layout {
                Layout::Linked | Layout::Runtime => {
                    dir.link(name)?.is_some_and(|to| to == link_target(&entry.path))
                }
                Layout::Plain => examine(dir, name, entry, &mut self.buffer)?.is(entry),
            },
        };
        if removable && dir.unlink(name)? {
            self.touched.insert(entry.path.parent());
        }
        Ok(())
    }

    fn remove_directory(&mut self, path: &RelativePath) -> Result<(), SiteError> {
        let Some(dir) = self.cursor.holding_if_any(path)? else { return Ok(()) };
        if dir.remove_empty(path.file_name())? {
            self.touched.insert(path.parent());
            self.cursor.forget();
        }
        Ok(())
    }
}

impl LockedSite<'_> {
    /// Puts a link at `name` in `dir`, in one rename.
    fn replace_by_link(&self, dir: &Dir, name: &str, target: &str) -> Result<(), SiteError> {
        let temporary = random_name(TEMPORARY);
        self.state
            .make_link(&temporary, target)
            .map_err(SiteError::io("create link", self.state.at(&temporary)))?;
        self.state.rename(&temporary, dir, name)
    }

    fn open_staged(
        &self,
        release: Option<ReleaseId>,
        path: &RelativePath,
    ) -> Result<Option<File>, SiteError> {
        let Some(release) = release else { return Ok(None) };
        let Some(releases) = self.state.child(RELEASES)? else { return Ok(None) };
        let Some(files) = releases.child(&release.to_string())? else { return Ok(None) };
        match files.descend(path.parent().as_ref())? {
            Some(dir) => dir.open_file(path.file_name()),
            None => Ok(None),
        }
    }
}
