//! Expected values come from SciPy 1.17.1: `scipy.stats.fisher_exact`, `mannwhitneyu` (`exact`,
//! `asymptotic` with `use_continuity`, and `PermutationMethod(n_resamples=10**6)` where there are ties),
//! `norm.sf`, `norm.ppf` and `binomtest(…).proportion_ci(0.95, "wilson")`.

use super::adjust::{holm, spent};
use super::fisher;
use super::interval::{difference, wilson};
use super::mann_whitney::compare;
use super::normal::{upper_quantile, upper_tail};
use super::*;

#[track_caller]
fn close(actual: f64, expected: f64, relative: f64) {
    let far = (actual - expected).abs();
    assert!(far <= relative * expected.abs(), "{actual:e} instead of {expected:e}");
}

#[test]
fn the_normal_distribution_is_that_of_scipy() {
    let known = [
        (0.0, 0.5),
        (0.5, 0.308_537_538_725_986_9),
        (1.0, 0.158_655_253_931_457_07),
        (1.96, 0.024_997_895_148_220_435),
        (3.0, 0.001_349_898_031_630_093_3),
        (5.0, 2.866_515_718_791_933e-7),
        (8.0, 6.220_960_574_271_74e-16),
        (-1.0, 0.841_344_746_068_542_9),
    ];
    for (z, p) in known {
        close(upper_tail(z), p, 1e-10);
    }
    close(upper_quantile(0.025), 1.959_963_984_540_054, 1e-10);
    close(upper_quantile(0.05), 1.644_853_626_951_472_2, 1e-10);
    close(upper_quantile(1.0 - 1e-6), -4.753_424_308_822_899, 1e-8);
}

#[test]
fn fishers_test_is_that_of_scipy() {
    let known: [(u64, u64, u64, u64, f64, f64); 9] = [
        (8, 600, 0, 600, 0.003_815_598_757_548_41, 1.0),
        (4, 600, 0, 600, 0.062_187_370_009_678_083, 1.0),
        (3, 100, 1, 100, 0.310_601_229_497_742_5, 0.939_379_639_313_317_8),
        (30, 1000, 1, 1000, 1.211_992_093_224_899_4e-8, 0.999_999_999_632_270_2),
        (12, 400, 5, 4000, 1.107_229_397_917_141e-9, 0.999_999_999_959_056_4),
        (7, 10, 2, 10, 0.034_889_259_347_463_68, 0.997_261_252_679_209_3),
        (0, 50, 0, 50, 1.0, 1.0),
        (100, 100_000, 60, 100_000, 9.728_190_300_324_249e-4, 0.999_441_098_344_939_7),
        (1, 24, 10, 23, 0.999_922_370_808_553_7, 0.001_654_098_925_432_846_1),
    ];
    for (x, n, y, m, greater, less) in known {
        close(fisher::p_value(x, n, y, m, Tail::Greater), greater, 1e-8);
        close(fisher::p_value(x, n, y, m, Tail::Less), less, 1e-8);
        let both = (2.0 * greater.min(less)).min(1.0);
        close(fisher::p_value(x, n, y, m, Tail::Both), both, 1e-8);
    }
}

#[test]
fn fishers_test_ends_for_counts_of_any_size() {
    let (few, many) = (1 << 40, 1 << 50);
    for (x, y) in [(0, 0), (0, many), (many, 0), (few, few), (few, few + 1_000_000)] {
        for tail in [Tail::Greater, Tail::Less, Tail::Both] {
            let p = fisher::p_value(x, many, y, many, tail);
            assert!((0.0..=1.0).contains(&p), "{x} {y} {p}");
        }
    }
}

#[test]
fn the_mann_whitney_test_is_that_of_scipy_counted_out() {
    let (a, b) = ([19.0, 22.0, 16.0, 29.0, 24.0], [20.0, 11.0, 17.0, 12.0]);
    let compared = compare(&a, &b);
    close(compared.u, 17.0, 0.0);
    close(compared.delta, 0.7, 1e-12);
    close(compared.p_value(Tail::Both), 1.0 / 9.0, 1e-12);
    close(compared.p_value(Tail::Greater), 1.0 / 18.0, 1e-12);
    close(compared.p_value(Tail::Less), 0.968_253_968_253_968_2, 1e-12);
    let ties = compare(&[4.0, 5.0, 9.0, 9.0, 7.0], &[2.0, 2.0, 3.0, 4.0, 4.0, 5.0]);
    close(ties.u, 27.5, 0.0);
    close(ties.p_value(Tail::Greater), 0.015_151_515_151_515_152, 1e-12);
    let ties = compare(&[1.0, 2.0, 2.0, 3.0, 9.0], &[2.0, 2.0, 3.0, 4.0, 4.0, 5.0]);
    close(ties.u, 10.5, 0.0);
    close(ties.p_value(Tail::Both), 0.480_519_480_519_480_5, 1e-12);
}

#[test]
fn the_mann_whitney_test_is_that_of_scipy_approximated() {
    let e: Vec<f64> = (1..=30).map(f64::from).collect();
    let f: Vec<f64> = e.iter().map(|value| value + 6.5).collect();
    let compared = compare(&f, &e);
    close(compared.u, 624.0, 0.0);
    close(compared.p_value(Tail::Both), 0.010_314_672_402_337_998, 1e-9);
    close(compared.p_value(Tail::Greater), 0.005_157_336_201_168_999, 1e-9);
    // Four times the values of a comparison with many ties.
    let c = [1.1, 2.2, 2.2, 3.3, 5.0, 5.0, 5.0, 8.1, 9.0, 10.5, 11.0, 12.5].repeat(4);
    let d = [0.5, 2.2, 2.2, 3.0, 3.3, 4.0, 5.0, 5.0, 6.0, 7.0, 7.5, 8.0].repeat(4);
    let compared = compare(&c, &d);
    close(compared.u, 1448.0, 0.0);
    close(compared.p_value(Tail::Greater), GREATER_WITH_TIES, 1e-9);
    close(compared.p_value(Tail::Less), LESS_WITH_TIES, 1e-9);
}

const GREATER_WITH_TIES: f64 = 0.014_560_944_189_589_784;
const LESS_WITH_TIES: f64 = 0.985_709_433_147_881_7;

#[test]
fn values_that_are_all_the_same_differ_in_nothing() {
    for n in [3, 100] {
        let same = vec![7.0; n];
        let compared = compare(&same, &same);
        assert_eq!((compared.delta, compared.p_value(Tail::Greater)), (0.0, 1.0));
        assert!(compared.deviation > 0.0);
    }
}

#[test]
fn intervals_are_those_of_scipy_and_newcombe() {
    let z = upper_quantile(0.025);
    let (low, high) = wilson(8, 600, z);
    close(low, 0.006_771_354_149_386_743, 1e-9);
    close(high, 0.026_087_368_170_615_282, 1e-9);
    let (low, high) = wilson(0, 600, z);
    assert!(low.abs() < 1e-15);
    close(high, 0.006_361_701_013_700_71, 1e-9);
    // Newcombe (1998), table II, example (a): 56/70 less 48/80, method 10.
    let (low, high) = difference((56, 70), (48, 80), z);
    assert!((low - 0.0524).abs() < 5e-5 && (high - 0.3339).abs() < 5e-5, "{low} {high}");
    let (low, high) = difference((0, 50), (0, 50), z);
    assert!(low < 0.0 && high > 0.0);
}

#[test]
fn holms_correction_is_that_of_his_paper() {
    let adjusted = holm(&[0.01, 0.04, 0.03, 0.005]);
    for (actual, expected) in adjusted.iter().zip([0.03, 0.06, 0.06, 0.02]) {
        close(*actual, expected, 1e-12);
    }
    assert_eq!(holm(&[]), Vec::<f64>::new());
    assert_eq!(holm(&[0.9, 0.8]), [1.0, 1.0]);
}

#[test]
fn what_is_spent_adds_up_to_alpha() {
    for looks in [1, 2, 5, 100] {
        let all: f64 = (1..=looks).map(|look| spent(0.05, look, looks)).sum();
        close(all, 0.05, 1e-9);
    }
    close(spent(0.05, 1, 1), 0.05, 1e-12);
    // Lan and DeMets (1983): alpha ln(1 + (e - 1) t).
    close(spent(0.05, 1, 4), 0.017_868_700_975_439_42, 1e-12);
}
