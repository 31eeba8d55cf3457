//! Targets: what they are, whether they can be reached, and what was removed from them.

use windlass::targets::{Forgotten, TargetCheck};
use windlass_core::target::Target;

use super::escape;
use super::human::count;
use super::style::{Style, Tint};
use super::table::{Cell, Table};

/// Returns a line for each target.
pub(crate) fn render_targets(targets: &[Target], style: Style) -> String {
    if targets.is_empty() {
        return "No targets.\n".to_owned();
    }
    let mut table = Table::headed(["TARGET", "ADDRESS", "GROUPS"]);
    for target in targets {
        let groups: Vec<_> = target.groups.iter().map(ToString::to_string).collect();
        let (id, address) = (target.id.as_str(), target.address.to_string());
        table.row([Cell::plain(id), Cell::plain(address), Cell::plain(groups.join(", "))]);
    }
    table.render("", style)
}

/// Returns a line for each target, what is wrong below, and how many are good.
pub(crate) fn render_checks(checks: &[TargetCheck], style: Style) -> String {
    if checks.is_empty() {
        return "No targets.\n".to_owned();
    }
    let mut table = Table::headed(["TARGET", "STATE", "RELEASE", "TOOK"]);
    for check in checks {
        let release = match (&check.release, check.reached) {
            (Some(release), _) => Cell::plain(release.short()),
            (None, true) => Cell::new(Tint::Dim, "nothing"),
            (None, false) => Cell::new(Tint::Dim, "unknown"),
        };
        let took = Cell::plain(format!("{} ms", check.took_ms));
        table.row([Cell::plain(check.id.as_str()), state(check), release, took]);
    }
    let problems = checks.iter().flat_map(|check| {
        let line = |problem: &String| format!("  {}: {}\n", check.id, escape::line(problem));
        check.problems.iter().map(line)
    });
    let problems: String = problems.collect();
    let reached = checks.iter().filter(|check| check.reached).count();
    let total = count(checks.len(), "target");
    format!("{}{problems}\n{total}, {reached} reached.\n", table.render("", style))
}

fn state(check: &TargetCheck) -> Cell {
    match (check.reached, check.problems.is_empty()) {
        (true, true) => Cell::new(Tint::Ok, "good"),
        (true, false) => Cell::new(Tint::Warning, "in the way"),
        (false, _) => Cell::new(Tint::Error, "unreachable"),
    }
}

/// Returns a line for each file that was removed, and for each target that it could not be from.
pub(crate) fn render_forgotten(all: &[Forgotten]) -> String {
    let lines = all.iter().flat_map(|forgotten| {
        let id = &forgotten.id;
        let removed = forgotten.removed.iter();
        let removed = removed.map(move |file| format!("{id}: removed {}\n", escape::line(file)));
        let error = forgotten.error.iter();
        removed.chain(error.map(move |error| format!("{id}: {}\n", escape::line(error))))
    });
    let text: String = lines.collect();
    if text.is_empty() { "Nothing was kept there.\n".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use windlass_core::target::Target;

    use super::*;
    use crate::ui::samples::{assert_same_in_colour, release, short};

    fn checks() -> Vec<TargetCheck> {
        let target = Target::parse("ssh://web1").expect("an address");
        let good = TargetCheck {
            id: target.id.clone(),
            address: target.address,
            reached: true,
            release: Some(release("two")),
            took_ms: 12,
            problems: Vec::new(),
        };
        let lost = TargetCheck {
            reached: false,
            release: None,
            problems: vec!["nobody\u{1b} there".to_owned()],
            ..good.clone()
        };
        vec![good, lost]
    }

    #[test]
    fn reasons_stand_below_the_table() {
        let shown = render_checks(&checks(), Style::PLAIN);
        assert!(shown.contains(&format!("good         {}", short("two"))), "{shown}");
        assert!(shown.contains("unreachable  unknown"), "{shown}");
        assert!(shown.contains("  ssh://web1: nobody") && !shown.contains('\u{1b}'), "{shown}");
        assert!(shown.ends_with("\n2 targets, 1 reached.\n"), "{shown}");
        assert_same_in_colour(|style| render_checks(&checks(), style));
    }

    #[test]
    fn what_was_removed_and_what_could_not_be_is_told() {
        let one = |removed: &[&str], error: Option<&str>| Forgotten {
            id: Target::parse("ssh://a").expect("an address").id,
            removed: removed.iter().map(|&file| file.to_owned()).collect(),
            error: error.map(str::to_owned),
        };
        let shown = render_forgotten(&[one(&["/x/agent-1"], None), one(&[], Some("gone"))]);
        assert_eq!(shown, "ssh://a: removed /x/agent-1\nssh://a: gone\n");
        assert_eq!(render_forgotten(&[one(&[], None)]), "Nothing was kept there.\n");
    }
}
