//! Files that were tampered with, keys that are not there.

use crate::world::{World, key_pair};

const CANARY: &str = "canary-77aa";

#[test]
fn tampered_files_give_nothing() {
    let world = World::with_secret(CANARY);
    world.set("staging", "OTHER", "x");
    let sound = world.project.read("secrets/staging.yaml");
    let line =
        |name: &str| sound.lines().find(|line| line.starts_with(name)).expect("there").to_owned();
    let (one, other) = (line("DB_PASSWORD"), line("OTHER"));
    let moved = other.replace("OTHER", "DB_PASSWORD");
    let cases = [
        ("a value moved to another key", sound.replace(&one, &moved)),
        ("a value taken out", sound.replace(&format!("{other}\n"), "")),
        ("a value in the clear", sound.replace(&one, "DB_PASSWORD: hunter2")),
        ("another tag", sound.replace("tag:", "tag:A")),
        ("cut in half", sound[..sound.len() / 2].to_owned()),
        ("without its code", sound.replace("    mac: ", "    other: ")),
        ("another time", sound.replace("lastmodified: \"20", "lastmodified: \"19")),
    ];
    for (what, text) in cases {
        assert_ne!(text, sound, "{what}");
        world.project.write("secrets/staging.yaml", &text);
        for arguments in [
            &["get", "staging", "DB_PASSWORD"][..],
            &["decrypt", "secrets/staging.yaml"],
            &["rotate-key", "staging"],
            &["rotate", "staging", "DB_PASSWORD", "--generate", "20"],
        ] {
            let said = world.run(arguments).code(1);
            assert!(said.stdout.is_empty(), "{what}: {said}");
            assert!(
                !said.stderr.contains(CANARY) && !said.stderr.contains("hunter2"),
                "{what}: {said}"
            );
        }
        assert_eq!(world.project.read("secrets/staging.yaml"), text, "{what}: it was written to");
    }
}

#[test]
fn a_file_of_another_environment_cannot_take_its_place() {
    let world = World::with_secret(CANARY);
    world.set("production", "DB_PASSWORD", "x");
    let staging = world.project.read("secrets/staging.yaml");
    let line =
        |text: &str| text.lines().find(|line| line.starts_with("DB_")).expect("there").to_owned();
    let production = world.project.read("secrets/production.yaml");
    world
        .project
        .write("secrets/production.yaml", production.replace(&line(&production), &line(&staging)));
    world.run(&["get", "production", "DB_PASSWORD"]).code(1).says("DB_PASSWORD");
}

#[test]
fn without_the_right_key_it_is_said_who_has_it() {
    let world = World::with_secret(CANARY);
    let (other, public) = key_pair();
    let windlass = world
        .windlass
        .clone()
        .env("HOME", "/nowhere")
        .env("XDG_CONFIG_HOME", "/nowhere")
        .env("SOPS_AGE_KEY", other);
    let said = windlass.run(&["secrets", "get", "staging", "DB_PASSWORD"]).code(1);
    let said = said.says(&world.recipient).says(&public).says("recipients add");
    assert!(!said.to_string().contains("AGE-SECRET-KEY"), "{said}");
    let list = windlass.run(&["secrets", "list", "staging"]).success();
    assert!(list.stdout.contains("nothing of this was checked"), "{list}");
    let json =
        windlass.run(&["secrets", "get", "staging", "DB_PASSWORD", "--output", "json"]).code(1);
    assert_eq!(json.json()["error"]["kind"], "secrets");
}

#[test]
fn without_rules_nothing_is_made() {
    let world = World::new();
    world.project.write(".sops.yaml", "creation_rules:\n  - pgp: ABCD\n");
    let set = |input| world.windlass.run_with_input(&["secrets", "set", "staging", "A"], input);
    set("x").code(1).says("keys of pgp are not supported");
    world.project.write(".sops.yaml", "creation_rules:\n  - path_regex: ^other/\n    age: ''\n");
    set("x").code(1).says("no rule says for whom");
    world.project.remove(".sops.yaml");
    set("x").code(1).says("windlass secrets init");
}

#[test]
fn logs_say_nothing() {
    let world = World::new();
    let set = ["-vvv", "secrets", "set", "staging", "A"];
    let said = world.windlass.run_with_input(&set, CANARY).success();
    assert!(!said.to_string().contains(CANARY), "{said}");
    let list = ["-vvv", "secrets", "list", "staging", "--output", "json"];
    let said = world.windlass.run(&list).success();
    assert!(!said.to_string().contains(CANARY), "{said}");
    assert_eq!(world.holders(CANARY), Vec::<String>::new());
}
