//! What changes: files, settings, modes and lines.

use std::collections::BTreeMap;

use windlass_core::change::{ChangeSet, FingerprintChange, SettingChange};
use windlass_core::plan::FileDiff;

use super::value;
use crate::ui::escape;
use crate::ui::style::{Style, Tint};

/// What stands before everything that is said about a file.
const INDENT: &str = "      ";

/// Returns each file that changes, by path, with the settings and lines of it that change; nothing
/// where no file changes.
pub(crate) fn render_changes(changes: &ChangeSet, diffs: &[FileDiff], style: Style) -> String {
    if changes.is_empty() {
        return String::new();
    }
    let mut out = format!("{}\n", style.bold("Changes"));
    for (path, kind) in files(changes) {
        let line = format!("{} {}", kind.sign(), escape::line(path));
        out.push_str(&format!("  {}\n", style.paint(kind.tint(), &line)));
        if kind == Kind::Modified {
            out.push_str(&details(path, changes, diffs, style));
        }
        if kind != Kind::Removed
            && let Some(prints) = changes.secrets_changed.get(path)
        {
            let said = style.changed("changed");
            out.push_str(&format!(
                "{INDENT}secret content: {said}{}\n",
                fingerprints(prints, style)
            ));
        }
    }
    out
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Modified,
    Added,
    Removed,
}

impl Kind {
    const fn sign(self) -> char {
        match self {
            Self::Modified => '~',
            Self::Added => '+',
            Self::Removed => '-',
        }
    }

    const fn tint(self) -> Tint {
        match self {
            Self::Modified => Tint::Changed,
            Self::Added => Tint::Added,
            Self::Removed => Tint::Removed,
        }
    }
}

/// Returns the files by path. A path is there twice where it appears on one target and changes on
/// another.
fn files(changes: &ChangeSet) -> Vec<(&str, Kind)> {
    let modified = changes.files_modified.iter().map(|path| (path.as_str(), Kind::Modified));
    let added = changes.files_added.iter().map(|path| (path.as_str(), Kind::Added));
    let removed = changes.files_removed.iter().map(|path| (path.as_str(), Kind::Removed));
    let mut files: Vec<_> = modified.chain(added).chain(removed).collect();
    files.sort_unstable();
    files
}

fn details(path: &str, changes: &ChangeSet, diffs: &[FileDiff], style: Style) -> String {
    let mut out =
        changes.settings_changed.get(path).map_or_else(String::new, |s| settings(s, style));
    if let Some(mode) = changes.modes_changed.get(path) {
        let (old, new) = (mode.old.to_string(), mode.new.to_string());
        out.push_str(&change("mode", &style.removed(&old), &style.added(&new)));
    }
    for diff in diffs.iter().filter(|diff| diff.path == path) {
        out.push_str(&unified(&diff.unified, style));
    }
    out
}

fn settings(settings: &BTreeMap<String, SettingChange>, style: Style) -> String {
    settings.iter().map(|(key, change)| setting(key, change, style)).collect()
}

fn setting(key: &str, values: &SettingChange, style: Style) -> String {
    if values.old == values.new {
        // A value that may not be shown: both sides say only that it changes.
        let said = style.changed(&values.new.as_ref().map_or_else(String::new, value::show));
        let prints = values.fingerprints.as_ref();
        let prints = prints.map_or_else(String::new, |prints| fingerprints(prints, style));
        return format!("{INDENT}{}: {said}{prints}\n", escape::line(key));
    }
    let side = |value: &Option<_>, tint| match value {
        Some(value) => style.paint(tint, &value::show(value)),
        None => style.dim("(not set)"),
    };
    change(key, &side(&values.old, Tint::Removed), &side(&values.new, Tint::Added))
}

/// Returns what tells two values apart that are not shown.
fn fingerprints(prints: &FingerprintChange, style: Style) -> String {
    let side = |print: &Option<_>| match print {
        Some(print) => format!("{print}"),
        None => "(none)".to_owned(),
    };
    style.dim(&format!(" ({} → {})", side(&prints.old), side(&prints.new)))
}

fn change(key: &str, old: &str, new: &str) -> String {
    format!("{INDENT}{}: {old} → {new}\n", escape::line(key))
}

/// Returns a unified diff without its headers, which would repeat the path.
fn unified(diff: &str, style: Style) -> String {
    if diff.is_empty() {
        return format!("{INDENT}{}\n", style.dim("(not text: no lines to show)"));
    }
    let headers =
        |at: usize, line: &str| at < 2 && (line.starts_with("---") || line.starts_with("+++"));
    diff.split_terminator('\n')
        .enumerate()
        .filter(|(at, line)| !headers(*at, line))
        .map(|(_, line)| format!("{INDENT}{}\n", style.paint(tint(line), &escape::block(line))))
        .collect()
}

fn tint(line: &str) -> Tint {
    match line.as_bytes().first() {
        Some(b'+') => Tint::Added,
        Some(b'-') => Tint::Removed,
        Some(b'@' | b'\\') => Tint::Dim,
        _ => Tint::Plain,
    }
}

#[cfg(test)]
mod tests {
    use windlass_core::change::ModeChange;
    use windlass_core::release::Mode;

    use super::*;
    use crate::ui::samples::{assert_same_in_colour, changes, setting};

    fn shown(changes: &ChangeSet, unified: &str) -> String {
        let diff = FileDiff { path: "app.yaml".to_owned(), unified: unified.to_owned() };
        render_changes(changes, &[diff], Style::PLAIN)
    }

    fn modified() -> ChangeSet {
        ChangeSet { files_modified: ["app.yaml".to_owned()].into(), ..ChangeSet::default() }
    }

    #[test]
    fn no_change_is_no_text() {
        assert_eq!(render_changes(&ChangeSet::default(), &[], Style::PLAIN), "");
    }

    #[test]
    fn a_mode_alone_is_a_change() {
        let mut changes = modified();
        let modes = ModeChange { old: Mode::FILE, new: Mode::EXECUTABLE };
        changes.modes_changed.insert("app.yaml".to_owned(), modes);
        let expected = "Changes\n  ~ app.yaml\n      mode: 0644 → 0755\n";
        assert_eq!(render_changes(&changes, &[], Style::PLAIN), expected);
    }

    #[test]
    fn content_that_is_not_text_is_said() {
        let expected = "Changes\n  ~ app.yaml\n      (not text: no lines to show)\n";
        assert_eq!(shown(&modified(), ""), expected);
    }

    #[test]
    fn removed_lines_that_look_like_headers_stay() {
        let diff =
            "--- a/x\n+++ b/x\n@@ -1 +1 @@\n--- old\n+++ new\r\n\\ No newline at end of file\n";
        let expected = "\
Changes
  ~ app.yaml
      @@ -1 +1 @@
      --- old
      +++ new\\r
      \\ No newline at end of file
";
        assert_eq!(shown(&modified(), diff), expected);
    }

    #[test]
    fn escape_sequences_in_content_are_spelled_out() {
        let shown = shown(&modified(), "@@ -1 +1 @@\n-a\n+\u{1b}[2J\tb\n");
        assert!(shown.contains("      +\\u{1b}[2J\tb\n"), "{shown}");
    }

    #[test]
    fn a_secret_only_changes() {
        let mut changes = modified();
        let hidden = setting(Some("changed".into()), Some("changed".into()));
        let settings = BTreeMap::from([("db.password".to_owned(), hidden)]);
        changes.settings_changed.insert("app.yaml".to_owned(), settings);
        let expected = "Changes\n  ~ app.yaml\n      db.password: changed\n";
        assert_eq!(render_changes(&changes, &[], Style::PLAIN), expected);
    }

    #[test]
    fn secrets_have_fingerprints_where_the_key_is_there() {
        use windlass_core::fingerprint::FingerprintKey;

        let key = FingerprintKey::derive(b"material");
        let (old, new) = (key.fingerprint(b"one"), key.fingerprint(b"two"));
        let prints = FingerprintChange::of(Some(old.clone()), Some(new.clone()));
        let mut changes = modified();
        let settings = [("db.password".to_owned(), SettingChange::secret(prints.clone()))];
        changes.settings_changed.insert("app.yaml".to_owned(), settings.into());
        let fresh = FingerprintChange::of(None, Some(new.clone())).expect("one is known");
        changes.files_added.insert("app.env".to_owned());
        changes.secrets_changed.insert("app.env".to_owned(), fresh);
        let expected = format!(
            "Changes\n  + app.env\n      secret content: changed ((none) → {new})\n  \
             ~ app.yaml\n      db.password: changed ({old} → {new})\n"
        );
        assert_eq!(render_changes(&changes, &[], Style::PLAIN), expected);
    }

    #[test]
    fn colour_changes_nothing_but_colour() {
        assert_same_in_colour(|style| render_changes(&changes(), &[], style));
    }
}
