//! What an item of `--target` is.

use super::glob::Glob;
use crate::inventory::{HostRange, InvalidRange};

/// What an item that is no id says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pattern {
    /// A name, which no target has.
    Name,
    /// A pattern.
    Glob(Glob),
    /// The names of a range, each perhaps a pattern.
    Names(Vec<String>),
}

/// Why an item is no pattern.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidPattern {
    #[error("has a bracket that is not closed, or with nothing in it")]
    Bracket,
    #[error("means too much: write fewer names or fewer `*`")]
    TooMany,
    #[error(transparent)]
    Range(#[from] InvalidRange),
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, InvalidPattern> {
        if has_range(text) {
            let range = HostRange::parse(text).map_err(|(error, _)| error)?;
            return Ok(Self::Names(range.names().collect()));
        }
        if !Glob::is_one(text) {
            return Ok(Self::Name);
        }
        Glob::parse(text).map(Self::Glob).ok_or(InvalidPattern::Bracket)
    }
}

/// Tells whether there is a `:` in brackets, where `-` would make a class of characters.
fn has_range(text: &str) -> bool {
    let mut insides = text.split('[').skip(1).filter_map(|rest| rest.split_once(']'));
    insides.any(|(inside, _)| inside.contains(':'))
}
