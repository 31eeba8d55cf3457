//! Health checks, as values: what to probe, how often, and when to believe it.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::command::Command;

/// What is probed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// A `GET` that must answer with a status of 200 to 399.
    Http(String),
    /// A connection that must open: `PORT` on the target, or `HOST:PORT`.
    Tcp(String),
    /// A command that must exit with 0.
    Command(Command),
}

/// A health check of a service.
///
/// The defaults are DESIGN's: 3 failures in a row make a target unhealthy, 1 success healthy; a
/// probe that hangs has failed at its timeout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// What is probed.
    pub probe: Probe,
    /// How long one probe may take, in milliseconds.
    pub timeout_ms: u64,
    /// The time between two probes, in milliseconds.
    pub interval_ms: u64,
    /// Failures in a row that make the target unhealthy.
    pub failures: u32,
    /// Successes in a row that make it healthy.
    pub successes: u32,
}

impl HealthCheck {
    /// Returns a check of `probe` with the defaults: 5 s timeout, 1 s interval, 3 failures, 1
    /// success.
    #[must_use]
    pub const fn new(probe: Probe) -> Self {
        Self { probe, timeout_ms: 5_000, interval_ms: 1_000, failures: 3, successes: 1 }
    }

    /// Returns how long one probe may take.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// Returns the time between two probes.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        Duration::from_millis(self.interval_ms)
    }
}
