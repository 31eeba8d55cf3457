//! Rehearsals: the rollout that would be driven, on a virtual clock, with made-up hosts and chosen
//! faults. It shows what a strategy and a budget do before anything is touched, in a fraction of a
//! second for a thousand hosts, and the same each time.
//!
//! ```
//! use windlass_core::rehearsal::rehearse;
//! use windlass_core::rollout::Setup;
//! use windlass_core::strategy::{Member, create_strategy};
//! use windlass_core::target::TargetId;
//!
//! let canary = create_strategy("canary").expect("a known name");
//! let fleet = (1..=40).map(|n| Member::new(TargetId::new(format!("web{n}")))).collect();
//! let setup = Setup::of(canary.strategy(), fleet);
//! let fault = "host 7 unhealthy at 25%".parse().expect("a phrase");
//! let timeline = rehearse(setup, &[fault], 0).expect("the host is there");
//! let outcome = timeline.outcome.as_ref().expect("it ended");
//! assert_eq!(outcome.ending.as_str(), "rolled_back");
//! assert!(timeline.to_string().contains("web7 unhealthy: status 500"));
//! ```

mod actor;
mod fault;
mod parse;
mod script;
#[cfg(test)]
mod tests;
mod text;
mod timeline;
mod world;

pub use fault::{Fault, InvalidFault};
pub use timeline::{Entry, Event, Timeline};

use crate::rollout::Setup;
use crate::strategy::StageError;
use script::Script;
use world::World;

/// Why something cannot be rehearsed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RehearsalError {
    /// The strategy made stages that are not sound.
    #[error("the stages are not sound")]
    Stages(#[source] StageError),
    /// A phrase names a host that is not there.
    #[error("`{phrase}`: there is no such host among the {hosts}")]
    NoSuchHost {
        /// The phrase.
        phrase: String,
        /// How many hosts there are.
        hosts: usize,
    },
    /// A phrase names a stage that is not there.
    #[error("`{phrase}`: the rollout has {stages} stages")]
    NoSuchStage {
        /// The phrase.
        phrase: String,
        /// How many stages there are.
        stages: usize,
    },
    /// A host that is to join is there from the beginning.
    #[error("`{phrase}`: the host is there already")]
    NotNew {
        /// The phrase.
        phrase: String,
    },
}

/// Returns what happens when `setup` is rolled out to hosts that take as long as numbers drawn from
/// `seed` say, while `faults` happen: the same for the same three.
///
/// # Errors
/// Everything that stands against it: stages that are not sound, and faults of hosts or stages that
/// there are not.
pub fn rehearse(
    setup: Setup,
    faults: &[Fault],
    seed: u64,
) -> Result<Timeline, Vec<RehearsalError>> {
    let script = Script::of(&setup, faults)?;
    Ok(World::new(setup, script, seed)?.run())
}
