//! What the schema says about values beyond allowing them.

use serde_json::Value;

use super::walk::{Walker, is_secret};
use crate::config::node::{Data, Node};
use crate::config::scalar;

/// Turns substituted and untyped strings below `root` into the type that the schema wants there.
pub(super) fn coerce(walker: &Walker<'_>, root: &mut Node) {
    if has_untyped(root) {
        visit(walker, &walker.start(), root, &mut |node, schemas| {
            if (node.substituted || node.untyped)
                && let Some(data) = wanted(node, schemas)
            {
                node.data = data;
            }
        });
    }
}

/// Marks the secrets below `root`, with what they replaced.
pub(super) fn mark_secrets(walker: &Walker<'_>, root: &mut Node) {
    visit(walker, &walker.start(), root, &mut |node, schemas| {
        if is_secret(schemas) {
            mark(node);
        }
    });
}

fn has_untyped(node: &Node) -> bool {
    match &node.data {
        Data::List(list) => list.iter().any(has_untyped),
        Data::Map(map) => map.values().any(has_untyped),
        _ => node.substituted || node.untyped,
    }
}

/// Calls `act` with each value at or below `node`, and those that it replaced, with their schemas.
fn visit<'s>(
    walker: &Walker<'s>,
    schemas: &[&'s Value],
    node: &mut Node,
    act: &mut dyn FnMut(&mut Node, &[&'s Value]),
) {
    if schemas.is_empty() {
        return;
    }
    act(node, schemas);
    match &mut node.data {
        Data::List(list) => {
            for (index, node) in list.iter_mut().enumerate() {
                visit(walker, &walker.child(schemas, &index.to_string()), node, act);
            }
        }
        Data::Map(map) => {
            for (key, node) in map.iter_mut() {
                visit(walker, &walker.child(schemas, key), node, act);
            }
        }
        _ => {}
    }
    if let Some(earlier) = node.earlier.as_deref_mut() {
        visit(walker, schemas, &mut earlier.node, act);
    }
}

/// Marks `node`, everything in it and everything it replaced.
fn mark(node: &mut Node) {
    let mut layer = Some(node);
    while let Some(node) = layer {
        node.secret = true;
        match &mut node.data {
            Data::List(list) => list.iter_mut().for_each(mark),
            Data::Map(map) => map.values_mut().for_each(mark),
            _ => {}
        }
        layer = node.earlier.as_deref_mut().map(|earlier| &mut earlier.node);
    }
}

/// Returns the value that the text stands for, if the schemas want that type and not a string.
pub(super) fn wanted(node: &Node, schemas: &[&Value]) -> Option<Data> {
    let text = node.as_str()?;
    let wants = |name: &str| schemas.iter().any(|schema| allows(schema, name));
    if wants("string") {
        return None;
    }
    match text {
        "true" | "false" if wants("boolean") => Some(Data::Bool(text == "true")),
        _ if scalar::is_json_integer(text) && (wants("integer") || wants("number")) => {
            scalar::integer(text, 10).ok()
        }
        _ if scalar::is_json_number(text) && wants("number") => scalar::float(text).ok(),
        _ => None,
    }
}

pub(super) fn allows(schema: &Value, name: &str) -> bool {
    match schema.get("type") {
        Some(Value::String(only)) => only == name,
        Some(Value::Array(several)) => several.iter().any(|one| one == name),
        _ => false,
    }
}
