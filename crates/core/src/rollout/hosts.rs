//! What hosts say, and what follows for them.

use super::host::{Holds, domain_of};
use super::phase::Phase;
use super::step::{Ask, Step};
use super::{HostEvent, Rollout};
use crate::record::TargetState;
use crate::strategy::{Cutover, Member, OnFailure};
use crate::target::TargetId;

use TargetState as S;

impl Rollout {
    pub(super) fn on_host(
        &mut self,
        now: u64,
        target: &TargetId,
        event: HostEvent,
        step: &mut Step,
    ) {
        let ended = matches!(self.state.phase, Phase::Ended { .. });
        if let Some(index) = self.lookup.index(target).filter(|_| !ended) {
            self.on_event(now, index, event, step);
        }
    }

    /// A target that is new gets the release that was good before.
    pub(super) fn on_joined(&mut self, now: u64, member: &Member, step: &mut Step) {
        if matches!(self.state.phase, Phase::Ended { .. }) || self.host(&member.id).is_some() {
            return;
        }
        let domain = domain_of(member, self.state.rules.budget.by.as_deref()).to_owned();
        let index = self.add(member.id.clone(), &domain);
        self.take_back(now, index, step);
    }

    pub(super) fn on_event(&mut self, now: u64, index: usize, event: HostEvent, step: &mut Step) {
        use HostEvent as E;
        let state = self.state.hosts[index].state;
        match (state, event) {
            (S::Staging, E::Staged) => self.staged(now, index, step),
            (S::Staging, E::StageFailed { error }) => self.bad(index, S::Failed, error, step),
            (S::Activating, E::Activated) => self.arrived(now, index, step),
            (S::Activating, E::ActivationFailed { error, switched: true }) => {
                self.unhealthy(now, index, error, step);
            }
            (S::Activating, E::ActivationFailed { error, switched: false }) => {
                self.not_switched(now, index, error, step);
            }
            (S::Probing, E::ProbeGood) => self.good(now, index, step),
            (S::Probing, E::NotChecked) => self.up(now, index, S::NotChecked, step),
            (S::Probing, E::ProbeBad { error }) => self.not_yet(index, error),
            (S::Healthy | S::NotChecked, E::ProbeGood) => {
                self.update(index, |host| host.bad_probes = 0);
            }
            (S::Healthy | S::NotChecked, E::ProbeBad { error }) => {
                self.worse(now, index, error, step);
            }
            (S::Probing | S::Healthy | S::NotChecked, E::Unhealthy { error }) => {
                self.unhealthy(now, index, error, step);
            }
            (S::Unreachable, E::Activated) => self.back(now, index, Holds::New, step),
            (S::Unreachable | S::RollbackFailed, E::Back { holds }) => {
                self.back(now, index, holds, step);
            }
            (S::RollingBack, E::Restored) => self.restored(index, step),
            (S::RollingBack, E::RestoreFailed { error } | E::Unreachable { error }) => {
                self.bad(index, S::RollbackFailed, error, step);
            }
            (_, E::Unreachable { error }) => self.lost(now, index, error, step),
            // An answer to what was asked long ago.
            _ => {}
        }
    }

    /// A large release takes a fleet its time: each target that has it is progress.
    fn staged(&mut self, now: u64, index: usize, step: &mut Step) {
        self.shift(index, S::Staged, step, |_| {});
        self.progressed(now);
    }

    /// Uses up the budget for a host, which is in `state` now.
    fn bad(&mut self, index: usize, state: TargetState, error: String, step: &mut Step) {
        self.shift(index, state, step, |host| {
            (host.bad, host.error) = (true, Some(error));
        });
    }

    /// A host answered that it was switched, or runs the release on its idle slot.
    fn arrived(&mut self, now: u64, index: usize, step: &mut Step) {
        let switching = matches!(self.state.phase, Phase::Switching);
        let live = switching || self.state.rules.cutover == Cutover::EachTarget;
        let holds = if live { Holds::New } else { Holds::Old };
        self.update(index, |host| host.holds = holds);
        if self.state.phase == Phase::RollingBack && !self.goes_on() {
            return self.take_back(now, index, step);
        }
        if switching {
            self.up(now, index, S::Healthy, step);
        } else {
            let deadline = now + self.state.rules.pace.healthy_deadline_ms;
            self.shift(index, S::Probing, step, |host| {
                (host.deadline, host.good_since) = (Some(deadline), None);
            });
        }
        step.ask(Ask::Probe, self.state.hosts[index].target.clone());
    }

    /// It failed before the switch: it is as before, but for what lies on an idle slot.
    fn not_switched(&mut self, now: u64, index: usize, error: String, step: &mut Step) {
        let idle = self.state.rules.cutover != Cutover::EachTarget;
        self.update(index, |host| (host.holds, host.touched) = (Holds::Old, idle));
        if idle {
            self.unhealthy(now, index, error, step);
        } else {
            self.bad(index, S::Failed, error, step);
        }
    }

    /// Good without a break for long enough is healthy: what counts is a probe, never mere silence.
    fn good(&mut self, now: u64, index: usize, step: &mut Step) {
        let since = self.state.hosts[index].good_since.unwrap_or(now);
        if now - since >= self.state.rules.pace.min_healthy_ms {
            self.up(now, index, S::Healthy, step);
        } else {
            self.update(index, |host| host.good_since = Some(since));
        }
    }

    fn up(&mut self, now: u64, index: usize, state: TargetState, step: &mut Step) {
        self.shift(index, state, step, |host| {
            (host.error, host.bad_probes) = (None, 0);
        });
        self.progressed(now);
    }

    /// A bad probe before the host was healthy: it may still become so, until its deadline.
    fn not_yet(&mut self, index: usize, error: String) {
        self.update(index, |host| {
            (host.good_since, host.error) = (None, Some(error));
        });
    }

    /// A bad probe after the host was healthy.
    fn worse(&mut self, now: u64, index: usize, error: String, step: &mut Step) {
        self.update(index, |host| host.bad_probes += 1);
        if self.state.hosts[index].bad_probes >= self.state.rules.pace.failures {
            self.unhealthy(now, index, error, step);
        }
    }

    pub(super) fn unhealthy(&mut self, now: u64, index: usize, error: String, step: &mut Step) {
        self.bad(index, S::Unhealthy, error, step);
        if self.state.rules.pace.on_failure == OnFailure::RollBack {
            self.take_back(now, index, step);
        }
    }

    /// Nobody knows what it is doing; what it was given may be live on it.
    fn lost(&mut self, now: u64, index: usize, error: String, step: &mut Step) {
        self.bad(index, S::Unreachable, error, step);
        let recalled = self.state.phase == Phase::RollingBack && !self.goes_on();
        if recalled && self.state.hosts[index].touched {
            self.take_back(now, index, step);
        }
    }

    /// A host that comes back gets the release that was good before, never one that is not promoted.
    fn back(&mut self, now: u64, index: usize, holds: Holds, step: &mut Step) {
        self.update(index, |host| host.holds = holds);
        match (self.state.hosts[index].stage, self.state.rules.pace.on_failure) {
            (None, _) if !self.state.hosts[index].touched => {
                self.shift(index, S::Unchanged, step, |_| {});
            }
            (_, OnFailure::GoOn) if holds == Holds::Old => {
                self.shift(index, S::Failed, step, |_| {});
            }
            (_, OnFailure::GoOn) => self.shift(index, S::NotChecked, step, |_| {}),
            _ => self.take_back(now, index, step),
        }
    }

    fn restored(&mut self, index: usize, step: &mut Step) {
        self.shift(index, S::RolledBack, step, |host| {
            (host.holds, host.touched) = (Holds::Old, false);
        });
    }

    /// Has a host brought back to the release that was good before.
    pub(super) fn take_back(&mut self, now: u64, index: usize, step: &mut Step) {
        let deadline = now + self.state.rules.pace.healthy_deadline_ms;
        self.shift(index, S::RollingBack, step, |host| {
            (host.deadline, host.touched) = (Some(deadline), true);
        });
        step.ask(Ask::TakeBack, self.state.hosts[index].target.clone());
    }
}
