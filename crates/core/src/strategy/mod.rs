//! Strategies: pure functions from targets to stages with gates.
//!
//! | read | for |
//! |---|---|
//! | [`RollingDeployment`], [`CanaryDeployment`], [`BlueGreenDeployment`] | the strategies there are |
//! | [`DeploymentStrategy`] | a strategy of one's own |
//! | [`Member`], [`Stage`], [`Gate`], [`check_stages`] | what goes in, what comes out, and that it is sound |
//! | [`Pace`], [`Waits`], [`Amount`], [`Share`] | how fast, how long, how many |

mod amount;
mod blue_green;
mod canary;
mod member;
mod pace;
mod rolling;
mod share;
mod stage;

use serde::{Deserialize, Serialize};

pub use amount::{Amount, InvalidAmount};
pub use blue_green::BlueGreenDeployment;
pub use canary::CanaryDeployment;
pub use member::Member;
pub use pace::{OnFailure, Pace, Waits};
pub use rolling::{Order, RollingDeployment};
pub use share::{InvalidShare, Share};
pub use stage::{Gate, Stage, StageError, check_stages};

/// Another name of [`RollingDeployment`].
pub type RollingStrategy = RollingDeployment;
/// Another name of [`CanaryDeployment`].
pub type CanaryStrategy = CanaryDeployment;
/// Another name of [`BlueGreenDeployment`].
pub type BlueGreenStrategy = BlueGreenDeployment;

/// Decides in which order targets are moved, and how fast.
pub trait DeploymentStrategy: Send + Sync {
    /// Returns the name that the project file uses.
    fn name(&self) -> &'static str;

    /// Returns the stages: each target in exactly one of them, none of them empty. The caller makes
    /// sure of that with [`check_stages`].
    fn stages(&self, members: &[Member]) -> Vec<Stage>;

    /// Returns how fast it may go.
    fn pace(&self) -> Pace {
        Pace::default()
    }

    /// Returns how targets begin to serve the new release.
    fn cutover(&self) -> Cutover {
        Cutover::EachTarget
    }
}

/// How targets begin to serve the new release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cutover {
    /// Each when it is activated.
    #[default]
    EachTarget,
    /// All at once, after each was found healthy on its idle slot.
    Together {
        /// How long the old slot is kept for a switch back, in milliseconds.
        keep_ms: u64,
    },
}

/// A strategy as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrategySpec {
    /// A part of the targets at a time.
    Rolling(RollingDeployment),
    /// Two slots on each target, and one switch.
    BlueGreen(BlueGreenDeployment),
    /// Stages that grow.
    Canary(CanaryDeployment),
}

impl Cutover {
    pub(crate) fn is_usual(&self) -> bool {
        *self == Self::EachTarget
    }
}

impl StrategySpec {
    /// The names that [`create_strategy`] knows.
    pub const NAMES: [&'static str; 3] = ["rolling", "blue_green", "canary"];

    /// Returns the strategy.
    #[must_use]
    pub fn strategy(&self) -> &dyn DeploymentStrategy {
        match self {
            Self::Rolling(rolling) => rolling,
            Self::BlueGreen(blue_green) => blue_green,
            Self::Canary(canary) => canary,
        }
    }

    /// Returns the strategy of a rollback: as many targets at a time, and none of the waits and gates
    /// of the way forward.
    #[must_use]
    pub fn way_back(&self) -> Self {
        match self {
            Self::Rolling(rolling) => {
                let (bake_ms, waits) = (None, Waits::default());
                Self::Rolling(RollingDeployment { bake_ms, waits, ..rolling.clone() })
            }
            Self::BlueGreen(_) | Self::Canary(_) => {
                Self::Rolling(RollingDeployment::of(self.strategy().pace().parallel))
            }
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
/// ```
/// use windlass_core::strategy::{Member, create_strategy};
/// use windlass_core::target::TargetId;
///
/// let canary = create_strategy("canary").expect("a known name");
/// let fleet: Vec<_> = (1..=20).map(|n| Member::new(TargetId::new(format!("web{n}")))).collect();
/// let sizes: Vec<_> =
///     canary.strategy().stages(&fleet).iter().map(|stage| stage.targets.len()).collect();
/// assert_eq!(sizes, [2, 3, 5, 10]);
/// let unknown = create_strategy("canry").expect_err("no such strategy");
/// assert_eq!(
///     unknown.to_string(),
///     "unknown strategy `canry`: known are rolling, blue_green, canary"
/// );
/// ```
///
/// # Errors
/// [`UnknownStrategy`] lists the known ones.
pub fn create_strategy(name: &str) -> Result<StrategySpec, UnknownStrategy> {
    match name {
        "rolling" => Ok(StrategySpec::default()),
        "blue_green" => Ok(StrategySpec::BlueGreen(BlueGreenDeployment::default())),
        "canary" => Ok(StrategySpec::Canary(CanaryDeployment::default())),
        _ => Err(UnknownStrategy(name.to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::target::TargetId;

    #[test]
    fn each_known_name_makes_sound_stages() {
        for name in StrategySpec::NAMES {
            let spec = create_strategy(name).expect("known");
            assert_eq!(spec.strategy().name(), name);
            for total in [0, 1, 2, 3, 7, 100] {
                let members: Vec<_> =
                    (0..total).map(|n| Member::new(TargetId::new(n.to_string()))).collect();
                let stages = spec.strategy().stages(&members);
                assert_eq!(check_stages(&members, &stages), Ok(()), "{name} of {total}");
            }
        }
    }

    #[test]
    fn the_way_back_has_no_gates_and_no_waits() {
        let bake_ms = Some(600_000);
        let rolling = RollingDeployment { bake_ms, ..RollingDeployment::of(Amount::Count(3)) };
        for spec in [
            StrategySpec::Rolling(rolling),
            create_strategy("canary").expect("known"),
            create_strategy("blue_green").expect("known"),
        ] {
            let members: Vec<_> =
                (0..9).map(|n| Member::new(TargetId::new(n.to_string()))).collect();
            let stages = spec.way_back().strategy().stages(&members);
            assert!(stages.iter().all(|stage| stage.gate.is_open()) && stages.len() == 3);
        }
    }
}
