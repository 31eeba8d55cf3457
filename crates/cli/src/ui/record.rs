//! Records: what became of a deployment, and of the ones before it.

use std::cmp::Reverse;

use windlass_core::record::{ConfigDeployment, TargetRecord, TargetState};

use super::human::{self, count};
use super::plan::render_changes;
use super::style::{Style, Tint};
use super::table::{Cell, Table};

/// The states that a summary counts, in the order in which it says them.
const STATES: [TargetState; 15] = [
    TargetState::Healthy,
    TargetState::NotChecked,
    TargetState::Unchanged,
    TargetState::Failed,
    TargetState::Unhealthy,
    TargetState::Unreachable,
    TargetState::RolledBack,
    TargetState::RollbackFailed,
    TargetState::RollingBack,
    TargetState::Staging,
    TargetState::Checking,
    TargetState::Staged,
    TargetState::Activating,
    TargetState::Probing,
    TargetState::Pending,
];

/// Returns what became of a deployment, in all and on each target.
pub(crate) fn render_record(record: &ConfigDeployment, style: Style) -> String {
    page(&[facts(record, style), targets(record, style), verdict(record, style)])
}

/// Returns [`render_record`] with each file and setting that the deployment changed.
pub(crate) fn render_record_in_full(record: &ConfigDeployment, style: Style) -> String {
    let changes = render_changes(&record.changes, &[], style);
    page(&[facts(record, style), changes, targets(record, style), verdict(record, style)])
}

/// Returns one line for each deployment, newest first; those that began in the same moment stay in
/// the order given.
pub(crate) fn render_history(records: &[ConfigDeployment], style: Style) -> String {
    if records.is_empty() {
        return "No deployments yet.\n".to_owned();
    }
    let mut newest_first: Vec<&ConfigDeployment> = records.iter().collect();
    newest_first.sort_by_key(|record| Reverse(record.deployed_at));
    let headings = ["DEPLOYMENT", "STATUS", "VERSION", "WHEN", "TOOK", "BY", "TARGETS"];
    let mut table = Table::headed(headings);
    for record in newest_first {
        table.row(history_row(record));
    }
    table.render("", style)
}

fn history_row(record: &ConfigDeployment) -> [Cell; 7] {
    let good = record.targets.iter().filter(|target| target.state.is_good()).count();
    [
        Cell::plain(record.deployment_id.as_str()),
        human::status(record.status),
        version(record),
        Cell::plain(human::time(record.deployed_at)),
        took(record),
        Cell::plain(&record.deployed_by),
        Cell::plain(format!("{good}/{}", record.targets.len())),
    ]
}

fn page(sections: &[String]) -> String {
    let shown: Vec<&str> =
        sections.iter().map(String::as_str).filter(|section| !section.is_empty()).collect();
    shown.join("\n")
}

fn facts(record: &ConfigDeployment, style: Style) -> String {
    let mut table = Table::new();
    table.entry("environment", Cell::plain(record.environment.as_str()));
    table.entry("version", version(record));
    table.entry("by", Cell::plain(&record.deployed_by));
    table.entry("when", Cell::plain(human::time(record.deployed_at)));
    table.entry("took", took(record));
    table.entry("changes", Cell::plain(human::changes(&record.changes)));
    for (name, what) in relations(record) {
        table.entry(name, Cell::plain(what));
    }
    let id = style.bold(record.deployment_id.as_str());
    let status = human::status(record.status).paint(style);
    format!("{id}: {status}\n{}{}", table.render("  ", style), error(record, style))
}

fn version(record: &ConfigDeployment) -> Cell {
    if record.config_version.is_empty() {
        return Cell::new(Tint::Dim, "nothing");
    }
    Cell::plain(&record.config_version)
}

fn took(record: &ConfigDeployment) -> Cell {
    if record.status.is_terminal() {
        return Cell::plain(human::duration(record.duration_ms));
    }
    Cell::new(Tint::Dim, "not finished")
}

/// Returns how the deployment belongs to others, and why it was taken back where its error does not
/// say so.
fn relations(record: &ConfigDeployment) -> Vec<(&'static str, &str)> {
    let Some(info) = &record.rollback_info else { return Vec::new() };
    let subject = if info.returns_to { "returns to" } else { "undoes" };
    let ids = [(subject, &info.deployment), ("undone by", &info.rolled_back_by)];
    let ids = ids.into_iter().filter_map(|(name, id)| Some((name, id.as_ref()?.as_str())));
    let error = record.error.as_deref().unwrap_or_default();
    let reason = info.reason.as_deref().filter(|reason| !error.contains(reason));
    ids.chain(reason.map(|reason| ("taken back", reason))).collect()
}

/// Returns the error of the deployment where it is more than those of its targets, which are shown
/// below them.
fn error(record: &ConfigDeployment, style: Style) -> String {
    match &record.error {
        Some(error) if !is_of_targets(error, &record.targets) => {
            let lines = human::indented("         ", error);
            format!("\n  {}: {}", style.error("error"), lines.trim_start())
        }
        _ => String::new(),
    }
}

/// Tells whether `error` is made of the errors of `targets` and nothing else.
fn is_of_targets(error: &str, targets: &[TargetRecord]) -> bool {
    let mut rest = error.to_owned();
    for target in targets {
        if let Some(known) = &target.error {
            rest = rest.replacen(&format!("{}: {known}", target.id), "", 1);
        }
    }
    rest.trim_matches([';', ' ']).is_empty()
}

/// Returns a line for each target, and below it what went wrong there.
fn targets(record: &ConfigDeployment, style: Style) -> String {
    if record.targets.is_empty() {
        return String::new();
    }
    let mut table = Table::headed(["TARGET", "STATE", "RELEASE"]);
    for target in &record.targets {
        table.row([Cell::plain(target.id.as_str()), human::state(target.state), moved(target)]);
    }
    let lines = table.lines(style);
    let mut out = format!("{}\n", lines[0]);
    for (line, target) in lines[1..].iter().zip(&record.targets) {
        out.push_str(&format!("{line}\n"));
        if let Some(error) = &target.error {
            out.push_str(&human::indented("    ", error));
        }
    }
    out
}

fn moved(target: &TargetRecord) -> Cell {
    let (from, to) = (human::release(target.from), human::release(target.release));
    Cell::plain(human::moved(&from, &to))
}

/// Returns how many targets are in which state, and what that does not prove.
fn verdict(record: &ConfigDeployment, style: Style) -> String {
    if record.targets.is_empty() {
        return "No target is in this record.\n".to_owned();
    }
    let tallies: Vec<String> =
        STATES.into_iter().filter_map(|state| tally(record, state, style)).collect();
    let total = count(record.targets.len(), "target");
    format!("{total}: {}.\n{}", tallies.join(", "), unverified(record))
}

fn counted(record: &ConfigDeployment, state: TargetState) -> usize {
    record.targets.iter().filter(|target| target.state == state).count()
}

fn tally(record: &ConfigDeployment, state: TargetState, style: Style) -> Option<String> {
    let number = counted(record, state);
    (number > 0).then(|| format!("{number} {}", human::state(state).paint(style)))
}

fn unverified(record: &ConfigDeployment) -> String {
    match counted(record, TargetState::NotChecked) {
        0 => String::new(),
        n => {
            let targets = count(n, "target");
            format!(
                "Not checked: no health checks are defined for {targets}, so nothing was verified there.\n"
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use windlass_core::record::{DeploymentStatus, RollbackInfo};

    use super::*;
    use crate::ui::samples::{self, assert_same_in_colour, deployment, outcome, short};

    fn shown(record: &ConfigDeployment) -> String {
        render_record(record, Style::PLAIN)
    }

    fn failed() -> ConfigDeployment {
        let mut record = samples::record();
        record.status = DeploymentStatus::Failed;
        record.error = Some("2 of 2 targets failed\nsee above\u{1b}[1m".to_owned());
        record.targets = vec![
            outcome(
                "web1",
                TargetState::RolledBack,
                Some("on_change: exit code 1\noutput: no\u{7}"),
            ),
            outcome("web2", TargetState::RollbackFailed, Some("no space left on device")),
        ];
        record
    }

    #[test]
    fn a_record_says_who_when_what_and_how_it_ended() {
        let (one, two) = (short("one"), short("two"));
        let expected = format!(
            "\
deploy_staging_1700000000: success
  environment  staging
  version      {two}
  by           alice
  when         2023-11-14 22:13:20 UTC
  took         12.3 s
  changes      1 file added, 1 modified, 1 removed; 3 settings changed

TARGET         STATE        RELEASE
local:./state  healthy      {one} → {two}
web2           not checked  {one} → {two}

2 targets: 1 healthy, 1 not checked.
Not checked: no health checks are defined for 1 target, so nothing was verified there.
"
        );
        assert_eq!(shown(&samples::record()), expected);
    }

    #[test]
    fn failures_are_below_their_target() {
        let shown = shown(&failed());
        let (one, two) = (short("one"), short("two"));
        let expected = format!(
            "
  error: 2 of 2 targets failed
         see above\\u{{1b}}[1m

TARGET  STATE            RELEASE
web1    rolled back      {one} → {two}
    on_change: exit code 1
    output: no\\u{{7}}
web2    rollback failed  {one} → {two}
    no space left on device

2 targets: 1 rolled back, 1 rollback failed.
"
        );
        assert!(shown.starts_with("deploy_staging_1700000000: failed\n"), "{shown}");
        assert!(shown.ends_with(&expected), "{shown}");
    }

    #[test]
    fn a_reason_is_said_once() {
        let mut record = failed();
        let reason = "web1: on_change: exit code 1\noutput: no\u{7}".to_owned();
        record.error = Some(format!("{reason}; web2: no space left on device"));
        record.rollback_info =
            Some(RollbackInfo { reason: Some(reason), ..RollbackInfo::default() });
        let shown = shown(&record);
        assert_eq!(shown.matches("exit code 1").count(), 1, "{shown}");
        assert_eq!(shown.matches("no space left").count(), 1, "{shown}");
    }

    #[test]
    fn rollbacks_name_their_deployment() {
        let mut record = samples::record();
        record.rollback_info = Some(RollbackInfo {
            deployment: Some(deployment("deploy_a")),
            rolled_back_by: Some(deployment("rollback_b")),
            reason: Some("web1 is unhealthy".to_owned()),
            ..RollbackInfo::default()
        });
        let expected = "\
  undoes       deploy_a
  undone by    rollback_b
  taken back   web1 is unhealthy
";
        assert!(shown(&record).contains(expected));
        record.rollback_info.get_or_insert_default().returns_to = true;
        assert!(shown(&record).contains("  returns to   deploy_a\n"));
    }

    #[test]
    fn what_is_not_finished_or_empty_is_said() {
        let mut record = samples::record();
        record.status = DeploymentStatus::InProgress;
        record.config_version.clear();
        record.targets.clear();
        let shown = shown(&record);
        assert!(shown.contains("  version      nothing\n"), "{shown}");
        assert!(shown.contains("  took         not finished\n"), "{shown}");
        assert!(shown.ends_with("\nNo target is in this record.\n"), "{shown}");
    }

    #[test]
    fn in_full_it_names_files_and_settings() {
        let shown = render_record_in_full(&samples::record(), Style::PLAIN);
        assert!(
            shown
                .contains("\n\nChanges\n  ~ app.yaml\n      database.host: db.old → db.internal\n")
        );
        assert!(shown.contains("\n  - old.conf\n\nTARGET"), "{shown}");
    }

    #[test]
    fn every_state_is_counted() {
        let mut record = samples::record();
        record.targets = STATES.map(|state| outcome(state.as_str(), state, None)).to_vec();
        let verdict = verdict(&record, Style::PLAIN);
        assert!(verdict.starts_with("15 targets: 1 healthy, 1 not checked, "), "{verdict}");
        assert_eq!(verdict.lines().next().map(|line| line.matches("1 ").count()), Some(15));
    }

    #[test]
    fn history_is_aligned_and_newest_first() {
        let mut newer = failed();
        newer.deployment_id = deployment("deploy_staging_1700000100_2");
        newer.deployed_at = jiff::Timestamp::from_second(1_700_000_100).expect("in range");
        newer.config_version.clear();
        let two = short("two");
        let expected = format!(
            "\
DEPLOYMENT                   STATUS   VERSION       WHEN                     TOOK    BY     TARGETS
deploy_staging_1700000100_2  failed   nothing       2023-11-14 22:15:00 UTC  12.3 s  alice  0/2
deploy_staging_1700000000    success  {two}  2023-11-14 22:13:20 UTC  12.3 s  alice  2/2
"
        );
        assert_eq!(render_history(&[samples::record(), newer], Style::PLAIN), expected);
        assert_eq!(render_history(&[], Style::PLAIN), "No deployments yet.\n");
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        assert_same_in_colour(|style| render_record_in_full(&failed(), style));
        assert_same_in_colour(|style| render_history(&[failed(), samples::record()], style));
    }
}
