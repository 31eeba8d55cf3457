//! Three trees, merged key by key.

use super::{Conflict, metadata_path};
use crate::path::{KeyPath, Step};
use crate::rules::FIELDS;
use crate::tree::Tree;

/// The documents of the three files.
pub(super) struct Documents<'d> {
    pub(super) base: Option<&'d [Tree]>,
    pub(super) ours: &'d [Tree],
    pub(super) theirs: &'d [Tree],
}

/// Something that the other side did, and ours did not undo.
pub(super) struct Change {
    pub(super) document: usize,
    pub(super) path: KeyPath,
    /// The new value; nothing if the key was taken away.
    pub(super) value: Option<Tree>,
}

impl Documents<'_> {
    /// Returns what the other side changed, or every key that both sides did.
    pub(super) fn changes(&self) -> Result<Vec<Change>, Vec<Conflict>> {
        let mut finder = Finder {
            document: 0,
            path: KeyPath::default(),
            changes: Vec::new(),
            conflicts: Vec::new(),
        };
        let count = self.ours.len().max(self.theirs.len());
        for document in 0..count {
            finder.document = document;
            let base = self.base.and_then(|base| base.get(document));
            finder.compare(base, self.ours.get(document), self.theirs.get(document));
        }
        if finder.conflicts.is_empty() { Ok(finder.changes) } else { Err(finder.conflicts) }
    }

    /// Returns the documents of ours with `changes` made.
    pub(super) fn merged(&self, changes: &[Change]) -> Vec<Tree> {
        let mut merged = self.ours.to_vec();
        for change in changes {
            match (merged.get_mut(change.document), &change.value, change.path.steps()) {
                (Some(tree), Some(value), []) => *tree = value.clone(),
                (Some(tree), value, steps) => apply(tree, steps, value.as_ref()),
                (None, Some(value), _) => merged.push(value.clone()),
                (None, None, _) => {}
            }
        }
        merged
    }
}

fn apply(tree: &mut Tree, steps: &[Step], value: Option<&Tree>) {
    let (Tree::Map(members), Some((Step::Key(key), rest))) = (tree, steps.split_first()) else {
        return;
    };
    let at = members.iter().position(|(name, _)| name == key);
    match (at, rest, value) {
        (Some(at), [], Some(value)) => members[at].1 = value.clone(),
        (Some(at), [], None) => drop(members.remove(at)),
        (None, [], Some(value)) => members.push((key.clone(), value.clone())),
        (Some(at), rest, value) => apply(&mut members[at].1, rest, value),
        (None, ..) => {}
    }
}

struct Finder {
    document: usize,
    path: KeyPath,
    changes: Vec<Change>,
    conflicts: Vec<Conflict>,
}

impl Finder {
    fn compare(&mut self, base: Option<&Tree>, ours: Option<&Tree>, theirs: Option<&Tree>) {
        let same_or_none = |one: Option<&Tree>, other: Option<&Tree>| match (one, other) {
            (Some(one), Some(other)) => one.is_same(other),
            (None, None) => true,
            _ => false,
        };
        if same_or_none(ours, theirs)
            || (base.is_some() || ours.is_some()) && same_or_none(base, theirs)
        {
            return;
        }
        if let (Some(Tree::Map(ours)), Some(Tree::Map(theirs))) = (ours, theirs) {
            return self.members(base, ours, theirs);
        }
        if same_or_none(base, ours) {
            let (document, path) = (self.document, self.path.clone());
            self.changes.push(Change { document, path, value: theirs.cloned() });
            return;
        }
        let problem = match (base, ours, theirs) {
            (Some(_), None, Some(_)) => "removed in ours, and changed in theirs",
            (Some(_), Some(_), None) => "changed in ours, and removed in theirs",
            (None, ..) => "added on both sides with different values",
            _ => "changed on both sides, to different values",
        };
        self.conflicts.push(Conflict { document: self.document, path: self.path.clone(), problem });
    }

    fn members(&mut self, base: Option<&Tree>, ours: &[(String, Tree)], theirs: &[(String, Tree)]) {
        let empty = Vec::new();
        let base = match base {
            Some(Tree::Map(base)) => base,
            _ => &empty,
        };
        let find = |members: &[(String, Tree)], key: &str| {
            members.iter().position(|(name, _)| name == key)
        };
        let only_theirs = theirs.iter().filter(|(key, _)| find(ours, key).is_none());
        for (key, _) in ours.iter().chain(only_theirs) {
            let of = |members: &[(String, Tree)]| find(members, key);
            let (b, o, t) = (of(base), of(ours), of(theirs));
            self.path.push(Step::Key(key.clone()));
            self.compare(
                b.map(|at| &base[at].1),
                o.map(|at| &ours[at].1),
                t.map(|at| &theirs[at].1),
            );
            self.path.pop();
        }
    }
}

/// Returns the metadata of ours with the rules and the keys of other kinds that the other side changed.
pub(super) fn metadata(
    base: Option<&Tree>,
    ours: &Tree,
    theirs: &Tree,
) -> Result<Tree, Vec<Conflict>> {
    const KEYS: [&str; 7] =
        ["kms", "gcp_kms", "azure_kv", "hc_vault", "hckms", "pgp", "mac_only_encrypted"];
    let mut merged = ours.clone();
    let mut conflicts = Vec::new();
    for field in FIELDS.into_iter().chain(KEYS) {
        let path = KeyPath::key(field);
        let [b, o, t] =
            [base, Some(ours), Some(theirs)].map(|tree| tree.and_then(|tree| tree.get(&path)));
        if o == t || base.is_some() && b == t {
            continue;
        }
        if base.is_none() || b != o {
            let problem = "changed on both sides, to different values";
            conflicts.push(Conflict { document: 0, path: metadata_path(field), problem });
            continue;
        }
        apply(&mut merged, path.steps(), t);
    }
    if conflicts.is_empty() { Ok(merged) } else { Err(conflicts) }
}
