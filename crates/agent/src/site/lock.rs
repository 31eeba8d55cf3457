//! Who may change a site: one process at a time.

use std::fs::{File, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs;

use windlass_core::path::{RESERVED, RelativePath};

use super::dir::Dir;
use super::durable::{TEMPORARY, random_name};
use super::journal::{Journal, Phase};
use super::record::{self, RELEASES};
use super::{Site, SiteError};

const LOCK: &str = "lock";

/// How long a lock that is held is tried again: a command that is just being started holds a copy
/// of every lock of the process that starts it, for a moment also after that process was killed.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often.
const POLL: Duration = Duration::from_millis(5);

/// The lock file, locked.
#[derive(Debug)]
struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing alone would leave the lock to a child that was forked but has not called exec yet.
        let _ = self.0.unlock();
    }
}

/// What stands in the names of releases that are not wholly written.
pub(super) const PARTIAL: &str = ".partial-";

/// A site that nobody else can change until this is dropped, or the process ends.
#[derive(Debug)]
pub struct LockedSite<'a> {
    pub(super) site: &'a Site,
    pub(super) config: Dir,
    pub(super) state: Dir,
    /// Held for its lock.
    _lock: Lock,
    /// Lets tests pull the plug: how many more steps are taken.
    #[cfg(test)]
    pub(super) fuse: std::cell::Cell<usize>,
}

impl Site {
    /// Returns the site, locked; the root, `config_path` and `.windlass` are made where missing.
    ///
    /// # Errors
    /// [`SiteError::Busy`] when another process has it locked for a second, and what the system
    /// refuses.
    pub fn lock(&self) -> Result<LockedSite<'_>, SiteError> {
        let config = self.make_config()?;
        let (state, made) = config.ensure_child(RESERVED)?;
        if made {
            config.sync()?;
        }
        let lock = acquire(&state)?;
        Ok(LockedSite {
            site: self,
            config,
            state,
            _lock: lock,
            #[cfg(test)]
            fuse: std::cell::Cell::new(usize::MAX),
        })
    }

    fn make_config(&self) -> Result<Dir, SiteError> {
        std::fs::create_dir_all(self.root())
            .map_err(SiteError::io("create directory", self.root()))?;
        let missing = || SiteError::io("open", self.root())(rustix::io::Errno::NOENT);
        let mut at = Dir::root(self.root())?.ok_or_else(missing)?;
        for name in self.config.iter().flat_map(RelativePath::components) {
            let (child, made) = at.ensure_child(name)?;
            if made {
                at.sync()?;
            }
            at = child;
        }
        Ok(at)
    }
}

fn acquire(state: &Dir) -> Result<Lock, SiteError> {
    let file = state.open_lock(LOCK)?;
    let started = Instant::now();
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::WouldBlock) if started.elapsed() < PATIENCE => thread::sleep(POLL),
            Err(TryLockError::WouldBlock) => return Err(SiteError::Busy(state.at(LOCK))),
            Err(TryLockError::Error(source)) => {
                return Err(SiteError::io("lock", state.at(LOCK))(source));
            }
        }
    }
    let lock = Lock(file);
    check_same(state, &lock.0)?;
    Ok(lock)
}

/// Refuses a lock file that was taken away between opening and locking it: another process may
/// hold its successor.
fn check_same(state: &Dir, file: &File) -> Result<(), SiteError> {
    let held = fs::fstat(file).map_err(SiteError::io("look at", state.at(LOCK)))?;
    let there = fs::statat(state, LOCK, fs::AtFlags::SYMLINK_NOFOLLOW);
    match there {
        Ok(there) if (there.st_dev, there.st_ino) == (held.st_dev, held.st_ino) => Ok(()),
        _ => Err(SiteError::Busy(state.at(LOCK))),
    }
}

impl LockedSite<'_> {
    /// Refuses to go on from an activation that is neither finished nor undone; reloads that are
    /// due are no hindrance.
    pub(super) fn check_settled(&self) -> Result<Option<Journal>, SiteError> {
        match Journal::read(&self.state)? {
            Some(journal) if journal.phase == Phase::Activating => {
                Err(SiteError::Interrupted(self.state.at(super::journal::JOURNAL)))
            }
            settled => Ok(settled),
        }
    }

    /// Returns a file without a name, for content on its way: it is gone when it is closed.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn scratch_file(&self) -> Result<File, SiteError> {
        let name = random_name(TEMPORARY);
        let file = self.state.create_scratch(&name)?;
        self.state.unlink(&name)?;
        Ok(file)
    }

    /// Removes what crashes left half written.
    pub(super) fn sweep(&self) -> Result<(), SiteError> {
        remove_matching(&self.state, |name| name.starts_with(TEMPORARY))?;
        if let Some(releases) = self.state.child(RELEASES)? {
            remove_matching(&releases, |name| {
                name.split_once(PARTIAL).is_some_and(|(id, _)| record::release_of(id).is_some())
            })?;
        }
        self.sweep_runtime()
    }
}

fn remove_matching(dir: &Dir, matches: impl Fn(&str) -> bool) -> Result<(), SiteError> {
    for name in dir.names()? {
        if let Ok(name) = name.into_string()
            && matches(&name)
        {
            dir.remove_all(&name)?;
        }
    }
    Ok(())
}
