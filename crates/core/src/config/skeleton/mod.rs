//! A commented configuration, from a schema.

mod describe;
mod render;
mod view;

use self::view::View;
use super::format::Format;
use super::node::{Data, Map, Node};
use crate::diagnostic::Diagnostic;

/// How many keys are written at most: definitions that refer to each other multiply.
const MAX_KEYS: usize = 5_000;
/// How deeply maps are written out.
const MAX_LEVELS: usize = 24;
/// How many elements a list is filled with, at most.
const MAX_ELEMENTS: usize = 8;

/// Returns a configuration to start from, in the order of `schema`, which is the text of a JSON
/// Schema as [`parse`](super::parse) reads it.
///
/// Each property has its title, its description, and what its value may be, in comments above it.
/// Required properties are there, filled with their default, their first example, or the plainest
/// value of their type for the operator to fill in; all others are commented out by a `#` right
/// before their text, so that they differ from prose, which is after `# `. In JSON, which knows no
/// comments, only the required ones are written.
///
/// References are followed within the document. Of `anyOf` and `oneOf`, the first form is shown.
///
/// # Errors
/// One diagnostic for each default or example that `format` cannot write.
pub fn skeleton(schema: &Node, format: Format) -> Result<String, Vec<Diagnostic>> {
    let mut builder = Builder { root: schema, format, open: Vec::new(), keys: 0 };
    let view = View::new(schema, schema);
    let entries = builder.entries(&view, None);
    render::render(&describe::heading(&view), &entries, format)
}

/// A key with what is written about it.
struct Entry {
    name: String,
    comments: Vec<String>,
    /// Whether it is in force, not commented out.
    active: bool,
    body: Body,
}

enum Body {
    Value(Node),
    Table(Vec<Entry>),
}

struct Builder<'s> {
    root: &'s Node,
    format: Format,
    /// The schemas above, so that one that contains itself ends.
    open: Vec<&'s Node>,
    keys: usize,
}

impl<'s> Builder<'s> {
    /// Returns the entries of a map of which `view` speaks; `given` is the default for all of it.
    fn entries(&mut self, view: &View<'s>, given: Option<&Map>) -> Vec<Entry> {
        let mut entries = Vec::new();
        let required = view.required();
        let properties = view.properties();
        for &(name, schema) in &properties {
            let view = View::new(self.root, schema);
            let given = given.and_then(|map| map.get(name));
            let is_required = required.contains(&name);
            if view.is_nothing() || (!is_required && view.is_deprecated()) {
                continue;
            }
            let comments = describe::comments(&view, is_required);
            let active = is_required || given.is_some();
            let body = self.body(&view, given);
            entries.push(Entry { name: name.to_owned(), comments, active, body });
        }
        let unnamed = |(name, _): &(&String, &Node)| !properties.iter().any(|(n, _)| n == name);
        for (name, node) in given.into_iter().flatten().filter(unnamed) {
            let body = self.plain(node);
            entries.push(Entry { name: name.clone(), comments: Vec::new(), active: true, body });
        }
        entries
    }

    fn body(&mut self, view: &View<'s>, given: Option<&Node>) -> Body {
        self.keys += 1;
        let value = given.or_else(|| view.value()).filter(|node| self.can_write(node));
        let is_table = value.map_or(view.is_map(), |node| node.as_map().is_some());
        if !is_table {
            return Body::Value(value.map_or_else(|| self.sample(view), clean));
        }
        if self.keys > MAX_KEYS || self.open.len() >= MAX_LEVELS || view.contains_any(&self.open) {
            return Body::Table(Vec::new());
        }
        let before = self.open.len();
        self.open.extend(view.first());
        let entries = self.entries(view, value.and_then(Node::as_map));
        self.open.truncate(before);
        Body::Table(entries)
    }

    /// Returns a value of which no schema speaks.
    fn plain(&mut self, node: &Node) -> Body {
        self.keys += 1;
        let Some(map) = node.as_map() else { return Body::Value(clean(node)) };
        let entry = |(name, node): (&String, &Node)| Entry {
            name: name.clone(),
            comments: Vec::new(),
            active: true,
            body: self.plain(node),
        };
        Body::Table(map.iter().map(entry).collect())
    }

    /// TOML has no null: a default of null says nothing there.
    fn can_write(&self, node: &Node) -> bool {
        self.format != Format::Toml || !matches!(node.data, Data::Null)
    }

    /// Returns the plainest value that `view` might allow.
    fn sample(&mut self, view: &View<'s>) -> Node {
        let data = match view.kind() {
            "integer" => view.least(true),
            "number" => view.least(false),
            "boolean" => Data::Bool(false),
            "array" => Data::List(self.elements(view)),
            "object" => Data::Map(Box::default()),
            "null" if self.format != Format::Toml => Data::Null,
            _ => Data::String(String::new()),
        };
        Node::new(data, view.origin())
    }

    fn elements(&mut self, view: &View<'s>) -> Vec<Node> {
        let count = view.least_elements().min(MAX_ELEMENTS);
        let ends = count == 0 || self.open.len() >= MAX_LEVELS || view.contains_any(&self.open);
        let Some(items) = view.items().filter(|_| !ends) else { return Vec::new() };
        let before = self.open.len();
        self.open.extend(view.first());
        let element = self.element(&View::new(self.root, items));
        self.open.truncate(before);
        vec![element; count]
    }

    fn element(&mut self, view: &View<'s>) -> Node {
        match self.body(view, None) {
            Body::Value(node) => node,
            Body::Table(entries) => render::active(&entries, &view.origin()),
        }
    }
}

/// Returns the value without its key in the schema.
fn clean(node: &Node) -> Node {
    Node { key: None, ..node.clone() }
}

#[cfg(test)]
mod tests;
