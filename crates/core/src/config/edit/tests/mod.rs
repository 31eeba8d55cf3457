//! Texts before and after.

mod json;
mod random;
mod toml;
mod yaml;

use serde_json::{Value, json};

use super::*;

/// One edit in a few characters: `a.b=1` (JSON, or else a string), `-a.b`, `a > b`.
fn edit(written: &str) -> Edit {
    if let Some(key) = written.strip_prefix('-') {
        return Edit::Remove { key: key.to_owned() };
    }
    if let Some((from, to)) = written.split_once(" > ") {
        return Edit::Rename { from: from.to_owned(), to: to.to_owned() };
    }
    let (key, value) = written.split_once('=').expect("an edit");
    let value = serde_json::from_str(value).unwrap_or_else(|_| Value::from(value));
    Edit::Set { key: key.to_owned(), value }
}

fn edited(format: Format, text: &str, edits: &str) -> Result<String, Diagnostic> {
    let edits: Vec<_> = edits.split(" ; ").map(edit).collect();
    apply(format, "f", text, &edits)
}

fn check(format: Format, cases: &[(&str, &str, &str)]) {
    let wrong = cases.iter().filter_map(|(before, edits, after)| {
        let made = edited(format, before, edits).map_err(|error| error.to_string());
        (made.as_deref() != Ok(*after)).then(|| format!("{edits} in {before:?}: {made:#?}"))
    });
    let wrong: Vec<_> = wrong.collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn error(format: Format, text: &str, edits: &str) -> String {
    edited(format, text, edits).expect_err(edits).to_string()
}

#[test]
fn broken_keys_and_texts_are_refused() {
    let set = |text, key| set(Format::Yaml, "f", text, key, &json!(1));
    let broken = set("a: 1\n", "a..b").expect_err("no key");
    assert_eq!(broken.to_string(), "f: \"a..b\" is not a dotted key");
    assert!(broken.hint.is_some());
    let text = set("a: [1\n", "a").expect_err("no value");
    assert_eq!(text.file.as_deref(), Some("f"));
    assert!(text.position.is_some());
}

#[test]
fn a_format_that_is_only_read_is_refused() {
    let error = set(Format::Env, ".env", "A=1\n", "a", &json!(2)).expect_err("only read");
    assert_eq!(error.to_string(), ".env: env files are only read, not written");
    assert!(error.hint.is_some());
}

#[test]
fn what_cannot_be_done_says_where() {
    for (format, text) in [
        (Format::Yaml, "a: 1\nlist:\n- x\n"),
        (Format::Json, "{\"a\": 1, \n \"list\": [\"x\"]}"),
        (Format::Toml, "a = 1\nlist = ['x']\n"),
    ] {
        let message = |edits| error(format, text, edits);
        assert!(message("a.b=1").ends_with("`a` is an integer: it cannot hold \"b\""));
        assert!(message("a.b=1").starts_with("f:1:"));
        assert!(message("list.2=1").starts_with("f:2:"));
        assert!(message("-lits").ends_with("`lits` is not there"));
        assert!(message("a > list").ends_with("`list` is there already"));
        assert!(message("b=1 ; a.b=1").starts_with("f: `a` is"));
    }
}

#[test]
fn all_edits_or_none() {
    let failed = edited(Format::Toml, "a = 1\n", "b=2 ; -c");
    assert!(failed.is_err());
    assert_eq!(apply(Format::Toml, "f", "a = 1\n", &[]).as_deref(), Ok("a = 1\n"));
}

#[test]
fn a_value_that_is_there_is_left_as_it_is_written() {
    check(
        Format::Yaml,
        &[("a:   0x1f  # hex\nb: [ 1,2 ]\n", "a=31 ; b=[1,2]", "a:   0x1f  # hex\nb: [ 1,2 ]\n")],
    );
    check(Format::Toml, &[("a = 1_000\n", "a=1000 ; a > a", "a = 1_000\n")]);
    check(Format::Json, &[("{\"a\" : 1e0}", "a=1.0", "{\"a\" : 1e0}")]);
}
