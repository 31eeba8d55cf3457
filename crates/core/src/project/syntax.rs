//! TOML, before it means anything: what does not parse, with places.

use toml::Spanned;
use toml::de::{DeTable, DeValue, Error};

use super::input::{Input, Problem, Span, shown};
use crate::toml_depth::too_deep;

/// How deep tables and lists may lie in each other; a project file needs six levels.
const DEEPEST: usize = 64;

/// Returns the tables of the file, if they can be relied on: everything that does not parse is
/// reported. A key that is there twice leaves the rest readable.
pub(super) fn parse<'t>(input: &Input<'t>) -> Option<DeTable<'t>> {
    if let Some(span) = too_deep(input.text(), DEEPEST) {
        let message = format!("tables and lists more than {DEEPEST} deep in each other");
        input.report(Problem::at(span, message));
        return None;
    }
    let (root, mut errors) = DeTable::parse_recoverable(input.text());
    errors.sort_by_key(|error| error.span().unwrap_or_default().start);
    let (twice, malformed): (Vec<_>, Vec<_>) =
        errors.iter().partition(|error| error.message() == "duplicate key");
    for error in &twice {
        let span = error.span().unwrap_or_default();
        input.report_with(|| duplicate(input, root.get_ref(), span));
    }
    report_malformed(input, &malformed);
    malformed.is_empty().then(|| root.into_inner())
}

/// Reports the first error of each line, up to the first after which brackets no longer match:
/// others are mostly consequences.
fn report_malformed(input: &Input<'_>, errors: &[&Error]) {
    let mut last_line = None;
    for error in errors {
        let span = error.span().unwrap_or_default();
        let line = Some(input.line(&span));
        if last_line == line {
            continue;
        }
        last_line = line;
        let message = error.message();
        let hint = advice(message, input.written(&span));
        input.report(Problem::at(span, message.replace('\n', " ")).maybe_hint(hint));
        if ["missing comma", "unexpected", "unclosed"]
            .iter()
            .any(|start| message.starts_with(start))
        {
            break;
        }
    }
}

fn advice(message: &str, written: &str) -> Option<String> {
    if message.starts_with("string values must be quoted") {
        Some(format!("write `\"{}\"`", shown(written)))
    } else if message.starts_with("unexpected leading zero") {
        Some("write it in quotes, such as `\"0644\"`".to_owned())
    } else if message.starts_with("missing comma between array elements") {
        Some("put a comma between the elements, or close the list with `]`".to_owned())
    } else {
        None
    }
}

/// Returns the problem that a key or table is there again, with the line where it was first.
fn duplicate(input: &Input<'_>, root: &DeTable<'_>, span: Span) -> Problem {
    let header = line_around(input.text(), span.start).trim_start().starts_with('[');
    let (what, first) = if header {
        ("table", earlier_header(input.text(), span.start))
    } else {
        ("key", earlier_key(input, root, &span))
    };
    let first = first.map(|at| format!(", first on line {}", input.line(&(at..at))));
    let message = format!(
        "{what} `{}` is defined twice{}",
        shown(input.written(&span)),
        first.unwrap_or_default()
    );
    Problem::at(span, message).hint("keep one of them")
}

fn line_start(text: &str, offset: usize) -> usize {
    text[..offset].rfind('\n').map_or(0, |at| at + 1)
}

fn line_around(text: &str, offset: usize) -> &str {
    text[line_start(text, offset)..].lines().next().unwrap_or_default()
}

/// Returns where an earlier line has the same header as the line at `offset`.
fn earlier_header(text: &str, offset: usize) -> Option<usize> {
    let again = header_name(line_around(text, offset))?;
    let mut next = 0;
    text[..line_start(text, offset)].split_inclusive('\n').find_map(|line| {
        let start = next;
        next += line.len();
        (header_name(line).as_ref() == Some(&again)).then_some(start)
    })
}

fn header_name(line: &str) -> Option<String> {
    let (inner, _) = line.trim_start().strip_prefix('[')?.split_once(']')?;
    Some(inner.chars().filter(|c| !c.is_whitespace()).collect())
}

/// Returns where the innermost table around `again` has the same key first.
fn earlier_key(input: &Input<'_>, root: &DeTable<'_>, again: &Span) -> Option<usize> {
    let mut owner = (0, root);
    let mut rest: Vec<&Spanned<DeValue<'_>>> = root.values().collect();
    while let Some(value) = rest.pop() {
        match value.get_ref() {
            DeValue::Array(list) => rest.extend(list.iter()),
            DeValue::Table(table) => {
                rest.extend(table.values());
                let start = value.span().start;
                if owner.0 <= start && encloses(input, &value.span(), again.start) {
                    owner = (start, table);
                }
            }
            _ => {}
        }
    }
    let mut keys = owner.1.keys().map(Spanned::span);
    keys.find(|key| key.start < again.start && input.written(key) == input.written(again))
        .map(|key| key.start)
}

/// Tells whether a table with this span goes on until `offset`: an inline one ends with its span,
/// one with a header with the next header.
fn encloses(input: &Input<'_>, span: &Span, offset: usize) -> bool {
    match input.text().as_bytes().get(span.start) {
        Some(b'{') => span.contains(&offset),
        Some(b'[') => span.start < offset,
        _ => false,
    }
}
