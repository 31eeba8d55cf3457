//! Values over time in one line of text.

const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// Returns `values` as bars of 8 heights, `width` of them at most: each is the mean of as many values
/// as fall into it. The lowest value is the lowest bar; what is not finite is a space.
#[must_use]
pub fn sparkline(values: &[f64], width: usize) -> String {
    let values = thinned(values, width);
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) =
        (finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max));
    values.iter().map(|&value| bar(value, low, high)).collect()
}

fn bar(value: f64, low: f64, high: f64) -> char {
    if !value.is_finite() {
        return ' ';
    }
    // Halved, so that the span of the largest numbers is finite too.
    let span = high / 2.0 - low / 2.0;
    let part = if span > 0.0 { (value / 2.0 - low / 2.0) / span } else { 0.0 };
    BARS.into_iter()
        .rev()
        .zip((0..8u8).rev())
        .find(|(_, at)| part * 8.0 >= f64::from(*at))
        .map_or(BARS[0], |(bar, _)| bar)
}

/// Returns the means of `width` parts of `values`, or `values` where they are not more.
pub(super) fn thinned(values: &[f64], width: usize) -> Vec<f64> {
    if values.len() <= width || width == 0 {
        return values.to_vec();
    }
    let part = |at: usize| &values[at * values.len() / width..(at + 1) * values.len() / width];
    (0..width).map(|at| mean(part(at))).collect()
}

fn mean(values: &[f64]) -> f64 {
    let n = super::statistics::fisher::as_f64(values.len() as u64);
    values.iter().map(|value| value / n).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_and_the_highest_are_the_ends() {
        assert_eq!(sparkline(&[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0], 8), "▁▂▃▄▅▆▇█");
        assert_eq!(sparkline(&[5.0, 5.0], 8), "▁▁");
        assert_eq!(sparkline(&[], 8), "");
        assert_eq!(sparkline(&[f64::NAN, 1.0, 2.0, f64::INFINITY], 8), " ▁█ ");
        assert_eq!(sparkline(&[-f64::MAX, f64::MAX], 8), "▁█");
    }

    #[test]
    fn many_values_are_thinned() {
        let values: Vec<f64> = (0..1000).map(f64::from).collect();
        assert_eq!(sparkline(&values, 8), "▁▂▃▄▅▆▇█");
        assert_eq!(thinned(&values, 60).len(), 60);
    }
}
