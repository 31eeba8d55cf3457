//! The layers of a configuration: files, servers, and what the program brings.

use std::fs;
use std::io;
use std::path::Path;

use windlass_core::config::{Format, MAX_TEXT, Node, Origin, decode, parse};
use windlass_core::diagnostic::{Diagnostic, Position};
use windlass_core::project::{HttpSource, Located};

use super::{ConfigurationManager, EXTENSIONS};
use crate::configuration::{FoundLayer, LayerKind};
use crate::error::Error;
use crate::remote::{self, Remote};

/// How long a server may take.
const TIMEOUT_MS: u64 = 10_000;

/// The text of a layer.
struct Text {
    kind: LayerKind,
    source: String,
    format: Format,
    text: String,
}

impl ConfigurationManager {
    /// Returns the layers below the environment variables, lowest first.
    pub(super) fn layers(
        &self,
        name: &str,
        environment: Option<&str>,
    ) -> Result<(Vec<Node>, Vec<FoundLayer>), Error> {
        let (mut nodes, mut sources, mut problems) = (Vec::new(), Vec::new(), Vec::new());
        if let Some(schema) = &self.schema {
            let file = schema.file().to_owned();
            sources.push(found(LayerKind::SchemaDefaults, file, None, true));
        }
        if let Some(defaults) = &self.defaults {
            let node = Node::from_json(defaults, &Origin::of_source("defaults"));
            nodes.push(node.map_err(Error::invalid)?);
            sources.push(found(LayerKind::Defaults, "defaults".to_owned(), None, true));
        }
        for Text { kind, source, format, text } in self.texts(name, environment)? {
            match parse(format, &source, &text) {
                Ok(node) => nodes.push(node),
                Err(found) => problems.extend(found),
            }
            sources.push(found(kind, source, Some(format), true));
        }
        if problems.is_empty() { Ok((nodes, sources)) } else { Err(Error::Invalid(problems)) }
    }

    fn texts(&self, name: &str, environment: Option<&str>) -> Result<Vec<Text>, Error> {
        let mut texts = self.files(name, environment)?;
        if texts.is_empty() && self.servers.is_empty() && self.defaults.is_none() {
            let problem = Diagnostic::error(format!("there is no configuration `{name}`"));
            let hint = format!("write {name}.yaml into {}", self.directory.display());
            return Err(Error::invalid(problem.hint(hint)));
        }
        let remote = Remote::new(self.directory.join(".windlass/cache/http"));
        for url in &self.servers {
            texts.push(fetched(&remote, url)?);
        }
        Ok(texts)
    }

    fn files(&self, name: &str, environment: Option<&str>) -> Result<Vec<Text>, Error> {
        let overlays = environment.map(|name| self.directory.join("environments").join(name));
        let mut texts = Vec::new();
        for directory in std::iter::once(self.directory.clone()).chain(overlays) {
            for extension in EXTENSIONS {
                let path = directory.join(format!("{name}.{extension}"));
                let Some(text) = read(&path)? else { continue };
                let source = path.display().to_string();
                let format = Format::from_path(&source).unwrap_or(Format::Yaml);
                texts.push(Text { kind: LayerKind::File, source, format, text });
            }
        }
        Ok(texts)
    }
}

/// Returns a layer that has no number yet.
pub(super) fn found(
    kind: LayerKind,
    source: String,
    format: Option<Format>,
    present: bool,
) -> FoundLayer {
    FoundLayer { layer: None, kind, source, format, optional: true, present }
}

/// Gives each layer the number that origins call it by.
pub(super) fn number(sources: &mut [FoundLayer]) {
    for (number, source) in sources.iter_mut().enumerate() {
        source.layer = source.present.then_some(number);
    }
}

/// Returns the text of the file, or nothing where there is none.
fn read(path: &Path) -> Result<Option<String>, Error> {
    let file = path.display().to_string();
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path)(error)),
        Ok(found) if !found.is_file() || found.len() > MAX_TEXT as u64 => {
            let problem = Diagnostic::error("not a regular file of at most 16 MiB");
            return Err(Error::invalid(problem.in_file(file)));
        }
        Ok(_) => {}
    }
    let bytes = fs::read(path).map_err(Error::io("read", path))?;
    decode(&file, bytes).map(Some).map_err(Error::invalid)
}

fn fetched(remote: &Remote, url: &str) -> Result<Text, Error> {
    let position = Position { line: 1, column: 1 };
    let located = Located { value: url.to_owned(), position, width: 1 };
    let (checksum, timeout_ms, max_size) = (None, TIMEOUT_MS, MAX_TEXT);
    let wanted = HttpSource { url: located, checksum, timeout_ms, max_size, allow_http: false };
    let source = remote::shown(url).to_owned();
    let refused = |why: String| Error::invalid(Diagnostic::error(format!("{source} {why}")));
    let bytes = remote.fetch(&wanted, url).map_err(|error| refused(error.to_string()))?;
    let bytes = bytes.ok_or_else(|| refused("does not exist".to_owned()))?;
    let text = decode(&source, bytes).map_err(Error::invalid)?;
    let format = Format::from_path(&source);
    let format = format.ok_or_else(|| refused("does not tell its format".to_owned()))?;
    Ok(Text { kind: LayerKind::Http, source, format, text })
}
