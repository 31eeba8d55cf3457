//! The virtual clock, and the operator who carries out what the rollout asks for.

use std::collections::{BTreeMap, HashMap};

use super::RehearsalError;
use super::actor::{Actor, Ask, Health, PROBE_MS};
use super::fault::{Says, Trouble};
use super::script::{Act, Cue, Script, Sight};
use super::timeline::{Event, Recorder, Timeline};
use crate::record::TargetState;
use crate::rollout::{
    Action, Change, Command, GateVerdict, Holds, HostEvent, Input, Progress, Rollout, Setup, Step,
};
use crate::strategy::{Member, StageError};
use crate::target::TargetId;

/// How long an analysis takes, in milliseconds.
const ANALYSIS_MS: u64 = 5_000;

/// Something that will happen.
enum Due {
    Answer { actor: usize, asked: u64, ask: Ask },
    Probe { actor: usize, beat: u64 },
    Verdict { stage: usize, life: u64 },
    Over { actor: usize, trouble: Trouble },
    Alarm,
    Resume,
}

pub(super) struct World {
    rollout: Rollout,
    seed: u64,
    now: u64,
    agenda: BTreeMap<(u64, u64), Due>,
    planned: u64,
    wake: Option<u64>,
    actors: Vec<Actor>,
    places: HashMap<TargetId, usize>,
    script: Script,
    recorder: Recorder,
    min_healthy_ms: u64,
    members: usize,
    /// How many of the members were healthy on the release.
    moved: usize,
    stage: usize,
    most_down: usize,
    most_down_back: usize,
    /// How many operators there were before; the answers to an earlier one are lost.
    life: u64,
    is_driven: bool,
}

impl World {
    pub(super) fn new(
        setup: Setup,
        script: Script,
        seed: u64,
    ) -> Result<Self, Vec<RehearsalError>> {
        let (members, min_healthy_ms) = (setup.members.len(), setup.pace.min_healthy_ms);
        let unsound = |errors: Vec<StageError>| -> Vec<_> {
            errors.into_iter().map(RehearsalError::Stages).collect()
        };
        let rollout = Rollout::new(setup).map_err(unsound)?;
        let hosts = rollout.hosts().iter().enumerate();
        let actor = |(place, host): (usize, &crate::rollout::Host)| {
            Actor::new(host.target.clone(), host.state, seed, place)
        };
        Ok(Self {
            actors: hosts.clone().map(actor).collect(),
            places: hosts.map(|(place, host)| (host.target.clone(), place)).collect(),
            rollout,
            seed,
            now: 0,
            agenda: BTreeMap::new(),
            planned: 0,
            wake: None,
            script,
            recorder: Recorder::default(),
            min_healthy_ms,
            members,
            moved: 0,
            stage: 0,
            most_down: 0,
            most_down_back: 0,
            life: 0,
            is_driven: true,
        })
    }

    /// Lets everything happen that will ever happen.
    pub(super) fn run(mut self) -> Timeline {
        let alarms: Vec<_> = self.script.alarms().collect();
        for at in alarms {
            self.plan_at(at, Due::Alarm);
        }
        self.follow_script();
        if self.is_driven {
            self.feed(Input::Tick);
            self.follow_script();
        }
        while !self.has_ended() && self.next() {}
        self.timeline()
    }

    fn has_ended(&self) -> bool {
        matches!(self.rollout.progress(), Progress::Ended { .. })
    }

    /// Lets the next thing happen, and tells whether there was one.
    fn next(&mut self) -> bool {
        let event = self.agenda.first_key_value().map(|(key, _)| *key);
        match (event, self.wake) {
            (Some(key), wake) if wake.is_none_or(|wake| key.0 <= wake) => {
                self.now = self.now.max(key.0);
                if let Some(due) = self.agenda.remove(&key) {
                    self.happen(due);
                }
            }
            (_, Some(wake)) => {
                (self.now, self.wake) = (wake.max(self.now), None);
                self.feed(Input::Tick);
            }
            (_, None) => return false,
        }
        self.follow_script();
        true
    }

    fn plan(&mut self, after: u64, due: Due) {
        self.plan_at(self.now.saturating_add(after), due);
    }

    fn plan_at(&mut self, at: u64, due: Due) {
        self.planned += 1;
        self.agenda.insert((at, self.planned), due);
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::Alarm => {}
            Due::Resume => self.resume(),
            Due::Over { actor, trouble } => self.over(actor, trouble),
            Due::Probe { actor, beat } if beat == self.actors[actor].beat => self.probed(actor),
            Due::Answer { actor, asked, ask } if asked == self.actors[actor].asked => {
                if let Some(event) = self.answer(actor, ask) {
                    self.tell(actor, event);
                }
            }
            Due::Verdict { stage, life } if life == self.life => self.verdict(stage),
            Due::Probe { .. } | Due::Answer { .. } | Due::Verdict { .. } => {}
        }
    }

    /// Tells the rollout what happened to a host.
    fn tell(&mut self, actor: usize, event: HostEvent) {
        let target = self.actors[actor].id.clone();
        self.feed(Input::host(target, event));
    }

    fn feed(&mut self, input: Input) {
        let step = self.rollout.step(self.now, input);
        self.take(step);
    }

    /// Writes down what changed, and carries out what is asked, unless the operator dies before.
    fn take(&mut self, step: Step) {
        for change in step.changes {
            self.see(&change);
            self.recorder.change(self.now, change);
        }
        self.count_down();
        if let Some(kill) = self.script.due(&self.sight(), Cue::is_kill) {
            return self.perform(kill);
        }
        for action in step.actions {
            self.carry_out(action);
        }
    }

    fn count_down(&mut self) {
        let most = match self.rollout.progress() {
            Progress::RollingBack => &mut self.most_down_back,
            Progress::Ended { .. } => return,
            _ => &mut self.most_down,
        };
        *most = self.rollout.standing().down.max(*most);
    }

    fn see(&mut self, change: &Change) {
        match change {
            Change::Stage { stage, .. } => self.stage = *stage,
            Change::Target { target, state, .. } => {
                let Some(&place) = self.places.get(target) else { return };
                let actor = &mut self.actors[place];
                actor.state = *state;
                let is_up = matches!(state, TargetState::Healthy | TargetState::NotChecked);
                if is_up && !actor.was_healthy && place < self.members {
                    actor.was_healthy = true;
                    self.moved += 1;
                }
            }
            Change::Progress { .. } => {}
        }
    }

    fn carry_out(&mut self, action: Action) {
        match action {
            Action::Prepare { targets } => self.ask(&targets, Ask::Stage),
            Action::Activate { targets } => self.ask(&targets, Ask::Activate),
            Action::ActivateIdle { targets } => self.ask(&targets, Ask::ActivateIdle),
            Action::Switch { targets } => self.ask(&targets, Ask::Switch),
            Action::TakeBack { targets } => self.ask(&targets, Ask::Restore),
            Action::Probe { targets } => {
                for place in self.placed(&targets) {
                    self.actors[place].is_probed = true;
                    self.begin_probes(place, 0);
                }
            }
            Action::Analyse { stage, .. } => {
                self.plan(ANALYSIS_MS, Due::Verdict { stage, life: self.life });
            }
            Action::Wake { at_ms } => self.wake = Some(at_ms),
            Action::Finish { .. } => self.wake = None,
        }
    }

    fn placed(&self, targets: &[TargetId]) -> Vec<usize> {
        targets.iter().filter_map(|target| self.places.get(target).copied()).collect()
    }

    fn ask(&mut self, targets: &[TargetId], ask: Ask) {
        for place in self.placed(targets) {
            let actor = &mut self.actors[place];
            actor.asked += 1;
            if ask == Ask::Restore {
                (actor.is_probed, actor.beat) = (false, actor.beat + 1);
            }
            let (takes, asked) = (actor.takes(ask), actor.asked);
            self.plan(takes, Due::Answer { actor: place, asked, ask });
        }
    }

    /// Does what a host was asked, and returns what it says; nothing where it says nothing.
    fn answer(&mut self, place: usize, ask: Ask) -> Option<HostEvent> {
        let actor = &mut self.actors[place];
        if actor.has(Trouble::Unreachable) {
            return Some(HostEvent::Unreachable { error: "connection timed out".to_owned() });
        }
        let error = |text: &str| text.to_owned();
        match ask {
            Ask::Stage if actor.has(Trouble::FailsToStage) => {
                return Some(HostEvent::StageFailed { error: error("the check failed") });
            }
            Ask::Stage => return Some(HostEvent::Staged),
            Ask::Restore if actor.has(Trouble::FailsToRollBack) => {
                return Some(HostEvent::RestoreFailed { error: error("read-only file system") });
            }
            Ask::Restore => {
                actor.live = Holds::Old;
                return Some(HostEvent::Restored);
            }
            Ask::Activate | Ask::Switch => actor.live = Holds::New,
            Ask::ActivateIdle => {}
        }
        if ask != Ask::Switch && actor.has(Trouble::FailsToActivate) {
            let switched = ask == Ask::Activate;
            return Some(HostEvent::ActivationFailed {
                error: error("the reload failed"),
                switched,
            });
        }
        (!actor.has(Trouble::Hangs)).then_some(HostEvent::Activated)
    }

    fn begin_probes(&mut self, place: usize, after: u64) {
        let actor = &mut self.actors[place];
        actor.beat += 1;
        let beat = actor.beat;
        self.plan(after, Due::Probe { actor: place, beat });
    }

    fn probed(&mut self, place: usize) {
        let actor = &self.actors[place];
        if !actor.is_probed || !self.is_driven {
            return;
        }
        let (beat, health) = (actor.beat, actor.health(self.now));
        self.tell(
            place,
            match health {
                Health::Good => HostEvent::ProbeGood,
                Health::Bad => HostEvent::ProbeBad { error: "status 500".to_owned() },
                Health::Unreachable => {
                    HostEvent::Unreachable { error: "connection timed out".to_owned() }
                }
            },
        );
        if let Some(after) = self.next_probe(place).filter(|_| self.actors[place].beat == beat) {
            self.plan(after, Due::Probe { actor: place, beat });
        }
    }

    /// Returns when the next probe is that can find anything else than the one just now: those in
    /// between would change nothing.
    fn next_probe(&self, place: usize) -> Option<u64> {
        let actor = &self.actors[place];
        let waits = self.min_healthy_ms.div_ceil(PROBE_MS).max(1) * PROBE_MS;
        match actor.state {
            TargetState::Probing if actor.is_steady() => Some(waits),
            TargetState::Healthy | TargetState::NotChecked if actor.is_steady() => None,
            TargetState::Probing | TargetState::Healthy | TargetState::NotChecked => Some(PROBE_MS),
            _ => None,
        }
    }

    fn verdict(&mut self, stage: usize) {
        let reason = |text: &str| text.to_owned();
        let verdict = match self.script.verdict(stage + 1) {
            None => GateVerdict::Promote,
            Some(Says::Bad) => GateVerdict::RollBack { reason: reason("it is worse than before") },
            Some(Says::Inconclusive) => {
                GateVerdict::Inconclusive { reason: reason("too few samples") }
            }
            Some(Says::Nothing) => return,
        };
        self.feed(Input::Verdict { stage, verdict });
    }

    /// Does what is due.
    fn follow_script(&mut self) {
        while let Some(cue) = self.script.due(&self.sight(), |_| true) {
            self.perform(cue);
        }
    }

    fn sight(&self) -> Sight {
        Sight {
            now: self.now,
            moved: self.moved,
            total: self.members,
            stage: self.stage,
            progress: self.rollout.progress(),
            is_driven: self.is_driven,
        }
    }

    fn perform(&mut self, cue: Cue) {
        let Cue { phrase, act, when } = cue;
        match act {
            Act::Begin { hosts, trouble, lasts_ms } => {
                if when != super::fault::When::Start {
                    self.recorder.note(self.now, Event::Fault { phrase });
                }
                for place in hosts {
                    self.begin(place, trouble, lasts_ms);
                }
            }
            Act::Join(host) => {
                self.recorder.note(self.now, Event::Fault { phrase });
                self.join(host);
            }
            Act::Kill { away_ms } => self.kill(away_ms),
            Act::Ask(command) => self.command(command),
        }
    }

    fn begin(&mut self, place: usize, trouble: Trouble, lasts_ms: Option<u64>) {
        self.actors[place].begin(trouble, self.now);
        if self.actors[place].is_probed {
            self.begin_probes(place, PROBE_MS);
        }
        if let Some(ms) = lasts_ms {
            self.plan(ms, Due::Over { actor: place, trouble });
        }
    }

    fn over(&mut self, place: usize, trouble: Trouble) {
        self.actors[place].end(trouble);
        if trouble == Trouble::Unreachable && self.is_driven {
            self.found_again(place);
        }
    }

    fn found_again(&mut self, place: usize) {
        let actor = &self.actors[place];
        let lost = matches!(actor.state, TargetState::Unreachable | TargetState::RollbackFailed);
        if lost && !actor.has(Trouble::Unreachable) {
            let holds = actor.live;
            self.tell(place, HostEvent::Back { holds });
        }
    }

    fn join(&mut self, host: TargetId) {
        let place = self.actors.len();
        self.actors.push(Actor::new(host.clone(), TargetState::Unchanged, self.seed, place));
        self.places.insert(host.clone(), place);
        self.feed(Input::Joined(Member::new(host)));
    }

    fn command(&mut self, command: Command) {
        let answer = self.rollout.command(self.now, command);
        let refusal = answer.as_ref().err().map(ToString::to_string);
        self.recorder.note(self.now, Event::Asked { command, refusal });
        if let Ok(step) = answer {
            self.take(step);
        }
    }

    /// The operator dies: what it was about to do is not done, and nobody hears the answers.
    fn kill(&mut self, away_ms: u64) {
        self.recorder.note(self.now, Event::Killed);
        (self.is_driven, self.wake, self.life) = (false, None, self.life + 1);
        for actor in &mut self.actors {
            (actor.asked, actor.beat, actor.is_probed) = (actor.asked + 1, actor.beat + 1, false);
        }
        self.plan(away_ms, Due::Resume);
    }

    /// Another one goes on from what was written down.
    fn resume(&mut self) {
        self.recorder.note(self.now, Event::Resumed);
        self.is_driven = true;
        let step = self.rollout.resume(self.now);
        self.take(step);
        for place in 0..self.actors.len() {
            self.found_again(place);
        }
    }

    fn timeline(self) -> Timeline {
        let hosts = self.rollout.hosts();
        Timeline {
            seed: self.seed,
            hosts: self.members,
            stages: self.rollout.stages().len(),
            progress: self.rollout.progress(),
            outcome: self.rollout.outcome(),
            duration_ms: self.now,
            moved: hosts.iter().filter(|host| host.holds == Holds::New).count(),
            most_down: self.most_down,
            most_down_back: self.most_down_back,
            bad: hosts.iter().filter(|host| host.bad).count(),
            never: self.script.left(),
            entries: self.recorder.0,
        }
    }
}
