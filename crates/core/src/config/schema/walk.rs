//! Which parts of a schema speak about a place in a document.

use std::collections::HashSet;

use serde_json::Value;

use super::pointer;
use super::scan::REFERENCES;

/// Finds the subschemas for a place, without judging which of them hold: all branches of `anyOf`
/// count, and `patternProperties` count for every key.
pub(super) struct Walker<'s> {
    root: &'s Value,
    /// Whether only those count that speak about the place whatever the document is.
    certain: bool,
}

impl<'s> Walker<'s> {
    pub(super) fn new(root: &'s Value) -> Self {
        Self { root, certain: false }
    }

    /// Returns a walker that leaves out what only may apply: branches, patterns, and what is meant
    /// for all other keys where there are patterns.
    pub(super) fn certain(root: &'s Value) -> Self {
        Self { root, certain: true }
    }

    /// Returns the subschemas for the whole document.
    pub(super) fn start(&self) -> Vec<&'s Value> {
        self.closure(vec![self.root])
    }

    /// Returns the subschemas for the child under `segment` of what `here` speaks about.
    pub(super) fn child(&self, here: &[&'s Value], segment: &str) -> Vec<&'s Value> {
        let found = here.iter().flat_map(|schema| children(schema, segment, self.certain));
        self.closure(found.collect())
    }

    /// Tells whether the value at `path`, or one above it, is marked secret.
    pub(super) fn is_secret<'p>(&self, path: impl Iterator<Item = &'p str>) -> bool {
        let mut here = self.start();
        if is_secret(&here) {
            return true;
        }
        for segment in path {
            here = self.child(&here, segment);
            if is_secret(&here) {
                return true;
            }
        }
        false
    }

    /// Returns `found` with everything that they refer to or are combined of.
    fn closure(&self, mut found: Vec<&'s Value>) -> Vec<&'s Value> {
        let mut seen: HashSet<*const Value> = HashSet::new();
        found.retain(|schema| seen.insert(std::ptr::from_ref(*schema)));
        let mut next = 0;
        while let Some(schema) = found.get(next).copied() {
            next += 1;
            let parts = self.referred(schema).into_iter().chain(combined(schema, self.certain));
            found.extend(parts.filter(|part| seen.insert(std::ptr::from_ref(*part))));
        }
        found
    }

    /// Returns what a reference refers to: references of a schema are linked.
    fn referred(&self, schema: &'s Value) -> Option<&'s Value> {
        let keywords = REFERENCES.iter();
        let reference =
            keywords.filter_map(|keyword| schema.get(*keyword)).find_map(Value::as_str)?;
        pointer::segments(reference)?.iter().try_fold(self.root, |value, segment| match value {
            Value::Array(list) => list.get(segment.parse::<usize>().ok()?),
            _ => value.get(segment),
        })
    }
}

/// Tells whether any of `schemas` marks its value as secret.
pub(super) fn is_secret(schemas: &[&Value]) -> bool {
    schemas.iter().any(|schema| schema.get("x-secret") == Some(&Value::Bool(true)))
}

fn combined(schema: &Value, certain: bool) -> impl Iterator<Item = &Value> {
    let lists: &[&str] = if certain { &["allOf"] } else { &["allOf", "anyOf", "oneOf"] };
    let lists = lists.iter().filter_map(|keyword| schema.get(keyword)?.as_array()).flatten();
    let branches: &[&str] = if certain { &[] } else { &["if", "then", "else"] };
    let branches = branches.iter().filter_map(|keyword| schema.get(keyword));
    let dependent = schema.get("dependentSchemas").and_then(Value::as_object);
    let dependent = dependent.filter(|_| !certain);
    lists.chain(branches).chain(dependent.into_iter().flat_map(serde_json::Map::values))
}

fn children<'s>(schema: &'s Value, segment: &str, certain: bool) -> Vec<&'s Value> {
    let mut found = Vec::new();
    let property = schema.get("properties").and_then(|properties| properties.get(segment));
    found.extend(property);
    let patterns = schema.get("patternProperties").and_then(Value::as_object);
    found.extend(patterns.filter(|_| !certain).into_iter().flat_map(serde_json::Map::values));
    if property.is_none() && !(certain && patterns.is_some()) {
        found.extend(schema.get("additionalProperties"));
        found.extend(schema.get("unevaluatedProperties"));
    }
    if let Ok(index) = segment.parse::<usize>() {
        found.extend(elements(schema, index));
    }
    found
}

fn elements(schema: &Value, index: usize) -> Vec<&Value> {
    let positional = ["prefixItems", "items"];
    let positional =
        positional.iter().find_map(|keyword| schema.get(keyword)?.as_array()?.get(index));
    match positional {
        Some(element) => vec![element],
        None => {
            let rest = ["items", "additionalItems", "unevaluatedItems"];
            rest.iter()
                .filter_map(|keyword| schema.get(keyword))
                .filter(|v| !v.is_array())
                .collect()
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn secret(schema: &Value, path: &[&str]) -> bool {
        Walker::new(schema).is_secret(path.iter().copied())
    }

    #[test]
    fn secrets_are_found_through_every_keyword() {
        let s = json!({"x-secret": true});
        for schema in [
            json!({"properties": {"a": s}}),
            json!({"additionalProperties": s}),
            json!({"patternProperties": {"^z": s}}),
            json!({"allOf": [{"properties": {"a": s}}]}),
            json!({"if": {}, "then": {"properties": {"a": s}}}),
            json!({"$ref": "#/$defs/x%20y", "$defs": {"x y": {"properties": {"a": s}}}}),
            json!({"properties": {"a": {"oneOf": [{"$ref": "#/$defs/s"}]}}, "$defs": {"s": s}}),
        ] {
            assert!(secret(&schema, &["a"]), "{schema}");
            assert!(secret(&schema, &["a", "below"]), "{schema}");
            assert!(!secret(&schema, &[]), "{schema}");
        }
    }

    #[test]
    fn elements_by_position_and_rest() {
        let schema = json!({"prefixItems": [{}], "items": {"x-secret": true}});
        assert!(!secret(&schema, &["0"]) && secret(&schema, &["1"]));
        let old = json!({"items": [{"x-secret": true}], "additionalItems": false});
        assert!(secret(&old, &["0"]) && !secret(&old, &["1"]));
    }

    #[test]
    fn circles_end() {
        let schema = json!({"$ref": "#", "allOf": [{"$ref": "#"}, {"$ref": "#/nowhere"}]});
        assert!(!secret(&schema, &["a", "b"]));
    }
}
