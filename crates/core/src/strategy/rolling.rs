//! Rolling: a part of the targets at a time.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::{DeploymentStrategy, Stage};
use crate::target::TargetId;

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

/// Moves `parallel` targets at a time, in the order given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollingDeployment {
    /// How many targets move side by side; 25 % unless told otherwise.
    pub parallel: Amount,
}

impl Default for RollingDeployment {
    fn default() -> Self {
        Self { parallel: Amount::Percent(25) }
    }
}

impl DeploymentStrategy for RollingDeployment {
    fn name(&self) -> &'static str {
        "rolling"
    }

    fn stages(&self, targets: &[TargetId]) -> Vec<Stage> {
        targets
            .chunks(self.parallel.of(targets.len()))
            .map(|chunk| Stage { targets: chunk.to_vec() })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(parallel: &str, total: usize) -> Vec<usize> {
        let targets: Vec<_> = (0..total).map(|n| TargetId::new(n.to_string())).collect();
        let rolling = RollingDeployment { parallel: parallel.parse().expect("an amount") };
        rolling.stages(&targets).iter().map(|stage| stage.targets.len()).collect()
    }

    #[test]
    fn a_quarter_rounds_up_to_at_least_one() {
        assert_eq!(sizes("25%", 1), [1]);
        assert_eq!(sizes("25%", 5), [2, 2, 1]);
        assert_eq!(sizes("25%", 8), [2, 2, 2, 2]);
        assert_eq!(sizes("3", 7), [3, 3, 1]);
        assert_eq!(sizes("100%", 7), [7]);
        assert_eq!(sizes("10", 0), [0_usize; 0]);
    }

    #[test]
    fn amounts_out_of_range_are_refused() {
        for bad in ["0", "0%", "101%", "-1", "1e30", "", "%", "+1"] {
            assert!(bad.parse::<Amount>().is_err(), "{bad}");
        }
    }
}
