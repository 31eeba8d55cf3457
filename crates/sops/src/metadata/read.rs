//! Metadata from the tree that a file has them as.

use super::{AgeEntry, ForeignKey, Metadata};
use crate::error::SopsError;
use crate::rules::{FIELDS, Selection};
use crate::tree::Tree;
use crate::value::{Kind, Value};

/// The kinds of keys that are not age's, and what tells one from another.
const FOREIGN: [(&str, &str); 6] = [
    ("kms", "arn"),
    ("gcp_kms", "resource_id"),
    ("azure_kv", "name"),
    ("hc_vault", "key_name"),
    ("hckms", "key_id"),
    ("pgp", "fp"),
];

/// Returns what `tree` says.
pub(crate) fn read(tree: Tree) -> Result<Metadata, SopsError> {
    let Tree::Map(members) = &tree else { return Err(wrong("", "a map is expected")) };
    let find = |name: &str| members.iter().find(|(other, _)| other == name).map(|(_, tree)| tree);
    let group = group(members)?;
    Ok(Metadata {
        age: age(group.as_deref().unwrap_or(members))?,
        foreign: foreign(group.as_deref().unwrap_or(members)),
        last_modified: text(find("lastmodified"), "lastmodified")?
            .ok_or_else(|| wrong("lastmodified", "missing"))?,
        selection: selection(members)?,
        mac_only_encrypted: flag(find("mac_only_encrypted"))?,
        version: text(find("version"), "version")?.unwrap_or_default(),
        mac: text(find("mac"), "mac")?.filter(|mac| !mac.is_empty()),
        key_groups: groups(members),
        tree: tree.clone(),
    })
}

type Members = [(String, Tree)];

fn wrong(field: &str, problem: &str) -> SopsError {
    SopsError::Metadata { field: field.to_owned(), problem: problem.to_owned() }
}

fn list<'m>(members: &'m Members, name: &str) -> &'m [Tree] {
    match members.iter().find(|(other, _)| other == name) {
        Some((_, Tree::List(items))) => items,
        _ => &[],
    }
}

/// Returns among how many groups the data key is split, as far as no keys stand outside of groups.
fn groups(members: &Members) -> usize {
    let outside = FOREIGN.iter().map(|(kind, _)| *kind).chain(["age"]);
    let any = outside.into_iter().any(|kind| !list(members, kind).is_empty());
    if any { 1 } else { list(members, "key_groups").len().max(1) }
}

/// Returns the keys of the only group, if they are in one.
fn group(members: &Members) -> Result<Option<Vec<(String, Tree)>>, SopsError> {
    match list(members, "key_groups") {
        [Tree::Map(group)] if list(members, "age").is_empty() => Ok(Some(group.clone())),
        [Tree::Value(_) | Tree::List(_)] => Err(wrong("key_groups[0]", "a map is expected")),
        _ => Ok(None),
    }
}

fn text(tree: Option<&Tree>, field: &str) -> Result<Option<String>, SopsError> {
    match tree {
        None => Ok(None),
        Some(Tree::Value(value)) => match value.as_str() {
            Some(text) => Ok(Some(text.to_owned())),
            None => Err(wrong(field, "not text")),
        },
        Some(_) => Err(wrong(field, "text is expected")),
    }
}

fn flag(tree: Option<&Tree>) -> Result<bool, SopsError> {
    let error = || wrong("mac_only_encrypted", "true or false is expected");
    match tree.map(|tree| tree.value().ok_or_else(error)).transpose()? {
        None => Ok(false),
        Some(value) if value.kind() == Kind::Null => Ok(false),
        Some(value) => match value.as_str().map(str::to_ascii_lowercase).as_deref() {
            Some("true") => Ok(true),
            Some("false" | "") => Ok(false),
            _ => Err(error()),
        },
    }
}

fn age(members: &Members) -> Result<Vec<AgeEntry>, SopsError> {
    let entries = list(members, "age").iter().enumerate();
    entries
        .map(|(at, tree)| {
            let field = |name: &str| {
                let value = match tree {
                    Tree::Map(members) => {
                        members.iter().find(|(other, _)| other == name).map(|(_, tree)| tree)
                    }
                    _ => None,
                };
                let path = format!("age[{at}].{name}");
                text(value, &path)?.ok_or_else(|| wrong(&path, "missing"))
            };
            Ok(AgeEntry { recipient: field("recipient")?, wrapped_key: field("enc")? })
        })
        .collect()
}

fn foreign(members: &Members) -> Vec<ForeignKey> {
    let id = |tree: &Tree, name: &str| match tree {
        Tree::Map(members) => {
            let value =
                members.iter().find(|(other, _)| other == name).and_then(|(_, tree)| tree.value());
            value.and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        _ => String::new(),
    };
    FOREIGN
        .iter()
        .flat_map(|(kind, name)| list(members, kind).iter().map(move |tree| (kind, name, tree)))
        .map(|(kind, name, tree)| ForeignKey { kind: (*kind).to_owned(), id: id(tree, name) })
        .collect()
}

fn selection(members: &Members) -> Result<Selection, SopsError> {
    let mut found = None;
    for field in FIELDS {
        let tree = members.iter().find(|(name, _)| name == field).map(|(_, tree)| tree);
        let Some(text) = text(tree, field)?.filter(|text| !text.is_empty()) else { continue };
        if found.is_some() {
            return Err(wrong(
                field,
                "a file has one rule for what is encrypted, and there are several",
            ));
        }
        found = Selection::of_field(field, &text)?;
    }
    Ok(found.unwrap_or_default())
}
