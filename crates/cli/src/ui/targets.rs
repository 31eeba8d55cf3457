//! Targets: what they are, whether they can be reached, and what was removed from them.

use windlass::targets::{Forgotten, HostCheck, TargetCheck};
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
    let mut table = Table::headed(["TARGET", "STATE", "RELEASE", "AGENT", "FREE", "CLOCK", "TOOK"]);
    for check in checks {
        let release = match (&check.release, check.reached) {
            (Some(release), _) => Cell::plain(release.short()),
            (None, true) => Cell::new(Tint::Dim, "nothing"),
            (None, false) => Cell::new(Tint::Dim, "unknown"),
        };
        let took = Cell::plain(format!("{} ms", check.took_ms));
        let [agent, free, clock] = host(check.host.as_ref());
        table.row([
            Cell::plain(check.id.as_str()),
            state(check),
            release,
            agent,
            free,
            clock,
            took,
        ]);
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

/// Returns the version and machine of an agent, what is free, and how the clock goes.
fn host(host: Option<&HostCheck>) -> [Cell; 3] {
    let Some(host) = host else { return [(); 3].map(|()| Cell::new(Tint::Dim, "-")) };
    let free = match &host.space {
        Some(space) if space.total_inodes > 0 => {
            format!("{}, {} files", bytes(space.free_bytes), space.free_inodes)
        }
        Some(space) => bytes(space.free_bytes),
        None => "-".to_owned(),
    };
    let agent = format!("{} {}", host.agent, host.machine);
    let clock = Cell::new(tint_of_clock(host.clock_ahead_ms), ahead(host.clock_ahead_ms));
    [Cell::plain(escape::line(&agent)), Cell::plain(free), clock]
}

/// A clock that is more than a minute off is worth a look; nothing depends on it.
const fn tint_of_clock(milliseconds: i64) -> Tint {
    if milliseconds.unsigned_abs() > 60_000 { Tint::Changed } else { Tint::Plain }
}

/// Returns an amount of bytes in a unit that fits, rounded down: 1 KiB is 1,024 bytes.
fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut at = 0;
    let mut size = bytes;
    while size >= 1_024 && at + 1 < UNITS.len() {
        (size, at) = (size / 1_024, at + 1);
    }
    format!("{size} {}", UNITS[at])
}

/// Returns how far a clock is ahead or behind, in a unit that fits.
fn ahead(milliseconds: i64) -> String {
    let sign = if milliseconds < 0 { "-" } else { "+" };
    let seconds = milliseconds.unsigned_abs() / 1_000;
    match seconds {
        0..1_000 => format!("{sign}{}.{} s", seconds, milliseconds.unsigned_abs() % 1_000 / 100),
        1_000..172_800 => format!("{sign}{} min", seconds / 60),
        _ => format!("{sign}{} days", seconds / 86_400),
    }
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
            host: Some(HostCheck {
                agent: "0.1.0".to_owned(),
                machine: "x86_64".to_owned(),
                uid: 0,
                boot_id: None,
                clock_ahead_ms: -1_250,
                directory: "/etc".into(),
                space: None,
            }),
            release: Some(release("two")),
            took_ms: 12,
            problems: Vec::new(),
        };
        let lost = TargetCheck {
            reached: false,
            host: None,
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
        assert!(shown.contains("0.1.0 x86_64") && shown.contains("-1.2 s"), "{shown}");
        assert!(shown.contains("  ssh://web1: nobody") && !shown.contains('\u{1b}'), "{shown}");
        assert!(shown.ends_with("\n2 targets, 1 reached.\n"), "{shown}");
        assert_same_in_colour(|style| render_checks(&checks(), style));
    }

    #[test]
    fn space_and_clocks_are_in_units_that_fit() {
        assert_eq!([0, 1_023, 1_024, 5 << 30].map(bytes), ["0 B", "1023 B", "1 KiB", "5 GiB"]);
        let clocks = [0, 90, -1_250, 3_600_000, 10 * 365 * 86_400_000];
        assert_eq!(clocks.map(ahead), ["+0.0 s", "+0.0 s", "-1.2 s", "+60 min", "+3650 days"]);
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
