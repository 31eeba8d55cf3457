//! One target of a rollout.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Setup;
use crate::record::TargetState;
use crate::strategy::Member;
use crate::target::TargetId;

/// Which release a target serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Holds {
    /// The one before the rollout.
    Old,
    /// The one that is rolled out.
    New,
    /// One of the two: it did not answer when it was to be switched.
    Unknown,
}

/// A target, and how it is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Host {
    /// The target.
    pub target: TargetId,
    /// Where it is in the rollout.
    pub state: TargetState,
    /// Which release it serves.
    pub holds: Holds,
    /// Whether it failed, was unhealthy or could not be reached at any time of the rollout: that uses
    /// up the budget, also once it was taken back.
    #[serde(default)]
    pub bad: bool,
    /// What went wrong last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether there is something to take back.
    #[serde(default)]
    pub touched: bool,
    /// The stage that it is in, from 0; none where it does not move.
    pub(super) stage: Option<usize>,
    pub(super) domain: usize,
    /// When it must have answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deadline: Option<u64>,
    /// Since when every probe was good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) good_since: Option<u64>,
    /// How many probes in a row were bad.
    #[serde(default)]
    pub(super) bad_probes: u32,
}

impl Host {
    pub(super) fn new(target: TargetId, stage: Option<usize>, domain: usize) -> Self {
        Self {
            target,
            state: if stage.is_some() { TargetState::Pending } else { TargetState::Unchanged },
            holds: Holds::Old,
            bad: false,
            error: None,
            touched: false,
            stage,
            domain,
            deadline: None,
            good_since: None,
            bad_probes: 0,
        }
    }

    /// Tells whether it does not serve: it is being moved or taken back, is not healthy, or cannot be
    /// reached. What only happens on an idle slot does not count.
    #[must_use]
    pub fn is_down(&self) -> bool {
        use TargetState as S;
        match self.state {
            S::Unreachable | S::RollbackFailed => true,
            S::Activating | S::Probing | S::Unhealthy | S::RollingBack => self.holds != Holds::Old,
            _ => false,
        }
    }

    /// Tells whether it was switched, or brought up, and nothing is said against it.
    pub(super) const fn is_up(&self) -> bool {
        matches!(self.state, TargetState::Healthy | TargetState::NotChecked)
    }
}

/// Returns all hosts of `setup`, and adds the names of their failure domains to `domains`.
pub(super) fn all(setup: &Setup, domains: &mut Vec<String>) -> Vec<Host> {
    let mut stages = BTreeMap::new();
    for (nth, stage) in setup.stages.iter().enumerate() {
        stages.extend(stage.targets.iter().map(|target| (target, nth)));
    }
    let mut known = BTreeMap::new();
    let members = setup.members.iter().chain(&setup.unchanged);
    members
        .map(|member| {
            let domain = domain_of(member, setup.budget.by.as_deref());
            let place = *known.entry(domain).or_insert_with(|| {
                domains.push(domain.to_owned());
                domains.len() - 1
            });
            Host::new(member.id.clone(), stages.get(&member.id).copied(), place)
        })
        .collect()
}

/// Returns the failure domain of a member by the label `by`.
pub(super) fn domain_of<'m>(member: &'m Member, by: Option<&str>) -> &'m str {
    by.map_or("", |by| member.domain(by))
}
