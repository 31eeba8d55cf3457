//! What comments say about a value.

use super::view::View;
use crate::config::node::{Data, Node};

/// How long a line of comments is, in characters, where its words allow.
const WIDTH: usize = 96;
/// How many values of an enumeration are listed.
const LISTED: usize = 20;

/// Returns the lines at the top of the file.
pub(super) fn heading(view: &View<'_>) -> Vec<String> {
    prose(view)
}

/// Returns the lines above a key: its title and description, and what its value may be.
pub(super) fn comments(view: &View<'_>, is_required: bool) -> Vec<String> {
    let mut lines = prose(view);
    let facts = facts(view, is_required);
    if !facts.is_empty() {
        lines.extend(wrapped(&facts.join("; ")));
    }
    lines
}

fn prose(view: &View<'_>) -> Vec<String> {
    let texts = ["title", "description"].into_iter().filter_map(|keyword| view.text(keyword));
    texts.flat_map(str::lines).flat_map(wrapped).collect()
}

fn facts(view: &View<'_>, is_required: bool) -> Vec<String> {
    let mut facts = Vec::new();
    if is_required {
        facts.push("required".to_owned());
    }
    let types = view.types().join(" or ");
    facts.extend(match view.text("format") {
        Some(format) if types.is_empty() => Some(format.to_owned()),
        Some(format) => Some(format!("{types} ({format})")),
        None => (!types.is_empty()).then_some(types),
    });
    facts.extend(choices(view));
    facts.extend(range(view, ["minimum", "maximum"], ""));
    facts.extend(exclusive(view, "exclusiveMinimum", "more than"));
    facts.extend(exclusive(view, "exclusiveMaximum", "less than"));
    facts.extend(view.get("multipleOf").map(|node| format!("a multiple of {}", shown(node))));
    facts.extend(range(view, ["minLength", "maxLength"], "character"));
    facts.extend(range(view, ["minItems", "maxItems"], "element"));
    facts.extend(view.text("pattern").map(|pattern| format!("matches {pattern}")));
    facts.extend(
        view.get("default").filter(|node| fits(node)).map(|d| format!("default {}", shown(d))),
    );
    for (keyword, words) in [("deprecated", "deprecated"), ("x-secret", "secret")] {
        facts.extend(view.is(keyword).then(|| words.to_owned()));
    }
    facts
}

fn choices(view: &View<'_>) -> Option<String> {
    let values = view.get("enum")?.as_list()?;
    let mut shown: Vec<String> = values.iter().take(LISTED).map(shown).collect();
    if values.len() > LISTED {
        shown.push("…".to_owned());
    }
    Some(format!("one of {}", shown.join(", ")))
}

fn range(view: &View<'_>, [low, high]: [&str; 2], unit: &str) -> Option<String> {
    let (low, high) = (view.get(low).map(shown), view.get(high).map(shown));
    let last = high.as_ref().or(low.as_ref())?.clone();
    let bounds = match (low, high) {
        (Some(low), Some(high)) => format!("{low} to {high}"),
        (Some(low), None) => format!("at least {low}"),
        (None, high) => format!("at most {}", high?),
    };
    Some(match (unit, last.as_str()) {
        ("", _) => bounds,
        (unit, "1") => format!("{bounds} {unit}"),
        (unit, _) => format!("{bounds} {unit}s"),
    })
}

/// In draft 4 these are booleans, which say something about `minimum` and `maximum`.
fn exclusive(view: &View<'_>, keyword: &str, words: &str) -> Option<String> {
    let bound = view.get(keyword)?;
    match bound.data {
        Data::Bool(true) => Some("the bound itself excluded".to_owned()),
        Data::Bool(false) => None,
        _ => Some(format!("{words} {}", shown(bound))),
    }
}

fn shown(node: &Node) -> String {
    node.to_json().to_string()
}

/// Tells whether a default is worth saying above the value that shows it.
fn fits(node: &Node) -> bool {
    !node.data.is_collection() && shown(node).chars().count() <= WIDTH / 2
}

/// Returns `text` in lines of some width; control characters become spaces.
fn wrapped(text: &str) -> Vec<String> {
    let is_space =
        |c: char| c.is_control() || matches!(c, ' ' | '\u{2028}' | '\u{2029}' | '\u{feff}');
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split(is_space).filter(|word| !word.is_empty()) {
        let length = line.chars().count() + 1 + word.chars().count();
        if !line.is_empty() && length > WIDTH {
            lines.push(std::mem::take(&mut line));
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_wrapped_at_words() {
        let lines = wrapped(&"word ".repeat(40));
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.chars().count() <= WIDTH && !line.ends_with(' ')));
        assert_eq!(wrapped("a\u{7}b\rc\u{2028}d"), ["a b c d"]);
        assert_eq!(wrapped(&"x".repeat(200)).len(), 1);
        assert!(wrapped(" \t").is_empty());
    }
}
