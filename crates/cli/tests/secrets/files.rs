//! `encrypt`, `decrypt`, `recipients`, `rotate-key`.

use crate::world::{World, key_pair, needs};

const PLAIN: &str = "# the database\ndb:\n  host: localhost # here\n  password: hunter2\n";

#[test]
fn a_file_is_encrypted_and_decrypted_to_the_byte() {
    let world = World::new();
    world.project.write("secrets/app.yaml", PLAIN);
    let text = world.run(&["encrypt", "secrets/app.yaml"]).success().stdout;
    assert!(text.contains("sops:") && !text.contains("hunter2"), "{text}");
    assert_eq!(world.project.read("secrets/app.yaml"), PLAIN);
    world.run(&["encrypt", "--in-place", "secrets/app.yaml"]).success();
    assert_ne!(world.project.read("secrets/app.yaml"), PLAIN);
    assert_eq!(world.get("secrets/app.yaml", "db.password"), "hunter2");
    assert_eq!(world.run(&["decrypt", "secrets/app.yaml"]).success().stdout, PLAIN);
    world.run(&["encrypt", "secrets/app.yaml"]).code(1).says("encrypted already");
    world.run(&["decrypt", "--in-place", "secrets/app.yaml"]).success();
    assert_eq!(world.project.read("secrets/app.yaml"), PLAIN);
}

#[test]
fn a_text_that_cannot_be_encrypted_is_not_quoted() {
    let world = World::new();
    world.project.write("secrets/app.yaml", "a: hunter2\na: hunter3\n");
    let refused =
        world.run(&["encrypt", "secrets/app.yaml"]).code(1).says("the key is there twice");
    let refused = refused.says("secrets/app.yaml:2:1");
    assert!(!format!("{refused}").contains("hunter"), "{refused}");
}

#[test]
fn others_are_encrypted_for_and_taken_out_again() {
    let world = World::with_secret("hunter2");
    let (secret, other) = key_pair();
    world.run(&["recipients", "add", &other]).success();
    let theirs = world
        .windlass
        .clone()
        .env("SOPS_AGE_KEY", &secret)
        .env("HOME", "/nowhere")
        .env("XDG_CONFIG_HOME", "/nowhere");
    let get = ["secrets", "get", "staging", "DB_PASSWORD"];
    assert_eq!(theirs.run(&get).success().stdout, "hunter2");
    assert!(world.project.read(".sops.yaml").contains(&other));
    let listed = world.json(&["recipients", "list", "staging"]);
    assert_eq!(listed["files"][0]["recipients"], serde_json::json!([world.recipient, other]));
    // New files are for them too.
    world.set("production", "A", "1");
    assert_eq!(theirs.run(&["secrets", "get", "production", "A"]).success().stdout, "1");
    world.run(&["recipients", "remove", &other]).success().says("rotate the secrets");
    theirs.run(&get).code(1).says("no key at hand opens the file").says("recipients add");
    assert_eq!(world.get("staging", "DB_PASSWORD"), "hunter2");
    assert!(!world.project.read(".sops.yaml").contains(&other));
    world.run(&["recipients", "remove", &other]).success().says("Nothing to do");
    world.run(&["recipients", "remove", &world.recipient]).code(1).says("nobody would be left");
    world.run(&["recipients", "add", "age1yubikey1qx"]).code(2).says("plugins are not supported");
    world.run(&["recipients", "add", &secret]).code(2).says("secret key");
}

#[test]
fn rotating_keys_changes_all_ciphertexts_and_no_value() {
    let world = World::with_secret("hunter2");
    world.set("production", "A", "1");
    let files =
        || ["secrets/staging.yaml", "secrets/production.yaml"].map(|file| world.project.read(file));
    let before = files();
    world.run(&["rotate-key", "staging"]).success();
    assert_ne!(files()[0], before[0]);
    assert_eq!(files()[1], before[1]);
    assert_eq!(world.json(&["rotate-key"])["files"].as_array().map(Vec::len), Some(2));
    assert_ne!(files()[1], before[1]);
    assert_eq!(
        [world.get("staging", "DB_PASSWORD"), world.get("production", "A")],
        ["hunter2", "1"]
    );
    assert_eq!(
        world.json(&["list", "staging"])["files"][0]["secrets"][0]["rotations"],
        serde_json::json!([])
    );
}

#[test]
fn age_itself_opens_the_data_key() {
    needs("age");
    let world = World::with_secret("hunter2");
    let script = "sed -n '/BEGIN AGE/,/END AGE/p' secrets/staging.yaml | sed 's/^ *//' \
                  | age -d -i \"$HOME/.config/sops/age/keys.txt\" | wc -c";
    assert_eq!(world.shell(script).success().stdout.trim(), "32");
}

#[test]
fn a_history_that_somebody_was_not_added_to_is_caught_up() {
    let world = World::with_secret("hunter2");
    let (secret, other) = key_pair();
    let history = world.project.read("secrets/staging.yaml.meta.json");
    world.run(&["recipients", "add", &other]).success();
    world.project.write("secrets/staging.yaml.meta.json", history);
    let theirs = world.windlass.clone().env("SOPS_AGE_KEY", secret).env("HOME", "/nowhere");
    let theirs = theirs.env("XDG_CONFIG_HOME", "/nowhere");
    theirs.run(&["secrets", "list", "staging"]).code(1).says("staging.yaml.meta.json");
    world.run(&["recipients", "add", &other]).success();
    theirs.run(&["secrets", "list", "staging"]).success();
}
