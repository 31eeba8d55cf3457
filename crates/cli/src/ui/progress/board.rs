//! What a terminal shows while the engine works, as a value.

use std::collections::{BTreeMap, BTreeSet};

use windlass_core::event::Event;
use windlass_core::record::TargetState;
use windlass_core::target::TargetId;

use crate::ui::escape;
use crate::ui::human::{self, count};
use crate::ui::style::Style;

/// The most targets that have a line of their own, and whose good end stays on the screen.
const SHOWN: usize = 8;

/// How far the work is: a number of things, and what they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Head {
    /// How many are done.
    pub(crate) done: u64,
    /// How many there are.
    pub(crate) total: u64,
    /// What is being done.
    pub(crate) what: String,
}

/// What is known from the events so far.
#[derive(Debug, Default)]
pub(crate) struct Board {
    head: Option<Head>,
    stage: String,
    settled: BTreeSet<TargetId>,
    failed: BTreeSet<TargetId>,
    moving: BTreeMap<TargetId, String>,
}

impl Board {
    /// Takes in what happened.
    pub(crate) fn apply(&mut self, event: &Event, style: Style) {
        match event {
            Event::Rendering { environment, done, total } => {
                // What is done leaves the terminal to what comes next, such as a question.
                let what = format!("rendering {environment}");
                let head = Head { done: *done, total: *total, what };
                self.head = (done < total).then_some(head);
            }
            Event::DeploymentStarted { environment, targets, .. } => {
                *self = Self::default();
                let what = format!("deploying to {environment}");
                self.head = Some(Head { done: 0, total: *targets, what });
            }
            Event::StageStarted { stage, stages, .. } => {
                self.stage = format!("stage {stage} of {stages}");
            }
            Event::TargetChanged { target, state, .. } => self.change(target, *state, style),
            Event::StagingProgress { target, done, total } => {
                self.moving.insert(target.clone(), format!("staging {done}/{total}"));
            }
            Event::DeploymentFinished { .. } => *self = Self::default(),
            Event::Recovering { .. } | Event::Warning { .. } | Event::CommandFinished { .. } => {}
        }
    }

    /// Returns how far the work is; nothing before it began and after it ended.
    pub(crate) fn head(&self, style: Style) -> Option<Head> {
        let mut head = self.head.clone()?;
        if !self.stage.is_empty() {
            head.done = u64::try_from(self.settled.len()).unwrap_or(u64::MAX);
            head.what = format!("{}, {}", head.what, self.stage);
        }
        if !self.failed.is_empty() {
            let failed = style.error(&format!("{} failed", self.failed.len()));
            head.what = format!("{}, {failed}", head.what);
        }
        Some(head)
    }

    /// Returns a line for each target that is moving, the last one for those that have none.
    pub(crate) fn rows(&self) -> Vec<String> {
        let named = if self.moving.len() > SHOWN { SHOWN - 1 } else { SHOWN };
        let mut rows: Vec<String> = self
            .moving
            .iter()
            .take(named)
            .map(|(target, state)| format!("{}: {state}", escape::line(target.as_str())))
            .collect();
        if self.moving.len() > named {
            rows.push(format!("and {}", count(self.moving.len() - named, "more target")));
        }
        rows
    }

    /// Tells whether the lines of `event` stay on the screen: what failed always, what went well
    /// where there are few targets.
    pub(crate) fn keeps(&self, event: &Event) -> bool {
        let few = self.head.as_ref().is_none_or(|head| head.total <= SHOWN as u64);
        match event {
            Event::Recovering { .. } | Event::Warning { .. } => true,
            Event::TargetChanged { state, error, .. } => {
                is_failure(*state) || error.is_some() || (few && is_settled(*state))
            }
            Event::CommandFinished { exit_code, .. } => *exit_code != Some(0),
            Event::Rendering { .. }
            | Event::DeploymentStarted { .. }
            | Event::StageStarted { .. }
            | Event::StagingProgress { .. }
            | Event::DeploymentFinished { .. } => false,
        }
    }

    fn change(&mut self, target: &TargetId, state: TargetState, style: Style) {
        if is_failure(state) {
            self.failed.insert(target.clone());
        }
        if is_settled(state) {
            self.moving.remove(target);
            self.settled.insert(target.clone());
        } else if state != TargetState::Pending {
            self.moving.insert(target.clone(), human::state(state).paint(style));
        }
    }
}

const fn is_failure(state: TargetState) -> bool {
    matches!(
        state,
        TargetState::Failed
            | TargetState::Unhealthy
            | TargetState::Unreachable
            | TargetState::RollbackFailed
    )
}

const fn is_settled(state: TargetState) -> bool {
    state.is_good() || is_failure(state) || matches!(state, TargetState::RolledBack)
}

#[cfg(test)]
mod tests {
    use windlass_core::record::DeploymentStatus;

    use super::*;
    use crate::ui::samples::{deployment, staging};

    fn started(targets: u64) -> Board {
        let mut board = Board::default();
        let event = Event::DeploymentStarted {
            deployment_id: deployment("deploy_staging_1"),
            environment: staging(),
            release: None,
            targets,
        };
        board.apply(&event, Style::PLAIN);
        let stage = Event::StageStarted { stage: 1, stages: 2, targets: Vec::new() };
        board.apply(&stage, Style::PLAIN);
        board
    }

    fn changed(id: &str, state: TargetState) -> Event {
        Event::TargetChanged { target: TargetId::new(id), state, error: None }
    }

    fn head(board: &Board) -> (u64, u64, String) {
        let head = board.head(Style::PLAIN).expect("a deployment is running");
        (head.done, head.total, head.what)
    }

    #[test]
    fn a_target_is_a_row_until_it_settles() {
        let mut board = started(2);
        board.apply(&changed("web\u{7}1", TargetState::Activating), Style::PLAIN);
        let progress = Event::StagingProgress { target: TargetId::new("web2"), done: 3, total: 9 };
        board.apply(&progress, Style::PLAIN);
        assert_eq!(board.rows(), ["web\\u{7}1: activating", "web2: staging 3/9"]);
        board.apply(&changed("web2", TargetState::Healthy), Style::PLAIN);
        assert_eq!(board.rows(), ["web\\u{7}1: activating"]);
        assert_eq!(head(&board), (1, 2, "deploying to staging, stage 1 of 2".to_owned()));
    }

    #[test]
    fn a_failure_is_counted_once_and_stays_counted() {
        let mut board = started(2);
        let states = [TargetState::Unhealthy, TargetState::RollingBack, TargetState::RolledBack];
        for state in states {
            board.apply(&changed("web1", state), Style::PLAIN);
        }
        let expected = "deploying to staging, stage 1 of 2, 1 failed".to_owned();
        assert_eq!(head(&board), (1, 2, expected));
        assert!(board.rows().is_empty());
    }

    #[test]
    fn many_targets_share_a_row() {
        let mut board = started(100);
        for n in 10..30 {
            board.apply(&changed(&format!("web{n}"), TargetState::Staging), Style::PLAIN);
        }
        let rows = board.rows();
        assert_eq!(rows.len(), SHOWN);
        assert_eq!(rows.last().map(String::as_str), Some("and 13 more targets"));
    }

    #[test]
    fn failures_stay_on_the_screen_and_of_many_successes_none() {
        let (few, many) = (started(8), started(9));
        assert!(few.keeps(&changed("web1", TargetState::Healthy)));
        assert!(!few.keeps(&changed("web1", TargetState::Probing)));
        assert!(!many.keeps(&changed("web1", TargetState::Healthy)));
        assert!(many.keeps(&changed("web1", TargetState::Unreachable)));
    }

    #[test]
    fn when_it_is_over_nothing_is_left() {
        let mut board = started(2);
        board.apply(&changed("web1", TargetState::Probing), Style::PLAIN);
        let finished = Event::DeploymentFinished {
            deployment_id: deployment("deploy_staging_1"),
            status: DeploymentStatus::Failed,
            duration_ms: 1,
        };
        board.apply(&finished, Style::PLAIN);
        assert_eq!(board.head(Style::PLAIN), None);
        assert!(board.rows().is_empty());
    }

    #[test]
    fn rendering_has_its_own_numbers() {
        let mut board = Board::default();
        let event = Event::Rendering { environment: staging(), done: 3, total: 7 };
        board.apply(&event, Style::PLAIN);
        assert_eq!(head(&board), (3, 7, "rendering staging".to_owned()));
    }
}
