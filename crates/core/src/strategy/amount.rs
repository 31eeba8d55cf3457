//! Numbers of targets, absolute or a share of them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A number of targets, absolute or a share of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Amount {
    /// So many targets, at least 1.
    Count(u32),
    /// So many per cent of them, 1 to 100.
    Percent(u8),
}

impl Amount {
    /// Returns how many of `total` it is: rounded up, at least one.
    #[must_use]
    pub fn of(self, total: usize) -> usize {
        match self {
            Self::Count(count) => (count as usize).max(1),
            Self::Percent(percent) => (total * usize::from(percent)).div_ceil(100).max(1),
        }
    }

    /// Tells whether it is certainly more than `other`, whatever the number of targets; nothing where
    /// that depends on it.
    #[must_use]
    pub const fn is_more_than(self, other: Self) -> Option<bool> {
        match (self, other) {
            (Self::Count(a), Self::Count(b)) => Some(a > b),
            (Self::Percent(a), Self::Percent(b)) => Some(a > b),
            (Self::Percent(_), Self::Count(_)) => None,
            (Self::Count(_), Self::Percent(b)) => {
                if b == 100 {
                    Some(false)
                } else {
                    None
                }
            }
        }
    }
}

/// The text is no amount.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an amount: write a number from 1, or 1% to 100%")]
pub struct InvalidAmount(pub String);

impl FromStr for Amount {
    type Err = InvalidAmount;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidAmount(text.to_owned());
        let digits = text.strip_suffix('%').unwrap_or(text);
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid());
        }
        let number: u32 = digits.parse().map_err(|_| invalid())?;
        match u8::try_from(number) {
            _ if number == 0 => Err(invalid()),
            _ if digits == text => Ok(Self::Count(number)),
            Ok(percent @ 1..=100) => Ok(Self::Percent(percent)),
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl TryFrom<String> for Amount {
    type Error = InvalidAmount;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Amount> for String {
    fn from(amount: Amount) -> Self {
        amount.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_out_of_range_are_refused() {
        for bad in ["0", "0%", "101%", "-1", "1e30", "", "%", "+1"] {
            assert!(bad.parse::<Amount>().is_err(), "{bad}");
        }
    }

    #[test]
    fn only_amounts_of_a_kind_compare_without_a_fleet() {
        assert_eq!(Amount::Count(2).is_more_than(Amount::Count(1)), Some(true));
        assert_eq!(Amount::Percent(10).is_more_than(Amount::Percent(25)), Some(false));
        assert_eq!(Amount::Percent(10).is_more_than(Amount::Count(1)), None);
        assert_eq!(Amount::Count(7).is_more_than(Amount::Percent(100)), Some(false));
    }
}
