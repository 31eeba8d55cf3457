//! Environment variables as a layer.

use super::flat::{self, SEPARATOR, Segment, Taken};
use super::format::Format;
use super::node::{Data, Map, Node, Origin};
use super::parse::{self, MAX_DEPTH};
use super::scalar;
use super::schema::{Cursor, Schema};
use crate::diagnostic::Diagnostic;

/// How origins name the whole of the environment.
const SOURCE: &str = "environment variables";

/// Returns the layer that those of `variables` make whose names start with `prefix` and `_`; null
/// when there are none. `{prefix}_DATABASE__HOST` is `database.host`.
///
/// Each segment of a name stands for the key that `schema`, or else `existing`, has at that place,
/// whatever its case and with `_` for each `-` or `.`; for the segment in lower case where there is
/// no such key. Where the schema wants a list or a map, the value is JSON; a boolean or a number
/// where it wants that; text otherwise, in which no variables are substituted.
///
/// The result depends on nothing but the arguments, and not on the order of the variables.
///
/// # Errors
/// All variables that cannot be part of the layer, by name: two for the same key, a value and a map
/// under the same key, a name that stands for several keys, text that is not the JSON wanted. Values
/// are not quoted.
pub fn environment_layer(
    prefix: &str,
    variables: impl IntoIterator<Item = (String, String)>,
    schema: Option<&Schema>,
    existing: Option<&Node>,
) -> Result<Node, Vec<Diagnostic>> {
    let own = |(name, value): (String, String)| {
        let rest = name.strip_prefix(prefix)?.strip_prefix('_')?;
        (!rest.is_empty()).then(|| (rest.to_owned(), name.clone(), value))
    };
    let mut own: Vec<_> = variables.into_iter().filter_map(own).collect();
    own.sort();
    let (mut map, mut problems) = (Map::new(), Vec::new());
    for (rest, name, value) in own {
        let variable = Variable { origin: origin(&name), name, value };
        if let Err(problem) = variable.put(&rest, &mut map, schema, existing) {
            problems.push(problem);
        }
    }
    let data = if map.is_empty() { Data::Null } else { Data::Map(Box::new(map)) };
    let root = Node::new(data, Origin::of_source(SOURCE));
    if problems.is_empty() { Ok(root) } else { Err(problems) }
}

fn origin(name: &str) -> Origin {
    Origin::of_source(format!("environment variable {name}"))
}

struct Variable {
    name: String,
    value: String,
    origin: Origin,
}

impl Variable {
    /// Puts the value under the key that `rest`, the name without the prefix, stands for.
    fn put(
        &self,
        rest: &str,
        map: &mut Map,
        schema: Option<&Schema>,
        existing: Option<&Node>,
    ) -> Result<(), Diagnostic> {
        let mut place = Place { cursor: schema.map(Schema::cursor), existing };
        let mut segments = Vec::new();
        for part in rest.split(SEPARATOR) {
            let key = place.key(part).map_err(|fault| self.error(&fault))?;
            place.enter(&key);
            segments.push(Segment { key, span: None });
        }
        let node = self.node(place.cursor.as_ref())?;
        flat::put(map, &segments, node).map_err(|taken| self.error(&fault(&taken)))
    }

    fn error(&self, fault: &str) -> Diagnostic {
        self.origin.error(format!("`{}` {fault}", self.name))
    }

    fn node(&self, cursor: Option<&Cursor<'_>>) -> Result<Node, Diagnostic> {
        if cursor.is_some_and(Cursor::wants_collection) {
            return self.collection();
        }
        let data = scalar::string(&self.value).map_err(|error| self.error(&error.to_string()))?;
        let mut node = Node::new(data, self.origin.clone());
        if let Some(data) = cursor.and_then(|cursor| cursor.wanted(&node)) {
            node.data = data;
        }
        node.untyped = true;
        node.substituted = true;
        Ok(node)
    }

    fn collection(&self) -> Result<Node, Diagnostic> {
        let mut node =
            parse::parse(Format::Json, &self.origin.file, &self.value).map_err(|errors| {
                let message = errors.first().map(|error| format!(": {}", error.message));
                let hint = "its schema wants a list or a map there: write it as JSON";
                self.error(&format!("is not JSON{}", message.unwrap_or_default())).hint(hint)
            })?;
        self.adopt(&mut node);
        Ok(node)
    }

    /// Places `node` and everything in it at the variable, and keeps it from being expanded.
    fn adopt(&self, node: &mut Node) {
        node.origin = self.origin.clone();
        node.key = None;
        match &mut node.data {
            Data::List(list) => list.iter_mut().for_each(|node| self.adopt(node)),
            Data::Map(map) => map.values_mut().for_each(|node| self.adopt(node)),
            Data::String(_) => node.substituted = true,
            _ => {}
        }
    }
}

fn fault(taken: &Taken) -> String {
    match taken {
        Taken::Twice { first } => format!("sets the same key as {}", first.origin),
        Taken::Conflict { first } => {
            format!("would make a map of a value, or a value of a map, by {}", first.origin)
        }
        Taken::TooDeep => format!("is nested more than {MAX_DEPTH} levels deep"),
    }
}

/// A place in the configuration, as far as it is known.
struct Place<'k> {
    cursor: Option<Cursor<'k>>,
    existing: Option<&'k Node>,
}

impl Place<'_> {
    /// Returns the key that `part` of a name stands for here, or what is wrong with it.
    fn key(&self, part: &str) -> Result<String, String> {
        if part.is_empty() {
            return Err(format!("has nothing before, after or between its `{SEPARATOR}`"));
        }
        let lower = part.to_lowercase();
        let mut fitting = self.of_schema(&lower);
        if fitting.is_empty() {
            fitting = self.of_existing(&lower);
        }
        fitting.sort_unstable();
        fitting.dedup();
        match fitting.as_slice() {
            [] => Ok(lower),
            [key] => Ok((*key).to_owned()),
            several if several.contains(&lower.as_str()) => Ok(lower),
            [one, other, ..] => Err(format!("may stand for `{one}` or `{other}`")),
        }
    }

    fn of_schema(&self, lower: &str) -> Vec<&str> {
        let keys = self.cursor.iter().flat_map(Cursor::keys);
        keys.filter(|key| variable_name(key) == variable_name(lower)).collect()
    }

    fn of_existing(&self, lower: &str) -> Vec<&str> {
        let keys = self.existing.and_then(Node::as_map).into_iter().flat_map(Map::keys);
        let keys = keys.map(String::as_str);
        keys.filter(|key| variable_name(key) == variable_name(lower)).collect()
    }

    fn enter(&mut self, key: &str) {
        if let Some(cursor) = &mut self.cursor {
            cursor.enter(key);
        }
        self.existing = self.existing.and_then(|node| node.child(key));
    }
}

/// Returns `key` as the name of a variable can write it, in lower case.
fn variable_name(key: &str) -> String {
    key.to_lowercase().replace(['-', '.'], "_")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::{Configuration, Layer, MergeRules};
    use super::*;

    const SCHEMA: &str = r##"{"properties": {
        "server": {"$ref": "#/$defs/server"}, "debug": {"type": "boolean"},
        "hosts": {"type": "array"}, "labels": {"type": "object"},
        "either": {"type": ["array", "string"]}, "log-level": {"type": "string"}},
        "$defs": {"server": {"properties": {
            "maxConns": {"type": "integer"}, "rate": {"type": "number"}}}}}"##;

    fn layer(schema: bool, pairs: &[(&str, &str)]) -> Result<Node, Vec<String>> {
        let schema = schema.then(|| Schema::compile("s.json", SCHEMA).expect("compiles"));
        let pairs = pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        environment_layer("APP", pairs, schema.as_ref(), None)
            .map_err(|errors| errors.iter().map(ToString::to_string).collect())
    }

    fn json_of(schema: bool, pairs: &[(&str, &str)]) -> serde_json::Value {
        layer(schema, pairs).expect("a layer").to_json()
    }

    #[test]
    fn names_are_keys_in_each_other() {
        let pairs = [
            ("APP_DATABASE__HOST", "db"),
            ("APP_DATABASE__PORT", "5432"),
            ("APP_MAX_SIZE", ""),
            ("APPLE", "x"),
            ("APP", "x"),
            ("APP_", "x"),
            ("app_x", "x"),
            ("HOME", "/"),
        ];
        let expected = json!({"database": {"host": "db", "port": "5432"}, "max_size": ""});
        assert_eq!(json_of(false, &pairs), expected);
        assert_eq!(json_of(false, &[]), json!(null));
    }

    #[test]
    fn the_schema_gives_keys_and_types() {
        let pairs = [
            ("APP_SERVER__MAXCONNS", "10"),
            ("APP_SERVER__RATE", "1.5"),
            ("APP_DEBUG", "true"),
            ("APP_HOSTS", "[\"a\", {\"b\": 1}]"),
            ("APP_LABELS", "{\"team\": \"x\"}"),
            ("APP_EITHER", "[1]"),
            ("APP_LOG_LEVEL", "0"),
            ("APP_FREE", "1"),
        ];
        let expected = json!({
            "server": {"maxConns": 10, "rate": 1.5}, "debug": true, "hosts": ["a", {"b": 1}],
            "labels": {"team": "x"}, "either": "[1]", "log-level": "0", "free": "1",
        });
        assert_eq!(json_of(true, &pairs), expected);
    }

    #[test]
    fn existing_keys_count_where_the_schema_names_none() {
        let text = "server: {maxConns: 1}\nlabels: {minSize: 1, a_b: 1, a-b: 1, c-d: 1, c.d: 1}";
        let existing = parse::parse(Format::Yaml, "a.yaml", text).expect("parses");
        let set = |name: &str| {
            let pairs = [(name.to_owned(), "5".to_owned())];
            environment_layer("APP", pairs, None, Some(&existing)).map(|node| node.to_json())
        };
        let value = |name| set(name).expect(name);
        assert_eq!(value("APP_SERVER__MAXCONNS"), json!({"server": {"maxConns": "5"}}));
        assert_eq!(value("APP_LABELS__MINSIZE"), json!({"labels": {"minSize": "5"}}));
        assert_eq!(value("APP_LABELS__A_B"), json!({"labels": {"a_b": "5"}}));
        let errors = set("APP_LABELS__C_D").expect_err("two keys");
        let expected =
            "environment variable APP_LABELS__C_D: `APP_LABELS__C_D` may stand for `c-d` or `c.d`";
        assert_eq!(errors[0].to_string(), expected);
    }

    #[test]
    fn each_origin_names_its_variable() {
        let base = Layer { file: "a.yaml", format: Format::Yaml, text: "db: {host: a, port: 1}" };
        let rules = MergeRules::default();
        let c = Configuration::from_layers(&[base], &rules).expect("one layer");
        let node = layer(false, &[("APP_DB__HOST", "${x}"), ("APP_DB__PORT", "2")]).expect("two");
        let mut c = c.with_layer(node, &rules).expect("merges");
        let told = |key: &str, c: &Configuration| {
            let origins = c.origins(key).into_iter();
            origins.map(|o| (o.layer, o.file, o.overridden)).collect::<Vec<_>>()
        };
        let (file, variable) =
            ("a.yaml".to_owned(), "environment variable APP_DB__HOST".to_owned());
        assert_eq!(told("db.host", &c), [(0, file.clone(), true), (1, variable, false)]);
        assert_eq!(told("db", &c), [(0, file, true), (1, SOURCE.to_owned(), false)]);
        assert_eq!(c.files().collect::<Vec<_>>(), ["a.yaml", SOURCE]);
        c.substitute(&mut |_| Ok(Some("expanded".to_owned().into()))).expect("nothing is wrong");
        assert_eq!(c.to_json(), json!({"db": {"host": "${x}", "port": "2"}}));
    }

    #[test]
    fn what_cannot_be_is_told_at_once_without_values() {
        let pairs = [
            ("APP_A", "hunter2"),
            ("APP_A__B", "hunter2"),
            ("APP_C", "hunter2"),
            ("APP_c", "hunter2"),
            ("APP_D____E", "hunter2"),
            ("APP_HOSTS", "[hunter2]"),
            ("APP_LABELS", "{\"a\":1,\"a\":2}"),
        ];
        let errors = layer(true, &pairs).expect_err("five");
        assert_eq!(errors.len(), 5, "{errors:#?}");
        assert!(!errors.join("").contains("hunter2"), "{errors:#?}");
        let starts = ["APP_A__B", "APP_D____E", "APP_HOSTS", "APP_LABELS", "APP_c"];
        for (error, name) in errors.iter().zip(starts) {
            let start = format!("environment variable {name}: `{name}` ");
            assert!(error.starts_with(&start), "{error}");
        }
        assert!(errors[4].ends_with("sets the same key as environment variable APP_C"));
    }
}
