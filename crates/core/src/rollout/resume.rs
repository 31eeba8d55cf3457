//! Going on after the driver died.

use super::Rollout;
use super::phase::Phase;
use super::step::{Action, Ask, Step};
use crate::record::TargetState;
use crate::strategy::Cutover;

impl Rollout {
    /// Returns everything that was asked and not answered, to be asked again, and what is due. Each of
    /// these can be done twice. Deadlines stay; only health has to be shown again from the beginning,
    /// since nobody looked in between.
    pub fn resume(&mut self, now_ms: u64) -> Step {
        let mut step = Step::default();
        let now = self.observe(now_ms);
        self.state.wake = None;
        if let Phase::Ended { .. } = self.state.phase {
            step.actions.extend(self.outcome().map(|outcome| Action::Finish { outcome }));
            return step;
        }
        for index in 0..self.state.hosts.len() {
            self.update(index, |host| (host.good_since, host.bad_probes) = (None, 0));
        }
        let asked: Vec<_> = (0..self.state.hosts.len()).map(|index| self.pending(index)).collect();
        self.expire(now, &mut step);
        while self.advance(now, &mut step) {}
        for (index, asked) in asked.into_iter().enumerate() {
            let state = self.state.hosts[index].state;
            let recalled = self.state.phase == Phase::RollingBack && !self.goes_on();
            if recalled && state == TargetState::Activating {
                // Nobody waits for its answer any more.
                self.take_back(now, index, &mut step);
            } else if let Some(ask) = asked.filter(|ask| self.pending(index) == Some(*ask)) {
                step.ask(ask, self.state.hosts[index].target.clone());
            }
        }
        if let (Phase::Analysing { .. }, None) = (self.state.phase, &self.state.paused) {
            let stage = self.state.stage;
            let analysis = self.state.stages[stage].gate.analysis.clone();
            step.actions.extend(analysis.map(|analysis| Action::Analyse { stage, analysis }));
        }
        self.settle(now, &mut step);
        step
    }

    fn pending(&self, index: usize) -> Option<Ask> {
        match self.state.hosts[index].state {
            TargetState::Staging => Some(Ask::Prepare),
            TargetState::Activating if self.state.phase == Phase::Switching => Some(Ask::Switch),
            TargetState::Activating => match self.state.rules.cutover {
                Cutover::EachTarget => Some(Ask::Activate),
                Cutover::Together { .. } => Some(self.switch_or_idle(index)),
            },
            TargetState::Probing | TargetState::Healthy | TargetState::NotChecked => {
                Some(Ask::Probe)
            }
            TargetState::RollingBack => Some(Ask::TakeBack),
            _ => None,
        }
    }

    /// A target whose switch is unanswered may serve either slot; one that is only brought up on its
    /// idle slot serves the old one.
    fn switch_or_idle(&self, index: usize) -> Ask {
        match self.state.hosts[index].holds {
            super::Holds::Old => Ask::ActivateIdle,
            super::Holds::New | super::Holds::Unknown => Ask::Switch,
        }
    }
}
