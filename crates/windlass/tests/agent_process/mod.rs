//! Agents as processes of their own: the test binary itself, run again to serve. What it prints
//! before it does is the noise of a login profile. With `WINDLASS_AGENT`, the binary that it names.

#![allow(dead_code, reason = "some tests use one part and some another")]

use std::fs::File;
use std::os::fd::AsFd;

use windlass::host::remote::ProcessConnector;
use windlass_agent::serve::{Patience, serve};

const SERVES: &str = "WINDLASS_TEST_SERVES";
const NAME: &str = "serves_when_it_is_asked_to";

/// Tells whether these tests are built to reach hosts through agents.
pub(crate) fn is_wanted() -> bool {
    env!("CARGO_CRATE_NAME").ends_with("_through_agent")
}

/// Returns the command that serves, which `env` runs.
pub(crate) fn arguments() -> Vec<String> {
    if let Ok(agent) = std::env::var("WINDLASS_AGENT") {
        return vec![agent, "serve".to_owned()];
    }
    let binary = std::env::current_exe().expect("this binary has a path");
    let binary = binary.to_str().expect("UTF-8").to_owned();
    let (_, module) = module_path!().split_once("::").expect("below the crate");
    let test = format!("{module}::{NAME}");
    let options = ["--exact", "--nocapture", "--test-threads=1"].map(str::to_owned);
    [format!("{SERVES}=1"), binary, test].into_iter().chain(options).collect()
}

/// Returns what starts agents as processes.
pub(crate) fn connector() -> ProcessConnector {
    ProcessConnector::new("env", arguments())
}

#[test]
fn serves_when_it_is_asked_to() {
    if std::env::var_os(SERVES).is_none() {
        return;
    }
    let input = std::io::stdin().as_fd().try_clone_to_owned().expect("a descriptor");
    let output = std::io::stdout().as_fd().try_clone_to_owned().expect("a descriptor");
    let give_up = || std::process::exit(75);
    let served = serve(File::from(input), File::from(output), Patience::default(), give_up);
    std::process::exit(i32::from(served.is_err()));
}
