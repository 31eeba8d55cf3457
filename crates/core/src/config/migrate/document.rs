//! A document that is being migrated, and the edits that bring its file to the same state.

use serde_json::Value;

use super::key::Key;
use crate::config::edit::Edit;
use crate::config::node::{Data, Map, Node, Origin};
use crate::config::parse::MAX_DEPTH;
use crate::diagnostic::Diagnostic;

/// Why a change cannot be made; it never quotes a value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Conflict {
    #[error("`{0}` is already there")]
    Taken(Key),
    #[error("`{0}` is {1} where a map is needed")]
    NoMap(Key, &'static str),
    #[error("`{0}` is not in a map: elements of lists stay where they are")]
    Element(Key),
    #[error("`{0}` would be nested too deeply")]
    TooDeep(Key),
}

impl Conflict {
    /// Returns the key at which it shows.
    pub(super) fn key(&self) -> &Key {
        match self {
            Self::Taken(key) | Self::NoMap(key, _) | Self::Element(key) | Self::TooDeep(key) => key,
        }
    }
}

/// A document, and what was done to it so far.
pub(super) struct Document {
    root: Node,
    edits: Vec<Edit>,
}

impl Document {
    pub(super) fn new(root: &Node) -> Self {
        Self { root: root.clone(), edits: Vec::new() }
    }

    pub(super) fn finish(self) -> (Node, Vec<Edit>) {
        (self.root, self.edits)
    }

    pub(super) fn root(&self) -> &Node {
        &self.root
    }

    pub(super) fn get(&self, key: &Key) -> Option<&Node> {
        key.segments().iter().try_fold(&self.root, |node, segment| node.child(segment))
    }

    /// Returns `error` placed at the innermost value at or above `key`.
    pub(super) fn error_at(&self, key: &Key, error: impl Into<String>) -> Diagnostic {
        let mut node = &self.root;
        for segment in key.segments() {
            let Some(child) = node.child(segment) else { break };
            node = child;
        }
        node.place().error(error)
    }

    /// Puts `value` in the place of what is at `key`, or where nothing is.
    pub(super) fn set(&mut self, key: &Key, value: Node) -> Result<(), Conflict> {
        self.check_way(key, None)?;
        check_depth(key, &value)?;
        self.edits.push(Edit::Set { key: key.to_string(), value: value.to_json() });
        self.put(key, value);
        Ok(())
    }

    /// Takes away what is at `key`, and the maps that held nothing else; tells whether it was there.
    pub(super) fn remove(&mut self, key: &Key) -> Result<bool, Conflict> {
        if self.get(key).is_none() {
            return Ok(false);
        }
        self.check_in_map(key)?;
        let gone = self.outermost_gone(key);
        self.take(&gone);
        self.edits.push(Edit::Remove { key: gone.to_string() });
        Ok(true)
    }

    /// Gives what is at `from` the key `to`; tells whether it was there. A value that is at both is
    /// taken away at `from`.
    pub(super) fn rename(&mut self, from: &Key, to: &Key) -> Result<bool, Conflict> {
        let Some(value) = self.get(from).cloned() else { return Ok(false) };
        self.check_in_map(from)?;
        if self.get(to).is_some_and(|there| !from.is_within(to) && there.same_value(&value)) {
            return self.remove(from);
        }
        self.check_free(to, from)?;
        check_depth(to, &value)?;
        if from.is_within(to) || to.is_within(from) {
            self.remove(from)?;
            self.set(to, value)?;
        } else if from.parent() == to.parent() {
            self.rename_in_place(from, to, value);
        } else {
            self.relocate(from, to, value);
        }
        Ok(true)
    }

    fn rename_in_place(&mut self, from: &Key, to: &Key, value: Node) {
        self.edits.push(Edit::Rename { from: from.to_string(), to: to.to_string() });
        let ((old, parents), (new, _)) = (from.split_last(), to.split_last());
        if let Some(map) = self.map_at(parents)
            && let Some((index, ..)) = map.shift_remove_full(old)
        {
            map.shift_insert(index, new.to_owned(), value);
        }
    }

    fn relocate(&mut self, from: &Key, to: &Key, value: Node) {
        self.edits.push(Edit::Rename { from: from.to_string(), to: to.to_string() });
        self.put(to, value);
        let gone = self.outermost_gone(from);
        self.take(&gone);
        if gone != *from {
            self.edits.push(Edit::Remove { key: gone.to_string() });
        }
    }

    /// Makes the document equal to `wanted`, keeping what is equal already, and its order.
    pub(super) fn become_equal(
        &mut self,
        wanted: &Value,
        origin: &Origin,
    ) -> Result<(), Diagnostic> {
        let wanted = Node::from_json(wanted, origin)?;
        let Some(map) = wanted.as_map() else {
            let message = format!("the result is {} where a map is needed", wanted.data.kind());
            return Err(origin.error(message));
        };
        let mut changes = Vec::new();
        if let Some(old) = self.root.as_map() {
            differences(None, old, map, &mut changes);
        }
        for (key, value) in changes {
            let done = match value {
                Some(value) => self.set(&key, value),
                None => self.drop_key(&key),
            };
            done.map_err(|conflict| origin.error(conflict.to_string()))?;
        }
        Ok(())
    }

    /// Takes away what is at `key`, and leaves the maps above it.
    fn drop_key(&mut self, key: &Key) -> Result<(), Conflict> {
        self.check_in_map(key)?;
        self.take(key);
        self.edits.push(Edit::Remove { key: key.to_string() });
        Ok(())
    }

    /// Returns the outermost map that holds nothing but `key`, or `key` itself.
    fn outermost_gone(&self, key: &Key) -> Key {
        let mut gone = key.clone();
        while let Some(parent) = gone.parent()
            && self.get(&parent).is_some_and(|node| node.as_map().is_some_and(|map| map.len() <= 1))
            && self.check_in_map(&parent).is_ok()
        {
            gone = parent;
        }
        gone
    }

    fn check_in_map(&self, key: &Key) -> Result<(), Conflict> {
        let holder = key.parent().map_or(Some(&self.root), |parent| self.get(&parent));
        match holder {
            Some(node) if node.as_map().is_none() => Err(Conflict::Element(key.clone())),
            _ => Ok(()),
        }
    }

    /// Checks that nothing is at `to` once `from` is gone.
    fn check_free(&self, to: &Key, from: &Key) -> Result<(), Conflict> {
        let gone = self.outermost_gone(from);
        if self.get(to).is_some() && !to.is_within(&gone) {
            return Err(Conflict::Taken(to.clone()));
        }
        self.check_way(to, Some(&gone))
    }

    /// Checks that everything above `key` is a map or can become one, once `gone` is gone.
    fn check_way(&self, key: &Key, gone: Option<&Key>) -> Result<(), Conflict> {
        let mut node = &self.root;
        for (prefix, segment) in key.prefixes().zip(key.segments()) {
            match &node.data {
                Data::Map(_) | Data::Null => {}
                Data::List(_) if node.child(segment).is_some() => {}
                Data::List(_) => return Err(Conflict::Element(key.clone())),
                other => {
                    let above = prefix.parent().unwrap_or(prefix);
                    return Err(Conflict::NoMap(above, other.kind()));
                }
            }
            match node.child(segment) {
                Some(child) if gone.is_none_or(|gone| !prefix.is_within(gone)) => node = child,
                _ => return Ok(()),
            }
        }
        Ok(())
    }

    /// Puts `value` at `key`; that this is possible has been checked.
    fn put(&mut self, key: &Key, value: Node) {
        let (last, parents) = key.split_last();
        let mut node = &mut self.root;
        for segment in parents {
            let Some(child) = made_child(node, segment, &value.origin) else { return };
            node = child;
        }
        if let Some(place) = made_child(node, last, &value.origin) {
            *place = Node { key: place.key, ..value };
        }
    }

    fn take(&mut self, key: &Key) -> Option<Node> {
        let (last, parents) = key.split_last();
        self.map_at(parents)?.shift_remove(last)
    }

    fn map_at(&mut self, segments: &[String]) -> Option<&mut Map> {
        let mut node = &mut self.root;
        for segment in segments {
            node = node.child_mut(segment)?;
        }
        match &mut node.data {
            Data::Map(map) => Some(map),
            _ => None,
        }
    }
}

/// Returns the child under `segment`, an empty map if there was none; null becomes a map.
fn made_child<'n>(node: &'n mut Node, segment: &str, origin: &Origin) -> Option<&'n mut Node> {
    if matches!(node.data, Data::Null) {
        node.data = Data::Map(Box::default());
    }
    if matches!(node.data, Data::List(_)) {
        return node.child_mut(segment);
    }
    let Data::Map(map) = &mut node.data else { return None };
    let fresh = || Node::new(Data::Map(Box::default()), origin.clone());
    Some(map.entry(segment.to_owned()).or_insert_with(fresh))
}

fn check_depth(key: &Key, value: &Node) -> Result<(), Conflict> {
    let depth = key.segments().len() + value.height();
    if depth > MAX_DEPTH { Err(Conflict::TooDeep(key.clone())) } else { Ok(()) }
}

/// Collects what turns `old` into `new`: a value to set, or nothing where the key goes.
fn differences(at: Option<&Key>, old: &Map, new: &Map, found: &mut Vec<(Key, Option<Node>)>) {
    let below = |name: &str| Key::below(at, name);
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        found.push((below(name), None));
    }
    for (name, value) in new {
        let before = old.get(name);
        match (before.and_then(Node::as_map), value.as_map()) {
            (Some(old), Some(new)) => differences(Some(&below(name)), old, new, found),
            _ if before.is_some_and(|before| equal(before, value)) => {}
            _ => found.push((below(name), Some(value.clone()))),
        }
    }
}

/// Tells whether both hold the same value, whatever the order of their keys.
fn equal(a: &Node, b: &Node) -> bool {
    match (&a.data, &b.data) {
        (Data::List(a), Data::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(a, b))
        }
        (Data::Map(a), Data::Map(b)) => {
            let same =
                |(name, value): (&String, &Node)| b.get(name).is_some_and(|b| equal(value, b));
            a.len() == b.len() && a.iter().all(same)
        }
        _ => a.same_value(b),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::config::{Format, parse};

    fn document(text: &str) -> Document {
        Document::new(&parse(Format::Yaml, "a.yaml", text).expect("valid"))
    }

    fn key(text: &str) -> Key {
        Key::parse(text).expect("a key")
    }

    fn renamed(text: &str, from: &str, to: &str) -> Result<(Value, Vec<String>), String> {
        let mut document = document(text);
        document.rename(&key(from), &key(to)).map_err(|conflict| conflict.to_string())?;
        let (root, edits) = document.finish();
        Ok((root.to_json(), edits.iter().map(short).collect()))
    }

    fn short(edit: &Edit) -> String {
        match edit {
            Edit::Set { key, value } => format!("{key}={value}"),
            Edit::Remove { key } => format!("-{key}"),
            Edit::Rename { from, to } => format!("{from}>{to}"),
        }
    }

    #[test]
    fn renaming_finds_a_way() {
        for (text, from, to, after, edits) in [
            ("{a: 1, b: 2}", "a", "c", json!({"b": 2, "c": 1}), vec!["a>c"]),
            (
                "{db: {host: x}}",
                "db.host",
                "sql.host",
                json!({"sql": {"host": "x"}}),
                vec!["db.host>sql.host", "-db"],
            ),
            (
                "{a: {b: {c: 1}}, d: 1}",
                "a.b.c",
                "e",
                json!({"d": 1, "e": 1}),
                vec!["a.b.c>e", "-a"],
            ),
            ("{t: 5}", "t", "t.read", json!({"t": {"read": 5}}), vec!["-t", "t.read=5"]),
            ("{t: {read: 5}}", "t.read", "t", json!({"t": 5}), vec!["-t", "t=5"]),
            (
                "{db: {host: x}}",
                "db.host",
                "db.main.host",
                json!({"db": {"main": {"host": "x"}}}),
                vec!["db.host>db.main.host"],
            ),
            ("{a: 1, n: }", "a", "n.a", json!({"n": {"a": 1}}), vec!["a>n.a"]),
            ("{a: 1, b: 1}", "a", "b", json!({"b": 1}), vec!["-a"]),
            ("{a: [{x: 1}]}", "a.0.x", "a.0.y", json!({"a": [{"y": 1}]}), vec!["a.0.x>a.0.y"]),
            (
                "{a: [{x: {y: 1}}]}",
                "a.0.x.y",
                "y",
                json!({"a": [{}], "y": 1}),
                vec!["a.0.x.y>y", "-a.0.x"],
            ),
        ] {
            let edits: Vec<String> = edits.into_iter().map(str::to_owned).collect();
            assert_eq!(renamed(text, from, to), Ok((after, edits)), "{text}: {from} to {to}");
        }
    }

    #[test]
    fn a_renamed_key_keeps_its_place() {
        let mut document = document("{a: 1, b: 2, c: 3}");
        assert_eq!(document.rename(&key("b"), &key("z")), Ok(true));
        let keys: Vec<_> = document.root().as_map().expect("a map").keys().collect();
        assert_eq!(keys, ["a", "z", "c"]);
    }

    #[test]
    fn conflicts_change_nothing() {
        for (text, from, to, conflict) in [
            ("{a: 1, b: 2}", "a", "b", "`b` is already there"),
            ("{a: 1, b: 2}", "a", "b.c", "`b` is an integer where a map is needed"),
            (
                "{a: [1, 2]}",
                "a.0",
                "b",
                "`a.0` is not in a map: elements of lists stay where they are",
            ),
            (
                "{a: 1, l: []}",
                "a",
                "l.0",
                "`l.0` is not in a map: elements of lists stay where they are",
            ),
            ("{t: {read: 5, write: 6}}", "t.read", "t", "`t` is already there"),
        ] {
            assert_eq!(renamed(text, from, to), Err(conflict.to_owned()), "{text}: {from} to {to}");
        }
        let deep = format!("{}x", "a.".repeat(MAX_DEPTH));
        assert_eq!(
            renamed("{a: 1}", "a", &deep),
            Err(format!("`{deep}` would be nested too deeply"))
        );
    }

    #[test]
    fn maps_left_empty_go() {
        let mut document = document("{a: {b: {c: 1}}, e: {}}");
        assert_eq!(document.remove(&key("a.b.c")), Ok(true));
        assert_eq!(document.remove(&key("a.b.c")), Ok(false));
        let (root, edits) = document.finish();
        assert_eq!((root.to_json(), edits.len()), (json!({"e": {}}), 1));
    }

    #[test]
    fn only_differences_become_edits() {
        let mut document = document("{a: {x: 1, y: 2}, l: [{p: 1, q: 2}], gone: 1}");
        let wanted = json!({"a": {"x": 1, "y": 3}, "l": [{"q": 2, "p": 1}], "new": {"z": 1}});
        document.become_equal(&wanted, &Origin::of_source("test")).expect("possible");
        let (root, edits) = document.finish();
        assert_eq!(root.to_json(), wanted);
        let edits: Vec<String> = edits.iter().map(short).collect();
        assert_eq!(edits, ["-gone", "a.y=3", "new={\"z\":1}"]);
    }
}
