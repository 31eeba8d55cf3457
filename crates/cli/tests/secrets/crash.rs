//! Killed at one system call after the other: old or new, never half, and the next run goes on.

use std::fs;
use std::process::Stdio;

use crate::world::{World, needs};

/// Calls that change something, or come just before one that does, and at which of each it ends.
const POINTS: [(&str, &[usize]); 8] = [
    ("flock", &[1, 2, 3, 5]),
    ("renameat", &[1, 2, 3, 4, 5]),
    ("rename", &[1, 2, 3]),
    ("fsync", &[1, 2, 3, 4, 5, 6, 7]),
    ("fchmod", &[1, 2, 4]),
    ("write", &[1, 2, 3, 4, 5]),
    ("openat", &[20, 24, 28, 32, 36, 40, 44, 48]),
    ("unlinkat", &[1, 2]),
];

/// Runs the binary until its `nth` call of `name`; tells whether it came that far.
fn killed_at(world: &World, arguments: &[&str], name: &str, nth: usize) -> bool {
    let inject = format!("inject={name}:signal=KILL:when={nth}");
    let trace = format!("trace={name}");
    let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
    let mut command = world.windlass.wrapped(&strace, arguments);
    let ended = command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    !ended.expect("strace is installed").success()
}

fn sweep(mut at: impl FnMut(&str, usize) -> bool) -> usize {
    let mut kills = 0;
    for (name, sample) in POINTS {
        for nth in sample {
            if !at(name, *nth) {
                break;
            }
            kills += 1;
        }
    }
    kills
}

#[test]
fn rotating_keys_of_several_files_can_end_anywhere() {
    needs("strace");
    let world = World::with_secret("hunter2");
    world.set("production", "A", "1");
    let kills = sweep(|name, nth| {
        let killed = killed_at(&world, &["secrets", "rotate-key"], name, nth);
        for (subject, secret, value) in
            [("staging", "DB_PASSWORD", "hunter2"), ("production", "A", "1")]
        {
            assert_eq!(world.get(subject, secret), value, "{name} {nth}");
            let listed = world.json(&["list", subject]);
            assert_eq!(listed["files"][0]["verified"], true, "{name} {nth}");
        }
        killed
    });
    assert!(kills >= 10, "only {kills} of the points were reached");
    world.run(&["rotate-key"]).success();
    let files = fs::read_dir(world.project.at("secrets")).expect("there");
    assert_eq!(files.count(), 4, "something is left");
}

#[test]
fn setting_a_value_can_end_anywhere() {
    needs("strace");
    let world = World::with_secret("value 0");
    let mut last = 0;
    let kills = sweep(|name, nth| {
        let next = last + 1;
        world.project.write("value", format!("value {next}"));
        let set = ["secrets", "set", "staging", "DB_PASSWORD", "--file", "value"];
        let killed = killed_at(&world, &set, name, nth);
        let value = world.get("staging", "DB_PASSWORD");
        assert!(
            [last, next].map(|at| format!("value {at}")).contains(&value),
            "{name} {nth}: {value}"
        );
        assert_eq!(world.json(&["list", "staging"])["files"][0]["verified"], true, "{name} {nth}");
        if !killed {
            assert_eq!(value, format!("value {next}"));
        }
        last = value.trim_start_matches("value ").parse().expect("a number");
        killed
    });
    assert!(kills >= 8, "only {kills} of the points were reached");
    // Of two that were ended in a row after the value was written, the history knows the second.
    let info = &world.json(&["list", "staging"])["files"][0]["secrets"][0];
    let rotations = info["rotations"].as_array().map_or(0, Vec::len);
    assert!((last / 2..=last).contains(&rotations), "{last}: {info}");
}
