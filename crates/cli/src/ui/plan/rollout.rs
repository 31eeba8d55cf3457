//! Where a plan goes, and in which order.

use std::collections::BTreeMap;

use windlass_core::plan::{Drift, DriftIssue, Plan, TargetPlan};
use windlass_core::release::ReleaseId;
use windlass_core::target::TargetId;

use crate::ui::human::{self, count};
use crate::ui::style::{Style, Tint};
use crate::ui::table::{Cell, Table};

/// The most targets or stages that are named one by one.
const SHOWN: usize = 10;

/// Returns what each target holds and will hold; many targets are put together by what happens to
/// them.
pub(crate) fn targets(plan: &Plan, style: Style) -> String {
    let mut table = Table::new();
    if plan.targets.len() > SHOWN {
        for (planned, ids) in grouped(&plan.targets) {
            let number = Cell::plain(count(ids.len(), "target"));
            table.row([number, planned.cell(), Cell::plain(human::list(&ids, 3))]);
        }
    } else {
        for target in &plan.targets {
            let id = Cell::plain(target.id.as_str());
            table.row([id, Move::of(target).cell(), address(target)]);
        }
    }
    section(&style.bold("Targets"), &table.render("  ", style))
}

/// Returns the stages in their order, the first ones by name.
pub(crate) fn stages(plan: &Plan, style: Style) -> String {
    let shown = plan.stages.len().min(SHOWN);
    let digits = shown.to_string().len();
    let mut lines = String::new();
    for (at, stage) in plan.stages[..shown].iter().enumerate() {
        lines.push_str(&format!("  {:>digits$}. {}\n", at + 1, human::list(&stage.targets, SHOWN)));
    }
    let rest = &plan.stages[shown..];
    if !rest.is_empty() {
        let targets = rest.iter().map(|stage| stage.targets.len()).sum();
        let (stages, targets) = (count(rest.len(), "more stage"), count(targets, "target"));
        lines.push_str(&format!("  … and {stages} with {targets}\n"));
    }
    section(&style.bold("Stages"), &lines)
}

/// Returns every file that somebody changed on a target and that will be overwritten.
pub(crate) fn drift(plan: &Plan, style: Style) -> String {
    let mut table = Table::new();
    for target in &plan.targets {
        for drift in &target.drift {
            table.row([
                Cell::plain(target.id.as_str()),
                Cell::plain(&drift.path),
                Cell::new(Tint::Changed, issue(drift.issue)),
                Cell::plain(difference(drift)),
            ]);
        }
    }
    let title = "changed on the target since its last deployment; it will be overwritten";
    section(&format!("{}: {title}", style.warning("Drift")), &table.render("  ", style))
}

fn section(title: &str, lines: &str) -> String {
    if lines.is_empty() { String::new() } else { format!("{title}\n{lines}") }
}

/// What happens to a target.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Move {
    from: Option<ReleaseId>,
    to: Option<ReleaseId>,
    unchanged: bool,
}

impl Move {
    fn of(target: &TargetPlan) -> Self {
        Self { from: target.from, to: target.to, unchanged: target.is_unchanged() }
    }

    fn cell(&self) -> Cell {
        let to = human::release(self.to);
        match (self.from == self.to, self.unchanged) {
            (true, true) => Cell::new(Tint::Dim, format!("{to}, unchanged")),
            (true, false) => Cell::new(Tint::Changed, format!("{to}, restored")),
            (false, _) => Cell::plain(human::moved(&human::release(self.from), &to)),
        }
    }
}

fn grouped(targets: &[TargetPlan]) -> BTreeMap<Move, Vec<&TargetId>> {
    let mut groups: BTreeMap<Move, Vec<&TargetId>> = BTreeMap::new();
    for target in targets {
        groups.entry(Move::of(target)).or_default().push(&target.id);
    }
    groups
}

/// Returns how the target is reached, where its name does not say so.
fn address(target: &TargetPlan) -> Cell {
    let address = target.address.to_string();
    Cell::new(Tint::Dim, if address == target.id.as_str() { "" } else { &address })
}

const fn issue(issue: DriftIssue) -> &'static str {
    match issue {
        DriftIssue::Modified => "modified",
        DriftIssue::Missing => "missing",
        DriftIssue::Mode => "mode",
        DriftIssue::Replaced => "replaced",
    }
}

fn difference(drift: &Drift) -> String {
    match (abbreviated(&drift.expected), abbreviated(&drift.actual)) {
        ("", "") => String::new(),
        ("", actual) => format!("found {actual}"),
        (expected, "") => format!("expected {expected}"),
        (expected, actual) => format!("expected {expected}, found {actual}"),
    }
}

/// Returns the first digits of a digest; other text as it is.
fn abbreviated(text: &str) -> &str {
    let is_digest = text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_digest { &text[..12] } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_abbreviated() {
        let drift = Drift {
            path: String::new(),
            issue: DriftIssue::Missing,
            expected: "0123456789abcdef".repeat(4),
            actual: String::new(),
        };
        assert_eq!(difference(&drift), "expected 0123456789ab");
        let drift = Drift { actual: "a link to /etc/passwd".to_owned(), ..drift };
        assert_eq!(difference(&drift), "expected 0123456789ab, found a link to /etc/passwd");
    }
}
