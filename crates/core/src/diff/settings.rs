//! Settings, key by key.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{dotenv, ini, yaml};
use crate::change::SettingChange;
use crate::config::MAX_DEPTH;
use crate::toml_depth::too_deep;

/// Keys of one file are at most this long in all, in bytes: a long key above many others is
/// repeated for each.
const MAX_KEYS: usize = 64 << 20;

/// A format whose settings can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SettingsFormat {
    /// YAML 1.2.
    Yaml,
    /// TOML 1.
    Toml,
    /// JSON.
    Json,
    /// Sections of `key = value`.
    Ini,
    /// A unit of systemd: as INI, but `:` belongs to the key, quotes to the value, and a `\` at the
    /// end of a line joins it with the next.
    Unit,
    /// Lines of `KEY=value`, with the quotes and comments of a shell.
    Env,
}

impl SettingsFormat {
    /// Returns the format that the name of the file at `path` tells; `None` for any other file.
    #[must_use]
    pub fn from_path(path: &str) -> Option<Self> {
        let name = path.rsplit('/').next().unwrap_or(path).to_ascii_lowercase();
        if name == "env" || name == ".env" || name.starts_with(".env.") {
            return Some(Self::Env);
        }
        let (_, extension) = name.rsplit_once('.')?;
        Some(match extension {
            "yaml" | "yml" => Self::Yaml,
            "toml" => Self::Toml,
            "json" => Self::Json,
            "ini" | "cfg" => Self::Ini,
            "env" => Self::Env,
            "service" | "socket" | "timer" | "target" | "path" | "mount" | "automount" | "swap"
            | "slice" | "scope" | "network" | "netdev" | "link" | "nspawn" => Self::Unit,
            _ => return None,
        })
    }
}

/// Returns the settings of a file, by dotted key; `None` when it does not parse, or holds no
/// settings but a single value.
///
/// The items of a list are `key.0`, `key.1`…; a key that holds a dot or a quote, or nothing, is
/// quoted; an empty list or map is a value of its own. Numbers and dates that JSON cannot hold are
/// text. Several YAML documents are the items of a list.
#[must_use]
pub fn flatten(format: SettingsFormat, text: &str) -> Option<BTreeMap<String, Value>> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let root = match format {
        SettingsFormat::Yaml => yaml::to_json(text)?,
        SettingsFormat::Toml if too_deep(text, MAX_DEPTH).is_some() => return None,
        SettingsFormat::Toml => toml_to_json(toml::Value::Table(text.parse().ok()?)),
        SettingsFormat::Json => serde_json::from_str(text).ok()?,
        SettingsFormat::Ini => ini::parse(text, ini::Dialect::Ini)?,
        SettingsFormat::Unit => ini::parse(text, ini::Dialect::Unit)?,
        SettingsFormat::Env => Value::Object(dotenv::parse(text)?),
    };
    match root {
        Value::Null => Some(BTreeMap::new()),
        Value::Object(map) if map.is_empty() => Some(BTreeMap::new()),
        Value::Array(items) if items.is_empty() => Some(BTreeMap::new()),
        root @ (Value::Object(_) | Value::Array(_)) => {
            let mut settings = Settings { flat: BTreeMap::new(), left: MAX_KEYS };
            settings.add(String::new(), root)?;
            Some(settings.flat)
        }
        _ => None,
    }
}

/// Returns the settings that differ between `old` and `new`, by dotted key; none when one of them
/// does not parse, as their text then says more.
#[must_use]
pub fn changed(format: SettingsFormat, old: &str, new: &str) -> BTreeMap<String, SettingChange> {
    let (Some(mut old), Some(new)) = (flatten(format, old), flatten(format, new)) else {
        return BTreeMap::new();
    };
    let mut changes = BTreeMap::new();
    for (key, value) in new {
        let before = old.remove(&key);
        if before.as_ref() != Some(&value) {
            changes.insert(key, SettingChange::shown(before, Some(value)));
        }
    }
    let gone = old.into_iter().map(|(key, value)| (key, SettingChange::shown(Some(value), None)));
    changes.extend(gone);
    changes
}

struct Settings {
    flat: BTreeMap<String, Value>,
    /// Bytes of keys that may still be added.
    left: usize,
}

impl Settings {
    /// Adds `value` and all below it at `key`; `None` when that is too much.
    fn add(&mut self, key: String, value: Value) -> Option<()> {
        match value {
            Value::Object(map) if !map.is_empty() => {
                for (name, value) in map {
                    self.add(join(&key, &quoted(&name)), value)?;
                }
            }
            Value::Array(items) if !items.is_empty() => {
                for (index, value) in items.into_iter().enumerate() {
                    self.add(join(&key, &index.to_string()), value)?;
                }
            }
            value => {
                self.left = self.left.checked_sub(key.len())?;
                self.flat.insert(key, value);
            }
        }
        Some(())
    }
}

fn join(parent: &str, name: &str) -> String {
    if parent.is_empty() { name.to_owned() } else { format!("{parent}.{name}") }
}

fn quoted(name: &str) -> String {
    let is_plain = |c: char| !(c == '.' || c == '"' || c.is_control());
    if !name.is_empty() && name.chars().all(is_plain) {
        return name.to_owned();
    }
    Value::from(name).to_string()
}

fn toml_to_json(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => Value::from(number),
        toml::Value::Boolean(on) => Value::Bool(on),
        toml::Value::Datetime(date) => Value::String(date.to_string()),
        toml::Value::Float(number) => float(number),
        toml::Value::Array(items) => items.into_iter().map(toml_to_json).collect(),
        toml::Value::Table(table) => {
            let pairs = table.into_iter().map(|(key, value)| (key, toml_to_json(value)));
            Value::Object(pairs.collect::<Map<_, _>>())
        }
    }
}

/// Returns `number`, as text where JSON has none: `inf`, `-inf` and `nan`.
pub(super) fn float(number: f64) -> Value {
    match serde_json::Number::from_f64(number) {
        Some(number) => Value::Number(number),
        None => Value::String(number.to_string().to_ascii_lowercase()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const FORMATS: [SettingsFormat; 6] = [
        SettingsFormat::Yaml,
        SettingsFormat::Toml,
        SettingsFormat::Json,
        SettingsFormat::Ini,
        SettingsFormat::Unit,
        SettingsFormat::Env,
    ];

    fn flat(format: SettingsFormat, text: &str) -> Value {
        let settings = flatten(format, text).expect("the text parses");
        Value::Object(settings.into_iter().collect())
    }

    #[test]
    fn toml_that_would_overflow_the_stack_is_not_read() {
        let dots = vec!["a"; 79].join(".");
        let text = format!("x = {}1{}", format!("{{{dots} = ").repeat(60), "}".repeat(60));
        assert_eq!(flatten(SettingsFormat::Toml, &text), None);
    }

    #[test]
    fn the_name_of_the_file_tells_the_format() {
        for (path, format) in [
            ("a/app.yaml", Some(SettingsFormat::Yaml)),
            ("app.YML", Some(SettingsFormat::Yaml)),
            ("x.toml", Some(SettingsFormat::Toml)),
            ("x.json", Some(SettingsFormat::Json)),
            ("setup.cfg", Some(SettingsFormat::Ini)),
            ("web.service", Some(SettingsFormat::Unit)),
            (".env", Some(SettingsFormat::Env)),
            ("a/.env.production", Some(SettingsFormat::Env)),
            ("app.env", Some(SettingsFormat::Env)),
            ("etc/env", Some(SettingsFormat::Env)),
            ("nginx.conf", None),
            ("app.yaml/README", None),
            ("yaml", None),
        ] {
            assert_eq!(SettingsFormat::from_path(path), format, "{path}");
        }
    }

    #[test]
    fn yaml_toml_and_json_flatten_alike() {
        let expected =
            json!({"a.b": 1, "a.c.0": "x", "a.c.1": true, "a.\"d.e\"": 1.5, "f": [], "g": {}});
        let yaml = "a:\n  b: 1\n  c: [x, true]\n  d.e: 1.5\nf: []\ng: {}\n";
        let toml = "f = []\ng = {}\n[a]\nb = 1\nc = ['x', true]\n'd.e' = 1.5\n";
        let json = r#"{"a": {"b": 1, "c": ["x", true], "d.e": 1.5}, "f": [], "g": {}}"#;
        assert_eq!(flat(SettingsFormat::Yaml, yaml), expected);
        assert_eq!(flat(SettingsFormat::Toml, toml), expected);
        assert_eq!(flat(SettingsFormat::Json, json), expected);
    }

    #[test]
    fn what_json_cannot_hold_is_text() {
        let toml = "a = inf\nb = -inf\nc = nan\nd = 2026-11-20T10:00:00Z\ne = 07:30:00\n";
        let expected = json!({"a": "inf", "b": "-inf", "c": "nan", "d": "2026-11-20T10:00:00Z", "e": "07:30:00"});
        assert_eq!(flat(SettingsFormat::Toml, toml), expected);
    }

    #[test]
    fn a_list_at_the_root_and_odd_keys_have_names() {
        assert_eq!(
            flat(SettingsFormat::Json, r#"[{"": 1, "a\"b": 2}]"#),
            json!({"0.\"\"": 1, "0.\"a\\\"b\"": 2})
        );
        assert_eq!(flat(SettingsFormat::Json, "\u{feff}{}"), json!({}));
    }

    #[test]
    fn says_what_changed_key_by_key() {
        let old = "port: 80\nhosts: [a, b]\ngone: 1\nsame: x\n";
        let new = "same: x\nhosts: [a, c, d]\nport: '80'\n";
        let changes = changed(SettingsFormat::Yaml, old, new);
        let shown = serde_json::to_value(changes).expect("changes are JSON");
        let expected = json!({
            "gone": {"old": 1, "new": null},
            "hosts.1": {"old": "b", "new": "c"},
            "hosts.2": {"old": null, "new": "d"},
            "port": {"old": 80, "new": "80"},
        });
        assert_eq!(shown, expected);
    }

    #[test]
    fn what_does_not_parse_has_no_settings() {
        for (format, text) in [
            (SettingsFormat::Yaml, "a: [1"),
            (SettingsFormat::Yaml, "just text"),
            (SettingsFormat::Toml, "a = "),
            (SettingsFormat::Json, "{\"a\": 1e999}"),
            (SettingsFormat::Env, "A=\"open"),
        ] {
            assert_eq!(flatten(format, text), None, "{text}");
            assert!(changed(format, text, "").is_empty(), "{text}");
        }
    }

    #[test]
    fn hostile_texts_end() {
        let deep = 100_000;
        assert_eq!(flatten(SettingsFormat::Json, &"[".repeat(deep)), None);
        assert_eq!(flatten(SettingsFormat::Toml, &format!("a = {}", "[".repeat(deep))), None);
        let long = "k".repeat(1 << 20);
        let many = (0..100).map(|n| format!("\"{n}\":1")).collect::<Vec<_>>().join(",");
        assert_eq!(flatten(SettingsFormat::Json, &format!("{{\"{long}\":{{{many}}}}}")), None);
    }

    proptest! {
        #[test]
        fn any_text_ends_in_a_result(text in "(\\PC|[\\[\\]{}=:#;\"'\\\\\n .-]|- |a: |\\[a\\]\n){0,40}") {
            for format in FORMATS {
                prop_assert!(changed(format, &text, &text).is_empty());
            }
        }
    }
}
