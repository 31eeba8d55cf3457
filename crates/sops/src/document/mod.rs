//! A text and where its values are, whatever its format: so that values can be replaced in place, and
//! comments, order and layout stay.

mod dotenv;
mod ini;
mod json;
pub(crate) mod yaml;

use std::ops::Range;

use zeroize::Zeroizing;

use crate::error::{Finding, Problem, SopsError};
use crate::format::Format;
use crate::path::{KeyPath, Step};
use crate::place::Lines;
use crate::tree::Tree;
use crate::value::Value;

pub(crate) use ini::{DEFAULT_SECTION, read_value as read_ini_value};

/// How deep maps and lists may be nested.
pub(crate) const MAX_DEPTH: usize = 100;

/// The index of a leaf in [`Document::leaves`].
pub(crate) type LeafId = usize;

/// A text, and everything in it that SOPS may encrypt.
pub(crate) struct Document {
    pub(crate) format: Format,
    pub(crate) text: Zeroizing<String>,
    /// One for each YAML document, and one in other formats.
    pub(crate) roots: Vec<Root>,
    /// Values and comments, in no particular order.
    pub(crate) leaves: Vec<Leaf>,
}

/// One document of the text.
pub(crate) struct Root {
    pub(crate) map: Collection,
    /// Where the metadata go, when they are added.
    pub(crate) end: usize,
    /// Whether there is a map in the text, and not just nothing.
    pub(crate) written: bool,
}

/// A map or list.
pub(crate) struct Collection {
    pub(crate) is_map: bool,
    /// Whether it is written in brackets.
    pub(crate) flow: bool,
    /// The column of its keys or dashes, from 0, in characters.
    pub(crate) column: usize,
    /// Its text: in flow with both brackets.
    pub(crate) range: Range<usize>,
    pub(crate) items: Vec<Item>,
    /// Comments, each with the index of the item that it stands before.
    pub(crate) comments: Vec<(usize, LeafId)>,
}

/// A key with what it holds, or a place of a list.
pub(crate) struct Item {
    /// The name of the key; empty in a list.
    pub(crate) key: String,
    /// From the key, or the dash, to the end of what it holds.
    pub(crate) range: Range<usize>,
    pub(crate) node: Node,
}

pub(crate) enum Node {
    Collection(Collection),
    Leaf(LeafId),
}

/// A value or a comment.
pub(crate) struct Leaf {
    /// What is replaced to give it another value; for a comment, what follows its sign.
    pub(crate) range: Range<usize>,
    /// What has to go when the value is replaced: the lines of a block.
    pub(crate) tail: Option<Range<usize>>,
    pub(crate) value: Value,
    pub(crate) is_comment: bool,
    /// Whether it stands in brackets, where fewer letters need no quotes.
    pub(crate) flow: bool,
    /// The column of the map or list that it stands in.
    pub(crate) column: usize,
}

impl Document {
    /// Reads a text of any format but [`Format::Binary`].
    pub(crate) fn parse(text: &[u8], format: Format) -> Result<Self, SopsError> {
        let text = Zeroizing::new(utf8(text)?.to_owned());
        match format {
            Format::Yaml => yaml::parse(text),
            Format::Json | Format::Binary => json::parse(text),
            Format::Dotenv => dotenv::parse(text),
            Format::Ini => ini::parse(text),
        }
    }

    /// Returns the text of a leaf's bytes as they stand.
    pub(crate) fn raw(&self, leaf: &Leaf) -> &str {
        &self.text[leaf.range.clone()]
    }

    /// Returns the item that `path` leads to in the first document.
    pub(crate) fn item(&self, path: &KeyPath) -> Option<&Item> {
        let (last, above) = path.steps().split_last()?;
        self.collection(above)?.item(last)
    }

    /// Returns the map or list that `steps` lead to in the first document.
    pub(crate) fn collection(&self, steps: &[Step]) -> Option<&Collection> {
        steps.iter().try_fold(&self.roots.first()?.map, |collection, step| {
            match &collection.item(step)?.node {
                Node::Collection(inner) => Some(inner),
                Node::Leaf(_) => None,
            }
        })
    }

    /// Returns what a leaf's text is, with the lines of a block.
    pub(crate) fn source(&self, leaf: &Leaf) -> Zeroizing<String> {
        let tail = leaf.tail.clone().map_or("", |tail| &self.text[tail]);
        Zeroizing::new(format!("{}{tail}", self.raw(leaf)))
    }

    /// Returns the values of all leaves, as they stand.
    pub(crate) fn values(&self) -> Vec<Value> {
        self.leaves.iter().map(|leaf| leaf.value.clone()).collect()
    }

    /// Returns what a map or list holds, with `values` for the leaves.
    pub(crate) fn tree(collection: &Collection, values: &[Value]) -> Tree {
        let trees = collection.items.iter().map(|item| Self::tree_of(&item.node, values));
        if collection.is_map {
            Tree::Map(collection.items.iter().map(|item| item.key.clone()).zip(trees).collect())
        } else {
            Tree::List(trees.collect())
        }
    }

    /// Returns what a node holds, with `values` for the leaves.
    pub(crate) fn tree_of(node: &Node, values: &[Value]) -> Tree {
        match node {
            Node::Leaf(id) => Tree::Value(values[*id].clone()),
            Node::Collection(collection) => Self::tree(collection, values),
        }
    }

    /// Returns the edits that give `leaf` the text `new`.
    pub(crate) fn replace(leaf: &Leaf, new: Zeroizing<String>) -> impl Iterator<Item = Edit> {
        let tail = leaf.tail.clone().map(|tail| (tail, Zeroizing::new(String::new())));
        [(leaf.range.clone(), new)].into_iter().chain(tail)
    }
}

/// A range of a text, and what replaces it.
pub(crate) type Edit = (Range<usize>, Zeroizing<String>);

impl Collection {
    pub(crate) fn item(&self, step: &Step) -> Option<&Item> {
        match step {
            Step::Key(key) if self.is_map => self.items.iter().find(|item| item.key == *key),
            Step::Index(index) if !self.is_map => self.items.get(*index),
            _ => None,
        }
    }
}

/// Returns `text`, which has to be UTF-8.
pub(crate) fn utf8(text: &[u8]) -> Result<&str, SopsError> {
    std::str::from_utf8(text).map_err(|error| {
        let valid = std::str::from_utf8(&text[..error.valid_up_to()]).unwrap_or_default();
        let place = Lines::new(valid).place(&(valid.len()..valid.len()));
        let finding =
            Finding { place: Some(place), key: KeyPath::default(), problem: Problem::NotUtf8 };
        SopsError::Content(vec![finding])
    })
}

/// Returns `text` with `edits` made: ranges that do not overlap, in any order, and what replaces them.
pub(crate) fn edited(text: &str, mut edits: Vec<Edit>) -> Zeroizing<String> {
    edits.sort_by_key(|(range, _)| (range.start, range.end));
    let grown: usize = edits.iter().map(|(_, new)| new.len()).sum();
    let mut result = Zeroizing::new(String::with_capacity(text.len() + grown));
    let mut at = 0;
    for (range, new) in edits {
        let start = range.start.max(at);
        result.push_str(&text[at..start]);
        result.push_str(&new);
        at = range.end.max(start);
    }
    result.push_str(&text[at..]);
    result
}

/// Returns where the line that holds byte `at` starts.
pub(crate) fn line_start(text: &str, at: usize) -> usize {
    text[..at].rfind('\n').map_or(0, |end| end + 1)
}

/// Returns where the line after the one that holds byte `at` starts.
pub(crate) fn next_line(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end + 1)
}

/// Collects what is wrong with a text, with places.
pub(crate) struct Findings<'t> {
    lines: Option<Lines<'t>>,
    text: &'t str,
    list: Vec<Finding>,
}

impl<'t> Findings<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self { lines: None, text, list: Vec::new() }
    }

    pub(crate) fn add(&mut self, range: Range<usize>, key: &KeyPath, problem: Problem) {
        let place = self.lines.get_or_insert_with(|| Lines::new(self.text)).place(&range);
        self.list.push(Finding { place: Some(place), key: key.clone(), problem });
    }

    /// Returns `value`, unless something was wrong.
    pub(crate) fn finish<T>(mut self, value: T) -> Result<T, SopsError> {
        if self.list.is_empty() {
            return Ok(value);
        }
        self.list.sort_by_key(|finding| finding.place);
        Err(SopsError::Content(self.list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edits_are_made_in_the_order_of_the_text() {
        let new = |text: &str| Zeroizing::new(text.to_owned());
        let edits = vec![(4..5, new("E")), (0..1, new("aa")), (2..2, new("-")), (6..6, new("!"))];
        assert_eq!(*edited("abcdef", edits), "aab-cdEf!");
    }
}
