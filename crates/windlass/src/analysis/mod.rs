//! Analysis of canaries: metrics are read of both groups at the same time, and judged.
//!
//! [`measure`] asks sources and [`judge()`] decides; between them are values. Whatever goes wrong with a
//! source is missing data with its reason, never a pass.

mod error;
mod fetch;
mod sources;

use std::thread;

pub use windlass_core::analysis::*;

pub use error::SourceError;

/// Gives the numbers of one metric.
pub trait ReadMetric: Sync {
    /// Returns what is known of `group` in `window`. It may block, for as long as its own time limit
    /// says.
    ///
    /// # Errors
    /// [`SourceError`] where nothing is.
    fn read(&self, group: &Group, window: &Window) -> Result<Reading, SourceError>;
}

/// Reads every metric of both groups in the same window, side by side, and returns what was measured, in
/// the order of `specs`. It blocks for as long as the slowest takes.
#[must_use]
pub fn measure(
    specs: &[MetricSpec],
    canary: &Group,
    baseline: &Group,
    window: &Window,
) -> Vec<Measured> {
    let metrics: Vec<_> = specs.iter().map(|spec| (spec.metric.clone(), spec)).collect();
    measure_by(&metrics, canary, baseline, window)
}

/// As [`measure`], with sources of one's own.
#[must_use]
pub fn measure_by<S: ReadMetric>(
    metrics: &[(Metric, &S)],
    canary: &Group,
    baseline: &Group,
    window: &Window,
) -> Vec<Measured> {
    thread::scope(|scope| {
        let started: Vec<_> = metrics
            .iter()
            .map(|(metric, source)| {
                let read = |group| {
                    let thread = thread::Builder::new().name("metric".to_owned());
                    thread.spawn_scoped(scope, move || said(*source, group, window))
                };
                (metric.clone(), read(canary), read(baseline))
            })
            .collect();
        let ended = started.into_iter().map(|(metric, canary, baseline)| {
            let measurement = Measurement::of(joined(canary), joined(baseline));
            Measured { metric, measurement }
        });
        ended.collect()
    })
}

type Started<'s> = std::io::Result<thread::ScopedJoinHandle<'s, Result<Reading, String>>>;

fn joined(thread: Started<'_>) -> Result<Reading, String> {
    let lost = |_| Err("could not be read: the source broke down".to_owned());
    match thread {
        Ok(thread) => thread.join().unwrap_or_else(lost),
        Err(error) => Err(format!("could not be read: {error}")),
    }
}

fn said<S: ReadMetric>(source: &S, group: &Group, window: &Window) -> Result<Reading, String> {
    if group.members.is_empty() {
        return Err("has no targets".to_owned());
    }
    source.read(group, window).map_err(|error| crate::error::describe(&error))
}

#[cfg(test)]
mod tests;
