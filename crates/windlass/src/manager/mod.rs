//! Configuration as a library: for a service that reads its own.

mod value;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tracing::error;
use windlass_core::config::{
    Configuration as Merged, Format, MergeRules, Node, Origin, Schema, environment_layer, parse,
    skeleton,
};
use windlass_core::diagnostic::{Diagnostic, Position};
use windlass_core::name::EnvironmentName;
use windlass_core::project::{HttpSource, Located};
use windlass_core::template::substitute;

pub use self::value::Configuration;

use crate::clock::{Clock, SystemClock};
use crate::configuration::{FoundLayer, LayerKind, Validation, first_error, replace};
use crate::error::Error;
use crate::remote::{self, Remote};

/// The extensions of a configuration's files, the first one lowest.
const EXTENSIONS: [&str; 4] = ["yaml", "yml", "toml", "json"];
/// How long a server may take, and how much it may answer.
const TIMEOUT_MS: u64 = 10_000;
const MAX_SIZE: usize = windlass_core::config::MAX_TEXT;

/// Loads the configurations in a directory: `NAME.yaml` (or `.yml`, `.toml`, `.json`), and over it
/// `environments/ENVIRONMENT/NAME.yaml`, servers, and environment variables: `NAME_DATABASE__HOST` is
/// `database.host`.
///
/// ```
/// use serde::Deserialize;
/// use windlass::ConfigurationManager;
///
/// #[derive(Deserialize)]
/// struct Database { host: String, port: u16 }
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let dir = tempfile::tempdir()?;
/// std::fs::create_dir_all(dir.path().join("environments/production"))?;
/// std::fs::write(dir.path().join("app.yaml"), "database:\n  host: ${DB:-localhost}\n  port: 5432\n")?;
/// std::fs::write(dir.path().join("environments/production/app.toml"), "database.port = 6432\n")?;
///
/// let manager = ConfigurationManager::new(dir.path())
///     .with_variables([("APP_DATABASE__HOST".to_owned(), "db.internal".to_owned())]);
/// let configuration = manager.load("app", Some("production"))?;
/// let database: Database = configuration.get("database")?;
/// assert_eq!((database.host.as_str(), database.port), ("db.internal", 6432));
///
/// let origins = configuration.origins("database.port");
/// assert!(origins[1].file.ends_with("environments/production/app.toml"));
/// assert_eq!((origins[0].overridden, origins[0].line), (true, Some(3)));
/// # Ok(()) }
/// ```
#[derive(Debug)]
pub struct ConfigurationManager {
    directory: PathBuf,
    defaults: Option<Value>,
    schema: Option<Schema>,
    servers: Vec<String>,
    rules: MergeRules,
    variables: Option<BTreeMap<String, String>>,
}

impl ConfigurationManager {
    /// Returns a manager of the configurations in `directory`.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        let directory = directory.into();
        let (defaults, schema, variables) = (None, None, None);
        Self {
            directory,
            defaults,
            schema,
            servers: Vec::new(),
            rules: MergeRules::default(),
            variables,
        }
    }

    /// Takes `defaults` as the lowest layer.
    #[must_use]
    pub fn with_defaults(mut self, defaults: Value) -> Self {
        self.defaults = Some(defaults);
        self
    }

    /// Has every configuration satisfy `schema`, whose defaults are below all layers.
    #[must_use]
    pub fn with_schema(mut self, schema: Schema) -> Self {
        self.schema = Some(schema);
        self
    }

    /// Adds what is at `url` as a layer over the files: `https://`, or `http://` of this machine. The
    /// end of its path tells the format.
    #[must_use]
    pub fn with_server(mut self, url: impl Into<String>) -> Self {
        self.servers.push(url.into());
        self
    }

    /// Merges lists, and nulls, by `rules`.
    #[must_use]
    pub fn with_rules(mut self, rules: MergeRules) -> Self {
        self.rules = rules;
        self
    }

    /// Takes `variables` for the environment of the process.
    #[must_use]
    pub fn with_variables(mut self, variables: impl IntoIterator<Item = (String, String)>) -> Self {
        self.variables = Some(variables.into_iter().collect());
        self
    }

    /// Loads the configuration called `name`, for `environment` if there is one.
    ///
    /// # Errors
    /// [`Error::Invalid`] with everything that is wrong, each at its place.
    pub fn load(&self, name: &str, environment: Option<&str>) -> Result<Configuration, Error> {
        let loaded = self.try_load(name, environment);
        loaded.inspect_err(|failure| error!(name, error = %failure, "configuration not loaded"))
    }

    fn try_load(&self, name: &str, environment: Option<&str>) -> Result<Configuration, Error> {
        for part in [Some(name), environment].into_iter().flatten() {
            check_name(part)?;
        }
        let variables = self.variables();
        let (nodes, mut sources) = self.layers(name, environment)?;
        let (mut merged, has_variables) = self.merge(name, nodes, &variables)?;
        if let Some(schema) = &self.schema {
            schema.coerce(&mut merged);
            schema.mark_secrets(&mut merged);
        }
        let judged = self.schema.as_ref().map(|schema| validate_configuration(&merged, schema));
        let Validation { errors, warnings } = judged.unwrap_or_default();
        if !errors.is_empty() {
            return Err(Error::Invalid(errors.into_iter().map(Diagnostic::from).collect()));
        }
        let source = format!("{}_*", prefix(name));
        sources.push(found(LayerKind::Variables, source, None, has_variables));
        number(&mut sources);
        let (name, environment) = (name.to_owned(), environment.map(str::to_owned));
        let loaded_at = SystemClock.now();
        Ok(Configuration::new(name, environment, merged, sources, warnings, loaded_at))
    }

    /// Loads `configuration` again, and returns whether its value is another one now.
    ///
    /// # Errors
    /// As [`ConfigurationManager::load`]; `configuration` stays as it was then.
    pub fn reload(&self, configuration: &mut Configuration) -> Result<bool, Error> {
        let fresh = self.load(configuration.name(), configuration.environment())?;
        let changed = fresh.to_json() != configuration.to_json();
        *configuration = fresh.with_metadata(configuration.metadata().clone());
        Ok(changed)
    }

    /// Writes `configuration` as it is, variables substituted and secrets included, to `path` below the
    /// directory, in one rename; its extension tells the format.
    ///
    /// # Errors
    /// When the format cannot hold it, or the file cannot be written.
    pub fn save(&self, configuration: &Configuration, path: &Path) -> Result<(), Error> {
        let path = self.directory.join(path);
        let unknown = || {
            let problem = Diagnostic::error("is no .yaml, .toml or .json file");
            Error::invalid(problem.in_file(path.display().to_string()))
        };
        let format = Format::from_path(&path.to_string_lossy()).ok_or_else(unknown)?;
        let text = configuration.merged().emit(format).map_err(Error::Invalid)?;
        replace(&path, text.as_bytes()).map_err(Error::io("write", &path))
    }

    /// Returns the names of the configurations in the directory, sorted.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn list(&self) -> Result<Vec<String>, Error> {
        let unreadable = |error| Error::io("read", &self.directory)(error);
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.directory).map_err(unreadable)? {
            let path = entry.map_err(unreadable)?.path();
            let extension = path.extension().and_then(|extension| extension.to_str());
            if path.is_file() && extension.is_some_and(|known| EXTENSIONS.contains(&known)) {
                names.extend(path.file_stem().and_then(|stem| stem.to_str()).map(str::to_owned));
            }
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// Returns a commented configuration to start from, made from `schema`.
    ///
    /// # Errors
    /// What `format` cannot write.
    pub fn template(schema: &Schema, format: Format) -> Result<String, Error> {
        skeleton(schema.root(), format).map_err(Error::Invalid)
    }

    fn variables(&self) -> BTreeMap<String, String> {
        let of_process = || {
            let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
                Some((name.into_string().ok()?, value.into_string().ok()?))
            };
            std::env::vars_os().filter_map(text).collect()
        };
        self.variables.clone().unwrap_or_else(of_process)
    }

    /// Returns the layers below the environment variables, lowest first.
    fn layers(
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
        for (kind, source, format, text) in self.texts(name, environment)? {
            match parse(format, &source, &text) {
                Ok(node) => nodes.push(node),
                Err(found) => problems.extend(found),
            }
            sources.push(found(kind, source, Some(format), true));
        }
        if problems.is_empty() { Ok((nodes, sources)) } else { Err(Error::Invalid(problems)) }
    }

    fn texts(
        &self,
        name: &str,
        environment: Option<&str>,
    ) -> Result<Vec<(LayerKind, String, Format, String)>, Error> {
        let overlays =
            environment.map(|environment| self.directory.join("environments").join(environment));
        let mut texts = Vec::new();
        for directory in std::iter::once(self.directory.clone()).chain(overlays) {
            for extension in EXTENSIONS {
                let path = directory.join(format!("{name}.{extension}"));
                let Some(text) = read(&path)? else { continue };
                let source = path.display().to_string();
                let format = Format::from_path(&source).unwrap_or(Format::Yaml);
                texts.push((LayerKind::File, source, format, text));
            }
        }
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

    /// Returns the merged layers, and whether environment variables are one of them.
    fn merge(
        &self,
        name: &str,
        nodes: Vec<Node>,
        variables: &BTreeMap<String, String>,
    ) -> Result<(Merged, bool), Error> {
        let schema = self.schema.as_ref();
        let merge = |nodes: Vec<Node>| {
            let mut merged = Merged::from_nodes(nodes, &self.rules)?;
            merged.substitute(&mut |text| match substitute(text, variables) {
                Ok(std::borrow::Cow::Borrowed(_)) => Ok(None),
                Ok(std::borrow::Cow::Owned(new)) => Ok(Some(new.into())),
                Err(errors) => Err(first_error(text, errors)),
            })?;
            let own = variables.iter().map(|(name, value)| (name.clone(), value.clone()));
            let layer = environment_layer(&prefix(name), own, schema, Some(merged.root()))?;
            let is_there = layer.as_map().is_some();
            merged.with_layer(layer, &self.rules).map(|merged| (merged, is_there))
        };
        let (merged, is_there) = merge(nodes.clone()).map_err(Error::Invalid)?;
        let Some(schema) = schema else { return Ok((merged, is_there)) };
        let mut layered = nodes;
        layered.insert(0, schema.defaults(merged.root()));
        merge(layered).map_err(Error::Invalid)
    }
}

/// Loads the configuration called `name` in `directory`, for `environment` if there is one.
///
/// # Errors
/// As [`ConfigurationManager::load`].
pub fn load_configuration(
    directory: impl Into<PathBuf>,
    name: &str,
    environment: Option<&str>,
) -> Result<Configuration, Error> {
    ConfigurationManager::new(directory).load(name, environment)
}

/// Returns everything that `schema` does not allow in `configuration`, and what it calls deprecated,
/// each at its place.
///
/// ```
/// use windlass::{ConfigSchema, validate_configuration};
/// use windlass_core::config::{Configuration, Format, Layer, MergeRules};
///
/// let schema = r#"{"properties": {"port": {"type": "integer"}, "old": {"deprecated": true}}}"#;
/// let schema = ConfigSchema::compile("app.schema.json", schema).unwrap();
/// let layer = Layer { file: "app.yaml", format: Format::Yaml, text: "old: 1\nport: many\n" };
/// let configuration = Configuration::from_layers(&[layer], &MergeRules::default()).unwrap();
/// let found = validate_configuration(&configuration, &schema);
/// assert_eq!((found.errors[0].path.as_str(), found.errors[0].line), ("port", Some(2)));
/// assert_eq!(found.warnings[0].to_string(), "app.yaml:1:1: `old` is deprecated");
/// ```
#[must_use]
pub fn validate_configuration(configuration: &Merged, schema: &Schema) -> Validation {
    let errors = schema.validate(configuration);
    Validation { errors, warnings: schema.deprecated(configuration) }
}

/// Refuses what could lead out of the directory.
fn check_name(name: &str) -> Result<(), Error> {
    let unusable =
        |error: &dyn std::fmt::Display| Error::invalid(Diagnostic::error(error.to_string()));
    EnvironmentName::new(name).map(drop).map_err(|error| unusable(&error))
}

/// Returns what variables of the configuration called `name` start with.
fn prefix(name: &str) -> String {
    let part = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    name.chars().map(part).collect()
}

fn found(kind: LayerKind, source: String, format: Option<Format>, present: bool) -> FoundLayer {
    FoundLayer { layer: None, kind, source, format, optional: true, present }
}

/// Gives each layer the number that origins call it by.
fn number(sources: &mut [FoundLayer]) {
    for (number, source) in sources.iter_mut().enumerate() {
        source.layer = source.present.then_some(number);
    }
}

fn read(path: &Path) -> Result<Option<String>, Error> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io("read", path)(error)),
        Ok(found) if !found.is_file() || found.len() > MAX_SIZE as u64 => {
            let problem = Diagnostic::error("not a regular file of at most 16 MiB");
            return Err(Error::invalid(problem.in_file(path.display().to_string())));
        }
        Ok(_) => {}
    }
    let bytes = fs::read(path).map_err(Error::io("read", path))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let text = String::from_utf8_lossy(error.as_bytes());
        let at = Position::of_offset(&text, error.utf8_error().valid_up_to());
        let problem = Diagnostic::error("not UTF-8 text");
        Error::invalid(problem.in_file(path.display().to_string()).at(at))
    })?;
    Ok(Some(text))
}

fn fetched(remote: &Remote, url: &str) -> Result<(LayerKind, String, Format, String), Error> {
    let position = Position { line: 1, column: 1 };
    let located = Located { value: url.to_owned(), position, width: 1 };
    let (checksum, timeout_ms, max_size) = (None, TIMEOUT_MS, MAX_SIZE);
    let source = HttpSource { url: located, checksum, timeout_ms, max_size, allow_http: false };
    let shown = remote::shown(url).to_owned();
    let refused = |why: String| Error::invalid(Diagnostic::error(format!("{shown} {why}")));
    let bytes = remote.fetch(&source, url).map_err(|error| refused(error.to_string()))?;
    let bytes = bytes.ok_or_else(|| refused("does not exist".to_owned()))?;
    let text = String::from_utf8(bytes).map_err(|_| refused("is not UTF-8 text".to_owned()))?;
    let format = Format::from_path(&shown);
    let format = format.ok_or_else(|| refused("does not tell its format".to_owned()))?;
    Ok((LayerKind::Http, shown, format, text))
}

#[cfg(test)]
mod tests;
