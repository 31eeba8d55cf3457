//! What an edit makes of the value.

use super::super::key;
use super::super::node::{Data, Map, Node};
use crate::diagnostic::{Diagnostic, nearest};

/// Returns the value at `path`.
pub(super) fn get<'n>(root: &'n Node, path: &[&str]) -> Option<&'n Node> {
    path.iter().try_fold(root, |node, segment| node.child(segment))
}

/// Returns an error unless a value can be put at `path`.
pub(super) fn check_put(root: &Node, path: &[&str]) -> Result<(), Diagnostic> {
    let mut node = root;
    for (depth, segment) in path.iter().enumerate() {
        check_child(node, &path[..depth], segment)?;
        match node.child(segment) {
            Some(child) => node = child,
            None => return Ok(()),
        }
    }
    Ok(())
}

/// Returns an error unless `node`, which is at `path`, has or can get a child under `segment`.
fn check_child(node: &Node, path: &[&str], segment: &str) -> Result<(), Diagnostic> {
    let name = named(path);
    let message = match &node.data {
        Data::Null | Data::Map(_) => return Ok(()),
        Data::List(_) if node.child(segment).is_some() => return Ok(()),
        Data::List(list) if list.len().to_string() == segment => return Ok(()),
        Data::List(list) => {
            format!("{name} is a list of length {}: it has no place {segment:?}", list.len())
        }
        scalar => format!("{name} is {}: it cannot hold {segment:?}", scalar.kind()),
    };
    Err(node.place().error(message))
}

/// Returns an error that names the nearest key unless there is a value at `path`.
pub(super) fn check_there(root: &Node, path: &[&str]) -> Result<(), Diagnostic> {
    let mut node = root;
    for (depth, segment) in path.iter().enumerate() {
        let Some(child) = node.child(segment) else {
            let missing = named(&path[..=depth]);
            let error = node.place().error(format!("{missing} is not there"));
            let keys = node.as_map().into_iter().flat_map(Map::keys).map(String::as_str);
            return Err(match nearest(segment, keys) {
                Some(near) => error.hint(format!("did you mean {near:?}?")),
                None => error,
            });
        };
        node = child;
    }
    Ok(())
}

/// Returns `path` as a dotted key in a message.
pub(super) fn named(path: &[&str]) -> String {
    match path {
        [] => "the document".to_owned(),
        path => format!("`{}`", key::join(path.iter().copied())),
    }
}

/// Puts `new` at `path`, which [`check_put`] allows.
pub(super) fn put(node: &mut Node, path: &[&str], new: Node) {
    let Some((segment, rest)) = path.split_first() else {
        node.data = new.data;
        return;
    };
    if node.data == Data::Null {
        node.data = Data::Map(Box::default());
    }
    if node.child(segment).is_none() {
        let empty = Node::new(Data::Null, node.origin.clone());
        match &mut node.data {
            Data::Map(map) => drop(map.insert((*segment).to_owned(), empty)),
            Data::List(list) => list.push(empty),
            _ => {}
        }
    }
    if let Some(child) = node.child_mut(segment) {
        put(child, rest, new);
    }
}

/// Takes the value at `path` out and returns it.
pub(super) fn remove(root: &mut Node, path: &[&str]) -> Option<Node> {
    let (last, parents) = path.split_last()?;
    let parent = parents.iter().try_fold(root, |node, segment| node.child_mut(segment))?;
    match &mut parent.data {
        Data::Map(map) => map.shift_remove(*last),
        Data::List(list) => {
            let index = last.parse().ok().filter(|index| *index < list.len())?;
            Some(list.remove(index))
        }
        _ => None,
    }
}

/// Returns the dotted key of the first place where the values differ; the order of keys is no
/// difference.
pub(super) fn difference(a: &Node, b: &Node) -> Option<String> {
    let mut path = String::new();
    differs(a, b, &mut path).then_some(path)
}

fn differs(a: &Node, b: &Node, path: &mut String) -> bool {
    match (&a.data, &b.data) {
        (Data::Map(a), Data::Map(b)) => {
            let gone = |name: &&String| !a.contains_key(*name);
            a.iter().any(|(name, a)| differs_below(a, b.get(name), name, path))
                || b.keys().find(gone).map(|name| key::push(path, name)).is_some()
        }
        (Data::List(a), Data::List(b)) => {
            let below = |(index, a): (usize, &Node), path: &mut String| {
                differs_below(a, b.get(index), &index.to_string(), path)
            };
            a.iter().enumerate().any(|element| below(element, path)) || a.len() != b.len()
        }
        (Data::Map(_) | Data::List(_), _) | (_, Data::Map(_) | Data::List(_)) => true,
        (a, b) => a != b,
    }
}

fn differs_below(a: &Node, b: Option<&Node>, segment: &str, path: &mut String) -> bool {
    let before = key::push(path, segment);
    let differs = b.is_none_or(|b| differs(a, b, path));
    if !differs {
        path.truncate(before);
    }
    differs
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::node::Origin;

    fn node(value: &Value) -> Node {
        Node::from_json(value, &Origin::of_source("f")).expect("a value")
    }

    #[test]
    fn puts_and_removes() {
        let mut root = node(&json!({"a": null, "l": [1, {"x": 2}]}));
        put(&mut root, &["a", "b", "c"], node(&json!(1)));
        put(&mut root, &["l", "1", "x"], node(&json!(3)));
        put(&mut root, &["l", "2"], node(&json!("end")));
        assert_eq!(remove(&mut root, &["l", "0"]).map(|n| n.to_json()), Some(json!(1)));
        assert_eq!(root.to_json(), json!({"a": {"b": {"c": 1}}, "l": [{"x": 3}, "end"]}));
    }

    #[test]
    fn a_difference_is_named() {
        let a = node(&json!({"a": {"b": [1, 2]}, "c": 1}));
        assert_eq!(difference(&a, &node(&json!({"c": 1, "a": {"b": [1, 2]}}))), None);
        let first = |b: Value| difference(&a, &node(&b)).expect("a difference");
        assert_eq!(first(json!({"a": {"b": [1, 3]}, "c": 1})), "a.b.1");
        assert_eq!(first(json!({"a": {"b": [1]}, "c": 1})), "a.b.1");
        assert_eq!(first(json!({"a": {"b": [1, 2]}, "c": 1, "d": 0})), "d");
        assert_eq!(first(json!({"a": {"b": [1, 2]}, "c": 1.0})), "c");
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_place() {
        let root = node(&json!({"port": 1, "list": [1]}));
        let put = |path: &[&str]| check_put(&root, path).map_err(|e| e.message);
        assert_eq!(put(&["list", "1"]), Ok(()));
        assert_eq!(put(&["new", "deep"]), Ok(()));
        assert_eq!(put(&["port", "x"]), Err("`port` is an integer: it cannot hold \"x\"".into()));
        let index = "`list` is a list of length 1: it has no place \"2\"";
        assert_eq!(put(&["list", "2"]), Err(index.into()));
        let missing = check_there(&root, &["prot"]).expect_err("missing");
        assert_eq!(missing.message, "`prot` is not there");
        assert_eq!(missing.hint.as_deref(), Some("did you mean \"port\"?"));
    }
}
