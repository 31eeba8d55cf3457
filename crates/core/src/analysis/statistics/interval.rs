//! Confidence intervals.

use super::fisher::as_f64;

/// Returns the interval of Wilson (1927) for a share of `x` in `n`, which is more than 0.
pub(crate) fn wilson(x: u64, n: u64, z: f64) -> (f64, f64) {
    let (x, n) = (as_f64(x), as_f64(n));
    let share = x / n;
    let square = z * z;
    let middle = (share + square / (2.0 * n)) / (1.0 + square / n);
    let half = z / (1.0 + square / n) * (share * (1.0 - share) / n + square / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

/// Returns the interval of Newcombe (1998, his method 10) for the difference of two shares, the first
/// less the second: it stays sensible where there are no failures at all.
pub(crate) fn difference(first: (u64, u64), second: (u64, u64), z: f64) -> (f64, f64) {
    let [(low1, high1), (low2, high2)] = [first, second].map(|(x, n)| wilson(x, n, z));
    let [share1, share2] = [first, second].map(|(x, n)| as_f64(x) / as_f64(n));
    let between = share1 - share2;
    let low = between - (share1 - low1).hypot(high2 - share2);
    let high = between + (high1 - share1).hypot(share2 - low2);
    (low.max(-1.0), high.min(1.0))
}
