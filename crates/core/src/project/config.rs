//! `[config.NAME]`: configurations, as the project file declares them.

use std::collections::BTreeSet;

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
