//! Times as SOPS writes them.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, Time};

/// Returns `time` as a file says when it was last modified: `2026-11-20T12:00:00Z`.
pub(crate) fn last_modified(time: Timestamp) -> String {
    let seconds = time.as_second();
    Timestamp::from_second(seconds).unwrap_or(time).to_string()
}

/// Returns the time that `text` says, as the additional data of the authentication code has it: by
/// RFC 3339, without a fraction of a second; nothing if it is no such time.
pub(crate) fn as_additional_data(text: &str) -> Option<String> {
    let parts = Parts::parse(text, 'T')?;
    Some(format!("{}{}", parts.seconds(), parts.offset?))
}

/// Returns an RFC 3339 time with the fraction that it has, trailing zeros left out.
pub(crate) fn rfc3339_nanos(text: &str) -> Option<String> {
    let parts = Parts::parse(text, 'T')?;
    let offset = parts.offset.clone()?;
    Some(parts.text(&offset))
}

/// Returns the time that the plain YAML scalar `text` is, as [`rfc3339_nanos`] writes it; nothing if it
/// is another scalar. Without an offset it is in UTC.
pub(crate) fn yaml_timestamp(text: &str) -> Option<String> {
    let year = text.split('-').next()?;
    if year.len() != 4 || !year.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    if let Some(date) = date(text) {
        return Some(format!("{date}T00:00:00Z"));
    }
    if let Some(parts) = Parts::parse(text, ' ') {
        return parts.offset.is_none().then(|| parts.text("Z"));
    }
    let parts = Parts::parse(text, 'T').or_else(|| Parts::parse(text, 't'))?;
    let offset = parts.offset.clone()?;
    Some(parts.text(&offset))
}

/// A date, a time of day and an offset, each checked.
struct Parts {
    moment: DateTime,
    offset: Option<String>,
}

impl Parts {
    fn parse(text: &str, separator: char) -> Option<Self> {
        let (day, rest) = text.split_once(separator)?;
        let at = rest.find(['Z', '+', '-']).unwrap_or(rest.len());
        let offset = match &rest[at..] {
            "" => None,
            "Z" | "+00:00" | "-00:00" => Some("Z".to_owned()),
            offset => Some(offset_of(offset)?),
        };
        Some(Self { moment: date(day)?.to_datetime(time(&rest[..at])?), offset })
    }

    fn seconds(&self) -> String {
        self.moment.strftime("%Y-%m-%dT%H:%M:%S").to_string()
    }

    fn text(&self, offset: &str) -> String {
        let nanos = format!("{:09}", self.moment.subsec_nanosecond());
        match nanos.trim_end_matches('0') {
            "" => format!("{}{offset}", self.seconds()),
            fraction => format!("{}.{fraction}{offset}", self.seconds()),
        }
    }
}

fn offset_of(text: &str) -> Option<String> {
    let (hours, minutes) = text.get(1..)?.split_once(':')?;
    let fits = hours.len() == 2 && minutes.len() == 2;
    (fits && number::<u8>(hours)? < 24 && number::<u8>(minutes)? < 60).then(|| text.to_owned())
}

fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || year.len() != 4 || month.len() > 2 || day.len() > 2 {
        return None;
    }
    Date::new(number(year)?, number(month)?, number(day)?).ok()
}

fn time(text: &str) -> Option<Time> {
    let (clock, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let mut parts = clock.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() || [hour, minute, second].iter().any(|part| part.len() > 2) {
        return None;
    }
    if number::<i8>(second)? > 59 || fraction.len() > 9 {
        return None;
    }
    let nanos = number::<i32>(&format!("{fraction:0<9}"))?;
    Time::new(number(hour)?, number(minute)?, number(second)?, nanos).ok()
}

fn number<N: std::str::FromStr>(digits: &str) -> Option<N> {
    let plain = !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit());
    if plain { digits.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_additional_data_is_the_time_to_the_second() {
        for (text, data) in [
            ("2020-10-07T15:49:13Z", "2020-10-07T15:49:13Z"),
            ("2020-10-07T15:49:13.5Z", "2020-10-07T15:49:13Z"),
            ("2020-10-07T15:49:13+00:00", "2020-10-07T15:49:13Z"),
            ("2020-10-07T15:49:13+02:00", "2020-10-07T15:49:13+02:00"),
        ] {
            assert_eq!(as_additional_data(text).as_deref(), Some(data));
        }
        for text in [
            "",
            "2020-10-07",
            "2020-10-07T15:49:13",
            "2020-13-07T15:49:13Z",
            "2020-10-07T15:49:61Z",
        ] {
            assert_eq!(as_additional_data(text), None, "{text}");
        }
    }

    #[test]
    fn yaml_timestamps_are_told_from_text() {
        for (text, time) in [
            ("2020-01-02", "2020-01-02T00:00:00Z"),
            ("2020-1-2", "2020-01-02T00:00:00Z"),
            ("2020-01-02 3:4:5", "2020-01-02T03:04:05Z"),
            ("2020-01-02T03:04:05.250Z", "2020-01-02T03:04:05.25Z"),
            ("2020-01-02t03:04:05+01:00", "2020-01-02T03:04:05+01:00"),
        ] {
            assert_eq!(yaml_timestamp(text).as_deref(), Some(time));
        }
        for text in [
            "2020",
            "2020-01",
            "2020-02-30",
            "12020-01-02",
            "2020-01-02T03:04:05",
            "10.0.0.1",
            "2020-01-02-",
        ] {
            assert_eq!(yaml_timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn the_time_of_an_edit_has_no_fraction() {
        let time: Timestamp = "2026-11-20T12:00:00.75Z".parse().expect("a time");
        assert_eq!(last_modified(time), "2026-11-20T12:00:00Z");
    }
}
