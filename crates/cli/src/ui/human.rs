//! How numbers, times and states are said.

use std::fmt::Display;

use jiff::Timestamp;
use windlass_core::change::ChangeSet;
use windlass_core::record::{DeploymentStatus, TargetState};
use windlass_core::release::ReleaseId;

use super::escape;
use super::style::Tint;
use super::table::Cell;

/// Returns `1 target`, `2 targets`.
pub(crate) fn count(n: usize, noun: &str) -> String {
    if n == 1 { format!("1 {noun}") } else { format!("{n} {noun}s") }
}

/// Returns a time as `2023-11-14 22:13:20 UTC`.
pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Returns a duration with the two units that matter: `850 ms`, `12.3 s`, `4 min 05 s`,
/// `2 h 03 min`, `3 d 04 h`.
pub(crate) fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    match seconds {
        0 => format!("{milliseconds} ms"),
        1..60 => format!("{seconds}.{} s", milliseconds % 1000 / 100),
        60..3600 => format!("{minutes} min {:02} s", seconds % 60),
        3600..86_400 => format!("{hours} h {:02} min", minutes % 60),
        _ => format!("{days} d {:02} h", hours % 24),
    }
}

/// Returns the first digits of a release, or `nothing`.
pub(crate) fn release(id: Option<ReleaseId>) -> String {
    id.map_or_else(|| "nothing".to_owned(), |id| id.short())
}

/// Returns `OLD → NEW`, or only one of them where they are the same.
pub(crate) fn moved(from: &str, to: &str) -> String {
    if from == to { to.to_owned() } else { format!("{from} → {to}") }
}

/// Returns the first `shown` of `items`, escaped, and how many more there are.
pub(crate) fn list<T: Display>(items: &[T], shown: usize) -> String {
    let named: Vec<String> =
        items.iter().take(shown).map(|item| escape::line(&item.to_string()).into_owned()).collect();
    let named = named.join(", ");
    match items.len().saturating_sub(shown) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

/// Returns how many files and settings change.
pub(crate) fn changes(changes: &ChangeSet) -> String {
    format!(
        "{} added, {} modified, {} removed; {} changed",
        count(changes.files_added.len(), "file"),
        changes.files_modified.len(),
        changes.files_removed.len(),
        count(changes.settings(), "setting"),
    )
}

/// Returns the words for a deployment's status, in their colour.
pub(crate) fn status(status: DeploymentStatus) -> Cell {
    let tint = match status {
        DeploymentStatus::Pending => Tint::Dim,
        DeploymentStatus::InProgress => Tint::Changed,
        DeploymentStatus::Success => Tint::Ok,
        DeploymentStatus::Failed => Tint::Error,
        DeploymentStatus::RolledBack => Tint::Warning,
    };
    Cell::new(tint, words(status.as_str()))
}

/// Returns the words for a target's state, in their colour.
pub(crate) fn state(state: TargetState) -> Cell {
    Cell::new(state_tint(state), words(state.as_str()))
}

fn state_tint(state: TargetState) -> Tint {
    match state {
        TargetState::Healthy => Tint::Ok,
        TargetState::NotChecked | TargetState::RolledBack => Tint::Changed,
        TargetState::Unchanged | TargetState::Pending => Tint::Dim,
        TargetState::RollingBack => Tint::Warning,
        TargetState::Failed
        | TargetState::Unhealthy
        | TargetState::Unreachable
        | TargetState::RollbackFailed => Tint::Error,
        TargetState::Staging
        | TargetState::Checking
        | TargetState::Staged
        | TargetState::Activating
        | TargetState::Probing => Tint::Plain,
    }
}

fn words(name: &str) -> String {
    name.replace('_', " ")
}

/// Returns every line of `text`, escaped and indented by `indent`, each ended.
pub(crate) fn indented(indent: &str, text: &str) -> String {
    escape::block(text.trim_end()).lines().map(|line| format!("{indent}{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units_at_most() {
        let said = [
            (0, "0 ms"),
            (850, "850 ms"),
            (12_399, "12.3 s"),
            (59_999, "59.9 s"),
            (245_000, "4 min 05 s"),
            (7_380_000, "2 h 03 min"),
            (273_600_000, "3 d 04 h"),
        ];
        for (milliseconds, expected) in said {
            assert_eq!(duration(milliseconds), expected);
        }
    }

    #[test]
    fn times_are_utc() {
        let at = Timestamp::from_second(1_700_000_000).expect("in range");
        assert_eq!(time(at), "2023-11-14 22:13:20 UTC");
    }

    #[test]
    fn long_lists_say_how_many_are_left() {
        assert_eq!(list(&["a", "b"], 2), "a, b");
        assert_eq!(list(&["a\n", "b", "c", "d"], 2), "a\\n, b and 2 more");
    }

    #[test]
    fn states_are_words() {
        assert_eq!(state(TargetState::NotChecked).text(), "not checked");
        assert_eq!(status(DeploymentStatus::RolledBack).text(), "rolled back");
    }
}
