//! The agent that tests send to hosts.

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::SystemTime;

/// Returns the agent beside the binary `windlass`, built now where it is not there or may be older than
/// its sources: testing the whole workspace builds it, testing the command line alone does not.
///
/// # Panics
/// When it is not there and cannot be built.
#[must_use]
#[track_caller]
pub fn agent_binary(windlass: impl AsRef<Path>) -> PathBuf {
    let windlass = windlass.as_ref();
    let agent = windlass.with_file_name("windlass-agent");
    if built(&agent) < built(windlass) {
        build(windlass);
        // What cargo finds to be up to date keeps its time, and would be built for each test.
        let file =
            File::open(&agent).unwrap_or_else(|error| panic!("{}: {error}", agent.display()));
        file.set_modified(SystemTime::now()).expect("it is ours");
    }
    agent
}

fn built(binary: &Path) -> Option<SystemTime> {
    binary.metadata().and_then(|metadata: Metadata| metadata.modified()).ok()
}

fn build(windlass: &Path) {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let target = windlass.ancestors().nth(2).expect("below the target directory");
    let mut command = Command::new(cargo);
    command.args(["build", "--bin", "windlass-agent", "--target-dir"]).arg(target);
    // The whole workspace, so that dependencies have the features that they are built with anyway.
    command.current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."));
    let built = command.output().expect("cargo");
    assert!(built.status.success(), "no agent: {}", String::from_utf8_lossy(&built.stderr));
}
