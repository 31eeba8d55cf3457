//! Random fleets, strategies, faults, crashes and people.

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use super::world::{Fault, World};
use super::*;

/// How many schedules are tried at least; `PROPTEST_CASES=100000` tries more.
const SCHEDULES: u32 = 20_000;

#[derive(Debug, Clone)]
enum Disturbance {
    Crash,
    Command(Command),
}

fn amount() -> impl Strategy<Value = Amount> {
    prop_oneof![(1..6_u32).prop_map(Amount::Count), (1..=100_u8).prop_map(Amount::Percent)]
}

fn spec() -> impl Strategy<Value = StrategySpec> {
    prop_oneof![
        (amount(), any::<bool>()).prop_map(|(parallel, bakes)| {
            let bake_ms = bakes.then_some(7_000);
            let rolling = RollingDeployment { bake_ms, ..RollingDeployment::of(parallel) };
            StrategySpec::Rolling(rolling)
        }),
        (prop::collection::vec(amount(), 1..4), amount(), any::<bool>()).prop_map(
            |(stages, parallel, analysed)| {
                let analysis = analysed.then(|| "errors".to_owned());
                let usual = CanaryDeployment::default();
                StrategySpec::Canary(CanaryDeployment { stages, parallel, analysis, ..usual })
            }
        ),
        amount().prop_map(|parallel| {
            let usual = BlueGreenDeployment::default();
            StrategySpec::BlueGreen(BlueGreenDeployment { parallel, ..usual })
        }),
    ]
}

fn fault() -> impl Strategy<Value = Fault> {
    prop::sample::select(vec![
        Fault::FailsStaging,
        Fault::FailsActivation,
        Fault::Unhealthy,
        Fault::Flapping,
        Fault::Silent,
        Fault::Unreachable,
        Fault::NotRestored,
    ])
}

fn disturbance() -> impl Strategy<Value = Disturbance> {
    let command = prop::sample::select(vec![
        Command::Pause,
        Command::Resume,
        Command::Promote,
        Command::Abort,
        Command::Approve,
    ]);
    prop_oneof![Just(Disturbance::Crash), command.prop_map(Disturbance::Command)]
}

/// Whatever happens, it ends, or waits for a person, who then goes on or gives up.
fn play(world: &mut World, disturbances: Vec<(u8, Disturbance)>) {
    world.input(Input::Tick);
    for (steps, disturbance) in disturbances {
        for _ in 0..steps {
            if world.rollout.outcome().is_some() || is_paused(world) {
                break;
            }
            world.next();
        }
        match disturbance {
            Disturbance::Crash => world.crash(),
            Disturbance::Command(command) => drop(world.command(command)),
        }
    }
    for attempt in 0..20 {
        world.until(|r| r.outcome().is_some() || matches!(r.progress(), Progress::Paused(_)));
        if world.rollout.outcome().is_some() {
            break;
        }
        let command = if attempt < 10 { Command::Promote } else { Command::Abort };
        let _ = world.command(command);
    }
    world.run();
}

fn is_paused(world: &World) -> bool {
    matches!(world.rollout.progress(), Progress::Paused(_))
}

#[test]
fn whatever_happens_the_promises_hold() {
    let schedules = (
        spec(),
        1..14_usize,
        0..4_u32,
        prop::collection::vec((0..14_usize, fault()), 0..4),
        prop::collection::vec((0..40_u8, disturbance()), 0..4),
        0..3_u8,
    );
    let usual = Config::default();
    let cases = usual.cases.max(SCHEDULES);
    let config = Config { cases, failure_persistence: None, ..usual };
    let mut runner = TestRunner::new(config);
    let outcome = runner.run(&schedules, |(spec, total, limit, faults, disturbances, verdict)| {
        let mut setup = setup(spec.strategy(), total);
        setup.budget.fleet = Allowance::Count(limit);
        let mut world = World::new(setup);
        world.faults.extend(faults);
        let lacking = GateVerdict::Inconclusive { reason: "too few".to_owned() };
        let bad = GateVerdict::RollBack { reason: "errors".to_owned() };
        world.verdict =
            [Some(GateVerdict::Promote), Some(lacking), Some(bad)][verdict as usize].clone();
        play(&mut world, disturbances);
        Ok(())
    });
    outcome.unwrap_or_else(|error| panic!("{error}"));
}
