//! Laying one layer over another.

use std::collections::BTreeSet;

use super::key;
use super::node::{Data, Earlier, Map, Node, Origin};
use crate::diagnostic::Diagnostic;

/// How layers are merged where it is not obvious.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct MergeRules {
    /// Dotted keys of lists to which later layers append, in place of replacing them; quoted only
    /// where [`key::join`] quotes.
    pub append: BTreeSet<String>,
}

/// Returns `overlay` laid over `base`.
///
/// Maps merge deeply, and keep the order of `base` with new keys after it; scalars and lists are
/// replaced, or appended where `rules` says so. Anything may take the place of null, but nothing
/// other than a map may take the place of a map.
///
/// # Errors
/// A diagnostic that names both places for each map that meets something else.
pub fn merge(mut base: Node, overlay: Node, rules: &MergeRules) -> Result<Node, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    merge_into(&mut base, overlay, rules, &mut problems);
    if problems.is_empty() { Ok(base) } else { Err(problems) }
}

/// Lays `overlay` over `base`, which keeps its own value where the two conflict.
pub(super) fn merge_into(
    base: &mut Node,
    overlay: Node,
    rules: &MergeRules,
    problems: &mut Vec<Diagnostic>,
) {
    Merger { rules, path: String::new(), problems }.node(base, overlay);
}

struct Merger<'r> {
    rules: &'r MergeRules,
    path: String,
    problems: &'r mut Vec<Diagnostic>,
}

impl Merger<'_> {
    fn node(&mut self, base: &mut Node, mut overlay: Node) {
        match (&mut base.data, &mut overlay.data) {
            (Data::Map(base), Data::Map(overlay)) => self.map(base, std::mem::take(&mut **overlay)),
            (Data::Map(_), _) => self.conflict(base, &overlay),
            (Data::Null, _) => replace(base, overlay),
            (_, Data::Map(_)) => self.conflict(base, &overlay),
            (Data::List(_), Data::List(_)) if self.rules.append.contains(&self.path) => {
                append(base, overlay);
            }
            _ => replace(base, overlay),
        }
    }

    fn map(&mut self, base: &mut Map, overlay: Map) {
        for (name, value) in overlay {
            let before = key::push(&mut self.path, &name);
            match base.get_mut(&name) {
                Some(node) => self.node(node, value),
                None => {
                    base.insert(name, value);
                }
            }
            self.path.truncate(before);
        }
    }

    fn conflict(&mut self, base: &Node, overlay: &Node) {
        let message = format!(
            "`{}` is {} here but {} at {}",
            self.path,
            overlay.data.kind(),
            base.data.kind(),
            base.place()
        );
        let hint = "a map merges only with a map: rename one of the two, or make both maps";
        self.problems.push(overlay.place().error(message).hint(hint));
    }
}

fn replace(base: &mut Node, overlay: Node) {
    let node = std::mem::replace(base, overlay);
    base.earlier = Some(Box::new(Earlier { node, appended: false }));
}

fn append(base: &mut Node, overlay: Node) {
    let emptied = Node::new(Data::List(Vec::new()), base.origin.clone());
    let mut old = std::mem::replace(base, overlay);
    if let (Data::List(before), Data::List(after)) = (&mut old.data, &mut base.data) {
        before.append(after);
        std::mem::swap(before, after);
    }
    let node = Node { key: old.key, earlier: old.earlier, ..emptied };
    base.earlier = Some(Box::new(Earlier { node, appended: true }));
}

/// What one layer says about a node.
pub(super) struct Contribution {
    pub(super) origin: Origin,
    pub(super) value: serde_json::Value,
    /// Whether nothing of it is in force any more.
    pub(super) overridden: bool,
}

/// Returns what the layer whose places are in the file of `layer` says about `node`.
pub(super) fn contribution(node: &Node, layer: &Origin) -> Option<Contribution> {
    if let Some(map) = node.as_map().filter(|map| !map.is_empty()) {
        return map_contribution(map, layer).or_else(|| earlier_contribution(node, layer));
    }
    if node.origin.is_of(&layer.file) {
        let value = own_value(node);
        return Some(Contribution { origin: node.origin.clone(), value, overridden: false });
    }
    earlier_contribution(node, layer)
}

fn map_contribution(map: &Map, layer: &Origin) -> Option<Contribution> {
    let mut values = serde_json::Map::new();
    let mut place: Option<Origin> = None;
    let mut overridden = true;
    for (name, node) in map {
        let Some(part) = contribution(node, layer) else { continue };
        let key = node.key_origin().filter(|origin| origin.is_of(&layer.file));
        place = place.or(key).or(Some(part.origin));
        overridden &= part.overridden;
        values.insert(name.clone(), part.value);
    }
    Some(Contribution { origin: place?, value: values.into(), overridden })
}

fn earlier_contribution(node: &Node, layer: &Origin) -> Option<Contribution> {
    let mut appended = true;
    let mut earlier = node.earlier.as_deref();
    while let Some(before) = earlier {
        appended &= before.appended;
        if before.appended && before.node.origin.is_of(&layer.file) {
            let value = elements_of(node, &before.node.origin);
            let origin = before.node.origin.clone();
            return Some(Contribution { origin, value, overridden: !appended });
        }
        if !before.appended
            && let Some(found) = contribution(&before.node, layer)
        {
            return Some(Contribution { overridden: true, ..found });
        }
        earlier = before.node.earlier.as_deref();
    }
    None
}

/// Returns what the node's own layer wrote: without the elements of the lists it was appended to.
fn own_value(node: &Node) -> serde_json::Value {
    match &node.earlier {
        Some(earlier) if earlier.appended => elements_of(node, &node.origin),
        _ => node.to_masked_json(),
    }
}

fn elements_of(node: &Node, origin: &Origin) -> serde_json::Value {
    let elements = node.as_list().unwrap_or_default().iter();
    elements.filter(|e| e.origin.is_of(&origin.file)).map(Node::to_masked_json).collect()
}
