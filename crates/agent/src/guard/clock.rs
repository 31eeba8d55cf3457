//! Points in time that are understood after a restart too.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// The kernel's name for the time since it started.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// The seconds since the kernel started, those of sleep included, with two decimals.
const UPTIME: &str = "/proc/uptime";

/// What the clocks of a host say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Now {
    /// The name of the time since the host started, where it has one.
    pub boot: Option<String>,
    /// How long ago that was.
    pub uptime: Duration,
    /// The time since 1970, which can be set.
    pub wall: Duration,
}

impl Now {
    /// Returns what the clocks say.
    #[must_use]
    pub fn read() -> Self {
        let uptime = fs::read_to_string(UPTIME).ok().and_then(|text| seconds(&text));
        let boot = fs::read_to_string(BOOT_ID).ok().map(|text| text.trim().to_owned());
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        // Without one of the two, the clock on the wall is all there is.
        Self { boot: boot.filter(|_| uptime.is_some()), uptime: uptime.unwrap_or_default(), wall }
    }
}

fn seconds(uptime: &str) -> Option<Duration> {
    let seconds: f64 = uptime.split_ascii_whitespace().next()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// A point in time: by the clock that nobody sets as long as the host runs, and after a restart by the
/// one on the wall.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    boot: Option<String>,
    uptime_ms: u64,
    wall_ms: u64,
}

impl Deadline {
    /// Returns the point in time `after` from now.
    #[must_use]
    pub fn after(now: &Now, after: Duration) -> Self {
        Self {
            boot: now.boot.clone(),
            uptime_ms: milliseconds(now.uptime.saturating_add(after)),
            wall_ms: milliseconds(now.wall.saturating_add(after)),
        }
    }

    /// Returns the time that is left, at most `most`: a clock that was set back must not make it
    /// longer than it was meant to be.
    #[must_use]
    pub fn remaining(&self, now: &Now, most: Duration) -> Duration {
        self.left(now).min(most)
    }

    /// Tells whether it is to be set again: the host was started since, or a clock was set back.
    #[must_use]
    pub fn is_stale(&self, now: &Now, most: Duration) -> bool {
        now.boot != self.boot || self.left(now) > most
    }

    fn left(&self, now: &Now) -> Duration {
        let same = now.boot.is_some() && now.boot == self.boot;
        let (deadline, now) =
            if same { (self.uptime_ms, now.uptime) } else { (self.wall_ms, now.wall) };
        Duration::from_millis(deadline).saturating_sub(now)
    }
}

/// Returns whole milliseconds, as many as fit.
#[must_use]
pub fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOST: Duration = Duration::from_secs(30);

    fn now(boot: &str, uptime: u64, wall: u64) -> Now {
        let (uptime, wall) = (Duration::from_secs(uptime), Duration::from_secs(wall));
        Now { boot: Some(boot.to_owned()), uptime, wall }
    }

    fn left(then: &Now) -> u64 {
        Deadline::after(&now("a", 100, 5000), MOST).remaining(then, MOST).as_secs()
    }

    #[test]
    fn nobody_sets_the_clock_that_counts_while_the_host_runs() {
        for wall in [0, 5000, 1_000_000] {
            assert_eq!(left(&now("a", 110, wall)), 20, "{wall}");
            assert_eq!(left(&now("a", 130, wall)), 0, "{wall}");
        }
    }

    #[test]
    fn after_a_restart_the_wall_counts_and_never_for_longer_than_was_meant() {
        assert_eq!(left(&now("b", 1, 5010)), 20);
        assert_eq!(left(&now("b", 1, 5030)), 0);
        assert_eq!(left(&now("b", 1, 9)), 30, "the clock was set back");
        assert_eq!(left(&now("a", 1, 5010)), 30, "a container was started again");
    }

    #[test]
    fn a_deadline_of_another_start_is_set_again() {
        let deadline = Deadline::after(&now("a", 100, 5000), MOST);
        assert!(!deadline.is_stale(&now("a", 100, 5000), MOST));
        assert!(!deadline.is_stale(&now("a", 500, 9), MOST));
        assert!(deadline.is_stale(&now("b", 100, 5000), MOST));
        assert!(deadline.is_stale(&now("a", 1, 5010), MOST));
    }

    #[test]
    fn the_clocks_of_this_host_go_forward() {
        let (first, second) = (Now::read(), Now::read());
        assert_eq!(first.boot, second.boot);
        assert!(first.boot.is_some() && first.uptime > Duration::ZERO);
        assert!(first.uptime <= second.uptime && first.wall > Duration::from_secs(1 << 30));
        assert_eq!(seconds("12.50 3.1\n"), Some(Duration::from_millis(12_500)));
        assert_eq!(seconds("x"), None);
    }
}
