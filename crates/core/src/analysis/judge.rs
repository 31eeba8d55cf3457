//! The judge: each metric is tested, the p-values are corrected, and the verdicts weighed.

use super::measurement::{Measured, Measurement};
use super::metric::Metric;
use super::report::{AnalysisReport, Decision, MetricReport, Verdict};
use super::settings::{InvalidSettings, JudgeSettings};
use super::statistics::adjust::holm;
use super::statistics::normal::upper_quantile;
use super::values::Tested;
use super::{counts, values};

/// Returns what becomes of a canary, and why.
///
/// Each metric is tested: counts by Fisher's exact test, values by that of Mann and Whitney. It
/// fails where the canary is worse for sure: its p-value, corrected by Holm for the number of metrics, is
/// not above the alpha of this look. It passes where the canary is surely not worse by more than the
/// tolerance: the one-sided 95 % bound of the effect is within it. Everything else is inconclusive,
/// missing data too. A difference that is sure and within the tolerance passes.
///
/// # Errors
/// [`InvalidSettings`] where nothing can be judged by them.
pub fn judge(
    measured: &[Measured],
    settings: &JudgeSettings,
) -> Result<AnalysisReport, InvalidSettings> {
    settings.check()?;
    // The interval says how well the effect is known, at every look; it is no test of several.
    let z = upper_quantile(CONFIDENCE);
    let tested: Vec<_> = measured.iter().map(|one| test(one, z)).collect();
    let counting = |at: &usize| measured[*at].metric.weight > 0 && tested[*at].is_ok();
    let several: Vec<usize> = (0..tested.len()).filter(counting).collect();
    let p_values: Vec<f64> = several.iter().filter_map(|&at| p_of(&tested[at])).collect();
    let mut adjusted = vec![None; tested.len()];
    several.iter().zip(holm(&p_values)).for_each(|(&at, p)| adjusted[at] = Some(p));
    let alpha = settings.alpha_of_look();
    let reports = measured.iter().zip(tested).zip(adjusted);
    let metrics = reports.map(|((one, tested), p)| report(&one.metric, tested, p, alpha)).collect();
    Ok(weigh(metrics, settings))
}

/// The chance that an effect is beyond its bound, on each side.
const CONFIDENCE: f64 = 0.05;

fn test(one: &Measured, z: f64) -> Result<Tested, String> {
    if one.metric.tolerance.is_some_and(|tolerance| tolerance.is_nan() || tolerance < 0.0) {
        return Err("its tolerance is not a number from 0".to_owned());
    }
    match &one.measurement {
        Measurement::Counts { canary, baseline } => {
            counts::test(&one.metric, *canary, *baseline, z)
        }
        Measurement::Values { canary, baseline } => values::test(&one.metric, canary, baseline, z),
        Measurement::Missing(why) => Err(format!("no data: {why}")),
    }
}

fn p_of(tested: &Result<Tested, String>) -> Option<f64> {
    tested.as_ref().ok().map(|tested| tested.p)
}

fn report(
    metric: &Metric,
    tested: Result<Tested, String>,
    p_adjusted: Option<f64>,
    alpha: f64,
) -> MetricReport {
    let empty = MetricReport {
        name: metric.name.clone(),
        weight: metric.weight,
        canary: None,
        baseline: None,
        effect: None,
        p: None,
        p_adjusted,
        verdict: Verdict::Inconclusive,
        reason: String::new(),
    };
    let tested = match tested {
        Ok(tested) => tested,
        Err(reason) => return MetricReport { reason, ..empty },
    };
    let (verdict, reason) = conclude(metric, &tested, p_adjusted.unwrap_or(tested.p), alpha);
    MetricReport {
        canary: Some(tested.canary),
        baseline: Some(tested.baseline),
        effect: Some(tested.effect),
        p: Some(tested.p),
        verdict,
        reason,
        ..empty
    }
}

/// Returns what a metric says of which there is data.
fn conclude(metric: &Metric, tested: &Tested, p: f64, alpha: f64) -> (Verdict, String) {
    let Tested { effect, tolerance, unit, .. } = tested;
    let worst = metric.direction.worst(effect.low, effect.high);
    let within = worst <= *tolerance;
    match (&tested.doubt, within, p <= alpha) {
        (Some(doubt), true, _) => (Verdict::Inconclusive, doubt.clone()),
        (None, true, true) => {
            (Verdict::Pass, format!("worse, and within the tolerance of {tolerance} ({unit})"))
        }
        (None, true, false) => {
            (Verdict::Pass, format!("not worse by more than {tolerance} ({unit})"))
        }
        (_, false, true) => (Verdict::Fail, format!("worse (p {p:.2e}, alpha {alpha:.4})")),
        (_, false, false) => (
            Verdict::Inconclusive,
            format!("may be worse by {worst:.4}, more than {tolerance} ({unit}), or not at all"),
        ),
    }
}

fn weigh(metrics: Vec<MetricReport>, settings: &JudgeSettings) -> AnalysisReport {
    let weight = |verdict: Option<Verdict>| -> u64 {
        let of = metrics.iter().filter(|m| verdict.is_none_or(|verdict| m.verdict == verdict));
        of.map(|metric| u64::from(metric.weight)).sum()
    };
    let all = weight(None);
    let percent = |part: u64, of: u32| part * 100 >= all * u64::from(of);
    let (failed, passed) = (weight(Some(Verdict::Fail)), weight(Some(Verdict::Pass)));
    let (decision, verdict) = if failed > 0 && percent(failed, settings.fail_percent) {
        (Decision::RollBack, Verdict::Fail)
    } else if all > 0 && percent(passed, settings.pass_percent) {
        (Decision::Promote, Verdict::Pass)
    } else {
        (Decision::Continue, Verdict::Inconclusive)
    };
    let score = u32::try_from((passed * 100).checked_div(all).unwrap_or(0)).unwrap_or(100);
    AnalysisReport {
        decision,
        reason: because(&metrics, verdict),
        score,
        look: settings.look,
        looks: settings.looks,
        alpha: settings.alpha_of_look(),
        metrics,
    }
}

/// Returns the metrics that the decision rests on, with their reasons.
fn because(metrics: &[MetricReport], verdict: Verdict) -> String {
    let mut counting = metrics.iter().filter(|metric| metric.weight > 0).peekable();
    if counting.peek().is_none() {
        return "no metric that counts".to_owned();
    }
    let all = counting.clone().count();
    let said: Vec<&MetricReport> = counting.filter(|metric| metric.verdict == verdict).collect();
    if verdict == Verdict::Pass {
        return format!("{} of {all} metrics pass", said.len());
    }
    if said.is_empty() {
        return "too few metrics pass".to_owned();
    }
    let reasons = said.iter().map(|metric| format!("`{}` {}", metric.name, metric.reason));
    reasons.collect::<Vec<_>>().join("; ")
}
