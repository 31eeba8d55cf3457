//! The texts that a configuration is made of.

use windlass_core::config::{Format, Node, decode, parse};
use windlass_core::diagnostic::Diagnostic;
use windlass_core::project::{ConfigSpec, HttpSource, Layer, LayerSource, Located};

use super::load::Loader;
use super::{FoundLayer, LayerKind};
use crate::project::PROJECT_FILE;
use crate::remote::{self, RemoteError};
use crate::render::scope;
use crate::sources::{SourceError, SourceErrorKind};

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
            LayerSource::Http(http) => self.http(http, layer)?,
        };
        let present = text.is_some();
        let (optional, format) = (layer.optional, Some(format));
        let found = FoundLayer { layer: None, kind, source, format, optional, present };
        Ok(Read { found, text })
    }

    /// Returns what a server says.
    fn http(
        &self,
        http: &HttpSource,
        layer: &Layer,
    ) -> Result<(LayerKind, String, Format, Option<String>), Problems> {
        let url = scope::resolve(&http.url, &self.variables)?;
        let source = remote::shown(&url).to_owned();
        let refused = |error: RemoteError| {
            let problem = http.url.error(PROJECT_FILE, format!("{source} {error}"));
            vec![match error.hint() {
                Some(hint) => problem.hint(hint),
                None => problem,
            }]
        };
        let bytes = self.remote.fetch(http, &url).map_err(refused)?;
        if bytes.is_none() && !layer.optional {
            return Err(refused(RemoteError::Status(404)));
        }
        let text = bytes.map(|bytes| decode(&source, bytes)).transpose();
        let text = text.map_err(|problem| vec![problem])?;
        let format =
            format_of(&http.url, &source, layer.format).map_err(|problem| vec![problem])?;
        Ok((LayerKind::Http, source, format, text))
    }

    /// Returns what is in a file of the project, or would be; nothing where it is missing and may be.
    pub(super) fn text<T>(
        &self,
        place: &Located<T>,
        file: &str,
        optional: bool,
    ) -> Result<Option<String>, Diagnostic> {
        match self.read(file) {
            Ok(read) => read.map(Some),
            Err(error) if optional && error.kind == SourceErrorKind::Missing => Ok(None),
            Err(error) => Err(scope::placed(error.diagnostic(), place)),
        }
    }

    /// Returns what is in a file to which a schema refers, or would be.
    pub(super) fn referred(&self, file: &str) -> Result<String, Diagnostic> {
        self.read(file).map_err(|error| error.of_reference())?
    }

    /// Returns what is in a file of the project, or would be, if that is text.
    fn read(&self, file: &str) -> Result<Result<String, Diagnostic>, SourceError> {
        if let Some(text) = self.pending.get(file) {
            return Ok(Ok(text.clone()));
        }
        Ok(decode(file, self.sources.read(file)?))
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
