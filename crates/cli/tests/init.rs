//! `windlass init`: the project that it writes, and the commands that it prints.

use windlass_testing::{Output, TestProject, Tree, assert_same_tree};

const BINARY: &str = env!("CARGO_BIN_EXE_windlass");

fn init(place: &TestProject, arguments: &[&str]) -> Output {
    place.windlass(BINARY).run(&[&["init"], arguments].concat())
}

/// Returns the commands below `Next:`.
fn next(said: &Output) -> Vec<String> {
    let (_, list) = said.stdout.split_once("Next:\n").expect("it says what to do next");
    list.lines().map(|line| line.trim().to_owned()).collect()
}

/// Runs `commands` one after the other in one shell, which ends at the first that fails.
fn shell(place: &TestProject, commands: &[String]) -> Output {
    let directory = BINARY.strip_suffix("/windlass").expect("the binary is called windlass");
    let path = format!("{directory}:{}", std::env::var("PATH").unwrap_or_default());
    let script = format!("set -e\n{}", commands.join("\n"));
    place.windlass("/bin/sh").env("PATH", path).run(&["-c", &script])
}

#[test]
fn the_commands_that_it_prints_work_one_by_one() {
    let place = TestProject::new();
    let commands = next(&init(&place, &[]).success());
    let verbs: Vec<_> = commands.iter().filter_map(|line| line.split(' ').nth(1)).collect();
    assert_eq!(verbs, ["plan", "deploy", "status", "rollback"]);
    for command in &commands {
        let said = shell(&place, std::slice::from_ref(command)).success();
        if command.contains("deploy") {
            assert!(said.stdout.contains("1 target: 1 healthy."), "{said}");
            assert!(place.at("state/development/etc/project/app.yaml").exists());
        }
    }
    assert!(!place.at("state/development/etc/project/app.yaml").exists());
}

#[test]
fn every_environment_deploys_as_it_is() {
    let place = TestProject::new();
    init(&place, &["--name", "fresh"]).success();
    let windlass = place.windlass(BINARY);
    windlass.run(&["config", "validate"]).success();
    windlass.run(&["deploy", "production", "--yes"]).success();
    for target in ["web1", "web2"] {
        assert!(place.read(format!("state/{target}/etc/fresh/motd")).contains("fresh"));
    }
    windlass.run(&["deploy", "production"]).code(1).says("is protected").says("--yes");
}

#[test]
fn directories_with_odd_names_are_made_named_and_entered() {
    let long = "x".repeat(200);
    for directory in ["shop", "a/b/c", "my shop's", "-dash", "ünï $HOME `id`", "1", "..x", &long]
    {
        let place = TestProject::new();
        let said = init(&place, &["--", directory]).success();
        assert!(place.at(directory).join("windlass.toml").is_file(), "{said}");
        shell(&place, &next(&said)).success();
    }
}

#[test]
fn a_name_can_be_given_and_must_be_one() {
    let place = TestProject::new();
    init(&place, &["here", "--name", "my-shop"]).success();
    assert!(place.read("here/windlass.toml").contains("name = \"my-shop\""));
    for name in ["", "a/b", "a\nb", "\"", "${X}"] {
        init(&place, &["there", "--name", name]).code(2);
        assert!(!place.at("there").exists());
    }
}

#[test]
fn nothing_is_overwritten() {
    let place = TestProject::new();
    place.write("templates/motd", "mine\n").write(".gitignore", "target");
    let before = Tree::read(place.path());
    init(&place, &[]).code(1).says("templates/motd exists already");
    assert_same_tree(&before, &Tree::read(place.path()));
    place.remove("templates/motd");
    init(&place, &[]).success();
    assert_eq!(place.read(".gitignore"), "target\n/.windlass/\n/state/\n");
    let before = Tree::read(place.path());
    init(&place, &[]).code(1).says("windlass.toml exists already").says("empty directory");
    assert_same_tree(&before, &Tree::read(place.path()));
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let place = TestProject::new();
    place.write("file", "");
    init(&place, &["file/below"]).code(1).says("file/below");
}
