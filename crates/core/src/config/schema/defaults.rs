//! The defaults of a schema, as a layer.

use std::ptr;

use super::pointer;
use crate::config::node::{Data, Map, Node};

/// How many schemas may speak about one value.
const MAX_PARTS: usize = 64;

/// Returns the defaults of `schema` for what `existing` lacks, each placed where the schema writes it;
/// null if there are none.
pub(super) fn defaults(schema: &Node, existing: &Node) -> Node {
    let mut found = Defaults { root: schema, open: Vec::new() }.map(&[schema], Some(existing));
    if let Some(found) = &mut found {
        found.origin = schema.origin.clone();
        literal(found);
    }
    found.unwrap_or_else(|| Node::new(Data::Null, schema.origin.clone()))
}

/// Keeps variables from being substituted in `node`: a default means what it says.
fn literal(node: &mut Node) {
    match &mut node.data {
        Data::List(list) => list.iter_mut().for_each(literal),
        Data::Map(map) => map.values_mut().for_each(literal),
        Data::String(_) => node.substituted = true,
        _ => {}
    }
}

struct Defaults<'s> {
    root: &'s Node,
    /// The schemas above, so that one that contains itself ends.
    open: Vec<&'s Node>,
}

impl<'s> Defaults<'s> {
    /// Returns the defaults of the properties of a map of which `schemas` speak.
    fn map(&mut self, schemas: &[&'s Node], existing: Option<&Node>) -> Option<Node> {
        let parts = self.parts(schemas);
        if parts.iter().any(|part| self.open.iter().any(|above| ptr::eq(*part, *above))) {
            return None;
        }
        let before = self.open.len();
        self.open.extend(&parts);
        let mut map = Map::new();
        for (name, schemas) in properties(&parts) {
            let there = existing.and_then(|node| node.child(name));
            if let Some(node) = self.value(&schemas, there) {
                map.insert(name.to_owned(), node);
            }
        }
        self.open.truncate(before);
        let origin = parts.first()?.origin.clone();
        (!map.is_empty()).then(|| Node::new(Data::Map(Box::new(map)), origin))
    }

    /// Returns the default of one value. Inside a map there are defaults only where the map itself is
    /// there, or is a default: an optional section does not appear for its defaults alone.
    fn value(&mut self, schemas: &[&'s Node], there: Option<&Node>) -> Option<Node> {
        let parts = self.parts(schemas);
        let own = parts.iter().find_map(|part| part.child("default"));
        match (there.map(|node| &node.data), own.map(|node| &node.data)) {
            (Some(Data::Map(_)), None) => self.map(schemas, there),
            (None | Some(Data::Map(_)), Some(Data::Map(_))) => {
                Some(self.filled(own?.clone(), schemas, there))
            }
            (Some(Data::Map(_)), Some(_)) => None,
            (Some(_), Some(Data::Map(_))) | (_, None) => None,
            (_, Some(_)) => own.cloned(),
        }
    }

    /// Returns `own`, the default for a whole map, with the defaults of its properties.
    fn filled(&mut self, mut own: Node, schemas: &[&'s Node], there: Option<&Node>) -> Node {
        let below = self.map(schemas, Some(there.unwrap_or(&own)));
        if let (Data::Map(own), Some(Data::Map(below))) = (&mut own.data, below.map(|n| n.data)) {
            for (name, node) in *below {
                own.entry(name).or_insert(node);
            }
        }
        own
    }

    /// Returns the schemas with what they refer to and all that they consist of.
    fn parts(&self, schemas: &[&'s Node]) -> Vec<&'s Node> {
        let mut parts: Vec<&'s Node> = schemas.to_vec();
        let mut next = 0;
        while let Some(part) = parts.get(next).copied() {
            next += 1;
            let all = part.child("allOf").and_then(Node::as_list).unwrap_or_default();
            let more = self.referred(part).into_iter().chain(all);
            for part in more {
                if parts.len() < MAX_PARTS && !parts.iter().any(|known| ptr::eq(*known, part)) {
                    parts.push(part);
                }
            }
        }
        parts
    }

    /// Returns what a `$ref` to a place in the document refers to.
    fn referred(&self, schema: &Node) -> Option<&'s Node> {
        pointer::follow(self.root, schema.child("$ref")?.as_str()?)
    }
}

/// Returns the properties that `parts` name, in order, each with all that is said about it.
fn properties<'s>(parts: &[&'s Node]) -> Vec<(&'s str, Vec<&'s Node>)> {
    let mut found: Vec<(&'s str, Vec<&'s Node>)> = Vec::new();
    let maps = parts.iter().filter_map(|part| part.child("properties")?.as_map());
    for (name, schema) in maps.flat_map(Map::iter) {
        match found.iter_mut().find(|(known, _)| known == name) {
            Some((_, schemas)) => schemas.push(schema),
            None => found.push((name, vec![schema])),
        }
    }
    found
}
