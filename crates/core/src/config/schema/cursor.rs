//! A place in a document, as the schema sees it.

use serde_json::Value;

use super::Schema;
use super::coerce;
use super::walk::Walker;
use crate::config::node::{Data, Node};

/// What the schema says about a place in the document, before there is one.
pub(in crate::config) struct Cursor<'s> {
    walker: Walker<'s>,
    here: Vec<&'s Value>,
}

impl Schema {
    /// Returns what it says about the whole document.
    pub(in crate::config) fn cursor(&self) -> Cursor<'_> {
        let walker = Walker::new(&self.json);
        Cursor { here: walker.start(), walker }
    }
}

impl<'s> Cursor<'s> {
    /// Goes to the child under `segment`.
    pub(in crate::config) fn enter(&mut self, segment: &str) {
        self.here = self.walker.child(&self.here, segment);
    }

    /// Returns the keys that it names at this place.
    pub(in crate::config) fn keys(&self) -> impl Iterator<Item = &'s str> {
        let properties =
            self.here.iter().filter_map(|schema| schema.get("properties")?.as_object());
        properties.flat_map(|properties| properties.keys().map(String::as_str))
    }

    /// Tells whether a list or a map belongs here, and no string.
    pub(in crate::config) fn wants_collection(&self) -> bool {
        let wants = |name| self.here.iter().any(|schema| coerce::allows(schema, name));
        (wants("array") || wants("object")) && !wants("string")
    }

    /// Returns what the text of `node` stands for here, if another type than a string belongs here.
    pub(in crate::config) fn wanted(&self, node: &Node) -> Option<Data> {
        coerce::wanted(node, &self.here)
    }
}
