//! What a file says about itself: recipients, rules and the authentication code.

mod block;
mod flat;
mod read;

pub(crate) use block::{Block, Seal, flow_cut};
pub(crate) use flat::{PREFIX, SECTION};
pub(crate) use read::read;

use crate::rules::Selection;
use crate::tree::Tree;
use crate::value::Value;

/// The version that a new file says: that of the format as SOPS 3.13 writes it.
const FORMAT_VERSION: &str = "3.13.2";

/// What a file says about itself, which everybody can read and nobody but a holder of the data key can
/// forge as far as values go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Metadata {
    /// The age recipients, each with the data key wrapped for it.
    pub age: Vec<AgeEntry>,
    /// Keys of other kinds, which are kept as they are and not used.
    pub foreign: Vec<ForeignKey>,
    /// When the file was last modified, as it is written there.
    pub last_modified: String,
    /// Which values are encrypted.
    pub selection: Selection,
    /// Whether the authentication code covers encrypted values only.
    pub mac_only_encrypted: bool,
    /// The version of SOPS that wrote the file first.
    pub version: String,
    /// The encrypted authentication code; nothing if it is missing.
    pub(crate) mac: Option<String>,
    /// Among how many key groups the data key is split; 1 if it is not.
    pub(crate) key_groups: usize,
    /// Everything, in the order of the file.
    pub(crate) tree: Tree,
}

/// A data key, wrapped for an age recipient.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgeEntry {
    /// For whom: `age1…` or `ssh-ed25519 …`.
    pub recipient: String,
    /// The wrapped key: an armored age file.
    pub wrapped_key: String,
}

/// A key of another kind than age's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignKey {
    /// SOPS's word for the kind: `pgp`, `kms`, `gcp_kms`, `azure_kv`, `hc_vault`, `hckms`.
    pub kind: String,
    /// What tells it from others of its kind, such as a fingerprint.
    pub id: String,
}

impl ForeignKey {
    pub(crate) fn shown(&self) -> String {
        format!("{} {}", self.kind, self.id)
    }
}

/// Returns the metadata of a new file, in the order of their names.
pub(crate) fn fresh(age: &[AgeEntry], selection: &Selection, mac_only_encrypted: bool) -> Tree {
    let mut members = vec![
        ("age".to_owned(), age_tree(age)),
        ("lastmodified".to_owned(), Tree::text("")),
        ("mac".to_owned(), Tree::text("")),
        (selection.field().to_owned(), Tree::text(selection.text())),
        ("version".to_owned(), Tree::text(FORMAT_VERSION)),
    ];
    if mac_only_encrypted {
        members.push(("mac_only_encrypted".to_owned(), Value::boolean(true).into()));
    }
    members.sort_by(|one, other| one.0.cmp(&other.0));
    Tree::Map(members)
}

fn age_tree(age: &[AgeEntry]) -> Tree {
    let entry = |entry: &AgeEntry| {
        Tree::Map(vec![
            ("enc".to_owned(), Tree::text(&entry.wrapped_key)),
            ("recipient".to_owned(), Tree::text(&entry.recipient)),
        ])
    };
    Tree::List(age.iter().map(entry).collect())
}

/// Returns the metadata `tree` with these age recipients, and all else as it was.
pub(crate) fn with_age(tree: &Tree, age: &[AgeEntry]) -> Tree {
    let Tree::Map(members) = tree else { return tree.clone() };
    let mut members = members.clone();
    match members.iter_mut().find(|(name, _)| name == "age") {
        Some((_, tree)) => *tree = age_tree(age),
        None => members.insert(0, ("age".to_owned(), age_tree(age))),
    }
    Tree::Map(members)
}

/// Returns the metadata `tree` with another time and authentication code.
pub(crate) fn sealed(tree: &Tree, last_modified: &str, mac: &str) -> Tree {
    let Tree::Map(members) = tree else { return tree.clone() };
    let mut members = members.clone();
    for (name, text) in [("lastmodified", last_modified), ("mac", mac)] {
        match members.iter_mut().find(|(other, _)| other == name) {
            Some((_, tree)) => *tree = Tree::text(text),
            None => members.push((name.to_owned(), Tree::text(text))),
        }
    }
    Tree::Map(members)
}
