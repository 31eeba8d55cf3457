//! The one executor: it carries a plan out, and takes targets back when it fails.
//!
//! Deployments and rollbacks are the same work. Every target is staged and checked before the first
//! one changes. A deployment that fails afterwards takes back each target that it moved; a rollback
//! that fails goes on with the others, and says which targets are not where they should be.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use windlass_agent::work::Assignment;
use windlass_core::event::Event;
use windlass_core::plan::{Intent, Plan};
use windlass_core::record::{
    ConfigDeployment, DeploymentId, DeploymentStatus, RollbackInfo, TargetState,
};
use windlass_core::release::ReleaseId;
use windlass_core::strategy::Stage;
use windlass_core::target::TargetId;

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
}

impl Execution<'_> {
    /// Carries the plan out and returns the record, with everything but its duration final.
    pub(crate) async fn run(mut self) -> ConfigDeployment {
        let moving: Vec<TargetId> = self.moving();
        if let Err(reason) = self.prepare(&moving).await {
            return self.end(DeploymentStatus::Failed, Some(reason));
        }
        match self.activate_stages().await {
            Ok(()) => self.end(DeploymentStatus::Success, None),
            Err(reason) if self.plan.intent == Intent::Deploy => self.give_up(reason).await,
            Err(reason) => self.end(DeploymentStatus::Failed, Some(reason)),
        }
    }

    fn moving(&self) -> Vec<TargetId> {
        self.plan.stages.iter().flat_map(|stage| stage.targets.clone()).collect()
    }

    /// Stages and checks every target that moves. Nothing live changes.
    async fn prepare(&mut self, moving: &[TargetId]) -> Result<(), String> {
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
        if reasons.is_empty() { self.go_on() } else { Err(reasons.join("; ")) }
    }

    async fn activate_stages(&mut self) -> Result<(), String> {
        let stages = self.plan.stages.len();
        let keep_going = self.plan.intent != Intent::Deploy;
        let mut reasons = Vec::new();
        for (nth, stage) in self.plan.stages.iter().enumerate() {
            self.go_on()?;
            self.events.emit(Event::StageStarted {
                stage: nth as u64 + 1,
                stages: stages as u64,
                targets: stage.targets.clone(),
            });
            if let Err(reason) = self.activate(stage).await {
                reasons.push(reason);
                if !keep_going {
                    break;
                }
            }
        }
        if reasons.is_empty() { Ok(()) } else { Err(reasons.join("; ")) }
    }

    async fn activate(&mut self, stage: &Stage) -> Result<(), String> {
        let targets = stage.targets.iter().map(|id| (id.clone(), self.destination(id)));
        let answers = self.switch(targets.collect()).await;
        let mut reasons = Vec::new();
        for (target, answer) in answers {
            match answer {
                Ok(state) => {
                    self.arrived(&target);
                    self.set(&target, state, None);
                }
                Err(error) => {
                    self.look_again(&target).await;
                    reasons.push(self.fail(&target, TargetState::Unhealthy, &error));
                }
            }
        }
        if reasons.is_empty() { Ok(()) } else { Err(reasons.join("; ")) }
    }

    /// Records what a target that failed really holds: it may have failed before or after the
    /// switch. A target that does not answer is taken to hold what it was given.
    async fn look_again(&mut self, target: &TargetId) {
        let mut answers =
            self.fleet.ask([target], |_, host| async move { host.inspect(None).await }).await;
        match answers.remove(target) {
            Some(Ok(seen)) => self.now_holds(target, seen.live.map(|live| live.release)),
            _ => self.arrived(target),
        }
    }

    async fn switch(
        &self,
        to: BTreeMap<TargetId, Option<Arc<Assignment>>>,
    ) -> crate::fleet::Answers<TargetState> {
        let id = &self.record.deployment_id;
        self.fleet
            .ask(to.keys(), |target, host| {
                let (id, to) = (id.clone(), to[&target].clone());
                async move { host.activate(&id, to).await }
            })
            .await
    }

    /// Takes back every target that was moved, all at once: a rollback skips the waits.
    async fn give_up(mut self, reason: String) -> ConfigDeployment {
        let moved: Vec<TargetId> = self.moved();
        if moved.is_empty() {
            return self.end(DeploymentStatus::Failed, Some(reason));
        }
        for target in &moved {
            self.change(target, TargetState::RollingBack);
        }
        let lost = self.take_back(&moved).await;
        self.record.rollback_info =
            Some(RollbackInfo { reason: Some(reason.clone()), ..RollbackInfo::default() });
        if lost.is_empty() {
            return self.end(DeploymentStatus::RolledBack, Some(reason));
        }
        let error = format!("{reason}; not rolled back: {}", lost.join("; "));
        self.end(DeploymentStatus::Failed, Some(error))
    }

    async fn take_back(&mut self, moved: &[TargetId]) -> Vec<String> {
        let back: BTreeMap<_, _> = moved.iter().map(|id| (id.clone(), self.origin(id))).collect();
        let id = self.record.deployment_id.clone();
        let answers = self
            .fleet
            .ask(moved, |target, host| {
                let (id, from) = (id.clone(), back[&target].clone());
                async move { restore(host.as_ref(), &id, from).await }
            })
            .await;
        let mut lost = Vec::new();
        for (target, answer) in answers {
            match answer {
                Ok(_) => self.returned(&target),
                Err(error) => lost.push(self.fail(&target, TargetState::RollbackFailed, &error)),
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
        let moved = |state| {
            matches!(state, TargetState::Healthy | TargetState::NotChecked | TargetState::Unhealthy)
        };
        let targets = self.record.targets.iter().filter(|target| moved(target.state));
        targets.map(|target| target.id.clone()).collect()
    }

    fn go_on(&self) -> Result<(), String> {
        if self.stop.is_stopped() { Err("stopped by the operator".to_owned()) } else { Ok(()) }
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
        let error = error.to_string();
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

    fn end(mut self, status: DeploymentStatus, error: Option<String>) -> ConfigDeployment {
        self.record.status = status;
        self.record.error = error;
        self.record
    }
}

/// Puts a target back on the release that it came from; nothing is rendered and no check is run.
pub(crate) async fn restore(
    host: &dyn crate::host::Host,
    deployment: &DeploymentId,
    from: Option<Arc<Assignment>>,
) -> Result<TargetState, HostError> {
    if let Some(from) = &from {
        host.prepare(deployment, Arc::clone(from), false).await?;
    }
    host.activate(deployment, from).await
}
