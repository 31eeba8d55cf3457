//! The environment of a command: small, and the same whoever runs it.

use std::collections::BTreeMap;
use std::env;
use std::process;

use super::RunError;

/// What commands need of the host's own environment. The last two are for `systemctl --user`.
const INHERITED: [&str; 10] = [
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "LANG",
    "LC_ALL",
    "TZ",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "DBUS_SESSION_BUS_ADDRESS",
];

/// Where programs are looked for when this process was started without `PATH`.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Checks that each of `variables` can be an environment variable.
pub(super) fn check(variables: &BTreeMap<String, String>) -> Result<(), RunError> {
    let bad = |(name, value): &(&String, &String)| {
        name.is_empty() || name.contains(['=', '\0']) || value.contains('\0')
    };
    match variables.iter().find(bad) {
        Some((name, _)) => Err(RunError::Variable { name: name.clone() }),
        None => Ok(()),
    }
}

/// Gives `command` the small environment and `variables`, which win, and nothing else.
pub(super) fn set(command: &mut process::Command, variables: &BTreeMap<String, String>) {
    command.env_clear();
    command.env("PATH", env::var_os("PATH").unwrap_or_else(|| PATH.into()));
    for name in INHERITED {
        if let Some(value) = env::var_os(name) {
            command.env(name, value);
        }
    }
    command.envs(variables);
}
