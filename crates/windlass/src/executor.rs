//! The one executor: it carries a plan out, and takes targets back when it fails.
//!
//! Deployments and rollbacks are the same work. Every target is staged and checked before the first
//! one changes. A deployment that fails afterwards takes back each target that it moved; a rollback
//! goes on without the targets that fail, and says which are not where they should be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use windlass_agent::work::Assignment;
use windlass_core::event::Event;
use windlass_core::plan::{Intent, Plan};
use windlass_core::record::{
    ConfigDeployment, DeploymentId, DeploymentStatus, RollbackInfo, TargetRecord, TargetState,
};
use windlass_core::release::ReleaseId;
use windlass_core::strategy::Stage;
use windlass_core::target::TargetId;

use crate::error::describe;
use crate::events::Events;
use crate::fleet::Fleet;
use crate::host::HostError;

/// Asks a running deployment to stop at the next safe point.
#[derive(Debug, Clone, Default)]
pub struct StopFlag(Arc<AtomicBool>);

impl StopFlag {
    /// Asks for the stop.
    pub fn stop(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    /// Tells whether the stop was asked for.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// What a target comes from and goes to.
#[derive(Clone, Default)]
pub(crate) struct Move {
    pub(crate) from: Option<Arc<Assignment>>,
    pub(crate) to: Option<Arc<Assignment>>,
}

/// A plan being carried out.
pub(crate) struct Execution<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) fleet: &'a Fleet,
    pub(crate) moves: BTreeMap<TargetId, Move>,
    pub(crate) events: &'a Events,
    pub(crate) stop: &'a StopFlag,
    pub(crate) record: ConfigDeployment,
    /// The targets whose earlier release may hold secrets that nobody here knows.
    pub(crate) strangers: BTreeSet<TargetId>,
    /// Has withheld what commands print from then on.
    pub(crate) withhold: &'a (dyn Fn() + Sync),
}

impl Execution<'_> {
    /// Carries the plan out and returns the record, with everything but its duration final.
    pub(crate) async fn run(mut self) -> ConfigDeployment {
        let moving: Vec<TargetId> = self.moving();
        let mut reasons = self.prepare(&moving).await;
        if !reasons.is_empty() && !self.keeps_going() {
            return self.end(DeploymentStatus::Failed, reasons);
        }
        reasons.extend(self.activate_stages().await);
        match reasons.is_empty() {
            true => self.end(DeploymentStatus::Success, reasons),
            false if self.keeps_going() => self.end(DeploymentStatus::Failed, reasons),
            false => self.give_up(reasons).await,
        }
    }

    /// Tells whether a target that fails is left behind: in a rollback, every target that can go
    /// back should.
    fn keeps_going(&self) -> bool {
        self.plan.intent != Intent::Deploy
    }

    fn moving(&self) -> Vec<TargetId> {
        self.plan.stages.iter().flat_map(|stage| stage.targets.clone()).collect()
    }

    /// Stages and checks every target that moves, and returns what went wrong. Nothing live changes.
    async fn prepare(&mut self, moving: &[TargetId]) -> Vec<String> {
        let checked = self.plan.intent == Intent::Deploy;
        let id = self.record.deployment_id.clone();
        let moves = self.moves.clone();
        let answers = self
            .fleet
            .ask(moving, |target, host| {
                let (id, to) = (id.clone(), moves.get(&target).and_then(|m| m.to.clone()));
                async move {
                    match to {
                        Some(to) => host.prepare(&id, to, checked).await,
                        None => Ok(()),
                    }
                }
            })
            .await;
        let mut reasons = Vec::new();
        for (target, answer) in answers {
            match answer {
                Ok(()) => self.set(&target, TargetState::Staged, None),
                Err(error) => reasons.push(self.fail(&target, TargetState::Failed, &error)),
            }
        }
        reasons
    }

    /// Switches stage after stage, and returns what went wrong.
    async fn activate_stages(&mut self) -> Vec<String> {
        let stages = self.plan.stages.len();
        let mut reasons = Vec::new();
        for (nth, stage) in self.plan.stages.iter().enumerate() {
            if self.stop.is_stopped() {
                reasons.push("stopped by the operator".to_owned());
                break;
            }
            self.events.emit(Event::StageStarted {
                stage: nth as u64 + 1,
                stages: stages as u64,
                targets: stage.targets.clone(),
            });
            reasons.extend(self.activate(stage).await);
            if !reasons.is_empty() && !self.keeps_going() {
                break;
            }
        }
        reasons
    }

    async fn activate(&mut self, stage: &Stage) -> Vec<String> {
        let staged = stage.targets.iter().filter(|id| self.state(id) == Some(TargetState::Staged));
        let answers = self.switch(staged.cloned().collect()).await;
        let mut reasons = Vec::new();
        for (target, answer) in answers {
            match answer {
                Ok(state) => {
                    self.arrived(&target);
                    self.set(&target, state, None);
                }
                Err(error) => {
                    let whole = self.look_again(&target).await;
                    let untouched = whole && error.is_before_the_switch();
                    let state =
                        if untouched { TargetState::Failed } else { TargetState::Unhealthy };
                    reasons.push(self.fail(&target, state, &error));
                }
            }
        }
        reasons
    }

    /// Records what a target that failed really holds, since it may have failed before or after the
    /// switch, and tells whether it is whole. A target that does not answer is taken to hold what it
    /// was given.
    async fn look_again(&mut self, target: &TargetId) -> bool {
        let mut answers =
            self.fleet.ask([target], |_, host| async move { host.inspect(None).await }).await;
        let Some(Ok(seen)) = answers.remove(target) else {
            self.arrived(target);
            return false;
        };
        self.now_holds(target, seen.live.map(|live| live.release));
        seen.interrupted.is_none()
    }

    async fn switch(&self, targets: Vec<TargetId>) -> crate::fleet::Answers<TargetState> {
        let id = &self.record.deployment_id;
        self.fleet
            .ask(&targets, |target, host| {
                let (id, to) = (id.clone(), self.destination(&target));
                let over = vec![self.origin(&target).map(|from| from.id)];
                async move { host.activate(&id, over, to).await }
            })
            .await
    }

    /// Takes back every target that was moved, all at once: a rollback skips the waits.
    async fn give_up(mut self, reasons: Vec<String>) -> ConfigDeployment {
        let moved: Vec<TargetId> = self.moved();
        if moved.is_empty() {
            return self.end(DeploymentStatus::Failed, reasons);
        }
        for target in &moved {
            self.change(target, TargetState::RollingBack);
        }
        let mut lost = self.take_back(&moved).await;
        lost.extend(self.repaired_in_vain());
        self.record.rollback_info =
            Some(RollbackInfo { reason: Some(reasons.join("; ")), ..RollbackInfo::default() });
        if lost.is_empty() {
            return self.end(DeploymentStatus::RolledBack, reasons);
        }
        let error = format!("{}; not rolled back: {}", reasons.join("; "), lost.join("; "));
        self.end(DeploymentStatus::Failed, vec![error])
    }

    /// Returns the targets that failed after files of their release were repaired: what a person had
    /// changed there is not brought back.
    fn repaired_in_vain(&self) -> Vec<String> {
        let stays = |target: &&TargetRecord| {
            target.from == target.to && target.state == TargetState::Unhealthy
        };
        self.record.targets.iter().filter(stays).map(|target| target.id.to_string()).collect()
    }

    async fn take_back(&mut self, moved: &[TargetId]) -> Vec<String> {
        if moved.iter().any(|target| self.strangers.contains(target)) {
            (self.withhold)();
        }
        let id = self.record.deployment_id.clone();
        let answers = self
            .fleet
            .ask(moved, |target, host| {
                let (id, from) = (id.clone(), self.origin(&target));
                let ends = [&from, &self.destination(&target)];
                let over = ends.map(|end| end.as_ref().map(|end| end.id)).to_vec();
                async move { restore(host.as_ref(), &id, over, from).await }
            })
            .await;
        let mut lost = Vec::new();
        for (target, answer) in answers {
            match answer {
                Ok(_) => self.returned(&target),
                Err(error) => {
                    self.look_again(&target).await;
                    lost.push(self.fail(&target, TargetState::RollbackFailed, &error));
                }
            }
        }
        lost
    }

    fn destination(&self, target: &TargetId) -> Option<Arc<Assignment>> {
        self.moves.get(target).and_then(|m| m.to.clone())
    }

    fn origin(&self, target: &TargetId) -> Option<Arc<Assignment>> {
        self.moves.get(target).and_then(|m| m.from.clone())
    }

    fn moved(&self) -> Vec<TargetId> {
        let activated = |state| {
            matches!(state, TargetState::Healthy | TargetState::NotChecked | TargetState::Unhealthy)
        };
        let moved = |target: &&TargetRecord| target.from != target.to && activated(target.state);
        self.record.targets.iter().filter(moved).map(|target| target.id.clone()).collect()
    }

    fn state(&self, target: &TargetId) -> Option<TargetState> {
        self.record.targets.iter().find(|entry| entry.id == *target).map(|entry| entry.state)
    }

    fn arrived(&mut self, target: &TargetId) {
        let release = self.destination(target).map(|to| to.id);
        self.now_holds(target, release);
    }

    fn returned(&mut self, target: &TargetId) {
        let release = self.origin(target).map(|from| from.id);
        self.now_holds(target, release);
        self.change(target, TargetState::RolledBack);
    }

    fn now_holds(&mut self, target: &TargetId, release: Option<ReleaseId>) {
        if let Some(entry) = self.record.targets.iter_mut().find(|entry| entry.id == *target) {
            entry.release = release;
        }
    }

    /// Changes the state of a target and keeps the error that it has.
    fn change(&mut self, target: &TargetId, state: TargetState) {
        let entry = self.record.targets.iter().find(|entry| entry.id == *target);
        let error = entry.and_then(|entry| entry.error.clone());
        self.set(target, state, error);
    }

    fn fail(&mut self, target: &TargetId, state: TargetState, error: &HostError) -> String {
        let error = describe(error);
        self.set(target, state, Some(error.clone()));
        format!("{target}: {error}")
    }

    fn set(&mut self, target: &TargetId, state: TargetState, error: Option<String>) {
        self.events.emit(Event::TargetChanged {
            target: target.clone(),
            state,
            error: error.clone(),
        });
        if let Some(entry) = self.record.targets.iter_mut().find(|entry| entry.id == *target) {
            entry.state = state;
            entry.error = error;
        }
    }

    fn end(mut self, status: DeploymentStatus, reasons: Vec<String>) -> ConfigDeployment {
        self.record.status = status;
        self.record.error = (!reasons.is_empty()).then(|| reasons.join("; "));
        self.record
    }
}

/// Puts a target that holds one of `over` back on the release that it came from; nothing is
/// rendered and no check is run.
pub(crate) async fn restore(
    host: &dyn crate::host::Host,
    deployment: &DeploymentId,
    over: Vec<Option<ReleaseId>>,
    from: Option<Arc<Assignment>>,
) -> Result<TargetState, HostError> {
    if let Some(from) = &from {
        host.prepare(deployment, Arc::clone(from), false).await?;
    }
    host.activate(deployment, over, from).await
}
