//! Walking over values.

use super::key;
use super::node::{Data, Map, Node};

/// The values that hold no other, with their dotted keys; from [`Configuration::leaves`].
///
/// [`Configuration::leaves`]: super::Configuration::leaves
#[derive(Debug)]
pub struct Leaves<'n> {
    key: String,
    open: Vec<Open<'n>>,
}

/// A collection that is being walked, and the length of its own dotted key.
#[derive(Debug)]
struct Open<'n> {
    children: Children<'n>,
    key_length: usize,
}

#[derive(Debug)]
enum Children<'n> {
    List(std::iter::Enumerate<std::slice::Iter<'n, Node>>),
    Map(indexmap::map::Iter<'n, String, Node>),
}

impl<'n> Leaves<'n> {
    /// Returns the leaves of `root`; the root itself is none.
    pub(super) fn of(root: &'n Node) -> Self {
        let mut leaves = Self { key: String::new(), open: Vec::new() };
        leaves.enter(root);
        leaves
    }

    /// Starts on the children of `node`, if it has any.
    fn enter(&mut self, node: &'n Node) -> bool {
        let children = match &node.data {
            Data::List(list) if !list.is_empty() => Children::List(list.iter().enumerate()),
            Data::Map(map) if !map.is_empty() => Children::Map(Map::iter(map)),
            _ => return false,
        };
        self.open.push(Open { children, key_length: self.key.len() });
        true
    }
}

impl<'n> Iterator for Leaves<'n> {
    type Item = (String, &'n Node);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let open = self.open.last_mut()?;
            self.key.truncate(open.key_length);
            let child = match &mut open.children {
                Children::List(list) => list.next().map(|(index, node)| {
                    key::push(&mut self.key, &index.to_string());
                    node
                }),
                Children::Map(map) => map.next().map(|(name, node)| {
                    key::push(&mut self.key, name);
                    node
                }),
            };
            match child {
                None => drop(self.open.pop()),
                Some(node) if self.enter(node) => {}
                Some(node) => return Some((self.key.clone(), node)),
            }
        }
    }
}
