//! Analysis: is a canary as good as what runs beside it? Values in, a decision with its reasons out.
//!
//! | read | for |
//! |---|---|
//! | [`CanaryAnalyzer`] | two numbers a metric, and a tolerance |
//! | [`judge`], [`Metric`], [`Measurement`] | samples, tests, and an answer of three kinds |
//! | [`MetricSpec`], [`Group`], [`Window`], [`Reading`] | where the numbers come from |
//! | [`AnalysisReport`] | what was decided and why, for the record and as a table |
//!
//! Missing data is never a pass: a metric that is absent, holds what is not a number or has too few
//! samples is inconclusive, and so is the whole.

mod counts;
mod judge;
mod measurement;
mod metric;
mod reading;
mod report;
mod settings;
mod simple;
mod source;
mod sparkline;
pub(crate) mod statistics;
mod values;

pub use judge::judge;
pub use measurement::{Counts, Measured, Measurement};
pub use metric::{Direction, Metric};
pub use reading::{InvalidReading, Reading};
pub use report::{AnalysisReport, Decision, Estimate, GroupReport, MetricReport, Verdict};
pub use settings::{InvalidSettings, JudgeSettings};
pub use simple::{CanaryAnalyzer, Deviation, SimpleReport, Tolerance};
pub use source::{Group, Member, MetricSource, MetricSpec, Window};
pub use sparkline::sparkline;

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
