//! How a rollout ended, and which targets are not as planned.

use serde::{Deserialize, Serialize};

use super::Rollout;
use super::host::{Holds, Host};
use super::phase::Phase;
use super::step::{Action, Step};
use crate::record::TargetState;
use crate::target::TargetId;

/// How a rollout ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Every target holds the release, and nothing is said against any.
    Succeeded,
    /// The budget was kept, and some targets do not hold the release, or are bad.
    Partial,
    /// It failed before anything live changed.
    Failed,
    /// It failed, and every target holds the release from before.
    RolledBack,
    /// It failed, and some target does not.
    RollbackFailed,
}

impl Ending {
    /// Returns the name that records use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Partial => "partial",
            Self::Failed => "failed",
            Self::RolledBack => "rolled_back",
            Self::RollbackFailed => "rollback_failed",
        }
    }
}

/// How a rollout ended, and for whom not as planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// How.
    pub ending: Ending,
    /// Why it failed, if it did.
    pub reason: Option<String>,
    /// The targets that are not as planned, or are the reason.
    pub exceptions: Vec<Exception>,
}

/// A target that is not as planned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exception {
    /// The target.
    pub target: TargetId,
    /// Where it ended.
    pub state: TargetState,
    /// Which release it serves.
    pub holds: Holds,
    /// What went wrong.
    pub error: Option<String>,
}

impl Rollout {
    /// Returns how it ended, once it has.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        let Phase::Ended { ending } = self.state.phase else { return None };
        let forward = matches!(ending, Ending::Succeeded | Ending::Partial);
        let is_exception = |host: &&Host| match forward {
            true => is_amiss(host),
            false => host.bad || host.touched,
        };
        let exceptions = self.state.hosts.iter().filter(is_exception).map(|host| Exception {
            target: host.target.clone(),
            state: host.state,
            holds: host.holds,
            error: host.error.clone(),
        });
        let reason = self.state.reason.clone();
        Some(Outcome { ending, reason, exceptions: exceptions.collect() })
    }

    /// Ends it where nothing more is to be moved.
    pub(super) fn finish(&mut self, step: &mut Step) -> bool {
        let hosts = &self.state.hosts;
        let moved = hosts.iter().any(|host| host.holds == Holds::New);
        let ending = match hosts.iter().any(is_amiss) {
            false => Ending::Succeeded,
            true if moved => Ending::Partial,
            true => Ending::Failed,
        };
        self.end(ending, step)
    }

    pub(super) fn end(&mut self, ending: Ending, step: &mut Step) -> bool {
        self.state.phase = Phase::Ended { ending };
        self.tell(step);
        step.actions.extend(self.outcome().map(|outcome| Action::Finish { outcome }));
        true
    }
}

/// Tells whether a target of a rollout that went on to its end is not as planned. One that joined on
/// the way holds what it should.
fn is_amiss(host: &Host) -> bool {
    let joined = host.stage.is_none() && host.state == TargetState::RolledBack && !host.bad;
    !host.state.is_good() && !joined
}
