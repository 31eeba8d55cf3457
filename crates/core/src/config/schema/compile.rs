//! Text to [`Schema`].

use std::collections::HashSet;

use jsonschema::error::ValidationErrorKind;
use jsonschema::{PatternOptions, ValidationError as Error, Validator, options};
use serde_json::Value;

use super::documents::{Document, Documents, Read, Target};
use super::explain::{Explainer, Quoting};
use super::{Schema, link, pointer};
use crate::config::key;
use crate::config::node::{Data, Node};
use crate::diagnostic::Diagnostic;

/// Bytes that one compiled pattern may take.
const PATTERN_SIZE: usize = 2 << 20;

type Problems = Vec<Diagnostic>;

pub(super) fn compile(file: &str, text: &str, read: &mut Read<'_>) -> Result<Schema, Problems> {
    let documents = Documents::load(file, text, read)?;
    check_keywords(&documents)?;
    let validator = build(&documents).map_err(|error| explain_build(&documents, &error))?;
    let mut files: Vec<String> = Vec::new();
    for document in &documents.all {
        if !files.contains(&document.file) {
            files.push(document.file.clone());
        }
    }
    let mentions = documents.all.iter().map(|document| document.may_mention);
    let has_secrets = mentions.clone().any(|mentions| mentions.secret);
    let has_deprecated = mentions.clone().any(|mentions| mentions.deprecated);
    let (root, homes) = link::link(documents);
    let json = root.to_json();
    Ok(Schema { files, root, json, homes, validator, has_secrets, has_deprecated })
}

fn build(documents: &Documents) -> Result<Validator, Error<'static>> {
    let patterns = PatternOptions::regex().size_limit(PATTERN_SIZE);
    let options = options().offline().should_validate_formats(true).with_pattern_options(patterns);
    match documents.all.as_slice() {
        [only] => options.build(&only.json),
        [first, ..] => {
            let options = options.with_base_uri(first.uri.as_str());
            options.with_retriever(documents.retriever()).build(&first.json)
        }
        [] => options.build(&Value::Bool(true)),
    }
}

/// Checks each document against the schema of its draft.
fn check_keywords(documents: &Documents) -> Result<(), Problems> {
    let problems: Problems = documents.all.iter().flat_map(of_draft).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn of_draft(document: &Document) -> Problems {
    match jsonschema::meta::validator_for(&document.json) {
        Ok(validator) => judged(&validator, &document.root, &document.json),
        Err(_) => vec![unknown_draft(&document.root)],
    }
}

fn judged(validator: &Validator, root: &Node, json: &Value) -> Problems {
    let mut explainer = Explainer::new(root, &Value::Null, None, Quoting::NoSecrets);
    for error in validator.iter_errors(json) {
        explainer.add(&error);
    }
    explainer.finish().into_iter().map(Into::into).collect()
}

fn unknown_draft(root: &Node) -> Diagnostic {
    let place = root.child("$schema").unwrap_or(root);
    let hint =
        "use a draft from 4 to 2020-12, such as https://json-schema.org/draft/2020-12/schema";
    place.origin.error("`$schema` names no known draft of JSON Schema").hint(hint)
}

/// Returns why there is no validator: all of a kind that is looked for, each at its place, or what the
/// validator says.
fn explain_build(documents: &Documents, error: &Error<'_>) -> Problems {
    if matches!(error.kind(), ValidationErrorKind::Referencing(_)) {
        let problems = dangling(documents);
        if !problems.is_empty() {
            return problems;
        }
    }
    let mut problems = in_targets(documents);
    problems.extend(documents.all.iter().flat_map(|document| unusable_patterns(&document.root)));
    if problems.is_empty() { vec![at_keyword(documents, error)] } else { problems }
}

fn dangling(documents: &Documents) -> Problems {
    let resolves = |number, reference| documents.resolve(number, reference).is_some();
    let dangling = documents.references().filter(|(number, one)| !resolves(*number, one));
    let outside = |text: &str| text.starts_with("http://") || text.starts_with("https://");
    let dangling = dangling.filter(|(_, reference)| !outside(&reference.text));
    dangling
        .map(|(_, reference)| {
            reference.origin.error(format!("`$ref` points nowhere: {:?}", reference.text))
        })
        .collect()
}

/// Returns what is wrong with the schemas that references lead to: one under a keyword that no draft
/// knows is judged by nobody else.
fn in_targets(documents: &Documents) -> Problems {
    let targets =
        documents.references().filter_map(|(n, reference)| documents.resolve(n, reference));
    let targets: HashSet<Target> = targets.collect();
    let mut problems: Problems = Vec::new();
    for target in targets {
        let draft = documents.all[target.document].json.get("$schema").cloned();
        let Some(node) = documents.node(&target) else { continue };
        let mut json = node.to_json();
        if let (Some(map), Some(draft)) = (json.as_object_mut(), draft) {
            map.entry("$schema").or_insert(draft);
        }
        let Ok(validator) = jsonschema::meta::validator_for(&json) else { continue };
        problems.extend(judged(&validator, node, &json));
    }
    problems.sort_by(|a, b| (&a.file, a.position).cmp(&(&b.file, b.position)));
    problems.dedup();
    problems
}

/// Returns an error for each pattern at or below `node` that is none, or not one in linear time.
fn unusable_patterns(node: &Node) -> Problems {
    let below = |problems: &mut Problems, node: &Node| problems.extend(unusable_patterns(node));
    let mut problems = Vec::new();
    match &node.data {
        Data::List(list) => list.iter().for_each(|node| below(&mut problems, node)),
        Data::Map(map) => {
            for (keyword, value) in map.iter() {
                match (keyword.as_str(), value.as_str(), value.as_map()) {
                    ("pattern", Some(pattern), _) if !is_usable(pattern) => {
                        problems.push(unusable(&value.place()));
                    }
                    ("patternProperties", _, Some(patterns)) => {
                        let bad = patterns.iter().filter(|(pattern, _)| !is_usable(pattern));
                        problems.extend(bad.map(|(_, node)| {
                            unusable(&node.key_origin().unwrap_or_else(|| node.place()))
                        }));
                    }
                    _ => {}
                }
                below(&mut problems, value);
            }
        }
        _ => {}
    }
    problems
}

fn is_usable(pattern: &str) -> bool {
    let patterns = PatternOptions::regex().size_limit(PATTERN_SIZE);
    let schema = serde_json::json!({ "pattern": pattern });
    options().offline().with_pattern_options(patterns).build(&schema).is_ok()
}

fn unusable(place: &crate::config::node::Origin) -> Diagnostic {
    let hint = "patterns run in linear time: no look-around, no back references, no huge repeats";
    place.error("pattern cannot be used").hint(hint)
}

/// Returns what the validator says, as near to its place as can be told.
fn at_keyword(documents: &Documents, error: &Error<'_>) -> Diagnostic {
    let path = error.schema_path().as_str();
    let holds = |document: &&Document| pointer::at(&document.root, path).is_some();
    let found = documents.all.iter().find(holds).or(documents.all.first());
    let mut place = found.map(|document| &document.root);
    for segment in key::split_pointer(path) {
        place = place.and_then(|node| node.child(&segment)).or(place);
    }
    let message = format!("schema cannot be used: {}", error.masked());
    match place {
        Some(place) => place.place().error(message),
        None => Diagnostic::error(message),
    }
}
