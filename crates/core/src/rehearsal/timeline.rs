//! What a rehearsal comes to.

use serde::{Deserialize, Serialize};

use crate::record::TargetState;
use crate::rollout::{Change, Command, Outcome, Progress};
use crate::target::TargetId;

/// What happens when, and how it ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timeline {
    /// What the durations of the made-up hosts were drawn from.
    pub seed: u64,
    /// How many hosts were to be moved.
    pub hosts: usize,
    /// In how many stages.
    pub stages: usize,
    /// Where the rollout stands at the end: it ended, or waits for a person.
    pub progress: Progress,
    /// How it ended, if it has.
    pub outcome: Option<Outcome>,
    /// How long it took, in milliseconds.
    pub duration_ms: u64,
    /// How many hosts held the release at the end.
    pub moved: usize,
    /// How many hosts did not serve at the worst time of the way forward.
    pub most_down: usize,
    /// How many hosts did not serve at the worst time of the way back, which has no floor.
    pub most_down_back: usize,
    /// How many hosts were bad, for some time at least.
    pub bad: usize,
    /// The phrases of what was to happen, and for which the time never came.
    pub never: Vec<String>,
    /// What happened, in order.
    pub entries: Vec<Entry>,
}

/// Something that happened, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// When, in milliseconds after the start.
    pub at_ms: u64,
    /// What.
    #[serde(flatten)]
    pub event: Event,
}

/// Something that happened in a rehearsal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A stage began.
    Stage {
        /// Which, from 1.
        stage: usize,
        /// Of how many.
        stages: usize,
        /// How many hosts it has.
        hosts: usize,
    },
    /// Hosts came into another state.
    Hosts {
        /// The state.
        state: TargetState,
        /// The hosts.
        hosts: Vec<TargetId>,
        /// What went wrong.
        error: Option<String>,
    },
    /// The rollout stands somewhere else.
    Progress {
        /// Where.
        progress: Progress,
        /// Why, where something went wrong.
        reason: Option<String>,
    },
    /// A fault began.
    Fault {
        /// Its phrase.
        phrase: String,
    },
    /// A person asked for something.
    Asked {
        /// For what.
        command: Command,
        /// Why it changed nothing.
        refusal: Option<String>,
    },
    /// The operator's process died.
    Killed,
    /// Another one went on from what the first had written down.
    Resumed,
}

/// Writes down what happens.
#[derive(Default)]
pub(super) struct Recorder(pub(super) Vec<Entry>);

impl Recorder {
    pub(super) fn note(&mut self, at_ms: u64, event: Event) {
        self.0.push(Entry { at_ms, event });
    }

    /// Writes a change down, together with those of other hosts that are the same.
    pub(super) fn change(&mut self, at_ms: u64, change: Change) {
        match change {
            Change::Stage { stage, stages, targets } => {
                self.note(at_ms, Event::Stage { stage, stages, hosts: targets });
            }
            Change::Progress { progress, reason } => {
                self.note(at_ms, Event::Progress { progress, reason });
            }
            Change::Target { target, state, error } => self.host(at_ms, target, state, error),
        }
    }

    fn host(&mut self, at_ms: u64, host: TargetId, now: TargetState, why: Option<String>) {
        if let Some(Entry { at_ms: then, event: Event::Hosts { state, hosts, error } }) =
            self.0.last_mut()
            && (*then, *state, &*error) == (at_ms, now, &why)
        {
            hosts.push(host);
            return;
        }
        self.note(at_ms, Event::Hosts { state: now, hosts: vec![host], error: why });
    }
}
