//! Unified diffs.

use std::fmt::Write as _;
use std::ops::Range;

use similar::{Algorithm, DiffOp, capture_diff_slices, group_diff_ops};

/// Unchanged lines around each change.
const CONTEXT: usize = 3;

/// With more lines that differ than this, on both sides together, no finer difference is looked for:
/// the work may grow with their square.
const MAX_LINES: usize = 100_000;

/// How many bytes of a file tell whether it is text.
const SNIFFED: usize = 8000;

/// Tells whether `bytes` are text: UTF-8, and without a NUL in the first 8,000 of them.
#[must_use]
pub fn is_text(bytes: &[u8]) -> bool {
    !bytes[..bytes.len().min(SNIFFED)].contains(&0) && std::str::from_utf8(bytes).is_ok()
}

/// Returns the unified diff of the file at `path`, as `git diff` and `patch` know it; `None` is a
/// file that does not exist. Equal texts have none: the empty string.
#[must_use]
pub fn unified(path: &str, old: Option<&str>, new: Option<&str>) -> String {
    if old == new {
        return String::new();
    }
    let name = |side: char, text: Option<&str>| {
        text.map_or_else(|| "/dev/null".to_owned(), |_| format!("{side}/{path}"))
    };
    let mut out = format!("--- {}\n+++ {}\n", name('a', old), name('b', new));
    let old = lines(old.unwrap_or_default());
    let new = lines(new.unwrap_or_default());
    for hunk in group_diff_ops(operations(&old, &new), CONTEXT) {
        write_hunk(&mut out, &hunk, &old, &new);
    }
    out
}

fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Returns what makes `new` of `old`.
fn operations(old: &[&str], new: &[&str]) -> Vec<DiffOp> {
    let start = common(old.iter(), new.iter());
    let end = common(old[start..].iter().rev(), new[start..].iter().rev());
    let (old_len, new_len) = (old.len() - start - end, new.len() - start - end);
    if old_len + new_len <= MAX_LINES {
        return capture_diff_slices(Algorithm::Myers, old, new);
    }
    let equal = |old_index, new_index, len| DiffOp::Equal { old_index, new_index, len };
    let replaced = DiffOp::Replace { old_index: start, old_len, new_index: start, new_len };
    vec![equal(0, 0, start), replaced, equal(start + old_len, start + new_len, end)]
}

/// Returns how many lines are the same from the beginning.
fn common<'t>(
    old: impl Iterator<Item = &'t &'t str>,
    new: impl Iterator<Item = &'t &'t str>,
) -> usize {
    old.zip(new).take_while(|(old, new)| old == new).count()
}

fn write_hunk(out: &mut String, hunk: &[DiffOp], old: &[&str], new: &[&str]) {
    let (Some(first), Some(last)) = (hunk.first(), hunk.last()) else { return };
    let old_lines = range(first.old_range().start..last.old_range().end);
    let new_lines = range(first.new_range().start..last.new_range().end);
    writeln!(out, "@@ -{old_lines} +{new_lines} @@").expect("writing to a string cannot fail");
    for operation in hunk {
        if let DiffOp::Equal { .. } = operation {
            write_lines(out, ' ', &old[operation.old_range()]);
        } else {
            write_lines(out, '-', &old[operation.old_range()]);
            write_lines(out, '+', &new[operation.new_range()]);
        }
    }
}

/// Returns the lines of one side of a hunk as its header names them: first and number, from 1, or
/// from 0 where there is none.
fn range(lines: Range<usize>) -> String {
    match lines.len() {
        0 => format!("{},0", lines.start),
        1 => format!("{}", lines.start + 1),
        len => format!("{},{len}", lines.start + 1),
    }
}

fn write_lines(out: &mut String, sign: char, lines: &[&str]) {
    for line in lines {
        out.push(sign);
        out.push_str(line);
        if !line.ends_with('\n') {
            out.push_str("\n\\ No newline at end of file\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shows_three_lines_around_each_change() {
        let old: String = (1..=20).map(|n| format!("{n}\n")).collect();
        let new = old.replacen("5\n", "five\n", 1) + "21\n";
        let expected = "--- a/x/y\n+++ b/x/y\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n\
                        @@ -18,3 +18,4 @@\n 18\n 19\n 20\n+21\n";
        assert_eq!(unified("x/y", Some(&old), Some(&new)), expected);
    }

    #[test]
    fn a_missing_newline_is_shown() {
        let expected = "--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n";
        assert_eq!(unified("f", Some("a"), Some("a\n")), expected);
    }

    #[test]
    fn a_file_that_appears_or_goes_is_dev_null() {
        assert_eq!(unified("f", None, Some("a\n")), "--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+a\n");
        assert_eq!(unified("f", Some("a\n"), None), "--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-a\n");
        assert_eq!(unified("f", None, Some("")), "--- /dev/null\n+++ b/f\n");
        assert_eq!(unified("f", Some("a"), Some("a")), "");
    }

    #[test]
    fn huge_files_are_replaced_between_what_they_share() {
        let middle = |word: &str| (0..60_000).map(|n| format!("{word}{n}\n")).collect::<String>();
        let (old, new) =
            (format!("same\n{}end\n", middle("a")), format!("same\n{}end\n", middle("b")));
        let diff = unified("f", Some(&old), Some(&new));
        assert!(diff.starts_with("--- a/f\n+++ b/f\n@@ -1,60002 +1,60002 @@\n same\n-a0\n-a1\n"));
        assert!(diff.ends_with("+b59999\n end\n"));
    }

    #[test]
    fn text_is_utf_8_without_nul() {
        assert!(is_text("\u{fc}\n".as_bytes()) && is_text(b""));
        assert!(!is_text(b"a\0b") && !is_text(b"\xff\xfe"));
        assert!(is_text(&[vec![b'a'; SNIFFED], vec![0]].concat()));
    }

    /// Returns the new text that `diff` makes of `old`.
    fn patched(old: &str, diff: &str) -> String {
        let (old, mut out, mut at) = (lines(old), String::new(), 0);
        for line in diff.split_inclusive('\n').skip(2) {
            if let Some(header) = line.strip_prefix("@@ -") {
                let (first, rest) = header.split_at(header.find([',', ' ']).expect("a header"));
                let first: usize = first.parse().expect("a number");
                let start = if rest.starts_with(",0") { first } else { first - 1 };
                out.extend(old[at..start].iter().copied());
                at = start;
            } else if line.starts_with('\\') {
                out.pop();
            } else if let Some(added) = line.strip_prefix('+') {
                out.push_str(added);
            } else {
                out.push_str(line.strip_prefix(' ').unwrap_or_default());
                at += 1;
            }
        }
        out.extend(old[at..].iter().copied());
        out
    }

    proptest! {
        #[test]
        fn a_patch_makes_the_new_text(old in "([abc]\n){0,30}", new in "([abc]\n){0,30}") {
            let diff = unified("f", Some(&old), Some(&new));
            prop_assert_eq!(patched(&old, &diff), new);
        }
    }
}
