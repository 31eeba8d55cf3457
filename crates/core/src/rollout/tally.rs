//! How many targets are in which condition, kept up to date with each change of one: what a step
//! costs does not depend on how many targets there are.

use super::State;
use super::host::Host;
use crate::budget::Standing;
use crate::record::TargetState;

#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Tally {
    pub(super) fleet: Standing,
    pub(super) domains: Vec<Standing>,
    /// How many targets of each stage are bad.
    pub(super) stages: Vec<usize>,
    /// How many are being staged.
    pub(super) preparing: usize,
    /// How many are being activated or probed.
    pub(super) moving: usize,
    /// How many are being taken back.
    pub(super) returning: usize,
    /// A domain with more bad targets than it may have, and how many it may.
    pub(super) exceeded: Option<(usize, usize)>,
}

impl Tally {
    pub(super) fn of(state: &State) -> Self {
        let domains = vec![Standing::default(); state.domains.len()];
        let mut tally = Self { domains, stages: vec![0; state.stages.len()], ..Self::default() };
        for host in &state.hosts {
            tally.count(host);
        }
        for domain in 0..state.domains.len() {
            tally.check(domain, state);
        }
        tally
    }

    /// Counts a host that was not there before.
    pub(super) fn count(&mut self, host: &Host) {
        self.fleet.total += 1;
        self.domains[host.domain].total += 1;
        self.add(host);
    }

    pub(super) fn add(&mut self, host: &Host) {
        for standing in [&mut self.fleet, &mut self.domains[host.domain]] {
            standing.bad += usize::from(host.bad);
            standing.down += usize::from(host.is_down());
        }
        if let Some(stage) = host.stage {
            self.stages[stage] += usize::from(host.bad);
        }
        if let Some(work) = self.work(host.state) {
            *work += 1;
        }
    }

    pub(super) fn remove(&mut self, host: &Host) {
        for standing in [&mut self.fleet, &mut self.domains[host.domain]] {
            standing.bad -= usize::from(host.bad);
            standing.down -= usize::from(host.is_down());
        }
        if let Some(stage) = host.stage {
            self.stages[stage] -= usize::from(host.bad);
        }
        if let Some(work) = self.work(host.state) {
            *work -= 1;
        }
    }

    /// Looks whether `domain` has more bad targets than it may. What is used up never comes back.
    pub(super) fn check(&mut self, domain: usize, state: &State) {
        let Some(allowance) = state.rules.budget.domain else { return };
        let standing = self.domains[domain];
        let limit = allowance.of(standing.total);
        if standing.bad > limit && self.exceeded.is_none() {
            self.exceeded = Some((domain, limit));
        }
    }

    fn work(&mut self, state: TargetState) -> Option<&mut usize> {
        match state {
            TargetState::Staging => Some(&mut self.preparing),
            TargetState::Activating | TargetState::Probing => Some(&mut self.moving),
            TargetState::RollingBack => Some(&mut self.returning),
            _ => None,
        }
    }
}
