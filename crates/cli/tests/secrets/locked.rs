//! Somebody else is writing.

use std::fs::File;

use crate::world::World;

#[test]
fn a_lock_that_stays_held_is_told_with_a_code_of_its_own() {
    let world = World::with_secret("one");
    let held = File::open(world.project.at("secrets")).expect("opened");
    held.lock().expect("locked");
    let words = ["secrets", "set", "staging", "DB_PASSWORD"];
    let said = world.windlass.run_with_input(&words, "another-value").code(7).to_string();
    assert!(said.contains("secrets") && said.contains("wait until it is done"), "{said}");
    assert!(!said.contains("another-value"), "{said}");
    held.unlock().expect("unlocked");
    assert_eq!(world.get("staging", "DB_PASSWORD"), "one");
    world.set("staging", "DB_PASSWORD", "two");
    assert_eq!(world.get("staging", "DB_PASSWORD"), "two");
}
