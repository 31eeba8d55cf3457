//! Timelines as people read them: what matters, with the hosts of a kind together.

use std::fmt::{self, Display, Formatter};

use super::timeline::{Entry, Event, Timeline};
use crate::duration::spoken;
use crate::record::TargetState;
use crate::rollout::{Ending, Exception, Holds, Pause, Progress};
use crate::target::TargetId;

/// How many hosts are named one by one.
const NAMED: usize = 5;

impl Display for Timeline {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut lines = Lines { f, groups: Vec::new() };
        for entry in &self.entries {
            lines.entry(entry)?;
        }
        lines.flush()?;
        writeln!(f)?;
        self.summary(f)
    }
}

impl Timeline {
    fn summary(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (moved, hosts, took) =
            (self.moved, self.hosts, spoken(whole_seconds(self.duration_ms)));
        writeln!(f, "{} after {took}{}", self.standing(), self.why())?;
        writeln!(f, "  {moved} of {hosts} hosts hold the release")?;
        write!(f, "  {} down at the worst time", self.most_down)?;
        if self.most_down_back > 0 {
            write!(f, ", {} on the way back", self.most_down_back)?;
        }
        writeln!(f, "; {} bad in all", self.bad)?;
        for phrase in &self.never {
            writeln!(f, "  never happened: {phrase}")?;
        }
        let exceptions = self.outcome.iter().flat_map(|outcome| &outcome.exceptions);
        let exceptions: Vec<_> = exceptions.filter(|it| is_amiss(it)).collect();
        for exception in exceptions.iter().take(2 * NAMED) {
            let Exception { target, state, holds, error } = exception;
            write!(f, "  {target}: {}, {}", said(*state), held(*holds))?;
            writeln!(f, "{}", error.iter().map(|error| format!(": {error}")).collect::<String>())?;
        }
        match exceptions.len().saturating_sub(2 * NAMED) {
            0 => Ok(()),
            more => writeln!(f, "  and {more} more"),
        }
    }

    fn why(&self) -> String {
        let reason = self.outcome.as_ref().and_then(|outcome| outcome.reason.clone());
        let pause = match &self.progress {
            Progress::Paused(pause) => Some(format!("paused {pause}")),
            _ => None,
        };
        reason.or(pause).map(|why| format!(": {why}")).unwrap_or_default()
    }

    fn standing(&self) -> &'static str {
        match &self.progress {
            Progress::Ended { ending: Ending::Succeeded } => "succeeded",
            Progress::Ended { ending: Ending::Partial } => "succeeded in part",
            Progress::Ended { ending: Ending::Failed } => "failed before anything changed",
            Progress::Ended { ending: Ending::RolledBack } => "rolled back",
            Progress::Ended { ending: Ending::RollbackFailed } => "not wholly rolled back",
            _ => "waits for a person",
        }
    }
}

/// Hosts that came into the same state, for the same reason, before something else happened.
struct Group<'t> {
    state: TargetState,
    error: Option<&'t str>,
    hosts: Vec<&'t TargetId>,
    /// When the first of them did, of those that are bad; the last, of others.
    at_ms: u64,
}

struct Lines<'t, 'f, 'g> {
    f: &'f mut Formatter<'g>,
    groups: Vec<Group<'t>>,
}

impl<'t> Lines<'t, '_, '_> {
    fn entry(&mut self, entry: &'t Entry) -> fmt::Result {
        if let Event::Hosts { state, hosts, error } = &entry.event {
            if is_told(*state) {
                self.add(entry.at_ms, *state, hosts, error.as_deref());
            }
            return Ok(());
        }
        self.flush()?;
        if matches!(entry.event, Event::Progress { progress: Progress::Ended { .. }, .. }) {
            return Ok(());
        }
        line(self.f, entry.at_ms, &event(&entry.event))
    }

    fn add(&mut self, at: u64, state: TargetState, hosts: &'t [TargetId], error: Option<&'t str>) {
        let same = |group: &&mut Group<'_>| group.state == state && group.error == error;
        match self.groups.iter_mut().find(same) {
            Some(group) => {
                group.hosts.extend(hosts);
                group.at_ms = if is_bad(state) { group.at_ms } else { at };
            }
            None => {
                let hosts = hosts.iter().collect();
                self.groups.push(Group { state, error, hosts, at_ms: at });
            }
        }
    }

    fn flush(&mut self) -> fmt::Result {
        self.groups.sort_by_key(|group| group.at_ms);
        for group in std::mem::take(&mut self.groups) {
            line(self.f, group.at_ms, &group.to_string())?;
        }
        Ok(())
    }
}

impl Display for Group<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let named = is_bad(self.state) || self.hosts.len() == 1;
        if named {
            let names: Vec<_> = self.hosts.iter().take(NAMED).map(|id| id.as_str()).collect();
            f.write_str(&names.join(", "))?;
            let more = self.hosts.len() - names.len();
            if more > 0 {
                write!(f, " and {more} more")?;
            }
        } else {
            write!(f, "{} hosts", self.hosts.len())?;
        }
        write!(f, " {}", said(self.state))?;
        self.error.filter(|_| is_bad(self.state)).map_or(Ok(()), |error| write!(f, ": {error}"))
    }
}

fn line(f: &mut Formatter<'_>, at_ms: u64, text: &str) -> fmt::Result {
    let seconds = at_ms / 1_000;
    let (hours, minutes, seconds) = (seconds / 3_600, seconds / 60 % 60, seconds % 60);
    writeln!(f, "{hours:02}:{minutes:02}:{seconds:02}.{}  {text}", at_ms % 1_000 / 100)
}

fn event(event: &Event) -> String {
    match event {
        Event::Stage { stage, stages, hosts } => {
            let hosts = if *hosts == 1 { "1 host".to_owned() } else { format!("{hosts} hosts") };
            format!("stage {stage} of {stages}: {hosts}")
        }
        Event::Progress { progress, reason } => match reason {
            Some(reason) => format!("{}: {reason}", standing(progress)),
            None => standing(progress),
        },
        Event::Fault { phrase } => format!("now: {phrase}"),
        Event::Asked { command, refusal: None } => format!("somebody asks: {}", asked(*command)),
        Event::Asked { command, refusal: Some(refusal) } => {
            format!("somebody asks: {}; refused: {refusal}", asked(*command))
        }
        Event::Killed => "the operator is killed".to_owned(),
        Event::Resumed => "another operator resumes".to_owned(),
        Event::Hosts { state, hosts, .. } => format!("{} hosts {}", hosts.len(), said(*state)),
    }
}

const fn asked(command: crate::rollout::Command) -> &'static str {
    use crate::rollout::Command as C;
    match command {
        C::Pause => "pause",
        C::Resume => "resume",
        C::Promote => "promote",
        C::Abort => "abort",
        C::Approve => "approve",
    }
}

fn standing(progress: &Progress) -> String {
    match progress {
        Progress::Draft => "waits to be approved".to_owned(),
        Progress::Approved => "approved".to_owned(),
        Progress::Running => "running".to_owned(),
        Progress::Paused(Pause::Window { opens_ms }) => {
            format!("waits for a window, which opens after {}", spoken(*opens_ms))
        }
        Progress::Paused(pause) => format!("paused {pause}"),
        Progress::Baking => "watching".to_owned(),
        Progress::RollingBack => "rolling back".to_owned(),
        Progress::Ended { ending } => ending.as_str().replace('_', " "),
    }
}

fn said(state: TargetState) -> String {
    state.as_str().replace('_', " ")
}

const fn held(holds: Holds) -> &'static str {
    match holds {
        Holds::Old => "holds the release from before",
        Holds::New => "holds the new release",
        Holds::Unknown => "may hold either release",
    }
}

/// Tells whether the host is not as it was before, or the reason that all others are.
fn is_amiss(exception: &Exception) -> bool {
    exception.state != TargetState::RolledBack || exception.error.is_some()
}

const fn is_bad(state: TargetState) -> bool {
    use TargetState as S;
    matches!(state, S::Failed | S::Unhealthy | S::Unreachable | S::RollbackFailed)
}

const fn is_told(state: TargetState) -> bool {
    use TargetState as S;
    is_bad(state) || matches!(state, S::Staged | S::Healthy | S::NotChecked | S::RolledBack)
}

/// Durations of more than ten seconds are told without fractions of one.
const fn whole_seconds(ms: u64) -> u64 {
    if ms >= 10_000 { ms / 1_000 * 1_000 } else { ms }
}
