//! What is to happen in a rehearsal, and whether it is time.

use std::collections::HashMap;

use super::RehearsalError;
use super::fault::{Fault, Happening, Says, Trouble, When, Who};
use crate::rollout::{Command, Pause, Progress, Setup};
use crate::target::TargetId;

/// Something that happens once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Act {
    Begin { hosts: Vec<usize>, trouble: Trouble, lasts_ms: Option<u64> },
    Join(TargetId),
    Kill { away_ms: u64 },
    Ask(Command),
}

pub(super) struct Cue {
    pub(super) phrase: String,
    pub(super) when: When,
    pub(super) act: Act,
}

/// Where the rollout stands, as far as that brings something about.
pub(super) struct Sight {
    pub(super) now: u64,
    /// How many hosts were healthy on the release.
    pub(super) moved: usize,
    /// Of how many.
    pub(super) total: usize,
    /// The stage that has begun, from 1; 0 before.
    pub(super) stage: usize,
    pub(super) progress: Progress,
    pub(super) is_driven: bool,
}

pub(super) struct Script {
    waiting: Vec<Cue>,
    verdicts: Vec<(Option<usize>, Says)>,
}

impl Script {
    /// Returns the script that `faults` make for the hosts of `setup`.
    pub(super) fn of(setup: &Setup, faults: &[Fault]) -> Result<Self, Vec<RehearsalError>> {
        let members = setup.members.iter().enumerate();
        let places: HashMap<_, _> = members.map(|(place, member)| (&member.id, place)).collect();
        let mut script = Self { waiting: Vec::new(), verdicts: Vec::new() };
        let mut errors = Vec::new();
        for fault in faults {
            if let Err(error) = script.add(setup, &places, fault) {
                errors.push(error);
            }
        }
        if errors.is_empty() { Ok(script) } else { Err(errors) }
    }

    fn add(
        &mut self,
        setup: &Setup,
        places: &HashMap<&TargetId, usize>,
        fault: &Fault,
    ) -> Result<(), RehearsalError> {
        let phrase = fault.phrase.clone();
        let stages = setup.stages.len();
        if matches!(fault.when, When::Stage(stage) if stage > stages) {
            return Err(RehearsalError::NoSuchStage { phrase, stages });
        }
        let act = match &fault.happening {
            Happening::Analysis(says) => {
                let stage = if let When::Stage(stage) = fault.when { Some(stage) } else { None };
                self.verdicts.push((stage, *says));
                return Ok(());
            }
            Happening::Trouble { hosts, trouble, lasts_ms } => {
                let unknown =
                    || RehearsalError::NoSuchHost { phrase: phrase.clone(), hosts: places.len() };
                let hosts = found(hosts, places).ok_or_else(unknown)?;
                Act::Begin { hosts, trouble: *trouble, lasts_ms: *lasts_ms }
            }
            Happening::Joins { host } if places.contains_key(host) => {
                return Err(RehearsalError::NotNew { phrase });
            }
            Happening::Joins { host } => Act::Join(host.clone()),
            Happening::Killed { away_ms } => Act::Kill { away_ms: *away_ms },
            Happening::Asked(command) => Act::Ask(*command),
        };
        self.waiting.push(Cue { phrase, when: fault.when, act });
        Ok(())
    }

    /// Returns the times at which something happens by itself.
    pub(super) fn alarms(&self) -> impl Iterator<Item = u64> {
        self.waiting.iter().filter_map(|cue| match cue.when {
            When::After(ms) => Some(ms),
            _ => None,
        })
    }

    /// Returns the next thing that is due, of those that `which` takes.
    pub(super) fn due(&mut self, sight: &Sight, which: fn(&Cue) -> bool) -> Option<Cue> {
        let place = self.waiting.iter().position(|cue| which(cue) && cue.is_due(sight))?;
        Some(self.waiting.remove(place))
    }

    /// Returns what the analysis of `stage` says, from 1; nothing where it promotes.
    pub(super) fn verdict(&self, stage: usize) -> Option<Says> {
        let own = self.verdicts.iter().find(|(of, _)| *of == Some(stage));
        own.or_else(|| self.verdicts.iter().find(|(of, _)| of.is_none())).map(|(_, says)| *says)
    }

    /// Returns the phrases of what has not happened.
    pub(super) fn left(self) -> Vec<String> {
        self.waiting.into_iter().map(|cue| cue.phrase).collect()
    }
}

fn found(hosts: &Who, places: &HashMap<&TargetId, usize>) -> Option<Vec<usize>> {
    match hosts {
        Who::Places(first, last) if *last <= places.len() => Some((first - 1..*last).collect()),
        Who::Places(..) => None,
        Who::Named(id) => places.get(id).map(|place| vec![*place]),
    }
}

impl Cue {
    pub(super) const fn is_kill(&self) -> bool {
        matches!(self.act, Act::Kill { .. })
    }

    fn is_due(&self, sight: &Sight) -> bool {
        let time = match self.when {
            When::Start => true,
            When::Share(share) => sight.moved * 100 >= sight.total * usize::from(share),
            When::Stage(stage) => sight.stage >= stage,
            When::After(ms) => sight.now >= ms,
        };
        time && self.has_somebody_to_ask(sight)
    }

    /// A person who wants to go on waits until there is something to go on from.
    fn has_somebody_to_ask(&self, sight: &Sight) -> bool {
        let approval = Progress::Paused(Pause::Approval);
        let is_paused = matches!(sight.progress, Progress::Paused(_));
        match self.act {
            Act::Begin { .. } => true,
            _ if !sight.is_driven => false,
            Act::Ask(Command::Promote) => is_paused || sight.progress == Progress::Baking,
            Act::Ask(Command::Resume) => is_paused && sight.progress != approval,
            Act::Ask(Command::Approve) => {
                sight.progress == Progress::Draft || sight.progress == approval
            }
            _ => true,
        }
    }
}
