//! What is asked at the terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::process::Stdio;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use windlass_testing::Windlass;

use crate::world::{World, needs};

/// A terminal with somebody at it.
struct Terminal {
    keys: File,
    seen: String,
}

impl Terminal {
    /// Reads until `text` is on the screen.
    fn wait_for(&mut self, text: &str) {
        let mut part = [0; 1024];
        while !self.seen.contains(text) {
            let read =
                self.keys.read(&mut part).unwrap_or_else(|_| panic!("{text}: {}", self.seen));
            self.seen += &String::from_utf8_lossy(&part[..read]);
        }
    }

    fn type_in(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).expect("written");
    }
}

/// Runs a command at a terminal, where each question gets its answer; returns the exit code and all that
/// was on the screen.
fn at_terminal(windlass: &Windlass, arguments: &[&str], answers: &[(&str, &str)]) -> (i32, String) {
    needs("setsid");
    let pty = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&pty).and_then(|()| unlockpt(&pty)).expect("a terminal");
    let name = ptsname(&pty, Vec::new()).expect("a name");
    let other = || {
        let file = rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty());
        Stdio::from(file.expect("the other side"))
    };
    let mut command = windlass.wrapped(&["setsid", "--ctty", "--wait"], arguments);
    let mut child =
        command.stdin(other()).stdout(other()).stderr(other()).spawn().expect("started");
    drop(command);
    let mut terminal = Terminal { keys: File::from(pty), seen: String::new() };
    for (question, answer) in answers {
        terminal.wait_for(question);
        terminal.type_in(&format!("{answer}\r"));
    }
    let code = child.wait().expect("ended").code().expect("a code");
    let mut rest = Vec::new();
    // Once the other side is closed, reading is an error.
    let _ = terminal.keys.read_to_end(&mut rest);
    (code, terminal.seen + &String::from_utf8_lossy(&rest))
}

fn set_at_terminal(world: &World, answers: [&str; 2]) -> (i32, String) {
    let arguments = ["secrets", "set", "staging", "DB_PASSWORD"];
    let questions = ["(not shown): ", "Again: "];
    let answers = [(questions[0], answers[0]), (questions[1], answers[1])];
    at_terminal(&world.windlass, &arguments, &answers)
}

#[test]
fn what_is_typed_is_not_shown() {
    let world = World::new();
    let (code, seen) = set_at_terminal(&world, ["hunter2", "hunter2"]);
    assert_eq!(code, 0, "{seen}");
    assert!(seen.contains("Set `DB_PASSWORD`") && !seen.contains("hunter2"), "{seen}");
    assert_eq!(world.get("staging", "DB_PASSWORD"), "hunter2");
}

#[test]
fn two_answers_that_differ_set_nothing() {
    let world = World::new();
    let (code, seen) = set_at_terminal(&world, ["hunter2", "hunter3"]);
    assert_eq!(code, 1, "{seen}");
    assert!(seen.contains("not the same"), "{seen}");
    assert!(!world.project.at("secrets/staging.yaml").exists());
}

/// Edits with an editor that writes something wrong first, and something right when it is called again.
fn edit_at_terminal(world: &World, answer: &str) -> (i32, String) {
    let script = "#!/bin/sh\nif mkdir once; then printf 'A: hunter2\\nA: x\\n' > \"$1\"\n\
                  else grep -q 'A: x' \"$1\" && printf 'A: hunter2\\n' > \"$1\"; fi\n";
    world.project.write("editor", script).chmod("editor", 0o755);
    let windlass = world.windlass.clone().env("EDITOR", world.project.at("editor"));
    let arguments = ["secrets", "edit", "staging"];
    at_terminal(&windlass, &arguments, &[("Open it again?", answer)])
}

#[test]
fn a_text_that_is_wrong_can_be_opened_again() {
    let world = World::with_secret("x");
    let (code, seen) = edit_at_terminal(&world, "");
    assert_eq!(code, 0, "{seen}");
    assert!(seen.contains("the key is there twice") && !seen.contains("hunter2"), "{seen}");
    assert_eq!(world.get("staging", "A"), "hunter2");
}

#[test]
fn a_text_that_is_not_opened_again_changes_nothing() {
    let world = World::with_secret("x");
    let (code, seen) = edit_at_terminal(&world, "n");
    assert_eq!(code, 1, "{seen}");
    assert_eq!(world.get("staging", "DB_PASSWORD"), "x");
}

#[test]
fn a_terminal_gets_a_line_and_nothing_that_would_change_it() {
    let world = World::with_secret("hunter2");
    let get = ["secrets", "get", "staging", "DB_PASSWORD"];
    assert_eq!(at_terminal(&world.windlass, &get, &[]), (0, "hunter2\r\n".to_owned()));
    world.set("staging", "BELL", "a\x1b[2Jb");
    let (code, seen) = at_terminal(&world.windlass, &["secrets", "get", "staging", "BELL"], &[]);
    assert!(code == 1 && seen.contains("> FILE") && !seen.contains("\x1b[2J"), "{seen:?}");
}
