//! How much of memory or of a file system must be left.

use std::fmt;

use bytesize::ByteSize;
use serde::{Deserialize, Serialize};

/// How much must be left of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Limit {
    /// At most this share may be used, in percent.
    MaxUsed(u8),
    /// At least so many bytes must be available.
    MinAvailable(u64),
}

/// A file system, and how much of it must be left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiskProbe {
    /// A path on the file system; `${NAME}` in it is replaced when it is asked.
    pub path: String,
    /// How much must be left: a share counts for bytes and for inodes, an amount is of bytes.
    pub limit: Limit,
}

/// How much of something is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    /// What there is for those who are not root.
    pub total: u64,
    /// What of it is left for them.
    pub available: u64,
}

impl Usage {
    /// Returns the share that is used in hundredths, rounded up: 90.1 % is more than 90 %.
    #[must_use]
    pub fn used_percent(&self) -> u64 {
        let used = u128::from(self.total.saturating_sub(self.available));
        let percent = (used * 100).div_ceil(u128::from(self.total.max(1)));
        u64::try_from(percent).unwrap_or(100)
    }
}

impl Limit {
    /// Returns what is wrong with `usage`, if anything is, as a fragment such as `93 % used, more than
    /// 90 %`. Nothing that has no size is ever enough.
    #[must_use]
    pub fn exceeded(self, usage: Usage) -> Option<String> {
        if usage.total == 0 {
            return Some("has no size".to_owned());
        }
        match self {
            Self::MaxUsed(most) => {
                let used = usage.used_percent();
                (used > most.into()).then(|| format!("{used} % used, more than {most} %"))
            }
            Self::MinAvailable(least) => (usage.available < least).then(|| {
                let [left, least] = [usage.available, least].map(ByteSize::b);
                format!("{left} left, less than {least}")
            }),
        }
    }

    /// Returns the share alone, for what is not counted in bytes.
    #[must_use]
    pub const fn share(self) -> Option<Self> {
        match self {
            Self::MaxUsed(_) => Some(self),
            Self::MinAvailable(_) => None,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MaxUsed(most) => write!(f, "at most {most} % used"),
            Self::MinAvailable(least) => write!(f, "at least {} left", ByteSize::b(*least)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_is_exceeded_by_the_smallest_part_above_it() {
        let limit = Limit::MaxUsed(90);
        assert_eq!(limit.exceeded(Usage { total: 1000, available: 100 }), None);
        let over = limit.exceeded(Usage { total: 1000, available: 99 });
        assert_eq!(over.as_deref(), Some("91 % used, more than 90 %"));
        assert_eq!(limit.exceeded(Usage { total: u64::MAX, available: u64::MAX }), None);
    }

    #[test]
    fn an_amount_must_be_left() {
        let limit = Limit::MinAvailable(512 << 20);
        assert_eq!(limit.exceeded(Usage { total: 1 << 30, available: 512 << 20 }), None);
        let under = limit.exceeded(Usage { total: 1 << 30, available: 256 << 20 });
        assert_eq!(under.as_deref(), Some("256.0 MiB left, less than 512.0 MiB"));
    }

    #[test]
    fn what_has_no_size_is_never_enough() {
        for limit in [Limit::MaxUsed(99), Limit::MinAvailable(1)] {
            let nothing = limit.exceeded(Usage { total: 0, available: 0 });
            assert_eq!(nothing.as_deref(), Some("has no size"));
        }
    }
}
