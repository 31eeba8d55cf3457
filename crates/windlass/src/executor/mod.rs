//! The one executor: it drives a rollout until it has ended.
//!
//! Deployments and rollbacks are the same work. What happens next is decided by
//! [`windlass_core::rollout::Rollout`], a value; here its actions are carried out on hosts, what hosts
//! answer is given back to it, and the record follows. Every target is staged and checked before the
//! first one changes. A deployment that fails afterwards takes back each target that it moved; a
//! rollback goes on without the targets that fail, and says which are not where they should be.

mod hands;
pub(crate) mod inbox;
mod keeper;
mod ledger;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use windlass_agent::work::Assignment;
use windlass_core::budget::Budget;
use windlass_core::record::{ConfigDeployment, DeploymentId, TargetState};
use windlass_core::release::ReleaseId;
use windlass_core::rollout::{
    Action, Change, Command, GateVerdict, HostEvent, Input, Outcome, Progress, Rollout, Setup, Step,
};
use windlass_core::strategy::StageError;
use windlass_core::target::TargetId;

use crate::clock::Clock;
use crate::error::describe;
use crate::events::Events;
use crate::fleet::Fleet;
use crate::host::{Host, HostError};
use crate::store::SavedRollout;
use hands::{Answer, Failed, Hands, Said};
use inbox::{Inbox, Question, Reply};
pub(crate) use keeper::Keeper;
use ledger::Ledger;

/// Asks a running deployment to stop at the next safe point.
#[derive(Debug, Clone, Default)]
pub struct StopFlag(Arc<watch::Sender<bool>>);

impl StopFlag {
    /// Asks for the stop.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Tells whether the stop was asked for.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Returns once the stop was asked for.
    async fn stopped(&self) {
        // The sender lives as long as `self`, so that waiting cannot fail.
        let _ = self.0.subscribe().wait_for(|stopped| *stopped).await;
    }
}

/// What a target comes from and goes to.
#[derive(Clone, Default)]
pub(crate) struct Move {
    pub(crate) from: Option<Arc<Assignment>>,
    pub(crate) to: Option<Arc<Assignment>>,
}

/// Where an execution begins.
pub(crate) enum Start {
    /// At the beginning, on these terms.
    New(Box<Setup>),
    /// Where the process that drove it before had got to.
    Saved(Box<SavedRollout>),
}

/// A plan being carried out.
pub(crate) struct Execution<'a> {
    pub(crate) start: Start,
    /// Whether checks run on what is staged.
    pub(crate) checked: bool,
    pub(crate) keeper: Keeper<'a>,
    /// Where people ask it for something from other terminals.
    pub(crate) inbox: Option<Inbox>,
    pub(crate) fleet: &'a Fleet,
    pub(crate) moves: BTreeMap<TargetId, Move>,
    pub(crate) events: &'a Events,
    pub(crate) clock: &'a Arc<dyn Clock>,
    pub(crate) stop: &'a StopFlag,
    pub(crate) record: ConfigDeployment,
    /// The targets whose earlier release may hold secrets that nobody here knows.
    pub(crate) strangers: BTreeSet<TargetId>,
    /// Has withheld what commands print from then on.
    pub(crate) withhold: &'a (dyn Fn() + Sync),
}

impl<'a> Execution<'a> {
    /// Carries the plan out and returns the record, with everything but its duration final.
    ///
    /// # Errors
    /// Everything that is wrong with the stages of the plan; nothing was done.
    pub(crate) async fn run(self) -> Result<ConfigDeployment, Vec<StageError>> {
        Ok(Driver::of(self)?.run().await)
    }
}

/// How often the inbox is looked into, at least: soon enough for a person, and next to nothing to do.
const LOOK_INTO_INBOX_MS: u64 = 250;

/// Something that happened while nobody was asked anything.
enum Happened {
    Answered(Box<Answer>),
    Stopped,
    TimePassed,
}

/// Drives a rollout: actions out, events in.
struct Driver<'a> {
    rollout: Rollout,
    ledger: Ledger<'a>,
    hands: Hands<'a>,
    keeper: Keeper<'a>,
    inbox: Option<Inbox>,
    clock: &'a Arc<dyn Clock>,
    stop: &'a StopFlag,
    strangers: BTreeSet<TargetId>,
    withhold: &'a (dyn Fn() + Sync),
    /// Whether another process drove it before.
    resumed: bool,
    /// What is known without asking a host.
    due: VecDeque<Input>,
    /// When the rollout asked to be woken, in milliseconds of the wall clock.
    wake: Option<u64>,
    /// When the inbox is looked into next, in milliseconds of the wall clock.
    look_at: u64,
    /// How long a target must be healthy before it counts.
    min_healthy: Duration,
    /// Whether the budget tolerates no bad target, so that each of them says why it failed.
    tolerates_none: bool,
    /// Whether a person asked to abort while targets were prepared.
    aborts: bool,
    /// Whether the stop that was asked for was heard.
    heard: bool,
    /// Whether it ended the rollout.
    stopped: bool,
}

impl<'a> Driver<'a> {
    fn of(execution: Execution<'a>) -> Result<Self, Vec<StageError>> {
        let Execution { start, checked, keeper, fleet, moves, events, clock, stop, .. } = execution;
        let resumed = matches!(start, Start::Saved(_));
        let saved = match start {
            Start::New(setup) => SavedRollout {
                schema: SavedRollout::SCHEMA,
                deployment_id: execution.record.deployment_id.clone(),
                min_healthy_ms: setup.pace.min_healthy_ms,
                tolerates_none: setup.budget == Budget::default(),
                rollout: Rollout::new(*setup)?,
            },
            Start::Saved(saved) => *saved,
        };
        Ok(Self {
            hands: Hands::new(fleet, clock, moves, saved.deployment_id, checked, resumed),
            ledger: Ledger::new(execution.record, events),
            keeper,
            inbox: execution.inbox,
            clock,
            stop,
            strangers: execution.strangers,
            withhold: execution.withhold,
            resumed,
            due: VecDeque::new(),
            wake: None,
            look_at: 0,
            min_healthy: Duration::from_millis(saved.min_healthy_ms),
            tolerates_none: saved.tolerates_none,
            aborts: false,
            heard: false,
            stopped: false,
            rollout: saved.rollout,
        })
    }

    async fn run(mut self) -> ConfigDeployment {
        self.begin().await;
        loop {
            if let Some(outcome) = self.rollout.outcome() {
                return self.end(outcome);
            }
            match self.next().await {
                Happened::Answered(answer) => {
                    self.heed_the_stop().await;
                    self.take(*answer).await;
                }
                Happened::Stopped => {}
                Happened::TimePassed => self.tick().await,
            }
            self.heed_the_stop().await;
        }
    }

    /// Begins, or goes on where the process before was: what it asked and heard no answer to is asked
    /// again.
    async fn begin(&mut self) {
        if self.resumed {
            self.ledger.catch_up(&self.rollout);
            for host in self.rollout.hosts() {
                self.hands.checked(&host.target, host.state != TargetState::NotChecked);
            }
            let step = self.rollout.resume(self.now());
            self.follow(step).await;
        }
        self.feed(Input::Tick).await;
    }

    async fn next(&mut self) -> Happened {
        let now = self.now();
        let wake = self.wake.map(|at| Duration::from_millis(at.saturating_sub(now)));
        let look = self.inbox.as_ref().map(|_| {
            let wait = self.look_at.saturating_sub(now).min(LOOK_INTO_INBOX_MS);
            Duration::from_millis(wait)
        });
        let (clock, wait) = (self.clock, wake.into_iter().chain(look).min());
        let time = async move {
            match wait {
                Some(wait) => clock.sleep(wait).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            Some(answer) = self.hands.next() => Happened::Answered(Box::new(answer)),
            () = self.stop.stopped(), if !self.heard => Happened::Stopped,
            () = time => Happened::TimePassed,
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.clock.now().as_millisecond()).unwrap_or_default()
    }

    async fn tick(&mut self) {
        self.obey().await;
        // However many answers come in between.
        self.look_at = self.now() + LOOK_INTO_INBOX_MS;
        self.feed(Input::Tick).await;
        // A clock that was set back, or is a little early, is waited for again.
        let now = self.now();
        self.wake = self.wake.filter(|at| *at > now);
    }

    /// Does what people asked for, and answers them.
    async fn obey(&mut self) {
        let asked = self.inbox.as_ref().map(Inbox::take).unwrap_or_default();
        for (path, question) in asked {
            let reply = self.reply_to(&question).await;
            if let Some(inbox) = &self.inbox {
                inbox.answer(&path, &reply);
            }
        }
    }

    async fn reply_to(&mut self, question: &Question) -> Reply {
        let told = format!("{} asked to {}", question.by, verb(question.command));
        if question.command == Command::Abort && self.hands.is_preparing() {
            self.ledger.warn(told);
            self.aborts = true;
            return Reply::Done(self.rollout.progress());
        }
        match self.rollout.command(self.now(), question.command) {
            Ok(step) => {
                self.ledger.warn(told);
                self.follow(step).await;
                Reply::Done(self.rollout.progress())
            }
            Err(refusal) => Reply::Refused(refusal),
        }
    }

    /// Tells the rollout what happened, and does what follows, until nothing more does.
    async fn feed(&mut self, input: Input) {
        self.due.push_back(input);
        while let Some(input) = self.due.pop_front() {
            let step = self.rollout.step(self.now(), input);
            self.follow(step).await;
        }
    }

    /// Tells what changed, and does what is to be done; before it, where the rollout stands somewhere
    /// else, that is written down.
    async fn follow(&mut self, step: Step) {
        let mut elsewhere = false;
        for change in step.changes {
            elsewhere |= matches!(change, Change::Stage { .. } | Change::Progress { .. });
            if let (Change::Progress { progress: Progress::Paused(pause), .. }, false) =
                (&change, self.heard)
            {
                self.ledger.warn(format!("the rollout is paused {pause}"));
            }
            self.ledger.note(change, &self.rollout);
        }
        if elsewhere && self.rollout.outcome().is_none() {
            self.keep().await;
        }
        for action in step.actions {
            self.carry_out(action);
        }
    }

    async fn keep(&mut self) {
        let saved = SavedRollout {
            schema: SavedRollout::SCHEMA,
            deployment_id: self.ledger.deployment().clone(),
            min_healthy_ms: u64::try_from(self.min_healthy.as_millis()).unwrap_or(u64::MAX),
            tolerates_none: self.tolerates_none,
            rollout: self.rollout.clone(),
        };
        self.keeper.keep(saved).await;
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Prepare { targets } => self.each(targets, Hands::prepare),
            Action::Activate { targets } => self.each(targets, Hands::activate),
            Action::TakeBack { targets } => self.take_back(targets),
            Action::Probe { targets } => targets.iter().for_each(|target| self.probe(target)),
            Action::Analyse { stage, analysis } => {
                let verdict = verdict_of(&analysis);
                self.due.push_back(Input::Verdict { stage, verdict });
            }
            Action::Wake { at_ms } => self.wake = Some(at_ms),
            // Two slots are refused before anything is planned.
            Action::ActivateIdle { targets } | Action::Switch { targets } => {
                targets.into_iter().for_each(|target| self.not_reached(target));
            }
            Action::Finish { .. } => {}
        }
    }

    fn each(&mut self, targets: Vec<TargetId>, ask: fn(&mut Hands<'a>, &TargetId) -> bool) {
        for target in targets {
            if !ask(&mut self.hands, &target) {
                self.not_reached(target);
            }
        }
    }

    fn not_reached(&mut self, target: TargetId) {
        let error = "the target is not reached".to_owned();
        self.due.push_back(Input::host(target, HostEvent::Unreachable { error }));
    }

    /// Takes targets back. What a person had changed on one that was only repaired is not brought back.
    fn take_back(&mut self, targets: Vec<TargetId>) {
        let (repaired, moved): (Vec<_>, Vec<_>) =
            targets.into_iter().partition(|target| self.ledger.is_repaired(target));
        for target in repaired {
            let event = match self.ledger.state(&target) {
                Some(TargetState::Healthy | TargetState::NotChecked) => HostEvent::Restored,
                _ => HostEvent::RestoreFailed { error: "it was repaired in vain".to_owned() },
            };
            self.due.push_back(Input::host(target, event));
        }
        if moved.iter().any(|target| self.strangers.contains(target)) {
            (self.withhold)();
        }
        self.each(moved, Hands::take_back);
    }

    /// Has a target probed once more, where there is something to probe and a reason to.
    fn probe(&mut self, target: &TargetId) {
        let state = self.rollout.host(target).map(|host| host.state);
        match state {
            Some(TargetState::Probing) => self.hands.probe(target, Some(self.min_healthy)),
            Some(TargetState::Healthy) => self.hands.probe(target, None),
            _ => {}
        }
    }

    async fn take(&mut self, answer: Answer) {
        let Answer { target, said } = answer;
        match said {
            Said::Prepared(answer) => {
                let event = match answer {
                    Ok(()) => HostEvent::Staged,
                    Err(error) => HostEvent::StageFailed { error: describe(&error) },
                };
                self.feed(Input::host(target, event)).await;
                self.hands.prepared();
            }
            Said::Activated(answer) => self.activated(target, answer).await,
            Said::Probed(answer) => self.probed(target, answer).await,
            Said::TakenBack(answer) => self.taken_back(target, answer).await,
        }
    }

    async fn activated(&mut self, target: TargetId, answer: Result<TargetState, Failed>) {
        let state = self.rollout.host(&target).map(|host| host.state);
        if !matches!(state, Some(TargetState::Activating | TargetState::Unreachable)) {
            return;
        }
        match answer {
            Ok(state) => {
                self.ledger.now_holds(&target, self.hands.destination(&target));
                let round = match state {
                    TargetState::NotChecked => HostEvent::NotChecked,
                    _ => HostEvent::ProbeGood,
                };
                self.hands.checked(&target, state != TargetState::NotChecked);
                self.feed(Input::host(target.clone(), HostEvent::Activated)).await;
                self.feed(Input::host(target, round)).await;
            }
            Err(failed) => {
                let whole = self.look_again(&target, &failed);
                let switched = !(whole && failed.error.is_before_the_switch());
                let error = describe(&failed.error);
                let event = HostEvent::ActivationFailed { error, switched };
                self.feed(Input::host(target, event)).await;
            }
        }
    }

    /// Records what a target that failed really holds, since it may have failed before or after the
    /// switch, and tells whether it is whole. A target that does not answer is taken to hold what it
    /// was given.
    fn look_again(&mut self, target: &TargetId, failed: &Failed) -> bool {
        let Ok(seen) = &failed.seen else {
            self.ledger.now_holds(target, self.hands.destination(target));
            return false;
        };
        self.ledger.now_holds(target, seen.live.as_ref().map(|live| live.release));
        seen.interrupted.is_none()
    }

    async fn probed(&mut self, target: TargetId, answer: Result<Option<bool>, HostError>) {
        let event = match answer {
            Ok(Some(true)) => HostEvent::ProbeGood,
            Ok(Some(false)) => HostEvent::ProbeBad { error: "a health check failed".to_owned() },
            Ok(None) => HostEvent::NotChecked,
            Err(error) => HostEvent::ProbeBad { error: describe(&error) },
        };
        self.feed(Input::host(target.clone(), event)).await;
        self.probe(&target);
    }

    async fn taken_back(&mut self, target: TargetId, answer: Result<TargetState, Failed>) {
        let event = match answer {
            Ok(_) => {
                self.ledger.now_holds(&target, self.hands.origin(&target));
                HostEvent::Restored
            }
            Err(failed) => {
                self.look_again(&target, &failed);
                HostEvent::RestoreFailed { error: describe(&failed.error) }
            }
        };
        self.feed(Input::host(target, event)).await;
    }

    /// Has the rollout taken back once a stop was asked for: at once, or when every target has said
    /// whether it could be prepared.
    async fn heed_the_stop(&mut self) {
        if self.stopped || !(self.aborts || self.stop.is_stopped()) {
            return;
        }
        let preparing = self.hands.is_preparing();
        let first = !std::mem::replace(&mut self.heard, true);
        let command = if preparing { Command::Pause } else { Command::Abort };
        if preparing && !first {
            return;
        }
        if let Ok(step) = self.rollout.command(self.now(), command) {
            self.stopped = !preparing;
            self.follow(step).await;
            self.feed(Input::Tick).await;
        }
    }

    fn end(self, outcome: Outcome) -> ConfigDeployment {
        let says_nothing_new = self.tolerates_none && self.rollout.within_budget().is_err();
        let reason = match self.stopped && self.stop.is_stopped() {
            true => Some("stopped by the operator".to_owned()),
            false => outcome.reason.filter(|_| !says_nothing_new),
        };
        self.ledger.end(outcome.ending, reason)
    }
}

/// Returns a command as people say it.
const fn verb(command: Command) -> &'static str {
    match command {
        Command::Pause => "pause",
        Command::Resume => "resume",
        Command::Promote => "promote",
        Command::Abort => "abort",
        Command::Approve => "approve",
    }
}

/// Returns what an analysis says. No environment that asks for one is planned, so that none is ever
/// taken for passed.
fn verdict_of(analysis: &str) -> GateVerdict {
    GateVerdict::Inconclusive { reason: format!("nothing is known of analysis {analysis}") }
}

/// Puts a target that holds one of `over` back on the release that it came from; nothing is
/// rendered and no check is run.
pub(crate) async fn restore(
    host: &dyn Host,
    deployment: &DeploymentId,
    over: Vec<Option<ReleaseId>>,
    from: Option<Arc<Assignment>>,
) -> Result<TargetState, HostError> {
    if let Some(from) = &from {
        host.prepare(deployment, Arc::clone(from), false).await?;
    }
    host.activate(deployment, over, from).await
}
