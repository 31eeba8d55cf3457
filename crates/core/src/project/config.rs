//! `[config.NAME]`: configurations, as the project file declares them.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::fields::{Item, Shape};
use super::{Located, source};

const CONFIG: Shape = Shape { fields: &["layers", "schema", "append"], later: &[] };
const LAYER: Shape = Shape { fields: &["path", "optional"], later: &[] };

/// `[config.NAME]`: a configuration made of layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSpec {
    /// `layers`: the files it is merged from, in order; a later one wins. At least one.
    pub layers: Vec<Layer>,
    /// `schema`: the file with the JSON Schema that the merged configuration must satisfy.
    pub schema: Option<Located<String>>,
    /// `append`: the dotted keys (`features`, `server.plugins`) whose lists append to those of
    /// earlier layers, where other lists replace them.
    pub append: BTreeSet<String>,
}

/// An entry of `layers`: `"config/app.yaml"`, or `{ path = "…", optional = true }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layer {
    /// `path`: the file, relative to the project and inside it. `${ENVIRONMENT}` and the
    /// environment's variables are not substituted yet; what they make of it must be checked again.
    pub path: Located<String>,
    /// `optional`: whether the file may be missing; `false` unless told otherwise.
    pub optional: bool,
}

/// The formats that a merged configuration can be written in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum ConfigFormat {
    /// YAML 1.2.
    #[default]
    Yaml,
    /// TOML.
    Toml,
    /// JSON.
    Json,
}

impl ConfigFormat {
    /// Every format by the name that the project file uses, which is also the file name extension.
    pub const NAMES: [(&'static str, Self); 3] =
        [("yaml", Self::Yaml), ("toml", Self::Toml), ("json", Self::Json)];

    /// Returns the name of the format.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yaml => "yaml",
            Self::Toml => "toml",
            Self::Json => "json",
        }
    }

    /// Returns the format that the extension of `path` stands for, if it stands for one.
    #[must_use]
    pub fn from_path(path: &str) -> Option<Self> {
        match path.rsplit_once('.')?.1 {
            "yml" => Some(Self::Yaml),
            extension => extension.parse().ok(),
        }
    }
}

impl fmt::Display for ConfigFormat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text names no format of configurations.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown format `{0}`: known are yaml, toml, json")]
pub struct UnknownFormat(pub String);

impl FromStr for ConfigFormat {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::NAMES.into_iter().find(|(name, _)| *name == text);
        found.map(|(_, format)| format).ok_or_else(|| UnknownFormat(text.to_owned()))
    }
}

/// Reads `[config.NAME]`.
pub(super) fn read(item: &Item<'_>, name: &str) -> Option<ConfigSpec> {
    let fields = item.fields(format!("[config.{name}]"), &CONFIG)?;
    let layers = fields
        .require("layers", "[\"config/app.yaml\"]")
        .and_then(|layers| layers.nonempty_list("paths", "name at least one file"))
        .unwrap_or_default();
    Some(ConfigSpec {
        layers: layers.iter().filter_map(read_layer).collect(),
        schema: fields.get("schema").and_then(|schema| source::read(&schema)),
        append: fields.get("append").map(|append| read_append(&append)).unwrap_or_default(),
    })
}

fn read_layer(item: &Item<'_>) -> Option<Layer> {
    if !item.is_table() {
        return Some(Layer { path: source::read(item)?, optional: false });
    }
    let fields = item.fields(item.label(), &LAYER)?;
    let path = fields.require("path", "\"config/app.yaml\"").and_then(|path| source::read(&path));
    let optional = fields.get("optional").and_then(|optional| optional.boolean());
    Some(Layer { path: path?, optional: optional.unwrap_or_default() })
}

fn read_append(item: &Item<'_>) -> BTreeSet<String> {
    let keys = item.list("dotted keys").unwrap_or_default();
    keys.iter().filter_map(Item::text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_are_known_by_name_and_extension() {
        assert_eq!("toml".parse(), Ok(ConfigFormat::Toml));
        assert_eq!(ConfigFormat::Json.to_string(), "json");
        assert_eq!(ConfigFormat::from_path("conf.d/a.yml"), Some(ConfigFormat::Yaml));
        assert_eq!(ConfigFormat::from_path("a.json"), Some(ConfigFormat::Json));
        assert_eq!(ConfigFormat::from_path("app.conf"), None);
        assert!("ini".parse::<ConfigFormat>().is_err());
    }
}
