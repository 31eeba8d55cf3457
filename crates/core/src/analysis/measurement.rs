//! What was measured of canary and baseline at the same time.

use serde::{Deserialize, Serialize};

use super::Metric;

/// How many events there were, and how many of them were bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    /// The bad ones: errors.
    pub bad: u64,
    /// All of them: requests.
    pub total: u64,
}

/// Canary and baseline, measured at the same time.
#[derive(Debug, Clone, PartialEq)]
pub enum Measurement {
    /// Events, of which some are bad.
    Counts {
        /// Of the canary.
        canary: Counts,
        /// Of what runs beside it.
        baseline: Counts,
    },
    /// Values in the order of time, such as latencies; they should not overlap in time, as rates do
    /// whose window is longer than the step between them: the tests take samples to be independent.
    Values {
        /// Of the canary.
        canary: Vec<f64>,
        /// Of what runs beside it.
        baseline: Vec<f64>,
    },
    /// Nothing; why.
    Missing(String),
}

/// A metric and what was measured of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// The metric.
    pub metric: Metric,
    /// What was measured.
    pub measurement: Measurement,
}
