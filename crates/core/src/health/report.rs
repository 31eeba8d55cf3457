//! What several checks say together.

use std::fmt;

use serde::{Deserialize, Serialize};

/// How well something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HealthStatus {
    /// Every check passed, and there was one.
    Healthy,
    /// The critical checks passed, another did not.
    Degraded,
    /// A critical check failed.
    Unhealthy,
    /// Nobody knows: nothing was checked, or a critical check could not be asked.
    Unknown,
}

impl HealthStatus {
    /// Returns whether it is [`Healthy`](Self::Healthy): nothing unknown ever is.
    #[must_use]
    pub const fn is_healthy(self) -> bool {
        matches!(self, Self::Healthy)
    }
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
            Self::Unknown => "unknown",
        })
    }
}

/// What one check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckReport {
    /// How the check is called.
    pub name: String,
    /// What it found; a check alone is never degraded.
    pub status: HealthStatus,
    /// Whether the whole is unhealthy without it.
    pub critical: bool,
    /// How long it took, in microseconds.
    pub latency_us: u64,
    /// What was probed, without credentials, and what was wrong: a lowercase fragment.
    pub detail: String,
}

/// What all checks found, and what that means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthReport {
    /// What the checks mean together.
    pub status: HealthStatus,
    /// What each of them found, in the order in which they were given.
    pub checks: Vec<CheckReport>,
}

impl HealthReport {
    /// Returns what `checks` mean together: a critical one that failed makes the whole unhealthy; a
    /// critical one that nobody knows about makes it unknown, as does none at all; any other that did
    /// not pass makes it degraded.
    #[must_use]
    pub fn of(checks: Vec<CheckReport>) -> Self {
        let critical = |status| checks.iter().any(|c| c.critical && c.status == status);
        let status = if checks.is_empty() {
            HealthStatus::Unknown
        } else if critical(HealthStatus::Unhealthy) {
            HealthStatus::Unhealthy
        } else if critical(HealthStatus::Unknown) {
            HealthStatus::Unknown
        } else if checks.iter().all(|check| check.status.is_healthy()) {
            HealthStatus::Healthy
        } else {
            HealthStatus::Degraded
        };
        Self { status, checks }
    }

    /// Returns the check called `name`.
    #[must_use]
    pub fn check(&self, name: &str) -> Option<&CheckReport> {
        self.checks.iter().find(|check| check.name == name)
    }
}

#[cfg(test)]
mod tests {
    use super::HealthStatus::{Degraded, Healthy, Unhealthy, Unknown};
    use super::*;

    fn together(checks: &[(HealthStatus, bool)]) -> HealthStatus {
        let report = |&(status, critical): &(HealthStatus, bool)| CheckReport {
            name: String::new(),
            status,
            critical,
            latency_us: 0,
            detail: String::new(),
        };
        HealthReport::of(checks.iter().map(report).collect()).status
    }

    #[test]
    fn nothing_checked_is_unknown() {
        assert_eq!(together(&[]), Unknown);
    }

    #[test]
    fn a_critical_failure_outweighs_everything() {
        assert_eq!(together(&[(Healthy, true), (Unhealthy, true), (Unknown, true)]), Unhealthy);
        assert_eq!(together(&[(Healthy, true), (Unknown, true), (Unhealthy, false)]), Unknown);
    }

    #[test]
    fn any_other_failure_degrades() {
        assert_eq!(together(&[(Healthy, true), (Unhealthy, false)]), Degraded);
        assert_eq!(together(&[(Healthy, true), (Unknown, false)]), Degraded);
        assert_eq!(together(&[(Unhealthy, false)]), Degraded);
        assert_eq!(together(&[(Healthy, true), (Healthy, false)]), Healthy);
    }
}
