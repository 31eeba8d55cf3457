//! A made-up host: how long it takes, and what is wrong with it.

use super::fault::Trouble;
use crate::record::TargetState;
use crate::rollout::Holds;
use crate::target::TargetId;

/// How often a host is probed, in milliseconds: the default of health checks.
pub(super) const PROBE_MS: u64 = 1_000;
/// So many probes of a host that flaps are good, and then so many are bad.
const FLAP: u64 = 4;

/// What a host is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    Stage,
    Activate,
    ActivateIdle,
    Switch,
    Restore,
}

/// What a probe finds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Health {
    Good,
    Bad,
    Unreachable,
}

pub(super) struct Actor {
    pub(super) id: TargetId,
    /// What it really serves.
    pub(super) live: Holds,
    /// What the rollout was told of it last.
    pub(super) state: TargetState,
    pub(super) was_healthy: bool,
    pub(super) is_probed: bool,
    /// Which of the questions is the newest: answers to others are lost.
    pub(super) asked: u64,
    /// Which of the chains of probes is the newest.
    pub(super) beat: u64,
    troubles: Vec<(Trouble, u64)>,
    random: u64,
}

impl Actor {
    pub(super) fn new(id: TargetId, state: TargetState, seed: u64, place: usize) -> Self {
        Self {
            id,
            live: Holds::Old,
            state,
            was_healthy: false,
            is_probed: false,
            asked: 0,
            beat: 0,
            troubles: Vec::new(),
            random: mixed(seed ^ mixed(place as u64)),
        }
    }

    pub(super) fn begin(&mut self, trouble: Trouble, now: u64) {
        self.troubles.push((trouble, now));
    }

    pub(super) fn end(&mut self, trouble: Trouble) {
        self.troubles.retain(|(other, _)| *other != trouble);
    }

    pub(super) fn has(&self, trouble: Trouble) -> bool {
        self.troubles.iter().any(|(other, _)| *other == trouble)
    }

    /// Returns how long it takes for what it is asked, in milliseconds: what small services on small
    /// hosts take, a little different on each.
    pub(super) fn takes(&mut self, ask: Ask) -> u64 {
        self.random = mixed(self.random);
        let slow = self.troubles.iter().map(|(trouble, _)| match trouble {
            Trouble::Slow { ms } => *ms,
            _ => 0,
        });
        let usual = match ask {
            Ask::Stage => 1_000 + self.random % 3_000,
            Ask::Activate | Ask::ActivateIdle | Ask::Restore => 500 + self.random % 1_500,
            Ask::Switch => 50 + self.random % 50,
        };
        slow.fold(usual, u64::saturating_add)
    }

    /// Returns what a probe finds.
    pub(super) fn health(&self, now: u64) -> Health {
        let bad = |(trouble, since): &(Trouble, u64)| match trouble {
            Trouble::Unhealthy => true,
            Trouble::Flaps => ((now - since) / PROBE_MS) % (2 * FLAP) >= FLAP,
            _ => false,
        };
        match () {
            () if self.has(Trouble::Unreachable) => Health::Unreachable,
            () if self.troubles.iter().any(bad) => Health::Bad,
            () => Health::Good,
        }
    }

    /// Tells whether every probe will find the same as now.
    pub(super) fn is_steady(&self) -> bool {
        let probed = [Trouble::Unhealthy, Trouble::Unreachable, Trouble::Flaps];
        !probed.into_iter().any(|trouble| self.has(trouble))
    }
}

/// Returns a number that looks nothing like `number` (splitmix64).
const fn mixed(number: u64) -> u64 {
    let number = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
