//! Waiting for the deadline of a site that is armed, and going back when it comes.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::clock::{Deadline, Now};
use super::registry;
use crate::site::{Armed, Site, SiteError, Watch};
use crate::work::{WorkError, Worker};

/// How often a watcher looks whether it is still needed.
const LOOK: Duration = Duration::from_millis(200);

/// How long the watcher of an earlier revert is waited for: it ends with its next look.
const EARLIER: Duration = Duration::from_secs(30);

/// Between two attempts to go back where something is in the way: at first, and at most.
const RETRY: [Duration; 2] = [Duration::from_millis(50), Duration::from_secs(20)];

/// How long going back is tried; whoever contacts the host later goes on.
const TRYING: Duration = Duration::from_secs(24 * 3600);

/// Watches `site` until it is confirmed or has gone back; `ready` is called once the watch holds.
/// Returns at once where nothing is armed, or somebody watches already.
///
/// # Errors
/// When the site cannot be read, or could not be taken back for a day.
pub fn watch(site: &Site, ready: impl FnOnce()) -> Result<(), WorkError> {
    let Some(armed) = site.armed()? else { return Ok(()) };
    let Some(_watch) = hold(site, &armed.nonce)? else {
        ready();
        return Ok(());
    };
    ready();
    until_over(site, &armed.nonce)?;
    registry::remove(&armed.state, site);
    Ok(())
}

/// Watches every site that `state` says is armed, and returns when all of them are settled: what a host
/// runs after a restart.
pub fn watch_all(state: &Path) {
    thread::scope(|scope| {
        for site in registry::sites(state) {
            scope.spawn(move || {
                let watched = watch(&site, || ());
                if watched.is_ok() && matches!(site.armed(), Ok(None)) {
                    registry::remove(state, &site);
                }
            });
        }
    });
}

/// Returns the watch, or nothing where another process has it for the same revert.
fn hold(site: &Site, nonce: &str) -> Result<Option<Watch>, SiteError> {
    let began = Instant::now();
    loop {
        if let Some(watch) = site.try_watch(nonce)? {
            return Ok(Some(watch));
        }
        if site.is_watched(nonce)? {
            return Ok(None);
        }
        if began.elapsed() > EARLIER {
            return Err(SiteError::Busy(site.config_dir().join(".windlass/watch")));
        }
        thread::sleep(LOOK / 10);
    }
}

fn until_over(site: &Site, nonce: &str) -> Result<(), WorkError> {
    let (mut pause, mut failing) = (RETRY[0], None);
    while let Some(armed) = site.armed()?.filter(|armed| armed.nonce == nonce) {
        let now = Now::read();
        let left = armed.remaining(&now);
        let tried = if left.is_zero() {
            go_back(site, &armed)
        } else if armed.deadline.is_stale(&now, armed.confirm()) {
            set_again(site, nonce, &now)
        } else {
            thread::sleep(left.min(LOOK));
            continue;
        };
        let Err(error) = tried else { continue };
        let since: &mut Instant = failing.get_or_insert_with(Instant::now);
        if since.elapsed() > TRYING {
            return Err(error);
        }
        thread::sleep(pause);
        pause = if is_busy(&error) { RETRY[0] } else { (pause * 2).min(RETRY[1]) };
    }
    Ok(())
}

fn is_busy(error: &WorkError) -> bool {
    matches!(error, WorkError::Site(SiteError::Busy(_)))
}

/// Takes the site back, if nobody has confirmed or given it more time since.
fn go_back(site: &Site, armed: &Armed) -> Result<(), WorkError> {
    let worker = Worker {
        site,
        target: &armed.target,
        address: &armed.address,
        events: &|_| (),
        interrupt: None,
        guard: None,
    };
    worker.tend()
}

/// Gives a site a deadline that the clocks of this start of the host understand.
fn set_again(site: &Site, nonce: &str, now: &Now) -> Result<(), WorkError> {
    let mut locked = site.lock()?;
    let armed = locked.armed()?.filter(|armed| armed.nonce == nonce);
    if let Some(mut armed) = armed {
        armed.deadline = Deadline::after(now, armed.remaining(now));
        locked.arm(&armed)?;
    }
    Ok(())
}
