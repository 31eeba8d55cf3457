//! Health checks, carried out.
//!
//! | read | for |
//! |---|---|
//! | [`probe_once`] | one probe: healthy now, or why not |
//! | [`report_all`] | each check probed once, side by side, and what it found |
//! | [`await_healthy`] | all checks of a service, until each is believed or one is not |

use std::collections::BTreeMap;
use std::fmt;
use std::thread;
use std::time::{Duration, Instant};

use windlass_core::command::{self, Command};
use windlass_core::health::{CheckReport, HealthCheck, HealthStatus, Probe, Vantage};

use crate::interrupt::Interrupt;
use crate::run;

mod disk;
mod http;
mod memory;
mod patience;
mod prometheus;
mod systemd;
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
    /// What asks servers: the agent itself speaks no TLS, an operator does.
    pub client: Option<&'a ureq::Agent>,
}

/// How long a probe took to find the target healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Latency(pub Duration);

/// Why a probe did not find the target healthy.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ProbeFailure {
    /// Why: a lowercase fragment, without a full stop.
    pub message: String,
    /// Unhealthy; or unknown, where there was no answer about the target at all.
    pub status: HealthStatus,
}

fn unhealthy(message: impl Into<String>) -> ProbeFailure {
    ProbeFailure { message: message.into(), status: HealthStatus::Unhealthy }
}

fn unknown(message: impl Into<String>) -> ProbeFailure {
    ProbeFailure { message: message.into(), status: HealthStatus::Unknown }
}

/// A health check that a target did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What was probed, without credentials, such as `http http://10.0.0.7:8080/healthz`.
    pub probe: String,
    /// What its probes found: a lowercase fragment, without a full stop.
    pub message: String,
    /// Whether the target is unhealthy for it; otherwise it is degraded.
    pub critical: bool,
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

/// Probes each of `checks` once, side by side, each for at most its timeout, and returns what they
/// found, in their order.
#[must_use]
pub fn report_all(checks: &[(&str, &HealthCheck)], context: &ProbeContext<'_>) -> Vec<CheckReport> {
    thread::scope(|scope| {
        let start = |&(name, check)| {
            let thread = thread::Builder::new().name("probe".to_owned());
            let started = thread.spawn_scoped(scope, move || report(name, check, context));
            (name, check, started)
        };
        let started: Vec<_> = checks.iter().map(start).collect();
        let ended = started.into_iter().map(|(name, check, started)| {
            let broken = || unknown("the probe broke down");
            let reported = started.ok().and_then(|thread| thread.join().ok());
            reported
                .unwrap_or_else(|| reported_as(name, check, context, Duration::ZERO, Err(broken())))
        });
        ended.collect()
    })
}

fn report(name: &str, check: &HealthCheck, context: &ProbeContext<'_>) -> CheckReport {
    let started = Instant::now();
    let outcome = probe_once(check, context).map(drop);
    reported_as(name, check, context, started.elapsed(), outcome)
}

fn reported_as(
    name: &str,
    check: &HealthCheck,
    context: &ProbeContext<'_>,
    took: Duration,
    outcome: Result<(), ProbeFailure>,
) -> CheckReport {
    let probe = context.describe(&check.probe);
    let (status, detail) = match outcome {
        Ok(()) => (HealthStatus::Healthy, probe),
        Err(failure) => (failure.status, format!("{probe}: {}", failure.message)),
    };
    let latency_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    CheckReport { name: name.to_owned(), status, critical: check.critical, latency_us, detail }
}

/// Returns those of `checks` that are asked on the host.
pub(crate) fn on_the_host(checks: &[HealthCheck]) -> Vec<HealthCheck> {
    checks.iter().filter(|check| check.from == Vantage::Host).cloned().collect()
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
        Probe::Http(probe) => http::probe(probe, context, timeout)?,
        Probe::Tcp(address) => {
            let address = command::expand(address, &context.for_text());
            tcp::probe(&address, context.address, timeout)?;
        }
        Probe::Command(command) => probe_command(command, context, timeout)?,
        Probe::Memory(limit) => memory::probe(*limit)?,
        Probe::Disk(disk) => {
            let path = command::expand(&disk.path, &context.for_text());
            disk::probe(&path, disk.limit, timeout)?;
        }
        Probe::Systemd(unit) => {
            systemd::probe(&command::expand(unit, &context.for_text()), context, timeout)?;
        }
        Probe::Prometheus(query) => prometheus::probe(query, context, timeout)?,
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
            Probe::Http(probe) => format!("http {}", self.shown_url(&probe.url)),
            Probe::Tcp(address) => {
                let address = command::expand(address, &self.for_text());
                format!("tcp {}", tcp::described(&address, self.address))
            }
            Probe::Command(command) => format!("command `{command}`"),
            Probe::Memory(limit) => format!("memory, {limit}"),
            Probe::Disk(disk) => {
                let path = command::expand(&disk.path, &self.for_text());
                format!("disk {path}, {}", disk.limit)
            }
            Probe::Systemd(unit) => format!("systemd {}", command::expand(unit, &self.for_text())),
            Probe::Prometheus(probe) => {
                let query = command::expand(&probe.query, &self.for_text());
                format!("prometheus {}, `{query}` {}", self.shown_url(&probe.url), probe.bound)
            }
        }
    }

    fn shown_url(&self, url: &str) -> String {
        http::without_credentials(&command::expand(url, &self.for_url()))
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
    Err(unhealthy(match finished.exit {
        run::Exit::TimedOut => format!("no answer within {timeout:?}{said}"),
        exit => format!("{exit}{said}"),
    }))
}

fn failed_to_run(error: &run::RunError) -> ProbeFailure {
    let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
    unhealthy(format!("{error}{}", cause.unwrap_or_default()))
}

#[cfg(test)]
mod tests;
