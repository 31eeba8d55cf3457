//! The state in a workspace: what is wrong with it, and what was removed from it.

use windlass::collection::Collected;
use windlass::doctor::{Diagnosis, Finding, Severity};

use super::escape;
use super::human::count;
use super::style::{Style, Tint};

/// Returns each finding, what mends it, and what was looked at.
pub(crate) fn render_diagnosis(diagnosis: &Diagnosis, style: Style) -> String {
    let mut findings: Vec<&Finding> = diagnosis.findings.iter().collect();
    findings.sort_by_key(|finding| (finding.repaired, std::cmp::Reverse(finding.severity)));
    let findings: String = findings.into_iter().map(|finding| render(finding, style)).collect();
    let looked_at = format!(
        "{}, {}, {}, {} looked at",
        count(at_most_usize(diagnosis.records), "record"),
        count(at_most_usize(diagnosis.objects), "object"),
        count(at_most_usize(diagnosis.environments), "environment"),
        count(at_most_usize(diagnosis.targets), "target"),
    );
    let locked = match diagnosis.objects_locked {
        0 => String::new(),
        locked => format!("; {locked} sealed objects cannot be opened here"),
    };
    let open = diagnosis.findings.iter().filter(|finding| finding.is_open()).count();
    let verdict = match open {
        0 => "nothing is wrong".to_owned(),
        open => format!("{} to deal with", count(open, "finding")),
    };
    format!("{findings}{looked_at}{locked}: {verdict}.\n")
}

fn render(finding: &Finding, style: Style) -> String {
    let (tint, word) = match (finding.repaired, finding.severity) {
        (true, _) => (Tint::Ok, "mended"),
        (false, Severity::Error) => (Tint::Error, "error"),
        (false, Severity::Warning) => (Tint::Warning, "warning"),
        (false, Severity::Note) => (Tint::Dim, "note"),
    };
    let (subject, problem) = (escape::line(&finding.subject), escape::line(&finding.problem));
    let line = format!("{}: {subject}: {problem}\n", style.paint(tint, word));
    let repair = finding.repair.as_ref().filter(|_| !finding.repaired);
    let repair = repair.map(|repair| format!("  to mend it: {}\n", escape::line(repair)));
    line + &repair.unwrap_or_default()
}

/// Returns what was removed, and what is left.
pub(crate) fn render_collected(collected: &Collected, dry_run: bool, over: bool) -> String {
    let verb = if dry_run { "would be removed" } else { "removed" };
    let mut text = format!(
        "{} ({}) {verb}; {} of {} are kept ({})\n",
        count(at_most_usize(collected.objects_removed), "object"),
        bytes(collected.bytes_removed),
        count(at_most_usize(collected.objects_kept), "object"),
        count(at_most_usize(collected.releases), "release"),
        bytes(collected.bytes_kept),
    );
    if over {
        text += "what is left is live, was live before or is pinned: it takes more than was asked for\n";
    }
    text
}

fn at_most_usize(n: u64) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// Returns a size with the unit that suits it, rounded down to a tenth: `512 B`, `1.5 KiB`, `2.0 GiB`.
fn bytes(n: u64) -> String {
    let units = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1_u64 << 10, "KiB")];
    match units.into_iter().find(|(size, _)| n >= *size) {
        Some((size, unit)) => format!("{}.{} {unit}", n / size, (n % size) * 10 / size),
        None => format!("{n} B"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::samples::assert_same_in_colour;

    fn finding(severity: Severity, repair: Option<&str>, repaired: bool) -> Finding {
        let repair = repair.map(str::to_owned);
        let (subject, problem) = ("a\u{1b}[31m".to_owned(), "it is bad".to_owned());
        Finding { subject, severity, problem, repair, repaired }
    }

    #[test]
    fn findings_come_with_what_mends_them_the_worst_first() {
        let findings = vec![
            finding(Severity::Note, None, false),
            finding(Severity::Error, Some("mend it"), true),
            finding(Severity::Error, Some("mend it"), false),
        ];
        let diagnosis = Diagnosis { records: 1, objects: 12, findings, ..Diagnosis::default() };
        let expected = "\
error: a\\u{1b}[31m: it is bad\n\
\x20 to mend it: mend it\n\
note: a\\u{1b}[31m: it is bad\n\
mended: a\\u{1b}[31m: it is bad\n\
1 record, 12 objects, 0 environments, 0 targets looked at: 1 finding to deal with.\n";
        assert_eq!(render_diagnosis(&diagnosis, Style { color: false }), expected);
        assert_same_in_colour(|style| render_diagnosis(&diagnosis, style));
    }

    #[test]
    fn sizes_are_said_with_the_unit_that_suits() {
        assert_eq!(bytes(1023), "1023 B");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes((1 << 20) - 1), "1023.9 KiB");
        assert_eq!(bytes(2 << 30), "2.0 GiB");
        assert_eq!(bytes(u64::MAX), "16777215.9 TiB");
    }

    #[test]
    fn what_was_collected_is_told() {
        let collected = Collected {
            releases: 2,
            objects_kept: 10,
            bytes_kept: 2048,
            objects_removed: 1,
            bytes_removed: 10,
        };
        let text = render_collected(&collected, false, true);
        let expected = "\
1 object (10 B) removed; 10 objects of 2 releases are kept (2.0 KiB)\n\
what is left is live, was live before or is pinned: it takes more than was asked for\n";
        assert_eq!(text, expected);
    }
}
