//! What goes wrong in a rehearsal, and what people do in it.

use serde::{Deserialize, Serialize};

use super::parse;
use crate::rollout::Command;
use crate::target::TargetId;

/// Something that happens in a rehearsal, as a phrase says it: `host 7 unhealthy at 25%`.
///
/// | phrase | what happens |
/// |---|---|
/// | `host 7 unhealthy`, `hosts 3-9 …`, `host web1 …` | its probes are bad |
/// | `host 7 unreachable` | nothing gets through to it |
/// | `host 7 flaps` | four probes are good, four are bad, and so on |
/// | `host 7 slow 30s` | it needs so much longer for what it is asked |
/// | `host 7 hangs` | it does not answer that it was switched |
/// | `host 7 fails to stage`, `… to activate`, `… to roll back` | it answers so |
/// | `host web9 joins` | a host that was not there before |
/// | `operator killed` | the process that drives the rollout; another one resumes it |
/// | `pause`, `resume`, `promote`, `abort`, `approve` | somebody asks for it |
/// | `analysis bad`, `analysis inconclusive`, `analysis silent` | what it says of each stage |
///
/// Behind each, `at 25%` says when so many of the hosts were healthy, `at stage 2` when that one
/// begins, `at 90s` how long after the start; behind what happens to hosts and the operator,
/// `for 5m` says when it is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Fault {
    /// The phrase.
    pub(super) phrase: String,
    pub(super) happening: Happening,
    pub(super) when: When,
}

/// What happens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Happening {
    Trouble { hosts: Who, trouble: Trouble, lasts_ms: Option<u64> },
    Joins { host: TargetId },
    Killed { away_ms: u64 },
    Asked(Command),
    Analysis(Says),
}

/// Which hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Who {
    /// From the first to the last of these, in the order of the members, from 1.
    Places(usize, usize),
    Named(TargetId),
}

/// What is wrong with a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    Unhealthy,
    Unreachable,
    Flaps,
    Slow { ms: u64 },
    Hangs,
    FailsToStage,
    FailsToActivate,
    FailsToRollBack,
}

/// What the analysis of a stage says; it promotes otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Says {
    Bad,
    Inconclusive,
    Nothing,
}

/// When it happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Start,
    /// Once so many per cent of the members were healthy on the release.
    Share(u8),
    /// Once this stage has begun, from 1.
    Stage(usize),
    /// So many milliseconds after the start.
    After(u64),
}

/// The phrase says nothing that a rehearsal knows.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{problem}")]
pub struct InvalidFault {
    /// The phrase.
    pub phrase: String,
    /// What is wrong with it.
    pub problem: String,
    /// What to write instead.
    pub hint: String,
}

impl std::str::FromStr for Fault {
    type Err = InvalidFault;

    fn from_str(phrase: &str) -> Result<Self, Self::Err> {
        parse::fault(phrase)
    }
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.phrase)
    }
}

impl TryFrom<String> for Fault {
    type Error = InvalidFault;

    fn try_from(phrase: String) -> Result<Self, Self::Error> {
        phrase.parse()
    }
}

impl From<Fault> for String {
    fn from(fault: Fault) -> Self {
        fault.phrase
    }
}
