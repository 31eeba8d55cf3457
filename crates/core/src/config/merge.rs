//! Laying one layer over another.

#[cfg(test)]
mod corpus;
mod history;
mod lists;
mod nulls;
mod rules;
#[cfg(test)]
mod tests;

pub(super) use self::history::{Contribution, Source, contributions};
pub(super) use self::nulls::revive;
pub(super) use self::rules::Compiled;
pub use self::rules::{ListMerge, MergeRules};

use super::key;
use super::node::{Change, Data, Earlier, Map, Node};
use crate::diagnostic::Diagnostic;

/// Returns `overlay` laid over `base`.
///
/// Maps merge deeply, and keep the order of `base` with new keys after it; scalars are replaced, and
/// so are lists unless `rules` says otherwise. Anything may take the place of null, but nothing
/// other than a map may take the place of a map. Where `rules` has null delete, the nulls of
/// `overlay` are in no map of the result.
///
/// # Errors
/// A diagnostic that names both places for each map that meets something else, and one for each
/// element that cannot be told from others where lists merge by a field.
pub fn merge(
    mut base: Node,
    mut overlay: Node,
    rules: &MergeRules,
) -> Result<Node, Vec<Diagnostic>> {
    let mut problems = Vec::new();
    let mut rules = Compiled::new(rules);
    rules.prepare(&mut base, &mut problems);
    rules.prepare(&mut overlay, &mut problems);
    merge_into(&mut base, overlay, &rules, &mut problems);
    if problems.is_empty() { Ok(base) } else { Err(problems) }
}

/// Lays `overlay` over `base`, which keeps its own value where the two conflict; both are prepared.
pub(super) fn merge_into(
    base: &mut Node,
    overlay: Node,
    rules: &Compiled<'_>,
    problems: &mut Vec<Diagnostic>,
) {
    Merger { rules, path: String::new(), problems }.node(base, overlay);
}

struct Merger<'r> {
    rules: &'r Compiled<'r>,
    path: String,
    problems: &'r mut Vec<Diagnostic>,
}

impl Merger<'_> {
    fn node(&mut self, base: &mut Node, mut overlay: Node) {
        match (&mut base.data, &mut overlay.data) {
            (Data::Map(old), Data::Map(new)) if old.is_empty() && new.is_empty() => {
                replace(base, overlay);
            }
            (Data::Map(_), Data::Map(new)) => {
                let new = std::mem::take(&mut **new);
                self.map(base, new);
            }
            (Data::Null, Data::Map(_)) => {
                self.rules.strip(&mut overlay);
                replace(base, overlay);
            }
            (Data::Null, _) => replace(base, overlay),
            (Data::Map(_), _) | (_, Data::Map(_)) => self.conflict(base, &overlay),
            (Data::List(_), Data::List(_)) => self.list(base, overlay),
            _ => replace(base, overlay),
        }
    }

    fn map(&mut self, base: &mut Node, overlay: Map) {
        let mut deleted = Vec::new();
        for (name, value) in overlay {
            let before = key::push(&mut self.path, &name);
            if self.rules.deletes(&value) {
                nulls::bury(base, name.clone(), value);
                deleted.push(name);
            } else {
                self.entry(base, name, value);
            }
            self.path.truncate(before);
        }
        nulls::drop_deleted(base, &deleted);
    }

    /// Lays `value` over what is under `name`.
    fn entry(&mut self, base: &mut Node, name: String, mut value: Node) {
        let Node { data: Data::Map(map), earlier, .. } = base else { return };
        if let Some(node) = map.get_mut(&name) {
            return self.node(node, value);
        }
        self.rules.strip(&mut value);
        revive(earlier, &name, &mut value);
        map.insert(name, value);
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

/// Puts `overlay` in the place of `base`, which it remembers.
pub(super) fn replace(base: &mut Node, overlay: Node) {
    let node = std::mem::replace(base, overlay);
    remember(base, Earlier { node, change: Change::Replaced });
}

/// Puts `earlier` before everything that `node` remembers.
fn remember(node: &mut Node, earlier: Earlier) {
    let mut oldest = &mut node.earlier;
    while let Some(before) = oldest {
        oldest = &mut before.node.earlier;
    }
    *oldest = Some(Box::new(earlier));
}
