//! Rollouts on a virtual clock: made-up hosts, chosen and random faults.

mod random;
mod world;

use super::*;
use crate::budget::Allowance;
use crate::strategy::{
    Amount, BlueGreenDeployment, CanaryDeployment, RollingDeployment, StrategySpec,
};
use world::{Fault, World};

fn fleet(total: usize) -> Vec<Member> {
    (0..total).map(|n| Member::new(TargetId::new(format!("h{n}")))).collect()
}

/// Returns a rollout that takes a target for healthy after ten seconds.
fn setup(strategy: &dyn DeploymentStrategy, total: usize) -> Setup {
    let setup = Setup::of(strategy, fleet(total));
    Setup { pace: Pace { min_healthy_ms: 10_000, ..setup.pace.clone() }, ..setup }
}

fn each_strategy() -> [StrategySpec; 3] {
    [
        StrategySpec::Rolling(RollingDeployment::of(Amount::Count(2))),
        StrategySpec::Canary(CanaryDeployment { bake_ms: 5_000, ..CanaryDeployment::default() }),
        StrategySpec::BlueGreen(BlueGreenDeployment::default()),
    ]
}

fn ending(spec: &StrategySpec, faults: &[(usize, Fault)]) -> Ending {
    let mut world = World::new(setup(spec.strategy(), 8));
    world.faults.extend(faults.iter().copied());
    world.run()
}

#[test]
fn a_good_release_reaches_every_target() {
    for spec in each_strategy() {
        assert_eq!(ending(&spec, &[]), Ending::Succeeded, "{spec:?}");
    }
}

#[test]
fn one_bad_target_takes_everything_back() {
    for spec in each_strategy() {
        for host in [0, 7] {
            for fault in [Fault::Unhealthy, Fault::Flapping, Fault::FailsActivation, Fault::Silent]
            {
                let ending = ending(&spec, &[(host, fault)]);
                assert_eq!(ending, Ending::RolledBack, "{spec:?} {host} {fault:?}");
            }
        }
    }
}

#[test]
fn what_fails_before_the_switch_changes_nothing() {
    for spec in each_strategy() {
        for fault in [Fault::FailsStaging, Fault::Unreachable] {
            assert_eq!(ending(&spec, &[(3, fault)]), Ending::Failed, "{spec:?} {fault:?}");
        }
    }
}

#[test]
fn what_cannot_be_taken_back_is_named() {
    let spec = &each_strategy()[0];
    let mut world = World::new(setup(spec.strategy(), 8));
    world.faults.extend([(0, Fault::NotRestored), (7, Fault::Unhealthy)]);
    assert_eq!(world.run(), Ending::RollbackFailed);
    let outcome = world.rollout.outcome().expect("it ended");
    let names: Vec<_> = outcome.exceptions.iter().map(|e| e.target.as_str()).collect();
    assert_eq!(names, ["h0", "h7"]);
}

#[test]
fn a_budget_tolerates_what_it_says_and_names_it() {
    let rolling = RollingDeployment::of(Amount::Count(2));
    for (faults, expected) in [(1, Ending::Partial), (2, Ending::RolledBack)] {
        let mut setup = setup(&rolling, 8);
        setup.budget.fleet = Allowance::Count(1);
        let mut world = World::new(setup);
        world.faults.extend((0..faults).map(|host| (host, Fault::Unhealthy)));
        assert_eq!(world.run(), expected);
    }
}

#[test]
fn canaries_have_a_budget_of_none() {
    let mut setup = setup(&CanaryDeployment::default(), 20);
    setup.budget.fleet = Allowance::Percent(100);
    let mut world = World::new(setup);
    world.faults.insert(1, Fault::Unhealthy);
    assert_eq!(world.run(), Ending::RolledBack);
    let reason = world.rollout.reason().expect("a reason");
    assert_eq!(reason, "1 of 2 targets of the canaries are bad, and the budget is 0");
}

#[test]
fn a_domain_has_a_budget_of_its_own() {
    let zone = |n: usize| ["eu", "us"][n % 2];
    let member = |n: usize| Member::new(TargetId::new(format!("h{n}"))).labelled("zone", zone(n));
    let mut setup = Setup::of(&RollingDeployment::default(), (0..8).map(member).collect());
    setup.budget = Budget {
        fleet: Allowance::Percent(100),
        domain: Some(Allowance::NONE),
        by: Some("zone".to_owned()),
        canary: Allowance::NONE,
    };
    let mut world = World::new(setup);
    world.faults.insert(1, Fault::Unhealthy);
    assert_eq!(world.run(), Ending::RolledBack);
    assert!(world.rollout.reason().is_some_and(|reason| reason.contains("domain us")));
}

#[test]
fn whether_a_target_may_go_down_has_a_reason() {
    let mut world = World::new(setup(&RollingDeployment::of(Amount::Count(1)), 3));
    world.until(|rollout| rollout.lookup.tally.moving == 1);
    let told = |name: &str| {
        let answer = world.rollout.may_go_down(&TargetId::new(name));
        answer.expect_err("one is down").to_string()
    };
    assert_eq!(told("h0"), "the target is activating");
    assert_eq!(told("h1"), "1 of 3 targets are down, and 1 may be");
}

#[test]
fn without_a_verdict_nothing_is_promoted() {
    let analysis = Some("errors".to_owned());
    let canary = CanaryDeployment { analysis, ..CanaryDeployment::default() };
    let mut world = World::new(setup(&canary, 8));
    world.verdict = None;
    world.until(|rollout| matches!(rollout.progress(), Progress::Paused(_)));
    let Progress::Paused(pause) = world.rollout.progress() else { panic!("paused") };
    assert_eq!(pause.to_string(), "inconclusive: no verdict within 10m");
    world.verdict = Some(GateVerdict::Promote);
    world.command(Command::Promote).expect("it is paused");
    assert_eq!(world.run(), Ending::Succeeded);
}

#[test]
fn a_bad_verdict_takes_back() {
    let analysis = Some("errors".to_owned());
    let canary = CanaryDeployment { analysis, ..CanaryDeployment::default() };
    let mut world = World::new(setup(&canary, 8));
    world.verdict = Some(GateVerdict::RollBack { reason: "3 % errors".to_owned() });
    assert_eq!(world.run(), Ending::RolledBack);
    assert_eq!(world.rollout.stage(), 0);
}

#[test]
fn people_pause_resume_and_abort() {
    let mut world = World::new(setup(&RollingDeployment::of(Amount::Count(2)), 8));
    world.until(|rollout| rollout.stage() == 1);
    world.command(Command::Pause).expect("it runs");
    assert_eq!(world.command(Command::Pause), Err(Refusal::Paused(Pause::ByHand)));
    world.until(Rollout::is_quiet);
    assert_eq!(world.rollout.stage(), 1, "nothing more goes down");
    world.command(Command::Resume).expect("it is paused");
    assert_eq!(world.command(Command::Resume), Err(Refusal::NotPaused));
    world.until(|rollout| rollout.stage() == 2);
    world.command(Command::Abort).expect("it runs");
    assert_eq!(world.command(Command::Abort), Err(Refusal::RollingBack));
    assert_eq!(world.run(), Ending::RolledBack);
    assert_eq!(world.command(Command::Promote), Err(Refusal::Ended));
}

#[test]
fn without_automatic_rollback_a_failure_waits_for_a_person() {
    let mut setup = setup(&RollingDeployment::of(Amount::Count(2)), 8);
    setup.pace.on_failure = OnFailure::Pause;
    let mut world = World::new(setup);
    world.faults.insert(3, Fault::Unhealthy);
    world.until(|rollout| matches!(rollout.progress(), Progress::Paused(_)));
    assert!(matches!(world.command(Command::Promote), Err(Refusal::Failed(_))));
    world.command(Command::Abort).expect("it waits");
    assert_eq!(world.run(), Ending::RolledBack);
}

#[test]
fn a_rollback_goes_on_past_failures() {
    let mut setup = setup(&RollingDeployment::of(Amount::Count(2)), 8);
    setup.pace = setup.pace.of_rollback();
    let mut world = World::new(setup);
    world.faults.extend([(0, Fault::FailsActivation), (1, Fault::Unreachable)]);
    assert_eq!(world.run(), Ending::Partial);
    let arrived = world.rollout.hosts().iter().filter(|host| host.holds == Holds::New);
    assert_eq!(arrived.count(), 6);
}

#[test]
fn a_target_that_joins_gets_the_release_that_was_good() {
    let mut world = World::new(setup(&RollingDeployment::of(Amount::Count(2)), 4));
    world.until(|rollout| rollout.stage() == 1);
    let late = Member::new(TargetId::new("h9"));
    world.input(Input::Joined(late.clone()));
    assert_eq!(world.run(), Ending::Succeeded);
    let host = world.rollout.host(&late.id).expect("it joined");
    assert_eq!((host.state, host.holds), (crate::record::TargetState::RolledBack, Holds::Old));
}

#[test]
fn nothing_starts_unapproved_or_outside_a_window() {
    let mut setup = setup(&RollingDeployment::default(), 2);
    setup.approval = true;
    setup.windows = vec!["fri-fri 00:00-01:00".parse().expect("a window")];
    let mut world = World::new(setup);
    assert_eq!(world.rollout.progress(), Progress::Draft);
    world.command(Command::Approve).expect("it waits");
    // The first of January 1970 was a Thursday.
    let pause = Pause::Window { opens_ms: 24 * 3_600_000 };
    assert_eq!(world.rollout.progress(), Progress::Paused(pause));
    assert_eq!(world.run(), Ending::Succeeded);
    assert!(world.now >= 24 * 3_600_000);
}

#[test]
fn no_targets_are_done_at_once() {
    assert_eq!(World::new(setup(&RollingDeployment::default(), 0)).run(), Ending::Succeeded);
}

#[test]
fn deadlines_outlive_the_operator() {
    let mut world = World::new(setup(&RollingDeployment::of(Amount::Count(1)), 2));
    world.faults.insert(0, Fault::Silent);
    world.until(|rollout| rollout.lookup.tally.moving == 1);
    let json = serde_json::to_string(&world.rollout).expect("serializes");
    let mut back: Rollout = serde_json::from_str(&json).expect("reads back");
    assert_eq!(back, world.rollout);
    let step = back.resume(world.now + 6 * 60_000);
    assert_eq!(back.progress(), Progress::RollingBack);
    assert!(step.actions.iter().any(|action| matches!(action, Action::TakeBack { .. })));
}
