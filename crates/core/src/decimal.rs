//! Numbers that keep the text they were written as: releases hold no floats.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A finite number, and how it was written: equal ones are written alike.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Decimal(String);

/// The text is not a finite number.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a number")]
pub struct InvalidDecimal(String);

impl Decimal {
    /// Returns the nearest `f64`, which is finite.
    #[must_use]
    pub fn value(&self) -> f64 {
        self.0.parse().expect("it was parsed when it was made")
    }
}

impl FromStr for Decimal {
    type Err = InvalidDecimal;

    fn from_str(text: &str) -> Result<Self, InvalidDecimal> {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
        match text.parse::<f64>() {
            Ok(value) if value.is_finite() && digits && text.len() <= 40 => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(InvalidDecimal(text.chars().take(40).collect())),
        }
    }
}

impl TryFrom<String> for Decimal {
    type Error = InvalidDecimal;

    fn try_from(text: String) -> Result<Self, InvalidDecimal> {
        text.parse()
    }
}

impl From<Decimal> for String {
    fn from(number: Decimal) -> Self {
        number.0
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_finite_numbers_are_taken() {
        for good in ["0", "-1.5", "0.01", "1e-3", "1E6"] {
            let number: Decimal = good.parse().expect("a number");
            assert_eq!(number.to_string(), good);
            assert!(number.value().is_finite());
        }
        for bad in ["", "x", "NaN", "inf", "-infinity", "1e999", "1 ", "0x10", "1,5", "."] {
            assert!(bad.parse::<Decimal>().is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<Decimal>("\"NaN\"").is_err());
    }
}
