//! Texts edited in place: what an edit does not name stays byte for byte.
//!
//! [`set`], [`remove`] and [`rename`] take a text and a dotted key ([`key`](super::key)) and return the
//! text with that one change; [`apply`] does several. Comments, blank lines, line endings, a byte
//! order mark, indentation, the order of keys and the way that other values are written stay.
//!
//! Every result is parsed again and compared with what the edit should have made of the value: an
//! edit does what it says and nothing else, or is refused.
//!
//! | read | for |
//! |---|---|
//! | `state` | one edit: attempts, and the check of each |
//! | `model` | what an edit makes of the value |
//! | `steps` | a map set over a map, as the smallest edits |
//! | `text`, `tree`, `flow` | splices, values with byte ranges, `[…]` and `{…}` of any format |
//! | `yaml`, `toml`, `json` | where each format puts things |

mod flow;
mod json;
mod model;
mod state;
mod steps;
mod text;
mod toml;
mod tree;
mod yaml;

use serde::Serialize;
use serde_json::Value;

use self::state::State;
use super::format::Format;
use super::node::Node;
use crate::diagnostic::Diagnostic;

/// One change to a text.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Edit {
    /// Give the key this value; see [`set`].
    Set {
        /// The dotted key.
        key: String,
        /// Its new value.
        value: Value,
    },
    /// Take the key out; see [`remove`].
    Remove {
        /// The dotted key.
        key: String,
    },
    /// Move the value to another key; see [`rename`].
    Rename {
        /// The dotted key that is there.
        from: String,
        /// The dotted key that is not there yet.
        to: String,
    },
}

/// Returns `text` with `value` at `key`.
///
/// A value that is there is replaced where it stands, its trailing comment and, where possible, its
/// quotes kept; of a map set over a map, and of a list over a list, only what differs is touched. A
/// new key goes to the end of its map, and maps that lead there are made; the index one past the
/// end of a list appends. A value that is there already leaves the text as it is.
///
/// # Errors
/// When `text` does not parse, `key` leads through a scalar or past the end of a list, `format` has
/// no way to write `value`, or another value would change with it, as under a YAML anchor.
pub fn set(
    format: Format,
    file: &str,
    text: &str,
    key: &str,
    value: &Value,
) -> Result<String, Diagnostic> {
    let mut state = State::new(format, file, text)?;
    state.set(key, value)?;
    Ok(state.finish())
}

/// Returns `text` without `key` and its value.
///
/// The comment lines directly above the key, at its indentation, and those inside the value go with
/// it; so does the comment behind it.
///
/// # Errors
/// When `text` does not parse, there is no such key, or another value would change with it.
pub fn remove(format: Format, file: &str, text: &str, key: &str) -> Result<String, Diagnostic> {
    let mut state = State::new(format, file, text)?;
    state.remove(key)?;
    Ok(state.finish())
}

/// Returns `text` with the value at `from` moved to `to`.
///
/// Within one map the key alone is written anew. Elsewhere the value is put at the end of its new map
/// as it was written, with its comments; where that cannot be, as in `{…}`, without them.
///
/// # Errors
/// When `text` does not parse, there is nothing at `from` or something at `to`, `to` leads through a
/// scalar, or another value would change with it.
pub fn rename(
    format: Format,
    file: &str,
    text: &str,
    from: &str,
    to: &str,
) -> Result<String, Diagnostic> {
    let mut state = State::new(format, file, text)?;
    state.rename(from, to)?;
    Ok(state.finish())
}

/// Returns `text` after all of `edits`, one after the other: all of them, or an error.
///
/// # Errors
/// The error of the first edit that fails. It is placed in the file unless earlier edits have moved
/// the lines.
pub fn apply(format: Format, file: &str, text: &str, edits: &[Edit]) -> Result<String, Diagnostic> {
    let mut state = State::new(format, file, text)?;
    for edit in edits {
        match edit {
            Edit::Set { key, value } => state.set(key, value)?,
            Edit::Remove { key } => state.remove(key)?,
            Edit::Rename { from, to } => state.rename(from, to)?,
        }
    }
    Ok(state.finish())
}

/// Where the values of one text are, and how to change them there.
///
/// Paths were looked up in the value of the text before; an editor is not asked for what is not
/// there. It need not prove what it answers: the result is checked.
trait Editor {
    /// Returns what writes `content` at `path`, over the value that is there or as a new one.
    fn put(&self, path: &[&str], content: &Content<'_>, care: Care) -> Outcome;

    /// Returns what takes the value at `path` out.
    fn remove(&self, path: &[&str]) -> Outcome;

    /// Returns what gives the key at `path` another name within the same map.
    fn rename(&self, path: &[&str], name: &str) -> Outcome;

    /// Returns what moves everything at `path` by writing its key anew, across maps.
    fn retitle(&self, _path: &[&str], _to: &[&str]) -> Option<Vec<text::Splice>> {
        None
    }

    /// Returns the value at `path` as it is written, unless it can only be written anew.
    fn source(&self, path: &[&str]) -> Option<Source>;

    /// Returns why changing the value at `path` changes others, if it does.
    fn entangled(&self, _path: &[&str]) -> Option<Refusal> {
        None
    }
}

type Outcome = Result<Vec<text::Splice>, Refusal>;

/// What is written at a key.
enum Content<'a> {
    Value(&'a Node),
    Source(&'a Source),
}

/// A value as it was written, with no indentation of its own.
#[derive(Debug, Clone, Default, PartialEq)]
struct Source {
    /// The comment lines above its key.
    above: Vec<String>,
    /// What stands on the line of its key.
    head: String,
    /// The lines below.
    lines: Vec<String>,
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Care {
    /// As it was written before, or as a person would.
    Styled,
    /// In the way that has the fewest ways to be misread.
    Plain,
}

/// Why an edit cannot be made.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Refusal {
    message: String,
    at: Option<std::ops::Range<usize>>,
    hint: Option<&'static str>,
}

impl Refusal {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), at: None, hint: None }
    }

    fn at(mut self, range: std::ops::Range<usize>) -> Self {
        self.at = Some(range);
        self
    }

    fn hint(mut self, hint: &'static str) -> Self {
        self.hint = Some(hint);
        self
    }
}

#[cfg(test)]
mod tests;
