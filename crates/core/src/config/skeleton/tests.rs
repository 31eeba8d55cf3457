use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::config::{Configuration, Layer, MergeRules, Origin, Schema, infer, parse};

fn written_formats() -> impl Iterator<Item = Format> {
    Format::NAMES.into_iter().map(|(_, format)| format).filter(|format| format.is_written())
}

#[test]
fn a_format_that_is_only_read_is_refused() {
    let schema = parse(Format::Json, "s.json", SCHEMA).expect("a schema");
    let errors = skeleton(&schema, Format::Env).expect_err("only read");
    assert_eq!(errors[0].message, "configuration is not written as .env");
}

const SCHEMA: &str = r##"{
  "title": "Shop",
  "description": "How the shop runs.",
  "type": "object",
  "required": ["server", "name", "limits"],
  "additionalProperties": false,
  "properties": {
    "server": {"$ref": "#/$defs/server"},
    "name": {"type": "string", "minLength": 1, "description": "Shown to\ncustomers."},
    "log": {
      "title": "Logging",
      "properties": {
        "level": {"enum": ["debug", "info"], "default": "info"},
        "file": {"type": ["string", "null"], "format": "uri-reference", "default": null}
      },
      "required": ["level"]
    },
    "limits": {"type": "object", "properties": {"rate": {"type": "number", "exclusiveMinimum": 0}}},
    "upstreams": {
      "type": "array", "minItems": 1,
      "items": {"type": "object", "required": ["url"], "properties": {"url": {"type": "string"}, "weight": {"type": "integer"}}}
    },
    "features": {"type": "array", "items": {"type": "string"}, "examples": [["no", "1.10"]]},
    "gone": {"type": "string", "deprecated": true},
    "never": false
  },
  "$defs": {
    "server": {
      "type": "object",
      "required": ["port", "tls"],
      "properties": {
        "host": {"type": "string", "default": "localhost"},
        "port": {"type": "integer", "minimum": 1, "maximum": 65535},
        "tls": {"type": "object", "default": {"enabled": false, "ciphers": ["a"]}, "properties": {"enabled": {"type": "boolean"}, "key": {"type": "string", "x-secret": true}}},
        "backup": {"$ref": "#/$defs/server"}
      }
    }
  }
}"##;

fn schema(text: &str) -> Node {
    parse(Format::Json, "schema.json", text).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn written(text: &str, format: Format) -> String {
    skeleton(&schema(text), format).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn load(text: &str, format: Format) -> Configuration {
    let file = format!("app.{format}");
    Configuration::from_layers(&[Layer { file: &file, format, text }], &MergeRules::default())
        .unwrap_or_else(|problems| panic!("{problems:?} in\n{text}"))
}

/// Returns `text` with all that is commented out in force; prose stays.
fn uncommented(text: &str) -> String {
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for line in &mut lines {
        while let Some(rest) = line.trim_start().strip_prefix('#') {
            let is_prose = rest.starts_with(' ') && !rest.starts_with("  ");
            if is_prose {
                break;
            }
            let indent = line.len() - line.trim_start().len();
            *line = format!("{}{rest}", " ".repeat(indent));
        }
    }
    lines.join("\n") + "\n"
}

#[test]
fn yaml_has_comments_and_values() {
    assert_eq!(
        written(SCHEMA, Format::Yaml),
        "\
# Shop
# How the shop runs.

# required; object
server:
  # string; default \"localhost\"
  #host: localhost

  # required; integer; 1 to 65535
  port: 1

  # required; object
  tls:
    # boolean
    enabled: false

    # string; secret
    #key: \"\"

    ciphers:
      - a

  # object
  #backup: {}

# Shown to
# customers.
# required; string; at least 1 character
name: \"\"

# Logging
#log:
#  # required; one of \"debug\", \"info\"; default \"info\"
#  level: info

#  # string or null (uri-reference); default null
#  #file: null

# required; object
limits: {}
#limits:
#  # number; more than 0
#  #rate: 1

# array; at least 1 element
#upstreams:
#  - url: \"\"

# array
#features:
#  - \"no\"
#  - \"1.10\"
"
    );
}

#[test]
fn toml_has_values_before_tables() {
    assert_eq!(
        written(SCHEMA, Format::Toml),
        "\
# Shop
# How the shop runs.

# Shown to
# customers.
# required; string; at least 1 character
name = \"\"

# array
#features = [\"no\", \"1.10\"]

# required; object
[server]
# string; default \"localhost\"
#host = \"localhost\"

# required; integer; 1 to 65535
port = 1

# required; object
[server.tls]
# boolean
enabled = false

# string; secret
#key = \"\"

ciphers = [\"a\"]

# object
#[server.backup]

# Logging
#[log]
## required; one of \"debug\", \"info\"; default \"info\"
#level = \"info\"

## string or null (uri-reference); default null
##file = \"\"

# required; object
[limits]
# number; more than 0
#rate = 1

# array; at least 1 element
#[[upstreams]]
#url = \"\"
"
    );
}

#[test]
fn json_has_what_is_required() {
    let value: serde_json::Value =
        serde_json::from_str(&written(SCHEMA, Format::Json)).expect("JSON");
    let server = json!({"port": 1, "tls": {"enabled": false, "ciphers": ["a"]}});
    assert_eq!(value, json!({"server": server, "name": "", "limits": {}}));
}

#[test]
fn all_formats_read_back_and_validate_once_filled_in() {
    let schema = Schema::compile("schema.json", SCHEMA).expect("a schema");
    for format in written_formats() {
        let mut configuration = load(&written(SCHEMA, format), format);
        let errors = schema.validate(&configuration);
        assert_eq!(
            errors.iter().map(|e| e.path.as_str()).collect::<Vec<_>>(),
            ["name"],
            "{format}"
        );
        let origin = Origin::of_source("operator");
        configuration.set("name", &json!("shop"), &origin).expect("can be set");
        assert_eq!(schema.validate(&configuration), [], "{format}");
    }
}

#[test]
fn what_is_commented_out_is_right_too() {
    let text = uncommented(&written(SCHEMA, Format::Yaml)).replace("limits: {}\n", "");
    let configuration = load(&text, Format::Yaml);
    for (key, value) in [
        ("log.level", json!("info")),
        ("upstreams", json!([{"url": ""}])),
        ("features", json!(["no", "1.10"])),
        ("limits.rate", json!(1)),
        ("server.host", json!("localhost")),
        ("server.tls.key", json!("")),
    ] {
        assert_eq!(configuration.get(key).map(Node::to_json), Some(value), "{key}");
    }
}

#[test]
fn schemas_that_contain_themselves_end() {
    let circle = r##"{"$ref": "#/$defs/a", "$defs": {"a": {"required": ["next", "list"], "properties": {
        "next": {"$ref": "#/$defs/a"},
        "list": {"type": "array", "minItems": 2, "items": {"$ref": "#/$defs/a"}}
    }}}}"##;
    for format in written_formats() {
        assert!(written(circle, format).len() < 2_000, "{format}");
    }
    let lists = r##"{"$ref": "#/$defs/a", "$defs": {"a": {"type": "object", "required": ["l"], "properties": {
        "l": {"type": "array", "minItems": 3, "items": {"$ref": "#/$defs/a/properties/l"}}}}}}"##;
    assert_eq!(written(lists, Format::Yaml).matches("[]").count(), 3);
    let self_reference = r##"{"properties": {"x": {"$ref": "#/properties/x"}}}"##;
    assert_eq!(written(self_reference, Format::Yaml), "#x: \"\"\n");
}

#[test]
fn schemas_that_multiply_are_cut() {
    let level = |n: usize| {
        let properties: Vec<String> =
            (0..9).map(|i| format!("\"p{i}\": {{\"$ref\": \"#/$defs/d{}\"}}", n + 1)).collect();
        format!("\"d{n}\": {{\"properties\": {{{}}}}}", properties.join(", "))
    };
    let levels: Vec<String> = (0..20).map(level).collect();
    let bomb = format!(
        "{{\"$ref\": \"#/$defs/d0\", \"$defs\": {{{}, \"d20\": {{}}}}}}",
        levels.join(", ")
    );
    assert!(written(&bomb, Format::Yaml).len() < 4 << 20);
}

#[test]
fn forms_names_and_bounds() {
    let text = r#"{"required": ["a", "b.c", "no", "n"], "properties": {
        "a": {"anyOf": [{"type": "null"}, {"type": "integer", "maximum": -5}]},
        "b.c": {"allOf": [{"type": "object"}, {"properties": {"x": {"const": 7}}, "required": ["x"]}]},
        "no": {"type": "boolean"},
        "n": {"type": "number", "minimum": 0.5}
    }}"#;
    let expected = json!({"a": -5, "b.c": {"x": 7}, "no": false, "n": 0.5});
    for format in written_formats() {
        assert_eq!(load(&written(text, format), format).to_json(), expected, "{format}");
    }
}

#[test]
fn hostile_descriptions_stay_comments() {
    let text = r#"{"properties": {"a": {"description": "x\r\nevil: 1\u000bevil: 2\u2028evil: 3\u0085evil: 4"}}}"#;
    assert_eq!(load(&written(text, Format::Yaml), Format::Yaml).to_json(), json!({}));
    assert_eq!(load(&written(text, Format::Toml), Format::Toml).to_json(), json!({}));
}

#[test]
fn what_a_format_cannot_write_is_an_error_at_the_schema() {
    let text = "{\"properties\": {\"a\": {\"default\": 18446744073709551615}}}";
    let problems = skeleton(&schema(text), Format::Toml).expect_err("beyond i64");
    assert_eq!(problems.len(), 1);
    assert_eq!(problems[0].to_string(), "schema.json:1:34: `a` is too large an integer for TOML");
    assert!(skeleton(&schema(text), Format::Yaml).is_ok());
}

fn sample() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        any::<i64>().prop_map(serde_json::Value::from),
        any::<bool>().prop_map(serde_json::Value::from),
        prop::sample::select(vec!["no", "10.0.0.1", "https://x.example/a"]).prop_map(Into::into),
    ];
    let value = leaf.prop_recursive(4, 30, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..3).prop_map(serde_json::Value::from),
            prop::collection::btree_map("[a-c]|\\$ref|a\\.b|é #|no|'|\"", inner, 0..4)
                .prop_map(|map| json!(map)),
        ]
    });
    prop::collection::btree_map("[a-d]|1|x y", value, 0..4).prop_map(|map| json!(map))
}

proptest! {
    #[test]
    fn what_was_inferred_becomes_a_configuration(samples in prop::collection::vec(sample(), 1..3)) {
        let node = |value| Node::from_json(value, &Origin::of_source("test")).expect("a value");
        let samples: Vec<Node> = samples.iter().map(node).collect();
        let text = serde_json::to_string(&infer(&samples)).expect("JSON");
        let compiled = Schema::compile("schema.json", &text).expect("a schema");
        for format in written_formats() {
            let written = written(&text, format);
            for error in compiled.validate(&load(&written, format)) {
                // Texts are to be filled in, and have no format before that.
                prop_assert!(error.schema_path.ends_with("/format"), "{:?} in\n{}", error, written);
            }
        }
    }
}
