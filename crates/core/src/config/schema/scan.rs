//! What one document of a schema calls itself, and what it refers to.

use std::rc::Rc;

use jsonschema::{Uri, uri};

use super::pointer;
use crate::config::node::{Data, Map, Node, Origin};

/// Keywords whose values are plain data, whatever is in them.
const DATA: [&str; 4] = ["const", "enum", "default", "examples"];
/// Keywords whose values are schemas by name: a property called `$ref` is no reference.
const NAMED: [&str; 6] =
    ["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies"];
/// Keywords that refer.
pub(super) const REFERENCES: [&str; 3] = ["$ref", "$dynamicRef", "$recursiveRef"];

/// What references in a part of a document start from.
#[derive(Debug, Clone)]
pub(super) struct Base {
    /// The identifier of that part.
    pub(super) uri: Uri<String>,
    /// The file from which paths start; nothing in what calls itself by a URL of its own, inside a
    /// document of another name.
    pub(super) file: Option<String>,
    /// Where that part is in the document.
    pub(super) pointer: String,
}

impl Base {
    /// Returns what references in the document that is read from `file` start from.
    pub(super) fn of_document(uri: Uri<String>, file: &str) -> Self {
        Self { uri, file: Some(file.to_owned()), pointer: String::new() }
    }

    /// Returns the identifier that `reference` means here, without its fragment.
    pub(super) fn resolve(&self, reference: &str) -> Option<Uri<String>> {
        let bare = reference.split('#').next().unwrap_or_default();
        let base = self.uri.strip_fragment();
        if bare.is_empty() {
            return Some(base.to_owned());
        }
        uri::resolve_against(&base, bare).ok()
    }

    /// Returns the base in what is at `pointer` and calls itself `id`.
    fn entered(&self, id: &str, pointer: &str) -> Option<Self> {
        let uri = self.resolve(id)?;
        let file = match is_url(id) {
            true if pointer.is_empty() => self.file.clone(),
            true => None,
            false => self.file.as_deref().map(|file| join(file, id)),
        };
        Some(Self { uri, file, pointer: pointer.to_owned() })
    }
}

/// Tells whether a reference starts with a scheme or a host.
pub(super) fn is_url(reference: &str) -> bool {
    let scheme = reference.split(['/', '?', '#']).next().unwrap_or_default();
    scheme.contains(':') || reference.starts_with("//")
}

/// Returns the path that `reference`, a relative one, means in `file`: `..` is taken away with what is
/// before it, as far as there is something.
pub(super) fn join(file: &str, reference: &str) -> String {
    let path = pointer::decoded(reference.split(['?', '#']).next().unwrap_or_default());
    let mut segments: Vec<&str> = match (path.starts_with('/'), file.rsplit_once('/')) {
        (false, Some((directory, _))) => directory.split('/').collect(),
        _ => Vec::new(),
    };
    for segment in path.trim_start_matches('/').split('/') {
        match segment {
            "." => {}
            ".." if !matches!(segments.last(), None | Some(&("" | "." | ".."))) => {
                segments.pop();
            }
            _ => segments.push(segment),
        }
    }
    segments.join("/")
}

/// A reference, as it is written.
#[derive(Debug)]
pub(super) struct Reference {
    pub(super) text: String,
    pub(super) origin: Origin,
    /// Where its text is in the document.
    pub(super) pointer: String,
    pub(super) base: Rc<Base>,
    /// Whether an anchor of the whole schema wins over the one that it names.
    pub(super) is_dynamic: bool,
}

/// All of a document that matters to references.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// Identifiers, with the place that has each.
    pub(super) ids: Vec<(Uri<String>, String)>,
    pub(super) anchors: Vec<Anchor>,
    pub(super) references: Vec<Reference>,
}

/// A name for a place.
#[derive(Debug)]
pub(super) struct Anchor {
    pub(super) name: String,
    pub(super) pointer: String,
    /// Where the part of the document is in which it is the name.
    pub(super) within: String,
    pub(super) is_dynamic: bool,
}

/// Returns what matters to references in `root`, a document that starts from `base` and calls itself
/// something by the keyword `id`.
pub(super) fn scan(root: &Node, base: Base, id: &'static str) -> Scan {
    let mut scanner = Scanner { found: Scan::default(), pointer: String::new(), id };
    scanner.schema(root, &Rc::new(base));
    scanner.found
}

struct Scanner {
    found: Scan,
    pointer: String,
    id: &'static str,
}

impl Scanner {
    fn schema(&mut self, node: &Node, base: &Rc<Base>) {
        match &node.data {
            Data::List(list) => {
                for (index, child) in list.iter().enumerate() {
                    self.below(&index.to_string(), |scanner| scanner.schema(child, base));
                }
            }
            Data::Map(map) => {
                let base = self.identified(map, base);
                self.anchors(map, &base);
                for (keyword, child) in map.iter() {
                    self.below(keyword, |scanner| scanner.keyword(keyword, child, &base));
                }
            }
            _ => {}
        }
    }

    fn below(&mut self, segment: &str, visit: impl FnOnce(&mut Self)) {
        let before = pointer::push(&mut self.pointer, segment);
        visit(self);
        self.pointer.truncate(before);
    }

    fn keyword(&mut self, keyword: &str, node: &Node, base: &Rc<Base>) {
        match (node.as_str(), node.as_map()) {
            (Some(text), _) if REFERENCES.contains(&keyword) => {
                self.found.references.push(Reference {
                    text: text.to_owned(),
                    origin: node.origin.clone(),
                    pointer: self.pointer.clone(),
                    base: Rc::clone(base),
                    is_dynamic: keyword != "$ref",
                });
            }
            _ if DATA.contains(&keyword) => {}
            (_, Some(named)) if NAMED.contains(&keyword) => {
                for (name, child) in named {
                    self.below(name, |scanner| scanner.schema(child, base));
                }
            }
            _ => self.schema(node, base),
        }
    }

    /// Returns the base in a schema, which may call itself something.
    fn identified(&mut self, map: &Map, base: &Rc<Base>) -> Rc<Base> {
        let id = map.get(self.id).and_then(Node::as_str).filter(|id| !id.starts_with('#'));
        let entered = id.and_then(|id| base.entered(id, &self.pointer));
        match entered {
            Some(entered) => {
                self.found.ids.push((entered.uri.clone(), self.pointer.clone()));
                Rc::new(entered)
            }
            None => Rc::clone(base),
        }
    }

    fn anchors(&mut self, map: &Map, base: &Rc<Base>) {
        for keyword in ["$anchor", "$dynamicAnchor", self.id] {
            let text = map.get(keyword).and_then(Node::as_str);
            let name = match (keyword, text) {
                ("$anchor" | "$dynamicAnchor", Some(name)) => Some(name),
                (_, Some(id)) => id.strip_prefix('#').filter(|name| !name.is_empty()),
                _ => None,
            };
            if let Some(name) = name {
                self.found.anchors.push(Anchor {
                    name: name.to_owned(),
                    pointer: self.pointer.clone(),
                    within: base.pointer.clone(),
                    is_dynamic: keyword == "$dynamicAnchor",
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_start_from_the_directory_of_the_file() {
        for (file, reference, expected) in [
            ("a.json", "b.json", "b.json"),
            ("x/a.json", "b.json#/c", "x/b.json"),
            ("x/a.json", "./y/../b.json", "x/b.json"),
            ("x/a.json", "../b.json", "b.json"),
            ("x/a.json", "../../b.json", "../b.json"),
            ("a.json", "../b.json", "../b.json"),
            ("../x/a.json", "../b.json", "../b.json"),
            ("../x/a.json", "../../b.json", "../../b.json"),
            ("./a.json", "../b.json", "./../b.json"),
            ("/x/a.json", "../../b.json", "/../b.json"),
            ("a.json", "my%20b.json", "my b.json"),
        ] {
            assert_eq!(join(file, reference), expected, "{reference} in {file}");
        }
    }

    #[test]
    fn urls_are_told_from_paths() {
        for url in ["https://x/y", "urn:x", "file:a", "//host/x", "windlass:///x"] {
            assert!(is_url(url), "{url}");
        }
        for path in ["a.json", "a/b:c", "../x", "/x", "#a:b", "a?b:c"] {
            assert!(!is_url(path), "{path}");
        }
    }
}
