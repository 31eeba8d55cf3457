//! A unit of systemd that must be active.

use std::time::Duration;

use windlass_core::command::Command;

use super::{ProbeContext, ProbeFailure, unhealthy};
use crate::run::{self, Exit, RunError};

const SYSTEMCTL: &str = "systemctl";

/// Returns when systemd says that `unit` is loaded and active.
pub(super) fn probe(
    unit: &str,
    context: &ProbeContext<'_>,
    timeout: Duration,
) -> Result<(), ProbeFailure> {
    let words = [SYSTEMCTL, "show", "--property=LoadState,ActiveState,SubState,Result", "--", unit];
    let command = Command::Argv(words.map(str::to_owned).to_vec());
    let variables = Default::default();
    let interrupt = context.interrupt;
    let asked = run::Context { directory: None, variables: &variables, timeout, interrupt };
    match run::run(&command, &asked) {
        Ok(finished) if finished.exit.is_success() => judge(&finished.output),
        Ok(finished) if finished.exit == Exit::TimedOut => {
            Err(unhealthy(format!("systemd did not answer within {timeout:?}")))
        }
        Ok(finished) => Err(unhealthy(refusal(&finished.output))),
        Err(RunError::NotFound { .. }) => Err(unhealthy("this host has no systemd")),
        Err(error) => Err(super::failed_to_run(&error)),
    }
}

/// Returns what `systemctl` complained of: its first line is the reason, as on a host whose init system
/// is another one.
fn refusal(output: &str) -> String {
    let said = output.lines().map(str::trim).find(|line| !line.is_empty());
    said.map_or_else(|| "systemctl failed".to_owned(), |line| format!("systemctl failed: {line}"))
}

fn judge(output: &str) -> Result<(), ProbeFailure> {
    let property = |key: &str| {
        output.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('=')).unwrap_or("")
    };
    let (load, active) = (property("LoadState"), property("ActiveState"));
    match (load, active) {
        ("loaded", "active" | "reloading") => Ok(()),
        ("not-found", _) => Err(unhealthy("there is no such unit")),
        ("loaded", _) => {
            let (sub, result) = (property("SubState"), property("Result"));
            let why = if matches!(result, "" | "success") { sub } else { result };
            Err(unhealthy(format!("{active} ({why})")))
        }
        ("", _) => Err(unhealthy("systemctl said nothing of the unit")),
        (other, _) => Err(unhealthy(format!("the unit is {other}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Result<(), String> {
        judge(text).map_err(|failure| failure.message)
    }

    #[test]
    fn only_what_is_active_is_healthy() {
        let active = "LoadState=loaded\nActiveState=active\nSubState=running\nResult=success\n";
        assert_eq!(said(active), Ok(()));
        let failed = "LoadState=loaded\nActiveState=failed\nSubState=failed\nResult=exit-code\n";
        assert_eq!(said(failed), Err("failed (exit-code)".to_owned()));
        let restarting =
            "LoadState=loaded\nActiveState=activating\nSubState=auto-restart\nResult=success\n";
        assert_eq!(said(restarting), Err("activating (auto-restart)".to_owned()));
        let missing = "LoadState=not-found\nActiveState=inactive\n";
        assert_eq!(said(missing), Err("there is no such unit".to_owned()));
        assert_eq!(said("LoadState=masked\n"), Err("the unit is masked".to_owned()));
        assert!(said("").is_err());
    }

    #[test]
    fn a_host_without_systemd_says_so() {
        let text = "System has not been booted with systemd as init system (PID 1). Can't operate.\n\
                    Failed to connect to bus: Host is down\n";
        assert!(refusal(text).starts_with("systemctl failed: System has not been booted"));
        assert_eq!(refusal(""), "systemctl failed");
    }
}
