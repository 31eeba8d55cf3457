//! Hosts that are made up, and an operator who carries out what a rollout asks for.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use crate::record::TargetState;
use crate::rollout::*;

/// What is wrong with a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    FailsStaging,
    FailsActivation,
    Unhealthy,
    Flapping,
    Silent,
    Unreachable,
    NotRestored,
}

pub(super) struct World {
    pub(super) rollout: Rollout,
    pub(super) now: u64,
    pub(super) faults: HashMap<usize, Fault>,
    pub(super) verdict: Option<GateVerdict>,
    /// What each host really serves.
    live: BTreeMap<TargetId, Holds>,
    probed: BTreeSet<TargetId>,
    /// What will happen, by time.
    agenda: BTreeMap<(u64, u64), Input>,
    wake: Option<u64>,
    count: u64,
}

const PROBE_MS: u64 = 5_000;

impl World {
    pub(super) fn new(setup: Setup) -> Self {
        let rollout = Rollout::new(setup).expect("the stages are sound");
        let hosts = rollout.hosts().iter();
        Self {
            live: hosts.map(|host| (host.target.clone(), Holds::Old)).collect(),
            rollout,
            now: 0,
            faults: HashMap::new(),
            verdict: Some(GateVerdict::Promote),
            probed: BTreeSet::new(),
            agenda: BTreeMap::new(),
            wake: None,
            count: 0,
        }
    }

    pub(super) fn run(&mut self) -> Ending {
        self.until(|rollout| rollout.outcome().is_some());
        let outcome = self.rollout.outcome().expect("it ended");
        self.check_ending(outcome.ending);
        outcome.ending
    }

    pub(super) fn until(&mut self, done: impl Fn(&Rollout) -> bool) {
        if self.now == 0 {
            self.input(Input::Tick);
        }
        for _ in 0..200_000 {
            if done(&self.rollout) {
                return;
            }
            self.next();
        }
        panic!("it never ends: {:#?}", self.rollout);
    }

    /// Lets the next thing happen.
    pub(super) fn next(&mut self) {
        let event = self.agenda.keys().next().copied();
        match (event, self.wake) {
            (Some(key), wake) if wake.is_none_or(|wake| key.0 <= wake) => {
                let input = self.agenda.remove(&key).expect("the key is there");
                self.now = key.0;
                self.happen(input);
            }
            (_, Some(wake)) => {
                (self.now, self.wake) = (wake.max(self.now), None);
                self.input(Input::Tick);
            }
            (_, None) => panic!("nothing will ever happen: {:#?}", self.rollout),
        }
    }

    pub(super) fn input(&mut self, input: Input) {
        if let Input::Joined(member) = &input {
            self.live.insert(member.id.clone(), Holds::Old);
        }
        let step = self.rollout.step(self.now, input);
        self.carry_out(step);
    }

    pub(super) fn command(&mut self, command: Command) -> Result<(), Refusal> {
        let step = self.rollout.command(self.now, command)?;
        self.carry_out(step);
        Ok(())
    }

    /// The operator dies, and another one goes on from what was written down.
    pub(super) fn crash(&mut self) {
        let json = serde_json::to_string(&self.rollout).expect("serializes");
        self.rollout = serde_json::from_str(&json).expect("reads back");
        self.agenda.clear();
        self.probed.clear();
        self.wake = None;
        let step = self.rollout.resume(self.now);
        self.carry_out(step);
    }

    fn happen(&mut self, input: Input) {
        if let Input::Host { target, event } = &input {
            let is_probe = matches!(event, HostEvent::ProbeGood | HostEvent::ProbeBad { .. });
            if is_probe && !self.probed.contains(target) {
                return;
            }
            if is_probe {
                self.probe(target.clone());
            }
            match event {
                HostEvent::Activated => self.switch(target),
                HostEvent::Restored => *self.live.get_mut(target).expect("known") = Holds::Old,
                _ => {}
            }
        }
        self.input(input);
    }

    fn switch(&mut self, target: &TargetId) {
        let host = self.rollout.host(target).expect("known");
        if host.state == TargetState::Activating && host.holds != Holds::Old {
            self.live.insert(target.clone(), Holds::New);
        }
    }

    fn carry_out(&mut self, step: Step) {
        for action in step.actions {
            match action {
                Action::Prepare { targets } => self.each(targets, Self::stage),
                Action::Activate { targets } => {
                    self.check_floor();
                    self.each(targets, Self::activate);
                }
                Action::ActivateIdle { targets } | Action::Switch { targets } => {
                    self.each(targets, Self::activate);
                }
                Action::Probe { targets } => self.each(targets, |world, target| {
                    if world.probed.insert(target.clone()) {
                        world.probe(target);
                    }
                }),
                Action::TakeBack { targets } => self.each(targets, Self::restore),
                Action::Analyse { stage, .. } => {
                    if let Some(verdict) = self.verdict.clone() {
                        self.plan(1_000, Input::Verdict { stage, verdict });
                    }
                }
                Action::Wake { at_ms } => self.wake = Some(at_ms),
                Action::Finish { .. } => self.agenda.clear(),
            }
        }
    }

    fn each(&mut self, targets: Vec<TargetId>, mut act: impl FnMut(&mut Self, TargetId)) {
        for target in targets {
            act(self, target);
        }
    }

    fn fault(&self, target: &TargetId) -> Option<Fault> {
        let number = target.as_str().trim_start_matches('h').parse().expect("a number");
        self.faults.get(&number).copied()
    }

    fn plan(&mut self, after: u64, input: Input) {
        self.count += 1;
        self.agenda.insert((self.now + after, self.count), input);
    }

    fn answer(&mut self, target: TargetId, event: HostEvent) {
        let jitter = self.count % 7 * 100;
        self.plan(1_000 + jitter, Input::host(target, event));
    }

    fn stage(&mut self, target: TargetId) {
        let event = match self.fault(&target) {
            Some(Fault::FailsStaging) => HostEvent::StageFailed { error: "full".to_owned() },
            Some(Fault::Unreachable) => HostEvent::Unreachable { error: "no route".to_owned() },
            _ => HostEvent::Staged,
        };
        self.answer(target, event);
    }

    fn activate(&mut self, target: TargetId) {
        match self.fault(&target) {
            Some(Fault::Silent) => {}
            Some(Fault::FailsActivation) => {
                let (error, switched) = ("reload failed".to_owned(), true);
                self.answer(target, HostEvent::ActivationFailed { error, switched });
            }
            _ => self.answer(target, HostEvent::Activated),
        }
    }

    fn probe(&mut self, target: TargetId) {
        let is_bad = match self.fault(&target) {
            Some(Fault::Unhealthy) => true,
            Some(Fault::Flapping) => (self.now / PROBE_MS).is_multiple_of(2),
            _ => false,
        };
        let bad = HostEvent::ProbeBad { error: "status 500".to_owned() };
        let event = if is_bad { bad } else { HostEvent::ProbeGood };
        self.plan(PROBE_MS, Input::host(target, event));
    }

    fn restore(&mut self, target: TargetId) {
        self.probed.remove(&target);
        let event = match self.fault(&target) {
            Some(Fault::NotRestored) => HostEvent::RestoreFailed { error: "read-only".to_owned() },
            _ => HostEvent::Restored,
        };
        self.answer(target, event);
    }

    /// Nothing goes down while a budget is exceeded, and the floor is kept.
    fn check_floor(&self) {
        if self.rollout.goes_on() {
            return;
        }
        assert_eq!(self.rollout.within_budget(), Ok(()));
        let rules = &self.rollout.state.rules;
        let down = self.rollout.hosts().iter().filter(|host| host.is_down()).count();
        let limit = rules.budget.fleet.of(self.rollout.hosts().len());
        assert!(down <= rules.parallel + limit, "{down} are down: {:#?}", self.rollout);
    }

    /// What is told is what is: a release that was taken back is on no target but those that are named.
    fn check_ending(&self, ending: Ending) {
        let outcome = self.rollout.outcome().expect("it ended");
        let named: BTreeSet<_> = outcome.exceptions.iter().map(|e| &e.target).collect();
        let wanted = match ending {
            Ending::Succeeded | Ending::Partial => Holds::New,
            Ending::Failed | Ending::RolledBack | Ending::RollbackFailed => Holds::Old,
        };
        for host in self.rollout.hosts().iter().filter(|host| host.stage.is_some()) {
            let is = self.live[&host.target];
            assert!(is == wanted || named.contains(&host.target), "{} is {is:?}", host.target);
            assert!(host.holds == is || host.holds == Holds::Unknown || host.bad);
        }
        if ending == Ending::RolledBack {
            assert!(self.live.values().all(|is| *is == Holds::Old), "{ending:?} {:?}", self.live);
        }
    }
}
