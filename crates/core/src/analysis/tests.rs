use super::*;

fn counts(bad: u64, total: u64, other_bad: u64, other_total: u64) -> Measurement {
    Measurement::Counts {
        canary: Counts { bad, total },
        baseline: Counts { bad: other_bad, total: other_total },
    }
}

fn values(canary: Vec<f64>, baseline: Vec<f64>) -> Measurement {
    Measurement::Values { canary, baseline }
}

fn one(measurement: Measurement) -> Measured {
    Measured { metric: Metric::new("m"), measurement }
}

fn with(metric: Metric, measurement: Measurement) -> Measured {
    Measured { metric, measurement }
}

fn judged(measured: &[Measured]) -> AnalysisReport {
    judge(measured, &JudgeSettings::default()).expect("sound settings")
}

/// Returns what is decided by one metric, and why.
fn decided(measurement: Measurement) -> (Decision, String) {
    let report = judged(&[one(measurement)]);
    (report.decision, report.metrics[0].reason.clone())
}

fn decision(measurement: Measurement) -> Decision {
    decided(measurement).0
}

/// Returns `n` values from 100 on, in no order, `by` apart.
fn scattered(n: u32, by: f64) -> Vec<f64> {
    (0..n).map(|k| 100.0 + f64::from(k * 7 % n) * by).collect()
}

#[test]
fn known_counts() {
    assert_eq!(decision(counts(8, 600, 0, 600)), Decision::RollBack);
    assert_eq!(decision(counts(4, 600, 0, 600)), Decision::Continue);
    assert_eq!(decision(counts(0, 600, 0, 600)), Decision::Promote);
    assert_eq!(decision(counts(0, 600, 8, 600)), Decision::Promote);
    assert_eq!(decision(counts(30, 1_000, 1, 1_000)), Decision::RollBack);
    assert_eq!(decision(counts(3, 100, 0, 100)), Decision::Continue);
}

#[test]
fn what_is_worse_for_sure_and_of_no_consequence_passes() {
    let (decision, reason) = decided(counts(100, 100_000, 60, 100_000));
    assert_eq!(decision, Decision::Promote);
    assert_eq!(reason, "worse, and within the tolerance of 0.01 (share)");
    let strict = Metric { tolerance: Some(0.0), ..Metric::new("m") };
    let report = judged(&[with(strict, counts(100, 100_000, 60, 100_000))]);
    assert_eq!(report.decision, Decision::RollBack);
}

#[test]
fn missing_data_is_never_a_pass() {
    let absent = decided(Measurement::Missing("connection refused".to_owned()));
    assert_eq!(absent, (Decision::Continue, "no data: connection refused".to_owned()));
    let cases = [
        (counts(0, 49, 0, 600), "canary has 49 events, fewer than 50"),
        (counts(0, 600, 0, 0), "baseline has 0 events, fewer than 50"),
        (counts(7, 6, 0, 600), "canary has 7 bad events of 6"),
        (values(vec![], scattered(20, 1.0)), "canary has no data"),
        (values(scattered(20, 1.0), vec![]), "baseline has no data"),
        (values(scattered(9, 1.0), scattered(20, 1.0)), "canary has 9 samples, fewer than 10"),
        (
            values(vec![f64::NAN; 20], scattered(20, 1.0)),
            "20 of 20 samples of canary are not numbers",
        ),
        (
            values(scattered(20, 1.0), [scattered(19, 1.0), vec![f64::INFINITY]].concat()),
            "1 of 20 samples of baseline are not numbers",
        ),
    ];
    for (measurement, reason) in cases {
        assert_eq!(decided(measurement), (Decision::Continue, reason.to_owned()));
    }
    assert_eq!(judged(&[]).decision, Decision::Continue);
    assert_eq!(judged(&[]).reason, "no metric that counts");
}

#[test]
fn a_pass_beside_missing_data_is_no_promotion_and_a_failure_is_a_rollback() {
    let missing = || one(Measurement::Missing("none".to_owned()));
    let passes = judged(&[one(counts(0, 600, 0, 600)), missing()]);
    assert_eq!((passes.decision, passes.score), (Decision::Continue, 50));
    let fails = judged(&[one(counts(30, 600, 0, 600)), missing()]);
    assert_eq!(fails.decision, Decision::RollBack);
    assert!(fails.reason.starts_with("`m` worse (p "), "{}", fails.reason);
}

#[test]
fn values_that_are_larger_fail_and_identical_ones_pass() {
    let base = scattered(60, 1.0);
    let slower: Vec<f64> = base.iter().map(|value| value + 30.0).collect();
    assert_eq!(decision(values(slower.clone(), base.clone())), Decision::RollBack);
    assert_eq!(decision(values(base.clone(), slower.clone())), Decision::Promote);
    assert_eq!(decision(values(base.clone(), base.clone())), Decision::Promote);
    // Without a spread there is no rank to go by, and nothing differs.
    assert_eq!(decision(values(vec![5.0; 60], vec![5.0; 60])), Decision::Promote);
    assert_eq!(decision(values(vec![0.0; 60], vec![0.0; 60])), Decision::Promote);
    assert_eq!(decision(values(vec![6.0; 60], vec![5.0; 60])), Decision::RollBack);
}

#[test]
fn each_direction_is_the_bad_one_where_it_is_said() {
    let base = scattered(60, 1.0);
    let more: Vec<f64> = base.iter().map(|value| value + 30.0).collect();
    let decision = |direction, canary: &[f64], baseline: &[f64]| {
        let metric = Metric { direction, ..Metric::new("m") };
        judged(&[with(metric, values(canary.to_vec(), baseline.to_vec()))]).decision
    };
    assert_eq!(decision(Direction::Decrease, &base, &more), Decision::RollBack);
    assert_eq!(decision(Direction::Decrease, &more, &base), Decision::Promote);
    assert_eq!(decision(Direction::Either, &base, &more), Decision::RollBack);
    assert_eq!(decision(Direction::Either, &more, &base), Decision::RollBack);
    assert_eq!(decision(Direction::Either, &base, &base), Decision::Promote);
}

#[test]
fn errors_in_few_samples_are_seen_among_many_zeros() {
    let mostly_zero = |nonzero: usize| -> Vec<f64> {
        (0..120).map(|at| if at % 120 < nonzero { 3.0 } else { 0.0 }).collect()
    };
    // Cliff's delta alone is 0.2 here, which is a small effect.
    assert_eq!(decision(values(mostly_zero(24), mostly_zero(0))), Decision::RollBack);
    assert_eq!(decision(values(mostly_zero(1), mostly_zero(1))), Decision::Promote);
    let larger: Vec<f64> = mostly_zero(24).iter().map(|value| value * 10.0).collect();
    assert_ne!(decision(values(larger, mostly_zero(24))), Decision::Promote);
}

#[test]
fn a_wider_spread_is_no_pass_and_no_rollback() {
    let base = scattered(60, 1.0);
    let wider: Vec<f64> = base.iter().map(|value| 129.5 + (value - 129.5) * 5.0).collect();
    let (decision, reason) = decided(values(wider.clone(), base.clone()));
    assert_eq!(
        (decision, reason.as_str()),
        (Decision::Continue, "spreads wider than the baseline")
    );
    assert_eq!(decided(values(base, wider)).0, Decision::Promote, "a narrower one is fine");
}

#[test]
fn weights_decide_how_much_must_fail_and_pass() {
    let metric = |weight| Metric { weight, ..Metric::new("m") };
    let bad = |weight| with(metric(weight), counts(30, 600, 0, 600));
    let good = |weight| with(metric(weight), counts(0, 600, 0, 600));
    assert_eq!(judged(&[good(1), bad(0)]).decision, Decision::Promote);
    assert_eq!(judged(&[good(9), bad(1)]).decision, Decision::RollBack);
    assert_eq!(judged(&[bad(0)]).decision, Decision::Continue);
    let lenient = JudgeSettings { fail_percent: 25, pass_percent: 75, ..JudgeSettings::default() };
    let decided = |measured: &[Measured]| judge(measured, &lenient).expect("sound").decision;
    assert_eq!(decided(&[good(9), bad(1)]), Decision::Promote);
    assert_eq!(decided(&[good(1), bad(1)]), Decision::RollBack);
}

#[test]
fn many_metrics_need_stronger_evidence() {
    let marginal = || one(counts(6, 600, 0, 600));
    assert_eq!(judged(&[marginal()]).decision, Decision::RollBack);
    let good = || one(counts(0, 600, 0, 600));
    let many: Vec<Measured> = std::iter::once(marginal()).chain((0..9).map(|_| good())).collect();
    let report = judged(&many);
    assert_eq!(report.decision, Decision::Continue, "{report}");
    assert!(report.metrics[0].p_adjusted > report.metrics[0].p);
}

#[test]
fn repeated_looks_need_stronger_evidence() {
    let settings = JudgeSettings::default();
    let at = |look, looks, bad| {
        let measured = [one(counts(bad, 600, 0, 600))];
        judge(&measured, &settings.clone().at_look(look, looks)).expect("sound").decision
    };
    assert_eq!(at(1, 1, 6), Decision::RollBack);
    assert_eq!(at(1, 10, 6), Decision::Continue);
    assert_eq!(at(1, 10, 18), Decision::RollBack, "3 % go at the first look");
}

#[test]
fn settings_that_mean_nothing_are_refused() {
    let default = JudgeSettings::default;
    for bad in [
        JudgeSettings { alpha: 0.0, ..default() },
        JudgeSettings { alpha: f64::NAN, ..default() },
        JudgeSettings { alpha: 0.6, ..default() },
        JudgeSettings { look: 0, ..default() },
        JudgeSettings { look: 2, ..default() },
        JudgeSettings { fail_percent: 0, ..default() },
        JudgeSettings { pass_percent: 101, ..default() },
    ] {
        assert!(judge(&[], &bad).is_err(), "{bad:?}");
    }
    let metric = Metric { tolerance: Some(f64::NAN), ..Metric::new("m") };
    assert_eq!(judged(&[with(metric, counts(0, 600, 0, 600))]).decision, Decision::Continue);
}

#[test]
fn the_report_is_a_table_and_a_record() {
    let named = |name: &str| Metric { name: name.to_owned(), ..Metric::new("") };
    let report = judged(&[
        with(named("errors"), counts(30, 1_000, 1, 1_000)),
        with(named("latency"), values(scattered(60, 1.0), scattered(60, 1.0))),
        with(named("queue\n"), Measurement::Missing("no series".to_owned())),
    ]);
    let text = report.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines[0].starts_with("METRIC   VERDICT       CANARY"), "{text}");
    assert!(lines[1].contains("fail          0.0300") && lines[1].contains("1000/1000"), "{text}");
    assert!(lines[2].contains("pass          129.50 ") && lines[2].contains('▁'), "{text}");
    assert!(
        lines[3].contains("inconclusive  -") && lines[3].ends_with("no data: no series"),
        "{text}"
    );
    assert!(lines[4].starts_with("roll back (look 1 of 1): `errors` worse (p "), "{text}");
    let written = serde_json::to_string(&report).expect("JSON");
    assert_eq!(serde_json::from_str::<AnalysisReport>(&written).expect("a report"), report);
}
