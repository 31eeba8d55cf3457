//! The tour of the README, run: each command of its `console` blocks in turn, its output compared
//! with the one written there. `WINDLASS_BLESS=1` writes what was said into the README instead.

mod console;

use std::fs;
use std::path::{Path, PathBuf};

use console::{Block, Shell, normalized};
use windlass_testing::TestProject;

const FIRST_COMMAND: &str = "cargo run --release -- ";

fn readme() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")
}

/// Returns a clone of the repository as far as the tour needs it, built.
fn clone() -> TestProject {
    let (clone, shop) = (TestProject::new(), TestProject::copy_example("shop"));
    clone.directory("examples");
    fs::rename(shop.path(), clone.at("examples/shop")).expect("both are in one directory");
    clone.symlink("target/release/windlass", env!("CARGO_BIN_EXE_windlass"));
    clone
}

/// Runs the first command of the README, built already.
fn first_command(text: &str, shell: &mut Shell) {
    let line = text.lines().find_map(|line| line.strip_prefix(FIRST_COMMAND));
    let arguments = line.expect("the README says how to build and run");
    let said = shell.run(&format!("target/release/windlass {arguments}"));
    assert_eq!(shell.code(), 0, "{said}");
}

fn blesses() -> bool {
    std::env::var_os("WINDLASS_BLESS").is_some_and(|value| value == "1")
}

#[test]
fn the_readme_says_what_happens() {
    let text = fs::read_to_string(readme()).expect("there is a README");
    let clone = clone();
    let mut shell = Shell::new(&clone);
    first_command(&text, &mut shell);
    let written = Block::all_of(&text);
    let run: Vec<Block> = written.iter().map(|block| block.run(&mut shell)).collect();
    assert!(run.iter().map(Block::len).sum::<usize>() > 15, "the tour is short");
    if normalized(&written) == normalized(&run) {
        return;
    }
    assert!(blesses(), "{}", console::difference(&normalized(&written), &normalized(&run)));
    fs::write(readme(), Block::replace_all(&text, &run)).expect("the README can be written");
}

#[test]
fn a_stale_document_is_noticed_and_blessed() {
    let stale =
        "```console\n$ echo 0123456789ab took 12 ms; exit 3\nit took 1.5 s\n$ echo $?\n```\nend\n";
    let project = TestProject::new();
    let written = Block::all_of(stale);
    let mut shell = Shell::new(&project);
    let run: Vec<Block> = written.iter().map(|block| block.run(&mut shell)).collect();
    assert_ne!(normalized(&written), normalized(&run));
    let blessed = Block::replace_all(stale, &run);
    assert!(blessed.contains("\n0123456789ab took 12 ms\n$ echo $?\n3\n```\nend\n"), "{blessed}");
    let another_day = blessed.replace("ab took 12 ms\n", "ab took 1.5 s\n");
    assert_eq!(normalized(&Block::all_of(&another_day)), normalized(&run));
}
