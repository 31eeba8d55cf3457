//! Who holds a lock, and the lock as it is held.

use std::fmt;
use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Who holds a lock, so that whoever finds it held knows whom to ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The person or the automation.
    pub who: String,
    /// The machine, by its own name.
    pub host: String,
    /// The process on it.
    pub pid: u32,
    /// When it was locked.
    pub since: Timestamp,
    /// What for, such as `deploy`.
    pub why: String,
}

impl Holder {
    /// Returns `who` in this process on this machine.
    #[must_use]
    pub fn here(who: impl Into<String>, why: impl Into<String>, since: Timestamp) -> Self {
        Self { who: who.into(), host: host(), pid: std::process::id(), since, why: why.into() }
    }

    /// Tells whether it was a process of this machine, and has ended.
    pub(super) fn is_gone(&self) -> bool {
        self.host == host() && !Path::new(&format!("/proc/{}", self.pid)).exists()
    }
}

fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { who, host, pid, since, why } = self;
        write!(f, "{who} on {host} (process {pid}) since {since:.0}: {why}")
    }
}

/// A lock that is held; it is released when this is dropped, and when the process dies.
pub trait LockGuard: Send + Sync + fmt::Debug {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shows_all_that_is_needed_to_find_the_holder() {
        let holder = Holder {
            who: "alice".to_owned(),
            host: "desk".to_owned(),
            pid: 42,
            since: Timestamp::from_second(1_700_000_000).expect("in range"),
            why: "deploy".to_owned(),
        };
        let shown = "alice on desk (process 42) since 2023-11-14T22:13:20Z: deploy";
        assert_eq!(holder.to_string(), shown);
    }

    #[test]
    fn here_is_this_process() {
        let holder = Holder::here("alice", "deploy", Timestamp::UNIX_EPOCH);
        assert_eq!(holder.pid, std::process::id());
        assert!(!holder.host.is_empty());
    }
}
