//! The standard normal distribution.

/// Beyond this the continued fraction is used, where the series loses digits.
const FAR: f64 = 3.0;

/// Returns the chance of more than `z`, to 12 digits: the series of Marsaglia, "Evaluating the Normal
/// Distribution" (2004), near the middle, and Laplace's continued fraction in the tail.
pub(crate) fn upper_tail(z: f64) -> f64 {
    if z < 0.0 {
        1.0 - upper_tail(-z)
    } else if z < FAR {
        0.5 - density(z) * series(z)
    } else {
        density(z) * continued_fraction(z)
    }
}

fn density(z: f64) -> f64 {
    (-z * z / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt()
}

/// z + z³/3 + z⁵/(3·5) + …
fn series(z: f64) -> f64 {
    let (mut term, mut sum, mut odd) = (z, 0.0, 1.0);
    while sum + term != sum {
        sum += term;
        odd += 2.0;
        term *= z * z / odd;
    }
    sum
}

/// 1/(z + 1/(z + 2/(z + 3/(z + …
fn continued_fraction(z: f64) -> f64 {
    let depth = 200;
    1.0 / (1..=depth).rev().fold(z, |below, k| z + f64::from(k) / below)
}

/// Returns the z of which the chance of more is `p`, for a `p` between 0 and 1, by halving.
pub(crate) fn upper_quantile(p: f64) -> f64 {
    let (mut low, mut high) = (-38.0, 38.0);
    for _ in 0..200 {
        let middle = f64::midpoint(low, high);
        if upper_tail(middle) > p { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}
