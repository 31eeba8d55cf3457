//! Three texts, merged line by line.

use similar::{Algorithm, DiffOp, capture_diff_slices};
use zeroize::Zeroizing;

/// Returns `base` with the changes of both others; nothing if both changed the same lines.
pub(super) fn merge(base: &str, ours: &str, theirs: &str) -> Option<Zeroizing<String>> {
    let lines =
        |text: &'_ str| -> Vec<String> { text.split_inclusive('\n').map(str::to_owned).collect() };
    let (base, ours, theirs) =
        (Zeroizing::new(lines(base)), Zeroizing::new(lines(ours)), Zeroizing::new(lines(theirs)));
    let (in_ours, in_theirs) = (matches(&base, &ours), matches(&base, &theirs));
    let mut result = Zeroizing::new(String::new());
    let (mut b, mut o, mut t) = (0, 0, 0);
    for at in 0..=base.len() {
        let (next_o, next_t) = match (in_ours.get(at), in_theirs.get(at)) {
            (Some(Some(o)), Some(Some(t))) => (*o, *t),
            (None, None) => (ours.len(), theirs.len()),
            _ => continue,
        };
        for line in chunk(&base[b..at], &ours[o..next_o], &theirs[t..next_t])? {
            result.push_str(line);
        }
        if let Some(line) = base.get(at) {
            result.push_str(line);
        }
        (b, o, t) = (at + 1, next_o + 1, next_t + 1);
    }
    Some(result)
}

/// Returns for each line of `base` where it is in `other`, if it stayed.
fn matches(base: &[String], other: &[String]) -> Vec<Option<usize>> {
    let mut places = vec![None; base.len()];
    for op in capture_diff_slices(Algorithm::Myers, base, other) {
        if let DiffOp::Equal { old_index, new_index, len } = op {
            for offset in 0..len {
                places[old_index + offset] = Some(new_index + offset);
            }
        }
    }
    places
}

/// Returns the lines between two lines that everybody has.
fn chunk<'l>(base: &'l [String], ours: &'l [String], theirs: &'l [String]) -> Option<&'l [String]> {
    if theirs == base || ours == theirs {
        Some(ours)
    } else if ours == base {
        Some(theirs)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merged(base: &str, ours: &str, theirs: &str) -> Option<String> {
        merge(base, ours, theirs).map(|text| text.to_string())
    }

    #[test]
    fn changes_apart_from_each_other_are_both_made() {
        let result = merged("a\nb\nc\nd\ne\n", "a\nB\nc\nd\ne\n", "a\nb\nc\nd\nE\nf\n");
        assert_eq!(result.as_deref(), Some("a\nB\nc\nd\nE\nf\n"));
        assert_eq!(merged("a\nb\nc\n", "b\nc\n", "a\nb\n").as_deref(), Some("b\n"));
        assert_eq!(merged("a\n", "a\nx\n", "a\nx\n").as_deref(), Some("a\nx\n"));
        assert_eq!(merged("", "", "x").as_deref(), Some("x"));
    }

    #[test]
    fn changes_of_the_same_lines_are_not_merged() {
        assert_eq!(merged("a\n", "b\n", "c\n"), None);
        assert_eq!(merged("a\n", "a\nb\n", "a\nc\n"), None);
    }
}
