//! Metadata as lines: `age__list_0__map_enc=…`, for formats that have no maps in lists.

use std::collections::BTreeMap;

use crate::tree::Tree;
use crate::value::{Kind, Value};

/// What the name of every line of metadata starts with in a dotenv file.
pub(crate) const PREFIX: &str = "sops_";
/// The section of an INI file, and the key of all others, that holds the metadata.
pub(crate) const SECTION: &str = "sops";
const MAP: &str = "__map_";
const LIST: &str = "__list_";

/// Returns `tree` as names and texts, in its order.
pub(crate) fn flatten(tree: &Tree) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    if let Tree::Map(members) = tree {
        for (name, tree) in members {
            add(tree, name.clone(), &mut lines);
        }
    }
    lines
}

fn add(tree: &Tree, name: String, lines: &mut Vec<(String, String)>) {
    match tree {
        Tree::Value(value) => lines.push((name, text(value))),
        Tree::Map(members) => {
            for (key, tree) in members {
                add(tree, format!("{name}{MAP}{key}"), lines);
            }
        }
        Tree::List(items) => {
            for (at, tree) in items.iter().enumerate() {
                add(tree, format!("{name}{LIST}{at}"), lines);
            }
        }
    }
}

fn text(value: &Value) -> String {
    let text = String::from_utf8_lossy(value.as_bytes());
    if value.kind() == Kind::Boolean { text.to_ascii_lowercase() } else { text.into_owned() }
}

/// Returns the tree that `lines` make; what is wrong with them otherwise.
pub(crate) fn unflatten(lines: &[(String, Value)]) -> Result<Tree, String> {
    let mut root = Branch::default();
    let mut order = Vec::new();
    for (name, value) in lines {
        let steps = steps(name);
        let Some(Step::Key(first)) = steps.first() else {
            return Err(format!("{name}: not a name"));
        };
        if !order.contains(first) {
            order.push(first.clone());
        }
        root.insert(&steps, value).map_err(|problem| format!("{name}: {problem}"))?;
    }
    let Tree::Map(mut members) = root.tree()? else { return Ok(Tree::Map(Vec::new())) };
    members.sort_by_key(|(name, _)| order.iter().position(|other| other == name));
    Ok(Tree::Map(members))
}

enum Step {
    Key(String),
    Index(usize),
}

/// Returns the steps that the name of a line is put together from.
fn steps(name: &str) -> Vec<Step> {
    let mut steps = Vec::new();
    let (mut rest, mut in_list) = (name, false);
    loop {
        let next = [MAP, LIST].iter().filter_map(|sign| Some((rest.find(sign)?, *sign))).min();
        let (word, after) = match next {
            Some((at, sign)) => (&rest[..at], Some((sign == LIST, &rest[at + sign.len()..]))),
            None => (rest, None),
        };
        let index = in_list.then(|| word.parse().ok()).flatten();
        steps.push(index.map_or_else(|| Step::Key(word.to_owned()), Step::Index));
        match after {
            Some((list, after)) => (in_list, rest) = (list, after),
            None => return steps,
        }
    }
}

#[derive(Default)]
struct Branch {
    value: Option<Value>,
    keys: BTreeMap<String, Branch>,
    indices: BTreeMap<usize, Branch>,
}

impl Branch {
    fn insert(&mut self, steps: &[Step], value: &Value) -> Result<(), &'static str> {
        let Some((first, rest)) = steps.split_first() else {
            let taken = self.value.replace(value.clone()).is_some();
            return if taken { Err("there twice") } else { Ok(()) };
        };
        let inner = match first {
            Step::Key(key) => self.keys.entry(key.clone()).or_default(),
            Step::Index(index) => self.indices.entry(*index).or_default(),
        };
        inner.insert(rest, value)
    }

    fn tree(self) -> Result<Tree, String> {
        let kinds = [self.value.is_some(), !self.keys.is_empty(), !self.indices.is_empty()];
        if kinds.into_iter().filter(|kind| *kind).count() > 1 {
            return Err("a name is both a value and a map or list".to_owned());
        }
        if let Some(value) = self.value {
            return Ok(Tree::Value(value));
        }
        if !self.indices.is_empty() {
            if self.indices.keys().enumerate().any(|(at, index)| at != *index) {
                return Err("a place of a list is missing".to_owned());
            }
            let items = self.indices.into_values().map(Self::tree);
            return items.collect::<Result<_, _>>().map(Tree::List);
        }
        let members = self.keys.into_iter().map(|(name, branch)| Ok((name, branch.tree()?)));
        members.collect::<Result<_, _>>().map(Tree::Map)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_becomes_lines_and_a_tree_again() {
        let entry = |name: &str| {
            Tree::Map(vec![
                ("enc".to_owned(), Tree::text(format!("{name}\nkey"))),
                ("recipient".to_owned(), Tree::text(name)),
            ])
        };
        let items: Vec<_> = (0..12).map(|at| entry(&format!("age{at}"))).collect();
        let tree = Tree::Map(vec![
            ("age".to_owned(), Tree::List(items)),
            ("mac".to_owned(), Tree::text("ENC[]")),
            ("version".to_owned(), Tree::text("3.13.2")),
        ]);
        let lines = flatten(&tree);
        assert_eq!(lines[0].0, "age__list_0__map_enc");
        let lines: Vec<_> =
            lines.into_iter().map(|(name, text)| (name, Value::text(text))).collect();
        assert_eq!(unflatten(&lines), Ok(tree));
    }

    #[test]
    fn lines_that_contradict_each_other_are_refused() {
        let lines = |names: &[&str]| {
            names.iter().map(|name| ((*name).to_owned(), Value::text("x"))).collect::<Vec<_>>()
        };
        for names in
            [&["a", "a"][..], &["a", "a__map_b"], &["a__list_1"], &["a__list_0", "a__map_b"]]
        {
            assert!(unflatten(&lines(names)).is_err(), "{names:?}");
        }
        assert!(
            unflatten(&lines(&[
                "a__list_99999999999999999999",
                "a__list_18446744073709551615__list_7"
            ]))
            .is_err()
        );
    }
}
