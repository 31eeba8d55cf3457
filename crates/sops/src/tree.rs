//! What a document holds, in the order of its text.

use crate::path::{KeyPath, Step};
use crate::value::Value;

/// A document, or a part of one, in the clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tree {
    /// Keys and what they hold, in the order of the file.
    Map(Vec<(String, Tree)>),
    /// One after the other.
    List(Vec<Tree>),
    /// A single value.
    Value(Value),
}

impl Tree {
    /// Returns what `path` leads to.
    pub fn get(&self, path: &KeyPath) -> Option<&Self> {
        path.steps().iter().try_fold(self, |tree, step| match (tree, step) {
            (Self::Map(members), Step::Key(key)) => {
                members.iter().find(|(name, _)| name == key).map(|(_, tree)| tree)
            }
            (Self::List(items), Step::Index(index)) => items.get(*index),
            _ => None,
        })
    }

    /// Returns the value that this is, if it is a single one.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Value(value) => Some(value),
            Self::Map(_) | Self::List(_) => None,
        }
    }

    /// Returns a text.
    pub fn text(text: impl AsRef<[u8]>) -> Self {
        Self::Value(Value::text(text))
    }
}

impl From<Value> for Tree {
    fn from(value: Value) -> Self {
        Self::Value(value)
    }
}
