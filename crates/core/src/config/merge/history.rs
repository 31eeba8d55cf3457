//! What each layer said about a value.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde_json::Value;

use crate::config::node::{Change, Data, MASK, Map, Node, Origin};

/// A layer, as its values name it: those of the environment name a variable each, the defaults of a
/// schema the file of it that has them, and are still of one layer.
#[derive(Debug, Clone)]
pub(in crate::config) struct Source {
    /// Where it starts.
    pub(in crate::config) origin: Origin,
    others: BTreeMap<usize, Arc<str>>,
}

impl Source {
    /// Returns the layer that `root` is.
    pub(in crate::config) fn of(root: &Node) -> Self {
        let mut source = Self { origin: root.origin.clone(), others: BTreeMap::new() };
        if root.origin.span.is_none() {
            source.collect(root);
        }
        source
    }

    fn collect(&mut self, node: &Node) {
        if !self.wrote(&node.origin) {
            self.others.insert(address(&node.origin.file), Arc::clone(&node.origin.file));
        }
        match &node.data {
            Data::List(list) => list.iter().for_each(|node| self.collect(node)),
            Data::Map(map) => map.values().for_each(|node| self.collect(node)),
            _ => {}
        }
    }

    /// Tells whether what was written at `origin` is of this layer.
    pub(in crate::config) fn wrote(&self, origin: &Origin) -> bool {
        origin.is_of(&self.origin.file)
            || (!self.others.is_empty() && self.others.contains_key(&address(&origin.file)))
    }
}

/// Returns what tells `file` from all others that are alive.
fn address(file: &Arc<str>) -> usize {
    Arc::as_ptr(file).cast::<u8>().addr()
}

/// What one layer says about a node.
pub(in crate::config) struct Contribution {
    pub(in crate::config) origin: Origin,
    /// Where its key is, for the value of a map.
    key: Option<Origin>,
    pub(in crate::config) value: Value,
    /// Whether nothing of it is in force any more.
    pub(in crate::config) overridden: bool,
}

/// Returns what each of `layers` says about the value under `path` below `root`, with the number of
/// the layer: also what it said before a later layer replaced or deleted something above it.
pub(in crate::config) fn contributions(
    root: &Node,
    path: &[Cow<'_, str>],
    layers: &[Source],
) -> Vec<(usize, Contribution)> {
    let mut versions = Vec::new();
    trace(root, path, true, &mut versions);
    let of_layer = |(number, layer)| {
        let found = versions.iter().find_map(|version| version.contribution(layer))?;
        Some((number, found))
    };
    layers.iter().enumerate().filter_map(of_layer).collect()
}

/// What was, at some time, under a path.
struct Version<'n> {
    node: &'n Node,
    /// Whether it is a null that deleted something above the path.
    deletion: bool,
    in_force: bool,
}

impl Version<'_> {
    fn contribution(&self, layer: &Source) -> Option<Contribution> {
        let found =
            if self.deletion { own(self.node, layer) } else { contribution(self.node, layer) };
        found.map(|found| Contribution { overridden: found.overridden || !self.in_force, ..found })
    }
}

/// Adds the versions of what is under `path` below `node`, newest first.
fn trace<'n>(node: &'n Node, path: &[Cow<'_, str>], in_force: bool, out: &mut Vec<Version<'n>>) {
    let Some((first, rest)) = path.split_first() else {
        return out.push(Version { node, deletion: false, in_force });
    };
    let before = out.len();
    let is_null = matches!(node.data, Data::Null);
    if is_null {
        out.push(Version { node, deletion: true, in_force });
    }
    let child = node.child(first).or_else(|| node.deleted()?.get(&**first));
    if let Some(child) = child {
        trace(child, rest, in_force, out);
    }
    if let Some(replaced) = replaced(node) {
        // What was deleted stays so until something is put there again.
        let put_beside = !is_null && child.is_none();
        let stays = in_force && put_beside && matches!(replaced.data, Data::Null);
        trace(replaced, path, stays, out);
    }
    // A null that came before anything else was there has deleted nothing.
    if is_null && out.len() == before + 1 {
        out.truncate(before);
    }
}

/// Returns the value in whose place `node` was put.
fn replaced(node: &Node) -> Option<&Node> {
    let mut earlier = node.earlier.as_deref()?;
    while earlier.change != Change::Replaced {
        earlier = earlier.node.earlier.as_deref()?;
    }
    Some(&earlier.node)
}

/// Returns what `layer` says about `node`, now or before it was replaced.
fn contribution(node: &Node, layer: &Source) -> Option<Contribution> {
    let found = match &node.data {
        Data::Map(map) => map_contribution(node, map, layer),
        Data::List(list) => list_contribution(node, list, layer),
        _ => own(node, layer),
    };
    let found = found.or_else(|| {
        let before = contribution(replaced(node)?, layer)?;
        Some(Contribution { overridden: true, ..before })
    })?;
    let value = if node.secret { Value::from(MASK) } else { found.value };
    Some(Contribution { value, ..found })
}

/// Returns what `node` itself says, if `layer` wrote it.
fn own(node: &Node, layer: &Source) -> Option<Contribution> {
    let value = || node.to_masked_json();
    let origin = &node.origin;
    layer.wrote(origin).then(|| Contribution {
        origin: origin.clone(),
        key: node.key_origin(),
        value: value(),
        overridden: false,
    })
}

fn map_contribution(node: &Node, map: &Map, layer: &Source) -> Option<Contribution> {
    let mut values = serde_json::Map::new();
    let mut place: Option<Origin> = None;
    let mut overridden = true;
    for (name, child) in map.iter().chain(node.deleted().into_iter().flatten()) {
        let Some(part) = contribution(child, layer) else { continue };
        let key = part.key.unwrap_or(part.origin);
        place = Some(match place {
            Some(place) if !key.is_of(&place.file) => layer.origin.clone(),
            Some(place) => place,
            None => key,
        });
        overridden &= part.overridden;
        values.insert(name.clone(), part.value);
    }
    match place {
        Some(origin) => {
            let key = node.key_origin().filter(|key| layer.wrote(key));
            Some(Contribution { origin, key, value: values.into(), overridden })
        }
        // It wrote an empty map, which others have filled.
        None => own(node, layer).map(|own| Contribution { value: values.into(), ..own }),
    }
}

fn list_contribution(node: &Node, list: &[Node], layer: &Source) -> Option<Contribution> {
    let parts = list.iter().filter_map(|element| contribution(element, layer));
    let mut parts: Vec<_> = parts.collect();
    if node.earlier.as_ref().is_some_and(|earlier| earlier.change == Change::Combined) {
        // Elements stand where the first layer with them has them; this one may have another order.
        parts.sort_by_key(|part| part.origin.span.map(|span| span.position));
    }
    let first = || parts.first().map(|part| part.origin.clone());
    let list = list_part(node, layer);
    let key = list.and_then(Node::key_origin);
    let origin = list.map(|list| list.origin.clone()).or_else(first)?;
    let overridden = !parts.is_empty() && parts.iter().all(|part| part.overridden);
    let value = parts.into_iter().map(|part| part.value).collect();
    Some(Contribution { origin, key, value, overridden })
}

/// Returns the list that `layer` wrote: the whole, or one that was combined into it.
fn list_part<'n>(node: &'n Node, layer: &Source) -> Option<&'n Node> {
    let mut list = node;
    while !layer.wrote(&list.origin) {
        let earlier = list.earlier.as_deref()?;
        if earlier.change != Change::Combined {
            return None;
        }
        list = &earlier.node;
    }
    Some(list)
}
