//! Durations as people write them: `10s`, `5m`, `1h30m`.

use std::time::Duration;

use jiff::SpanRelativeTo;
use jiff::fmt::friendly::SpanParser;

/// The longest duration that [`parse_duration`] takes: 365 days.
pub const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

const LONGEST_TEXT: usize = 64;

/// Why a text is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDuration {
    /// A number alone.
    #[error("duration {0:?} has no unit")]
    NoUnit(String),
    /// Zero, or less.
    #[error("duration {0:?} is not more than zero")]
    NotPositive(String),
    /// More than [`LONGEST`].
    #[error("duration {0:?} is longer than 365 days")]
    TooLong(String),
    /// Anything else.
    #[error("{0:?} is not a duration")]
    Malformed(String),
}

impl InvalidDuration {
    /// Returns what to write instead.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::NoUnit(text) if is_small_count(text) => format!("write `{text}s` for seconds"),
            Self::NotPositive(_) => "write at least `1ms`".to_owned(),
            Self::TooLong(_) => "write at most `365d`".to_owned(),
            Self::NoUnit(_) | Self::Malformed(_) => {
                "write a number with a unit, such as `250ms`, `10s`, `5m`, `1h30m` or `2d`"
                    .to_owned()
            }
        }
    }
}

fn is_small_count(text: &str) -> bool {
    text.parse::<u32>().is_ok_and(|count| (1..=LONGEST.as_secs()).contains(&count.into()))
}

/// Returns the duration that `text` says: numbers with the units `ms`, `s`, `m`, `h`, `d` or `w` (a
/// day is 24 hours), more than zero and at most [`LONGEST`].
///
/// # Errors
/// [`InvalidDuration`] for anything else: a number without a unit, zero, a negative one, months.
pub fn parse_duration(text: &str) -> Result<Duration, InvalidDuration> {
    let shown = || text.chars().take(LONGEST_TEXT).collect::<String>();
    if text.parse::<f64>().is_ok() {
        return Err(InvalidDuration::NoUnit(shown()));
    }
    if text.len() > LONGEST_TEXT || text.contains(':') {
        return Err(InvalidDuration::Malformed(shown()));
    }
    let span =
        SpanParser::new().parse_span(text).map_err(|_| InvalidDuration::Malformed(shown()))?;
    if !span.is_positive() {
        return Err(InvalidDuration::NotPositive(shown()));
    }
    if span.get_years() != 0 || span.get_months() != 0 {
        return Err(InvalidDuration::Malformed(shown()));
    }
    span.to_duration(SpanRelativeTo::days_are_24_hours())
        .ok()
        .and_then(|signed| Duration::try_from(signed).ok())
        .filter(|duration| *duration <= LONGEST)
        .ok_or_else(|| InvalidDuration::TooLong(shown()))
}

/// Returns a duration of `ms` milliseconds as people say it: `90s` is `1m30s`.
#[must_use]
pub fn spoken(ms: u64) -> String {
    let (seconds, rest) = (ms / 1_000, ms % 1_000);
    if rest > 0 || seconds == 0 {
        return if seconds == 0 { format!("{rest}ms") } else { format!("{seconds}.{rest:03}s") };
    }
    let parts = [("d", seconds / 86_400), ("h", seconds / 3_600 % 24), ("m", seconds / 60 % 60)];
    let parts = parts.into_iter().chain([("s", seconds % 60)]).filter(|(_, count)| *count > 0);
    parts.map(|(unit, count)| format!("{count}{unit}")).collect()
}

#[cfg(test)]
mod tests {
    #[test]
    fn durations_are_spoken_as_they_are_written() {
        let told = [0, 250, 1_500, 10_000, 90_000, 3_600_000, 90_061_000].map(super::spoken);
        assert_eq!(told, ["0ms", "250ms", "1.500s", "10s", "1m30s", "1h", "1d1h1m1s"]);
    }

    use super::*;

    #[test]
    fn reads_what_people_write() {
        let seconds = |text| parse_duration(text).map(|d| d.as_secs_f64());
        assert_eq!(seconds("250ms"), Ok(0.25));
        assert_eq!(seconds("10s"), Ok(10.0));
        assert_eq!(seconds("5m"), Ok(300.0));
        assert_eq!(seconds("1h30m"), Ok(5400.0));
        assert_eq!(seconds("1.5h"), Ok(5400.0));
        assert_eq!(seconds("2d"), Ok(172_800.0));
        assert_eq!(seconds("1w"), Ok(604_800.0));
        assert_eq!(parse_duration("365d"), Ok(LONGEST));
    }

    #[test]
    fn refuses_what_has_no_unit() {
        for bad in ["10", "0", "-1", "1e30", "1.5", "inf", "NaN"] {
            assert!(matches!(parse_duration(bad), Err(InvalidDuration::NoUnit(_))), "{bad}");
        }
        let hint = |text| parse_duration(text).map_err(|error| error.hint());
        assert_eq!(hint("10"), Err("write `10s` for seconds".to_owned()));
        assert!(hint("0").is_err_and(|hint| hint.contains("such as `250ms`")));
    }

    #[test]
    fn refuses_what_is_not_positive_or_too_long() {
        for bad in ["0s", "-5s", "0h 0m", "5s ago"] {
            assert!(matches!(parse_duration(bad), Err(InvalidDuration::NotPositive(_))), "{bad}");
        }
        for bad in ["366d", "8761h", "53w", "9223372036s"] {
            assert!(matches!(parse_duration(bad), Err(InvalidDuration::TooLong(_))), "{bad}");
        }
    }

    #[test]
    fn refuses_everything_else() {
        let long = "1s ".repeat(40);
        for bad in ["", " ", "s", "10 parsecs", "1mo", "1y", "PT5S", "01:30:00", "1e30s", &long] {
            assert!(matches!(parse_duration(bad), Err(InvalidDuration::Malformed(_))), "{bad}");
        }
    }
}
