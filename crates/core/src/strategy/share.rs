//! Shares of targets that must be good.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A share in per cent, 1 to 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Share(u8);

/// The text, or number, is no share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a share: write 1% to 100%")]
pub struct InvalidShare(pub String);

impl Share {
    /// API's success threshold of canaries, 0.95.
    pub const SUCCESS: Self = Self(95);

    /// Returns `percent` per cent.
    ///
    /// # Errors
    /// [`InvalidShare`] when it is not 1 to 100.
    pub fn percent(percent: u8) -> Result<Self, InvalidShare> {
        if (1..=100).contains(&percent) {
            Ok(Self(percent))
        } else {
            Err(InvalidShare(format!("{percent}%")))
        }
    }

    /// Tells whether `good` of `total` are at least this share; of nothing they are not.
    #[must_use]
    pub const fn is_reached_by(self, good: usize, total: usize) -> bool {
        total > 0 && good * 100 >= total * self.0 as usize
    }
}

impl FromStr for Share {
    type Err = InvalidShare;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = text.strip_suffix('%').filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
        let percent = digits.and_then(|digits| digits.parse().ok());
        percent.and_then(|p| Self::percent(p).ok()).ok_or_else(|| InvalidShare(text.to_owned()))
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}%", self.0)
    }
}

impl TryFrom<String> for Share {
    type Error = InvalidShare;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Share> for String {
    fn from(share: Share) -> Self {
        share.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_exact_and_nothing_of_nothing_is_no_pass() {
        assert!(Share::SUCCESS.is_reached_by(19, 20) && !Share::SUCCESS.is_reached_by(18, 19));
        assert!(!Share::SUCCESS.is_reached_by(0, 0));
        for bad in ["0%", "101%", "95", "-1%", "1e30%", "%", "+5%"] {
            assert!(bad.parse::<Share>().is_err(), "{bad}");
        }
    }
}
