//! Locks of environments: the kernel's lock on a file, which says who has it.

use std::fs::{File, TryLockError};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use tokio::time::{Instant, sleep};
use windlass_core::name::EnvironmentName;

use crate::store::{Holder, LockGuard, StoreError};

/// How often a lock that is held is tried again.
const POLL: Duration = Duration::from_millis(20);

/// How long a new holder may take to leave its name before the loser reports nobody.
const INTRODUCTION: Duration = Duration::from_millis(200);

/// How long the lock of a process that was killed may outlive it: a command that it was just
/// starting has a copy of the lock until it calls exec.
const INHERITED: Duration = Duration::from_secs(1);

/// The most bytes of a lock file that are read.
const MAX_HOLDER: u64 = 64 << 10;

/// A lock file that is locked. It is emptied when it is unlocked, and never removed: a file that
/// is removed and made again could be locked twice.
#[derive(Debug)]
struct FileLock(File);

impl LockGuard for FileLock {}

impl Drop for FileLock {
    fn drop(&mut self) {
        // An old name does no harm: it is read only while the file is locked. Closing alone would
        // leave the lock to a child that was forked but has not called exec yet.
        let _ = self.0.set_len(0);
        let _ = self.0.unlock();
    }
}

enum Attempt {
    Locked(FileLock),
    Busy(Option<Box<Holder>>),
}

/// Locks `path` for `holder`, trying for as long as `patience`.
pub(super) async fn acquire(
    path: &Path,
    environment: &EnvironmentName,
    holder: &Holder,
    patience: Duration,
) -> Result<Box<dyn LockGuard>, StoreError> {
    let started = Instant::now();
    loop {
        let found = match attempt(path, holder) {
            Ok(Attempt::Locked(lock)) => return Ok(Box::new(lock)),
            Ok(Attempt::Busy(found)) => found,
            Err(source) => return Err(StoreError::io("lock", path, source)),
        };
        let limit = match &found {
            Some(found) if found.is_gone() => patience.max(INHERITED),
            Some(_) => patience,
            None => patience.max(INTRODUCTION),
        };
        let left = limit.saturating_sub(started.elapsed());
        if left.is_zero() {
            return Err(StoreError::Held { environment: environment.clone(), holder: found });
        }
        sleep(POLL.min(left)).await;
    }
}

fn attempt(path: &Path, holder: &Holder) -> io::Result<Attempt> {
    let mut options = File::options();
    let file =
        options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    match file.try_lock() {
        Ok(()) => {
            let lock = FileLock(file);
            introduce(&lock.0, holder)?;
            Ok(Attempt::Locked(lock))
        }
        Err(TryLockError::WouldBlock) => Ok(Attempt::Busy(who(&file))),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Writes who has the lock. It is for people: the lock does not depend on it, so it is not flushed.
fn introduce(file: &File, holder: &Holder) -> io::Result<()> {
    let mut text = serde_json::to_vec_pretty(holder)?;
    text.push(b'\n');
    file.set_len(0)?;
    file.write_all_at(&text, 0)
}

/// Returns who has the lock, if it says so already. For a moment after a holder died without
/// emptying the file and before the next one has written, this is the one that died.
fn who(file: &File) -> Option<Box<Holder>> {
    let mut text = Vec::new();
    file.take(MAX_HOLDER).read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}
