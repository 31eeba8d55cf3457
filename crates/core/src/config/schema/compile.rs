//! Text to [`Schema`].

use std::borrow::Cow;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError as Error, Validator, options};
use serde_json::Value;

use super::Schema;
use super::explain::{Explainer, Quoting};
use super::walk::Walker;
use crate::config::format::Format;
use crate::config::key;
use crate::config::node::{Data, Node};
use crate::config::parse::parse;
use crate::diagnostic::Diagnostic;

/// Bytes that one compiled pattern may take.
const PATTERN_SIZE: usize = 2 << 20;

pub(super) fn compile(file: &str, text: &str) -> Result<Schema, Vec<Diagnostic>> {
    let Some(format) = Format::from_path(file).filter(|format| format.is_written()) else {
        let error = Diagnostic::error("a schema is a .json, .yaml or .toml file").in_file(file);
        return Err(vec![error]);
    };
    let root = parse(format, file, text)?;
    let json = root.to_json();
    check_keywords(&root, &json)?;
    check_references(&root, &json)?;
    let validator = build(&json).map_err(|error| explain_build(&root, &json, &error))?;
    let (has_secrets, has_deprecated) = (text.contains("x-secret"), text.contains("deprecated"));
    Ok(Schema { file: file.to_owned(), root, json, validator, has_secrets, has_deprecated })
}

fn build(json: &Value) -> Result<Validator, Error<'static>> {
    options()
        .offline()
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_SIZE))
        .build(json)
}

/// Checks the schema against the schema of its draft.
fn check_keywords(root: &Node, json: &Value) -> Result<(), Vec<Diagnostic>> {
    let validator = match jsonschema::meta::validator_for(json) {
        Ok(validator) => validator,
        Err(_) => return Err(vec![unknown_draft(root)]),
    };
    let mut explainer = Explainer::new(root, &Value::Null, Quoting::NoSecrets);
    for error in validator.iter_errors(json) {
        explainer.add(&error);
    }
    let problems: Vec<Diagnostic> = explainer.finish().into_iter().map(Into::into).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn unknown_draft(root: &Node) -> Diagnostic {
    let place = root.child("$schema").unwrap_or(root);
    let hint =
        "use a draft from 4 to 2020-12, such as https://json-schema.org/draft/2020-12/schema";
    place.origin.error("`$schema` names no known draft of JSON Schema").hint(hint)
}

/// Refuses references that leave the document.
fn check_references(root: &Node, json: &Value) -> Result<(), Vec<Diagnostic>> {
    let walker = Walker::new(json);
    let leaves = |reference: &&&Node| {
        let text = reference.as_str().unwrap_or_default();
        let base = text.split('#').next().unwrap_or_default();
        walker.document(base).is_none() && !is_draft(base)
    };
    let problems: Vec<Diagnostic> =
        references(root).iter().filter(leaves).map(|reference| leaving(reference)).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn leaving(reference: &Node) -> Diagnostic {
    let text = reference.as_str().unwrap_or_default();
    let message = format!("remote `$ref` is not allowed: {text:?}");
    reference.origin.error(message).hint("copy it under `$defs` and refer to it as `#/$defs/…`")
}

fn is_draft(base: &str) -> bool {
    ["http://json-schema.org/draft", "https://json-schema.org/draft"]
        .iter()
        .any(|prefix| base.starts_with(prefix))
}

/// Returns the values of all `$ref`s outside of plain data.
fn references(node: &Node) -> Vec<&Node> {
    let mut found = Vec::new();
    let mut open = vec![node];
    while let Some(node) = open.pop() {
        match &node.data {
            Data::List(list) => open.extend(list.iter().rev()),
            Data::Map(map) => {
                let schemas = map.iter().filter(|(key, _)| {
                    !matches!(key.as_str(), "const" | "enum" | "default" | "examples")
                });
                for (key, value) in schemas.rev() {
                    match value.as_str() {
                        Some(_) if matches!(key.as_str(), "$ref" | "$dynamicRef") => {
                            found.push(value);
                        }
                        _ => open.push(value),
                    }
                }
            }
            _ => {}
        }
    }
    found
}

fn explain_build(root: &Node, json: &Value, error: &Error<'_>) -> Vec<Diagnostic> {
    if matches!(error.kind(), ValidationErrorKind::Referencing(_)) {
        let walker = Walker::new(json);
        let dangling = references(root)
            .into_iter()
            .filter(|reference| walker.resolve(reference.as_str().unwrap_or_default()).is_none());
        let problems: Vec<Diagnostic> = dangling.map(pointing_nowhere).collect();
        if !problems.is_empty() {
            return problems;
        }
    }
    vec![at_keyword(root, error)]
}

fn pointing_nowhere(reference: &Node) -> Diagnostic {
    let text = reference.as_str().unwrap_or_default();
    reference.origin.error(format!("`$ref` points nowhere: {text:?}"))
}

fn at_keyword(root: &Node, error: &Error<'_>) -> Diagnostic {
    let mut place = root;
    let mut last = Cow::Borrowed("");
    for segment in key::split_pointer(error.schema_path().as_str()) {
        let Some(child) = place.child(&segment) else { break };
        place = child;
        last = segment;
    }
    let is_pattern = matches!(&*last, "pattern" | "patternProperties")
        || matches!(error.kind(), ValidationErrorKind::Format { format } if format == "regex");
    if is_pattern {
        let hint =
            "patterns run in linear time: no look-around, no back references, no huge repeats";
        place.place().error("pattern cannot be used").hint(hint)
    } else {
        place.place().error(format!("schema cannot be used: {}", error.masked()))
    }
}
