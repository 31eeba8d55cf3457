//! What asks servers from here: TLS too, where a check needs it.

use ureq::Agent;
use windlass_core::health::{CheckReport, HealthCheck, HealthStatus, Probe};

use crate::remote::tls;

/// Asks servers for checks.
#[derive(Debug)]
pub(super) enum Client {
    /// Without TLS, which no check needs.
    Plain,
    /// With TLS.
    Secure(Agent),
    /// A check needs TLS, and this machine has no authorities to trust; why.
    Untrusting(String),
}

impl Client {
    /// Returns what `checks` need.
    pub(super) fn for_checks<'c>(mut checks: impl Iterator<Item = &'c HealthCheck>) -> Self {
        if !checks.any(is_secure) {
            return Self::Plain;
        }
        match secure_agent() {
            Ok(agent) => Self::Secure(agent),
            Err(why) => Self::Untrusting(why),
        }
    }

    pub(super) const fn agent(&self) -> Option<&Agent> {
        match self {
            Self::Secure(agent) => Some(agent),
            Self::Plain | Self::Untrusting(_) => None,
        }
    }

    /// Returns why `check` cannot be asked, if TLS is what it lacks.
    pub(super) fn fault(&self, check: &HealthCheck) -> Option<String> {
        match self {
            Self::Untrusting(why) if is_secure(check) => Some(format!("cannot be asked: {why}")),
            _ => None,
        }
    }

    /// Returns `report` as unknown where its check could not be asked.
    pub(super) fn excuse(&self, report: CheckReport, check: &HealthCheck) -> CheckReport {
        match self.fault(check) {
            Some(detail) => CheckReport { status: HealthStatus::Unknown, detail, ..report },
            None => report,
        }
    }
}

/// Returns what asks servers over TLS, trusting the authorities of this machine.
pub(crate) fn secure_agent() -> Result<Agent, String> {
    let config = Agent::config_builder()
        .tls_config(tls::config()?)
        .max_idle_connections(0)
        .user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")));
    Ok(config.build().new_agent())
}

fn is_secure(check: &HealthCheck) -> bool {
    let url = match &check.probe {
        Probe::Http(http) => &http.url,
        Probe::Prometheus(prometheus) => &prometheus.url,
        _ => return false,
    };
    url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"))
}
