//! One document out of all that a schema is made of.

use std::collections::HashMap;

use jsonschema::ValidationError as Error;

use super::documents::{Documents, Target};
use super::pointer;
use super::scan::Reference;
use crate::config::node::{Data, Map, Node};

/// The key under which the other files are.
const FILES: &str = "x-windlass-files";

/// Where a keyword is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Keyword {
    /// The file that it is written in.
    pub(super) file: String,
    /// Its place in that file, as a JSON pointer.
    pub(super) pointer: String,
    /// Its place in the linked document.
    pub(super) linked: String,
}

/// Tells where the keywords of a schema are written.
#[derive(Debug)]
pub(super) struct Homes {
    /// The file of the schema itself.
    file: String,
    /// What has an identifier: its file, its place there, and the place of that file in the linked
    /// document. Nothing where there is one file.
    others: HashMap<String, (String, String, String)>,
}

impl Homes {
    /// Returns where the keyword is that was not met.
    pub(super) fn keyword(&self, error: &Error<'_>) -> Keyword {
        self.found(error).unwrap_or_else(|| {
            let pointer = error.schema_path().as_str().to_owned();
            Keyword { file: self.file.clone(), linked: pointer.clone(), pointer }
        })
    }

    fn found(&self, error: &Error<'_>) -> Option<Keyword> {
        let location = error.absolute_keyword_location()?.as_str();
        let (uri, fragment) = location.split_once('#').unwrap_or((location, ""));
        let (file, within, prefix) = self.others.get(uri)?;
        let pointer = format!("{within}{}", pointer::decoded(fragment));
        Some(Keyword { file: file.clone(), linked: format!("{prefix}{pointer}"), pointer })
    }
}

/// Returns the first document with the others in it, every reference being one to a place in it, and
/// where all of that is written.
///
/// Whoever walks the result needs to know neither files nor identifiers nor anchors. References to
/// the schemas of drafts, and those that lead nowhere, stay as they are.
pub(super) fn link(documents: Documents) -> (Node, Homes) {
    let homes = homes(&documents);
    let edits: Vec<_> =
        documents.references().filter_map(|(n, r)| edit(&documents, n, r)).collect();
    let mut all: Vec<_> = documents.all.into_iter().collect();
    for (target, text) in edits {
        let root = &mut all[target.document].root;
        if let Some(node) = at_mut(root, &target.pointer) {
            node.data = Data::String(text);
        }
    }
    let mut all = all.into_iter();
    let mut root = all.next().expect("a schema has a document").root;
    let others: Map = all.map(|other| (other.uri.into_string(), other.root)).collect();
    if let (Data::Map(map), false) = (&mut root.data, others.is_empty()) {
        let origin = root.origin.clone();
        map.insert(FILES.to_owned(), Node::new(Data::Map(Box::new(others)), origin));
    }
    (root, homes)
}

/// Returns where the text of a reference is, and what it has to be.
fn edit(documents: &Documents, number: usize, reference: &Reference) -> Option<(Target, String)> {
    let is_plain = number == 0
        && reference.base.pointer.is_empty()
        && (reference.text == "#" || reference.text.starts_with("#/"));
    if is_plain {
        return None;
    }
    let target = documents.resolve(number, reference)?;
    let text = pointer::reference(&format!("{}{}", prefix(documents, &target), target.pointer));
    Some((Target { document: number, pointer: reference.pointer.clone() }, text))
}

/// Returns where the document of `target` is in the linked one.
fn prefix(documents: &Documents, target: &Target) -> String {
    let mut prefix = String::new();
    if target.document > 0 {
        pointer::push(&mut prefix, FILES);
        pointer::push(&mut prefix, documents.all[target.document].uri.as_str());
    }
    prefix
}

fn homes(documents: &Documents) -> Homes {
    let file = documents.all.first().map(|first| first.file.clone()).unwrap_or_default();
    let home = |(uri, target): (&str, &Target)| {
        let file = documents.all[target.document].file.clone();
        (uri.to_owned(), (file, target.pointer.clone(), prefix(documents, target)))
    };
    let is_alone = documents.all.len() == 1;
    let others = if is_alone { HashMap::new() } else { documents.homes().map(home).collect() };
    Homes { file, others }
}

fn at_mut<'n>(root: &'n mut Node, pointer: &str) -> Option<&'n mut Node> {
    crate::config::key::split_pointer(pointer)
        .try_fold(root, |node, segment| node.child_mut(&segment))
}
