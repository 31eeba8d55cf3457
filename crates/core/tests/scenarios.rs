//! Rollouts in a few lines each, with what comes of them below `---`. `WINDLASS_BLESS=1` writes that
//! anew.
//!
//! A scenario says `hosts N`, or `hosts N in ZONE, ZONE`, what an environment of the project file says
//! of the strategy and the budget, and each fault on a line of its own.

use std::fs;
use std::path::{Path, PathBuf};

use windlass_core::environment::Environment;
use windlass_core::project::Project;
use windlass_core::rehearsal::{Fault, rehearse};
use windlass_core::rollout::Setup;
use windlass_core::strategy::Member;
use windlass_core::target::TargetId;

const SEPARATOR: &str = "---\n";

fn scenarios() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let entries = fs::read_dir(directory).expect("the scenarios are there");
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

fn name(path: &Path) -> String {
    path.file_stem().expect("a name").to_string_lossy().into_owned()
}

/// Returns the environment whose settings are the lines that say one.
fn environment(scenario: &str) -> Environment {
    let settings: Vec<_> = scenario.lines().filter(|line| line.contains(" = ")).collect();
    let head = "[project]\nname = \"shop\"\n[environments.staging]\ntype = \"staging\"\n\
                config_path = \"/etc/shop\"\ntargets = [\"local:.\"]\n";
    let project = Project::parse("scenario", &format!("{head}{}\n", settings.join("\n")));
    let project = project.unwrap_or_else(|errors| panic!("{scenario}\n{errors:#?}"));
    project.environment("staging").expect("it is declared").clone()
}

fn fleet(scenario: &str) -> Vec<Member> {
    let hosts = scenario.lines().find_map(|line| line.strip_prefix("hosts ")).expect("hosts");
    let (count, zones) = hosts.split_once(" in ").unwrap_or((hosts, ""));
    let zones: Vec<_> = zones.split(", ").filter(|zone| !zone.is_empty()).collect();
    let member = |n: usize| {
        let member = Member::new(TargetId::new(format!("host-{}", n + 1)));
        match zones.get(n % zones.len().max(1)) {
            Some(zone) => member.labelled("zone", *zone),
            None => member,
        }
    };
    (0..count.parse().expect("a number")).map(member).collect()
}

/// Returns what comes of `scenario`.
fn played(scenario: &str) -> String {
    let environment = environment(scenario);
    let faults = scenario.lines().filter_map(|line| line.strip_prefix("fault "));
    let faults: Vec<Fault> =
        faults.map(|phrase| phrase.parse().unwrap_or_else(|e| panic!("{phrase}: {e}"))).collect();
    let strategy = environment.strategy.strategy();
    let setup = Setup { budget: environment.budget, ..Setup::of(strategy, fleet(scenario)) };
    let timeline = rehearse(setup, &faults, 0);
    timeline.unwrap_or_else(|errors| panic!("{scenario}\n{errors:#?}")).to_string()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the scenarios are files; the crate reads none")]
fn each_scenario_comes_out_as_it_says() {
    let blesses = std::env::var_os("WINDLASS_BLESS").is_some_and(|value| value == "1");
    let mut stale = Vec::new();
    for path in scenarios() {
        let text = fs::read_to_string(&path).expect("a scenario");
        let (scenario, expected) = text.split_once(SEPARATOR).expect("a separator");
        let played = played(scenario);
        if blesses {
            fs::write(&path, format!("{scenario}{SEPARATOR}{played}")).expect("it can be written");
        } else if played != expected {
            stale.push(format!("{}:\n{played}", name(&path)));
        }
    }
    assert!(stale.is_empty(), "WINDLASS_BLESS=1 writes anew:\n{}", stale.join("\n"));
}

#[test]
fn each_strategy_is_tried_with_everything() {
    let names: Vec<_> = scenarios().iter().map(|path| name(path)).collect();
    let cases =
        ["good", "bad_first", "bad_last", "unreachable", "flapping", "killed", "aborted", "paused"];
    for strategy in windlass_core::strategy::StrategySpec::NAMES {
        for case in cases {
            let name = format!("{strategy}_{case}");
            assert!(names.contains(&name), "there is no scenario {name}");
        }
    }
}

#[test]
fn a_scenario_can_come_out_wrong() {
    let good = "hosts 2\nstrategy = \"rolling\"\n";
    assert!(played(good).contains("succeeded after"));
    assert!(played(&format!("{good}fault host 1 unhealthy\n")).contains("rolled back after"));
}
