//! Fisher's exact test: do two groups have the same share of failures?

use super::Tail;

/// Returns the p-value of `x` failures of `n` in the one group and `y` of `m` in the other, given how
/// many there were in all (Fisher 1922). The tail is that of the first group.
///
/// `x <= n` and `y <= m`. It takes as many steps as the tail is wide, which is some deviations.
pub(crate) fn p_value(x: u64, n: u64, y: u64, m: u64, tail: Tail) -> f64 {
    tail.p_value(|tail| match tail {
        Tail::Less => at_least(y, m, x, n),
        Tail::Greater | Tail::Both => at_least(x, n, y, m),
    })
}

/// Returns the chance that the first group has `x` failures or more.
fn at_least(x: u64, n: u64, y: u64, m: u64) -> f64 {
    let failures = x + y;
    let expected = as_f64(failures) * as_f64(n) / as_f64(n + m).max(1.0);
    let least = failures.saturating_sub(m);
    if as_f64(x) > expected {
        sum_up(x, n, m, failures)
    } else if x == least {
        1.0
    } else {
        // The other tail is the same one of the other group, and shorter.
        1.0 - sum_up(failures - (x - 1), m, n, failures)
    }
}

/// Sums the chances of `x`, `x + 1`… failures among `n`, until they add nothing.
fn sum_up(x: u64, n: u64, m: u64, failures: u64) -> f64 {
    let most = failures.min(n);
    let mut term = ln_chance(x, n, m, failures).exp();
    let (mut sum, mut k) = (0.0, x);
    loop {
        sum += term;
        if k >= most || (term <= sum * 1e-18) {
            return sum.min(1.0);
        }
        let up = as_f64(failures - k) * as_f64(n - k);
        // k + 1 <= failures, and of the rest at most m are elsewhere: it is never less than 0.
        let down = as_f64(k + 1) * (as_f64(m) - as_f64(failures) + as_f64(k) + 1.0);
        term *= up / down;
        k += 1;
    }
}

/// Returns the logarithm of the hypergeometric chance of `x` failures among `n`.
fn ln_chance(x: u64, n: u64, m: u64, failures: u64) -> f64 {
    ln_choose(n, x) + ln_choose(m, failures - x) - ln_choose(n + m, failures)
}

fn ln_choose(n: u64, k: u64) -> f64 {
    ln_factorial(n) - ln_factorial(k) - ln_factorial(n - k)
}

/// Returns ln n!: summed where it is small, by Stirling's series where it is not (Abramowitz and
/// Stegun 6.1.41).
fn ln_factorial(n: u64) -> f64 {
    if n < 32 {
        return (2..=n).map(|k| as_f64(k).ln()).sum();
    }
    let x = as_f64(n);
    let x2 = x * x;
    let series = (1.0 / 12.0 - (1.0 / 360.0 - (1.0 / 1260.0 - 1.0 / (1680.0 * x2)) / x2) / x2) / x;
    (x + 0.5) * x.ln() - x + 0.5 * (2.0 * std::f64::consts::PI).ln() + series
}

/// Counts beyond 2⁵³ are rounded, which no test could notice.
pub(crate) fn as_f64(count: u64) -> f64 {
    count as f64
}
