//! A collection set over a collection, as the smallest edits.

use super::super::node::{Data, Map, Node};

/// One of the edits that together set a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    Put(Vec<String>, Node),
    Remove(Vec<String>),
}

/// Returns the edits below `path` that make `old` into `new`; one edit at `path` itself when they have
/// too little in common.
pub(super) fn between(old: &Node, new: &Node, path: &[&str]) -> Vec<Step> {
    let mut steps = Vec::new();
    compare(old, new, &mut owned(path), &mut steps);
    steps
}

/// Returns the edits of one key each that make the map `old` into the map `new`, even if they have
/// nothing in common; nothing if they are no maps.
pub(super) fn one_by_one(old: &Node, new: &Node, path: &[&str]) -> Option<Vec<Step>> {
    let mut steps = Vec::new();
    maps(old.as_map()?, new.as_map()?, &mut owned(path), &mut steps);
    Some(steps)
}

fn owned(path: &[&str]) -> Vec<String> {
    path.iter().map(|&segment| segment.to_owned()).collect()
}

fn compare(old: &Node, new: &Node, path: &mut Vec<String>, steps: &mut Vec<Step>) {
    match (&old.data, &new.data) {
        (Data::Map(old), Data::Map(new)) if new.keys().any(|key| old.contains_key(key)) => {
            maps(old, new, path, steps);
        }
        (Data::List(before), Data::List(after)) if before.len() == after.len() => {
            for (index, (old, new)) in before.iter().zip(after).enumerate() {
                below(&index.to_string(), path, |path| compare(old, new, path, steps));
            }
        }
        (Data::List(before), Data::List(after)) if !before.is_empty() && !after.is_empty() => {
            lists(before, after, path, steps);
        }
        _ if old.same_value(new) => {}
        _ => steps.push(Step::Put(path.clone(), new.clone())),
    }
}

fn maps(old: &Map, new: &Map, path: &mut Vec<String>, steps: &mut Vec<Step>) {
    for name in old.keys().filter(|name| !new.contains_key(*name)) {
        below(name, path, |path| steps.push(Step::Remove(path.clone())));
    }
    for (name, value) in new {
        below(name, path, |path| match old.get(name) {
            Some(before) => compare(before, value, path, steps),
            None => steps.push(Step::Put(path.clone(), value.clone())),
        });
    }
}

/// Makes a list longer at its end or shorter anywhere; any other is set as a whole.
fn lists(before: &[Node], after: &[Node], path: &mut Vec<String>, steps: &mut Vec<Step>) {
    let common = before.iter().zip(after).take_while(|(a, b)| a.same_value(b)).count();
    let removed = before.len().saturating_sub(after.len());
    let rest_stays = || {
        let rest = before[common + removed..].iter().zip(&after[common..]);
        rest.clone().all(|(a, b)| a.same_value(b))
    };
    if common == before.len() {
        for (index, value) in after.iter().enumerate().skip(common) {
            below(&index.to_string(), path, |path| {
                steps.push(Step::Put(path.clone(), value.clone()));
            });
        }
    } else if removed > 0 && rest_stays() {
        for _ in 0..removed {
            below(&common.to_string(), path, |path| steps.push(Step::Remove(path.clone())));
        }
    } else {
        let list = Data::List(after.to_vec());
        steps.push(Step::Put(path.clone(), Node::new(list, before[0].origin.clone())));
    }
}

fn below(segment: &str, path: &mut Vec<String>, act: impl FnOnce(&mut Vec<String>)) {
    path.push(segment.to_owned());
    act(path);
    path.pop();
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::config::node::Origin;

    fn steps(old: &Value, new: &Value) -> Vec<String> {
        let node = |v| Node::from_json(v, &Origin::of_source("f")).expect("a value");
        let show = |step: Step| match step {
            Step::Put(path, node) => format!("{}={}", path.join("."), node.to_json()),
            Step::Remove(path) => format!("-{}", path.join(".")),
        };
        between(&node(old), &node(new), &["r"]).into_iter().map(show).collect()
    }

    #[test]
    fn only_what_differs_is_touched() {
        let old = json!({"a": 1, "b": {"c": [1, 2, 3], "d": 1}, "e": 1});
        let new = json!({"a": 1, "b": {"c": [1, 5, 3], "d": 1}, "f": 2});
        assert_eq!(steps(&old, &new), ["-r.e", "r.b.c.1=5", "r.f=2"]);
        assert!(steps(&old, &old).is_empty());
    }

    #[test]
    fn lists_grow_at_the_end_and_shrink_anywhere() {
        let old = json!([1, 2, 3, 4]);
        assert_eq!(steps(&old, &json!([1, 2, 3, 4, 5, 6])), ["r.4=5", "r.5=6"]);
        assert_eq!(steps(&old, &json!([1, 4])), ["-r.1", "-r.1"]);
        assert_eq!(steps(&old, &json!([0, 1])), ["r=[0,1]"]);
        assert_eq!(steps(&old, &json!([])), ["r=[]"]);
    }

    #[test]
    fn nothing_in_common_is_set_as_a_whole() {
        assert_eq!(steps(&json!({"a": 1}), &json!({"b": 1})), [r#"r={"b":1}"#]);
        assert_eq!(steps(&json!({"a": 1}), &json!(1)), ["r=1"]);
    }
}
