//! The tables of a project file as a JSON Schema, for editors.

use std::fmt;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value};

use super::ROOT;
use super::shape::{Alternative, Field, Kind, List, Otherwise, Shape, Text};

const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A JSON Schema, which serializes in the order in which people read it; its [`Display`](fmt::Display)
/// is its text.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JsonSchema {
    #[serde(rename = "$schema", skip_serializing_if = "Option::is_none")]
    draft: Option<&'static str>,
    #[serde(rename = "$ref", skip_serializing_if = "Option::is_none")]
    reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<&'static str>,
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(rename = "enum", skip_serializing_if = "<[_]>::is_empty")]
    choices: &'static [&'static str],
    #[serde(skip_serializing_if = "Option::is_none")]
    pattern: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    minimum: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    maximum: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    items: Option<Box<JsonSchema>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_items: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    unique_items: Option<bool>,
    #[serde(skip_serializing_if = "IndexMap::is_empty")]
    properties: IndexMap<&'static str, JsonSchema>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    required: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    property_names: Option<Box<JsonSchema>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_properties: Option<Additional>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    any_of: Vec<JsonSchema>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    one_of: Vec<JsonSchema>,
    #[serde(skip_serializing_if = "Option::is_none")]
    not: Option<Box<JsonSchema>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    default: Option<Value>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    examples: Vec<Value>,
    #[serde(rename = "$defs", skip_serializing_if = "IndexMap::is_empty")]
    definitions: IndexMap<&'static str, JsonSchema>,
}

/// What else may be in a table.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
enum Additional {
    Allowed(bool),
    Like(Box<JsonSchema>),
}

/// Returns the JSON Schema (draft 2020-12) of `windlass.toml`, made of the tables that
/// [`Project::parse`](super::Project::parse) reads it by.
///
/// Whatever it refuses, `Project::parse` refuses too. The other way round it knows the fields, their
/// types, bounds and forms; not what only makes sense in the whole, such as whether a service that is
/// named is declared.
#[must_use]
pub fn json_schema() -> JsonSchema {
    let mut definitions = Definitions::default();
    let root = definitions.table(&ROOT);
    JsonSchema {
        draft: Some(DRAFT),
        title: Some("windlass.toml".to_owned()),
        definitions: definitions.0,
        ..root
    }
}

impl fmt::Display for JsonSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = serde_json::to_string_pretty(self).map_err(|_| fmt::Error)?;
        f.write_str(&text)
    }
}

/// The tables that were described so far.
#[derive(Default)]
struct Definitions(IndexMap<&'static str, JsonSchema>);

impl Definitions {
    fn table(&mut self, shape: &'static Shape) -> JsonSchema {
        let required = shape.fields.iter().filter(|field| field.otherwise == Otherwise::Required);
        JsonSchema {
            title: Some(shape.title.replace('`', "")),
            description: Some(shape.about),
            required: required.map(|field| field.name).collect(),
            properties: shape.fields.iter().map(|field| (field.name, self.field(field))).collect(),
            additional_properties: Some(Additional::Allowed(false)),
            one_of: shape.one_of.iter().map(|one| alternative(one, shape.one_of)).collect(),
            ..of_type("object")
        }
    }

    fn field(&mut self, field: &'static Field) -> JsonSchema {
        let default = match field.otherwise {
            Otherwise::Value(toml) => value(toml),
            _ => None,
        };
        JsonSchema {
            description: Some(field.about),
            default,
            examples: value(field.example).into_iter().collect(),
            ..self.kind(&field.kind)
        }
    }

    fn kind(&mut self, kind: &'static Kind) -> JsonSchema {
        match kind {
            Kind::Text(form) => text(form),
            Kind::Boolean => of_type("boolean"),
            Kind::Whole => of_type("integer"),
            Kind::Integer(bounds) => JsonSchema {
                minimum: Some(*bounds.start()),
                maximum: Some(*bounds.end()),
                ..of_type("integer")
            },
            Kind::Choice(choices) => JsonSchema { choices, ..of_type("string") },
            Kind::List(list) => self.list(list),
            Kind::Map { keys, values } => {
                let values = self.kind(values);
                map(keys, values)
            }
            Kind::Tree { name, leaves } => self.tree(name, leaves),
            Kind::Table(shape) => self.define(shape.name, |all| all.table(shape)),
            Kind::Any(kinds) => {
                let any_of = kinds.iter().map(|kind| self.kind(kind)).collect();
                JsonSchema { any_of, ..JsonSchema::default() }
            }
        }
    }

    fn list(&mut self, list: &'static List) -> JsonSchema {
        JsonSchema {
            items: Some(Box::new(self.kind(&list.of))),
            min_items: (list.least > 0).then_some(list.least),
            unique_items: list.unique.then_some(true),
            ..of_type("array")
        }
    }

    fn tree(&mut self, name: &'static str, leaves: &'static Kind) -> JsonSchema {
        self.define(name, |all| {
            let branches = vec![all.kind(leaves), reference(name)];
            let values = JsonSchema { any_of: branches, ..JsonSchema::default() };
            map(&Text::any("key"), values)
        })
    }

    /// Returns a reference to `name`, which `describe` describes where nobody has yet.
    fn define(
        &mut self,
        name: &'static str,
        describe: impl FnOnce(&mut Self) -> JsonSchema,
    ) -> JsonSchema {
        if !self.0.contains_key(name) {
            self.0.insert(name, JsonSchema::default());
            let described = describe(self);
            self.0.insert(name, described);
        }
        reference(name)
    }
}

fn of_type(kind: &'static str) -> JsonSchema {
    JsonSchema { kind: Some(kind), ..JsonSchema::default() }
}

fn reference(name: &str) -> JsonSchema {
    JsonSchema { reference: Some(format!("#/$defs/{name}")), ..JsonSchema::default() }
}

fn text(form: &Text) -> JsonSchema {
    let not = (!form.except.is_empty())
        .then(|| Box::new(JsonSchema { choices: form.except, ..JsonSchema::default() }));
    JsonSchema { pattern: form.pattern, not, ..of_type("string") }
}

fn map(keys: &Text, values: JsonSchema) -> JsonSchema {
    let keys = keys.pattern.map(|_| Box::new(text(keys)));
    let values = Some(Additional::Like(Box::new(values)));
    JsonSchema { property_names: keys, additional_properties: values, ..of_type("object") }
}

/// Returns the branch in which `one` of `all` is there, and neither another one nor what it refuses.
fn alternative(one: &Alternative, all: &[Alternative]) -> JsonSchema {
    let requires = |field| JsonSchema { required: vec![field], ..JsonSchema::default() };
    let others = all.iter().map(|other| other.field).filter(|other| *other != one.field);
    let refused: Vec<_> = others.chain(one.refuses.iter().copied()).map(requires).collect();
    let not = (!refused.is_empty())
        .then(|| Box::new(JsonSchema { any_of: refused, ..JsonSchema::default() }));
    JsonSchema { not, ..requires(one.field) }
}

/// Returns the value that `toml` writes.
fn value(toml: &str) -> Option<Value> {
    let mut table: Map<String, Value> = toml::from_str(&format!("value = {toml}")).ok()?;
    table.remove("value")
}
