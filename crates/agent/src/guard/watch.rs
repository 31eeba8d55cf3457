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

#[cfg(test)]
mod tests {
    use windlass_core::record::DeploymentId;
    use windlass_core::release::{Layout, ReleaseId};
    use windlass_core::target::{Address, TargetId};

    use super::*;
    use crate::guard::clock::milliseconds;
    use crate::site::{scratch_directory, staged_and_live};

    const HOUR: u64 = 3_600_000;

    struct Armory {
        temp: tempfile::TempDir,
        site: Site,
        live: ReleaseId,
    }

    impl Armory {
        /// Returns a site with a release that goes back to nothing, by this deadline.
        fn new(confirm_ms: u64, deadline: Deadline) -> Self {
            let temp = scratch_directory();
            let site = Site::new(temp.path().join("root"), "etc").expect("a path");
            let live = staged_and_live(&site, &[("a", "text", Layout::Linked)]);
            let armory = Self { temp, site, live };
            let state = armory.state();
            registry::add(&state, &armory.site).expect("written");
            let armed = Armed {
                nonce: "n".to_owned(),
                session: "s".to_owned(),
                deployment: DeploymentId::new("deploy_test_9").expect("an id"),
                from: None,
                to: Some(live),
                confirm_ms,
                deadline,
                changed: Vec::new(),
                target: TargetId::new("t"),
                address: Address::Local { root: "/".to_owned() },
                state,
            };
            armory.site.lock().expect("locked").arm(&armed).expect("armed");
            armory
        }

        fn state(&self) -> std::path::PathBuf {
            self.temp.path().join("state")
        }

        fn live(&self) -> Option<ReleaseId> {
            self.site.inspect(None).expect("read").live.map(|live| live.release)
        }
    }

    /// Returns a deadline of an earlier start of the host, by the clock on the wall.
    fn before_the_restart(wall_ms: u64) -> Deadline {
        let text = format!(r#"{{"boot":"earlier","uptime_ms":0,"wall_ms":{wall_ms}}}"#);
        serde_json::from_str(&text).expect("a deadline")
    }

    #[test]
    fn after_a_restart_what_is_over_goes_back_at_once() {
        let armory = Armory::new(HOUR, before_the_restart(1));
        watch_all(&armory.state());
        assert_eq!(armory.live(), None);
        let reverted = armory.site.reverted().expect("read").expect("told");
        assert_eq!((reverted.to, reverted.nonce.as_str()), (None, "n"));
        assert!(registry::sites(&armory.state()).is_empty());
    }

    #[test]
    fn after_a_restart_the_rest_of_the_time_is_never_more_than_was_meant() {
        let years = milliseconds(Now::read().wall) + 10 * 365 * 24 * HOUR;
        let armory = Armory::new(150, before_the_restart(years));
        watch_all(&armory.state());
        assert_eq!(armory.live(), None);
    }

    #[test]
    fn a_revert_that_was_begun_is_ended_whatever_the_time() {
        let armory = Armory::new(HOUR, before_the_restart(u64::MAX));
        armory.site.lock().expect("locked").begin_revert().expect("begun");
        watch(&armory.site, || ()).expect("watched");
        assert_eq!(armory.live(), None);
        assert!(armory.site.armed().expect("read").is_none());
    }

    #[test]
    fn a_site_that_is_confirmed_lets_its_watcher_go() {
        let armory = Armory::new(HOUR, Deadline::after(&Now::read(), Duration::from_secs(3600)));
        let ready = || armory.site.lock().expect("locked").call_off().expect("called off");
        watch(&armory.site, ready).expect("watched");
        assert_eq!(armory.live(), Some(armory.live));
        assert!(registry::sites(&armory.state()).is_empty());
    }

    #[test]
    fn one_revert_has_one_watcher() {
        let armory = Armory::new(HOUR, Deadline::after(&Now::read(), Duration::from_secs(3600)));
        let held = armory.site.try_watch("n").expect("locked").expect("nobody else");
        let mut ready = false;
        watch(&armory.site, || ready = true).expect("somebody watches");
        assert!(ready && armory.site.is_watched("n").expect("read"));
        drop(held);
        assert!(!armory.site.is_watched("n").expect("read"));
    }
}
