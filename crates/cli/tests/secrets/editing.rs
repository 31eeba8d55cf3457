//! `edit`: the text is in memory, and nothing of it anywhere else.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::world::World;

const CANARY: &str = "canary-4f1d9a";

/// Writes an editor: a script that has the file as `$1`.
fn editor(world: &World, script: &str) -> String {
    world.project.write("editor", format!("#!/bin/sh\nset -e\n{script}\n"));
    world.project.chmod("editor", 0o755);
    world.project.at("editor").display().to_string()
}

fn edit(world: &World, script: &str) -> windlass_testing::Output {
    let editor = editor(world, script);
    world.windlass.clone().env("EDITOR", editor).run(&["secrets", "edit", "staging"])
}

fn left_in_memory(world: &World) -> Vec<String> {
    let note = fs::read_to_string(world.project.at("note")).unwrap_or_default();
    note.lines().filter(|path| fs::symlink_metadata(path).is_ok()).map(str::to_owned).collect()
}

#[test]
fn only_what_changed_is_encrypted_anew() {
    let world = World::new();
    let all: String = (0..1000).map(|at| format!("KEY_{at:04}: value {at}\n")).collect();
    world.project.write("secrets/staging.yaml", all);
    world.run(&["encrypt", "--in-place", "secrets/staging.yaml"]).success();
    world.shell("git init -q . && git add -A && git commit -qm one").success();
    edit(&world, "sed -i 's/value 500/changed/' \"$1\"").success().says("Changed");
    let diff = world.shell("git diff -U0 secrets/staging.yaml").success().stdout;
    let changed: Vec<_> =
        diff.lines().filter(|line| line.starts_with('+') && !line.starts_with("+++")).collect();
    let of =
        |key: &str| changed.iter().filter(|line| line[1..].trim_start().starts_with(key)).count();
    assert_eq!([of("KEY_0500: "), of("mac: ")], [1, 1], "{diff}");
    // The time is that of before where all this takes less than a second.
    assert_eq!(changed.len(), 2 + of("lastmodified: "), "{diff}");
    assert_eq!(world.get("staging", "KEY_0500"), "changed");
    let history = world.json(&["list", "staging"]);
    let rotated: Vec<_> = history["files"][0]["secrets"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|one| one["rotations"] != serde_json::json!([]))
        .map(|one| one["name"].clone())
        .collect();
    assert_eq!(rotated, ["KEY_0500"]);
}

#[test]
fn the_text_is_for_its_owner_in_memory_and_in_no_command_line() {
    let world = World::with_secret(CANARY);
    let script = format!(
        "stat -c '%a %n' \"$1\" \"$(dirname \"$1\")\" > modes\nstat -f -c %T \"$1\" > kind\necho \"$1\" > note\n\
         cat /proc/[0-9]*/cmdline /proc/[0-9]*/environ 2> /dev/null | grep -a -c {} > seen || true",
        CANARY.replace('-', "[-]")
    );
    edit(&world, &script).success().says("Nothing was changed");
    let modes = world.project.read("modes");
    assert!(
        modes
            .lines()
            .next()
            .is_some_and(|line| line.starts_with("600 ") && line.ends_with("staging.yaml"))
    );
    assert!(modes.lines().nth(1).is_some_and(|line| line.starts_with("700 ")), "{modes}");
    assert_eq!(world.project.read("kind"), "tmpfs\n");
    assert_eq!(world.project.read("seen"), "0\n");
    assert_eq!(left_in_memory(&world), Vec::<String>::new());
}

#[test]
fn a_text_that_is_wrong_changes_nothing() {
    let world = World::with_secret(CANARY);
    let before = world.project.read("secrets/staging.yaml");
    for script in [
        "printf 'a: b\\na: c\\n' > \"$1\"",
        "printf 'a: [\\n' > \"$1\"",
        "printf 'a/b: c\\n' > \"$1\"",
        "printf 'sops: c\\n' > \"$1\"",
        "rm \"$1\"",
        "exit 7",
    ] {
        let said = edit(&world, &format!("echo \"$1\" > note\n{script}"));
        assert_eq!(said.code, 1, "{script}: {said}");
        assert!(!said.to_string().contains(CANARY), "{said}");
        assert_eq!(world.project.read("secrets/staging.yaml"), before, "{script}");
        assert_eq!(left_in_memory(&world), Vec::<String>::new());
    }
}

#[test]
fn what_was_done_in_the_meantime_stays() {
    let world = World::with_secret("one");
    world.set("staging", "OTHER", "one");
    let script = "printf two | windlass secrets set staging OTHER\nsed -i 's/DB_PASSWORD: .*/DB_PASSWORD: two/' \"$1\"";
    edit(&world, script).success();
    assert_eq!(
        [world.get("staging", "DB_PASSWORD"), world.get("staging", "OTHER")],
        ["two", "two"]
    );
    let script = "printf three | windlass secrets set staging OTHER\nsed -i 's/OTHER: .*/OTHER: four/' \"$1\"";
    edit(&world, script).code(1).says("OTHER");
    assert_eq!(world.get("staging", "OTHER"), "three");
}

/// Starts an edit whose editor says where its file is, and then waits to be ended.
fn start(world: &World) -> (Child, String) {
    let editor = editor(world, "echo $$ > pid; echo \"$1\"; exec sleep 1000");
    let windlass = world.windlass.clone().env("EDITOR", editor);
    let mut command = windlass.command(&["secrets", "edit", "staging"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("started");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("it is piped");
    BufReader::new(stdout).read_line(&mut line).expect("the editor says where its file is");
    (child, line.trim_end().to_owned())
}

fn send(process: u32, signal: Signal) {
    let pid = Pid::from_raw(i32::try_from(process).expect("it fits")).expect("not 0");
    kill_process(pid, signal).expect("sent");
}

#[test]
fn a_signal_leaves_nothing() {
    let world = World::with_secret(CANARY);
    for signal in [Signal::TERM, Signal::HUP] {
        let (mut child, file) = start(&world);
        assert!(fs::read_to_string(&file).expect("readable").contains(CANARY));
        send(child.id(), signal);
        let code = child.wait().expect("ended").code();
        assert_eq!(code, Some(128 + signal.as_raw()));
        assert!(fs::symlink_metadata(&file).is_err(), "{file} is left");
    }
}

#[test]
fn a_kill_leaves_nothing_on_disks_and_the_next_edit_clears_memory() {
    let world = World::with_secret(CANARY);
    let (mut child, file) = start(&world);
    send(child.id(), Signal::KILL);
    child.wait().expect("ended");
    assert_eq!(world.holders(CANARY), Vec::<String>::new());
    // The editor lives on, but nothing holds the directory any more.
    let editor = world.project.read("pid").trim().parse().expect("a process");
    send(editor, Signal::KILL);
    edit(&world, "true").success();
    assert!(fs::symlink_metadata(&file).is_err(), "{file} is left");
}
