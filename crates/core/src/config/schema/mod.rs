//! JSON Schema: what values are allowed, required and secret.

mod coerce;
mod compile;
mod cursor;
mod defaults;
mod deprecated;
mod documents;
mod explain;
mod link;
pub(super) mod pointer;
mod scan;
mod walk;

use std::fmt;

use jsonschema::Validator;
use serde::Serialize;
use serde_json::Value;

pub(super) use self::cursor::Cursor;
pub use self::documents::MAX_FILES as MAX_SCHEMA_FILES;
use self::explain::{Explainer, Quoting};
use self::link::{Homes, Keyword};
use self::walk::Walker;
use super::configuration::Configuration;
use super::node::{Node, Origin};
use crate::diagnostic::{Diagnostic, Position};

/// A JSON Schema that is ready to validate; drafts 4 to 2020-12, by its `$schema`.
///
/// Formats are asserted, patterns run in linear time (so without look-around and back references),
/// and no `$ref` leaves the files that it is given. `"x-secret": true` marks values that are never
/// quoted.
pub struct Schema {
    /// The file of the schema, and those that it refers to.
    files: Vec<String>,
    root: Node,
    json: Value,
    homes: Homes,
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
    /// The keyword that was not met, as a JSON pointer into the file of the schema that has it.
    pub schema_path: String,
    /// That file; nothing where no schema says what is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub schema_file: Option<String>,
    /// What to do next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl ValidationError {
    fn at(origin: &Origin, path: String, message: String, keyword: Keyword) -> Self {
        Self {
            path,
            message,
            file: origin.file.to_string(),
            line: origin.span.map(|span| span.position.line),
            column: origin.span.map(|span| span.position.column),
            width: origin.span.map_or(1, |span| span.width),
            schema_path: keyword.pointer,
            schema_file: Some(keyword.file),
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
    /// Returns the schema that `text` writes, in the format of the extension of `file`. It is all in
    /// that text: see [`Schema::compile_with`] for one that refers to other files.
    ///
    /// # Errors
    /// All that is wrong with it, each at its own line: syntax, keywords, references that point
    /// nowhere or out of the document, patterns that cannot run in linear time.
    pub fn compile(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        let alone = |name: &str| {
            let message = format!("`$ref` leads to another file: {name}");
            Err(Diagnostic::error(message).hint("copy what is meant under `$defs`"))
        };
        Self::compile_with(file, text, alone)
    }

    /// Returns the schema that `text` writes, with the files that it refers to: for each of them
    /// `read` is asked once, with its path, which starts where that of `file` does.
    ///
    /// A `$ref` such as `common.json#/$defs/port` is a path from the file in which it stands, or from
    /// its `$id`, if that is one too. A reference by `$id` works among the files that are read. `read`
    /// alone decides what may be read: a path may start with `..`. Files may refer to each other in
    /// circles. What does not say its draft has that of the first file. There are at most
    /// [`MAX_SCHEMA_FILES`](super::MAX_SCHEMA_FILES) files, and [`MAX_TEXT`](super::MAX_TEXT) bytes in
    /// all of them.
    ///
    /// # Errors
    /// As [`Schema::compile`], for each of the files. An error of `read` stands at the reference to the
    /// file, unless it names a file itself.
    ///
    /// ```
    /// use windlass_core::config::{Node, Origin, Schema};
    ///
    /// let common = r#"{"$defs": {"port": {"type": "integer", "maximum": 65535}}}"#;
    /// let app = r#"{"properties": {"port": {"$ref": "common.json#/$defs/port"}}}"#;
    /// let schema = Schema::compile_with("schemas/app.json", app, |path| {
    ///     assert_eq!(path, "schemas/common.json");
    ///     Ok(common.to_owned())
    /// });
    /// let value = Node::from_json(&serde_json::json!({"port": 70000}), &Origin::of_source("x"));
    /// let errors = schema.unwrap().validate_document(value.unwrap());
    /// assert_eq!(errors[0].schema_file.as_deref(), Some("schemas/common.json"));
    /// assert_eq!(errors[0].schema_path, "/$defs/port/maximum");
    /// ```
    pub fn compile_with(
        file: &str,
        text: &str,
        mut read: impl FnMut(&str) -> Result<String, Diagnostic>,
    ) -> Result<Self, Vec<Diagnostic>> {
        compile::compile(file, text, &mut read)
    }

    /// Returns the file that it was read from.
    #[must_use]
    pub fn file(&self) -> &str {
        self.files.first().map_or("", String::as_str)
    }

    /// Returns all files that it was read from, its own first.
    #[must_use]
    pub fn files(&self) -> &[String] {
        &self.files
    }

    /// Returns the schema as JSON; what it refers to in other files is in it, and every reference is
    /// one to a place in it.
    #[must_use]
    pub fn as_json(&self) -> &Value {
        &self.json
    }

    /// Returns the same as [`Schema::as_json`], with the place of each part.
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
        let mut layer = defaults::defaults(&self.root, existing);
        if self.files.len() > 1 {
            // A layer that starts in no line is one of several files.
            layer.origin.span = None;
        }
        layer
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
        let mut explainer = Explainer::new(root, &self.json, Some(&self.homes), quoting);
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
        f.debug_struct("Schema").field("files", &self.files).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
