//! How layers are merged where it is not obvious.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::lists;
use crate::config::key;
use crate::config::node::{Data, Node};
use crate::diagnostic::Diagnostic;

/// What becomes of two lists under the same key.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ListMerge {
    /// The later one takes the place of the earlier one.
    #[default]
    Replace,
    /// The elements of the later one go after those of the earlier one.
    Append,
    /// The elements of the later one go before those of the earlier one.
    Prepend,
    /// As [`ListMerge::Append`], but each value is there once, where it was first.
    Unique,
    /// Elements are maps that this field tells apart: those with the same value merge deeply, where
    /// the earlier one stood; others are appended.
    By(String),
}

/// How layers are merged where it is not obvious; by default lists are replaced and null is a value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MergeRules {
    /// Rules for lists, by their dotted key. A segment `*` stands for any key or element; the rule
    /// with the fewest of them counts.
    pub lists: BTreeMap<String, ListMerge>,
    /// Whether a null in a later layer deletes the key from what earlier layers say, by the rules of
    /// JSON merge patches (RFC 7396). Nulls of the first layer and nulls inside of lists stay.
    pub null_deletes: bool,
}

impl MergeRules {
    /// Returns the rules by which the lists under `keys` append.
    pub fn appending(keys: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let rule = |key: _| (Into::into(key), ListMerge::Append);
        Self { lists: keys.into_iter().map(rule).collect(), null_deletes: false }
    }
}

/// Rules that are ready to be asked, and which of them found a list so far.
pub(in crate::config) struct Compiled<'r> {
    exact: HashMap<String, &'r ListMerge>,
    patterns: Vec<Pattern<'r>>,
    unused: BTreeSet<&'r str>,
    null_deletes: bool,
}

struct Pattern<'r> {
    key: &'r str,
    segments: Vec<Cow<'r, str>>,
    merge: &'r ListMerge,
}

impl Pattern<'_> {
    fn stars(&self) -> usize {
        self.segments.iter().filter(|segment| *segment == "*").count()
    }

    fn matches(&self, path: &[Cow<'_, str>]) -> bool {
        let fits = |(own, other): (&Cow<'_, str>, &Cow<'_, str>)| own == "*" || own == other;
        self.segments.len() == path.len() && self.segments.iter().zip(path).all(fits)
    }
}

impl<'r> Compiled<'r> {
    pub(in crate::config) fn new(rules: &'r MergeRules) -> Self {
        let pattern = |(key, merge): (&'r String, &'r ListMerge)| {
            Some(Pattern { key, segments: key::split(key)?, merge })
        };
        let mut patterns: Vec<_> = rules.lists.iter().filter_map(pattern).collect();
        patterns.sort_by_key(Pattern::stars);
        let joined = |p: &Pattern<'r>| (key::join(p.segments.iter().map(|s| &**s)), p.merge);
        Self {
            exact: patterns.iter().filter(|p| p.stars() == 0).map(joined).collect(),
            patterns,
            unused: rules.lists.keys().map(String::as_str).collect(),
            null_deletes: rules.null_deletes,
        }
    }

    /// Returns the rule for the list under the dotted key `path`.
    pub(super) fn rule(&self, path: &str) -> &'r ListMerge {
        static REPLACE: ListMerge = ListMerge::Replace;
        if let Some(rule) = self.exact.get(path) {
            return rule;
        }
        if self.patterns.len() == self.exact.len() {
            return &REPLACE;
        }
        let segments = key::split(path).unwrap_or_default();
        let found = self.patterns.iter().find(|pattern| pattern.matches(&segments));
        found.map_or(&REPLACE, |pattern| pattern.merge)
    }

    /// Tells whether `value`, of a later layer, deletes its key.
    pub(super) fn deletes(&self, value: &Node) -> bool {
        self.null_deletes && matches!(value.data, Data::Null)
    }

    /// Returns the keys of the rules for which no layer so far has a list.
    pub(in crate::config) fn unused(&self) -> impl Iterator<Item = &'r str> {
        self.unused.iter().copied()
    }

    /// Makes the lists of `layer` fit their rules: where each value is there once, and where a field
    /// tells elements apart.
    pub(in crate::config) fn prepare(&mut self, layer: &mut Node, problems: &mut Vec<Diagnostic>) {
        let mut unused = std::mem::take(&mut self.unused);
        for pattern in &self.patterns {
            let mut act = |path: &str, list: &mut Node| {
                unused.remove(pattern.key);
                if std::ptr::eq(self.rule(path), pattern.merge) {
                    lists::prepare(list, path, pattern.merge, problems);
                }
            };
            visit(layer, &pattern.segments, &mut String::new(), &mut act);
        }
        self.unused = unused;
    }
}

/// Calls `act` with each list that is under the pattern `rest` below `node`.
fn visit(
    node: &mut Node,
    rest: &[Cow<'_, str>],
    path: &mut String,
    act: &mut dyn FnMut(&str, &mut Node),
) {
    let Some((first, rest)) = rest.split_first() else {
        if node.as_list().is_some() {
            act(path, node);
        }
        return;
    };
    let mut below = |name: &str, child: &mut Node| {
        let before = key::push(path, name);
        visit(child, rest, path, act);
        path.truncate(before);
    };
    match &mut node.data {
        Data::Map(map) if first == "*" => map.iter_mut().for_each(|(k, child)| below(k, child)),
        Data::List(list) if first == "*" => {
            let children = list.iter_mut().enumerate();
            children.for_each(|(index, child)| below(&index.to_string(), child));
        }
        _ => {
            if let Some(child) = node.child_mut(first) {
                below(first, child);
            }
        }
    }
}
