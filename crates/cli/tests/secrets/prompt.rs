//! The question at the terminal.

use std::fs::File;
use std::io::{Read, Write};
use std::process::Stdio;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

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

fn set_at_terminal(world: &World, answers: [&str; 2]) -> (i32, String) {
    needs("setsid");
    let pty = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
    grantpt(&pty).and_then(|()| unlockpt(&pty)).expect("a terminal");
    let name = ptsname(&pty, Vec::new()).expect("a name");
    let other = || {
        let file = rustix::fs::open(&name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty());
        Stdio::from(file.expect("the other side"))
    };
    let arguments = ["secrets", "set", "staging", "DB_PASSWORD"];
    let mut command = world.windlass.wrapped(&["setsid", "--ctty", "--wait"], &arguments);
    let mut child =
        command.stdin(other()).stdout(other()).stderr(other()).spawn().expect("started");
    drop(command);
    let mut terminal = Terminal { keys: File::from(pty), seen: String::new() };
    for (question, answer) in ["(not shown): ", "Again: "].iter().zip(answers) {
        terminal.wait_for(question);
        terminal.type_in(&format!("{answer}\r"));
    }
    let code = child.wait().expect("ended").code().expect("a code");
    let mut rest = Vec::new();
    // Once the other side is closed, reading is an error.
    let _ = terminal.keys.read_to_end(&mut rest);
    (code, terminal.seen + &String::from_utf8_lossy(&rest))
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
