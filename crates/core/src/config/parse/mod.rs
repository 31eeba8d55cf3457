//! Text to nodes, within bounds: a hostile text is an error, never an exhausted machine.

mod env;
mod json;
mod lines;
mod reader;
mod toml;
mod yaml;

use std::sync::Arc;

use self::lines::Lines;
use super::format::Format;
use super::node::{Data, Node, Origin, Span};
use super::scalar::{self, InvalidScalar};
use crate::diagnostic::{Diagnostic, Position};

/// The longest text that is read, in bytes.
pub const MAX_TEXT: usize = 16 << 20;
/// How deeply lists and maps may be nested.
pub const MAX_DEPTH: usize = 128;
/// How many values one text may hold, aliases expanded.
pub const MAX_NODES: usize = 1_000_000;
/// How many values the anchors and aliases of one YAML text may copy.
pub const MAX_COPIES: usize = 100_000;

/// Returns the value that `text` writes, each node placed in `file`.
///
/// In all formats: a byte order mark at the start is ignored; duplicate keys are refused with both
/// places; so are numbers that JSON cannot hold (infinite, or beyond 64 bits), NUL, more than
/// [`MAX_DEPTH`] levels, [`MAX_NODES`] values or [`MAX_TEXT`] bytes.
///
/// - YAML is YAML 1.2, core schema: `no` and `off` are strings, `0o644` is 420 and `0644` is 644.
///   One document, an empty one being null; keys are strings; `<<` merges a map, or a list of maps of
///   which the first wins, below the keys beside it. Tags other than the core schema's are refused.
/// - TOML dates and times become strings; keys are in the order in which they first appear.
/// - JSON is RFC 8259, without comments and trailing commas.
/// - `.env` is the dialect of Docker Compose, all values being strings that
///   [`Schema::coerce`](super::Schema::coerce) types; `DATABASE__HOST` is `database.host`. A name
///   without a value, which elsewhere takes the one of the environment, is refused.
///
/// # Errors
/// All that is wrong with the values, or the first thing that is wrong with the syntax.
pub fn parse(format: Format, file: &str, text: &str) -> Result<Node, Vec<Diagnostic>> {
    let file: Arc<str> = Arc::from(file);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    check_text(&file, text).map_err(|error| vec![error])?;
    match format {
        Format::Yaml => yaml::parse(file, text),
        Format::Toml => toml::parse(file, text),
        Format::Json => json::parse(file, text),
        Format::Env => env::parse(file, text),
    }
}

fn check_text(file: &Arc<str>, text: &str) -> Result<(), Diagnostic> {
    if text.len() > MAX_TEXT {
        let message = format!("text has {} bytes: {MAX_TEXT} at most", text.len());
        return Err(Diagnostic::error(message).in_file(&**file));
    }
    if text.starts_with('\u{feff}') {
        let message = "text starts with a second byte order mark";
        let start = Position { line: 1, column: 1 };
        return Err(Diagnostic::error(message).in_file(&**file).at(start));
    }
    match text.find('\0') {
        None => Ok(()),
        Some(at) => Err(Diagnostic::error("text holds a NUL character")
            .in_file(&**file)
            .at(Position::of_offset(text, at))),
    }
}

/// What parsing found wrong so far, and how much it may still build.
struct Report {
    file: Arc<str>,
    problems: Vec<Diagnostic>,
    nodes: usize,
}

/// Parsing cannot go on; the reason is in the [`Report`].
struct Stop;

impl Report {
    fn new(file: Arc<str>) -> Self {
        Self { file, problems: Vec::new(), nodes: 0 }
    }

    fn origin(&self, span: Span) -> Origin {
        Origin::new(Arc::clone(&self.file), span)
    }

    fn problem(&mut self, span: Span, message: impl Into<String>) -> &mut Diagnostic {
        self.problems.push(self.origin(span).error(message));
        self.problems.last_mut().expect("pushed above")
    }

    fn stop(&mut self, span: Span, message: impl Into<String>) -> Stop {
        self.problem(span, message);
        Stop
    }

    /// Returns the scalar, or null with the reason reported.
    fn scalar(&mut self, span: Span, data: Result<Data, InvalidScalar>) -> Node {
        let data = data.unwrap_or_else(|error| {
            self.problem(span, error.to_string()).hint = error.hint().map(str::to_owned);
            Data::Null
        });
        Node::new(data, self.origin(span))
    }

    fn duplicate(&mut self, span: Span, key: &str, first: Option<Span>) {
        let place = first.map(|Span { position, .. }| {
            format!(", first at {}:{}:{}", self.file, position.line, position.column)
        });
        let message = format!("duplicate key {key:?}{}", place.unwrap_or_default());
        self.problem(span, message).hint = Some("keep one of the two".to_owned());
    }

    /// Counts `nodes` more values.
    fn spend(&mut self, nodes: usize, span: Span) -> Result<(), Stop> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES {
            return Err(self.stop(span, format!("more than {MAX_NODES} values")));
        }
        Ok(())
    }

    fn descend(&mut self, depth: usize, span: Span) -> Result<(), Stop> {
        if depth > MAX_DEPTH {
            return Err(self.stop(span, format!("nested more than {MAX_DEPTH} levels deep")));
        }
        Ok(())
    }

    fn finish(self, root: Result<Node, Stop>) -> Result<Node, Vec<Diagnostic>> {
        match root {
            Ok(root) if self.problems.is_empty() => Ok(root),
            _ => Err(self.problems),
        }
    }
}

/// Returns `message` as a fragment: its first letter in lower case, unless it starts a name.
fn fragment(message: &str) -> String {
    let mut chars = message.chars();
    match (chars.next(), chars.clone().next()) {
        (Some(first), Some(second)) if !second.is_uppercase() => {
            first.to_lowercase().chain(chars).collect()
        }
        _ => message.to_owned(),
    }
}

/// Returns `json` with everything in it placed at `origin`.
pub(super) fn from_json(json: &serde_json::Value, origin: &Origin) -> Result<Node, Diagnostic> {
    json_node(json, origin, 0)
}

fn json_node(json: &serde_json::Value, origin: &Origin, depth: usize) -> Result<Node, Diagnostic> {
    use serde_json::Value;
    if depth > MAX_DEPTH {
        return Err(origin.error(format!("nested more than {MAX_DEPTH} levels deep")));
    }
    let invalid = |error: InvalidScalar| origin.error(error.to_string());
    let data = match json {
        Value::Null => Data::Null,
        Value::Bool(flag) => Data::Bool(*flag),
        Value::Number(number) => json_number(&number.to_string()).map_err(invalid)?,
        Value::String(text) => scalar::string(text).map_err(invalid)?,
        Value::Array(values) => Data::List(
            values.iter().map(|v| json_node(v, origin, depth + 1)).collect::<Result<_, _>>()?,
        ),
        Value::Object(values) => Data::Map(Box::new(
            values
                .iter()
                .map(|(key, v)| {
                    scalar::string(key).map_err(invalid)?;
                    Ok((key.clone(), json_node(v, origin, depth + 1)?))
                })
                .collect::<Result<_, Diagnostic>>()?,
        )),
    };
    Ok(Node::new(data, origin.clone()))
}

/// Returns what a JSON number means: an integer when it has neither fraction nor exponent.
fn json_number(text: &str) -> Result<Data, InvalidScalar> {
    if scalar::is_json_integer(text) { scalar::integer(text, 10) } else { scalar::float(text) }
}

#[cfg(test)]
mod tests;
