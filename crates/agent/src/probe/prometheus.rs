//! An instant query, whose every sample must keep to a bound.

use std::time::Duration;

use windlass_core::command;
use windlass_core::health::{Bound, PrometheusProbe};
use windlass_core::prometheus::{self, InvalidAnswer, Series};

use super::{ProbeContext, ProbeFailure, http, unhealthy, unknown};

/// Returns when every sample of the answer keeps to the bound, and there is one.
pub(super) fn probe(
    probe: &PrometheusProbe,
    context: &ProbeContext<'_>,
    timeout: Duration,
) -> Result<(), ProbeFailure> {
    let query = command::expand(&probe.query, &context.for_text());
    let server = command::expand(&probe.url, &context.for_url());
    let url = prometheus::query_url(&server, "query", &[("query", &query)]);
    let asked = http::get(&url, context, timeout);
    // That Prometheus is down says nothing about the target.
    let (status, body) = asked.map_err(|failure| unknown(failure.message))?;
    match prometheus::parse(&body) {
        Ok(series) => judge(&series, &probe.bound),
        Err(InvalidAnswer::Foreign) if !status.is_success() => {
            Err(unknown(format!("answered with status {status}")))
        }
        Err(error) => Err(unknown(error.to_string())),
    }
}

fn judge(series: &[Series], bound: &Bound) -> Result<(), ProbeFailure> {
    let samples: Vec<_> =
        series.iter().flat_map(|one| one.samples.iter().map(move |s| (one, s.value))).collect();
    if samples.is_empty() {
        return Err(unknown("no data"));
    }
    if samples.iter().any(|(_, value)| value.is_nan()) {
        return Err(unknown("a sample is not a number"));
    }
    match samples.iter().find(|(_, value)| !bound.holds(*value)) {
        Some((one, value)) => Err(unhealthy(format!("{one} is {value}, not {bound}"))),
        None => Ok(()),
    }
}
