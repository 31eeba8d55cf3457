//! What happens when nothing does: every wait has an end.

use super::step::{Action, Step};
use super::{HostEvent, Rollout};
use crate::duration::spoken;
use crate::record::TargetState;

impl Rollout {
    /// Ends every wait for a host that is over.
    pub(super) fn expire(&mut self, now: u64, step: &mut Step) {
        while let Some(&(deadline, index)) = self.lookup.deadlines.first() {
            if deadline > now {
                break;
            }
            let within = spoken(self.state.rules.pace.healthy_deadline_ms);
            let error = format!("no answer within {within}");
            match self.state.hosts[index].state {
                TargetState::Probing => {
                    self.unhealthy(
                        now,
                        index,
                        unhealthy_for(&within, self.last_error(index)),
                        step,
                    );
                }
                TargetState::RollingBack => {
                    self.on_event(now, index, HostEvent::RestoreFailed { error }, step);
                }
                _ => self.on_event(now, index, HostEvent::Unreachable { error }, step),
            }
            // A host keeps no deadline that is over, whatever its state.
            self.update(index, |host| host.deadline = host.deadline.filter(|at| *at > now));
        }
    }

    /// Asks the driver to come back when the next wait is over.
    pub(super) fn ask_to_wake(&mut self, step: &mut Step) {
        let next = self.next_deadline();
        if next != self.state.wake {
            self.state.wake = next;
            step.actions.extend(next.map(|at_ms| Action::Wake { at_ms }));
        }
    }

    fn next_deadline(&self) -> Option<u64> {
        let host = self.lookup.deadlines.first().map(|(deadline, _)| *deadline);
        let free = self.state.paused.is_none();
        let phase = self.state.phase.until().filter(|_| free);
        let progress = self.state.progress_until.filter(|_| free && self.watches_progress());
        [host, phase, progress].into_iter().flatten().min()
    }

    /// Starts the time anew within which a target must become healthy.
    pub(super) fn progressed(&mut self, now: u64) {
        self.state.progress_until = Some(now + self.state.rules.pace.progress_deadline_ms);
    }

    /// Tells whether no target became healthy for too long.
    pub(super) fn is_overdue(&self, now: u64) -> bool {
        self.watches_progress() && self.state.progress_until.is_some_and(|until| until <= now)
    }

    /// Where a failure changes nothing, the deadlines of the hosts are enough.
    fn watches_progress(&self) -> bool {
        self.state.phase.is_progressing() && !self.goes_on() && self.state.paused.is_none()
    }

    fn last_error(&self, index: usize) -> Option<&str> {
        self.state.hosts[index].error.as_deref()
    }
}

fn unhealthy_for(within: &str, error: Option<&str>) -> String {
    match error {
        Some(error) => format!("not healthy within {within}: {error}"),
        None => format!("not healthy within {within}"),
    }
}
