//! A schema and the files that it refers to, outside of any project.

use std::path::Path;

use windlass_core::config::{MAX_TEXT, Schema, decode};
use windlass_core::diagnostic::Diagnostic;

use super::{cannot, read};
use crate::error::Error;
use crate::sources::{SourceErrorKind, Sources};

/// Returns the schema in the file at `path`. What it refers to are files in and below its directory: a
/// `$ref`, or a link, that leads out of there is refused.
///
/// # Errors
/// [`Error::Invalid`] with all that is wrong with any of the files.
pub fn read_schema(path: &Path) -> Result<Schema, Error> {
    let name = path.to_string_lossy();
    let text = read(path, &name).map_err(Error::invalid)?;
    let mut beside = Beside { directory: path.parent().unwrap_or(Path::new("")), sources: None };
    Schema::compile_with(&name, &text, |file| beside.read(file)).map_err(Error::Invalid)
}

/// The files in and below the directory of a schema, opened when one is wanted.
struct Beside<'p> {
    directory: &'p Path,
    sources: Option<Sources>,
}

impl Beside<'_> {
    fn read(&mut self, file: &str) -> Result<String, Diagnostic> {
        let below = Path::new(file).strip_prefix(self.directory).map_err(|_| outside(file))?;
        let sources = self.sources()?;
        let bytes = sources.read(&below.to_string_lossy()).map_err(|error| match error.kind {
            SourceErrorKind::Outside | SourceErrorKind::Path => outside(file),
            _ => error.of_reference(),
        })?;
        decode(file, bytes)
    }

    fn sources(&mut self) -> Result<&Sources, Diagnostic> {
        if self.sources.is_none() {
            let here = self.directory.as_os_str().is_empty();
            let directory = if here { Path::new(".") } else { self.directory };
            let opened = Sources::open(directory);
            let opened = opened.map_err(|error| {
                Diagnostic::error(cannot("open", &error)).in_file(directory.to_string_lossy())
            })?;
            self.sources = Some(opened.with_read_limit(MAX_TEXT as u64));
        }
        Ok(self.sources.as_ref().expect("opened above"))
    }
}

fn outside(file: &str) -> Diagnostic {
    let message = format!("{file} is outside of the directory of the schema");
    Diagnostic::error(message).hint("only files in that directory, and below it, are read")
}
