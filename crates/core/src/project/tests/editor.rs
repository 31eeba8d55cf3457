//! What an editor says by the JSON Schema, beside what the decoder says.

use std::sync::LazyLock;

use super::FILE;
use crate::config::{Format, Schema, ValidationError, parse};
use crate::diagnostic::Diagnostic;
use crate::project::json_schema;

/// How long a text may be that is compared: whatever is longer would only take its time.
const LONGEST: usize = 64 << 10;

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let text = json_schema().to_string();
    Schema::compile("windlass.schema.json", &text).expect("the schema is one")
});

/// What the decoder says of mistakes that a schema can see: unknown and missing fields, wrong types
/// and choices, numbers out of bounds, fields that exclude each other.
const STRUCTURAL: [&str; 25] = [
    "unknown field",
    "missing `name`",
    "missing `type`",
    "missing `config_path`",
    "missing `project`",
    "missing `layers`",
    "missing `source`",
    "missing `address`",
    "where a string belongs",
    "where a table belongs",
    "where a list of",
    "where a whole number belongs",
    "where a command",
    "where a strategy",
    "where a duration",
    "where `true` or `false` belongs",
    "must be from",
    "unknown layout",
    "unknown format",
    "unknown render",
    "unknown environment type",
    "unknown strategy",
    "needs one of",
    "has both",
    "is not the name of a variable",
];

/// Returns what the editor says; nothing where the text is no TOML.
pub(super) fn errors(text: &str) -> Option<Vec<ValidationError>> {
    let document = parse(Format::Toml, FILE, text).ok()?;
    Some(SCHEMA.validate_document(document))
}

/// Checks that the editor has nothing against what the decoder accepts, and something against each
/// structural mistake that the decoder sees, on its line.
pub(super) fn agrees(text: &str, refused: Option<&Vec<Diagnostic>>) {
    if text.len() > LONGEST {
        return;
    }
    let Some(seen) = errors(text) else { return };
    let Some(refused) = refused else {
        assert!(seen.is_empty(), "{text}\naccepted, and yet: {seen:#?}");
        return;
    };
    for error in refused.iter().filter(|error| is_structural(error)) {
        let line = error.position.map(|at| at.line);
        let is_seen = seen.iter().any(|seen| seen.line == line);
        assert!(is_seen, "{text}\nnot seen: {error}\nbut {seen:#?}");
    }
}

/// To JSON Schema a number without a fraction is a whole one, however it is written: that `1e30` is a
/// float, which is none of the values of a variable, only TOML knows.
fn is_structural(error: &Diagnostic) -> bool {
    let is_float = error.message.contains(" is a number where ");
    !is_float && STRUCTURAL.iter().any(|words| error.message.contains(words))
}

#[test]
fn the_schema_sees_each_structural_mistake_on_its_line() {
    let text = "[project]\nname = 1\nretain = 0\n[services.web]\nfile = []\nlayout = \"links\"\n\
                health = [\n  { tcp = 0 },\n  { tcp = 1, http = \"http://x/\" },\n]\n\
                [environments.a]\ntype = \"a\"\nconfig_path = \"/a\"\ntargets = []\n";
    let lines: Vec<_> = errors(text).expect("TOML").iter().filter_map(|e| e.line).collect();
    assert_eq!(lines, [2, 3, 5, 6, 8, 9, 12, 14]);
}

#[test]
fn an_editor_is_told_nothing_about_later_versions() {
    let text = json_schema().to_string();
    assert!(!text.contains("\"windows\""));
}
