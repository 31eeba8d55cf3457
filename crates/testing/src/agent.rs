//! The agent that tests send to hosts.

use std::path::{Path, PathBuf};
use std::process::Command;

/// Returns the agent beside the binary `windlass`, built now where it is not there: testing the
/// whole workspace builds it, testing the command line alone does not.
///
/// # Panics
/// When it is not there and cannot be built.
#[must_use]
#[track_caller]
pub fn agent_binary(windlass: impl AsRef<Path>) -> PathBuf {
    let agent = windlass.as_ref().with_file_name("windlass-agent");
    if !agent.is_file() {
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut command = Command::new(cargo);
        command.args(["build", "--package", "windlass-agent", "--bin", "windlass-agent"]);
        let target = windlass.as_ref().ancestors().nth(2).expect("below the target directory");
        command.arg("--target-dir").arg(target);
        let built = command.current_dir(env!("CARGO_MANIFEST_DIR")).output().expect("cargo");
        let said = String::from_utf8_lossy(&built.stderr);
        assert!(built.status.success() && agent.is_file(), "no agent: {said}");
    }
    agent
}
