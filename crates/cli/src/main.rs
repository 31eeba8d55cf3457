//! The `windlass` command.

mod ui;

fn main() {}
