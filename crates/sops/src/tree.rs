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

    /// Returns whether two trees hold the same, in whatever order their keys are.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Map(one), Self::Map(other)) => {
                one.len() == other.len()
                    && one.iter().enumerate().all(|(at, (key, tree))| {
                        let beside = other.get(at).filter(|(name, _)| name == key);
                        let found = || other.iter().find(|(name, _)| name == key);
                        beside.or_else(found).is_some_and(|(_, other)| tree.is_same(other))
                    })
            }
            (Self::List(one), Self::List(other)) => {
                one.len() == other.len()
                    && one.iter().zip(other).all(|(one, other)| one.is_same(other))
            }
            (Self::Value(one), Self::Value(other)) => one.is_same(other),
            _ => false,
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
