//! Windows of the week in which rollouts may start.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

const MINUTE: u64 = 60_000;
const DAY: u64 = 24 * 60 * MINUTE;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// A part of each week, in UTC: some days, from one minute of the day to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Window {
    /// Which days, Monday first.
    days: [bool; 7],
    /// From this minute of the day on.
    from: u16,
    /// Up to this one, which is later.
    to: u16,
}

/// The text is no window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a window: write one such as `mon-fri 09:00-17:00`, in UTC")]
pub struct InvalidWindow(pub String);

impl Window {
    /// Returns when the first of `windows` is open, at `now` or later, in milliseconds since 1970; `now`
    /// where there is none.
    #[must_use]
    pub fn next(windows: &[Self], now: u64) -> Option<u64> {
        if windows.is_empty() {
            return Some(now);
        }
        windows.iter().filter_map(|window| window.opens(now)).min()
    }

    /// Returns when it is open, at `now` or later.
    fn opens(&self, now: u64) -> Option<u64> {
        let today = now / DAY;
        (today..today + 8).find_map(|day| {
            // The first of January 1970 was a Thursday.
            let weekday = (day + 3) % 7;
            let from = day * DAY + u64::from(self.from) * MINUTE;
            let to = day * DAY + u64::from(self.to) * MINUTE;
            (self.days[weekday as usize] && now < to).then(|| from.max(now))
        })
    }
}

impl FromStr for Window {
    type Err = InvalidWindow;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| InvalidWindow(text.chars().take(80).collect()))
    }
}

fn parse(text: &str) -> Option<Window> {
    let (days, times) = text.trim().split_once(' ')?;
    let (from, to) = times.trim().split_once('-')?;
    let (from, to) = (minute(from)?, minute(to)?);
    let (first, last) = days.split_once('-').unwrap_or((days, days));
    let (first, last) = (day(first)?, day(last)?);
    let mut window = Window { days: [false; 7], from, to };
    for nth in 0..7 {
        let at = (first + nth) % 7;
        window.days[at] = true;
        if at == last {
            break;
        }
    }
    (from < to).then_some(window)
}

fn day(name: &str) -> Option<usize> {
    DAYS.iter().position(|day| name.eq_ignore_ascii_case(day))
}

fn minute(time: &str) -> Option<u16> {
    let (hours, minutes) = time.split_once(':')?;
    let number = |text: &str| match text.len() {
        2 if text.bytes().all(|b| b.is_ascii_digit()) => text.parse::<u16>().ok(),
        _ => None,
    };
    let (hours, minutes) = (number(hours)?, number(minutes)?);
    let total = hours * 60 + minutes;
    (minutes < 60 && total <= 24 * 60).then_some(total)
}

impl std::fmt::Display for Window {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let first = (0..7).find(|at| self.days[*at] && !self.days[(at + 6) % 7]).unwrap_or(0);
        let length = self.days.iter().filter(|open| **open).count().max(1);
        let last = (first + length - 1) % 7;
        let time = |minutes: u16| format!("{:02}:{:02}", minutes / 60, minutes % 60);
        write!(f, "{}-{} {}-{}", DAYS[first], DAYS[last], time(self.from), time(self.to))
    }
}

impl TryFrom<String> for Window {
    type Error = InvalidWindow;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Window> for String {
    fn from(window: Window) -> Self {
        window.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Monday, the 5th of January 1970.
    const MONDAY: u64 = 4 * DAY;

    #[test]
    fn a_window_opens_on_its_days() {
        let office: Window = "Mon-Fri 09:00-17:00".parse().expect("a window");
        let nine = 9 * 60 * MINUTE;
        assert_eq!(Window::next(&[office], MONDAY), Some(MONDAY + nine));
        assert_eq!(Window::next(&[office], MONDAY + nine + 5), Some(MONDAY + nine + 5));
        let evening = MONDAY + 17 * 60 * MINUTE;
        assert_eq!(Window::next(&[office], evening), Some(MONDAY + DAY + nine));
        let friday_evening = evening + 4 * DAY;
        assert_eq!(Window::next(&[office], friday_evening), Some(MONDAY + 7 * DAY + nine));
        assert_eq!(Window::next(&[], 7), Some(7));
    }

    #[test]
    fn windows_round_trip_and_others_are_refused() {
        for text in ["mon-fri 09:00-17:00", "sat-mon 00:00-24:00", "wed-wed 22:30-23:00"] {
            assert_eq!(text.parse::<Window>().map(String::from), Ok(text.to_owned()));
        }
        for bad in
            ["", "mon", "mon 9:00-17:00", "mon 17:00-09:00", "mon 09:00-24:01", "x 09:00-10:00"]
        {
            assert!(bad.parse::<Window>().is_err(), "{bad}");
        }
    }
}
