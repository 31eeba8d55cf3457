//! Health checks from where this process runs: of a program of one's own, and of the operator.

mod client;
mod operator;

use std::collections::BTreeMap;

use windlass_agent::probe::{self, ProbeContext};
pub use windlass_core::command::Command;
pub use windlass_core::health::{
    Bound, CheckReport, DiskProbe, HealthCheck, HealthReport, HealthStatus, HttpProbe, Limit,
    Probe, PrometheusProbe, Vantage,
};

use client::Client;
pub(crate) use client::secure_agent;
pub(crate) use operator::Observed;

/// Asks named checks side by side, and says what they mean together.
///
/// Each is probed once for each report, from here and for at most its timeout: bodies are read to
/// 64 KiB, 5 redirects are followed, and what hangs, flaps, redirects for ever or sends without end
/// is unhealthy. A critical check that fails makes the whole unhealthy, any other degraded; nothing
/// checked is unknown, never healthy.
///
/// ```
/// use windlass::health::{Command, HealthCheck, HealthChecker, HealthStatus, HttpProbe, Limit, Probe};
///
/// let queue = Probe::Command(Command::Shell("test -e /no/such/socket".to_owned()));
/// let checker = HealthChecker::new()
///     .with_check("memory", HealthCheck::new(Probe::Memory(Limit::MinAvailable(1 << 20))))
///     .with_check("queue", HealthCheck { critical: false, ..HealthCheck::new(queue) });
///
/// let report = checker.check("127.0.0.1");
/// assert_eq!(report.status, HealthStatus::Degraded);
/// assert!(report.check("queue").is_some_and(|queue| queue.detail.contains("status 1")));
///
/// // Nobody listens there, and this one is critical.
/// let site = HttpProbe::new("http://${TARGET_ADDRESS}:1/healthz");
/// let report = checker.with_check("site", HealthCheck::new(Probe::Http(site))).check("127.0.0.1");
/// assert_eq!(report.status, HealthStatus::Unhealthy);
/// assert_eq!(HealthChecker::new().check("127.0.0.1").status, HealthStatus::Unknown);
/// ```
#[derive(Debug, Clone, Default)]
pub struct HealthChecker {
    checks: Vec<(String, HealthCheck)>,
    variables: BTreeMap<String, String>,
}

impl HealthChecker {
    /// Returns a checker without checks, to which everything is unknown.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the same with one check more; it is asked from here, whatever its `from` says.
    #[must_use]
    pub fn with_check(mut self, name: impl Into<String>, check: HealthCheck) -> Self {
        self.checks.push((name.into(), check));
        self
    }

    /// Returns the same with values for `${NAME}` in checks, which commands see in their environment.
    #[must_use]
    pub fn with_variables(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.variables.extend(variables);
        self
    }

    /// Asks every check about `address`, a host name or an IP address: `${TARGET_ADDRESS}` in them. It
    /// blocks for as long as the slowest takes.
    #[must_use]
    pub fn check(&self, address: &str) -> HealthReport {
        let client = Client::for_checks(self.checks.iter().map(|(_, check)| check));
        let context = ProbeContext {
            address,
            variables: &self.variables,
            interrupt: None,
            client: client.agent(),
        };
        let named: Vec<_> =
            self.checks.iter().map(|(name, check)| (name.as_str(), check)).collect();
        let reports = probe::report_all(&named, &context).into_iter().zip(&self.checks);
        let reports = reports.map(|(report, (_, check))| client.excuse(report, check));
        HealthReport::of(reports.collect())
    }
}

#[cfg(test)]
mod tests;
