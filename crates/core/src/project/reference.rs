//! The tables of a project file as Markdown, for the reference page.

use super::ROOT;
use super::shape::{Field, Kind, Otherwise, Shape, Style};

const HEAD: &str =
    "| field | type | means | unless told otherwise | example |\n|---|---|---|---|---|\n";

/// A table of a project file, as the reference page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReferenceTable {
    /// Its name, which is that of its definition in [`json_schema`](super::json_schema).
    pub name: &'static str,
    /// Its heading, in Markdown.
    pub title: &'static str,
    /// A Markdown table with a row for each field.
    pub text: String,
}

/// Returns the tables that a project file is made of, from the whole file to the innermost, made of
/// what [`Project::parse`](super::Project::parse) reads it by.
#[must_use]
pub fn reference() -> Vec<ReferenceTable> {
    let table = |shape: &'static Shape| ReferenceTable {
        name: shape.name,
        title: shape.title,
        text: shape.fields.iter().fold(HEAD.to_owned(), |text, field| text + &row(shape, field)),
    };
    ROOT.tables().into_iter().map(table).collect()
}

fn row(shape: &Shape, field: &Field) -> String {
    let cells = [
        format!("`{}`", field.name),
        words(&field.kind),
        field.about.trim_end_matches('.').to_owned(),
        otherwise(shape, field),
        format!("`{}`", example(shape, field)),
    ];
    let cells = cells.map(|cell| cell.replace('|', "\\|"));
    format!("| {} |\n", cells.join(" | "))
}

/// Returns an example as it could stand in a file: the header, of a table that has one.
fn example(shape: &Shape, field: &Field) -> String {
    if let Kind::Table(table) | Kind::Map { values: &Kind::Table(table), .. } = field.kind
        && table.style == Style::Header
    {
        return table.title.replace('`', "");
    }
    let own = format!("{} = {}", field.name, field.example);
    match (shape.style, field.beside) {
        (Style::Header, _) => own,
        (Style::Inline, "") => format!("{{ {own} }}"),
        (Style::Inline, beside) => format!("{{ {beside}, {own} }}"),
    }
}

fn otherwise(shape: &Shape, field: &Field) -> String {
    let others: Vec<_> = shape.one_of.iter().map(|one| format!("`{}`", one.field)).collect();
    let is_one = shape.one_of.iter().any(|one| one.field == field.name);
    match field.otherwise {
        _ if is_one && others.len() > 1 => format!("one of {}", either(&others)),
        Otherwise::Nothing if is_one => "required".to_owned(),
        Otherwise::Required => "required".to_owned(),
        Otherwise::Nothing => "none".to_owned(),
        Otherwise::Value(value) => format!("`{value}`"),
        Otherwise::Words(words) => words.to_owned(),
    }
}

/// Returns what a value may be, in words.
fn words(kind: &Kind) -> String {
    match kind {
        Kind::Text(text) => text.name.to_owned(),
        Kind::Boolean => "boolean".to_owned(),
        Kind::Whole => "whole number".to_owned(),
        Kind::Integer(bounds) if *bounds.end() == u32::MAX => {
            format!("whole number from {}", bounds.start())
        }
        Kind::Integer(bounds) => format!("{} to {}", bounds.start(), bounds.end()),
        Kind::Choice(choices) => {
            either(&choices.iter().map(|choice| format!("`\"{choice}\"`")).collect::<Vec<_>>())
        }
        Kind::List(list) => format!("list of: {}", words(&list.of)),
        Kind::Map { keys, values } => format!("table, by {}, of: {}", keys.name, words(values)),
        Kind::Tree { leaves, .. } => format!("table, by dotted key, of: {}", words(leaves)),
        Kind::Table(shape) => format!("[table](#{})", anchor(shape.title)),
        Kind::Any(kinds) => either(&kinds.iter().map(words).collect::<Vec<_>>()),
    }
}

fn either(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

/// Returns what a link to the heading `title` says after its `#`.
fn anchor(title: &str) -> String {
    let kept = title.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.map(|c| if c == ' ' { '-' } else { c.to_ascii_lowercase() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headings_have_the_anchors_that_pages_give_them() {
        assert_eq!(anchor("An entry of `layers`"), "an-entry-of-layers");
        assert_eq!(anchor("`[config.NAME]`"), "configname");
    }

    #[test]
    fn a_row_says_what_the_table_says() {
        let tables = reference();
        let file = tables.iter().find(|table| table.name == "file").expect("there are files");
        assert_eq!(file.title, "An entry of `files`");
        let row = |field: &str| {
            let start = format!("| `{field}` |");
            file.text.lines().find(|line| line.starts_with(&start)).expect("a row").to_owned()
        };
        assert!(row("source").contains("one of `source`, `directory` or `config`"));
        assert!(
            row("render")
                .ends_with("| `\"auto\"` | `{ directory = \"static\", render = \"copy\" }` |")
        );
        assert!(row("format").contains("| `\"yaml\"`, `\"toml\"` or `\"json\"` |"));
    }
}
