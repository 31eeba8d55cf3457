//! JSON Schema: what values are allowed, required and secret.

mod coerce;
mod compile;
mod cursor;
mod defaults;
mod deprecated;
mod explain;
mod walk;

use std::fmt;

use jsonschema::Validator;
use serde::Serialize;
use serde_json::Value;

pub(super) use self::cursor::Cursor;
use self::explain::{Explainer, Quoting};
use self::walk::Walker;
use super::configuration::Configuration;
use super::node::{Node, Origin};
use crate::diagnostic::{Diagnostic, Position};

/// A JSON Schema that is ready to validate; drafts 4 to 2020-12, by its `$schema`.
///
/// Formats are asserted, patterns run in linear time (so without look-around and back references),
/// and no `$ref` leaves the document. `"x-secret": true` marks values that are never quoted.
pub struct Schema {
    file: String,
    root: Node,
    json: Value,
    validator: Validator,
    has_secrets: bool,
    has_deprecated: bool,
}

/// A value that the schema does not allow.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValidationError {
    /// The dotted key of the value; empty for the whole.
    pub path: String,
    /// A lowercase fragment. Secrets are not in it.
    pub message: String,
    /// The file of the layer that set the value.
    pub file: String,
    /// The line in that file, from 1; nothing for a source without lines.
    pub line: Option<u32>,
    /// The column in characters, from 1.
    pub column: Option<u32>,
    /// How many characters are wrong, at least 1.
    #[serde(skip)]
    pub width: u32,
    /// The keyword that was not met, as a JSON pointer into the schema.
    pub schema_path: String,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl ValidationError {
    fn at(origin: &Origin, path: String, message: String, schema_path: &str) -> Self {
        Self {
            path,
            message,
            file: origin.file.to_string(),
            line: origin.span.map(|span| span.position.line),
            column: origin.span.map(|span| span.position.column),
            width: origin.span.map_or(1, |span| span.width),
            schema_path: schema_path.to_owned(),
            hint: None,
        }
    }
}

impl From<ValidationError> for Diagnostic {
    fn from(error: ValidationError) -> Self {
        let message = match error.path.as_str() {
            "" => error.message,
            path => format!("`{path}`: {}", error.message),
        };
        let mut diagnostic = Diagnostic::error(message).in_file(error.file);
        if let (Some(line), Some(column)) = (error.line, error.column) {
            diagnostic = diagnostic.at(Position { line, column }).wide(error.width as usize);
        }
        Diagnostic { hint: error.hint, ..diagnostic }
    }
}

impl Schema {
    /// Returns the schema that `text` writes, in the format of the extension of `file`.
    ///
    /// # Errors
    /// All that is wrong with it, each at its own line: syntax, keywords, references that point
    /// nowhere or out of the document, patterns that cannot run in linear time.
    pub fn compile(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        compile::compile(file, text)
    }

    /// Returns the file that it was read from.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the schema as JSON.
    #[must_use]
    pub fn as_json(&self) -> &Value {
        &self.json
    }

    /// Returns the schema with its places.
    #[must_use]
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Returns the defaults for what `existing` lacks, as the lowest of its layers; null if there are
    /// none.
    ///
    /// Inside a map there are defaults only where the map is there, or is a default itself: an
    /// optional section does not appear for its defaults alone. Those of list elements, and those in
    /// branches (`anyOf`, `if`) are left out.
    #[must_use]
    pub fn defaults(&self, existing: &Node) -> Node {
        defaults::defaults(&self.root, existing)
    }

    /// Returns a warning for each value that the schema calls deprecated, whatever else is there: at
    /// its key, in the layer that set it.
    #[must_use]
    pub fn deprecated(&self, configuration: &Configuration) -> Vec<Diagnostic> {
        if self.has_deprecated {
            deprecated::deprecated(&self.json, configuration.root())
        } else {
            Vec::new()
        }
    }

    /// Returns everything that the schema does not allow, by file, line and column.
    ///
    /// Each error stands at the value in the layer that set it; a missing property at the map that
    /// lacks it, an unknown one at its key.
    #[must_use]
    pub fn validate(&self, configuration: &Configuration) -> Vec<ValidationError> {
        self.validate_quoting(configuration.root(), Quoting::NoSecrets)
    }

    /// Returns the same errors as [`Schema::validate`], with no value quoted at all.
    #[must_use]
    pub fn validate_masked(&self, configuration: &Configuration) -> Vec<ValidationError> {
        self.validate_quoting(configuration.root(), Quoting::Nothing)
    }

    /// Returns everything that the schema does not allow in `document`, a value outside of any
    /// configuration, as [`Schema::validate`] does; untyped text is typed and secrets are marked first.
    #[must_use]
    pub fn validate_document(&self, mut document: Node) -> Vec<ValidationError> {
        let walker = Walker::new(&self.json);
        coerce::coerce(&walker, &mut document);
        if self.has_secrets {
            coerce::mark_secrets(&walker, &mut document);
        }
        self.validate_quoting(&document, Quoting::NoSecrets)
    }

    fn validate_quoting(&self, root: &Node, quoting: Quoting) -> Vec<ValidationError> {
        let value = root.to_json();
        if self.validator.is_valid(&value) {
            return Vec::new();
        }
        let mut explainer = Explainer::new(root, &self.json, quoting);
        for error in self.validator.iter_errors(&value) {
            explainer.add(&error);
        }
        explainer.finish()
    }

    /// Turns strings that came out of a substitution, an `.env` file or the environment into what the
    /// schema wants at their place: an integer, a number or
    /// a boolean, where the text is one and a string would not be allowed.
    ///
    /// A string that was written as one stays one, however much it looks like a number.
    pub fn coerce(&self, configuration: &mut Configuration) {
        coerce::coerce(&Walker::new(&self.json), configuration.root_mut());
    }

    /// Marks each value that the schema calls secret (`"x-secret": true` at it or above it), so that
    /// it is never shown.
    pub fn mark_secrets(&self, configuration: &mut Configuration) {
        if self.has_secrets {
            coerce::mark_secrets(&Walker::new(&self.json), configuration.root_mut());
        }
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema").field("file", &self.file).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
