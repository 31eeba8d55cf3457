//! Two lists under the same key.

use std::collections::HashMap;
use std::fmt::Write;

use super::{ListMerge, Merger, remember, replace};
use crate::config::key;
use crate::config::node::{Change, Data, Earlier, Node};
use crate::diagnostic::Diagnostic;

impl Merger<'_> {
    /// Lays the list `overlay` over the list `base`, by the rule for this place.
    pub(super) fn list(&mut self, base: &mut Node, mut overlay: Node) {
        let rule = self.rules.rule(&self.path);
        if *rule == ListMerge::Replace {
            return replace(base, overlay);
        }
        let (old, new) = (take(base), take(&mut overlay));
        let elements = match rule {
            ListMerge::Replace => new,
            ListMerge::Append => chained(old, new),
            ListMerge::Prepend => chained(new, old),
            ListMerge::Unique => {
                self.joined(old, new, &|node| Some(identity(node)), Same::Replaces)
            }
            ListMerge::By(field) => {
                self.joined(old, new, &|node| identity_by(node, field), Same::Merges)
            }
        };
        combine(base, overlay, elements);
    }

    /// Returns the elements of both, of which those with the same identity have become one.
    fn joined(
        &mut self,
        mut old: Vec<Node>,
        new: Vec<Node>,
        identity: &dyn Fn(&Node) -> Option<String>,
        same: Same,
    ) -> Vec<Node> {
        let found = |(index, node): (usize, &Node)| Some((identity(node)?, index));
        let places: HashMap<_, _> = old.iter().enumerate().rev().filter_map(found).collect();
        for element in new {
            let place = identity(&element).and_then(|identity| places.get(&identity).copied());
            match (place, same) {
                (None, _) => old.push(element),
                (Some(at), Same::Replaces) => replace(&mut old[at], element),
                (Some(at), Same::Merges) => self.element(&mut old[at], at, element),
            }
        }
        old
    }

    fn element(&mut self, base: &mut Node, index: usize, overlay: Node) {
        let before = key::push(&mut self.path, &index.to_string());
        self.node(base, overlay);
        self.path.truncate(before);
    }
}

/// What a later element does to an earlier one with the same identity.
#[derive(Clone, Copy)]
enum Same {
    Replaces,
    Merges,
}

fn take(node: &mut Node) -> Vec<Node> {
    match &mut node.data {
        Data::List(list) => std::mem::take(list),
        _ => Vec::new(),
    }
}

fn chained(mut first: Vec<Node>, then: Vec<Node>) -> Vec<Node> {
    first.extend(then);
    first
}

/// Makes `base` the list of `elements`, to which both it and `overlay` (now empty) contributed.
fn combine(base: &mut Node, overlay: Node, elements: Vec<Node>) {
    let node = std::mem::replace(base, overlay);
    base.data = Data::List(elements);
    remember(base, Earlier { node, change: Change::Combined });
}

/// Makes the list `node` of one layer fit `rule`, and reports what cannot.
pub(super) fn prepare(
    node: &mut Node,
    path: &str,
    rule: &ListMerge,
    problems: &mut Vec<Diagnostic>,
) {
    let Data::List(list) = &mut node.data else { return };
    match rule {
        ListMerge::Replace | ListMerge::Append | ListMerge::Prepend => {}
        ListMerge::Unique => {
            let mut seen = std::collections::HashSet::new();
            list.retain(|element| seen.insert(identity(element)));
        }
        ListMerge::By(field) => check_identities(list, path, field, problems),
    }
}

fn check_identities(list: &[Node], path: &str, field: &str, problems: &mut Vec<Diagnostic>) {
    let mut seen: HashMap<String, &Node> = HashMap::new();
    for (index, element) in list.iter().enumerate() {
        let Some(identity) = identity_by(element, field) else {
            problems.push(without_identity(element, index, path, field));
            continue;
        };
        if let Some(first) = seen.get(&identity) {
            let message = format!(
                "`{path}.{index}` has the `{field}` of an earlier element, at {}",
                first.place()
            );
            let hint = format!("`{path}` merges by `{field}`: give each element another one");
            problems.push(element.place().error(message).hint(hint));
        } else {
            seen.insert(identity, element);
        }
    }
}

fn without_identity(element: &Node, index: usize, path: &str, field: &str) -> Diagnostic {
    let (place, fault) = match element.as_map().map(|map| map.get(field)) {
        None => (element, format!("is {} where a map with", element.data.kind())),
        Some(None) => (element, "has no".to_owned()),
        Some(Some(value)) => (value, format!("has {} as its", value.data.kind())),
    };
    let message = match element.as_map() {
        None => format!("`{path}.{index}` {fault} `{field}` belongs"),
        Some(_) => format!("`{path}.{index}` {fault} `{field}`"),
    };
    let hint = format!("`{path}` merges by `{field}`: give each element a name or a number there");
    place.place().error(message).hint(hint)
}

/// Returns what tells the map `node` from others by `field`; nothing if it has no scalar there.
fn identity_by(node: &Node, field: &str) -> Option<String> {
    let value = node.as_map()?.get(field)?;
    let is_identity = !value.data.is_collection() && !matches!(value.data, Data::Null);
    is_identity.then(|| identity(value))
}

/// Returns a text that is the same for the same values, whatever the order of their keys.
fn identity(node: &Node) -> String {
    let mut text = String::new();
    write_identity(node, &mut text);
    text
}

fn write_identity(node: &Node, out: &mut String) {
    match &node.data {
        Data::Float(number) => {
            let _ = write!(out, "f{}", number.to_bits());
        }
        Data::List(list) => {
            out.push('[');
            list.iter().for_each(|node| {
                write_identity(node, out);
                out.push(',');
            });
            out.push(']');
        }
        Data::Map(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            out.push('{');
            for (key, node) in entries {
                let _ = write!(out, "{key:?}:");
                write_identity(node, out);
                out.push(',');
            }
            out.push('}');
        }
        scalar => {
            let _ = write!(out, "{scalar:?}");
        }
    }
}
