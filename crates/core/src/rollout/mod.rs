//! Rollouts: a fleet moved from one release to another in stages, as a state machine without I/O.
//!
//! [`Rollout::step`] takes the time and what happened, and returns what to do next; whoever drives it
//! carries that out and reports back. All it knows is in the value, which can be written down after
//! each step: [`Rollout::resume`] says again what a driver that died was about to do. Deadlines are
//! times of the wall clock, so that they survive it.
//!
//! | read | for |
//! |---|---|
//! | [`Setup`], [`Rollout`] | what is rolled out, and how it goes on |
//! | [`Input`], [`HostEvent`], [`GateVerdict`], [`Command`] | what happens |
//! | [`Action`], [`Change`], [`Step`] | what to do, and what to tell |
//! | [`Progress`], [`Pause`], [`Ending`], [`Outcome`] | where it stands, and how it ended |
//! | [`Window`] | when it may start |
//!
//! What always holds: a target goes down only while no budget is exceeded and the floor is kept; a
//! target whose probes say nothing is not healthy; a failure takes back every target that was
//! touched; a target that comes back, or is new, gets the release that was good before; whatever
//! does not answer has a deadline, so that every rollout ends or waits for a person.

mod advance;
mod command;
mod deadlines;
mod gates;
mod host;
mod hosts;
mod input;
mod lookup;
mod outcome;
mod phase;
mod resume;
mod rollback;
mod step;
mod tally;
#[cfg(test)]
mod tests;
mod window;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

pub use command::{Command, Refusal};
pub use host::{Holds, Host};
pub use input::{GateVerdict, HostEvent, Input};
pub use outcome::{Ending, Exception, Outcome};
pub use phase::{Pause, Progress};
pub use step::{Action, Change, Step};
pub use window::{InvalidWindow, Window};

use crate::budget::{Budget, Standing};
use crate::strategy::{
    Cutover, DeploymentStrategy, Member, OnFailure, Pace, Stage, StageError, check_stages,
};
use crate::target::TargetId;
use lookup::Lookup;
use phase::Phase;

/// What is rolled out, and by which rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setup {
    /// The targets that move.
    pub members: Vec<Member>,
    /// The targets that hold the release already; they count for the budget.
    #[serde(default)]
    pub unchanged: Vec<Member>,
    /// In which order they move, and what must hold in between.
    pub stages: Vec<Stage>,
    /// How fast, and how long at most.
    pub pace: Pace,
    /// How many may fail.
    #[serde(default)]
    pub budget: Budget,
    /// How they begin to serve the release.
    pub cutover: Cutover,
    /// Whether a person must approve before anything is done.
    #[serde(default)]
    pub approval: bool,
    /// When it may start; always where there is none.
    #[serde(default)]
    pub windows: Vec<Window>,
}

impl Setup {
    /// Returns what `strategy` makes of `members`, with a budget of none.
    #[must_use]
    pub fn of(strategy: &dyn DeploymentStrategy, members: Vec<Member>) -> Self {
        Self {
            stages: strategy.stages(&members),
            pace: strategy.pace(),
            cutover: strategy.cutover(),
            members,
            unchanged: Vec::new(),
            budget: Budget::default(),
            approval: false,
            windows: Vec::new(),
        }
    }
}

/// A rollout under way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rollout {
    state: State,
    lookup: Lookup,
}

/// All that a rollout knows, as it is written down.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    rules: Rules,
    hosts: Vec<Host>,
    domains: Vec<String>,
    stages: Vec<Stage>,
    phase: Phase,
    /// The stage being moved, from 0.
    stage: usize,
    /// How many targets of it were looked at.
    cursor: usize,
    paused: Option<Pause>,
    /// When progress is overdue.
    progress_until: Option<u64>,
    /// Why it failed.
    reason: Option<String>,
    /// The latest time that was told.
    now: u64,
    /// When the driver was asked to come back.
    wake: Option<u64>,
}

/// What does not change while it goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Rules {
    pace: Pace,
    budget: Budget,
    cutover: Cutover,
    windows: Vec<Window>,
    /// How many targets move side by side.
    parallel: usize,
}

impl Rollout {
    /// Returns the rollout, not begun.
    ///
    /// # Errors
    /// Everything that is wrong with the stages.
    pub fn new(setup: Setup) -> Result<Self, Vec<StageError>> {
        check_stages(&setup.members, &setup.stages)?;
        let mut domains = Vec::new();
        let hosts = host::all(&setup, &mut domains);
        let parallel = setup.pace.parallel.of(setup.members.len());
        let Setup { stages, pace, budget, cutover, approval, windows, .. } = setup;
        let rules = Rules { pace, budget, cutover, windows, parallel };
        let state = State {
            rules,
            hosts,
            domains,
            stages,
            phase: if approval { Phase::Draft } else { Phase::Approved { opens: None } },
            stage: 0,
            cursor: 0,
            paused: None,
            progress_until: None,
            reason: None,
            now: 0,
            wake: None,
        };
        Ok(Self { lookup: Lookup::of(&state), state })
    }

    /// Returns what to do now that `input` happened at `now_ms`, in milliseconds of the wall clock. What
    /// comes too late, or from a target that nobody asked, changes nothing; a clock that goes back
    /// stands still.
    pub fn step(&mut self, now_ms: u64, input: Input) -> Step {
        let mut step = Step::default();
        let now = self.observe(now_ms);
        self.expire(now, &mut step);
        match input {
            Input::Tick => {}
            Input::Host { target, event } => self.on_host(now, &target, event, &mut step),
            Input::Joined(member) => self.on_joined(now, &member, &mut step),
            Input::Verdict { stage, verdict } => self.on_verdict(now, stage, verdict, &mut step),
        }
        self.settle(now, &mut step);
        step
    }

    /// Returns the hosts, in the order of the members, those that hold the release already after them.
    #[must_use]
    pub fn hosts(&self) -> &[Host] {
        &self.state.hosts
    }

    /// Returns what is known of `target`.
    #[must_use]
    pub fn host(&self, target: &TargetId) -> Option<&Host> {
        self.lookup.index(target).map(|index| &self.state.hosts[index])
    }

    /// Returns how many targets there are, how many were bad at any time, and how many do not serve.
    #[must_use]
    pub const fn standing(&self) -> Standing {
        self.lookup.tally.fleet
    }

    /// Returns the stages.
    #[must_use]
    pub fn stages(&self) -> &[Stage] {
        &self.state.stages
    }

    /// Returns the stage that is being moved, from 0.
    #[must_use]
    pub const fn stage(&self) -> usize {
        self.state.stage
    }

    /// Returns why it failed, once it has.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.state.reason.as_deref()
    }

    /// Lets everything happen that follows, and says when to come back.
    fn settle(&mut self, now: u64, step: &mut Step) {
        while self.advance(now, step) {}
        self.ask_to_wake(step);
    }

    fn observe(&mut self, now_ms: u64) -> u64 {
        self.state.now = self.state.now.max(now_ms);
        self.state.now
    }

    const fn goes_on(&self) -> bool {
        matches!(self.state.rules.pace.on_failure, OnFailure::GoOn)
    }
}

impl Serialize for Rollout {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.state.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Rollout {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let state = State::deserialize(deserializer)?;
        state.check().map_err(serde::de::Error::custom)?;
        Ok(Self { lookup: Lookup::of(&state), state })
    }
}

impl State {
    /// Checks what the code takes for granted of a state that somebody may have edited.
    fn check(&self) -> Result<(), &'static str> {
        let (stages, domains) = (self.stages.len(), self.domains.len());
        let sound = |host: &Host| {
            host.stage.is_none_or(|stage| stage < stages) && host.domain < domains.max(1)
        };
        match () {
            () if !self.hosts.iter().all(sound) => Err("a target of the rollout is in no stage"),
            () if stages > 0 && self.stage >= stages => Err("the rollout is in no stage"),
            () => Ok(()),
        }
    }
}
