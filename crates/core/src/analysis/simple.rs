//! Tolerances: one number of the canary and one of the baseline for each metric.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::metric::Direction;
use super::report::{Decision, Verdict};

/// How much worse a metric of the canary may be: by a part of the baseline's and an amount, together.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Tolerance {
    /// Which change is bad.
    pub direction: Direction,
    /// As a part of the baseline: 0.1 is ten percent.
    pub relative: f64,
    /// As an amount, which says something where the baseline is zero too.
    pub absolute: f64,
}

impl Tolerance {
    /// Returns a tolerance for an increase by `part` of the baseline.
    #[must_use]
    pub const fn increase(part: f64) -> Self {
        Self { direction: Direction::Increase, relative: part, absolute: 0.0 }
    }

    /// Returns a tolerance for a decrease by `part` of the baseline.
    #[must_use]
    pub const fn decrease(part: f64) -> Self {
        Self { direction: Direction::Decrease, relative: part, absolute: 0.0 }
    }

    /// Returns the same, and `amount` more.
    #[must_use]
    pub const fn or_by(self, amount: f64) -> Self {
        Self { absolute: amount, ..self }
    }

    fn verdict(&self, canary: f64, baseline: f64) -> Verdict {
        let allowed = self.relative * baseline.abs() + self.absolute;
        let worse = self.direction.worst(canary - baseline, canary - baseline);
        if !canary.is_finite() || !baseline.is_finite() || !allowed.is_finite() || allowed < 0.0 {
            Verdict::Inconclusive
        } else if worse > allowed {
            Verdict::Fail
        } else {
            Verdict::Pass
        }
    }
}

/// What a metric says by its tolerance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Deviation {
    /// Its name.
    pub name: String,
    /// Of the canary, where it is known.
    pub canary: Option<f64>,
    /// Of the baseline, where it is known.
    pub baseline: Option<f64>,
    /// What it says.
    pub verdict: Verdict,
}

/// What becomes of a canary, and what each metric says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SimpleReport {
    /// What becomes of it.
    pub decision: Decision,
    /// What each metric with a tolerance says, by name.
    pub metrics: Vec<Deviation>,
}

/// Compares metrics of a canary and of what runs beside it with tolerances: promote, roll back or
/// continue.
///
/// A metric beyond its tolerance rolls back. One that is missing, or is not a number, is never a pass:
/// then it is continued, as it is without any tolerance. What has no tolerance is not looked at.
///
/// One number for each says nothing about chance; [`judge`](super::judge()) takes samples.
///
/// ```
/// use windlass_core::analysis::{CanaryAnalyzer, Decision, Tolerance};
///
/// let analyzer = CanaryAnalyzer::new()
///     .with_tolerance("error_rate", Tolerance::increase(0.1).or_by(0.001))
///     .with_tolerance("throughput", Tolerance::decrease(0.2));
/// let baseline = [("error_rate", 0.002), ("throughput", 500.0)];
///
/// let good = analyzer.analyze([("error_rate", 0.002), ("throughput", 480.0)], baseline);
/// assert_eq!(good.decision, Decision::Promote);
/// let bad = analyzer.analyze([("error_rate", 0.03), ("throughput", 510.0)], baseline);
/// assert_eq!(bad.decision, Decision::RollBack);
/// let unknown = analyzer.analyze([("error_rate", 0.002)], baseline);
/// assert_eq!(unknown.decision, Decision::Continue);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct CanaryAnalyzer {
    tolerances: BTreeMap<String, Tolerance>,
}

impl CanaryAnalyzer {
    /// Returns an analyzer without tolerances, which never promotes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the same with a tolerance for the metric `name`.
    #[must_use]
    pub fn with_tolerance(mut self, name: impl Into<String>, tolerance: Tolerance) -> Self {
        self.tolerances.insert(name.into(), tolerance);
        self
    }

    /// Returns what becomes of the canary.
    #[must_use]
    pub fn analyze<'m>(
        &self,
        canary: impl IntoIterator<Item = (&'m str, f64)>,
        baseline: impl IntoIterator<Item = (&'m str, f64)>,
    ) -> SimpleReport {
        let canary: BTreeMap<&str, f64> = canary.into_iter().collect();
        let baseline: BTreeMap<&str, f64> = baseline.into_iter().collect();
        let metrics: Vec<Deviation> = self
            .tolerances
            .iter()
            .map(|(name, tolerance)| {
                let (canary, baseline) = (canary.get(name.as_str()), baseline.get(name.as_str()));
                let verdict = match (canary, baseline) {
                    (Some(&canary), Some(&baseline)) => tolerance.verdict(canary, baseline),
                    _ => Verdict::Inconclusive,
                };
                let known = |value: Option<&f64>| value.copied().filter(|value| value.is_finite());
                let (canary, baseline) = (known(canary), known(baseline));
                Deviation { name: name.clone(), canary, baseline, verdict }
            })
            .collect();
        SimpleReport { decision: decide(&metrics), metrics }
    }
}

fn decide(metrics: &[Deviation]) -> Decision {
    if metrics.iter().any(|metric| metric.verdict == Verdict::Fail) {
        Decision::RollBack
    } else if metrics.is_empty() || metrics.iter().any(|m| m.verdict == Verdict::Inconclusive) {
        Decision::Continue
    } else {
        Decision::Promote
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(tolerance: Tolerance, canary: f64, baseline: f64) -> Decision {
        let analyzer = CanaryAnalyzer::new().with_tolerance("m", tolerance);
        analyzer.analyze([("m", canary)], [("m", baseline)]).decision
    }

    #[test]
    fn only_the_bad_direction_counts() {
        assert_eq!(decided(Tolerance::increase(0.1), 110.0, 100.0), Decision::Promote);
        assert_eq!(decided(Tolerance::increase(0.1), 111.0, 100.0), Decision::RollBack);
        assert_eq!(decided(Tolerance::increase(0.1), 1.0, 100.0), Decision::Promote);
        assert_eq!(decided(Tolerance::decrease(0.1), 89.0, 100.0), Decision::RollBack);
        let either = Tolerance { direction: Direction::Either, ..Tolerance::increase(0.1) };
        assert_eq!(decided(either, 89.0, 100.0), Decision::RollBack);
        assert_eq!(decided(either, 111.0, 100.0), Decision::RollBack);
    }

    #[test]
    fn a_baseline_of_zero_has_an_absolute_tolerance() {
        assert_eq!(decided(Tolerance::increase(0.5), 0.001, 0.0), Decision::RollBack);
        assert_eq!(decided(Tolerance::increase(0.5).or_by(0.01), 0.001, 0.0), Decision::Promote);
    }

    #[test]
    fn what_is_not_known_is_never_a_pass() {
        for strange in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(decided(Tolerance::increase(0.1), strange, 1.0), Decision::Continue);
            assert_eq!(decided(Tolerance::increase(0.1), 1.0, strange), Decision::Continue);
        }
        assert_eq!(decided(Tolerance::increase(f64::NAN), 1.0, 1.0), Decision::Continue);
        assert_eq!(CanaryAnalyzer::new().analyze([], []).decision, Decision::Continue);
    }

    #[test]
    fn a_failure_outweighs_what_is_not_known() {
        let analyzer = CanaryAnalyzer::new()
            .with_tolerance("a", Tolerance::increase(0.1))
            .with_tolerance("b", Tolerance::increase(0.1));
        let report = analyzer.analyze([("a", 9.0)], [("a", 1.0)]);
        assert_eq!(report.decision, Decision::RollBack);
        assert_eq!(report.metrics[1].verdict, Verdict::Inconclusive);
    }
}
