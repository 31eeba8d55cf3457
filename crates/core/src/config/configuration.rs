//! The merged whole.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::format::Format;
use super::key;
use super::leaves::Leaves;
use super::merge::{self, Compiled, Contribution, MergeRules, Source};
use super::node::{Data, Map, Node, Origin, Span};
use super::substitute::{Substitution, SubstitutionError};
use super::{deserialize, emit, parse, substitute};
use crate::diagnostic::{Diagnostic, Position};

/// One source of configuration that has not been read yet.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Layer<'a> {
    /// The file, as the user would name it.
    pub file: &'a str,
    /// What the text is written in.
    pub format: Format,
    /// The text.
    pub text: &'a str,
}

/// Where one layer sets a key.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct KeyOrigin {
    /// The number of the layer, from 0.
    pub layer: usize,
    /// The file of the layer.
    pub file: String,
    /// The line, from 1; nothing for a source without lines.
    pub line: Option<u32>,
    /// The column in characters, from 1.
    pub column: Option<u32>,
    /// What the layer says; [`MASK`](super::MASK) in place of secrets.
    pub value: serde_json::Value,
    /// Whether later layers replaced all of it.
    pub overridden: bool,
}

/// Layers merged into one map, each value knowing where it came from.
#[derive(Debug, Clone)]
pub struct Configuration {
    root: Node,
    layers: Vec<Source>,
    unused_rules: Vec<String>,
}

impl Configuration {
    /// Returns the merged `layers`, later ones winning. An empty layer says nothing.
    ///
    /// # Errors
    /// All that is wrong in all layers; what meets only in merging is said once they can be read.
    pub fn from_layers(layers: &[Layer<'_>], rules: &MergeRules) -> Result<Self, Vec<Diagnostic>> {
        let mut nodes = Vec::with_capacity(layers.len());
        let mut problems = Vec::new();
        for layer in layers {
            match parse::parse(layer.format, layer.file, layer.text) {
                Ok(node) => nodes.push(node),
                Err(errors) => problems.extend(errors),
            }
        }
        if problems.is_empty() { Self::from_nodes(nodes, rules) } else { Err(problems) }
    }

    /// Returns the merged `nodes`, later ones winning; each is one layer.
    ///
    /// # Errors
    /// When one is neither a map nor null, or a map meets something else.
    pub fn from_nodes(
        nodes: impl IntoIterator<Item = Node>,
        rules: &MergeRules,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut rules = Compiled::new(rules);
        let (mut root, mut layers, mut problems) = (None, Vec::new(), Vec::new());
        for mut node in nodes {
            layers.push(Source::of(&node));
            rules.prepare(&mut node, &mut problems);
            match (&node.data, &mut root) {
                (Data::Null, _) => {}
                (Data::Map(_), None) => root = Some(node),
                (Data::Map(_), Some(base)) => {
                    merge::merge_into(base, node, &rules, &mut problems);
                }
                _ => problems.push(not_a_map(&node)),
            }
        }
        let root = root.unwrap_or_else(|| empty_root(layers.last()));
        let unused_rules = rules.unused().map(str::to_owned).collect();
        if problems.is_empty() { Ok(Self { root, layers, unused_rules }) } else { Err(problems) }
    }

    /// Returns the configuration with `node`, one more layer, laid over the others.
    ///
    /// # Errors
    /// As [`Configuration::from_nodes`].
    pub fn with_layer(
        mut self,
        mut node: Node,
        rules: &MergeRules,
    ) -> Result<Self, Vec<Diagnostic>> {
        let mut rules = Compiled::new(rules);
        let mut problems = Vec::new();
        self.layers.push(Source::of(&node));
        rules.prepare(&mut node, &mut problems);
        match &node.data {
            Data::Null => {}
            Data::Map(_) => merge::merge_into(&mut self.root, node, &rules, &mut problems),
            _ => problems.push(not_a_map(&node)),
        }
        self.unused_rules.retain(|key| rules.unused().any(|unused| unused == key));
        if problems.is_empty() { Ok(self) } else { Err(problems) }
    }

    /// Returns the keys of the merge rules for which no layer has a list, in order: probably they
    /// are misspelt.
    #[must_use]
    pub fn unused_rules(&self) -> &[String] {
        &self.unused_rules
    }

    /// Returns the whole.
    #[must_use]
    pub fn root(&self) -> &Node {
        &self.root
    }

    pub(super) fn root_mut(&mut self) -> &mut Node {
        &mut self.root
    }

    /// Returns the files of the layers, in order.
    pub fn files(&self) -> impl ExactSizeIterator<Item = &str> {
        self.layers.iter().map(|layer| &*layer.origin.file)
    }

    /// Returns the value under the dotted `key`: `a.b.0.c`, with `"…"` around a key that holds a dot.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Node> {
        let segments = key::split(key)?;
        segments.iter().try_fold(&self.root, |node, segment| node.child(segment))
    }

    /// Puts `value` under the dotted `key`, written at `origin`, and makes the maps above it.
    ///
    /// An origin that is in none of the layers' files becomes a layer of its own, the last.
    ///
    /// # Errors
    /// When `key` is not a dotted key, something above it is not a map, or the value cannot be in a
    /// configuration.
    pub fn set(
        &mut self,
        key: &str,
        value: &serde_json::Value,
        origin: &Origin,
    ) -> Result<(), Diagnostic> {
        let invalid = || origin.error(format!("{key:?} is not a dotted key"));
        let segments = key::split(key).ok_or_else(invalid)?;
        let node = Node::from_json(value, origin)?;
        if segments.len() + node.height() > parse::MAX_DEPTH {
            return Err(origin.error(format!("{key:?} is nested too deeply")));
        }
        let (last, parents) = segments.split_last().ok_or_else(invalid)?;
        let mut place = &mut self.root;
        for segment in parents {
            place = descend(place, segment, key, origin)?;
        }
        put(place, last, key, node)?;
        if !self.layers.iter().any(|layer| layer.wrote(origin)) {
            self.layers.push(Source::of(&Node::new(Data::Null, origin.clone())));
        }
        Ok(())
    }

    /// Returns each value that holds no other, with its dotted key, in the order of the document:
    /// scalars, empty lists and empty maps.
    #[must_use]
    pub fn leaves(&self) -> Leaves<'_> {
        Leaves::of(&self.root)
    }

    /// Returns what each layer says about the dotted `key`, oldest first; the one in force is the
    /// last with `overridden` false. Several are in force at once where maps merge and lists
    /// combine.
    ///
    /// What a layer said under the key counts also if a later one replaced or deleted something
    /// above it. A key that was deleted has origins too, of which the last is the null that did so.
    #[must_use]
    pub fn origins(&self, key: &str) -> Vec<KeyOrigin> {
        let Some(segments) = key::split(key) else { return Vec::new() };
        let found = merge::contributions(&self.root, &segments, &self.layers);
        found.into_iter().map(|(layer, found)| key_origin(layer, found)).collect()
    }

    /// Returns the dotted keys that a layer deleted and no later one set again, in the order of the
    /// maps that they were in.
    #[must_use]
    pub fn deleted(&self) -> Vec<String> {
        let mut found = Vec::new();
        add_deleted(&self.root, &mut String::new(), &mut found);
        found
    }

    /// Returns the value as JSON, secrets included: for validating and rendering.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        self.root.to_json()
    }

    /// Returns the value as JSON with a mask in place of each secret: for showing.
    #[must_use]
    pub fn to_masked_json(&self) -> serde_json::Value {
        self.root.to_masked_json()
    }

    /// Returns the value as a `T`.
    ///
    /// # Errors
    /// The first thing that does not fit, placed at the value.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, Diagnostic> {
        deserialize::from_node(&self.root)
    }

    /// Returns the whole as text, in the order of the layers, that reads back as exactly the same
    /// value.
    ///
    /// # Errors
    /// One diagnostic for each value that `format` cannot write, such as null in TOML.
    pub fn emit(&self, format: Format) -> Result<String, Vec<Diagnostic>> {
        emit::emit(&self.root, format)
    }

    /// Replaces each string in place by what `resolve` makes of it; nothing leaves it as it is.
    ///
    /// # Errors
    /// All errors of `resolve`, placed inside the string where its text shows the same characters.
    pub fn substitute(
        &mut self,
        resolve: &mut dyn FnMut(&str) -> Result<Option<Substitution>, SubstitutionError>,
    ) -> Result<(), Vec<Diagnostic>> {
        substitute::substitute(&mut self.root, resolve)
    }
}

impl AsRef<Configuration> for Configuration {
    fn as_ref(&self) -> &Configuration {
        self
    }
}

fn not_a_map(node: &Node) -> Diagnostic {
    node.origin.error(format!("top level is {}: a map is needed", node.data.kind()))
}

/// Returns an empty map at the start of the last layer, for want of a map in any.
fn empty_root(last: Option<&Source>) -> Node {
    let origin = last.map(|layer| layer.origin.clone());
    let origin = origin.unwrap_or_else(|| Origin::of_source("configuration"));
    Node::new(Data::Map(Box::default()), origin)
}

fn key_origin(layer: usize, found: Contribution) -> KeyOrigin {
    let position = found.origin.span.map(|Span { position, .. }| position);
    KeyOrigin {
        layer,
        file: found.origin.file.to_string(),
        line: position.map(|Position { line, .. }| line),
        column: position.map(|Position { column, .. }| column),
        value: found.value,
        overridden: found.overridden,
    }
}

/// Adds the keys that were deleted from `node`, which is at `path`, and from all in it.
fn add_deleted(node: &Node, path: &mut String, found: &mut Vec<String>) {
    let mut below = |segment: &str, child: Option<&Node>| {
        let before = key::push(path, segment);
        match child {
            Some(child) => add_deleted(child, path, found),
            None => found.push(path.clone()),
        }
        path.truncate(before);
    };
    match &node.data {
        Data::List(list) => {
            list.iter().enumerate().for_each(|(at, child)| below(&at.to_string(), Some(child)));
        }
        Data::Map(map) => map.iter().for_each(|(name, child)| below(name, Some(child))),
        _ => {}
    }
    node.deleted().into_iter().flat_map(Map::keys).for_each(|name| below(name, None));
}

/// Returns the map under `segment`, made if there is nothing.
fn descend<'n>(
    node: &'n mut Node,
    segment: &str,
    key: &str,
    origin: &Origin,
) -> Result<&'n mut Node, Diagnostic> {
    if matches!(node.data, Data::List(_)) {
        let none = || origin.error(format!("{key:?}: the list has no element {segment:?}"));
        return node.child_mut(segment).ok_or_else(none);
    }
    if map_of(node, key, origin)?.get(segment).is_none() {
        put(node, segment, key, Node::new(Data::Map(Box::default()), origin.clone()))?;
    }
    map_of(node, key, origin)?.get_mut(segment).ok_or_else(|| origin.error(format!("no {key:?}")))
}

fn put(node: &mut Node, segment: &str, key: &str, mut value: Node) -> Result<(), Diagnostic> {
    let origin = value.origin.clone();
    if matches!(node.data, Data::List(_)) {
        let none = || origin.error(format!("{key:?}: the list has no element {segment:?}"));
        replace(node.child_mut(segment).ok_or_else(none)?, value);
        return Ok(());
    }
    map_of(node, key, &origin)?;
    match node.child_mut(segment) {
        Some(old) => replace(old, value),
        None => {
            merge::revive(&mut node.earlier, segment, &mut value);
            map_of(node, key, &origin)?.insert(segment.to_owned(), value);
        }
    }
    Ok(())
}

/// Puts `new` in the place of `old`, which it remembers unless the same layer wrote both.
fn replace(old: &mut Node, mut new: Node) {
    if old.origin.is_of(&new.origin.file) {
        new.earlier = old.earlier.take();
        *old = new;
    } else {
        merge::replace(old, new);
    }
}

/// Returns the map that `node` is; null becomes an empty one.
fn map_of<'n>(node: &'n mut Node, key: &str, origin: &Origin) -> Result<&'n mut Map, Diagnostic> {
    if matches!(node.data, Data::Null) {
        replace(node, Node::new(Data::Map(Box::default()), origin.clone()));
    }
    match &mut node.data {
        Data::Map(map) => Ok(map),
        other => {
            let at = Arc::clone(&node.origin.file);
            let message = format!("{key:?} needs a map where {at} has {}", other.kind());
            Err(origin.error(message))
        }
    }
}
