//! The statistics that the judge needs; each function says where it comes from.

pub(crate) mod adjust;
pub(crate) mod fisher;
pub(crate) mod interval;
pub(crate) mod mann_whitney;
pub(crate) mod normal;

#[cfg(test)]
mod tests;

/// Which way of two a test looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tail {
    /// The first is larger.
    Greater,
    /// The first is smaller.
    Less,
    /// Either: twice the smaller of the two, which is never too small.
    Both,
}

impl Tail {
    /// Returns the p-value that `one_sided` makes of it.
    fn p_value(self, one_sided: impl Fn(Self) -> f64) -> f64 {
        match self {
            Self::Both => {
                let smaller = one_sided(Self::Greater).min(one_sided(Self::Less));
                (2.0 * smaller).clamp(0.0, 1.0)
            }
            one => one_sided(one).clamp(0.0, 1.0),
        }
    }
}
