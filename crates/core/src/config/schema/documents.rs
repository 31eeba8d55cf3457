//! The documents that a schema is made of: its own file, and those that it refers to.

use std::collections::{HashMap, HashSet};

use jsonschema::{Retrieve, Uri, uri};
use serde_json::Value;

use super::pointer;
use super::scan::{Base, Reference, Scan, is_url, join, scan};
use crate::config::format::Format;
use crate::config::node::Node;
use crate::config::parse::{MAX_TEXT, parse};
use crate::diagnostic::Diagnostic;

/// How many files a schema may be made of.
pub const MAX_FILES: usize = 1_000;
/// What identifies a file: this, and its path.
const FILES: &str = "windlass:///";

/// Returns what is in a file that a schema refers to, or why that cannot be used.
pub(super) type Read<'r> = dyn FnMut(&str) -> Result<String, Diagnostic> + 'r;

type Problems = Vec<Diagnostic>;

/// One document, as it is written.
pub(super) struct Document {
    pub(super) file: String,
    pub(super) uri: Uri<String>,
    pub(super) root: Node,
    pub(super) json: Value,
    pub(super) scan: Scan,
    pub(super) may_mention: Mentions,
}

/// Which of the keywords that most schemas do without can be in a text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Mentions {
    pub(super) secret: bool,
    pub(super) deprecated: bool,
}

/// A place in one of the documents.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Target {
    pub(super) document: usize,
    pub(super) pointer: String,
}

/// All documents of a schema; the first is that of the schema itself.
#[derive(Default)]
pub(super) struct Documents {
    pub(super) all: Vec<Document>,
    homes: HashMap<String, Target>,
    size: usize,
}

impl Documents {
    /// Returns the document that `text` writes, and all those that it refers to, as `read` has them.
    ///
    /// # Errors
    /// What is wrong with their syntax, and each reference that leads to no file.
    pub(super) fn load(file: &str, text: &str, read: &mut Read<'_>) -> Result<Self, Problems> {
        let mut loading = Loading {
            documents: Self::default(),
            read,
            failed: HashSet::new(),
            problems: Vec::new(),
        };
        let uri = of_file(file).map_err(|problem| vec![problem])?;
        let document = Document::new(file, text, uri, None)?;
        loading.documents.add(document, text.len());
        let mut next = 0;
        while next < loading.documents.all.len() {
            loading.follow(next);
            next += 1;
        }
        let Loading { documents, failed, mut problems, .. } = loading;
        problems.extend(documents.leaving(&failed));
        problems.sort_by(|a, b| (&a.file, a.position).cmp(&(&b.file, b.position)));
        if problems.is_empty() { Ok(documents.absolute()) } else { Err(problems) }
    }

    /// Writes identifiers, and references to other files, out in full: the validator takes a document
    /// for what it was asked for, whatever that calls itself.
    fn absolute(mut self) -> Self {
        if self.all.len() < 2 {
            return self;
        }
        let all: Vec<_> = (0..self.all.len()).map(|number| self.full_names(number)).collect();
        for (document, names) in self.all.iter_mut().zip(all) {
            for (pointer, name) in names {
                if let Some(text) = document.json.pointer_mut(&pointer) {
                    *text = Value::String(name);
                }
            }
        }
        self
    }

    /// Returns the places of the identifiers and references of a document, and what they mean.
    fn full_names(&self, number: usize) -> Vec<(String, String)> {
        let document = &self.all[number];
        let keyword = document.id_keyword();
        let ids = document.scan.ids.iter();
        let mut names: Vec<_> = ids
            .map(|(uri, pointer)| (format!("{pointer}/{keyword}"), uri.as_str().to_owned()))
            .collect();
        names.extend(document.scan.references.iter().filter_map(|reference| {
            let (bare, fragment) = reference.text.split_once('#').unwrap_or((&reference.text, ""));
            let home = self.home(reference.base.resolve(bare)?.as_str())?;
            let name = format!("{}#{fragment}", self.name_of(home));
            (!bare.is_empty()).then(|| (reference.pointer.clone(), name))
        }));
        names
    }

    /// Returns what the place calls itself, or else what it was asked for as.
    fn name_of(&self, home: &Target) -> &str {
        let document = &self.all[home.document];
        let own = document.scan.ids.iter().find(|(_, pointer)| *pointer == home.pointer);
        own.map_or(&document.uri, |(uri, _)| uri).as_str()
    }

    /// Returns what `reference`, which is in the document of that number, refers to.
    pub(super) fn resolve(&self, document: usize, reference: &Reference) -> Option<Target> {
        let (bare, fragment) = reference.text.split_once('#').unwrap_or((&reference.text, ""));
        let home = if bare.is_empty() {
            Target { document, pointer: reference.base.pointer.clone() }
        } else {
            self.home(reference.base.resolve(bare)?.as_str())?.clone()
        };
        if reference.is_dynamic
            && let Some(target) = self.outermost(fragment)
        {
            return Some(target);
        }
        if !fragment.is_empty() && !fragment.starts_with('/') {
            let anchors = &self.all[home.document].scan.anchors;
            let named = |anchor: &&super::scan::Anchor| {
                anchor.within == home.pointer && anchor.name == fragment
            };
            let pointer = anchors.iter().find(named)?.pointer.clone();
            return Some(Target { pointer, ..home });
        }
        let pointer = home.pointer.clone() + &pointer::decoded(fragment);
        let target = Target { pointer, ..home };
        self.node(&target).map(|_| target.clone())
    }

    /// Returns what the first document has for a dynamic reference: it is the first in which one is
    /// looked for.
    fn outermost(&self, fragment: &str) -> Option<Target> {
        let document = self.all.first()?;
        if fragment.is_empty() {
            let is_recursive = document.json.get("$recursiveAnchor") == Some(&Value::Bool(true));
            return is_recursive.then(|| Target { document: 0, pointer: String::new() });
        }
        let mut anchors = document.scan.anchors.iter();
        let anchor = anchors.find(|anchor| anchor.is_dynamic && anchor.name == fragment)?;
        Some(Target { document: 0, pointer: anchor.pointer.clone() })
    }

    /// Returns the place that is called `uri`.
    pub(super) fn home(&self, uri: &str) -> Option<&Target> {
        self.homes.get(uri)
    }

    /// Returns what all places that have an identifier are called.
    pub(super) fn homes(&self) -> impl Iterator<Item = (&str, &Target)> {
        self.homes.iter().map(|(uri, target)| (uri.as_str(), target))
    }

    /// Returns the value at a place.
    pub(super) fn node(&self, target: &Target) -> Option<&Node> {
        pointer::at(&self.all.get(target.document)?.root, &target.pointer)
    }

    /// Returns all references, each with the number of its document.
    pub(super) fn references(&self) -> impl Iterator<Item = (usize, &Reference)> {
        let documents = self.all.iter().enumerate();
        documents.flat_map(|(number, document)| {
            document.scan.references.iter().map(move |reference| (number, reference))
        })
    }

    /// Returns what answers the validator when it asks for a document.
    pub(super) fn retriever(&self) -> impl Retrieve + 'static {
        let value = |target: &Target| {
            let json = &self.all[target.document].json;
            json.pointer(&target.pointer).cloned()
        };
        let known = self.homes.iter();
        Known(known.filter_map(|(uri, target)| Some((uri.clone(), value(target)?))).collect())
    }

    fn add(&mut self, document: Document, size: usize) {
        let number = self.all.len();
        let whole = Target { document: number, pointer: String::new() };
        let ids = document.scan.ids.iter().map(|(uri, pointer)| {
            (uri.as_str().to_owned(), Target { document: number, pointer: pointer.clone() })
        });
        for (uri, target) in std::iter::once((document.uri.as_str().to_owned(), whole)).chain(ids) {
            self.homes.entry(uri).or_insert(target);
        }
        self.size += size;
        self.all.push(document);
    }

    /// Returns an error for each reference to what is no document, except those to files in `failed`,
    /// of which is said already why.
    fn leaving(&self, failed: &HashSet<String>) -> Problems {
        let leaves = |reference: &&Reference| {
            let bare = reference.text.split('#').next().unwrap_or_default();
            let uri = reference.base.resolve(bare);
            let known = |uri: &Uri<String>| {
                self.homes.contains_key(uri.as_str()) || failed.contains(uri.as_str())
            };
            !bare.is_empty() && !is_draft(bare) && !uri.as_ref().is_some_and(known)
        };
        self.references().map(|(_, reference)| reference).filter(leaves).map(leaving).collect()
    }
}

fn leaving(reference: &Reference) -> Diagnostic {
    let text = &reference.text;
    let error = |what: &str| reference.origin.error(format!("{what}: {text:?}"));
    if reference.base.resolve(text).is_none() {
        return error("`$ref` is no reference").hint("write `%20` for a space");
    }
    if text.starts_with('/') && !is_url(text) {
        return error("`$ref` with an absolute path is not allowed")
            .hint("write the path from the file in which it stands");
    }
    let hint = "copy it under `$defs` and refer to it as `#/$defs/…`, or into a file";
    error("remote `$ref` is not allowed").hint(hint)
}

/// Tells whether it is a schema that the validator brings.
fn is_draft(base: &str) -> bool {
    ["http://json-schema.org/draft", "https://json-schema.org/draft"]
        .iter()
        .any(|prefix| base.starts_with(prefix))
}

/// Documents while they are read.
struct Loading<'a, 'r> {
    documents: Documents,
    read: &'a mut Read<'r>,
    /// What files are called that cannot be used.
    failed: HashSet<String>,
    problems: Problems,
}

impl Loading<'_, '_> {
    /// Reads the files to which the document of that number refers.
    fn follow(&mut self, number: usize) {
        let references = std::mem::take(&mut self.documents.all[number].scan.references);
        for reference in &references {
            let Some((uri, file)) = self.wanted(reference) else { continue };
            if let Err(problems) = self.fetch(reference, uri.clone(), &file) {
                self.failed.insert(uri.into_string());
                self.problems.extend(problems);
            }
        }
        self.documents.all[number].scan.references = references;
    }

    /// Returns the file that has still to be read, and what it is called.
    fn wanted(&self, reference: &Reference) -> Option<(Uri<String>, String)> {
        let bare = reference.text.split('#').next().filter(|bare| !bare.is_empty())?;
        if is_url(bare) || bare.starts_with('/') || bare.contains('?') {
            return None;
        }
        let uri = reference.base.resolve(bare)?;
        let file = join(reference.base.file.as_deref()?, bare);
        let documents = &self.documents;
        let known = documents.home(uri.as_str());
        let is_known = known.is_some_and(|home| {
            let document = &documents.all[home.document];
            document.uri != uri || document.file == file
        });
        (!is_known && !self.failed.contains(uri.as_str())).then_some((uri, file))
    }

    fn fetch(
        &mut self,
        reference: &Reference,
        uri: Uri<String>,
        file: &str,
    ) -> Result<(), Problems> {
        let refused = |message: String| vec![reference.origin.error(message)];
        if self.documents.all.len() >= MAX_FILES {
            return Err(refused(format!("schema is made of more than {MAX_FILES} files")));
        }
        let text = (self.read)(file).map_err(|problem| vec![placed(problem, reference)])?;
        if self.documents.size + text.len() > MAX_TEXT {
            return Err(refused(format!("files of the schema have more than {MAX_TEXT} bytes")));
        }
        if Format::from_path(file).is_none_or(|format| !format.is_written()) {
            return Err(refused(format!("{file} is no .json, .yaml or .toml file")));
        }
        let draft = self.documents.all.first().and_then(|first| first.json.get("$schema")).cloned();
        let document = Document::new(file, &text, uri, draft)?;
        self.documents.add(document, text.len());
        Ok(())
    }
}

/// Returns what is wrong with a file at its own place, or else at the reference to it.
fn placed(problem: Diagnostic, reference: &Reference) -> Diagnostic {
    if problem.file.is_some() {
        return problem;
    }
    Diagnostic { hint: problem.hint, ..reference.origin.error(problem.message) }
}

impl Document {
    /// Returns the document that `text` writes; `draft` is that of what does not name its own.
    fn new(
        file: &str,
        text: &str,
        uri: Uri<String>,
        draft: Option<Value>,
    ) -> Result<Self, Problems> {
        let Some(format) = Format::from_path(file).filter(|format| format.is_written()) else {
            let error = Diagnostic::error("a schema is a .json, .yaml or .toml file").in_file(file);
            return Err(vec![error]);
        };
        let root = parse(format, file, text)?;
        let mut json = root.to_json();
        if let (Some(map), Some(draft)) = (json.as_object_mut(), draft) {
            map.entry("$schema").or_insert(draft);
        }
        let scan = scan(&root, Base::of_document(uri.clone(), file), id_keyword(&json));
        let may_mention = Mentions::of(text);
        Ok(Self { file: file.to_owned(), uri, root, json, scan, may_mention })
    }

    fn id_keyword(&self) -> &'static str {
        id_keyword(&self.json)
    }
}

impl Mentions {
    /// A text with a backslash may write any word in another way.
    fn of(text: &str) -> Self {
        let may_hold = |word| text.contains('\\') || text.contains(word);
        Self { secret: may_hold("x-secret"), deprecated: may_hold("deprecated") }
    }
}

/// Returns the keyword by which a schema of that draft calls itself something.
fn id_keyword(json: &Value) -> &'static str {
    let draft = json.get("$schema").and_then(Value::as_str).unwrap_or_default();
    if draft.contains("/draft-04/") { "id" } else { "$id" }
}

/// Returns what identifies a file.
fn of_file(file: &str) -> Result<Uri<String>, Diagnostic> {
    let path = pointer::encoded(file.trim_start_matches('/'));
    let unusable = |_| Diagnostic::error("schema has an unusable name").in_file(file);
    uri::from_str(&format!("{FILES}{path}")).map_err(unusable)
}

/// Documents by what they are called.
struct Known(HashMap<String, Value>);

impl Retrieve for Known {
    fn retrieve(
        &self,
        uri: &Uri<String>,
    ) -> Result<Value, Box<dyn std::error::Error + Send + Sync>> {
        self.0.get(uri.as_str()).cloned().ok_or_else(|| "not a document of the schema".into())
    }
}
