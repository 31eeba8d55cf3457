//! Values: the Mann-Whitney test and Cliff's delta; another test where most values are zero, and a
//! look at how far they spread.

use super::metric::Metric;
use super::report::{Estimate, GroupReport};
use super::sparkline::thinned;
use super::statistics::fisher::{self, as_f64};
use super::statistics::mann_whitney::{Comparison, compare};
use super::statistics::{Tail, interval};

/// How many samples a report keeps.
const SAMPLES: usize = 60;
/// Where half of all values are zero, or more, ranks say little: that a canary errs at all is one in
/// many of them.
const ZEROS: usize = 2;
/// How much larger the share of values that are not zero may be, where most are zero.
const NONZERO: f64 = 0.1;
/// How many values that are not zero each group needs for a test of them alone.
const FEW: usize = 5;
/// The chance, at most, of doubting a spread that has not changed.
const SPREAD_ALPHA: f64 = 0.01;

/// What a test says of a metric.
pub(super) struct Tested {
    pub(super) canary: GroupReport,
    pub(super) baseline: GroupReport,
    pub(super) effect: Estimate,
    pub(super) p: f64,
    pub(super) tolerance: f64,
    /// Why it is no pass, whatever the effect is.
    pub(super) doubt: Option<String>,
    /// What the effect is counted in.
    pub(super) unit: &'static str,
}

/// Returns what the test says, or why it cannot say anything.
pub(super) fn test(
    metric: &Metric,
    canary: &[f64],
    baseline: &[f64],
    z: f64,
) -> Result<Tested, String> {
    for (name, group) in [("canary", canary), ("baseline", baseline)] {
        check(name, group, metric)?;
    }
    let zeros = canary.iter().chain(baseline).filter(|value| **value == 0.0).count();
    let all = canary.len() + baseline.len();
    if zeros < all && zeros * ZEROS >= all {
        return Ok(mostly_zero(metric, canary, baseline, z));
    }
    let compared = compare(canary, baseline);
    let p = compared.p_value(metric.direction.tail());
    let effect = delta(&compared, z);
    let tolerance = metric.tolerance.unwrap_or(Metric::DELTA);
    let doubt = wider(canary, baseline);
    Ok(tested(canary, baseline, effect, p, tolerance, doubt, "delta"))
}

fn check(name: &str, group: &[f64], metric: &Metric) -> Result<(), String> {
    let least = metric.min_samples.unwrap_or(Metric::MIN_VALUES).max(2);
    let strange = group.iter().filter(|value| !value.is_finite()).count();
    if group.is_empty() {
        return Err(format!("{name} has no data"));
    }
    if strange > 0 {
        return Err(format!("{strange} of {} samples of {name} are not numbers", group.len()));
    }
    if (group.len() as u64) < least {
        return Err(format!("{name} has {} samples, fewer than {least}", group.len()));
    }
    Ok(())
}

fn tested(
    canary: &[f64],
    baseline: &[f64],
    effect: Estimate,
    p: f64,
    tolerance: f64,
    doubt: Option<String>,
    unit: &'static str,
) -> Tested {
    Tested { canary: group(canary), baseline: group(baseline), effect, p, tolerance, doubt, unit }
}

fn group(values: &[f64]) -> GroupReport {
    let samples = thinned(values, SAMPLES);
    GroupReport { value: median(values), n: values.len() as u64, samples }
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    let low = if sorted.len().is_multiple_of(2) { middle - 1 } else { middle };
    f64::midpoint(sorted[low], sorted[middle])
}

fn delta(compared: &Comparison, z: f64) -> Estimate {
    let half = z * compared.deviation;
    let value = compared.delta;
    Estimate { value, low: (value - half).max(-1.0), high: (value + half).min(1.0) }
}

/// Compares how many values are not zero by Fisher's test, and those alone by ranks; the smaller p of
/// two is doubled. The effect is the difference of the shares that are not zero.
fn mostly_zero(metric: &Metric, canary: &[f64], baseline: &[f64], z: f64) -> Tested {
    let nonzero = |group: &[f64]| -> Vec<f64> {
        group.iter().copied().filter(|value| *value != 0.0).collect()
    };
    let (in_canary, in_baseline) = (nonzero(canary), nonzero(baseline));
    let one = (in_canary.len() as u64, canary.len() as u64);
    let other = (in_baseline.len() as u64, baseline.len() as u64);
    let tail = metric.direction.tail();
    let share = fisher::p_value(one.0, one.1, other.0, other.1, tail);
    let p = if in_canary.len().min(in_baseline.len()) < FEW {
        share
    } else {
        (2.0 * share.min(compare(&in_canary, &in_baseline).p_value(tail))).min(1.0)
    };
    let (low, high) = interval::difference(one, other, z);
    let value = as_f64(one.0) / as_f64(one.1) - as_f64(other.0) / as_f64(other.1);
    let tolerance = metric.tolerance.unwrap_or(NONZERO);
    let effect = Estimate { value, low, high };
    let doubt = larger(metric, &in_canary, &in_baseline);
    tested(canary, baseline, effect, p, tolerance, doubt, "share that is not 0")
}

/// Returns whether the values that are not zero are larger, which their number does not show.
fn larger(metric: &Metric, canary: &[f64], baseline: &[f64]) -> Option<String> {
    if canary.is_empty() || baseline.is_empty() {
        return None;
    }
    let p = compare(canary, baseline).p_value(metric.direction.tail());
    (p < SPREAD_ALPHA).then(|| "its values that are not 0 differ".to_owned())
}

/// Returns whether the canary's values spread wider than the baseline's, which ranks do not see: a test
/// of their distances from the median of their own group. A spread alone rolls nothing back, since
/// nobody knows whether it is bad; it is no pass either.
fn wider(canary: &[f64], baseline: &[f64]) -> Option<String> {
    let distances = |group: &[f64]| -> Vec<f64> {
        let middle = median(group);
        group.iter().map(|value| (value - middle).abs()).collect()
    };
    let p = compare(&distances(canary), &distances(baseline)).p_value(Tail::Greater);
    (p < SPREAD_ALPHA).then(|| "spreads wider than the baseline".to_owned())
}
