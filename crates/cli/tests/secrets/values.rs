//! `set`, `get`, `list`, `rotate`, `delete`.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::world::{World, key_pair};

#[test]
fn init_makes_a_key_and_what_a_project_needs_once() {
    let world = World::new();
    let key = world.project.home().join(".config/sops/age/keys.txt");
    let text = fs::read_to_string(&key).expect("a key");
    assert_eq!(fs::metadata(&key).expect("there").permissions().mode() & 0o777, 0o600);
    assert!(
        text.contains(&format!("# public key: {}", world.recipient))
            && text.contains("AGE-SECRET-KEY-1")
    );
    let files = [".sops.yaml", ".gitignore", ".gitattributes"].map(|file| world.project.read(file));
    assert!(files[0].contains(&world.recipient) && files[2].contains("merge=windlass-secrets"));
    let again = world.json(&["init"]);
    assert_eq!((&again["new_key"], &again["written"]), (&false.into(), &serde_json::json!([])));
    assert_eq!(fs::read_to_string(&key).expect("a key"), text);
    assert_eq!(
        [".sops.yaml", ".gitignore", ".gitattributes"].map(|file| world.project.read(file)),
        files
    );
}

#[test]
fn init_beside_the_rules_of_others_says_who_has_to_do_what() {
    let world = World::new();
    let (_, other) = key_pair();
    world.project.write(".sops.yaml", format!("creation_rules:\n  - age: {other}\n"));
    let said = world.run(&["init"]).success().stdout;
    assert!(
        said.contains(&format!("windlass secrets recipients add {}", world.recipient)),
        "{said}"
    );
    assert_eq!(world.json(&["init"])["needs_recipient"], true);
}

#[test]
fn a_secret_is_set_read_rotated_and_deleted() {
    let world = World::with_secret("hunter2\n");
    assert_eq!(world.get("staging", "DB_PASSWORD"), "hunter2");
    assert_eq!(world.get("secrets/staging.yaml", "DB_PASSWORD"), "hunter2");
    let file = world.project.read("secrets/staging.yaml");
    assert!(file.contains("DB_PASSWORD: ENC[AES256_GCM,") && !file.contains("hunter2"), "{file}");
    let id =
        world.json(&["set", "staging", "DB_PASSWORD", "--file", "windlass.toml"])["id"].clone();
    assert_eq!(
        world.get("staging", id.as_str().expect("an id")),
        world.project.read("windlass.toml")
    );
    let rotated = world.json(&["rotate", "staging", "DB_PASSWORD", "--generate", "40"]);
    assert_eq!(rotated["id"], id);
    let value = world.get("staging", "DB_PASSWORD");
    assert!(value.len() == 40 && value.chars().all(|c| c.is_ascii_alphanumeric()), "{value}");
    world.run(&["delete", "staging", "DB_PASSWORD"]).success();
    world.run(&["get", "staging", "DB_PASSWORD"]).code(1).says("there is no secret `DB_PASSWORD`");
    world.run(&["rotate", "staging", "DB_PASSWORD", "--generate", "40"]).code(1).says("no secret");
}

#[test]
fn lists_show_ages_and_never_values() {
    let world = World::with_secret("hunter2");
    world.set("production", "database.password", "hunter3");
    let list = world.run(&["list"]).success().stdout;
    for part in
        ["secrets/production.yaml", "database.password", "fresh", "90 d 00 h", "DB_PASSWORD"]
    {
        assert!(list.contains(part), "{part}: {list}");
    }
    assert!(!list.contains("hunter"), "{list}");
    let json = world.json(&["list", "staging"]);
    let secret = &json["files"][0]["secrets"][0];
    assert_eq!((&secret["name"], &secret["state"]), (&"DB_PASSWORD".into(), &"fresh".into()));
    assert_eq!(json["files"][0]["verified"], true);
    assert!(secret["id"].as_str().is_some_and(|id| id.starts_with("secret_")), "{secret}");
}

#[test]
fn binary_and_large_values_are_kept_to_the_byte() {
    let world = World::new();
    let large = "0123456789abcdef".repeat(1 << 16);
    world.project.write("large", &large).write("binary", [0, 159, 146, 150, 10]);
    world.run(&["set", "staging", "LARGE", "--file", "large"]).success();
    assert!(world.get("staging", "LARGE") == large);
    world.run(&["set", "secrets/tls.key", "data", "--file", "binary"]).success();
    let json = world.json(&["get", "secrets/tls.key", "data"]);
    assert_eq!((&json["encoding"], &json["value"]), (&"base64".into(), &"AJ+Slgo=".into()));
    let out = world.shell("windlass secrets get secrets/tls.key data | cmp - binary");
    out.success();
    world.run(&["set", "staging", "B", "--file", "binary"]).success();
    world.shell("windlass secrets get staging B | cmp - binary").success();
    let refused = world.run(&["set", "secrets/x.env", "B", "--file", "binary"]).code(1);
    refused.says("the value is binary");
}

#[test]
fn an_empty_value_has_to_be_meant() {
    let world = World::new();
    world.run(&["set", "staging", "A"]).code(1).says("is empty").says("--allow-empty");
    world.run(&["set", "staging", "A", "--allow-empty"]).success();
    assert_eq!(world.get("staging", "A"), "");
}

#[test]
fn names_that_look_like_paths_are_refused() {
    let world = World::new();
    for name in ["../../etc/passwd", "/etc/passwd", "a/b", "", ".."] {
        let set = world.windlass.run_with_input(&["secrets", "set", "staging", name], "x");
        set.code(1).says("is not the name of a secret");
    }
    assert!(!world.project.at("secrets/staging.yaml").exists());
}

#[test]
fn what_is_no_environment_and_no_file_is_said_to_be_none() {
    let world = World::new();
    world.run(&["list"]).code(1).says("no environment has a file of secrets yet");
    world.run(&["list", "stagin"]).code(1).says("unknown environment `stagin`").says("`staging`");
    world.run(&["get", "secrets/none.yaml", "A"]).code(1).says("there is no such file");
    world.project.edit("windlass.toml", "secrets = \"secrets/staging.yaml\"\n", "");
    world
        .run(&["list", "staging"])
        .code(1)
        .says("has no file of secrets")
        .says("secrets/staging.yaml");
    world.project.edit("windlass.toml", "\"secrets/production.yaml\"", "\"../production.yaml\"");
    world.run(&["list"]).code(1).says("leaves the directory with `..`");
}

#[test]
fn the_key_of_the_project_comes_from_its_command() {
    let world = World::with_secret("hunter2");
    let key = world.project.home().join(".config/sops/age/keys.txt");
    let moved = world.project.home().join("vault");
    fs::rename(key, &moved).expect("moved");
    let refused = world.run(&["get", "staging", "DB_PASSWORD"]).code(1);
    refused.says("sops/age/keys.txt (not there)").says(".ssh/id_ed25519 (not there)");
    let command = format!("[secrets]\nkey_command = [\"cat\", \"{}\"]\n", moved.display());
    world.project.edit("windlass.toml", "[secrets]\n", &command);
    assert_eq!(world.get("staging", "DB_PASSWORD"), "hunter2");
}

#[test]
fn a_key_that_others_can_read_is_warned_of() {
    let world = World::with_secret("hunter2");
    let key = world.project.home().join(".config/sops/age/keys.txt");
    fs::set_permissions(key, fs::Permissions::from_mode(0o640)).expect("set");
    world.run(&["get", "staging", "DB_PASSWORD"]).success().says("others can read").says("0640");
}

#[test]
fn a_value_on_the_command_line_is_refused_and_not_repeated() {
    let world = World::with_secret("hunter2");
    for verb in ["set", "rotate"] {
        let said = world.run(&[verb, "staging", "DB_PASSWORD", "hunter3"]).code(2);
        let said = said.says("can be seen by every process");
        assert!(!format!("{}{}", said.stdout, said.stderr).contains("hunter3"), "{said}");
    }
    assert_eq!(world.get("staging", "DB_PASSWORD"), "hunter2");
}
