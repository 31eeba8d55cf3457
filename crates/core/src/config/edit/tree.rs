//! Values with their byte ranges.

use std::ops::Range;

/// A value in a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tree {
    /// The anchor and tag before it, of YAML; empty where the value would start if there are none.
    pub(super) properties: Range<usize>,
    /// The value itself, brackets and quotes included; empty for a value that is left out.
    pub(super) range: Range<usize>,
    pub(super) shape: Shape,
    /// What a collection holds.
    pub(super) items: Vec<Item>,
}

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Scalar,
    /// A YAML scalar under `|` or `>`.
    BlockScalar,
    Alias,
    List,
    Map,
    BlockList,
    BlockMap,
}

/// An element of a list or an entry of a map.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    /// Where it starts: at its key, or at the `?` or `-` before it.
    pub(super) start: usize,
    /// Its key; none in a list, several for a dotted key of TOML.
    pub(super) keys: Vec<Key>,
    /// Where the `:`, `=` or `-` before the value ends.
    pub(super) indicator: usize,
    pub(super) value: Tree,
}

/// A key, or one segment of a dotted one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) name: String,
    pub(super) range: Range<usize>,
}

impl Tree {
    pub(super) fn leaf(shape: Shape, range: Range<usize>) -> Self {
        Self { properties: range.start..range.start, range, shape, items: Vec::new() }
    }

    pub(super) fn is_list(&self) -> bool {
        matches!(self.shape, Shape::List | Shape::BlockList)
    }

    pub(super) fn is_map(&self) -> bool {
        matches!(self.shape, Shape::Map | Shape::BlockMap)
    }

    /// Tells whether it is in brackets.
    pub(super) fn is_flow(&self) -> bool {
        matches!(self.shape, Shape::List | Shape::Map)
    }

    /// Returns the item that `path` names or leads through, and how many segments lead to it.
    pub(super) fn find(&self, path: &[&str]) -> Option<(usize, usize)> {
        if self.is_list() {
            let index = path.first()?.parse().ok().filter(|index| *index < self.items.len())?;
            return Some((index, 1));
        }
        let leads = |item: &Item| {
            let keys = &item.keys;
            !keys.is_empty()
                && keys.len() <= path.len()
                && keys.iter().zip(path).all(|(key, name)| key.name == *name)
        };
        let index = self.items.iter().position(leads)?;
        Some((index, self.items[index].keys.len()))
    }

    /// Returns the collections that lead along `path`, each with the item that leads on, and what of
    /// the path is not there.
    pub(super) fn trail<'t, 'p>(
        &'t self,
        path: &'p [&'p str],
    ) -> (Vec<(&'t Tree, usize)>, &'p [&'p str]) {
        let (mut trail, mut tree, mut rest) = (Vec::new(), self, path);
        while let Some((index, length)) = tree.find(rest) {
            trail.push((tree, index));
            tree = &tree.items[index].value;
            rest = &rest[length..];
        }
        (trail, rest)
    }

    /// Calls `see` with it and all values in it.
    pub(super) fn walk(&self, see: &mut impl FnMut(&Tree)) {
        see(self);
        for item in &self.items {
            item.value.walk(see);
        }
    }

    /// Returns the value at the end of `trail`, which started here.
    pub(super) fn end<'t>(&'t self, trail: &[(&'t Tree, usize)]) -> &'t Tree {
        trail.last().map_or(self, |(tree, index)| &tree.items[*index].value)
    }
}

impl Item {
    /// Returns where it ends.
    pub(super) fn end(&self) -> usize {
        self.value.range.end.max(self.value.properties.end).max(self.indicator)
    }
}
