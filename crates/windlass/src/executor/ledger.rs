//! The record of a rollout under way, and the events that tell of it.

use std::collections::BTreeMap;

use windlass_core::event::Event;
use windlass_core::record::{
    ConfigDeployment, DeploymentId, DeploymentStatus, RollbackInfo, TargetRecord, TargetState,
};
use windlass_core::release::ReleaseId;
use windlass_core::rollout::{Change, Ending, Holds, Rollout};
use windlass_core::target::TargetId;

use crate::events::Events;

use TargetState as S;

/// Keeps the record true while things change, and tells each change.
pub(super) struct Ledger<'a> {
    record: ConfigDeployment,
    events: &'a Events,
    places: BTreeMap<TargetId, usize>,
    /// What went wrong first on each target.
    reasons: BTreeMap<TargetId, String>,
    /// The targets that could not be taken back, and why.
    lost: BTreeMap<TargetId, String>,
    /// Whether a target was to be taken back.
    turned: bool,
}

impl<'a> Ledger<'a> {
    pub(super) fn new(record: ConfigDeployment, events: &'a Events) -> Self {
        let targets = record.targets.iter().enumerate();
        let places = targets.map(|(place, target)| (target.id.clone(), place)).collect();
        let (reasons, lost) = (BTreeMap::new(), BTreeMap::new());
        Self { record, events, places, reasons, lost, turned: false }
    }

    pub(super) const fn deployment(&self) -> &DeploymentId {
        &self.record.deployment_id
    }

    /// Tells people what they should know.
    pub(super) fn warn(&self, message: String) {
        let environment = self.record.environment.clone();
        self.events.emit(Event::Warning { environment, message });
    }

    /// Records where the targets of a rollout are that another process drove so far.
    pub(super) fn catch_up(&mut self, rollout: &Rollout) {
        for host in rollout.hosts() {
            if host.bad {
                let told = told(&host.target, host.error.as_deref());
                self.reasons.entry(host.target.clone()).or_insert(told);
            }
            let back = matches!(host.state, S::RollingBack | S::RolledBack | S::RollbackFailed);
            self.turned |= back && !self.is_repaired(&host.target);
            if let Some(entry) = self.entry_mut(&host.target) {
                (entry.state, entry.error) = (host.state, host.error.clone());
                entry.release = if host.holds == Holds::Old { entry.from } else { entry.to };
            }
        }
    }

    fn entry(&self, target: &TargetId) -> Option<&TargetRecord> {
        self.places.get(target).map(|place| &self.record.targets[*place])
    }

    fn entry_mut(&mut self, target: &TargetId) -> Option<&mut TargetRecord> {
        self.places.get(target).map(|place| &mut self.record.targets[*place])
    }

    pub(super) fn state(&self, target: &TargetId) -> Option<TargetState> {
        self.entry(target).map(|entry| entry.state)
    }

    /// Tells whether a target holds the release already, and only what differs there is repaired.
    pub(super) fn is_repaired(&self, target: &TargetId) -> bool {
        self.entry(target).is_some_and(|entry| entry.from == entry.to)
    }

    pub(super) fn now_holds(&mut self, target: &TargetId, release: Option<ReleaseId>) {
        if let Some(entry) = self.entry_mut(target) {
            entry.release = release;
        }
    }

    /// Follows a change of the rollout.
    pub(super) fn note(&mut self, change: Change, rollout: &Rollout) {
        match change {
            Change::Stage { stage, stages, .. } => {
                let begun = stage.checked_sub(1).and_then(|nth| rollout.stages().get(nth));
                self.events.emit(Event::StageStarted {
                    stage: stage as u64,
                    stages: stages as u64,
                    targets: begun.map(|stage| stage.targets.clone()).unwrap_or_default(),
                });
            }
            Change::Target { target, state, error } => self.changed(&target, state, error),
            Change::Progress { .. } => {}
        }
    }

    fn changed(&mut self, target: &TargetId, state: TargetState, error: Option<String>) {
        match state {
            // The hosts tell these themselves, as it happens.
            S::Pending | S::Staging | S::Checking | S::Activating | S::Probing => {
                if let Some(entry) = self.entry_mut(target) {
                    entry.state = state;
                }
            }
            S::RollingBack | S::RolledBack | S::RollbackFailed if self.is_repaired(target) => {}
            S::RollingBack | S::RolledBack => {
                self.turned = true;
                let error = self.entry(target).and_then(|entry| entry.error.clone());
                self.set(target, state, error);
            }
            S::RollbackFailed => {
                self.turned = true;
                self.lost.insert(target.clone(), told(target, error.as_deref()));
                self.set(target, state, error);
            }
            S::Failed | S::Unhealthy | S::Unreachable => self.failed(target, state, error),
            S::Staged | S::Healthy | S::NotChecked | S::Unchanged => {
                self.set(target, state, None);
            }
        }
    }

    fn failed(&mut self, target: &TargetId, state: TargetState, error: Option<String>) {
        let told = told(target, error.as_deref());
        self.reasons.entry(target.clone()).or_insert(told);
        if let Some(entry) = self.entry_mut(target)
            && (state, entry.state) == (S::Unreachable, S::Activating)
        {
            // Nobody can say, and it was given the release.
            entry.release = entry.to;
        }
        self.set(target, state, error);
    }

    fn set(&mut self, target: &TargetId, state: TargetState, error: Option<String>) {
        self.events.emit(Event::TargetChanged {
            target: target.clone(),
            state,
            error: error.clone(),
        });
        if let Some(entry) = self.entry_mut(target) {
            (entry.state, entry.error) = (state, error);
        }
    }

    /// Returns the record of a rollout that ended, for `reason` where the targets do not say why.
    pub(super) fn end(mut self, ending: Ending, reason: Option<String>) -> ConfigDeployment {
        let reasons: Vec<String> = self.reasons.values().cloned().chain(reason).collect();
        let reasons = (!reasons.is_empty()).then(|| reasons.join("; "));
        let (status, error) = match ending {
            Ending::Succeeded => (DeploymentStatus::Success, None),
            Ending::RolledBack | Ending::RollbackFailed if self.turned => {
                let lost = self.not_rolled_back();
                let info = RollbackInfo { reason: reasons.clone(), ..RollbackInfo::default() };
                self.record.rollback_info = Some(info);
                match lost.is_empty() {
                    true => (DeploymentStatus::RolledBack, reasons),
                    false => {
                        let lost = format!("not rolled back: {}", lost.join("; "));
                        let error = reasons.into_iter().chain([lost]).collect::<Vec<_>>();
                        (DeploymentStatus::Failed, Some(error.join("; ")))
                    }
                }
            }
            _ => (DeploymentStatus::Failed, reasons),
        };
        (self.record.status, self.record.error) = (status, error);
        self.record
    }

    /// Returns the targets that are not as before: also those that failed after files of their release
    /// were repaired, since what a person had changed there is not brought back.
    fn not_rolled_back(&self) -> Vec<String> {
        let targets = self.record.targets.iter();
        let in_vain =
            targets.filter(|target| target.from == target.to && target.state == S::Unhealthy);
        self.lost.values().cloned().chain(in_vain.map(|target| target.id.to_string())).collect()
    }
}

fn told(target: &TargetId, error: Option<&str>) -> String {
    format!("{target}: {}", error.unwrap_or("it failed"))
}
