//! Names that people choose: of environments and services.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// The text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a name: use 1 to 64 letters, digits, `-`, `_` or `.`, starting with a letter or a digit"
)]
pub struct InvalidName(pub String);

fn check(text: &str) -> Result<(), InvalidName> {
    let fits = (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'));
    if fits { Ok(()) } else { Err(InvalidName(text.chars().take(80).collect())) }
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        ///
        /// 1 to 64 ASCII letters, digits, `-`, `_` or `.`, the first a letter or a digit, so that it
        /// is safe as a file name and inside a deployment id.
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Checks `text` and returns it as a name.
            ///
            /// # Errors
            /// [`InvalidName`] when it has other characters or another length.
            pub fn new(text: impl Into<String>) -> Result<Self, InvalidName> {
                let text = text.into();
                check(&text)?;
                Ok(Self(text))
            }

            /// Returns the name as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Self::new(text)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                Self::new(text).map_err(serde::de::Error::custom)
            }
        }
    };
}

name! {
    /// The name of an environment, such as `staging`.
    EnvironmentName
}
name! {
    /// The name of a service, such as `web`.
    ServiceName
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_is_safe_in_a_file_name() {
        for good in ["a", "prod-eu_1", "1st", "v2.1"] {
            assert!(EnvironmentName::new(good).is_ok(), "{good}");
        }
        for bad in ["", ".", "../x", "a/b", "-rf", "a b", "é", &"x".repeat(65)] {
            assert!(EnvironmentName::new(bad).is_err(), "{bad}");
        }
    }
}
