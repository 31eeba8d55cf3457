//! A first schema, from the configuration that there is.

use std::collections::BTreeMap;

use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::node::{Data, Node};

const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";

/// How deep the schema looks: each level takes two of the levels that a schema may be nested.
const LEVELS: usize = 50;

/// The formats that texts are taken to have, the most telling first, and how they look at least.
const FORMATS: [(&str, &str); 5] =
    [("date-time", "T"), ("ipv4", "."), ("ipv6", ":"), ("uri", "://"), ("email", "@")];

/// Returns a JSON Schema (draft 2020-12) that each of `samples` satisfies: whole configurations,
/// such as one for each environment.
///
/// Types are those that occur; a property is required if no map lacks it; keys that do not occur are
/// not allowed, except where a map is empty everywhere. A text has a format only if all texts at its
/// place have it. Values are not listed (`enum`), and secrets are marked `x-secret`.
#[must_use]
pub fn infer<'n>(samples: impl IntoIterator<Item = &'n Node>) -> Value {
    let formats = Formats::new();
    let mut shape = Shape::default();
    for sample in samples {
        shape.add(sample, LEVELS, &formats);
    }
    let mut schema = shape.into_schema(&formats);
    schema.insert("$schema".to_owned(), json!(DIALECT));
    Value::Object(schema)
}

/// What was seen at one place of the samples.
#[derive(Default)]
struct Shape {
    null: bool,
    boolean: bool,
    integer: bool,
    float: bool,
    secret: bool,
    /// Deeper than the schema looks.
    unknown: bool,
    texts: Option<Texts>,
    elements: Option<Box<Shape>>,
    maps: Option<Maps>,
}

/// Which of the formats all texts have.
struct Texts([bool; FORMATS.len()]);

#[derive(Default)]
struct Maps {
    count: usize,
    properties: BTreeMap<String, (usize, Shape)>,
}

impl Shape {
    fn add(&mut self, node: &Node, levels: usize, formats: &Formats) {
        self.secret |= node.is_secret();
        match &node.data {
            Data::Null => self.null = true,
            Data::Bool(_) => self.boolean = true,
            Data::Integer(_) => self.integer = true,
            Data::Float(_) => self.float = true,
            Data::String(text) => {
                let texts = self.texts.get_or_insert(Texts([true; FORMATS.len()]));
                formats.narrow(texts, text);
            }
            _ if levels == 0 => self.unknown = true,
            Data::List(list) => {
                let elements = self.elements.get_or_insert_default();
                list.iter().for_each(|node| elements.add(node, levels - 1, formats));
            }
            Data::Map(map) => {
                let maps = self.maps.get_or_insert_default();
                maps.count += 1;
                for (name, node) in map.iter() {
                    let (count, shape) = maps.properties.entry(name.clone()).or_default();
                    *count += 1;
                    shape.add(node, levels - 1, formats);
                }
            }
        }
    }

    fn into_schema(self, formats: &Formats) -> Map<String, Value> {
        let mut schema = Map::new();
        if self.secret {
            schema.insert("x-secret".to_owned(), json!(true));
        }
        if self.unknown {
            return schema;
        }
        match self.types().as_slice() {
            [] => {}
            [one] => drop(schema.insert("type".to_owned(), json!(one))),
            several => drop(schema.insert("type".to_owned(), json!(several))),
        }
        if let Some(format) = self.texts.as_ref().and_then(Texts::format) {
            schema.insert("format".to_owned(), json!(format));
        }
        if let Some(elements) = self.elements {
            let items = elements.into_schema(formats);
            if !items.is_empty() {
                schema.insert("items".to_owned(), Value::Object(items));
            }
        }
        if let Some(maps) = self.maps {
            maps.add_to(&mut schema, formats);
        }
        schema
    }

    fn types(&self) -> Vec<&'static str> {
        let seen = [
            ("object", self.maps.is_some()),
            ("array", self.elements.is_some()),
            ("string", self.texts.is_some()),
            ("number", self.float),
            ("integer", self.integer && !self.float),
            ("boolean", self.boolean),
            ("null", self.null),
        ];
        seen.into_iter().filter(|(_, seen)| *seen).map(|(name, _)| name).collect()
    }
}

impl Maps {
    fn add_to(self, schema: &mut Map<String, Value>, formats: &Formats) {
        if self.properties.is_empty() {
            return;
        }
        let always = |(count, _): &(usize, Shape)| *count == self.count;
        let required = self.properties.iter().filter(|(_, seen)| always(seen));
        let required: Vec<String> = required.map(|(name, _)| name.clone()).collect();
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        let property = |(name, (_, shape)): (String, (usize, Shape))| {
            let mut property = shape.into_schema(formats);
            if let Some(title) = title(&name) {
                property.insert("title".to_owned(), json!(title));
            }
            (name, Value::Object(property))
        };
        let properties: Map<String, Value> = self.properties.into_iter().map(property).collect();
        schema.insert("properties".to_owned(), Value::Object(properties));
        schema.insert("additionalProperties".to_owned(), json!(false));
    }
}

impl Texts {
    fn format(&self) -> Option<&'static str> {
        let found = FORMATS.iter().zip(self.0).find(|(_, all)| *all);
        found.map(|((name, _), _)| *name)
    }
}

/// Tells which formats a text has, in the eyes of the validator that the schema is for.
struct Formats(Vec<Option<Validator>>);

impl Formats {
    fn new() -> Self {
        let validator = |(name, _): &(&str, &str)| {
            let schema = json!({"$schema": DIALECT, "format": name});
            jsonschema::options().should_validate_formats(true).build(&schema).ok()
        };
        Self(FORMATS.iter().map(validator).collect())
    }

    /// Leaves those formats that `text` has too.
    fn narrow(&self, texts: &mut Texts, text: &str) {
        for ((has, validator), (_, sign)) in texts.0.iter_mut().zip(&self.0).zip(FORMATS) {
            let valid = |validator: &Validator| validator.is_valid(&json!(text));
            *has = *has && text.contains(sign) && validator.as_ref().is_some_and(valid);
        }
    }
}

/// Returns the words of a key: `maxIdle_conns` is "Max idle conns". Nothing for one without letters.
fn title(key: &str) -> Option<String> {
    let mut words = String::new();
    let mut before = ' ';
    for c in key.chars() {
        let starts_word = c.is_uppercase() && before.is_lowercase();
        if matches!(c, '_' | '-' | '.' | ' ') || starts_word {
            words.push(' ');
        }
        match c {
            _ if starts_word => words.extend(c.to_lowercase()),
            _ if c.is_alphanumeric() => words.push(c),
            _ => {}
        }
        before = c;
    }
    let words = words.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut chars = words.chars();
    let first = chars.find(|c| c.is_alphabetic())?;
    words.starts_with(first).then(|| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::config::{Configuration, Format, Layer, MergeRules, Origin, Schema, parse};

    fn inferred(samples: &[Value]) -> Value {
        let node = |value| Node::from_json(value, &Origin::of_source("test")).expect("a value");
        let nodes: Vec<Node> = samples.iter().map(node).collect();
        infer(&nodes)
    }

    #[test]
    fn a_schema_of_two_environments() {
        let schema = inferred(&[
            json!({"server": {"host": "10.0.0.1", "port": 80, "tags": ["a"]}, "url": "https://a.example/x", "rate": 1}),
            json!({"server": {"host": "10.0.0.2", "port": 81, "tags": []}, "url": "https://b.example", "rate": 0.5, "maxIdle": null}),
        ]);
        assert_eq!(
            schema,
            json!({
                "$schema": DIALECT,
                "type": "object",
                "additionalProperties": false,
                "required": ["rate", "server", "url"],
                "properties": {
                    "maxIdle": {"title": "Max idle", "type": "null"},
                    "rate": {"title": "Rate", "type": "number"},
                    "server": {
                        "title": "Server",
                        "type": "object",
                        "additionalProperties": false,
                        "required": ["host", "port", "tags"],
                        "properties": {
                            "host": {"title": "Host", "type": "string", "format": "ipv4"},
                            "port": {"title": "Port", "type": "integer"},
                            "tags": {"title": "Tags", "type": "array", "items": {"type": "string"}},
                        },
                    },
                    "url": {"title": "Url", "type": "string", "format": "uri"},
                },
            })
        );
    }

    #[test]
    fn formats_only_where_all_agree() {
        let format = |texts: &[&str]| {
            let samples: Vec<Value> = texts.iter().map(|text| json!({"x": text})).collect();
            inferred(&samples)["properties"]["x"]["format"].clone()
        };
        assert_eq!(format(&["10.0.0.1", "localhost"]), Value::Null);
        assert_eq!(format(&["::1", "fe80::1"]), "ipv6");
        assert_eq!(format(&["2026-01-01T00:00:00Z"]), "date-time");
        assert_eq!(format(&["redis:6379"]), Value::Null);
        assert_eq!(format(&["a@example.org"]), "email");
        assert_eq!(format(&["1.2.3"]), Value::Null);
        assert_eq!(format(&["", "10.0.0.1"]), Value::Null);
    }

    #[test]
    fn several_types_and_open_maps() {
        let schema = inferred(&[json!({"a": 1, "m": {}}), json!({"a": {"b": "x"}, "m": {}})]);
        let a = &schema["properties"]["a"];
        assert_eq!(a["type"], json!(["object", "integer"]));
        assert_eq!(a["required"], json!(["b"]));
        assert_eq!(schema["properties"]["m"], json!({"title": "M", "type": "object"}));
        assert_eq!(inferred(&[]), json!({"$schema": DIALECT}));
    }

    #[test]
    fn secrets_are_marked() {
        let text = r#"{"properties": {"db": {"properties": {"password": {"x-secret": true}}}}}"#;
        let schema = Schema::compile("s.json", text).expect("a schema");
        let layer = Layer { file: "a.yaml", format: Format::Yaml, text: "db: {password: x}" };
        let mut c = Configuration::from_layers(&[layer], &MergeRules::default()).expect("valid");
        schema.mark_secrets(&mut c);
        let schema = infer([c.root()]);
        assert_eq!(schema["properties"]["db"]["properties"]["password"]["x-secret"], true);
    }

    #[test]
    fn keys_become_titles() {
        for (key, words) in [
            ("database_host", Some("Database host")),
            ("maxIdleConns", Some("Max idle conns")),
            ("tls-ca", Some("Tls ca")),
            ("HTTP", Some("HTTP")),
            ("1st", None),
            ("_", None),
            ("", None),
        ] {
            assert_eq!(title(key).as_deref(), words, "{key}");
        }
    }

    #[test]
    fn deep_samples_make_schemas_that_can_be_read() {
        let deep = (0..120).fold(json!(1), |value, level| match level % 2 {
            0 => json!({"a": value}),
            _ => json!([value]),
        });
        let sample =
            Node::from_json(&json!({"x": deep}), &Origin::of_source("test")).expect("valid");
        let schema = serde_json::to_string(&infer([&sample])).expect("JSON");
        assert!(Schema::compile("schema.json", &schema).is_ok());
        assert!(parse(Format::Json, "schema.json", &schema).is_ok());
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            (-1e9..1e9_f64).prop_map(Value::from),
            prop::sample::select(vec![
                "",
                "10.0.0.1",
                "a b",
                "https://x",
                "urn:x:y",
                "2026-01-01T00:00:00Z",
                "::1",
                "x@y",
                "2026-02-30T00:00:00Z"
            ])
            .prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 40, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-c]|\\$ref|a\\.b|é", inner, 0..4)
                    .prop_map(|m| json!(m)),
            ]
        })
    }

    proptest! {
        #[test]
        fn every_sample_satisfies_its_schema(
            samples in prop::collection::vec(prop::collection::btree_map("[a-d]", value(), 0..4), 1..4),
        ) {
            let samples: Vec<Value> = samples.into_iter().map(|sample| json!(sample)).collect();
            let text = serde_json::to_string(&inferred(&samples)).expect("JSON");
            let schema = Schema::compile("schema.json", &text);
            let schema = schema.map_err(|errors| TestCaseError::fail(format!("{errors:?} in {text}")))?;
            for sample in &samples {
                let sample = Node::from_json(sample, &Origin::of_source("test")).expect("a value");
                let sample = Configuration::from_nodes([sample], &MergeRules::default()).expect("a map");
                prop_assert_eq!(schema.validate(&sample), vec![], "{}", text);
            }
        }
    }
}
