//! Rules as values, and how each is undone.

use std::fmt;

use super::key::Key;
use super::transform::Transform;
use crate::config::node::{Node, Origin};

/// One rule, and where it is written.
#[derive(Debug, Clone)]
pub struct Rule {
    /// What it does.
    pub action: Action,
    /// Where in the file of rules.
    pub origin: Origin,
}

/// What a rule does. Keys may have `*` segments; all keys of one rule have equally many.
#[derive(Debug, Clone)]
pub enum Action {
    /// The value gets another key.
    Rename {
        /// The key before.
        from: Key,
        /// The key after.
        to: Key,
    },
    /// The value goes to another place.
    Move {
        /// The key before.
        from: Key,
        /// The key after.
        to: Key,
    },
    /// The value changes.
    Transform {
        /// The key of the value.
        key: Key,
        /// How it changes.
        change: Change,
        /// How it changes back, where the rule says so.
        back: Option<Change>,
    },
    /// A value appears where none is.
    Add {
        /// The key of the value.
        key: Key,
        /// The value.
        value: Node,
    },
    /// The value disappears.
    Remove {
        /// The key of the value.
        key: Key,
        /// The value to add when going back.
        default: Option<Node>,
    },
    /// The text falls apart.
    Split(Parts),
    /// The texts become one.
    Merge(Parts),
    /// A command changes the whole document.
    Custom {
        /// The program and its arguments.
        command: Vec<String>,
        /// The command for going back.
        back: Option<Vec<String>>,
    },
}

/// How a value changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// By a known transform.
    With(Transform),
    /// To what a template expression makes of `value` and `config`.
    Expression(String),
}

/// A text, and the parts that it is made of.
#[derive(Debug, Clone)]
pub struct Parts {
    /// The key of the whole.
    pub whole: Key,
    /// The keys of the parts, two or more.
    pub parts: Vec<Key>,
    /// What stands between the parts.
    pub separator: String,
    /// What each part is; as many as there are parts.
    pub types: Vec<PartType>,
}

/// What a part of a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum PartType {
    /// Text.
    #[default]
    String,
    /// An integer.
    Integer,
}

impl PartType {
    /// Every type by its name.
    pub const NAMES: [(&'static str, Self); 2] =
        [("string", Self::String), ("integer", Self::Integer)];
}

impl Change {
    fn inverse(&self) -> Option<Self> {
        match self {
            Self::With(transform) => transform.inverse().map(Self::With),
            Self::Expression(_) => None,
        }
    }
}

impl Rule {
    /// Returns the rule that undoes it, if there is one.
    #[must_use]
    pub fn inverse(&self) -> Option<Self> {
        let action = self.action.inverse()?;
        Some(Self { action, origin: self.origin.clone() })
    }
}

impl Action {
    /// Every action by its name in rules.
    pub const NAMES: [&'static str; 8] =
        ["rename", "move", "transform", "add", "remove", "split", "merge", "custom"];

    /// Returns its name in rules.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Rename { .. } => "rename",
            Self::Move { .. } => "move",
            Self::Transform { .. } => "transform",
            Self::Add { .. } => "add",
            Self::Remove { .. } => "remove",
            Self::Split(_) => "split",
            Self::Merge(_) => "merge",
            Self::Custom { .. } => "custom",
        }
    }

    /// Returns the action that undoes it, if there is one.
    #[must_use]
    pub fn inverse(&self) -> Option<Self> {
        Some(match self.clone() {
            Self::Rename { from, to } => Self::Rename { from: to, to: from },
            Self::Move { from, to } => Self::Move { from: to, to: from },
            Self::Transform { key, change, back } => {
                let undoing = back.or_else(|| change.inverse())?;
                Self::Transform { key, change: undoing, back: Some(change) }
            }
            Self::Add { key, value } => Self::Remove { key, default: Some(value) },
            Self::Remove { key, default } => Self::Add { key, value: default? },
            Self::Split(parts) => Self::Merge(parts),
            Self::Merge(parts) => Self::Split(parts),
            Self::Custom { command, back } => Self::Custom { command: back?, back: Some(command) },
        })
    }

    /// Returns the keys it names; the first is the one that has to be there.
    pub(super) fn keys(&self) -> Vec<&Key> {
        match self {
            Self::Rename { from, to } | Self::Move { from, to } => vec![from, to],
            Self::Transform { key, .. } | Self::Add { key, .. } | Self::Remove { key, .. } => {
                vec![key]
            }
            Self::Split(Parts { whole, parts, .. }) => [whole].into_iter().chain(parts).collect(),
            Self::Merge(Parts { whole, parts, .. }) => parts.iter().chain([whole]).collect(),
            Self::Custom { .. } => Vec::new(),
        }
    }

    /// Returns it once for each place in `root` that the `*`s of its first key stand for.
    pub(super) fn instances(&self, root: &Node) -> Vec<Self> {
        match self.keys().first() {
            Some(key) if key.wildcards() > 0 => {
                key.places(root).iter().map(|names| self.filled(names)).collect()
            }
            _ => vec![self.clone()],
        }
    }

    fn filled(&self, names: &[String]) -> Self {
        let mut filled = self.clone();
        for key in filled.keys_mut() {
            *key = key.filled(names);
        }
        filled
    }

    fn keys_mut(&mut self) -> Vec<&mut Key> {
        match self {
            Self::Rename { from, to } | Self::Move { from, to } => vec![from, to],
            Self::Transform { key, .. } | Self::Add { key, .. } | Self::Remove { key, .. } => {
                vec![key]
            }
            Self::Split(parts) | Self::Merge(parts) => {
                parts.parts.iter_mut().chain([&mut parts.whole]).collect()
            }
            Self::Custom { .. } => Vec::new(),
        }
    }
}

/// Says it in words: `rename db.host to database.host`. Values of the document are not in it.
impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rename { from, to } | Self::Move { from, to } => {
                write!(f, "{} {from} to {to}", self.name())
            }
            Self::Transform { key, change: Change::With(transform), .. } => {
                write!(f, "transform {key} with {transform}")
            }
            Self::Transform { key, change: Change::Expression(text), .. } => {
                write!(f, "transform {key} to {text}")
            }
            Self::Add { key, .. } => write!(f, "add {key}"),
            Self::Remove { key, .. } => write!(f, "remove {key}"),
            Self::Split(Parts { whole, parts, .. }) => {
                write!(f, "split {whole} into {}", listed(parts))
            }
            Self::Merge(Parts { whole, parts, .. }) => {
                write!(f, "merge {} into {whole}", listed(parts))
            }
            Self::Custom { command, .. } => write!(f, "run {}", command.join(" ")),
        }
    }
}

fn listed(keys: &[Key]) -> String {
    keys.iter().map(Key::to_string).collect::<Vec<_>>().join(", ")
}
