//! The terms on which a plan is carried out: who takes part, how fast, and how many may fail.

use std::collections::BTreeMap;
use std::time::Duration;

use windlass_agent::work::{COMMAND_TIMEOUT, HEALTHY_DEADLINE};
use windlass_core::environment::Environment;
use windlass_core::plan::{Plan, TargetPlan};
use windlass_core::rollout::Setup;
use windlass_core::strategy::{Member, Pace};
use windlass_core::target::{Target, TargetId};

/// Returns the terms of `plan`; what its targets are labelled with is what the environment says now, and
/// `places` of them are asked at a time.
pub(crate) fn of(plan: &Plan, environment: Option<&Environment>, places: usize) -> Setup {
    let known: BTreeMap<&TargetId, &Target> =
        environment.iter().flat_map(|now| &now.targets).map(|t| (&t.id, t)).collect();
    let member = |target: &&TargetPlan| {
        known.get(&target.id).map_or_else(|| Member::new(target.id.clone()), |t| Member::from(*t))
    };
    let (unchanged, moving): (Vec<_>, Vec<_>) =
        plan.targets.iter().partition(|target| target.is_unchanged());
    Setup {
        members: moving.iter().map(member).collect(),
        unchanged: unchanged.iter().map(member).collect(),
        stages: plan.stages.clone(),
        pace: patient(&plan.pace, moving.len().div_ceil(places.max(1))),
        budget: plan.budget.clone(),
        cutover: plan.cutover,
        approval: false,
        windows: Vec::new(),
    }
}

/// Returns `pace` with deadlines that can be met where targets wait for up to `rounds` rounds of others.
fn patient(pace: &Pace, rounds: usize) -> Pace {
    let rounds = u64::try_from(rounds.max(1)).unwrap_or(u64::MAX);
    // Times are added to the time of day: a wait of ages must stay a number of milliseconds.
    let within = |ms: u64| ms.saturating_mul(rounds).min(u64::MAX / 4);
    Pace {
        healthy_deadline_ms: within(answered_by(pace.healthy_deadline_ms)),
        progress_deadline_ms: within(pace.progress_deadline_ms),
        ..pace.clone()
    }
}

/// Returns within how many milliseconds a target must have answered. It waits for its checks as long
/// as it is made to itself, after the reload: its own answer, which says why, is not forestalled.
fn answered_by(deadline_ms: u64) -> u64 {
    let own = millis(HEALTHY_DEADLINE);
    if deadline_ms < own {
        deadline_ms
    } else {
        deadline_ms.saturating_add(millis(COMMAND_TIMEOUT))
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_is_no_shorter_than_what_a_target_takes_to_answer() {
        let deadline = |ms, rounds| {
            let pace = Pace { healthy_deadline_ms: ms, ..Pace::default() };
            patient(&pace, rounds).healthy_deadline_ms
        };
        assert_eq!(deadline(30_000, 1), 30_000);
        assert_eq!(deadline(30_000, 3), 90_000);
        assert_eq!(deadline(300_000, 1), 420_000);
        assert_eq!(deadline(u64::MAX, 3), u64::MAX / 4);
    }
}
