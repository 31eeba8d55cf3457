//! How fast a rollout may go, and when it has taken too long.

use serde::{Deserialize, Serialize};

use super::Amount;

/// What holds for every stage of a rollout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pace {
    /// How many targets move side by side.
    pub parallel: Amount,
    /// How long a target must be healthy without a break before it counts, in milliseconds.
    pub min_healthy_ms: u64,
    /// How long a target may take for each step until it is healthy, in milliseconds.
    pub healthy_deadline_ms: u64,
    /// How long it may take until the next target becomes healthy, in milliseconds.
    pub progress_deadline_ms: u64,
    /// Bad probes in a row after which a target that was healthy is not.
    pub failures: u32,
    /// What is done when the budget is exceeded or a deadline passes.
    pub on_failure: OnFailure,
}

/// What is done when a rollout fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Every target that moved is taken back.
    RollBack,
    /// It stops where it is, for a person to decide.
    Pause,
    /// It goes on with the other targets, as a rollback does: whatever can go back should.
    GoOn,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            parallel: Amount::Percent(25),
            // The checks themselves decide, so that nobody waits who did not ask to.
            min_healthy_ms: 0,
            healthy_deadline_ms: 5 * 60_000,
            progress_deadline_ms: 10 * 60_000,
            failures: 3,
            on_failure: OnFailure::RollBack,
        }
    }
}

impl Pace {
    /// Tells whether nothing is said against the defaults.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the pace of a rollback: no waits, and on past failures.
    #[must_use]
    pub fn of_rollback(self) -> Self {
        Self { min_healthy_ms: 0, on_failure: OnFailure::GoOn, ..self }
    }
}

/// The waits of a strategy as they are written down; what is not said is [`Pace`]'s default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Waits {
    /// [`Pace::min_healthy_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub min_healthy_ms: Option<u64>,
    /// [`Pace::healthy_deadline_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub healthy_deadline_ms: Option<u64>,
    /// [`Pace::progress_deadline_ms`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub progress_deadline_ms: Option<u64>,
    /// Whether a failure takes back what moved; it pauses otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub auto_rollback: Option<bool>,
}

impl Waits {
    /// Returns the pace with these waits and `parallel` targets side by side.
    #[must_use]
    pub fn pace(&self, parallel: Amount) -> Pace {
        let usual = Pace::default();
        let pauses = self.auto_rollback == Some(false);
        Pace {
            parallel,
            min_healthy_ms: self.min_healthy_ms.unwrap_or(usual.min_healthy_ms),
            healthy_deadline_ms: self.healthy_deadline_ms.unwrap_or(usual.healthy_deadline_ms),
            progress_deadline_ms: self.progress_deadline_ms.unwrap_or(usual.progress_deadline_ms),
            on_failure: if pauses { OnFailure::Pause } else { OnFailure::RollBack },
            ..usual
        }
    }

    /// Returns the names of those that are said, as the project file calls them.
    #[must_use]
    pub fn said(&self) -> Vec<&'static str> {
        let said = [
            ("min_healthy", self.min_healthy_ms.is_some()),
            ("healthy_deadline", self.healthy_deadline_ms.is_some()),
            ("progress_deadline", self.progress_deadline_ms.is_some()),
            ("auto_rollback", self.auto_rollback.is_some()),
        ];
        said.into_iter().filter(|(_, said)| *said).map(|(name, _)| name).collect()
    }

    pub(super) fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
