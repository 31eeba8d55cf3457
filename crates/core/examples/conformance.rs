//! What the parsers and the schema validator say about the cases of a public suite.
//!
//! Reads a JSON list of cases on stdin and writes a list of answers in the same order. A case is
//! `{"format", "text"}`, answered by `{"value"}` or `{"error"}`, or `{"schema", "file", "files",
//! "instances"}`, answered by `{"valid": [true, …]}` or `{"error"}`: `files` is the directory in which
//! the schema would be the file `file`. `scripts/conformance` compares them.

#![allow(clippy::disallowed_macros, reason = "an example may print")]
#![allow(clippy::disallowed_methods, reason = "and read files")]

use std::error::Error;
use std::path::Path;
use std::{fs, io};

use serde_json::{Value, json};
use windlass_core::config::{Format, Node, Origin, Schema, parse};
use windlass_core::diagnostic::Diagnostic;

fn main() -> Result<(), Box<dyn Error>> {
    let cases: Vec<Value> = serde_json::from_reader(io::stdin().lock())?;
    let answers: Vec<Value> = cases.iter().map(answer).collect();
    println!("{}", Value::from(answers));
    Ok(())
}

fn answer(case: &Value) -> Value {
    let answer = match case.get("schema") {
        Some(schema) => validated(schema, case),
        None => parsed(case),
    };
    answer.unwrap_or_else(|problems| json!({ "error": first(&problems) }))
}

fn parsed(case: &Value) -> Result<Value, Vec<Diagnostic>> {
    let text = |key: &str| case[key].as_str().unwrap_or_default();
    let format = text("format").parse::<Format>();
    let format = format.map_err(|error| vec![Diagnostic::error(error.to_string())])?;
    Ok(json!({ "value": parse(format, "f", text("text"))?.to_json() }))
}

fn validated(schema: &Value, case: &Value) -> Result<Value, Vec<Diagnostic>> {
    let text = |key: &str| case[key].as_str().unwrap_or_default();
    let read = |file: &str| {
        let read = fs::read_to_string(Path::new(text("files")).join(file));
        read.map_err(|error| Diagnostic::error(format!("{file}: {error}")))
    };
    let schema = Schema::compile_with(text("file"), &schema.to_string(), read)?;
    let origin = Origin::of_source("instance");
    let is_valid = |instance: &Value| match Node::from_json(instance, &origin) {
        Ok(node) => json!(schema.validate_document(node).is_empty()),
        Err(problem) => json!(problem.to_string()),
    };
    let instances = case["instances"].as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(json!({ "valid": instances.iter().map(is_valid).collect::<Vec<_>>() }))
}

fn first(problems: &[Diagnostic]) -> String {
    problems.first().map(ToString::to_string).unwrap_or_default()
}
