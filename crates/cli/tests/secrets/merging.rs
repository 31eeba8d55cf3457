//! The merge driver, as git calls it.

use crate::world::{World, needs};

fn repository() -> World {
    needs("git");
    let world = World::with_secret("one");
    world.set("staging", "OTHER", "one");
    world.shell("git init -q -b main .").success();
    // In a repository, it tells git.
    assert_eq!(world.json(&["init"])["merge_driver"], true);
    world.shell("git add -A && git commit -qm base").success();
    world
}

/// Commits a value on a branch of its own.
fn on_branch(world: &World, branch: &str, name: &str, value: &str) {
    world.shell(&format!("git checkout -q -b {branch} main")).success();
    world.set("staging", name, value);
    world.shell(&format!("git commit -qam {branch}")).success();
}

#[test]
fn edits_of_different_keys_merge() {
    let world = repository();
    on_branch(&world, "a", "DB_PASSWORD", "two");
    on_branch(&world, "b", "OTHER", "two");
    world.shell("git merge -q --no-edit a").success();
    assert_eq!(
        [world.get("staging", "DB_PASSWORD"), world.get("staging", "OTHER")],
        ["two", "two"]
    );
    let listed = world.json(&["list", "staging"]);
    let file = &listed["files"][0];
    assert_eq!(file["verified"], true, "{file}");
    for at in 0..2 {
        assert_eq!(file["secrets"][at]["rotations"].as_array().map(Vec::len), Some(1), "{file}");
    }
}

#[test]
fn edits_of_the_same_key_are_a_conflict_that_is_named() {
    let world = repository();
    on_branch(&world, "a", "OTHER", "canary-a");
    on_branch(&world, "b", "OTHER", "canary-b");
    let merged = world.shell("git merge --no-edit a");
    assert_eq!(merged.code, 1, "{merged}");
    assert!(merged.stderr.contains("OTHER"), "{merged}");
    let file = world.project.read("secrets/staging.yaml");
    assert!(file.starts_with("# CONFLICT OTHER: "), "{file}");
    assert!(!format!("{merged}{file}").contains("canary-"), "{merged}");
    let status = world.shell("git status --porcelain").success().stdout;
    assert!(status.contains("UU secrets/staging.yaml"), "{status}");
    // Ours is still read, and setting the value settles it.
    assert_eq!(world.get("staging", "OTHER"), "canary-b");
}

#[test]
fn files_that_both_added_merge() {
    let world = repository();
    for (branch, name) in [("a", "A"), ("b", "B")] {
        world.shell(&format!("git checkout -q -b {branch} main")).success();
        world.set("production", name, branch);
        world.shell(&format!("git add -A && git commit -qm {branch}")).success();
    }
    let merged = world.shell("git merge -q --no-edit a");
    assert_eq!(merged.code, 0, "{merged}");
    assert_eq!([world.get("production", "A"), world.get("production", "B")], ["a", "b"]);
}
