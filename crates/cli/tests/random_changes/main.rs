//! Histories of random changes: after each deployment and each rollback both targets show exactly
//! the files, bytes, modes and directories that they should, and reloaded what they had to.
//!
//! A failure prints its seed; `WINDLASS_SEED=… WINDLASS_STEPS=… cargo nextest run random` varies it.

mod model;
mod world;

use world::World;

const STEPS: usize = 50;

fn run(nth: u64) {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seed = number("WINDLASS_SEED").unwrap_or(20_240_601).wrapping_add(nth);
    let steps = number("WINDLASS_STEPS").map_or(STEPS, |steps| steps as usize);
    let mut world = World::new(seed);
    for _ in 0..steps {
        world.step();
    }
    world.end();
}

#[test]
fn random_changes_are_deployed_and_taken_back_1() {
    run(0);
}

#[test]
fn random_changes_are_deployed_and_taken_back_2() {
    run(1000);
}

#[test]
fn random_changes_are_deployed_and_taken_back_3() {
    run(2000);
}

#[test]
fn random_changes_are_deployed_and_taken_back_4() {
    run(3000);
}
