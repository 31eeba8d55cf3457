//! Health checks, as values: what to probe, how often, when to believe it, and what the results mean
//! together.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::command::Command;
use crate::decimal::Decimal;

mod limit;
mod report;

pub use limit::{DiskProbe, Limit, Usage};
pub use report::{CheckReport, HealthReport, HealthStatus};

/// What is probed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Probe {
    /// A `GET` that must be answered as expected.
    Http(HttpProbe),
    /// A connection that must open: `PORT` on the target, or `HOST:PORT`.
    Tcp(String),
    /// A command that must exit with 0.
    Command(Command),
    /// Memory of the host, of which enough must be left. What the kernel could take back from its
    /// caches counts as left (`MemAvailable`).
    Memory(Limit),
    /// A file system of the host, on which enough must be left.
    Disk(DiskProbe),
    /// A unit of systemd on the host that must be active.
    Systemd(String),
    /// A query whose every sample must keep to a bound; an answer without samples is no pass.
    Prometheus(PrometheusProbe),
}

impl Probe {
    /// Returns whether it can only be asked on the host itself.
    #[must_use]
    pub const fn is_of_the_host(&self) -> bool {
        matches!(self, Self::Memory(_) | Self::Disk(_) | Self::Systemd(_))
    }
}

/// A `GET`, and the answer that is good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "WrittenHttp", into = "WrittenHttp")]
pub struct HttpProbe {
    /// Where; `${NAME}` in it is replaced when it is asked.
    pub url: String,
    /// The statuses that are good; 200 to 399 where there are none.
    pub status: Vec<u16>,
    /// A text that must be in the first 64 KiB of the body.
    pub contains: Option<String>,
}

impl HttpProbe {
    /// Returns a probe of `url`, which any status of 200 to 399 satisfies.
    #[must_use]
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), status: Vec::new(), contains: None }
    }

    /// Returns whether `status` is a good one.
    #[must_use]
    pub fn accepts(&self, status: u16) -> bool {
        if self.status.is_empty() {
            (200..400).contains(&status)
        } else {
            self.status.contains(&status)
        }
    }
}

/// How a [`HttpProbe`] is written: as its URL where there is no more to say, as releases always had it.
#[derive(Serialize, Deserialize)]
#[serde(untagged)]
enum WrittenHttp {
    Url(String),
    Expecting {
        url: String,
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        status: Vec<u16>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contains: Option<String>,
    },
}

impl From<WrittenHttp> for HttpProbe {
    fn from(written: WrittenHttp) -> Self {
        match written {
            WrittenHttp::Url(url) => Self::new(url),
            WrittenHttp::Expecting { url, status, contains } => Self { url, status, contains },
        }
    }
}

impl From<HttpProbe> for WrittenHttp {
    fn from(probe: HttpProbe) -> Self {
        let HttpProbe { url, status, contains } = probe;
        if status.is_empty() && contains.is_none() {
            Self::Url(url)
        } else {
            Self::Expecting { url, status, contains }
        }
    }
}

/// An instant query to Prometheus.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PrometheusProbe {
    /// The server, without `/api/v1/query`; `${NAME}` in it is replaced when it is asked.
    pub url: String,
    /// The query; `${NAME}` in it is replaced when it is asked.
    pub query: String,
    /// What every sample must keep to.
    pub bound: Bound,
}

/// What a value must keep to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bound {
    /// This much or less.
    Max(Decimal),
    /// This much or more.
    Min(Decimal),
}

impl Bound {
    /// Returns whether `value` keeps to it; a value that is not a number never does.
    #[must_use]
    pub fn holds(&self, value: f64) -> bool {
        match self {
            Self::Max(most) => value <= most.value(),
            Self::Min(least) => value >= least.value(),
        }
    }
}

impl std::fmt::Display for Bound {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Max(most) => write!(f, "at most {most}"),
            Self::Min(least) => write!(f, "at least {least}"),
        }
    }
}

/// From where a check is asked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Vantage {
    /// On the target's host, by its agent.
    #[default]
    Host,
    /// On the machine of the operator, which sees what is between the two as well, and speaks TLS.
    Operator,
}

impl Vantage {
    fn is_host(&self) -> bool {
        *self == Self::Host
    }
}

/// A health check of a service.
///
/// The defaults are DESIGN's: 3 failures in a row make a target unhealthy, 1 success healthy; a
/// probe that hangs has failed at its timeout.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// What is probed.
    pub probe: Probe,
    /// How long one probe may take, in milliseconds.
    pub timeout_ms: u64,
    /// The time between two probes, in milliseconds.
    pub interval_ms: u64,
    /// Failures in a row that make the target unhealthy.
    pub failures: u32,
    /// Successes in a row that make it healthy.
    pub successes: u32,
    /// Whether the target is unhealthy without it; otherwise it is degraded.
    #[serde(default = "yes", skip_serializing_if = "is_yes")]
    pub critical: bool,
    /// From where it is asked.
    #[serde(default, skip_serializing_if = "Vantage::is_host")]
    pub from: Vantage,
}

const fn yes() -> bool {
    true
}

fn is_yes(critical: &bool) -> bool {
    *critical
}

impl HealthCheck {
    /// Returns a critical check of `probe` on the host with the defaults: 5 s timeout, 1 s interval, 3
    /// failures, 1 success.
    #[must_use]
    pub const fn new(probe: Probe) -> Self {
        Self {
            probe,
            timeout_ms: 5_000,
            interval_ms: 1_000,
            failures: 3,
            successes: 1,
            critical: true,
            from: Vantage::Host,
        }
    }

    /// Returns how long one probe may take.
    #[must_use]
    pub const fn timeout(&self) -> Duration {
        Duration::from_millis(self.timeout_ms)
    }

    /// Returns the time between two probes.
    #[must_use]
    pub const fn interval(&self) -> Duration {
        Duration::from_millis(self.interval_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_check_is_written_as_it_always_was() {
        let check = HealthCheck::new(Probe::Http(HttpProbe::new("http://x/")));
        let written = r#"{"probe":{"http":"http://x/"},"timeout_ms":5000,"interval_ms":1000,"failures":3,"successes":1}"#;
        assert_eq!(serde_json::to_string(&check).expect("JSON"), written);
        assert_eq!(serde_json::from_str::<HealthCheck>(written).expect("a check"), check);
    }

    #[test]
    fn every_check_is_read_as_it_was_written() {
        let number = |text: &str| text.parse().expect("a number");
        let expecting = HttpProbe {
            status: vec![200, 204],
            contains: Some("ok".to_owned()),
            ..HttpProbe::new("http://x/")
        };
        let query = |bound| PrometheusProbe { url: "http://p".into(), query: "up".into(), bound };
        let probes = [
            Probe::Http(expecting),
            Probe::Memory(Limit::MaxUsed(90)),
            Probe::Disk(DiskProbe { path: "/var".into(), limit: Limit::MinAvailable(1 << 30) }),
            Probe::Systemd("nginx.service".into()),
            Probe::Prometheus(query(Bound::Max(number("0.01")))),
            Probe::Prometheus(query(Bound::Min(number("1")))),
        ];
        for probe in probes {
            let from = Vantage::Operator;
            let check = HealthCheck { critical: false, from, ..HealthCheck::new(probe) };
            let written = serde_json::to_string(&check).expect("JSON");
            assert_eq!(serde_json::from_str::<HealthCheck>(&written).expect("a check"), check);
        }
    }

    #[test]
    fn what_is_not_a_number_keeps_to_no_bound() {
        let number: Decimal = "0.5".parse().expect("a number");
        assert!(Bound::Max(number.clone()).holds(0.5) && !Bound::Max(number.clone()).holds(0.6));
        assert!(Bound::Min(number.clone()).holds(0.5) && !Bound::Min(number.clone()).holds(0.4));
        assert!(!Bound::Max(number.clone()).holds(f64::NAN) && !Bound::Min(number).holds(f64::NAN));
    }
}
