//! Names of groups of targets.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use serde::{Deserialize, Deserializer, Serialize};

/// The longest name in bytes.
const LONGEST: usize = 255;

/// The name of a group of targets: 1 to 255 bytes without control characters. Inventories of cloud
/// providers have longer and stranger names than [`ServiceName`](crate::name::ServiceName) allows.
///
/// A copy shares the text, since thousands of targets are in a few groups.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct GroupName(Arc<str>);

/// The text is no [`GroupName`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not the name of a group: use 1 to {LONGEST} bytes without control characters")]
pub struct InvalidGroupName(pub String);

impl GroupName {
    /// Checks `text` and returns it as a name.
    ///
    /// # Errors
    /// [`InvalidGroupName`] when it is empty, too long, or holds a control character.
    pub fn new(text: impl AsRef<str>) -> Result<Self, InvalidGroupName> {
        let text = text.as_ref();
        if (1..=LONGEST).contains(&text.len()) && !text.chars().any(char::is_control) {
            Ok(Self(Arc::from(text)))
        } else {
            Err(InvalidGroupName(text.chars().take(80).collect()))
        }
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for GroupName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl FromStr for GroupName {
    type Err = InvalidGroupName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for GroupName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_people_and_clouds_call_groups() {
        for good in ["web", "_eu-west-1", "tag:Name=web", "grüppe", &"x".repeat(LONGEST)] {
            assert!(GroupName::new(good).is_ok(), "{good}");
        }
        for bad in ["", "a\nb", "a\u{1b}[2J", &"x".repeat(LONGEST + 1)] {
            assert!(GroupName::new(bad).is_err(), "{bad:?}");
        }
    }
}
