//! What a source said of one group, and canary and baseline put together.

use serde::Deserialize;

use super::{Counts, Measurement};
use crate::prometheus::Series;

/// What a source said of one group.
#[derive(Debug, Clone, PartialEq)]
pub enum Reading {
    /// Events, of which some are bad.
    Counts(Counts),
    /// Values in the order of time.
    Values(Vec<f64>),
}

/// Why a text is no reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidReading {
    /// It is something else.
    #[error("is not `{{\"values\": […]}}` or `{{\"bad\": …, \"total\": …}}`")]
    Foreign,
    /// A count is not one.
    #[error("has a count that is no number from 0")]
    Count,
    /// A query found nothing.
    #[error("holds no series")]
    NoSeries,
}

#[derive(Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Written {
    Values { values: Vec<Option<f64>> },
    Counts { bad: f64, total: f64 },
}

impl Reading {
    /// Returns what `text` says in JSON. A `null` among values is a value that is not a number.
    ///
    /// # Errors
    /// [`InvalidReading`] where it says nothing of the kind.
    pub fn parse(text: &[u8]) -> Result<Self, InvalidReading> {
        match serde_json::from_slice(text).map_err(|_| InvalidReading::Foreign)? {
            Written::Values { values } => Ok(Self::Values(
                values.into_iter().map(|value| value.unwrap_or(f64::NAN)).collect(),
            )),
            Written::Counts { bad, total } => Self::counts(bad, total),
        }
    }

    /// Returns every sample of `series` as a value, series after series.
    ///
    /// # Errors
    /// [`InvalidReading::NoSeries`] where there are none.
    pub fn of_series(series: &[Series]) -> Result<Self, InvalidReading> {
        let samples = series.iter().flat_map(|one| one.samples.iter().map(|sample| sample.value));
        let values: Vec<f64> = samples.collect();
        if values.is_empty() { Err(InvalidReading::NoSeries) } else { Ok(Self::Values(values)) }
    }

    /// Returns counts whose parts are the sums of series, rounded: increases are extrapolated.
    ///
    /// # Errors
    /// [`InvalidReading`] where there are no series, or a sum is no count.
    pub fn of_sums(bad: &[Series], total: &[Series]) -> Result<Self, InvalidReading> {
        let sum = |series| match Self::of_series(series)? {
            Self::Values(values) => Ok(values.iter().sum::<f64>()),
            Self::Counts(_) => Err(InvalidReading::Foreign),
        };
        Self::counts(sum(bad)?, sum(total)?)
    }

    fn counts(bad: f64, total: f64) -> Result<Self, InvalidReading> {
        Ok(Self::Counts(Counts { bad: whole(bad)?, total: whole(total)? }))
    }
}

/// Returns a count, rounded.
fn whole(number: f64) -> Result<u64, InvalidReading> {
    let rounded = number.round();
    // Up to 2⁵³ each whole number is one of its own.
    if (0.0..=9_007_199_254_740_992.0).contains(&rounded) {
        Ok(rounded as u64)
    } else {
        Err(InvalidReading::Count)
    }
}

impl Measurement {
    /// Returns what two readings of one metric are together; what is missing of either is missing.
    #[must_use]
    pub fn of(canary: Result<Reading, String>, baseline: Result<Reading, String>) -> Self {
        match (canary, baseline) {
            (Ok(Reading::Counts(canary)), Ok(Reading::Counts(baseline))) => {
                Self::Counts { canary, baseline }
            }
            (Ok(Reading::Values(canary)), Ok(Reading::Values(baseline))) => {
                Self::Values { canary, baseline }
            }
            (Ok(_), Ok(_)) => {
                Self::Missing("canary and baseline are not measured alike".to_owned())
            }
            (Err(one), Err(other)) if one == other => Self::Missing(one),
            (Err(one), Err(other)) => Self::Missing(format!("canary {one}; baseline {other}")),
            (Err(why), Ok(_)) => Self::Missing(format!("canary {why}")),
            (Ok(_), Err(why)) => Self::Missing(format!("baseline {why}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_read_as_values_or_counts() {
        let counts = Reading::Counts(Counts { bad: 3, total: 600 });
        assert_eq!(Reading::parse(br#"{"bad": 3, "total": 600.2}"#), Ok(counts));
        let values = Reading::parse(br#"{"values": [1, null, 2.5]}"#).expect("values");
        let Reading::Values(values) = values else { panic!("they are values") };
        assert!(values[0] == 1.0 && values[1].is_nan() && values[2] == 2.5);
        for bad in ["", "[]", "{}", "{\"bad\": 1}", "{\"values\": 1}", "{\"values\": [\"1\"]}"] {
            assert_eq!(Reading::parse(bad.as_bytes()), Err(InvalidReading::Foreign), "{bad}");
        }
        for bad in ["-1", "1e300", "-0.6"] {
            let text = format!("{{\"bad\": {bad}, \"total\": 5}}");
            assert_eq!(Reading::parse(text.as_bytes()), Err(InvalidReading::Count), "{bad}");
        }
    }

    #[test]
    fn no_series_is_no_count_of_zero() {
        let sample = crate::prometheus::Sample { at: 0.0, value: 2.4 };
        let series = [Series { labels: String::new(), samples: vec![sample, sample] }];
        let counts = Reading::Counts(Counts { bad: 5, total: 5 });
        assert_eq!(Reading::of_sums(&series, &series), Ok(counts));
        assert_eq!(Reading::of_sums(&[], &series), Err(InvalidReading::NoSeries));
        assert_eq!(Reading::of_series(&[]), Err(InvalidReading::NoSeries));
    }

    #[test]
    fn what_is_missing_of_either_is_missing() {
        let values = || Ok(Reading::Values(vec![1.0]));
        let counts = || Ok(Reading::Counts(Counts { bad: 0, total: 1 }));
        let lost = |why: &str| Err(why.to_owned());
        let missing = |why: &str| Measurement::Missing(why.to_owned());
        assert_eq!(Measurement::of(lost("x"), values()), missing("canary x"));
        assert_eq!(Measurement::of(values(), lost("x")), missing("baseline x"));
        assert_eq!(Measurement::of(lost("x"), lost("x")), missing("x"));
        let alike = missing("canary and baseline are not measured alike");
        assert_eq!(Measurement::of(values(), counts()), alike);
    }
}
