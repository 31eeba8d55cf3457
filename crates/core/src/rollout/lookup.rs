//! What can be computed from the state, and is kept so that a step does not have to.

use std::collections::{BTreeSet, HashMap};

use super::host::Host;
use super::step::{Change, Step};
use super::tally::Tally;
use super::{Rollout, State};
use crate::record::TargetState;
use crate::target::TargetId;

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Lookup {
    places: HashMap<TargetId, usize>,
    pub(super) tally: Tally,
    /// When which host must have answered.
    pub(super) deadlines: BTreeSet<(u64, usize)>,
}

impl Lookup {
    pub(super) fn of(state: &State) -> Self {
        let hosts = state.hosts.iter().enumerate();
        Self {
            places: hosts.clone().map(|(index, host)| (host.target.clone(), index)).collect(),
            tally: Tally::of(state),
            deadlines: hosts.filter_map(|(index, host)| Some((host.deadline?, index))).collect(),
        }
    }

    pub(super) fn index(&self, target: &TargetId) -> Option<usize> {
        self.places.get(target).copied()
    }
}

impl Rollout {
    /// Changes a host, and everything that is known because of it.
    pub(super) fn update(&mut self, index: usize, change: impl FnOnce(&mut Host)) {
        let host = &mut self.state.hosts[index];
        self.lookup.tally.remove(host);
        if let Some(deadline) = host.deadline {
            self.lookup.deadlines.remove(&(deadline, index));
        }
        change(host);
        if let Some(deadline) = host.deadline {
            self.lookup.deadlines.insert((deadline, index));
        }
        let domain = host.domain;
        self.lookup.tally.add(host);
        self.lookup.tally.check(domain, &self.state);
    }

    /// Moves a host to `state`, changes what else belongs to that, and tells it.
    pub(super) fn shift(
        &mut self,
        index: usize,
        state: TargetState,
        step: &mut Step,
        change: impl FnOnce(&mut Host),
    ) {
        self.update(index, |host| {
            (host.state, host.deadline) = (state, None);
            change(host);
        });
        let host = &self.state.hosts[index];
        let (target, error) = (host.target.clone(), host.error.clone());
        step.changes.push(Change::Target { target, state, error });
    }

    /// Adds a host that does not move, and returns its place.
    pub(super) fn add(&mut self, target: TargetId, domain: &str) -> usize {
        let known = self.state.domains.iter().position(|name| name == domain);
        let domain = known.unwrap_or_else(|| {
            self.state.domains.push(domain.to_owned());
            self.lookup.tally.domains.push(crate::budget::Standing::default());
            self.state.domains.len() - 1
        });
        let index = self.state.hosts.len();
        let host = Host::new(target.clone(), None, domain);
        self.lookup.tally.count(&host);
        self.lookup.places.insert(target, index);
        self.state.hosts.push(host);
        index
    }
}
