//! The texts that a configuration is made of.

use windlass_core::config::{Format, Node, parse};
use windlass_core::diagnostic::Diagnostic;
use windlass_core::project::{ConfigSpec, Layer, LayerSource, Located};

use super::load::Loader;
use super::{FoundLayer, LayerKind};
use crate::project::PROJECT_FILE;
use crate::render::scope;
use crate::sources::SourceErrorKind;

type Problems = Vec<Diagnostic>;

/// A layer, and its text unless it is not there.
pub(super) struct Read {
    pub(super) found: FoundLayer,
    pub(super) text: Option<String>,
}

impl Read {
    /// Returns the value of the text; nothing for a layer that is not there.
    pub(super) fn parse(&self) -> Option<Result<Node, Problems>> {
        let (text, format) = (self.text.as_ref()?, self.found.format?);
        Some(parse(format, &self.found.source, text))
    }
}

impl Loader<'_> {
    /// Returns the layers that `spec` names, lowest first; one that is missing and not optional is an
    /// error.
    pub(super) fn layers(&self, spec: &ConfigSpec) -> Result<Vec<Read>, Problems> {
        let (mut all, mut problems) = (Vec::new(), Vec::new());
        for layer in &spec.layers {
            match self.layer(layer) {
                Ok(read) => all.push(read),
                Err(found) => problems.extend(found),
            }
        }
        if problems.is_empty() { Ok(all) } else { Err(problems) }
    }

    fn layer(&self, layer: &Layer) -> Result<Read, Problems> {
        let (kind, source, format, text) = match &layer.source {
            LayerSource::File(path) => {
                let file = scope::resolve(path, &self.variables)?;
                let format = format_of(path, &file, layer.format).map_err(|d| vec![d])?;
                let text = self.text(path, &file, layer.optional).map_err(|d| vec![d])?;
                (LayerKind::File, file, format, text)
            }
            LayerSource::EnvironmentVariable(name) => {
                let text = variable(name, layer.optional).map_err(|d| vec![d])?;
                let format = layer.format.unwrap_or(Format::Yaml);
                (LayerKind::Variable, format!("env://{}", name.value), format, text)
            }
            source @ LayerSource::Http(_) => return Err(vec![unread(source)]),
        };
        let present = text.is_some();
        let (optional, format) = (layer.optional, Some(format));
        let found = FoundLayer { layer: None, kind, source, format, optional, present };
        Ok(Read { found, text })
    }

    /// Returns what is in a file of the project, or would be; nothing where it is missing and may be.
    pub(super) fn text<T>(
        &self,
        place: &Located<T>,
        file: &str,
        optional: bool,
    ) -> Result<Option<String>, Diagnostic> {
        if let Some(text) = self.pending.get(file) {
            return Ok(Some(text.clone()));
        }
        let bytes = match self.sources.read(file) {
            Ok(bytes) => bytes,
            Err(error) if optional && error.kind == SourceErrorKind::Missing => return Ok(None),
            Err(error) => return Err(scope::placed(error.diagnostic(), place)),
        };
        text_of(bytes).map(Some).map_err(|problem| problem.in_file(file))
    }
}

/// Returns the text that an environment variable holds.
fn variable(name: &Located<String>, optional: bool) -> Result<Option<String>, Diagnostic> {
    match std::env::var(&name.value) {
        Ok(text) => Ok(Some(text)),
        Err(std::env::VarError::NotPresent) if optional => Ok(None),
        Err(std::env::VarError::NotPresent) => {
            let message = format!("environment variable {} is not set", name.value);
            let hint = "set it, or write `{ url = \"env://…\", optional = true }`";
            Err(name.error(PROJECT_FILE, message).hint(hint))
        }
        Err(std::env::VarError::NotUnicode(_)) => {
            let message = format!("environment variable {} is not UTF-8 text", name.value);
            Err(name.error(PROJECT_FILE, message))
        }
    }
}

fn unread(source: &LayerSource) -> Diagnostic {
    source
        .error(PROJECT_FILE, "layers from servers are not supported by this version")
        .hint("keep a copy in the project and write its path")
}

/// Returns the format of `file`: as told, or by its name.
pub(super) fn format_of<T>(
    place: &Located<T>,
    file: &str,
    told: Option<Format>,
) -> Result<Format, Diagnostic> {
    told.or_else(|| Format::from_path(file)).ok_or_else(|| {
        place
            .error(PROJECT_FILE, format!("{file} is in no known format"))
            .hint("name it .yaml, .yml, .toml, .json or .env, or add a `format`")
    })
}

pub(super) fn text_of(bytes: Vec<u8>) -> Result<String, Diagnostic> {
    String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Diagnostic::error(format!("not UTF-8 text: byte {at} is no part of a character"))
    })
}
