//! `check`.

use crate::world::{World, key_pair};

#[test]
fn nothing_is_found_where_all_is_well() {
    let world = World::with_secret("hunter2");
    world.set("production", "A", "x");
    world.run(&["check"]).success();
    let report = world.json(&["check"]);
    assert_eq!(
        (&report["clean"], report["files"].as_array().map(Vec::len)),
        (&true.into(), Some(4))
    );
}

#[test]
fn findings_are_named_without_values_and_exit_with_3() {
    let world = World::with_secret("hunter2");
    let (_, other) = key_pair();
    world.project.write("config/app.yaml", "db:\n  password: Tr0ub4dor&3x\n");
    world.project.write("allowed/app.yaml", "db:\n  password: Tr0ub4dor&3x\n");
    world.project.edit("windlass.toml", "[secrets]\n", "[secrets]\nallow = [\"allowed/\"]\n");
    world.project.edit(".sops.yaml", "    age:\n", &format!("    age:\n      - {other}\n"));
    let said = world.run(&["check"]).code(3);
    assert!(!said.to_string().contains("Tr0ub4dor"), "{said}");
    for part in
        ["config/app.yaml:2:13", "recipients add", "secrets/production.yaml", "no such file"]
    {
        assert!(said.stdout.contains(part), "{part}: {said}");
    }
    let report = world.run(&["check", "--output", "json"]).code(3).json();
    let kinds: Vec<_> = report["findings"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|one| one["kind"].as_str().expect("text"))
        .collect();
    assert_eq!(kinds, ["plain_text", "not_encrypted", "missing_recipient", "missing_recipient"]);
}

#[test]
fn a_policy_that_is_over_is_found() {
    let world = World::with_secret("hunter2");
    world.set("production", "A", "x");
    world.run(&["set", "staging", "OLD", "--file", "windlass.toml", "--max-age", "1ms"]).success();
    let report = world.run(&["check", "--output", "json"]).code(3).json();
    let finding = &report["findings"][0];
    assert_eq!(
        (&finding["kind"], &finding["name"]),
        (&"overdue".into(), &"OLD".into()),
        "{report}"
    );
    world
        .run(&["set", "staging", "OLD", "--file", "windlass.toml", "--max-age", "soon"])
        .code(1)
        .says("soon");
}
