//! What the parsers and the schema validator say about the cases of a public suite.
//!
//! Reads a JSON list of cases on stdin and writes a list of answers in the same order. A case is
//! `{"format", "text"}`, answered by `{"value"}` or `{"error"}`, or `{"schema", "instances"}`,
//! answered by `{"valid": [true, …]}` or `{"error"}`. `scripts/conformance` compares them.

#![allow(clippy::disallowed_macros, reason = "an example may print")]

use std::error::Error;
use std::io;

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
        Some(schema) => validated(schema, &case["instances"]),
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

fn validated(schema: &Value, instances: &Value) -> Result<Value, Vec<Diagnostic>> {
    let schema = Schema::compile("schema.json", &schema.to_string())?;
    let origin = Origin::of_source("instance");
    let is_valid = |instance: &Value| match Node::from_json(instance, &origin) {
        Ok(node) => json!(schema.validate_document(node).is_empty()),
        Err(problem) => json!(problem.to_string()),
    };
    let instances = instances.as_array().map(Vec::as_slice).unwrap_or_default();
    Ok(json!({ "valid": instances.iter().map(is_valid).collect::<Vec<_>>() }))
}

fn first(problems: &[Diagnostic]) -> String {
    problems.first().map(ToString::to_string).unwrap_or_default()
}
