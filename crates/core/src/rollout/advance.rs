//! How a rollout goes on by itself.

use super::host::Holds;
use super::phase::{Pause, Phase};
use super::step::{Ask, Change, Step};
use super::{Rollout, Window};
use crate::budget::{Reason, Scope, above_the_floor, within};
use crate::duration::spoken;
use crate::record::TargetState;
use crate::strategy::{Cutover, OnFailure};
use crate::target::TargetId;

impl Rollout {
    /// Does what is due, and tells whether to look again.
    pub(super) fn advance(&mut self, now: u64, step: &mut Step) -> bool {
        let phase = self.state.phase;
        match phase {
            Phase::Draft | Phase::Ended { .. } => false,
            Phase::Approved { opens } => self.begin(now, opens, step),
            Phase::RollingBack => self.returned(step),
            Phase::Preparing => self.prepared(now, step),
            _ if self.fails(now, step) => true,
            _ if self.state.paused.is_some() => false,
            Phase::Moving => self.move_on(now, step),
            Phase::Baking { until } => now >= until && self.baked(now, step),
            Phase::Analysing { until } => now >= until && self.not_analysed(step),
            Phase::Passing { approved } => self.pass(now, approved, step),
            Phase::Switching => self.switched(now, step),
            Phase::Keeping { until } => now >= until && self.is_quiet() && self.finish(step),
        }
    }

    /// Checks whether `target` may go down now.
    ///
    /// # Errors
    /// [`Reason`] says what stands against it: the same to the rollout, to people and to the record.
    pub fn may_go_down(&self, target: &TargetId) -> Result<(), Reason> {
        let host = self.host(target).ok_or_else(|| Reason::State("not in the rollout".into()))?;
        if host.state != TargetState::Staged {
            return Err(Reason::State(host.state.as_str().replace('_', " ")));
        }
        self.one_more_may_move()
    }

    fn one_more_may_move(&self) -> Result<(), Reason> {
        let (tally, parallel) = (&self.lookup.tally, self.state.rules.parallel);
        if !self.goes_on() {
            self.within_budget()?;
            let fleet = tally.fleet;
            let limit = self.state.rules.budget.fleet.of(fleet.total);
            above_the_floor(fleet, parallel, limit)?;
        }
        match tally.moving {
            moving if moving >= parallel => Err(Reason::Parallel { moving, parallel }),
            _ => Ok(()),
        }
    }

    /// Checks that no budget is exceeded.
    ///
    /// # Errors
    /// [`Reason::Budget`] of the first one that is.
    pub fn within_budget(&self) -> Result<(), Reason> {
        let (tally, budget) = (&self.lookup.tally, &self.state.rules.budget);
        within(Scope::Fleet, tally.fleet, budget.fleet.of(tally.fleet.total))?;
        if let Some((domain, limit)) = tally.exceeded {
            let scope = Scope::Domain(self.state.domains[domain].clone());
            within(scope, tally.domains[domain], limit)?;
        }
        let Some(stage) = self.state.stages.get(self.state.stage) else { return Ok(()) };
        if !stage.gate.canary {
            return Ok(());
        }
        let canaries = &self.state.stages[..=self.state.stage];
        let bad = tally.stages[..=self.state.stage].iter().sum();
        let total = canaries.iter().map(|stage| stage.targets.len()).sum();
        let standing = crate::budget::Standing { total, bad, down: 0 };
        within(Scope::Canary, standing, budget.canary.of(total))
    }

    fn begin(&mut self, now: u64, waited_for: Option<u64>, step: &mut Step) -> bool {
        let opens = Window::next(&self.state.rules.windows, now);
        if let Some(opens) = opens.filter(|opens| *opens > now) {
            self.state.phase = Phase::Approved { opens: Some(opens) };
            if waited_for != Some(opens) {
                self.tell(step);
            }
            return false;
        }
        if self.state.paused.is_some() {
            self.state.phase = Phase::Approved { opens: None };
            return false;
        }
        self.state.phase = Phase::Preparing;
        self.progressed(now);
        self.tell(step);
        let deadline = now + self.state.rules.pace.healthy_deadline_ms;
        for index in 0..self.state.hosts.len() {
            if self.state.hosts[index].state == TargetState::Pending {
                self.shift(index, TargetState::Staging, step, |h| h.deadline = Some(deadline));
                step.ask(Ask::Prepare, self.state.hosts[index].target.clone());
            }
        }
        true
    }

    /// Waits for every answer, so that everything that is wrong is told, before anything live changes.
    fn prepared(&mut self, now: u64, step: &mut Step) -> bool {
        if self.lookup.tally.preparing > 0 {
            return false;
        }
        if self.fails(now, step) {
            return true;
        }
        match self.state.stages.is_empty() {
            _ if self.state.paused.is_some() => false,
            true => self.finish(step),
            false => self.begin_stage(0, now, step),
        }
    }

    pub(super) fn begin_stage(&mut self, stage: usize, now: u64, step: &mut Step) -> bool {
        (self.state.stage, self.state.cursor, self.state.phase) = (stage, 0, Phase::Moving);
        self.progressed(now);
        let (stages, targets) = (self.state.stages.len(), self.state.stages[stage].targets.len());
        step.changes.push(Change::Stage { stage: stage + 1, stages, targets });
        true
    }

    /// Fails where a budget is exceeded or nothing goes on, and tells whether it just did.
    fn fails(&mut self, now: u64, step: &mut Step) -> bool {
        if self.goes_on() {
            return false;
        }
        let reason = match self.within_budget() {
            Err(reason) => reason.to_string(),
            Ok(()) if self.is_overdue(now) => {
                let within = spoken(self.state.rules.pace.progress_deadline_ms);
                format!("no target became healthy within {within}")
            }
            Ok(()) => return false,
        };
        self.fail(now, reason, step)
    }

    /// Takes everything back, or pauses, as the rules say; tells whether that is news.
    pub(super) fn fail(&mut self, now: u64, reason: String, step: &mut Step) -> bool {
        if self.state.rules.pace.on_failure == OnFailure::RollBack {
            self.roll_back(now, reason, step);
            return true;
        }
        let pause = Pause::Failed { reason };
        if self.state.paused.as_ref() == Some(&pause) {
            return false;
        }
        self.state.paused = Some(pause);
        self.tell(step);
        true
    }

    fn move_on(&mut self, now: u64, step: &mut Step) -> bool {
        self.start_targets(now, step);
        let all_started = self.state.cursor == self.state.stages[self.state.stage].targets.len();
        all_started && self.is_quiet() && self.close_stage(now, step)
    }

    /// Tells whether no target is being moved or taken back.
    pub(super) const fn is_quiet(&self) -> bool {
        self.lookup.tally.moving == 0 && self.lookup.tally.returning == 0
    }

    fn start_targets(&mut self, now: u64, step: &mut Step) {
        let idle = self.state.rules.cutover != Cutover::EachTarget;
        while let Some(index) = self.next_target() {
            if self.state.hosts[index].state == TargetState::Staged {
                if self.one_more_may_move().is_err() {
                    break;
                }
                self.activate(index, now, idle, step);
            }
            self.state.cursor += 1;
        }
    }

    fn next_target(&self) -> Option<usize> {
        let target = self.state.stages[self.state.stage].targets.get(self.state.cursor)?;
        self.lookup.index(target)
    }

    fn activate(&mut self, index: usize, now: u64, idle: bool, step: &mut Step) {
        let deadline = now + self.state.rules.pace.healthy_deadline_ms;
        self.shift(index, TargetState::Activating, step, |host| {
            (host.deadline, host.touched) = (Some(deadline), true);
            host.holds = if idle { Holds::Old } else { Holds::Unknown };
        });
        let ask = if idle { Ask::ActivateIdle } else { Ask::Activate };
        step.ask(ask, self.state.hosts[index].target.clone());
    }

    /// Switches every target that is healthy on its idle slot, all at once.
    pub(super) fn begin_switch(&mut self, now: u64, step: &mut Step) -> bool {
        self.state.phase = Phase::Switching;
        self.progressed(now);
        self.tell(step);
        let deadline = now + self.state.rules.pace.healthy_deadline_ms;
        for index in 0..self.state.hosts.len() {
            if self.state.hosts[index].is_up() {
                self.shift(index, TargetState::Activating, step, |host| {
                    (host.deadline, host.holds) = (Some(deadline), Holds::Unknown);
                });
                step.ask(Ask::Switch, self.state.hosts[index].target.clone());
            }
        }
        true
    }

    fn switched(&mut self, now: u64, step: &mut Step) -> bool {
        let Cutover::Together { keep_ms } = self.state.rules.cutover else {
            return self.finish(step);
        };
        if !self.is_quiet() {
            return false;
        }
        self.state.phase = Phase::Keeping { until: now + keep_ms };
        self.tell(step);
        true
    }
}
