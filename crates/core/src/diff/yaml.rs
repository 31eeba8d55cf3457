//! YAML as JSON, for comparing.

use std::collections::HashMap;

use saphyr::Scalar;
use saphyr_parser::{Event, Parser};
use serde_json::{Map, Value};

use super::settings::float;

/// Collections nest this deep.
const MAX_DEPTH: usize = 128;

/// Aliases add at most this many bytes and values.
const MAX_COPIED: usize = 16 << 20;

/// Returns the document in `text`, several of them as a list; `None` when it does not parse, nests
/// too deep, grows too much by its aliases, repeats a key, or has a key that is itself a
/// collection. A text without a document is null. `<<` is a key like any other.
pub(super) fn to_json(text: &str) -> Option<Value> {
    let mut loader = Loader { left: MAX_COPIED, ..Loader::default() };
    for event in Parser::new_from_str(text) {
        loader.event(event.ok()?.0)?;
    }
    let mut documents = loader.documents;
    if documents.len() > 1 {
        return Some(Value::Array(documents));
    }
    Some(documents.pop().unwrap_or_default())
}

/// Makes values of the parser's events; each step is `None` when the text has no form in JSON.
#[derive(Default)]
struct Loader {
    open: Vec<Collection>,
    anchors: HashMap<usize, Value>,
    documents: Vec<Value>,
    left: usize,
}

/// A list or a map whose end has not come.
struct Collection {
    anchor: usize,
    kind: Kind,
}

enum Kind {
    List(Vec<Value>),
    Map { map: Map<String, Value>, key: Option<String> },
}

impl Loader {
    fn event(&mut self, event: Event<'_>) -> Option<()> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let scalar = Scalar::parse_from_cow_and_metadata(text, style, tag.as_ref())?;
                self.add(scalar_to_json(scalar), anchor)
            }
            Event::Alias(anchor) => {
                let value = self.anchors.get(&anchor)?;
                self.left = self.left.checked_sub(size(value))?;
                let value = value.clone();
                self.add(value, 0)
            }
            Event::SequenceStart(anchor, _) => self.begin(anchor, Kind::List(Vec::new())),
            Event::MappingStart(anchor, _) => {
                self.begin(anchor, Kind::Map { map: Map::new(), key: None })
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            _ => Some(()),
        }
    }

    fn begin(&mut self, anchor: usize, kind: Kind) -> Option<()> {
        self.open.push(Collection { anchor, kind });
        (self.open.len() <= MAX_DEPTH).then_some(())
    }

    fn end(&mut self) -> Option<()> {
        let Collection { anchor, kind } = self.open.pop()?;
        let value = match kind {
            Kind::List(items) => Value::Array(items),
            Kind::Map { map, .. } => Value::Object(map),
        };
        self.add(value, anchor)
    }

    fn add(&mut self, value: Value, anchor: usize) -> Option<()> {
        if anchor != 0 {
            self.left = self.left.checked_sub(size(&value))?;
            self.anchors.insert(anchor, value.clone());
        }
        let Some(collection) = self.open.last_mut() else {
            self.documents.push(value);
            return Some(());
        };
        match &mut collection.kind {
            Kind::List(items) => items.push(value),
            Kind::Map { map, key } => match key.take() {
                None => *key = Some(key_of(value)?),
                Some(name) => {
                    if map.insert(name, value).is_some() {
                        return None;
                    }
                }
            },
        }
        Some(())
    }
}

/// Returns how much a copy of `value` adds.
fn size(value: &Value) -> usize {
    match value {
        Value::String(text) => 1 + text.len(),
        Value::Array(items) => 1 + items.iter().map(size).sum::<usize>(),
        Value::Object(map) => {
            1 + map.iter().map(|(key, value)| key.len() + size(value)).sum::<usize>()
        }
        _ => 1,
    }
}

fn scalar_to_json(scalar: Scalar<'_>) -> Value {
    match scalar {
        Scalar::Null => Value::Null,
        Scalar::Boolean(on) => Value::Bool(on),
        Scalar::Integer(number) => Value::from(number),
        Scalar::FloatingPoint(number) => float(number.into_inner()),
        Scalar::String(text) => Value::from(text.into_owned()),
    }
}

fn key_of(value: Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text),
        Value::Array(_) | Value::Object(_) => None,
        scalar => Some(scalar.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_scalars_keys_aliases_and_documents() {
        let text = "a: &x {1: no, true: .inf, ~: 0o17}\nb: *x\nc: !tag 5\nd:\n";
        let inner = json!({"1": "no", "true": "inf", "null": 15});
        assert_eq!(to_json(text), Some(json!({"a": inner, "b": inner, "c": 5, "d": null})));
        assert_eq!(to_json("a: 1\n---\nb: 2\n"), Some(json!([{"a": 1}, {"b": 2}])));
        assert_eq!(to_json("# nothing\n"), Some(Value::Null));
    }

    #[test]
    fn refuses_bombs_and_what_json_cannot_say() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..12 {
            let aliases = vec![format!("*a{}", n - 1); 9].join(", ");
            bomb.push_str(&format!("a{n}: &a{n} [{aliases}]\n"));
        }
        let blocks: String =
            (0..2000).map(|n| format!("{}a:\n", " ".repeat(n.min(1000)))).collect();
        for text in [
            bomb.as_str(),
            &"[".repeat(100_000),
            &"- ".repeat(100_000),
            &format!("{}x", "- ".repeat(200)),
            &blocks,
            "a: &a [*a]",
            "a: 1\na: 2",
            "[1, 2]: x",
            "a: *b",
            &format!("a: &a \"{}\\n\"\nb: [{}]", "x".repeat(1 << 20), "*a, ".repeat(10_000)),
        ] {
            assert_eq!(to_json(text), None, "{}", text.chars().take(40).collect::<String>());
        }
    }
}
