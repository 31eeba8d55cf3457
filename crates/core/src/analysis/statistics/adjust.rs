//! Corrections for looking often: at many metrics, and again and again.

/// Returns the p-values as Holm (1979) corrects them for being several: whoever refuses below alpha is
/// wrong about any of them with a chance of alpha at most, however they depend on each other.
pub(crate) fn holm(p_values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|&a, &b| p_values[a].total_cmp(&p_values[b]));
    let mut adjusted = vec![1.0; p_values.len()];
    let mut largest: f64 = 0.0;
    for (before, &at) in order.iter().enumerate() {
        let left = u32::try_from(p_values.len() - before).unwrap_or(u32::MAX);
        largest = largest.max((p_values[at] * f64::from(left)).min(1.0));
        adjusted[at] = largest;
    }
    adjusted
}

/// Returns how much of `alpha` may be spent on look `look` of `looks`, both from 1.
///
/// What is spent in all follows Lan and DeMets (1983) with a function like Pocock's, which leaves early
/// looks much: a bad canary should go at its first stage, when the least of it is out; the function like
/// O'Brien and Fleming's would keep nearly all of alpha for the last. The parts add up to `alpha` and
/// are used as they are, by Boole's inequality: sharper bounds need looks whose increments are
/// independent, which those at servers are not.
pub(crate) fn spent(alpha: f64, look: u32, looks: u32) -> f64 {
    let looks = looks.max(1);
    let look = look.clamp(1, looks);
    let until = |look: u32| {
        let part = f64::from(look) / f64::from(looks);
        alpha * (1.0 + (std::f64::consts::E - 1.0) * part).ln()
    };
    until(look) - until(look - 1)
}
