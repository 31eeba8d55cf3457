//! What a rollout asks for, and what it tells.

use serde::{Deserialize, Serialize};

use super::{Outcome, Progress, Rollout};
use crate::record::TargetState;
use crate::target::TargetId;

/// What to do, and what changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[must_use = "what is not carried out never gets an answer"]
pub struct Step {
    /// What to do; each can be done again after a crash.
    pub actions: Vec<Action>,
    /// What changed, in order.
    pub changes: Vec<Change>,
}

/// Something to do. It is answered with events of its targets; what is not answered runs into a
/// deadline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Action {
    /// Stage and check the release on these; nothing live changes.
    Prepare {
        /// The targets.
        targets: Vec<TargetId>,
    },
    /// Switch these to the release, each on its own.
    Activate {
        /// The targets.
        targets: Vec<TargetId>,
    },
    /// Bring the release up on the idle slot of these.
    ActivateIdle {
        /// The targets.
        targets: Vec<TargetId>,
    },
    /// Probe these from now on, until they are taken back or the rollout ends: on the slot that has
    /// the release.
    Probe {
        /// The targets.
        targets: Vec<TargetId>,
    },
    /// Switch all of these to their idle slots, at once.
    Switch {
        /// The targets.
        targets: Vec<TargetId>,
    },
    /// Bring these back to the release that was good before, and stop probing them. With two slots
    /// this is the switch back, and the end of the idle one.
    TakeBack {
        /// The targets.
        targets: Vec<TargetId>,
    },
    /// Find out whether the stage may be promoted.
    Analyse {
        /// The stage, from 0.
        stage: usize,
        /// The name of the analysis.
        analysis: String,
    },
    /// Come back at this time, unless something happens before; the newest counts.
    Wake {
        /// When, in milliseconds of the wall clock.
        at_ms: u64,
    },
    /// Record how it ended, and clean up.
    Finish {
        /// How.
        outcome: Outcome,
    },
}

/// Something that changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum Change {
    /// A stage begins.
    Stage {
        /// Which, from 1.
        stage: usize,
        /// Of how many.
        stages: usize,
        /// How many targets it has.
        targets: usize,
    },
    /// A target is in another state.
    Target {
        /// The target.
        target: TargetId,
        /// Its state now.
        state: TargetState,
        /// What went wrong.
        error: Option<String>,
    },
    /// The rollout stands somewhere else.
    Progress {
        /// Where.
        progress: Progress,
        /// Why, where something went wrong.
        reason: Option<String>,
    },
}

/// What is asked of a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Prepare,
    Activate,
    ActivateIdle,
    Probe,
    Switch,
    TakeBack,
}

impl Step {
    /// Asks `what` of `target`, together with those before it of which the same is asked.
    pub(super) fn ask(&mut self, what: Ask, target: TargetId) {
        let same = match (self.actions.last_mut(), what) {
            (Some(Action::Prepare { targets }), Ask::Prepare)
            | (Some(Action::Activate { targets }), Ask::Activate)
            | (Some(Action::ActivateIdle { targets }), Ask::ActivateIdle)
            | (Some(Action::Probe { targets }), Ask::Probe)
            | (Some(Action::Switch { targets }), Ask::Switch)
            | (Some(Action::TakeBack { targets }), Ask::TakeBack) => Some(targets),
            _ => None,
        };
        match same {
            Some(targets) => targets.push(target),
            None => self.actions.push(what.of(target)),
        }
    }
}

impl Ask {
    fn of(self, target: TargetId) -> Action {
        let targets = vec![target];
        match self {
            Self::Prepare => Action::Prepare { targets },
            Self::Activate => Action::Activate { targets },
            Self::ActivateIdle => Action::ActivateIdle { targets },
            Self::Probe => Action::Probe { targets },
            Self::Switch => Action::Switch { targets },
            Self::TakeBack => Action::TakeBack { targets },
        }
    }
}

impl Rollout {
    /// Tells where the rollout stands now.
    pub(super) fn tell(&self, step: &mut Step) {
        let (progress, reason) = (self.progress(), self.state.reason.clone());
        step.changes.push(Change::Progress { progress, reason });
    }
}
