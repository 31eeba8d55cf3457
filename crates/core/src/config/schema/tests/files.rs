//! Schemas that are made of several files.

use std::cell::RefCell;

use super::*;
use crate::config::skeleton;

type Files<'f> = [(&'f str, &'f str)];

/// Compiles the first of `files`, which may refer to the others.
fn compiled(files: &Files<'_>) -> Result<Schema, Vec<String>> {
    let read = |name: &str| {
        let found = files.iter().find(|(file, _)| *file == name);
        let missing = || Diagnostic::error(format!("{name} does not exist")).hint("write it");
        found.map(|(_, text)| (*text).to_owned()).ok_or_else(missing)
    };
    let schema = Schema::compile_with(files[0].0, files[0].1, read);
    schema.map_err(|problems| problems.iter().map(ToString::to_string).collect())
}

fn made_of(files: &Files<'_>) -> Schema {
    compiled(files).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn refusal(files: &Files<'_>) -> Vec<String> {
    compiled(files).expect_err("refused")
}

/// Returns path, file and place in it of what `text` does wrong.
fn told(schema: &Schema, text: &str) -> Vec<(String, String, String)> {
    let errors = schema.validate(&configuration(&[("c.yaml", text)]));
    let told =
        errors.into_iter().map(|e| (e.path, e.schema_file.unwrap_or_default(), e.schema_path));
    told.collect()
}

fn says(path: &str, file: &str, pointer: &str) -> (String, String, String) {
    (path.to_owned(), file.to_owned(), pointer.to_owned())
}

const COMMON: &str = "\
$defs:
  port: {type: integer, maximum: 65535}
  server:
    type: object
    additionalProperties: false
    required: [host]
    properties: {host: {type: string}, port: {$ref: '#/$defs/port'}, name: {$ref: '../app.json#/$defs/name'}}
  either: {anyOf: [{type: string}, {type: object, properties: {port: {$ref: '#/$defs/port'}}}]}
";

const APP: &str = r##"{
  "$defs": {"name": {"pattern": "^[a-z]+$"}},
  "properties": {
    "server": {"$ref": "common/types.yaml#/$defs/server"},
    "either": {"$ref": "common/types.yaml#/$defs/either"},
    "name": {"$ref": "#/$defs/name"}
  }
}"##;

#[test]
fn errors_name_the_file_of_the_schema_that_has_the_keyword() {
    let schema = made_of(&[("s/app.json", APP), ("s/common/types.yaml", COMMON)]);
    assert_eq!(schema.files(), ["s/app.json", "s/common/types.yaml"]);
    let text = "name: X\nserver: {port: 70000, name: Y, hots: h}\neither: {port: x}\n";
    let common = "s/common/types.yaml";
    assert_eq!(
        told(&schema, text),
        [
            says("name", "s/app.json", "/$defs/name/pattern"),
            says("server", common, "/$defs/server/required"),
            says("server.port", common, "/$defs/port/maximum"),
            says("server.name", "s/app.json", "/$defs/name/pattern"),
            says("server.hots", common, "/$defs/server/additionalProperties"),
            says("either.port", common, "/$defs/port/type"),
        ]
    );
    let errors = schema.validate(&configuration(&[("c.yaml", text)]));
    assert_eq!(errors[4].hint.as_deref(), Some("did you mean \"host\"?"));
}

#[test]
fn one_file_alone_is_named_too() {
    let schema = made_of(&[("s.json", r#"{"properties": {"a": {"type": "integer"}}}"#)]);
    assert_eq!(told(&schema, "a: x"), [says("a", "s.json", "/properties/a/type")]);
}

#[test]
fn what_else_reads_a_schema_follows_into_files() {
    let app = r##"{"properties": {"db": {"$ref": "db.toml#/$defs/db"}, "log": {"$ref": "db.toml#log"}}}"##;
    let db = r#"
[$defs.db.properties]
password = { type = "string", x-secret = true }
port = { type = "integer", default = 5432 }
old = { deprecated = true, description = "Use port." }
inner = { "$ref" = "deep%20er.json" }
[$defs.log]
"$anchor" = "log"
properties = { level = { enum = ["debug", "info"], default = "info" } }
"#;
    let deeper = r##"{"type": "object", "properties": {"key": {"x-secret": true}}}"##;
    let files = [
        ("app.json", app),
        ("db.toml", &db.replace("$defs.", "\"$defs\".")),
        ("deep er.json", deeper),
    ];
    let schema = made_of(&files);
    let mut c = configuration(&[(
        "c.yaml",
        "db: {password: hunter, port: $1, old: 1, inner: {key: hunter}}\nlog: {}\n",
    )]);
    c.substitute(&mut |text| Ok(text.strip_prefix('$').map(|text| text.to_owned().into())))
        .expect("no error");
    schema.coerce(&mut c);
    schema.mark_secrets(&mut c);
    assert_eq!(c.get("db.port").map(|node| &node.data), Some(&Data::Integer(1)));
    assert!(c.get("db.inner.key").is_some_and(Node::is_secret));
    assert!(!format!("{c:?} {}", c.to_masked_json()).contains("hunter"));
    let deprecated = schema.deprecated(&c);
    assert_eq!(deprecated[0].to_string(), "c.yaml:1:34: `db.old` is deprecated");
    let defaults = schema.defaults(c.root());
    assert_eq!(defaults.to_json(), json!({"db": {"port": 5432}, "log": {"level": "info"}}));
    let level = defaults.child("log").and_then(|log| log.child("level")).expect("a default");
    assert_eq!(level.origin.to_string(), "db.toml:9:62");
    let layer = Configuration::from_nodes([defaults], &MergeRules::default()).expect("merges");
    let origins = layer.origins("log.level");
    assert_eq!((origins[0].layer, origins[0].file.as_str()), (0, "db.toml"));
    assert_eq!(Schema::typed(Some(&schema), "db.password", "80", None), json!("80"));
    let text = skeleton(schema.root(), Format::Yaml).expect("written");
    assert!(text.contains("level: info") && text.contains("#  #port: 5432"), "{text}");
    let layer = crate::config::environment_layer(
        "APP",
        [("APP_DB__PORT".to_owned(), "80".to_owned())],
        Some(&schema),
        None,
    );
    assert_eq!(layer.expect("a layer").to_json(), json!({"db": {"port": 80}}));
}

#[test]
fn each_file_is_read_once_and_circles_end() {
    let asked = RefCell::new(Vec::new());
    let text = |name: &str| {
        format!(r##"{{"properties": {{"a": {{"$ref": "{name}"}}, "b": {{"$ref": "{name}#"}}}}}}"##)
    };
    let schema = Schema::compile_with("a.json", &text("b.json"), |name| {
        asked.borrow_mut().push(name.to_owned());
        Ok(text(if name == "b.json" { "c.json" } else { "a.json" }))
    });
    let schema = schema.expect("compiles");
    assert_eq!(*asked.borrow(), ["b.json", "c.json"]);
    assert_eq!(told(&schema, "a: {a: {a: {a: {}}}}"), []);
    assert_eq!(schema.defaults(&Node::new(Data::Null, Origin::of_source("x"))).data, Data::Null);
    assert!(skeleton(schema.root(), Format::Yaml).is_ok());
}

#[test]
fn identifiers_that_are_paths_move_the_base() {
    let app = r##"{
      "$id": "schemas/app.json",
      "properties": {"a": {"$ref": "types.json"}, "b": {"$ref": "#/$defs/part"}, "c": {"$ref": "part/x.json"}},
      "$defs": {"part": {"$id": "part/x.json", "properties": {"p": {"$ref": "y.json"}, "q": {"$ref": "#/$defs/z"}}, "$defs": {"z": {"type": "null"}}}}
    }"##;
    let schema = made_of(&[
        ("app.json", app),
        ("schemas/types.json", r#"{"type": "integer"}"#),
        ("schemas/part/y.json", r#"{"type": "boolean", "x-secret": true}"#),
    ]);
    assert_eq!(
        told(&schema, "a: x\nb: {p: 1, q: 1}\nc: {p: 1}"),
        [
            says("a", "schemas/types.json", "/type"),
            says("b.p", "schemas/part/y.json", "/type"),
            says("b.q", "app.json", "/$defs/part/$defs/z/type"),
            says("c.p", "schemas/part/y.json", "/type"),
        ]
    );
    let mut c = configuration(&[("c.yaml", "b: {p: 1}")]);
    schema.mark_secrets(&mut c);
    assert!(c.get("b.p").is_some_and(Node::is_secret));
}

#[test]
fn files_with_urls_for_names_are_found_beside_each_other() {
    let app = r#"{"$id": "https://example.com/s/app.json", "properties": {
        "a": {"$ref": "types.json#/$defs/n"}, "b": {"$ref": "https://example.com/s/types.json#n"}}}"#;
    let types = r##"{"$id": "https://example.com/s/types.json",
        "$defs": {"n": {"$anchor": "n", "type": "integer", "x-secret": true}, "back": {"$ref": "app.json"}}}"##;
    let schema = made_of(&[("x/app.json", app), ("x/types.json", types)]);
    let at = |path| says(path, "x/types.json", "/$defs/n/type");
    assert_eq!(told(&schema, "a: x\nb: x"), [at("a"), at("b")]);
    let mut c = configuration(&[("c.yaml", "b: 1")]);
    schema.mark_secrets(&mut c);
    assert!(c.get("b").is_some_and(Node::is_secret));
    let unknown = app.replace("https://example.com/s/types.json", "https://example.com/other.json");
    assert_eq!(
        refusal(&[("x/app.json", &unknown), ("x/types.json", types)]),
        ["x/app.json:2:61: remote `$ref` is not allowed: \"https://example.com/other.json#n\""]
    );
    let part = r#"{"$defs": {"p": {"$id": "https://example.com/p", "$ref": "q.json"}}}"#;
    assert_eq!(
        refusal(&[("a.json", part), ("q.json", "{}")]),
        ["a.json:1:58: remote `$ref` is not allowed: \"q.json\""]
    );
}

#[test]
fn drafts_are_those_of_each_file_or_else_of_the_first() {
    let app = r#"{"$schema": "http://json-schema.org/draft-04/schema#", "properties": {
        "a": {"$ref": "old.json"}, "b": {"$ref": "new.json"}}}"#;
    let old = r#"{"id": "sub/x.json", "minimum": 1, "exclusiveMinimum": true, "properties": {"c": {"$ref": "y.json"}}}"#;
    let new =
        r#"{"$schema": "https://json-schema.org/draft/2020-12/schema", "exclusiveMinimum": 1}"#;
    let schema =
        made_of(&[("app.json", app), ("old.json", old), ("new.json", new), ("sub/y.json", "{}")]);
    assert_eq!(
        told(&schema, "a: 1\nb: 1\n").iter().map(|t| t.1.as_str()).collect::<Vec<_>>(),
        ["old.json", "new.json"]
    );
}

#[test]
fn dynamic_references_are_found_first_in_the_schema_itself() {
    let tree = r##"{"$id": "tree.json", "$dynamicAnchor": "node", "type": "object",
        "properties": {"kids": {"items": {"$dynamicRef": "#node"}}}}"##;
    let strict = r##"{"$dynamicAnchor": "node", "$ref": "tree.json", "properties": {"key": {"x-secret": true}},
        "unevaluatedProperties": false}"##;
    let schema = made_of(&[("strict.json", strict), ("tree.json", tree)]);
    assert_eq!(told(&schema, "kids: [{key: 1}, {other: 1}]").len(), 1);
    let mut c = configuration(&[("c.yaml", "kids: [{kids: [{key: 1}]}]")]);
    schema.mark_secrets(&mut c);
    assert!(c.get("kids.0.kids.0.key").is_some_and(Node::is_secret));
}

#[test]
fn all_that_is_wrong_is_said_in_the_file_that_has_it() {
    let app = "a: {$ref: gone.json}\nb: {$ref: 'broken.json#/x'}\nc: {$ref: /etc/passwd}\nd: {$ref: notes.txt}\ne: {$ref: a b.json}\nf: {$ref: gone.json}\n";
    assert_eq!(
        refusal(&[("s/a.yaml", app), ("s/broken.json", "{\n\"x\": }"), ("s/notes.txt", "{}")]),
        [
            "s/a.yaml:1:11: s/gone.json does not exist",
            "s/a.yaml:3:11: `$ref` with an absolute path is not allowed: \"/etc/passwd\"",
            "s/a.yaml:4:11: s/notes.txt is no .json, .yaml or .toml file",
            "s/a.yaml:5:11: `$ref` is no reference: \"a b.json\"",
            "s/broken.json:2:6: unexpected close brace",
        ]
    );
    let problems = Schema::compile_with("a.json", r#"{"$ref": "b.json"}"#, |_| {
        Err(Diagnostic::error("not UTF-8").in_file("b.json").at(Position { line: 3, column: 1 }))
    });
    assert_eq!(problems.expect_err("refused")[0].to_string(), "b.json:3:1: not UTF-8");
    let app = r#"{"properties": {"a": {"$ref": "b.yaml#/$defs/a"}}, "type": "objekt"}"#;
    let other = "$defs:\n  a: {type: strin}\n";
    assert_eq!(
        refusal(&[("a.json", app), ("b.yaml", other)])
            .iter()
            .map(|text| text.split(": ").next().expect("a place").to_owned())
            .collect::<Vec<_>>(),
        ["a.json:1:60", "b.yaml:2:13"]
    );
}

#[test]
fn what_cannot_be_compiled_is_placed_in_its_file() {
    let app = r##"{"properties": {"a": {"$ref": "b.yaml#/types/a"}, "b": {"pattern": "(?=a)"}}}"##;
    let places = |other: &str| -> Vec<String> {
        let told = refusal(&[("a.json", app), ("b.yaml", other)]);
        told.iter().map(|text| text.splitn(4, ':').take(3).collect::<Vec<_>>().join(":")).collect()
    };
    assert_eq!(places("types:\n  a: {pattern: '('}\n"), ["a.json:1:68", "b.yaml:2:16"]);
    assert_eq!(
        places("types:\n  a: {patternProperties: {'(': {}}}\n"),
        ["a.json:1:68", "b.yaml:2:27"]
    );
    let sound = app.replace("(?=a)", "a");
    let told = refusal(&[("a.json", &sound), ("b.yaml", "types:\n  a: {type: objekt}\n")]);
    assert!(told[0].starts_with("b.yaml:2:13: `type`: \"objekt\""), "{told:?}");
    let told = refusal(&[("a.json", &sound), ("b.yaml", "types: {}\n")]);
    assert_eq!(told, ["a.json:1:31: `$ref` points nowhere: \"b.yaml#/types/a\""]);
    let told = refusal(&[("a.json", r#"{"$ref": "b.yaml#here"}"#), ("b.yaml", "$defs: {}\n")]);
    assert_eq!(told, ["a.json:1:10: `$ref` points nowhere: \"b.yaml#here\""]);
}

#[test]
fn names_and_data_are_no_references() {
    let schema = made_of(&[
        (
            "a.json",
            r#"{"properties": {"$ref": {"type": "string"}, "default": {"$ref": "b.json"}, "$id": {"const": {"$ref": "no.json"}}},
            "default": {"$ref": "none.json"}, "examples": [{"$ref": "none.json"}]}"#,
        ),
        ("b.json", r#"{"type": "integer"}"#),
    ]);
    assert_eq!(told(&schema, "default: x"), [says("default", "b.json", "/type")]);
}

#[test]
fn there_is_an_end_to_how_much_is_read() {
    let next = |name: &str| {
        let number: usize = name.trim_end_matches(".json").parse().unwrap_or(0);
        Ok(format!("{{\"$ref\": \"{}.json\"}}", number + 1))
    };
    let told = Schema::compile_with("0.json", r#"{"$ref": "1.json"}"#, next).expect_err("too many");
    assert_eq!(told[0].to_string(), "999.json:1:10: schema is made of more than 1000 files");
    let long = format!("{{\"description\": \"{}\"}}", "x".repeat(9 << 20));
    let app = r#"{"allOf": [{"$ref": "a.json"}, {"$ref": "b.json"}]}"#;
    let told = Schema::compile_with("s.json", app, |_| Ok(long.clone())).expect_err("too much");
    assert_eq!(told.len(), 1);
    assert_eq!(
        told[0].to_string(),
        "s.json:1:41: files of the schema have more than 16777216 bytes"
    );
}
