//! Nodes to text.

use toml_edit::{Array, ArrayOfTables, DocumentMut, InlineTable, Item, Table, Value};

use super::format::Format;
use super::key;
use super::node::{Data, Map, Node};
use crate::diagnostic::Diagnostic;

/// How deeply TOML may be nested: its readers stop at 80 levels.
const MAX_TOML_DEPTH: usize = 64;

/// Returns `root` as text, in order, that [`parse`](super::parse) reads back as the same value.
///
/// Strings that another reader could take for something else (`no`, `1.10`, `0o644`) are quoted.
/// In TOML, scalars go before tables.
///
/// # Errors
/// One diagnostic for each value that `format` cannot write: in TOML, null, integers beyond `i64`,
/// more than 64 levels, and anything but a map at the top. `.env` writes nothing.
pub fn emit(root: &Node, format: Format) -> Result<String, Vec<Diagnostic>> {
    match format {
        Format::Yaml => yaml(root),
        Format::Toml => toml(root),
        Format::Json => json(root),
        Format::Env => Err(vec![only_read(root)]),
    }
}

fn yaml(root: &Node) -> Result<String, Vec<Diagnostic>> {
    let mut options = serde_saphyr::SerializerOptions::default();
    options.compact_list_indent = false;
    options.prefer_block_scalars = false;
    let text = serde_saphyr::to_string_with_options(root, options);
    text.map_err(|error| vec![unwritable(root, Format::Yaml, &error)])
}

fn json(root: &Node) -> Result<String, Vec<Diagnostic>> {
    let text = serde_json::to_string_pretty(root);
    text.map(|text| text + "\n").map_err(|error| vec![unwritable(root, Format::Json, &error)])
}

fn unwritable(root: &Node, format: Format, error: &dyn std::error::Error) -> Diagnostic {
    root.origin.error(format!("cannot be written as {format}: {error}"))
}

fn only_read(root: &Node) -> Diagnostic {
    let hint = "write yaml, toml or json; a template can make an .env of it";
    root.origin.error("configuration is not written as .env").hint(hint)
}

fn toml(root: &Node) -> Result<String, Vec<Diagnostic>> {
    let Some(map) = root.as_map() else {
        let message = format!("top level is {}: TOML needs a map", root.data.kind());
        return Err(vec![root.origin.error(message)]);
    };
    let mut writer = Writer { path: String::new(), depth: 0, problems: Vec::new() };
    let table = writer.table(map);
    if writer.problems.is_empty() {
        Ok(DocumentMut::from(table).to_string())
    } else {
        Err(writer.problems)
    }
}

struct Writer {
    path: String,
    depth: usize,
    problems: Vec<Diagnostic>,
}

impl Writer {
    fn problem(&mut self, node: &Node, message: &str) {
        let message = format!("`{}` {message}", self.path);
        self.problems.push(node.place().error(message));
    }

    /// Returns what `write` makes of the value under `segment`, one level down.
    fn below<T>(&mut self, segment: &str, write: impl FnOnce(&mut Self) -> T) -> T {
        let before = key::push(&mut self.path, segment);
        self.depth += 1;
        let written = write(self);
        self.depth -= 1;
        self.path.truncate(before);
        written
    }

    fn table(&mut self, map: &Map) -> Table {
        let mut table = Table::new();
        let holds_values = map.is_empty() || map.values().any(|node| !is_table(node));
        table.set_implicit(!holds_values);
        for (name, node) in map {
            if let Some(item) = self.below(name, |writer| writer.item(node)) {
                table.insert(name, item);
            }
        }
        table
    }

    fn item(&mut self, node: &Node) -> Option<Item> {
        match &node.data {
            Data::Map(map) if self.depth <= MAX_TOML_DEPTH => Some(Item::Table(self.table(map))),
            Data::List(list) if is_table(node) => {
                let mut tables = ArrayOfTables::new();
                for (index, map) in list.iter().enumerate() {
                    let map = map.as_map().expect("a list of tables has only maps");
                    let mut table = self.below(&index.to_string(), |writer| writer.table(map));
                    table.set_implicit(false);
                    tables.push(table);
                }
                Some(Item::ArrayOfTables(tables))
            }
            _ => self.value(node).map(Item::Value),
        }
    }

    fn value(&mut self, node: &Node) -> Option<Value> {
        match &node.data {
            Data::List(_) | Data::Map(_) if self.depth > MAX_TOML_DEPTH => {
                self.problem(node, "is nested too deeply for TOML");
                None
            }
            Data::Null => {
                self.problem(node, "is null, which TOML cannot write");
                None
            }
            Data::Integer(number) => self.integer(node, *number),
            Data::Bool(flag) => Some(Value::from(*flag)),
            Data::Float(number) => Some(Value::from(*number)),
            Data::String(text) => Some(Value::from(text)),
            Data::List(list) => Some(Value::from(self.array(list))),
            Data::Map(map) => Some(Value::from(self.inline(map))),
        }
    }

    fn integer(&mut self, node: &Node, number: i128) -> Option<Value> {
        let small = i64::try_from(number).ok();
        if small.is_none() {
            self.problem(node, "is too large an integer for TOML");
        }
        small.map(Value::from)
    }

    fn array(&mut self, list: &[Node]) -> Array {
        let mut array = Array::new();
        for (index, node) in list.iter().enumerate() {
            if let Some(value) = self.below(&index.to_string(), |writer| writer.value(node)) {
                array.push(value);
            }
        }
        array
    }

    fn inline(&mut self, map: &Map) -> InlineTable {
        let mut table = InlineTable::new();
        for (name, node) in map {
            if let Some(value) = self.below(name, |writer| writer.value(node)) {
                table.insert(name, value);
            }
        }
        table
    }
}

/// Tells whether the value is written under headers of its own: a map, or a list of maps.
fn is_table(node: &Node) -> bool {
    match &node.data {
        Data::Map(_) => true,
        Data::List(list) => !list.is_empty() && list.iter().all(|node| node.as_map().is_some()),
        _ => false,
    }
}
