//! All that a schema says about one value: itself, what it refers to, and what it is combined of.

use crate::config::node::{Data, Map, Node, Origin};
use crate::config::schema::pointer::follow;

/// How many schemas may speak about one value.
const MAX_PARTS: usize = 64;

/// The schemas that speak about one value, the nearest first.
pub(super) struct View<'s>(Vec<&'s Node>);

impl<'s> View<'s> {
    /// Returns all that `schema`, a part of `root`, says.
    pub(super) fn new(root: &'s Node, schema: &'s Node) -> Self {
        let mut view = Self(Vec::new());
        view.add(root, schema);
        if view.types().is_empty() && view.properties().is_empty() {
            let form = ["anyOf", "oneOf"].iter().find_map(|keyword| view.first_form(keyword));
            if let Some(form) = form {
                view.add(root, form);
            }
        }
        view
    }

    fn add(&mut self, root: &'s Node, schema: &'s Node) {
        if self.0.len() >= MAX_PARTS || self.0.iter().any(|part| std::ptr::eq(*part, schema)) {
            return;
        }
        self.0.push(schema);
        if let Some(referred) = schema.child("$ref").and_then(|node| follow(root, node.as_str()?)) {
            self.add(root, referred);
        }
        for part in schema.child("allOf").and_then(Node::as_list).unwrap_or_default() {
            self.add(root, part);
        }
    }

    /// Returns the first form that is not just null.
    fn first_form(&self, keyword: &str) -> Option<&'s Node> {
        let forms = self.get(keyword)?.as_list()?;
        let is_null = |form: &&Node| form.child("type").and_then(Node::as_str) == Some("null");
        forms.iter().find(|form| !is_null(form)).or(forms.first())
    }

    /// Returns the nearest value of a keyword.
    pub(super) fn get(&self, keyword: &str) -> Option<&'s Node> {
        self.0.iter().find_map(|part| part.child(keyword))
    }

    pub(super) fn text(&self, keyword: &str) -> Option<&'s str> {
        self.get(keyword)?.as_str()
    }

    /// Returns the schema that holds the properties: where a circle would close.
    pub(super) fn first(&self) -> Option<&'s Node> {
        self.0
            .iter()
            .copied()
            .find(|part| part.child("properties").is_some())
            .or(self.0.first().copied())
    }

    pub(super) fn contains_any(&self, open: &[&Node]) -> bool {
        self.0.iter().any(|part| open.iter().any(|above| std::ptr::eq(*part, *above)))
    }

    pub(super) fn origin(&self) -> Origin {
        self.0.first().map_or_else(|| Origin::of_source("schema"), |part| part.origin.clone())
    }

    /// Returns the properties, in order, each once.
    pub(super) fn properties(&self) -> Vec<(&'s str, &'s Node)> {
        let maps = self.0.iter().filter_map(|part| part.child("properties")?.as_map());
        let mut found: Vec<(&'s str, &'s Node)> = Vec::new();
        for (name, schema) in maps.flat_map(Map::iter) {
            if !found.iter().any(|(known, _)| known == name) {
                found.push((name, schema));
            }
        }
        found
    }

    pub(super) fn required(&self) -> Vec<&'s str> {
        let lists = self.0.iter().filter_map(|part| part.child("required")?.as_list());
        lists.flatten().filter_map(Node::as_str).collect()
    }

    /// Tells whether no value is allowed at all.
    pub(super) fn is_nothing(&self) -> bool {
        self.0.iter().any(|part| part.data == Data::Bool(false))
    }

    pub(super) fn is_deprecated(&self) -> bool {
        self.is("deprecated")
    }

    pub(super) fn is(&self, keyword: &str) -> bool {
        self.0.iter().any(|part| part.child(keyword).is_some_and(|n| n.data == Data::Bool(true)))
    }

    /// Returns the types that are named.
    pub(super) fn types(&self) -> Vec<&'s str> {
        match self.get("type") {
            Some(node) => match &node.data {
                Data::String(one) => vec![one],
                Data::List(several) => several.iter().filter_map(Node::as_str).collect(),
                _ => Vec::new(),
            },
            None => Vec::new(),
        }
    }

    /// Returns the type to write: the first that is not null.
    pub(super) fn kind(&self) -> &'s str {
        let types = self.types();
        let named = types.iter().find(|name| **name != "null").or(types.first());
        named.copied().unwrap_or(if self.properties().is_empty() { "" } else { "object" })
    }

    pub(super) fn is_map(&self) -> bool {
        self.kind() == "object"
    }

    /// Returns the value that the schema proposes.
    pub(super) fn value(&self) -> Option<&'s Node> {
        let first = |keyword| self.get(keyword)?.as_list()?.first();
        let single = |keyword| self.get(keyword);
        single("default")
            .or_else(|| single("const"))
            .or_else(|| first("examples"))
            .or_else(|| single("example"))
            .or_else(|| first("enum"))
    }

    /// Returns the value that the elements of a list must be, unless they differ.
    pub(super) fn items(&self) -> Option<&'s Node> {
        self.get("items").filter(|items| items.as_list().is_none())
    }

    pub(super) fn least_elements(&self) -> usize {
        match self.get("minItems").map(|node| &node.data) {
            Some(Data::Integer(count)) => usize::try_from(*count).unwrap_or(0),
            _ => 0,
        }
    }

    /// Returns 0, or a number in the bounds that is near it.
    pub(super) fn least(&self, is_integer: bool) -> Data {
        let bound = |keyword| self.get(keyword).and_then(number);
        let rounded = |number: f64, round: fn(f64) -> f64| {
            if is_integer { round(number) } else { number }
        };
        let mut near = 0.0;
        if let Some(low) = bound("minimum").filter(|low| near < *low) {
            near = rounded(low, f64::ceil);
        }
        if let Some(below) = bound("exclusiveMinimum").filter(|below| near <= *below) {
            near = rounded(below, f64::floor) + 1.0;
        }
        if let Some(high) = bound("maximum").filter(|high| near > *high) {
            near = rounded(high, f64::floor);
        }
        if let Some(above) = bound("exclusiveMaximum").filter(|above| near >= *above) {
            near = rounded(above, f64::ceil) - 1.0;
        }
        let is_whole = near.fract() == 0.0 && near.abs() < 9e15;
        if is_whole { Data::Integer(near as i128) } else { Data::Float(near) }
    }
}

fn number(node: &Node) -> Option<f64> {
    match node.data {
        Data::Integer(number) => Some(number as f64),
        Data::Float(number) => Some(number),
        _ => None,
    }
}
