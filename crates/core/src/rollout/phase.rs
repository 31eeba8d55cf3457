//! Where a rollout stands.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Ending, Rollout};

/// What is being done, whether or not it is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "phase", rename_all = "snake_case")]
pub(super) enum Phase {
    Draft,
    Approved {
        /// When the next window opens, where it waits for one.
        opens: Option<u64>,
    },
    Preparing,
    Moving,
    Baking {
        until: u64,
    },
    Analysing {
        until: u64,
    },
    /// The gate but for the approval.
    Passing {
        approved: bool,
    },
    Switching,
    Keeping {
        until: u64,
    },
    RollingBack,
    Ended {
        ending: Ending,
    },
}

impl Phase {
    /// Returns when it is over by itself.
    pub(super) const fn until(self) -> Option<u64> {
        match self {
            Self::Approved { opens } => opens,
            Self::Baking { until } | Self::Analysing { until } | Self::Keeping { until } => {
                Some(until)
            }
            _ => None,
        }
    }

    /// Tells whether targets must become healthy now.
    pub(super) const fn is_progressing(self) -> bool {
        matches!(self, Self::Preparing | Self::Moving | Self::Switching)
    }
}

/// Where a rollout stands, as people call it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Progress {
    /// It waits to be approved.
    Draft,
    /// It has not begun.
    Approved,
    /// Targets are prepared or moved.
    Running,
    /// Nothing more goes down until somebody, or the time, says so.
    Paused(Pause),
    /// A stage is watched, or analysed.
    Baking,
    /// Targets are taken back.
    RollingBack,
    /// It ended.
    Ended {
        /// How.
        ending: Ending,
    },
}

/// Why a rollout is paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "why", rename_all = "snake_case")]
pub enum Pause {
    /// A person asked for it.
    ByHand,
    /// The analysis could not tell.
    Inconclusive {
        /// What it lacked.
        reason: String,
    },
    /// A person must approve the stage.
    Approval,
    /// It may not start yet.
    Window {
        /// When it may, in milliseconds of the wall clock.
        opens_ms: u64,
    },
    /// It failed, and takes nothing back by itself.
    Failed {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for Pause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ByHand => f.write_str("by hand"),
            Self::Inconclusive { reason } => write!(f, "inconclusive: {reason}"),
            Self::Approval => f.write_str("for an approval"),
            Self::Window { .. } => f.write_str("until a window opens"),
            Self::Failed { reason } => write!(f, "failed: {reason}"),
        }
    }
}

impl Rollout {
    /// Returns where it stands.
    #[must_use]
    pub fn progress(&self) -> Progress {
        if let Some(pause) = &self.state.paused {
            return Progress::Paused(pause.clone());
        }
        match self.state.phase {
            Phase::Draft => Progress::Draft,
            Phase::Approved { opens: Some(opens_ms) } => {
                Progress::Paused(Pause::Window { opens_ms })
            }
            Phase::Approved { opens: None } => Progress::Approved,
            Phase::Preparing | Phase::Moving | Phase::Switching => Progress::Running,
            Phase::Baking { .. }
            | Phase::Analysing { .. }
            | Phase::Passing { .. }
            | Phase::Keeping { .. } => Progress::Baking,
            Phase::RollingBack => Progress::RollingBack,
            Phase::Ended { ending } => Progress::Ended { ending },
        }
    }
}
