//! What happens to a rollout.

use serde::{Deserialize, Serialize};

use super::Holds;
use crate::strategy::Member;
use crate::target::TargetId;

/// Something that happened, or that nothing did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Input {
    /// Time went by.
    Tick,
    /// A target answered, or did not.
    Host {
        /// The target.
        target: TargetId,
        /// What it said.
        event: HostEvent,
    },
    /// A target that was not there when the rollout began.
    Joined(Member),
    /// What the analysis of a stage says.
    Verdict {
        /// The stage, from 0; a verdict on another than the one being analysed is too late.
        stage: usize,
        /// What it says.
        verdict: GateVerdict,
    },
}

impl Input {
    /// Returns that `event` happened to `target`.
    #[must_use]
    pub const fn host(target: TargetId, event: HostEvent) -> Self {
        Self::Host { target, event }
    }
}

/// What happened to a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum HostEvent {
    /// The release lies beside the live one, and its checks passed.
    Staged,
    /// It does not; the live one is untouched.
    StageFailed {
        /// Why.
        error: String,
    },
    /// The release was switched to, and its reloads ran; with two slots: it runs on the idle one, or
    /// the idle one now serves.
    Activated,
    /// It was not.
    ActivationFailed {
        /// Why.
        error: String,
        /// Whether the target was switched, or may have been; otherwise it is as before.
        switched: bool,
    },
    /// A round of probes found it good.
    ProbeGood,
    /// A round of probes did not; a probe that says nothing is one of these.
    ProbeBad {
        /// Why.
        error: String,
    },
    /// Its checks have made up their mind: it is unhealthy.
    Unhealthy {
        /// Why.
        error: String,
    },
    /// Nothing is there to be probed.
    NotChecked,
    /// It could not be reached.
    Unreachable {
        /// Why.
        error: String,
    },
    /// It can be reached again.
    Back {
        /// What it holds.
        holds: Holds,
    },
    /// It is back on the release from before.
    Restored,
    /// It is not.
    RestoreFailed {
        /// Why.
        error: String,
    },
}

/// What the analysis between two stages says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum GateVerdict {
    /// The evidence is good.
    Promote,
    /// The evidence is bad.
    RollBack {
        /// Why.
        reason: String,
    },
    /// There is too little of it: never a pass.
    Inconclusive {
        /// What is lacking.
        reason: String,
    },
}
