//! What a site keeps of its own revert: that it is armed, that it went back, that it was confirmed.
//!
//! ```text
//! .windlass/armed       until when somebody has to confirm, and what to go back to otherwise
//! .windlass/confirmed   what `armed` was, renamed by who confirmed
//! .windlass/reverting   what `armed` was, renamed by who goes back; absent when that is done
//! .windlass/reverted    that the site went back by itself, for the next who looks
//! .windlass/watch       locked by the process that watches; the text inside is the nonce
//! ```
//!
//! The rename of `armed`, under the lock of the site, decides between confirming and going back:
//! whoever comes second finds nothing to rename, and a crash after it changes nothing.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use windlass_core::name::ServiceName;
use windlass_core::record::DeploymentId;
use windlass_core::release::ReleaseId;
use windlass_core::target::{Address, TargetId};

use super::dir::Dir;
use super::durable::{read_sealed, write_sealed};
use super::lock::LockedSite;
use super::{Site, SiteError};
use crate::guard::clock::{Deadline, Now};

const ARMED: &str = "armed";
const CONFIRMED: &str = "confirmed";
const REVERTING: &str = "reverting";
const REVERTED: &str = "reverted";
const WATCH: &str = "watch";

const MOST_BYTES: u64 = 1 << 20;

/// The most bytes of a nonce that are read.
const MOST_NONCE: u64 = 256;

/// A revert that waits for its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Armed {
    /// What tells it from others: who confirms has to know it.
    pub nonce: String,
    /// Whose connection armed it; the same cannot confirm.
    pub session: String,
    /// The deployment that armed it.
    pub deployment: DeploymentId,
    /// What the site goes back to.
    pub from: Option<ReleaseId>,
    /// What it goes back from.
    pub to: Option<ReleaseId>,
    /// How long somebody has to confirm, in milliseconds.
    pub confirm_ms: u64,
    /// Until when.
    pub deadline: Deadline,
    /// The services that were reloaded, and whose health is asked once it is confirmed.
    pub changed: Vec<ServiceName>,
    /// The target, for the commands of its services.
    pub target: TargetId,
    /// Its address, for them.
    pub address: Address,
    /// Where the host keeps the list of its armed sites.
    pub state: PathBuf,
}

impl Armed {
    /// Returns how long somebody has to confirm.
    #[must_use]
    pub const fn confirm(&self) -> Duration {
        Duration::from_millis(self.confirm_ms)
    }

    /// Returns how much of that is left; nothing where it is over.
    #[must_use]
    pub fn remaining(&self, now: &Now) -> Duration {
        self.deadline.remaining(now, self.confirm())
    }
}

/// That a site went back by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reverted {
    /// The deployment that nobody confirmed.
    pub deployment: DeploymentId,
    /// What told its revert from others.
    pub nonce: String,
    /// What the site went back to.
    pub to: Option<ReleaseId>,
    /// When, in milliseconds since 1970 by the host's clock.
    pub at_ms: u64,
    /// Why.
    pub why: String,
    /// What went wrong after the files were back: an `on_change` that failed.
    pub failure: Option<String>,
}

/// The right to watch a site, until it is dropped or the process ends.
#[derive(Debug)]
pub(crate) struct Watch(File);

impl Drop for Watch {
    fn drop(&mut self) {
        // As for the lock of a site: a child between fork and exec may have a copy.
        let _ = self.0.unlock();
    }
}

impl Site {
    /// Returns the revert that waits, or that was begun and not ended, which nothing is left of to wait
    /// for; nothing where there is none.
    ///
    /// # Errors
    /// When its record cannot be read or is damaged.
    pub fn armed(&self) -> Result<Option<Armed>, SiteError> {
        let Some(state) = self.open_state()? else { return Ok(None) };
        match read(&state, ARMED)? {
            Some(armed) => Ok(Some(armed)),
            None => {
                let begun = read(&state, REVERTING)?;
                Ok(begun.map(|armed| Armed { confirm_ms: 0, ..armed }))
            }
        }
    }

    /// Returns that the site went back by itself, if that was the last that happened to it.
    ///
    /// # Errors
    /// When its record cannot be read or is damaged.
    pub fn reverted(&self) -> Result<Option<Reverted>, SiteError> {
        match self.open_state()? {
            Some(state) => read_sealed(&state, REVERTED, MOST_BYTES),
            None => Ok(None),
        }
    }

    /// Tells whether a process watches the revert with this nonce.
    pub(crate) fn is_watched(&self, nonce: &str) -> Result<bool, SiteError> {
        let Some(state) = self.open_state()? else { return Ok(false) };
        let mut file = state.open_lock(WATCH)?;
        // Shared, so that two who look do not take each other for a watcher.
        match file.try_lock_shared() {
            Ok(()) => {
                let _ = file.unlock();
                Ok(false)
            }
            Err(TryLockError::WouldBlock) => Ok(text(&mut file, &state)? == nonce),
            Err(TryLockError::Error(source)) => Err(SiteError::io("lock", state.at(WATCH))(source)),
        }
    }

    /// Returns the right to watch the revert with this nonce, or nothing where somebody has one.
    pub(crate) fn try_watch(&self, nonce: &str) -> Result<Option<Watch>, SiteError> {
        let Some(state) = self.open_state()? else { return Ok(None) };
        let mut file = state.open_lock(WATCH)?;
        let failed = |source| SiteError::io("write", state.at(WATCH))(source);
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(None),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        file.set_len(0).and_then(|()| file.write_all(nonce.as_bytes())).map_err(failed)?;
        Ok(Some(Watch(file)))
    }
}

fn text(file: &mut File, state: &Dir) -> Result<String, SiteError> {
    let mut text = String::new();
    file.rewind()
        .and_then(|()| file.take(MOST_NONCE).read_to_string(&mut text))
        .map_err(SiteError::io("read", state.at(WATCH)))?;
    Ok(text)
}

fn read(state: &Dir, name: &str) -> Result<Option<Armed>, SiteError> {
    read_sealed(state, name, MOST_BYTES)
}

impl LockedSite<'_> {
    /// Returns the revert that waits.
    pub(crate) fn armed(&self) -> Result<Option<Armed>, SiteError> {
        read(&self.state, ARMED)
    }

    /// Returns the revert that was begun and not ended.
    pub(crate) fn reverting(&self) -> Result<Option<Armed>, SiteError> {
        read(&self.state, REVERTING)
    }

    /// Returns the revert that was called off last.
    pub(crate) fn confirmed(&self) -> Result<Option<Armed>, SiteError> {
        read(&self.state, CONFIRMED)
    }

    /// Arms the revert, or gives it another deadline: afterwards it is on the disk.
    pub(crate) fn arm(&mut self, armed: &Armed) -> Result<(), SiteError> {
        write_sealed(&self.state, &self.state, ARMED, armed)
    }

    /// Removes what is kept of reverts that are over, and one that waits: somebody else decides now
    /// what is live. Afterwards it is on the disk.
    pub(crate) fn disarm(&mut self) -> Result<(), SiteError> {
        let mut removed = false;
        for name in [ARMED, CONFIRMED, REVERTED] {
            removed |= self.state.unlink(name)?;
        }
        if removed { self.state.sync() } else { Ok(()) }
    }

    /// Calls the revert off, which waits: afterwards nobody goes back.
    pub(crate) fn call_off(&mut self) -> Result<(), SiteError> {
        self.state.rename(ARMED, &self.state, CONFIRMED)?;
        self.state.sync()
    }

    /// Begins the revert, which waits: afterwards nobody can call it off.
    pub(crate) fn begin_revert(&mut self) -> Result<(), SiteError> {
        self.state.rename(ARMED, &self.state, REVERTING)?;
        self.state.sync()
    }

    /// Ends a revert that was begun, and leaves word of it.
    pub(crate) fn end_revert(&mut self, reverted: &Reverted) -> Result<(), SiteError> {
        write_sealed(&self.state, &self.state, REVERTED, reverted)?;
        self.state.unlink(REVERTING)?;
        self.state.sync()
    }

    /// Returns what the site must keep to go back.
    pub(super) fn needed_to_revert(&self) -> Result<Vec<ReleaseId>, SiteError> {
        let armed = [self.armed()?, self.reverting()?];
        Ok(armed.into_iter().flatten().flat_map(|armed| [armed.from, armed.to]).flatten().collect())
    }
}
