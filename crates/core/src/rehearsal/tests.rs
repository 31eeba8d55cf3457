//! Rehearsals as a whole; the scenario files show them in full.

use super::*;
use crate::budget::Allowance;
use crate::rollout::{Ending, Pause, Progress};
use crate::strategy::{CanaryDeployment, Member, StrategySpec, create_strategy};
use crate::target::TargetId;

fn setup(name: &str, total: usize) -> Setup {
    let spec = create_strategy(name).expect("a known name");
    let host = |n| Member::new(TargetId::new(format!("host-{n}")));
    Setup::of(spec.strategy(), (1..=total).map(host).collect())
}

fn faults(phrases: &[&str]) -> Vec<Fault> {
    phrases.iter().map(|phrase| phrase.parse().expect("a phrase")).collect()
}

fn rehearsed(setup: Setup, phrases: &[&str]) -> Timeline {
    rehearse(setup, &faults(phrases), 0).expect("it can be rehearsed")
}

fn ending(timeline: &Timeline) -> Option<Ending> {
    timeline.outcome.as_ref().map(|outcome| outcome.ending)
}

#[test]
fn the_same_is_rehearsed_the_same() {
    for name in StrategySpec::NAMES {
        let phrases = ["host 7 flaps at 10%", "operator killed at stage 1"];
        let first = rehearsed(setup(name, 30), &phrases);
        assert_eq!(first, rehearsed(setup(name, 30), &phrases));
        let other = rehearse(setup(name, 30), &faults(&phrases), 1).expect("it can be");
        assert_ne!(first.entries, other.entries, "{name}: the seed draws other durations");
    }
}

#[test]
fn a_thousand_hosts_are_rehearsed_to_the_end() {
    for name in StrategySpec::NAMES {
        let timeline = rehearsed(setup(name, 1_000), &[]);
        assert_eq!(ending(&timeline), Some(Ending::Succeeded), "{name}");
        assert_eq!((timeline.moved, timeline.bad), (1_000, 0));
        let most = if name == "blue_green" { 1_000 } else { 250 };
        assert!(timeline.most_down <= most, "{name}: {}", timeline.most_down);
    }
}

#[test]
fn a_killed_operator_is_followed_by_another() {
    for name in StrategySpec::NAMES {
        let timeline = rehearsed(setup(name, 8), &["operator killed at stage 1 for 2m"]);
        assert_eq!(ending(&timeline), Some(Ending::Succeeded), "{name}\n{timeline}");
        assert!(timeline.entries.iter().any(|entry| entry.event == Event::Resumed));
    }
}

#[test]
fn what_waits_for_a_person_is_not_waited_for() {
    let timeline = rehearsed(setup("canary", 8), &["pause at stage 2"]);
    assert_eq!(timeline.progress, Progress::Paused(Pause::ByHand));
    assert_eq!(timeline.outcome, None);
    let timeline = rehearsed(setup("canary", 8), &["pause at stage 2", "resume at 10m"]);
    assert_eq!(ending(&timeline), Some(Ending::Succeeded), "{timeline}");
    assert!(timeline.duration_ms > 600_000);
}

#[test]
fn gates_hear_what_the_script_says() {
    let analysis = Some("errors".to_owned());
    let canary = CanaryDeployment { analysis, approval: true, ..CanaryDeployment::default() };
    let with = |phrases: &[&str]| {
        let fleet = (1..=8).map(|n| Member::new(TargetId::new(n.to_string()))).collect();
        rehearsed(Setup::of(&canary, fleet), phrases)
    };
    assert_eq!(with(&[]).progress, Progress::Paused(Pause::Approval));
    assert_eq!(ending(&with(&["approve"])), Some(Ending::Succeeded));
    assert_eq!(ending(&with(&["analysis bad"])), Some(Ending::RolledBack));
    let unsure = with(&["analysis inconclusive at stage 1"]);
    assert!(matches!(unsure.progress, Progress::Paused(Pause::Inconclusive { .. })));
    let silent = with(&["analysis silent"]);
    assert!(silent.to_string().contains("no verdict within 10m"), "{silent}");
}

#[test]
fn a_host_that_was_away_gets_the_release_from_before() {
    let mut setup = setup("rolling", 8);
    setup.budget.fleet = Allowance::Count(1);
    let timeline = rehearsed(setup, &["host 1 unreachable at stage 3 for 2s"]);
    assert_eq!(ending(&timeline), Some(Ending::Partial), "{timeline}");
    assert_eq!(timeline.moved, 7);
    let text = timeline.to_string();
    assert!(text.contains("host-1 rolled back"), "{text}");
}

#[test]
fn a_host_that_joins_is_not_moved() {
    let timeline = rehearsed(setup("rolling", 4), &["host new joins at 50%"]);
    assert_eq!((ending(&timeline), timeline.moved), (Some(Ending::Succeeded), 4));
}

#[test]
fn what_never_happens_is_told() {
    let timeline = rehearsed(setup("rolling", 4), &["host 1 unhealthy", "abort at 100%"]);
    assert_eq!(timeline.never, ["abort at 100%"]);
    assert!(timeline.to_string().contains("never happened: abort at 100%"));
}

#[test]
fn hosts_and_stages_that_are_not_there_are_all_told() {
    let phrases =
        ["host 9 flaps", "host web flaps", "abort at stage 5", "host host-1 joins", "pause"];
    let errors = rehearse(setup("rolling", 4), &faults(&phrases), 0).expect_err("four are wrong");
    let told: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        told,
        [
            "`host 9 flaps`: there is no such host among the 4",
            "`host web flaps`: there is no such host among the 4",
            "`abort at stage 5`: the rollout has 4 stages",
            "`host host-1 joins`: the host is there already",
        ]
    );
}

#[test]
fn nothing_to_move_is_done_at_once() {
    let timeline = rehearsed(setup("rolling", 0), &[]);
    assert_eq!((ending(&timeline), timeline.duration_ms), (Some(Ending::Succeeded), 0));
}
