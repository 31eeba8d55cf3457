//! Values as TOML text.

use toml_edit::{Key, Value};

use super::super::super::emit::emit;
use super::super::super::format::Format;
use super::super::super::node::{Data, Map, Node};
use super::super::tree::Tree;
use super::super::{Content, Refusal};

/// Returns `name` as a key, quoted if need be.
pub(super) fn key(name: &str) -> String {
    Key::new(name).to_string()
}

/// Returns `path` as a dotted key.
pub(super) fn dotted(path: &[&str]) -> String {
    path.iter().map(|name| key(name)).collect::<Vec<_>>().join(".")
}

/// Returns `data` on one line.
pub(super) fn inline(data: &Data) -> Result<String, Refusal> {
    Ok(match data {
        Data::Null => return Err(Refusal::new("TOML has no null").hint("remove the key instead")),
        Data::Bool(flag) => flag.to_string(),
        Data::Integer(number) => match i64::try_from(*number) {
            Ok(number) => number.to_string(),
            Err(_) => return Err(Refusal::new("it is too large an integer for TOML")),
        },
        Data::Float(number) => Value::from(*number).to_string(),
        Data::String(text) => string(text),
        Data::List(list) => {
            let elements = list.iter().map(|node| inline(&node.data));
            format!("[{}]", elements.collect::<Result<Vec<_>, _>>()?.join(", "))
        }
        Data::Map(map) if map.is_empty() => "{}".to_owned(),
        Data::Map(map) => {
            let entry = |(name, node): (&String, &Node)| {
                Ok(format!("{} = {}", key(name), inline(&node.data)?))
            };
            format!("{{ {} }}", map.iter().map(entry).collect::<Result<Vec<_>, _>>()?.join(", "))
        }
    })
}

fn string(text: &str) -> String {
    Value::from(text).to_string()
}

/// Returns `new`, a string in the quotes that `old` has where they can hold it.
pub(super) fn like(new: String, old: &str, content: &Content<'_>) -> String {
    let Content::Value(Node { data: Data::String(text), .. }) = content else { return new };
    let literal = old.starts_with('\'') && !old.starts_with("'''");
    let plain = !text.contains(|c: char| c == '\'' || c.is_control());
    let basic = old.starts_with('"') && !old.starts_with("\"\"\"");
    if literal && plain {
        return format!("'{text}'");
    }
    let simple = !text.contains(|c: char| matches!(c, '"' | '\\') || c.is_control());
    if basic && simple { format!("\"{text}\"") } else { new }
}

/// Returns `value` as an item of `tree`.
pub(super) fn item(tree: &Tree, name: &str, value: &str) -> String {
    match (tree.is_map(), tree.items.is_empty()) {
        (false, _) => value.to_owned(),
        (true, false) => format!("{} = {value}", key(name)),
        (true, true) => format!(" {} = {value} ", key(name)),
    }
}

/// Tells whether `node` is written under headers of its own.
pub(super) fn is_table(node: &Node) -> bool {
    match &node.data {
        Data::Map(_) => true,
        Data::List(list) => !list.is_empty() && list.iter().all(|node| node.as_map().is_some()),
        _ => false,
    }
}

/// Returns `node` under the header `names`, or the header of the table around it.
pub(super) fn table(names: &[&str], node: &Node) -> Result<String, Refusal> {
    emitted(&wrapped(names, node.clone()))
}

/// Returns `node` as an element of the list of tables `names`.
pub(super) fn element(names: &[&str], node: &Node) -> Result<String, Refusal> {
    let list = Node::new(Data::List(vec![node.clone()]), node.origin.clone());
    emitted(&wrapped(names, list))
}

fn wrapped(names: &[&str], node: Node) -> Node {
    names.iter().rev().fold(node, |node, name| {
        let origin = node.origin.clone();
        let map: Map = [((*name).to_owned(), node)].into_iter().collect();
        Node::new(Data::Map(Box::new(map)), origin)
    })
}

fn emitted(root: &Node) -> Result<String, Refusal> {
    emit(root, Format::Toml).map_err(|errors| {
        let message = errors.into_iter().next().map(|error| error.message);
        Refusal::new(message.unwrap_or_else(|| "TOML cannot write it".to_owned()))
    })
}
