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

impl Schema {
    /// Returns the value that a person means who types `text` for the dotted `key`: JSON where that is
    /// what it is and another type than a string may be there, text otherwise. Where the schema says
    /// nothing about the type, a text stays one if `existing`, the value that is there, is one.
    #[must_use]
    pub fn typed(schema: Option<&Self>, key: &str, text: &str, existing: Option<&Node>) -> Value {
        let cursor = schema.and_then(|schema| {
            let mut cursor = schema.cursor();
            super::super::key::split(key)?.iter().for_each(|segment| cursor.enter(segment));
            Some(cursor)
        });
        let by_schema = cursor.and_then(|cursor| cursor.typed(text));
        by_schema.unwrap_or_else(|| match existing {
            Some(Node { data: Data::String(_), substituted: false, untyped: false, .. }) => {
                Value::from(text)
            }
            _ => json_or_text(text),
        })
    }
}

fn json_or_text(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| Value::from(text))
}

/// Returns the types that `schema` names.
fn types(schema: &Value) -> impl Iterator<Item = &str> {
    let named = schema.get("type").into_iter();
    named
        .flat_map(|types| match types {
            Value::Array(several) => several.iter().collect(),
            one => vec![one],
        })
        .filter_map(Value::as_str)
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

    /// Returns what a person means who types `text` here: itself where only a string belongs, or where
    /// it is one of the texts to choose from; nothing where the schema leaves that open.
    fn typed(&self, text: &str) -> Option<Value> {
        let types: Vec<&str> = self.here.iter().flat_map(|schema| types(schema)).collect();
        let chosen = |schema: &&Value| {
            let texts = schema.get("enum").and_then(Value::as_array).into_iter().flatten();
            texts.chain(schema.get("const")).any(|value| value.as_str() == Some(text))
        };
        if self.here.iter().any(chosen)
            || (!types.is_empty() && types.iter().all(|t| *t == "string"))
        {
            return Some(Value::from(text));
        }
        (!types.is_empty()).then(|| json_or_text(text))
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
