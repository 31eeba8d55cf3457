//! Budgets: how many targets may be bad before a rollout stops, and whether one more may go down.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// How many targets may be bad, absolute or a share of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Allowance {
    /// So many targets; 0 tolerates none.
    Count(u32),
    /// So many per cent of them, 1 to 100.
    Percent(u8),
}

impl Allowance {
    /// Tolerates none.
    pub const NONE: Self = Self::Count(0);

    /// Returns how many of `total` it is; shares round up, to at least one.
    #[must_use]
    pub fn of(self, total: usize) -> usize {
        match self {
            Self::Count(count) => count as usize,
            Self::Percent(percent) => (total * usize::from(percent)).div_ceil(100),
        }
    }
}

/// The text is no allowance.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a budget: write a number from 0, or 1% to 100%")]
pub struct InvalidAllowance(pub String);

impl FromStr for Allowance {
    type Err = InvalidAllowance;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidAllowance(text.to_owned());
        let digits = text.strip_suffix('%').unwrap_or(text);
        if !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(invalid());
        }
        let number: u32 = digits.parse().map_err(|_| invalid())?;
        match u8::try_from(number) {
            _ if digits == text => Ok(Self::Count(number)),
            Ok(percent @ 1..=100) => Ok(Self::Percent(percent)),
            _ => Err(invalid()),
        }
    }
}

impl fmt::Display for Allowance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Percent(percent) => write!(f, "{percent}%"),
        }
    }
}

impl TryFrom<String> for Allowance {
    type Error = InvalidAllowance;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Allowance> for String {
    fn from(allowance: Allowance) -> Self {
        allowance.to_string()
    }
}

/// How many targets may be failed, unhealthy or unreachable, together, before a rollout stops. Unless
/// told otherwise none may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Budget {
    /// Of all targets.
    pub fleet: Allowance,
    /// Of each failure domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<Allowance>,
    /// The label whose values are failure domains.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Of the canaries moved so far.
    pub canary: Allowance,
}

impl Default for Budget {
    fn default() -> Self {
        Self { fleet: Allowance::NONE, domain: None, by: None, canary: Allowance::NONE }
    }
}

impl Budget {
    /// Tells whether nothing is tolerated.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Returns what a person should know of it before `total` targets are moved: a budget that no
    /// failure exceeds stops nothing.
    #[must_use]
    pub fn warnings(&self, total: usize) -> Vec<String> {
        let none = total > 0 && self.fleet.of(total) >= total;
        let fleet = none.then(|| {
            let (budget, targets) = (self.fleet, if total == 1 { "target" } else { "targets" });
            format!("the budget is {budget} of {total} {targets}: no failure stops the rollout")
        });
        fleet.into_iter().collect()
    }
}

impl fmt::Display for Budget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of the fleet", self.fleet)?;
        if let (Some(domain), Some(by)) = (self.domain, &self.by) {
            write!(f, ", {domain} of each {by}")?;
        }
        write!(f, ", {} of the canaries", self.canary)
    }
}

/// How many targets there are in a part of the fleet, and how they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// How many there are.
    pub total: usize,
    /// How many failed, are unhealthy or unreachable, or were so in this rollout.
    pub bad: usize,
    /// How many do not serve: being moved, not yet healthy, bad, or being taken back.
    pub down: usize,
}

/// A part of the fleet that has a budget.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// All targets.
    Fleet,
    /// Those of one failure domain; the empty name stands for those without the label.
    Domain(String),
    /// The canaries moved so far.
    Canary,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fleet => f.write_str("the fleet"),
            Self::Domain(name) if name.is_empty() => f.write_str("the targets without a domain"),
            Self::Domain(name) => write!(f, "domain {name}"),
            Self::Canary => f.write_str("the canaries"),
        }
    }
}

/// Why a target may not go down now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// More targets are bad than may be.
    #[error("{bad} of {total} targets of {scope} are bad, and the budget is {limit}")]
    Budget {
        /// Whose budget.
        scope: Scope,
        /// How many are bad.
        bad: usize,
        /// Of how many.
        total: usize,
        /// How many may be.
        limit: usize,
    },
    /// As many targets do not serve as may.
    #[error("{down} of {total} targets are down, and {most} may be")]
    Floor {
        /// How many do not serve.
        down: usize,
        /// Of how many.
        total: usize,
        /// How many may not serve: those that move side by side, and the budget.
        most: usize,
    },
    /// As many targets are being moved as may be side by side.
    #[error("{moving} targets are being moved, and {parallel} may be side by side")]
    Parallel {
        /// How many are being moved.
        moving: usize,
        /// How many may be.
        parallel: usize,
    },
    /// The target itself is in no state to be moved.
    #[error("the target is {0}")]
    State(String),
}

/// Checks that no more targets of `scope` are bad than `limit`.
///
/// # Errors
/// [`Reason::Budget`].
pub fn within(scope: Scope, standing: Standing, limit: usize) -> Result<(), Reason> {
    let Standing { total, bad, .. } = standing;
    if bad > limit { Err(Reason::Budget { scope, bad, total, limit }) } else { Ok(()) }
}

/// Checks that one more of the fleet may go down: afterwards no more than `parallel` and the budget
/// together do not serve.
///
/// # Errors
/// [`Reason::Floor`].
pub const fn above_the_floor(fleet: Standing, parallel: usize, limit: usize) -> Result<(), Reason> {
    let Standing { total, down, .. } = fleet;
    let most = parallel + limit;
    if down >= most { Err(Reason::Floor { down, total, most }) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn allowances_may_be_none_and_shares_round_up() {
        assert_eq!("0".parse(), Ok(Allowance::NONE));
        assert_eq!("10%".parse::<Allowance>().map(|a| a.of(5)), Ok(1));
        assert_eq!("10%".parse::<Allowance>().map(|a| a.of(0)), Ok(0));
        for bad in ["0%", "101%", "-1", "1e30", "", "%", "4294967296"] {
            assert!(bad.parse::<Allowance>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_budget_of_everything_is_warned_of() {
        let fleet =
            |text: &str| Budget { fleet: text.parse().expect("sound"), ..Budget::default() };
        let warned = "the budget is 20 of 12 targets: no failure stops the rollout";
        assert_eq!(fleet("20").warnings(12), [warned]);
        assert_eq!(fleet("100%").warnings(3).len(), 1);
        assert!(fleet("11").warnings(12).is_empty() && fleet("5").warnings(0).is_empty());
    }

    #[test]
    fn budgets_are_said_in_one_line() {
        let budget = Budget { fleet: Allowance::Percent(10), ..Budget::default() };
        assert_eq!(budget.to_string(), "10% of the fleet, 0 of the canaries");
        let (domain, by) = (Some(Allowance::Count(1)), Some("zone".to_owned()));
        let budget = Budget { domain, by, ..budget };
        assert_eq!(budget.to_string(), "10% of the fleet, 1 of each zone, 0 of the canaries");
    }

    #[test]
    fn reasons_are_sentences() {
        let standing = Standing { total: 20, bad: 3, down: 5 };
        let error = within(Scope::Domain("eu".to_owned()), standing, 2).expect_err("3 > 2");
        assert_eq!(error.to_string(), "3 of 20 targets of domain eu are bad, and the budget is 2");
        assert_eq!(within(Scope::Fleet, standing, 3), Ok(()));
        let error = above_the_floor(standing, 3, 2).expect_err("5 are down");
        assert_eq!(error.to_string(), "5 of 20 targets are down, and 5 may be");
        assert_eq!(above_the_floor(standing, 4, 2), Ok(()));
    }
}
