//! What people ask of a rollout, from any terminal.

use serde::{Deserialize, Serialize};

use super::Rollout;
use super::phase::{Pause, Phase};
use super::step::Step;

/// What a person asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Command {
    /// Let nothing more go down. What is under way goes on, and failures still take back.
    Pause,
    /// Go on. What could not be told is looked at again.
    Resume,
    /// Go on without what the gate still waits for. Health and budgets are never skipped.
    Promote,
    /// Take back everything that moved.
    Abort,
    /// Approve a rollout that waits to begin, or a stage that waits for it.
    Approve,
}

/// Why a command changes nothing. Of two people at once, the second is told what the first did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "refusal", rename_all = "snake_case")]
pub enum Refusal {
    /// It ended.
    #[error("the rollout has ended")]
    Ended,
    /// It is already on the way back.
    #[error("the rollout is being taken back, which nothing stops")]
    RollingBack,
    /// It is already paused.
    #[error("the rollout is already paused {0}")]
    Paused(Pause),
    /// It is not paused.
    #[error("the rollout is not paused")]
    NotPaused,
    /// There is nothing to promote: the targets of the stage have to become healthy first.
    #[error("stage {stage} is not done: the health of its targets is never skipped")]
    NotDone {
        /// The stage, from 1.
        stage: usize,
    },
    /// It failed and waits for a person.
    #[error("the rollout failed ({0}): take it back with `abort`, or `resume` it")]
    Failed(String),
    /// Nothing waits for an approval.
    #[error("nothing waits for an approval")]
    NothingToApprove,
    /// It waits for an approval.
    #[error("the rollout has not been approved")]
    Draft,
}

impl Rollout {
    /// Does what a person asks at `now_ms`, in milliseconds of the wall clock, and returns what to do.
    ///
    /// # Errors
    /// [`Refusal`] says why it changes nothing.
    pub fn command(&mut self, now_ms: u64, command: Command) -> Result<Step, Refusal> {
        let mut step = Step::default();
        let now = self.observe(now_ms);
        self.expire(now, &mut step);
        let outcome = match self.state.phase {
            Phase::Ended { .. } => Err(Refusal::Ended),
            Phase::RollingBack => Err(Refusal::RollingBack),
            _ => self.obey(now, command, &mut step),
        };
        match outcome {
            // What a deadline brought about has to be carried out all the same.
            Err(refusal) if step.actions.is_empty() && step.changes.is_empty() => Err(refusal),
            _ => {
                self.settle(now, &mut step);
                Ok(step)
            }
        }
    }

    fn obey(&mut self, now: u64, command: Command, step: &mut Step) -> Result<(), Refusal> {
        match command {
            Command::Pause => self.pause(),
            Command::Resume => self.go_on(now),
            Command::Promote => self.promote(now),
            Command::Approve => self.approve(),
            Command::Abort => {
                self.roll_back(now, "aborted by a person".to_owned(), step);
                return Ok(());
            }
        }?;
        self.tell(step);
        Ok(())
    }

    fn pause(&mut self) -> Result<(), Refusal> {
        match &self.state.paused {
            Some(pause) => Err(Refusal::Paused(pause.clone())),
            None if self.state.phase == Phase::Draft => Err(Refusal::Draft),
            None => {
                self.state.paused = Some(Pause::ByHand);
                Ok(())
            }
        }
    }

    fn go_on(&mut self, now: u64) -> Result<(), Refusal> {
        let pause = self.state.paused.take().ok_or(Refusal::NotPaused)?;
        self.progressed(now);
        match (pause, self.state.phase) {
            (Pause::Approval, _) => {
                self.state.paused = Some(Pause::Approval);
                Err(Refusal::Paused(Pause::Approval))
            }
            // It is analysed anew, as after a bake that is over.
            (Pause::Inconclusive { .. }, Phase::Analysing { .. }) => {
                self.state.phase = Phase::Baking { until: now };
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn promote(&mut self, now: u64) -> Result<(), Refusal> {
        if let Some(Pause::Failed { reason }) = &self.state.paused {
            return Err(Refusal::Failed(reason.clone()));
        }
        match self.state.phase {
            Phase::Draft => return Err(Refusal::Draft),
            Phase::Baking { .. } | Phase::Analysing { .. } | Phase::Passing { .. } => {
                self.state.phase = Phase::Passing { approved: true };
            }
            Phase::Keeping { .. } => self.state.phase = Phase::Keeping { until: now },
            _ if self.state.paused.is_none() => {
                return Err(Refusal::NotDone { stage: self.state.stage + 1 });
            }
            _ => {}
        }
        self.state.paused = None;
        self.progressed(now);
        Ok(())
    }

    fn approve(&mut self) -> Result<(), Refusal> {
        match (self.state.phase, &self.state.paused) {
            (Phase::Draft, _) => self.state.phase = Phase::Approved { opens: None },
            (_, Some(Pause::Approval)) => {
                self.state.phase = Phase::Passing { approved: true };
                self.state.paused = None;
            }
            _ => return Err(Refusal::NothingToApprove),
        }
        Ok(())
    }
}
