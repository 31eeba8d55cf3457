//! The way back: every target that was touched, at once and without the waits of the way forward.

use super::phase::Phase;
use super::step::Step;
use super::{Ending, Rollout};
use crate::record::TargetState;

impl Rollout {
    /// Takes back every target that was touched. One that is being switched is taken back as soon as it
    /// has answered, or its deadline has passed. A rollout that goes on past failures stops.
    pub(super) fn roll_back(&mut self, now: u64, reason: String, step: &mut Step) {
        self.state.reason = Some(reason);
        self.state.paused = None;
        self.state.phase = Phase::RollingBack;
        let touched: Vec<usize> = self.touched().collect();
        if touched.is_empty() || self.goes_on() {
            return;
        }
        self.tell(step);
        for index in touched {
            let state = self.state.hosts[index].state;
            if !matches!(state, TargetState::Activating | TargetState::RollingBack) {
                self.take_back(now, index, step);
            }
        }
    }

    /// Ends it, once every target that was touched has answered.
    pub(super) fn returned(&mut self, step: &mut Step) -> bool {
        if !self.is_quiet() {
            return false;
        }
        if self.goes_on() {
            return self.finish(step);
        }
        let lost = self.touched().next().is_some();
        let moved = self.state.hosts.iter().any(|host| host.state == TargetState::RolledBack);
        self.end(
            match (lost, moved) {
                (true, _) => Ending::RollbackFailed,
                (false, true) => Ending::RolledBack,
                (false, false) => Ending::Failed,
            },
            step,
        )
    }

    fn touched(&self) -> impl Iterator<Item = usize> {
        let hosts = self.state.hosts.iter().enumerate();
        hosts.filter(|(_, host)| host.touched).map(|(index, _)| index)
    }
}
