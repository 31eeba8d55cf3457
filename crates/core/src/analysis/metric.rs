//! A metric, and when a change of it is bad.

use serde::{Deserialize, Serialize};

use super::statistics::Tail;

/// Which change is bad.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More, as of errors and latency.
    #[default]
    Increase,
    /// Less, as of throughput.
    Decrease,
    /// Any.
    Either,
}

impl Direction {
    pub(crate) const fn tail(self) -> Tail {
        match self {
            Self::Increase => Tail::Greater,
            Self::Decrease => Tail::Less,
            Self::Either => Tail::Both,
        }
    }

    /// Returns how far an interval of changes reaches into what is bad.
    pub(crate) fn worst(self, low: f64, high: f64) -> f64 {
        match self {
            Self::Increase => high,
            Self::Decrease => -low,
            Self::Either => high.max(-low),
        }
    }
}

/// A metric that canary and baseline are compared by.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Metric {
    /// Its name.
    pub name: String,
    /// Which change of it is bad.
    pub direction: Direction,
    /// How much it counts beside the others; 0 shows it and decides nothing.
    pub weight: u32,
    /// The change that is of no consequence: of counts a difference of shares (0.01: one percentage
    /// point), of values Cliff's delta.
    pub tolerance: Option<f64>,
    /// How many samples each group needs; of counts, events.
    pub min_samples: Option<u64>,
}

impl Metric {
    /// The tolerance of counts: one percentage point.
    pub const SHARE: f64 = 0.01;
    /// The tolerance of values: what Romano et al. (2006) call the end of a small effect.
    pub const DELTA: f64 = 0.33;
    /// How many events each group needs for counts.
    pub const MIN_EVENTS: u64 = 50;
    /// How many samples each group needs for values.
    pub const MIN_VALUES: u64 = 10;

    /// Returns a metric of weight 1 of which an increase is bad, with the defaults for the rest.
    #[must_use]
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            direction: Direction::Increase,
            weight: 1,
            tolerance: None,
            min_samples: None,
        }
    }
}
