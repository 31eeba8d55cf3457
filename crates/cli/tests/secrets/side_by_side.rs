//! Several processes at once.

use std::process::Stdio;
use std::thread;

use crate::world::World;

#[test]
fn eight_writers_lose_nothing_while_keys_are_rotated_and_readers_read() {
    let world = World::with_secret("hunter2");
    thread::scope(|scope| {
        let writers: Vec<_> = (0..8)
            .map(|at| {
                let world = &world;
                scope.spawn(move || {
                    for round in 0..2 {
                        world.set("staging", &format!("KEY_{at}"), &format!("{at}-{round}"));
                    }
                })
            })
            .collect();
        scope.spawn(|| {
            for _ in 0..4 {
                world.run(&["rotate-key", "staging"]).success();
            }
        });
        while writers.iter().any(|writer| !writer.is_finished()) {
            assert_eq!(world.get("staging", "DB_PASSWORD"), "hunter2");
            world.run(&["list", "staging"]).success();
        }
    });
    for at in 0..8 {
        assert_eq!(world.get("staging", &format!("KEY_{at}")), format!("{at}-1"));
    }
    let listed = world.json(&["list", "staging"]);
    assert_eq!(listed["files"][0]["secrets"].as_array().map(Vec::len), Some(9));
}

#[test]
fn two_rotations_of_one_secret_are_both_in_its_history() {
    let world = World::with_secret("hunter2");
    let rotate = || {
        let arguments = ["secrets", "rotate", "staging", "DB_PASSWORD", "--generate", "20"];
        let mut command = world.windlass.command(&arguments);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("started")
    };
    for mut child in [rotate(), rotate()] {
        assert!(child.wait().expect("ended").success());
    }
    let listed = world.json(&["list", "staging"]);
    let rotations = &listed["files"][0]["secrets"][0]["rotations"];
    assert_eq!(rotations.as_array().map(Vec::len), Some(2), "{listed}");
}
