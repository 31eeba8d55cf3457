//! Counts: Fisher's exact test, and the difference of shares.

use super::measurement::Counts;
use super::metric::Metric;
use super::report::{Estimate, GroupReport};
use super::statistics::fisher::{self, as_f64};
use super::statistics::interval;
use super::values::Tested;

/// Returns what the test says, or why it cannot say anything.
pub(super) fn test(
    metric: &Metric,
    canary: Counts,
    baseline: Counts,
    z: f64,
) -> Result<Tested, String> {
    for (name, group) in [("canary", canary), ("baseline", baseline)] {
        check(name, group, metric)?;
    }
    let (one, other) = ((canary.bad, canary.total), (baseline.bad, baseline.total));
    let tail = metric.direction.tail();
    let p = fisher::p_value(one.0, one.1, other.0, other.1, tail);
    let (low, high) = interval::difference(one, other, z);
    let value = share(canary) - share(baseline);
    Ok(Tested {
        canary: group(canary),
        baseline: group(baseline),
        effect: Estimate { value, low, high },
        p,
        tolerance: metric.tolerance.unwrap_or(Metric::SHARE),
        doubt: None,
        unit: "share",
    })
}

fn check(name: &str, group: Counts, metric: &Metric) -> Result<(), String> {
    let Counts { bad, total } = group;
    let least = metric.min_samples.unwrap_or(Metric::MIN_EVENTS).max(1);
    if bad > total {
        return Err(format!("{name} has {bad} bad events of {total}"));
    }
    if total < least {
        return Err(format!("{name} has {total} events, fewer than {least}"));
    }
    Ok(())
}

fn share(group: Counts) -> f64 {
    as_f64(group.bad) / as_f64(group.total)
}

fn group(counts: Counts) -> GroupReport {
    GroupReport { value: share(counts), n: counts.total, samples: Vec::new() }
}
