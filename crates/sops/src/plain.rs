//! A file in the clear.

use std::fmt;

use zeroize::Zeroizing;

use crate::format::Format;
use crate::path::KeyPath;
use crate::place::Place;
use crate::tree::Tree;
use crate::value::Value;

/// What an encrypted file holds, after all of it has been authenticated; zeroized when dropped.
pub struct Plain {
    pub(crate) format: Format,
    pub(crate) text: Zeroizing<Vec<u8>>,
    pub(crate) documents: Vec<Tree>,
    pub(crate) entries: Vec<Entry>,
}

/// A value of a file, with where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The YAML document that it is in, from 0; always 0 in other formats.
    pub document: usize,
    /// The way to it.
    pub path: KeyPath,
    /// What it is.
    pub value: Value,
    /// Whether it was encrypted: nothing, an empty text, and what the rules leave out was not.
    pub encrypted: bool,
    /// Where it is in the encrypted text.
    pub place: Place,
}

impl Plain {
    /// Returns the format that the text is in.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Returns the whole text in the clear: comments, order and layout as in the encrypted file. For
    /// [`Format::Binary`] it is the bytes that were encrypted.
    pub fn text(&self) -> &[u8] {
        &self.text
    }

    /// Returns what the documents hold: one, but for YAML with several.
    pub fn documents(&self) -> &[Tree] {
        &self.documents
    }

    /// Returns what `path` leads to in the first document.
    pub fn get(&self, path: &KeyPath) -> Option<&Tree> {
        self.documents.first()?.get(path)
    }

    /// Returns the single value that `path` leads to in the first document.
    pub fn value(&self, path: &KeyPath) -> Option<&Value> {
        self.get(path)?.value()
    }

    /// Returns all values in the order of the file.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }
}

impl fmt::Debug for Plain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Plain({}, {} values, redacted)", self.format.name(), self.entries.len())
    }
}
