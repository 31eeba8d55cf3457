use serde_json::json;

use super::*;
use crate::config::node::Data;
use crate::config::{Format, Layer, MergeRules, Substitution};

mod files;

const SCHEMA: &str = r##"{
  "$schema": "https://json-schema.org/draft/2020-12/schema",
  "type": "object",
  "additionalProperties": false,
  "required": ["name", "server"],
  "properties": {
    "name": {"type": "string", "minLength": 2, "pattern": "^[a-z]+$"},
    "level": {"enum": ["debug", "info", "warn"]},
    "email": {"type": "string", "format": "email"},
    "ratio": {"type": "number", "minimum": 0, "maximum": 1},
    "password": {"type": "string", "minLength": 12, "x-secret": true},
    "tags": {"type": "array", "items": {"type": "string"}, "uniqueItems": true, "maxItems": 3},
    "server": {"$ref": "#/$defs/server"},
    "backend": {"anyOf": [{"$ref": "#/$defs/server"}, {"type": "string", "format": "uri"}]},
    "store": {"oneOf": [
      {"type": "object", "required": ["path"], "properties": {"kind": {"const": "file"}, "path": {"type": "string"}}},
      {"type": "object", "required": ["url"], "properties": {"kind": {"const": "etcd"}, "url": {"type": "string"}}}
    ]},
    "labels": {"type": "object", "propertyNames": {"pattern": "^[a-z]+$"}, "additionalProperties": {"type": "string"}},
    "tree": {"$ref": "#/$defs/tree"}
  },
  "$defs": {
    "server": {
      "type": "object",
      "required": ["host", "port"],
      "additionalProperties": false,
      "properties": {"host": {"type": "string"}, "port": {"type": "integer", "minimum": 1, "maximum": 65535}, "tls": {"type": "boolean"}}
    },
    "tree": {"type": "object", "properties": {"children": {"type": "array", "items": {"$ref": "#/$defs/tree"}}, "leaf": {"type": "integer"}}}
  }
}"##;

fn schema(text: &str) -> Schema {
    Schema::compile("s.json", text).unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn configuration(layers: &[(&str, &str)]) -> Configuration {
    let layers: Vec<_> =
        layers.iter().map(|(file, text)| Layer { file, format: Format::Yaml, text }).collect();
    Configuration::from_layers(&layers, &MergeRules::default())
        .unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn shown(errors: Vec<ValidationError>) -> Vec<String> {
    errors.into_iter().map(|error| Diagnostic::from(error).to_string()).collect()
}

fn messages(text: &str) -> Vec<String> {
    shown(schema(SCHEMA).validate(&configuration(&[("c.yaml", text)])))
}

#[test]
fn valid_is_no_errors() {
    let text = "\
name: shop
level: info
email: a@b.c
ratio: 0.5
password: correct horse battery
tags: [a, b]
server: {host: h, port: 80, tls: true}
backend: https://x/y
store: {kind: file, path: /x}
labels: {a: b}
tree: {children: [{children: [{leaf: 1}]}]}
";
    assert_eq!(messages(text), [""; 0]);
}

#[test]
fn every_mistake_is_reported_at_its_own_line() {
    let text = "\
name: X
level: inof
email: nobody
ratio: 1.5
password: hunter2
tags:
  - a
  - 5
  - a
  - b
server:
  hots: h
  port: '80'
  tls: yes
backend: {host: h, port: 0}
store:
  kind: etcd
  url: 5
labels:
  A1: x
  ok: 5
tree:
  children:
    - leaf: 1
    - children:
        - leaf: deep
unknown: 1
Server: {}
";
    assert_eq!(
        messages(text),
        [
            "c.yaml:1:7: `name`: \"X\" does not match \"^[a-z]+$\"",
            "c.yaml:1:7: `name`: \"X\" is shorter than 2 characters",
            "c.yaml:2:8: `level`: \"inof\" is not one of \"debug\", \"info\" or \"warn\"",
            "c.yaml:3:8: `email`: \"nobody\" is not a \"email\"",
            "c.yaml:4:8: `ratio`: 1.5 is greater than the maximum of 1",
            "c.yaml:5:11: `password`: value is shorter than 12 characters",
            "c.yaml:6:1: `tags`: list has more than 3 items",
            "c.yaml:6:1: `tags`: list has non-unique elements",
            "c.yaml:8:5: `tags.1`: 5 is not of type \"string\"",
            "c.yaml:11:1: `server`: required property \"host\" is missing",
            "c.yaml:12:3: `server.hots`: unknown property \"hots\"",
            "c.yaml:13:9: `server.port`: \"80\" is not of type \"integer\"",
            "c.yaml:14:8: `server.tls`: \"yes\" is not of type \"boolean\"",
            "c.yaml:15:26: `backend.port`: 0 is less than the minimum of 1",
            "c.yaml:18:8: `store.url`: 5 is not of type \"string\"",
            "c.yaml:20:3: `labels.A1`: key \"A1\" does not match \"^[a-z]+$\"",
            "c.yaml:21:7: `labels.ok`: 5 is not of type \"string\"",
            "c.yaml:26:17: `tree.children.1.children.0.leaf`: \"deep\" is not of type \"integer\"",
            "c.yaml:27:1: `unknown`: unknown property \"unknown\"",
            "c.yaml:28:1: `Server`: unknown property \"Server\"",
        ]
    );
}

#[test]
fn hints_name_the_nearest() {
    let errors = schema(SCHEMA).validate(&configuration(&[(
        "c.yaml",
        "name: ok\nlevel: inof\nserver: {hots: h, port: 1, zzzzzz: 1}\nStore: 1\n",
    )]));
    let hints: Vec<_> = errors.iter().map(|e| e.hint.as_deref().unwrap_or("")).collect();
    assert_eq!(
        hints,
        [
            "did you mean \"info\"?",
            "\"hots\" is there: is it a typo?",
            "did you mean \"host\"?",
            "known properties: host, port, tls",
            "did you mean \"store\"?",
        ]
    );
    let told: Vec<_> = errors.iter().map(|e| (e.path.as_str(), e.schema_path.as_str())).collect();
    assert_eq!(told[1], ("server", "/$defs/server/required"));
    assert_eq!(told[2], ("server.hots", "/$defs/server/additionalProperties"));
    let json = serde_json::to_value(&errors[0]).expect("serializes");
    let expected = json!({
        "path": "level", "message": "\"inof\" is not one of \"debug\", \"info\" or \"warn\"",
        "file": "c.yaml", "line": 2, "column": 8, "schema_path": "/properties/level/enum",
        "schema_file": "s.json",
        "hint": "did you mean \"info\"?"
    });
    assert_eq!(json, expected);
}

#[test]
fn errors_stand_in_the_layer_that_made_them() {
    let c = configuration(&[
        ("a.yaml", "name: ok\nserver:\n  host: h\n  port: 1\nratio: 7\n"),
        ("b.yaml", "server: {port: x}\n"),
        ("c.yaml", "ratio: 0.5\ntags: {}\n"),
    ]);
    assert_eq!(
        shown(schema(SCHEMA).validate(&c)),
        [
            "b.yaml:1:16: `server.port`: \"x\" is not of type \"integer\"",
            "c.yaml:2:7: `tags`: map is not of type \"array\"",
        ]
    );
    let c = configuration(&[("a.yaml", ""), ("b.yaml", "name: ok\n")]);
    assert_eq!(
        shown(schema(SCHEMA).validate(&c)),
        ["b.yaml:1:1: required property \"server\" is missing"]
    );
}

#[test]
fn forms_that_nobody_can_guess_are_listed() {
    let errors = schema(SCHEMA).validate(&configuration(&[(
        "c.yaml",
        "name: ok\nserver: {host: h, port: 1}\nbackend: 5\nstore: {kind: other}\n",
    )]));
    assert_eq!(errors[0].message, "5 has none of the 2 allowed forms");
    let hint = errors[0].hint.as_deref();
    assert_eq!(hint, Some("5 is not of type \"object\"; or 5 is not of type \"string\""));
    assert_eq!(errors[1].message, "map has none of the 2 allowed forms");
}

#[test]
fn secrets_and_masked_errors_quote_nothing() {
    let s = schema(
        r#"{"properties": {
            "pin": {"type": "integer", "x-secret": true},
            "auth": {"x-secret": true, "properties": {"key": {"enum": ["hunter"]}, "m": {"type": "string"}}},
            "open": {"type": "integer"}}}"#,
    );
    let c = configuration(&[(
        "c.yaml",
        "pin: s3cr3t\nauth: {key: hunter2, m: {x: s3cr3t}}\nopen: s3cr3t",
    )]);
    let told = shown(s.validate(&c));
    assert_eq!(
        told,
        [
            "c.yaml:1:6: `pin`: value is not of type \"integer\"",
            "c.yaml:2:13: `auth.key`: value is not one of \"hunter\"",
            "c.yaml:2:25: `auth.m`: map is not of type \"string\"",
            "c.yaml:3:7: `open`: \"s3cr3t\" is not of type \"integer\"",
        ]
    );
    let masked = s.validate_masked(&c);
    assert!(masked.iter().all(|e| e.hint.is_none() && !e.message.contains("s3cr3t")));
    assert_eq!(masked[3].message, "value is not of type \"integer\"");
}

#[test]
fn marked_secrets_are_never_shown_again() {
    let s = schema(r#"{"properties": {"db": {"properties": {"password": {"x-secret": true}}}}}"#);
    let mut c = configuration(&[
        ("a.yaml", "db: {password: old-one, host: h}"),
        ("b.yaml", "db: {password: [new-one]}"),
    ]);
    s.mark_secrets(&mut c);
    let everything = format!("{c:?} {} {:?}", c.to_masked_json(), c.origins("db.password"));
    assert!(!everything.contains("-one"), "{everything}");
    assert!(!format!("{:?}", c.origins("db")).contains("-one"));
    assert_eq!(c.to_json(), json!({"db": {"password": ["new-one"], "host": "h"}}));
}

#[test]
fn only_substituted_text_changes_its_type() {
    let s = schema(
        r##"{"properties": {
            "port": {"type": "integer"}, "written": {"type": "integer"}, "ratio": {"type": ["number", "null"]},
            "on": {"type": "boolean"}, "password": {"type": "string"}, "either": {"type": ["string", "integer"]},
            "list": {"items": {"$ref": "#/$defs/n"}}, "bad": {"type": "integer"}, "free": {}},
            "$defs": {"n": {"type": "number"}}}"##,
    );
    let mut c = configuration(&[(
        "c.yaml",
        "port: $80\nwritten: '80'\nratio: $1.50\non: $true\npassword: $0123\neither: $7\nlist: [$1, $x]\nbad: $0123\nfree: $5\n",
    )]);
    c.substitute(&mut |text| Ok(text.strip_prefix('$').map(|text| text.to_owned().into())))
        .expect("no error");
    s.coerce(&mut c);
    assert_eq!(
        c.to_json(),
        json!({
            "port": 80, "written": "80", "ratio": 1.5, "on": true, "password": "0123", "either": "7",
            "list": [1, "x"], "bad": "0123", "free": "5"
        })
    );
    let mut c = configuration(&[("c.yaml", "port: $p")]);
    c.substitute(&mut |_| Ok(Some(Substitution { text: "s3cr3t".into(), secret: true })))
        .expect("no error");
    s.coerce(&mut c);
    assert_eq!(s.validate(&c)[0].message, "value is not of type \"integer\"");
}

fn refused(file: &str, text: &str) -> Vec<String> {
    let errors = Schema::compile(file, text).expect_err("refused");
    errors.iter().map(ToString::to_string).collect()
}

#[test]
fn broken_schemas_are_refused_at_their_lines() {
    let text = "\
type: objekt
properties:
  a: {minLength: -1}
  b:
    required: yes
";
    let told = refused("s.yaml", text);
    let places: Vec<_> = told.iter().map(|t| t.split(": ").next().unwrap_or_default()).collect();
    assert_eq!(places, ["s.yaml:1:7", "s.yaml:3:18", "s.yaml:5:15"], "{told:?}");
    assert_eq!(refused("s.json", "{")[0], "s.json:1:1: unterminated object");
    assert_eq!(refused("s.txt", "{}"), ["s.txt: a schema is a .json, .yaml or .toml file"]);
    assert!(refused("s.json", "[]")[0].starts_with("s.json:1:1: "));
    let told = refused("s.json", "{\"$schema\": \"https://example.com/mine\"}");
    assert_eq!(told, ["s.json:1:13: `$schema` names no known draft of JSON Schema"]);
}

#[test]
fn references_stay_in_the_document() {
    let text = "{\n\"properties\": {\n\"a\": {\"$ref\": \"https://example.com/x.json\"},\n\"b\": {\"$ref\": \"other.json#/x\"},\n\"c\": {\"$ref\": \"file:///etc/passwd\"}}}";
    assert_eq!(
        refused("s.json", text),
        [
            "s.json:3:15: remote `$ref` is not allowed: \"https://example.com/x.json\"",
            "s.json:4:15: `$ref` leads to another file: other.json",
            "s.json:5:15: remote `$ref` is not allowed: \"file:///etc/passwd\"",
        ]
    );
    let told = refused("s.json", "{\"a\": 1,\n\"$ref\": \"#/$defs/none\"}");
    assert_eq!(told, ["s.json:2:9: `$ref` points nowhere: \"#/$defs/none\""]);
    schema(
        r##"{"$id": "https://x/root.json", "$ref": "item.json", "$defs": {"i": {"$id": "item.json"}}}"##,
    );
    schema(r##"{"$ref": "#i", "$defs": {"i": {"$anchor": "i"}}}"##);
    schema(r##"{"const": {"$ref": "https://example.com"}}"##);
}

#[test]
fn references_in_circles_end() {
    let c = configuration(&[("c.yaml", "a: {a: {a: 1}}")]);
    for text in [
        r##"{"$ref": "#"}"##,
        r##"{"allOf": [{"$ref": "#"}]}"##,
        r##"{"anyOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}}"##,
        r##"{"not": {"$ref": "#"}}"##,
        r##"{"properties": {"a": {"$ref": "#"}}, "type": ["object", "integer"]}"##,
    ] {
        if let Ok(schema) = Schema::compile("s.json", text) {
            drop(schema.validate(&c));
        }
    }
}

#[test]
fn patterns_run_in_linear_time() {
    let s = schema(r#"{"properties": {"a": {"pattern": "^(a+)+$"}}}"#);
    let text = format!("a: {}b", "a".repeat(50_000));
    assert_eq!(s.validate(&configuration(&[("c.yaml", &text)])).len(), 1);
    for pattern in ["(?=a)b", r"(a)\\1", "((a{1000}){1000}){1000}"] {
        let text = format!("{{\"properties\":\n {{\"a\": {{\"pattern\": \"{pattern}\"}}}}}}");
        let told = refused("s.json", &text);
        assert_eq!(told, ["s.json:2:20: pattern cannot be used"], "{pattern}");
    }
    assert!(
        refused("s.json", r#"{"properties": {"a": {"pattern": "("}}}"#)[0]
            .starts_with("s.json:1:34")
    );
}

#[test]
fn drafts_are_told_by_their_uri() {
    let draft4 = schema(
        r#"{"$schema": "http://json-schema.org/draft-04/schema#", "properties": {"a": {"minimum": 1, "exclusiveMinimum": true}}}"#,
    );
    assert_eq!(shown(draft4.validate(&configuration(&[("c.yaml", "a: 1")]))).len(), 1);
    for draft in ["draft-06/schema#", "draft-07/schema#"] {
        schema(&format!(r#"{{"$schema": "http://json-schema.org/{draft}", "format": "date"}}"#));
    }
    let latest = schema(
        r#"{"$schema": "https://json-schema.org/draft/2019-09/schema", "properties": {"a": {"format": "ipv4"}}}"#,
    );
    assert_eq!(latest.validate(&configuration(&[("c.yaml", "a: 1.2.3.400")])).len(), 1);
    schema("true");
    assert_eq!(
        shown(schema("false").validate(&configuration(&[("c.yaml", "a: 1")]))),
        ["c.yaml:1:1: nothing is allowed here"]
    );
}

#[test]
fn a_false_property_is_reported_at_its_key() {
    let s = schema(r#"{"properties": {"old": false}}"#);
    assert_eq!(
        shown(s.validate(&configuration(&[("c.yaml", "a: 1\nold: 2")]))),
        ["c.yaml:2:1: `old`: nothing is allowed here"]
    );
}

#[test]
fn a_long_value_is_cut() {
    let s = schema(r#"{"properties": {"a": {"type": "integer"}}}"#);
    let errors = s.validate(&configuration(&[("c.yaml", &format!("a: {}", "é".repeat(500)))]));
    assert!(errors[0].message.chars().count() < 100, "{}", errors[0].message);
}

#[test]
fn deprecated_values_are_warned_of_at_their_key() {
    let schema = r##"{
      "properties": {
        "old": {"deprecated": true, "description": "Use `new`.\nLonger."},
        "hosts": {"items": {"$ref": "#/$defs/host"}},
        "maybe": {"anyOf": [{"deprecated": true, "type": "string"}, {"type": "integer"}]}
      },
      "patternProperties": {"^zz": {"deprecated": true}},
      "$defs": {"host": {"allOf": [{"properties": {"ip": {"deprecated": true}}}]}}
    }"##;
    let schema = Schema::compile("s.json", schema).expect("a schema");
    let text = "maybe: 1\nhosts:\n- {ip: 1}\n- {name: x}\nold: {deep: 1}\nother: 2\n";
    let layer = Layer { file: "a.yaml", format: Format::Yaml, text };
    let c = Configuration::from_layers(&[layer], &MergeRules::default()).expect("merges");
    let found = schema.deprecated(&c);
    let said: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(said, ["a.yaml:3:4: `hosts.0.ip` is deprecated", "a.yaml:5:1: `old` is deprecated"]);
    assert_eq!(found[1].hint.as_deref(), Some("Use `new`."));
    assert!(found.iter().all(|one| one.severity == crate::diagnostic::Severity::Warning));
}

fn with_defaults(schema: &str, text: &str) -> (serde_json::Value, Configuration) {
    let schema = Schema::compile("s.json", schema).expect("a schema");
    let parsed = crate::config::parse(Format::Yaml, "a.yaml", text).expect("parses");
    let rules = MergeRules { null_deletes: true, ..MergeRules::default() };
    let c = Configuration::from_nodes([parsed.clone()], &rules).expect("merges");
    let nodes = [schema.defaults(c.root()), parsed];
    let c = Configuration::from_nodes(nodes, &rules).expect("merges");
    (c.to_json(), c)
}

#[test]
fn defaults_fill_what_is_missing_and_say_where_they_are() {
    let schema = r##"{
      "properties": {
        "port": {"default": 80},
        "log": {"$ref": "#/$defs/log"},
        "tls": {"properties": {"port": {"default": 443}}, "required": ["cert"]},
        "list": {"default": [1], "items": {"default": 9}},
        "whole": {"default": {"a": 1}, "properties": {"a": {"default": 5}, "b": {"default": 2}}},
        "odd": {"default": {"x": 1}},
        "gone": {"default": 1}
      },
      "$defs": {"log": {"allOf": [{"properties": {"level": {"default": "info"}, "log": {"$ref": "#/$defs/log"}}}]}}
    }"##;
    let (value, c) = with_defaults(schema, "log: {}\nodd: text\ngone: null\n");
    let expected = serde_json::json!({
        "port": 80, "log": {"level": "info"}, "list": [1], "whole": {"a": 1, "b": 2}, "odd": "text",
    });
    assert_eq!(value, expected);
    let origins = c.origins("port");
    assert_eq!((origins[0].file.as_str(), origins[0].line), ("s.json", Some(3)));
    assert_eq!(c.origins("gone").len(), 2);
    let (value, _) = with_defaults(schema, "port: 1\nwhole: {b: 7}\ntls: {cert: x}\nlist: []\n");
    let expected = serde_json::json!({
        "port": 1, "list": [], "whole": {"a": 1, "b": 7}, "odd": {"x": 1}, "gone": 1,
        "tls": {"port": 443, "cert": "x"},
    });
    assert_eq!(value, expected);
}

#[test]
fn a_schema_without_defaults_is_no_layer() {
    let schema = Schema::compile("s.json", r##"{"$ref": "#"}"##).expect("a schema");
    let empty = Node::new(Data::Map(Box::default()), Origin::of_source("x"));
    assert_eq!(schema.defaults(&empty).data, Data::Null);
}

#[test]
fn what_is_typed_is_of_the_type_that_belongs_there() {
    let schema = r##"{"properties": {
        "text": {"type": "string"}, "port": {"type": "integer"}, "any": {},
        "both": {"type": ["string", "null"]}, "level": {"enum": ["1", "true", 2]}
    }}"##;
    let schema = Schema::compile("s.json", schema).expect("a schema");
    let existing = Node::new(Data::String("1.10".to_owned()), Origin::of_source("x"));
    for (key, text, there, expected) in [
        ("text", "80", None, json!("80")),
        ("port", "80", None, json!(80)),
        ("port", "x", None, json!("x")),
        ("any", "[1, 2]", None, json!([1, 2])),
        ("any", "two words", None, json!("two words")),
        ("any", "1.11", Some(&existing), json!("1.11")),
        ("both", "null", None, json!(null)),
        ("level", "1", None, json!("1")),
        ("level", "2", None, json!(2)),
        ("unknown.deep", "true", None, json!(true)),
    ] {
        assert_eq!(Schema::typed(Some(&schema), key, text, there), expected, "{key}={text}");
    }
    assert_eq!(Schema::typed(None, "a", "5", None), json!(5));
}
