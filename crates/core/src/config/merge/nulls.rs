//! Nulls that delete keys, and what is remembered of the deleted.

use std::collections::HashSet;

use super::{Compiled, remember};
use crate::config::node::{Change, Data, Earlier, Node};

impl Compiled<'_> {
    /// Takes the nulls out of the maps in `value`, which no earlier layer has, if null deletes.
    pub(super) fn strip(&self, value: &mut Node) {
        let origin = value.origin.clone();
        let Data::Map(map) = &mut value.data else { return };
        let mut nulls = Vec::new();
        map.retain(|name, child| {
            let deletes = self.deletes(child);
            if deletes {
                let gone = Node::new(Data::Null, origin.clone());
                nulls.push((name.clone(), std::mem::replace(child, gone)));
            } else {
                self.strip(child);
            }
            !deletes
        });
        for (name, null) in nulls {
            lay(value, name, null);
        }
    }
}

/// Remembers that `null` deletes what is under `name` in the map `base`, or keeps it away. What is
/// there leaves a null until [`drop_deleted`].
pub(super) fn bury(base: &mut Node, name: String, mut null: Node) {
    let Node { data: Data::Map(map), earlier, .. } = base else { return };
    if let Some(old) = map.get_mut(&name) {
        let gone = Node::new(Data::Null, old.origin.clone());
        let node = std::mem::replace(old, gone);
        remember(&mut null, Earlier { node, change: Change::Replaced });
    }
    revive(earlier, &name, &mut null);
    lay(base, name, null);
}

/// Removes the keys that were buried, in one pass.
pub(super) fn drop_deleted(base: &mut Node, names: &[String]) {
    let Data::Map(map) = &mut base.data else { return };
    if !names.is_empty() {
        let names: HashSet<&str> = names.iter().map(String::as_str).collect();
        map.retain(|name, _| !names.contains(name.as_str()));
    }
}

/// Lets `value`, which is put under `name` again, remember what was deleted there.
pub(in crate::config) fn revive(earlier: &mut Option<Box<Earlier>>, name: &str, value: &mut Node) {
    let Some(earlier) = earlier.as_deref_mut() else { return };
    if earlier.change == Change::Deleted
        && let Data::Map(deleted) = &mut earlier.node.data
        && let Some(null) = deleted.swap_remove(name)
    {
        remember(value, Earlier { node: null, change: Change::Replaced });
    }
}

/// Keeps `null` with the deleted keys of the map `base`.
fn lay(base: &mut Node, name: String, null: Node) {
    if base.deleted().is_none() {
        let mut node = Node::new(Data::Map(Box::default()), base.origin.clone());
        node.earlier = base.earlier.take();
        base.earlier = Some(Box::new(Earlier { node, change: Change::Deleted }));
    }
    if let Some(Data::Map(deleted)) = base.earlier.as_mut().map(|earlier| &mut earlier.node.data) {
        deleted.insert(name, null);
    }
}
