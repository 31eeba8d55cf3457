//! Rollouts on made-up hosts and a clock that jumps: hours pass, and nobody waits.

mod world;

use windlass_core::budget::{Allowance, Budget};
use windlass_core::event::Event;
use windlass_core::plan::Intent;
use windlass_core::record::{DeploymentId, DeploymentStatus, Outcome, TargetState};
use windlass_core::rollout::{Command, Pause, Progress, Refusal};
use windlass_core::strategy::{
    Amount, CanaryDeployment, DeploymentStrategy, RollingDeployment, Waits,
};

use super::inbox::Reply;
use world::{Fault, World};

const SECOND: u64 = 1_000;

fn rolling(parallel: u32, waits: Waits) -> RollingDeployment {
    RollingDeployment { waits, ..RollingDeployment::of(Amount::Count(parallel)) }
}

fn at_once(parallel: u32) -> RollingDeployment {
    rolling(parallel, Waits { min_healthy_ms: Some(0), ..Waits::default() })
}

#[tokio::test]
async fn a_good_release_reaches_every_target_in_stages() {
    let mut world = World::new(&at_once(2), 5);
    let record = world.run().await;
    assert_eq!(record.status, DeploymentStatus::Success);
    assert!(record.targets.iter().all(|t| t.state == TargetState::Healthy && t.release == t.to));
    let stages = world.events().into_iter().filter_map(|event| match event {
        Event::StageStarted { stage, stages, targets } => Some((stage, stages, targets.len())),
        _ => None,
    });
    assert_eq!(stages.collect::<Vec<_>>(), [(1, 3, 2), (2, 3, 2), (3, 3, 1)]);
    assert!(world.most_at_once() <= 2);
}

#[tokio::test]
async fn health_must_last_without_a_break() {
    let waits = Waits { min_healthy_ms: Some(10 * SECOND), ..Waits::default() };
    let mut world = World::new(&rolling(1, waits.clone()), 2);
    let record = world.run().await;
    assert_eq!(record.status, DeploymentStatus::Success);
    assert_eq!(world.elapsed_ms(), 20 * SECOND);

    let mut world = World::new(&rolling(1, waits), 2);
    world.fault(0, Fault::BadProbes { from_ms: 4 * SECOND, to_ms: 6 * SECOND });
    let record = world.run().await;
    assert_eq!(record.status, DeploymentStatus::Success);
    assert!(world.elapsed_ms() >= 26 * SECOND, "{}", world.elapsed_ms());
}

#[tokio::test]
async fn who_is_never_healthy_for_long_enough_is_taken_back_at_the_deadline() {
    let waits = Waits {
        min_healthy_ms: Some(10 * SECOND),
        healthy_deadline_ms: Some(30 * SECOND),
        ..Waits::default()
    };
    let mut world = World::new(&rolling(1, waits), 2);
    world.fault(0, Fault::BadProbes { from_ms: SECOND, to_ms: u64::MAX });
    let record = world.run().await;
    assert_eq!(record.outcome(), Outcome::RolledBack);
    let error = record.error.unwrap_or_default();
    assert_eq!(error, "h0: not healthy within 30s: a health check failed");
    assert_eq!(world.elapsed_ms(), 30 * SECOND);
    assert_eq!(record.targets[1].state, TargetState::Staged);
}

#[tokio::test]
async fn a_target_that_hangs_is_given_up_and_named() {
    let waits = Waits { healthy_deadline_ms: Some(30 * SECOND), ..Waits::default() };
    let mut world = World::new(&rolling(2, waits), 2);
    world.fault(1, Fault::Hangs);
    let record = world.run().await;
    assert_eq!(record.outcome(), Outcome::RolledBack);
    assert_eq!(record.error.as_deref(), Some("h1: no answer within 30s"));
    assert!(record.targets.iter().all(|target| target.release == target.from));
}

#[tokio::test]
async fn a_stage_is_watched_before_the_next_begins() {
    let bake = RollingDeployment { bake_ms: Some(60 * SECOND), ..at_once(1) };
    let mut world = World::new(&bake, 2);
    let record = world.run().await;
    assert_eq!(record.status, DeploymentStatus::Success);
    assert_eq!(world.elapsed_ms(), 120 * SECOND);

    let mut world = World::new(&bake, 2);
    world.fault(0, Fault::BadProbes { from_ms: 20 * SECOND, to_ms: u64::MAX });
    let record = world.run().await;
    assert_eq!(record.outcome(), Outcome::RolledBack);
    assert_eq!(record.targets[1].state, TargetState::Staged, "the next stage never began");
    assert!(world.elapsed_ms() < 60 * SECOND);
}

#[tokio::test]
async fn a_budget_tolerates_what_it_says() {
    for (bad, status) in [(1, DeploymentStatus::Failed), (2, DeploymentStatus::RolledBack)] {
        let mut world = World::new(&at_once(2), 8);
        world.setup.budget.fleet = Allowance::Count(1);
        (0..bad).for_each(|nth| world.fault(nth, Fault::Unhealthy));
        let record = world.run().await;
        assert_eq!(record.status, status, "{bad}");
        let error = record.error.clone().unwrap_or_default();
        assert!(error.starts_with("h0: "), "{error}");
        let moved = record.targets.iter().filter(|t| t.release == t.to).count();
        assert_eq!(moved, if bad == 1 { 7 } else { 0 });
        assert_eq!(error.contains("the budget is 1"), bad == 2, "{error}");
        let outcome = if bad == 1 { Outcome::NotWhollyRolledBack } else { Outcome::RolledBack };
        assert_eq!(record.outcome(), outcome);
    }
}

#[tokio::test]
async fn a_failure_domain_has_a_budget_of_its_own() {
    let mut world = World::new(&at_once(2), 8);
    world.setup.budget = Budget {
        fleet: Allowance::Percent(100),
        domain: Some(Allowance::NONE),
        by: Some("zone".to_owned()),
        canary: Allowance::NONE,
    };
    world.fault(1, Fault::Unhealthy);
    let record = world.run().await;
    assert_eq!(record.outcome(), Outcome::RolledBack);
    assert!(record.error.unwrap_or_default().contains("targets of domain us are bad"));
}

#[tokio::test]
async fn a_bad_canary_stops_the_rollout_at_its_first_stage() {
    let canary = CanaryDeployment::default();
    let mut world = World::new(&canary, 20);
    world.setup.budget.fleet = Allowance::Percent(100);
    world.fault(1, Fault::Unhealthy);
    let record = world.run().await;
    assert_eq!(record.outcome(), Outcome::RolledBack);
    assert!(record.targets[2..].iter().all(|target| target.state == TargetState::Staged));
    assert!(record.error.unwrap_or_default().contains("of the canaries are bad"));

    let mut world = World::new(&canary, 20);
    assert_eq!(world.run().await.status, DeploymentStatus::Success);
}

#[tokio::test]
async fn a_stop_while_a_stage_is_watched_takes_back_at_once() {
    let bake = RollingDeployment { bake_ms: Some(3_600 * SECOND), ..at_once(1) };
    let mut world = World::new(&bake, 2);
    world.stop_at(90 * SECOND);
    let record = world.run().await;
    assert_eq!(record.status, DeploymentStatus::RolledBack);
    assert_eq!(record.error.as_deref(), Some("stopped by the operator"));
    assert_eq!(world.elapsed_ms(), 90 * SECOND);
}

#[tokio::test]
async fn a_stop_that_is_asked_for_beforehand_changes_nothing() {
    let mut world = World::new(&at_once(1), 3);
    world.stop.stop();
    let record = world.run().await;
    assert_eq!(record.outcome(), Outcome::NothingChanged);
    assert_eq!(record.error.as_deref(), Some("stopped by the operator"));
    assert!(record.targets.iter().all(|target| target.state == TargetState::Staged));
}

#[tokio::test]
async fn a_rollback_waits_for_nothing_and_goes_on_past_failures() {
    let waits = Waits { min_healthy_ms: Some(60 * SECOND), ..Waits::default() };
    let strategy = rolling(1, waits);
    let mut world = World::new(&strategy, 3);
    let deployment = DeploymentId::new("deploy_staging_1").expect("an id");
    world.plan.intent = Intent::Undo { deployment };
    world.setup.pace = strategy.pace().of_rollback();
    world.fault(0, Fault::Unhealthy);
    let record = world.run().await;
    assert_eq!(record.status, DeploymentStatus::Failed);
    let states: Vec<_> = record.targets.iter().map(|target| target.state).collect();
    assert_eq!(states, [TargetState::Unhealthy, TargetState::Healthy, TargetState::Healthy]);
    assert_eq!(world.elapsed_ms(), 0);
}

#[tokio::test]
async fn a_host_that_panics_has_answered() {
    let mut world = World::new(&at_once(1), 2);
    world.fault(0, Fault::Panics);
    let record = world.run().await;
    let told = "h0: work on the target ended without an answer: no answer";
    assert_eq!(record.error.as_deref(), Some(told));
}

#[tokio::test]
async fn stages_that_are_unsound_are_refused() {
    let mut world = World::new(&at_once(1), 2);
    world.setup.stages.pop();
    let errors = world.try_run().await.expect_err("a target is in no stage");
    assert_eq!(errors[0].to_string(), "target h1 is in no stage");
}

#[tokio::test]
async fn another_process_goes_on_where_the_one_before_died() {
    let bake = RollingDeployment { bake_ms: Some(60 * SECOND), ..at_once(1) };
    for at in [10, 50, 70, 110] {
        let mut world = World::new(&bake, 2);
        world.die_at(at * SECOND).await;
        let record = world.resume().await;
        assert_eq!(record.status, DeploymentStatus::Success, "{at}");
        assert!(record.targets.iter().all(|target| target.release == target.to), "{at}");
        assert_eq!(world.elapsed_ms(), 120 * SECOND, "the times are those of the beginning");
    }
}

#[tokio::test]
async fn what_was_due_while_nobody_drove_is_made_up_for() {
    let waits = Waits { healthy_deadline_ms: Some(30 * SECOND), ..Waits::default() };
    let mut world = World::new(&rolling(2, waits), 4);
    world.fault(1, Fault::Hangs);
    world.die_at(10 * SECOND).await;
    world.pass(60 * SECOND);
    let record = world.resume().await;
    assert_eq!(record.outcome(), Outcome::RolledBack);
    assert!(record.targets.iter().all(|target| target.release == target.from));
    assert!(record.error.unwrap_or_default().contains("h1: no answer within 30s"));
}

#[tokio::test]
async fn people_pause_resume_and_promote_from_another_terminal() {
    let bake = RollingDeployment { bake_ms: Some(100 * SECOND), ..at_once(1) };
    let mut world = World::new(&bake, 2);
    let asked = [
        (10 * SECOND, Command::Resume),
        (20 * SECOND, Command::Pause),
        (30 * SECOND, Command::Pause),
        (200 * SECOND, Command::Promote),
        (210 * SECOND, Command::Promote),
    ];
    let (record, replies) = world.run_asked(&asked).await;
    assert_eq!(record.status, DeploymentStatus::Success);
    let paused = Progress::Paused(Pause::ByHand);
    assert_eq!(
        replies[..3],
        [
            Reply::Refused(Refusal::NotPaused),
            Reply::Done(paused),
            Reply::Refused(Refusal::Paused(Pause::ByHand)),
        ]
    );
    assert!(matches!(replies[3], Reply::Done(_)), "{:?}", replies[3]);
    let elapsed = world.elapsed_ms();
    assert!((210 * SECOND..212 * SECOND).contains(&elapsed), "{elapsed}");
    let told = world.events().into_iter().filter_map(|event| match event {
        Event::Warning { message, .. } => Some(message),
        _ => None,
    });
    assert!(told.collect::<Vec<_>>().contains(&"the rollout is paused by hand".to_owned()));
}

#[tokio::test]
async fn people_abort_from_another_terminal() {
    let bake = RollingDeployment { bake_ms: Some(3_600 * SECOND), ..at_once(1) };
    let mut world = World::new(&bake, 2);
    let (record, _) = world.run_asked(&[(60 * SECOND, Command::Abort)]).await;
    assert_eq!(record.outcome(), Outcome::RolledBack);
    assert_eq!(record.error.as_deref(), Some("aborted by a person"));
}

#[tokio::test]
async fn a_gate_waits_for_its_approval() {
    let canary = CanaryDeployment { approval: true, ..CanaryDeployment::default() };
    let mut world = World::new(&canary, 4);
    let asked = [(100 * SECOND, Command::Resume), (200 * SECOND, Command::Approve)];
    let (record, replies) = world.run_asked(&asked).await;
    assert_eq!(record.status, DeploymentStatus::Success);
    assert_eq!(replies[0], Reply::Refused(Refusal::Paused(Pause::Approval)));
    assert!(world.elapsed_ms() >= 200 * SECOND);
}

#[tokio::test]
async fn without_automatic_rollback_a_failure_waits_for_a_person() {
    let waits = Waits { auto_rollback: Some(false), ..Waits::default() };
    let mut world = World::new(&rolling(1, waits), 2);
    world.fault(0, Fault::Unhealthy);
    let (record, _) = world.run_asked(&[(100 * SECOND, Command::Abort)]).await;
    assert_eq!(record.outcome(), Outcome::RolledBack);
    assert!(record.error.unwrap_or_default().starts_with("h0: "));
}

#[tokio::test]
async fn an_abort_while_targets_are_prepared_waits_until_all_have_answered() {
    let mut world = World::new(&at_once(1), 3);
    world.prepare_takes(10 * SECOND);
    let (record, _) = world.run_asked(&[(SECOND, Command::Abort)]).await;
    assert_eq!(record.outcome(), Outcome::NothingChanged);
    assert_eq!(record.error.as_deref(), Some("aborted by a person"));
    assert!(record.targets.iter().all(|target| target.state == TargetState::Staged));
}
