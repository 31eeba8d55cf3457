//! What must hold after a stage before the next one begins.

use super::phase::{Pause, Phase};
use super::step::{Action, Step};
use super::{GateVerdict, Rollout};
use crate::duration::spoken;
use crate::strategy::{Cutover, Gate};

impl Rollout {
    fn gate(&self) -> &Gate {
        &self.state.stages[self.state.stage].gate
    }

    /// Every target of the stage has its answer: is it watched on?
    pub(super) fn close_stage(&mut self, now: u64, step: &mut Step) -> bool {
        if let Some(reason) = self.too_few_are_good() {
            return self.fail(now, reason, step);
        }
        let bake = self.gate().bake_ms;
        self.state.phase = Phase::Baking { until: now + bake };
        if bake > 0 {
            self.tell(step);
        }
        true
    }

    /// Returns why the share of good targets, of those moved so far, is not reached.
    fn too_few_are_good(&self) -> Option<String> {
        let wanted = self.gate().success?;
        let moved = self.state.stages[..=self.state.stage].iter().flat_map(|s| &s.targets);
        let up: Vec<bool> =
            moved.map(|target| self.host(target).is_some_and(super::host::Host::is_up)).collect();
        let (good, total) = (up.iter().filter(|up| **up).count(), up.len());
        let reached = self.goes_on() || wanted.is_reached_by(good, total);
        (!reached).then(|| format!("{good} of {total} targets are healthy, and {wanted} must be"))
    }

    pub(super) fn baked(&mut self, now: u64, step: &mut Step) -> bool {
        let Some(analysis) = self.gate().analysis.clone() else {
            self.state.phase = Phase::Passing { approved: false };
            return true;
        };
        let stage = self.state.stage;
        let until = now + self.state.rules.pace.progress_deadline_ms;
        self.state.phase = Phase::Analysing { until };
        self.tell(step);
        step.actions.push(Action::Analyse { stage, analysis });
        true
    }

    pub(super) fn on_verdict(
        &mut self,
        now: u64,
        stage: usize,
        verdict: GateVerdict,
        step: &mut Step,
    ) {
        let analysed = matches!(self.state.phase, Phase::Analysing { .. });
        let told = matches!(self.state.paused, Some(Pause::Inconclusive { .. }));
        if !analysed || told || stage != self.state.stage {
            return;
        }
        match verdict {
            GateVerdict::Promote => self.state.phase = Phase::Passing { approved: false },
            GateVerdict::RollBack { reason } => {
                self.fail(now, format!("the analysis says roll back: {reason}"), step);
            }
            GateVerdict::Inconclusive { reason } => self.inconclusive(reason, step),
        }
    }

    /// No verdict is none that promotes.
    pub(super) fn not_analysed(&mut self, step: &mut Step) -> bool {
        let within = spoken(self.state.rules.pace.progress_deadline_ms);
        self.inconclusive(format!("no verdict within {within}"), step);
        true
    }

    fn inconclusive(&mut self, reason: String, step: &mut Step) {
        self.state.paused = Some(Pause::Inconclusive { reason });
        self.tell(step);
    }

    pub(super) fn pass(&mut self, now: u64, approved: bool, step: &mut Step) -> bool {
        if !self.is_quiet() {
            return false;
        }
        if self.gate().approval && !approved {
            self.state.paused = Some(Pause::Approval);
            self.tell(step);
            return true;
        }
        let next = self.state.stage + 1;
        match self.state.rules.cutover {
            _ if next < self.state.stages.len() => self.begin_stage(next, now, step),
            Cutover::Together { .. } => self.begin_switch(now, step),
            Cutover::EachTarget => self.finish(step),
        }
    }
}
