//! A canary that is the same as its baseline, judged a thousand times: how often it is rolled back.

use super::*;

const RUNS: u64 = 1_000;
/// SciPy's `binom.ppf(0.999, 1000, 0.05)`: a judge that is wrong one time in twenty is wrong more often
/// than this in one of a thousand such simulations.
const BOUND: usize = 73;

/// SplitMix64, so that each run is the same everywhere.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Times as servers have them: most are short, some are very long.
    fn latency(&mut self) -> f64 {
        5.0 - 20.0 * (1.0 - self.next()).ln() + if self.next() < 0.02 { 400.0 } else { 0.0 }
    }

    fn errors(&mut self, total: u64, share: f64) -> Counts {
        let bad = (0..total).filter(|_| self.next() < share).count() as u64;
        Counts { bad, total }
    }

    fn series(&mut self, n: usize, one: fn(&mut Self) -> f64) -> Vec<f64> {
        (0..n).map(|_| one(self)).collect()
    }
}

/// Returns one look at four metrics, of which nothing differs.
fn look(chance: &mut Chance) -> Vec<Measured> {
    let zeros = |chance: &mut Chance| if chance.next() < 0.9 { 0.0 } else { chance.next().ceil() };
    let values = |chance: &mut Chance, n: usize, one: fn(&mut Chance) -> f64| Measurement::Values {
        canary: chance.series(n, one),
        baseline: chance.series(n, one),
    };
    // Counts that are small enough to be coarse, and a tolerance of nothing: all that is left is alpha.
    let errors = Measurement::Counts {
        canary: chance.errors(600, 0.02),
        baseline: chance.errors(1200, 0.02),
    };
    let measurements = [
        errors,
        values(chance, 60, Chance::latency),
        values(chance, 12, Chance::latency),
        values(chance, 60, zeros),
    ];
    let strict = |measurement| Measured {
        metric: Metric { tolerance: Some(0.0), ..Metric::new("m") },
        measurement,
    };
    measurements.into_iter().map(strict).collect()
}

/// Returns in how many of all runs one of `looks` rolls back.
fn rolled_back(looks: u32) -> usize {
    let run = |seed: &u64| {
        let mut chance = Chance(seed.wrapping_mul(0x5851_f42d_4c95_7f2d));
        (1..=looks).any(|at| {
            let settings = JudgeSettings::default().at_look(at, looks);
            let report = judge(&look(&mut chance), &settings).expect("sound settings");
            report.decision == Decision::RollBack
        })
    };
    (1..=RUNS).filter(run).count()
}

#[test]
fn a_canary_like_its_baseline_is_rolled_back_no_more_often_than_alpha_says() {
    let wrong = rolled_back(1);
    assert!(wrong <= BOUND, "{wrong} of {RUNS}");
    assert!(wrong > 5, "{wrong} of {RUNS}: a judge that never rolls back would pass this test");
}

#[test]
fn looking_again_makes_it_no_more_often() {
    let wrong = rolled_back(4);
    assert!(wrong <= BOUND, "{wrong} of {RUNS}");
}

#[test]
fn a_canary_that_errs_is_found_at_its_first_look() {
    let found = (1..=200).filter(|seed| {
        let mut chance = Chance(*seed);
        let (canary, baseline) = (chance.errors(1_000, 0.03), chance.errors(9_000, 0.001));
        let measurement = Measurement::Counts { canary, baseline };
        let measured = [Measured { metric: Metric::new("errors"), measurement }];
        let settings = JudgeSettings::default().at_look(1, 4);
        judge(&measured, &settings).expect("sound").decision == Decision::RollBack
    });
    let found = found.count();
    assert!(found >= 195, "{found} of 200");
}
