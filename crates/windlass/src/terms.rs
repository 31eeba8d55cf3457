//! The terms on which a plan is carried out: who takes part, how fast, and how many may fail.

use std::collections::BTreeMap;
use std::time::Duration;

use windlass_agent::work::{COMMAND_TIMEOUT, HEALTHY_DEADLINE};
use windlass_core::budget::Budget;
use windlass_core::environment::Environment;
use windlass_core::plan::{Intent, Plan, TargetPlan};
use windlass_core::rollout::Setup;
use windlass_core::strategy::{Cutover, Member, Pace, StrategySpec, Waits};
use windlass_core::target::{Target, TargetId};

/// How long a target must be healthy before it counts, where the strategy does not say. Whoever says
/// nothing waits for the checks themselves and no longer, so that a deployment does not take longer
/// with every stage.
const MIN_HEALTHY: Duration = Duration::ZERO;

/// Returns the terms of `plan`, by what its environment says now; `places` targets are asked at a time.
pub(crate) fn of(plan: &Plan, environment: Option<&Environment>, places: usize) -> Setup {
    let known: BTreeMap<&TargetId, &Target> =
        environment.iter().flat_map(|now| &now.targets).map(|t| (&t.id, t)).collect();
    let member = |target: &&TargetPlan| {
        known.get(&target.id).map_or_else(|| Member::new(target.id.clone()), |t| Member::from(*t))
    };
    let (unchanged, moving): (Vec<_>, Vec<_>) =
        plan.targets.iter().partition(|target| target.is_unchanged());
    let usual = StrategySpec::default();
    let strategy = environment.map_or(&usual, |now| &now.strategy);
    let pace = pace(strategy, moving.len().div_ceil(places.max(1)));
    Setup {
        members: moving.iter().map(member).collect(),
        unchanged: unchanged.iter().map(member).collect(),
        stages: plan.stages.clone(),
        pace: if plan.intent == Intent::Deploy { pace } else { pace.of_rollback() },
        budget: Budget::default(),
        cutover: Cutover::EachTarget,
        approval: false,
        windows: Vec::new(),
    }
}

/// Returns how fast `strategy` goes, where targets wait for up to `rounds` rounds of others.
fn pace(strategy: &StrategySpec, rounds: usize) -> Pace {
    let pace = strategy.strategy().pace();
    let said = waits(strategy).and_then(|waits| waits.min_healthy_ms);
    let min_healthy_ms = said.unwrap_or_else(|| millis(MIN_HEALTHY));
    let rounds = u64::try_from(rounds.max(1)).unwrap_or(u64::MAX);
    let healthy_deadline_ms = answered_by(pace.healthy_deadline_ms).saturating_mul(rounds);
    let progress_deadline_ms = pace.progress_deadline_ms.saturating_mul(rounds);
    // Times are added to the time of day: a wait of ages must stay a number of milliseconds.
    let bounded = |ms: u64| ms.min(u64::MAX / 4);
    Pace {
        min_healthy_ms,
        healthy_deadline_ms: bounded(healthy_deadline_ms),
        progress_deadline_ms: bounded(progress_deadline_ms),
        ..pace
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

const fn waits(strategy: &StrategySpec) -> Option<&Waits> {
    match strategy {
        StrategySpec::Rolling(rolling) => Some(&rolling.waits),
        StrategySpec::Canary(canary) => Some(&canary.waits),
        StrategySpec::BlueGreen(_) => None,
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use windlass_core::strategy::{CanaryDeployment, RollingDeployment};

    use super::*;

    fn rolling(waits: Waits) -> StrategySpec {
        StrategySpec::Rolling(RollingDeployment { waits, ..RollingDeployment::default() })
    }

    #[test]
    fn who_says_nothing_waits_for_the_checks_themselves() {
        assert_eq!(pace(&StrategySpec::default(), 1).min_healthy_ms, 0);
        let waits = Waits { min_healthy_ms: Some(7), ..Waits::default() };
        assert_eq!(pace(&rolling(waits.clone()), 1).min_healthy_ms, 7);
        let canary = CanaryDeployment { waits, ..CanaryDeployment::default() };
        assert_eq!(pace(&StrategySpec::Canary(canary), 1).min_healthy_ms, 7);
    }

    #[test]
    fn a_deadline_is_no_shorter_than_what_a_target_takes_to_answer() {
        let deadline = |ms, rounds| {
            let waits = Waits { healthy_deadline_ms: Some(ms), ..Waits::default() };
            pace(&rolling(waits), rounds).healthy_deadline_ms
        };
        assert_eq!(deadline(30_000, 1), 30_000);
        assert_eq!(deadline(30_000, 3), 90_000);
        assert_eq!(deadline(300_000, 1), 420_000);
        assert_eq!(deadline(u64::MAX, 3), u64::MAX / 4);
    }
}
