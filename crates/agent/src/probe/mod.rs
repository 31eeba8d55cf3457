//! Health checks, carried out.
//!
//! | read | for |
//! |---|---|
//! | [`probe_once`] | one probe: healthy now, or why not |
//! | [`await_healthy`] | all checks of a service, until each is believed or one is not |

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use windlass_core::command::{self, Command};
use windlass_core::health::{HealthCheck, Probe};

use crate::interrupt::Interrupt;
use crate::run;

mod http;
mod tcp;
mod watch;

pub use watch::await_healthy;

/// The variable that names the target in a probe.
const TARGET_ADDRESS: &str = "TARGET_ADDRESS";

/// What probes need to know about the target.
#[derive(Debug, Clone, Copy)]
pub struct ProbeContext<'a> {
    /// A host name or IP address: `${TARGET_ADDRESS}` in probes, whatever `variables` say.
    pub address: &'a str,
    /// Replaced in URLs and addresses where they are written `${NAME}`, and the environment of
    /// commands.
    pub variables: &'a BTreeMap<String, String>,
    /// Ends the waiting when it is raised.
    pub interrupt: Option<&'a Interrupt>,
}

/// How long a probe took to find the target healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Latency(pub Duration);

/// Why a probe did not find the target healthy: a lowercase fragment, without a full stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ProbeFailure(pub String);

/// A health check that a target did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What was probed, without credentials, such as `http http://10.0.0.7:8080/healthz`.
    pub probe: String,
    /// What its probes found: a lowercase fragment, without a full stop.
    pub message: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.probe, self.message)
    }
}

/// Probes once, for at most the timeout of `check`, and returns how long the target took to show
/// itself healthy.
///
/// # Errors
/// [`ProbeFailure`] when it answered that it is not, or did not answer in time.
pub fn probe_once(
    check: &HealthCheck,
    context: &ProbeContext<'_>,
) -> Result<Latency, ProbeFailure> {
    probe_within(&check.probe, context, check.timeout())
}

fn probe_within(
    probe: &Probe,
    context: &ProbeContext<'_>,
    timeout: Duration,
) -> Result<Latency, ProbeFailure> {
    let started = Instant::now();
    // A timeout of zero would mean "none" to the socket calls.
    let timeout = timeout.clamp(Duration::from_millis(1), LONGEST);
    match probe {
        Probe::Http(url) => http::probe(&command::expand(url, &context.for_url()), timeout)?,
        Probe::Tcp(address) => {
            let address = command::expand(address, &context.for_text());
            tcp::probe(&address, context.address, timeout)?;
        }
        Probe::Command(command) => probe_command(command, context, timeout)?,
    }
    Ok(Latency(started.elapsed()))
}

/// A timeout or deadline beyond this is this: the sum with a point in time must not overflow.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

impl ProbeContext<'_> {
    fn for_text(&self) -> BTreeMap<String, String> {
        self.with_address(self.address.to_owned())
    }

    fn for_url(&self) -> BTreeMap<String, String> {
        self.with_address(tcp::bracketed(self.address))
    }

    fn with_address(&self, address: String) -> BTreeMap<String, String> {
        let mut variables = self.variables.clone();
        variables.insert(TARGET_ADDRESS.to_owned(), address);
        variables
    }

    /// Returns what `probe` probes, as a person would write it, without credentials.
    fn describe(&self, probe: &Probe) -> String {
        match probe {
            Probe::Http(url) => {
                let url = command::expand(url, &self.for_url());
                format!("http {}", http::without_credentials(&url))
            }
            Probe::Tcp(address) => {
                let address = command::expand(address, &self.for_text());
                format!("tcp {}", tcp::described(&address, self.address))
            }
            Probe::Command(command) => format!("command `{command}`"),
        }
    }
}

fn probe_command(
    command: &Command,
    context: &ProbeContext<'_>,
    timeout: Duration,
) -> Result<(), ProbeFailure> {
    let variables = &context.for_text();
    let interrupt = context.interrupt;
    let context = run::Context { directory: None, variables, timeout, interrupt };
    let finished = run::run(command, &context).map_err(|error| failed_to_run(&error))?;
    if finished.exit.is_success() {
        return Ok(());
    }
    let last = finished.output.lines().rev().find(|line| !line.trim().is_empty());
    let said = last.map(|line| format!(": {}", line.trim())).unwrap_or_default();
    Err(ProbeFailure(match finished.exit {
        run::Exit::TimedOut => format!("no answer within {timeout:?}{said}"),
        exit => format!("{exit}{said}"),
    }))
}

fn failed_to_run(error: &run::RunError) -> ProbeFailure {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    ProbeFailure(format!("{error}{}", cause.unwrap_or_default()))
}

#[cfg(test)]
mod tests;
