//! Strategies: pure functions from targets to stages.

mod rolling;

use serde::{Deserialize, Serialize};

pub use rolling::RollingDeployment;

use crate::target::TargetId;

/// Targets that are moved side by side; the next stage starts when all of them are good.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The targets of this stage.
    pub targets: Vec<TargetId>,
}

/// Decides in which order targets are moved.
pub trait DeploymentStrategy: Send + Sync {
    /// Returns the name that the project file uses.
    fn name(&self) -> &'static str;

    /// Returns the stages: each target in exactly one of them, none of them empty.
    fn stages(&self, targets: &[TargetId]) -> Vec<Stage>;
}

/// A strategy as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrategySpec {
    /// A part of the targets at a time.
    Rolling(RollingDeployment),
}

impl StrategySpec {
    /// The names that [`create_strategy`] knows.
    pub const NAMES: [&'static str; 1] = ["rolling"];

    /// Returns the strategy.
    #[must_use]
    pub fn strategy(&self) -> &dyn DeploymentStrategy {
        match self {
            Self::Rolling(rolling) => rolling,
        }
    }
}

impl Default for StrategySpec {
    fn default() -> Self {
        Self::Rolling(RollingDeployment::default())
    }
}

/// No strategy has this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown strategy `{name}`: known are {known}", name = self.0, known = StrategySpec::NAMES.join(", "))]
pub struct UnknownStrategy(pub String);

/// Returns the strategy called `name`, with its defaults.
///
/// # Errors
/// [`UnknownStrategy`] lists the known ones.
pub fn create_strategy(name: &str) -> Result<StrategySpec, UnknownStrategy> {
    match name {
        "rolling" => Ok(StrategySpec::default()),
        _ => Err(UnknownStrategy(name.to_owned())),
    }
}
