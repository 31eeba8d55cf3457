//! Configuration as a library: for a service that reads its own.
//!
//! | read | for |
//! |---|---|
//! | [`ConfigurationManager`] | where configurations are, what they must satisfy, loading and saving |
//! | [`Configuration`] | what was loaded: values with types, by dotted key, and where they came from |
//! | [`load_configuration`], [`validate_configuration`] | the same in one call |
//! | `layers`, `merge` | from files, servers and variables to one value |
//! | `save` | from one value to a file |

mod layers;
mod merge;
mod save;
mod value;

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;
use tracing::error;
use windlass_core::config::{Configuration as Merged, Format, MergeRules, Schema, skeleton};
use windlass_core::diagnostic::Diagnostic;
use windlass_core::name::EnvironmentName;

pub use self::value::Configuration;

use self::layers::{found, number};
use self::merge::prefix;
use crate::clock::{Clock, SystemClock};
use crate::configuration::{LayerKind, Validation};
use crate::error::Error;

/// The extensions of a configuration's files, the first one lowest.
const EXTENSIONS: [&str; 4] = ["yaml", "yml", "toml", "json"];

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
    schema: Option<Arc<Schema>>,
    servers: Vec<String>,
    rules: MergeRules,
    variables: Option<BTreeMap<String, String>>,
}

impl ConfigurationManager {
    /// Returns a manager of the configurations in `directory`.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self {
            directory: directory.into(),
            defaults: None,
            schema: None,
            servers: Vec::new(),
            rules: MergeRules::default(),
            variables: None,
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
        self.schema = Some(Arc::new(schema));
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
        let (nodes, mut sources) = self.layers(name, environment)?;
        let (mut merged, has_variables) = self.merge(name, nodes).map_err(Error::Invalid)?;
        let warnings = self.judge(&mut merged)?;
        let source = format!("{}_*", prefix(name));
        sources.push(found(LayerKind::Variables, source, None, has_variables));
        number(&mut sources);
        Ok(Configuration {
            name: name.to_owned(),
            environment: environment.map(str::to_owned),
            merged,
            schema: self.schema.clone(),
            sources,
            warnings,
            loaded_at: SystemClock.now(),
            metadata: BTreeMap::new(),
        })
    }

    /// Types and marks values as the schema says, and returns what it warns of.
    fn judge(&self, merged: &mut Merged) -> Result<Vec<Diagnostic>, Error> {
        let Some(schema) = &self.schema else { return Ok(Vec::new()) };
        schema.coerce(merged);
        schema.mark_secrets(merged);
        let Validation { errors, warnings } = validate_configuration(merged, schema);
        if errors.is_empty() {
            return Ok(warnings);
        }
        Err(Error::Invalid(errors.into_iter().map(Diagnostic::from).collect()))
    }

    /// Loads `configuration` again, and returns whether its value is another one now. What the program
    /// set in it is gone then; its metadata stays.
    ///
    /// ```
    /// use windlass::ConfigurationManager;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// # let file = dir.path().join("app.yaml");
    /// # std::fs::write(&file, "port: 1\n")?;
    /// let manager = ConfigurationManager::new(dir.path());
    /// let mut configuration = manager.load("app", None)?;
    /// std::fs::write(&file, "port: 2\n")?;
    /// assert!(manager.reload(&mut configuration)?);
    /// assert_eq!(configuration.get::<u16>("port")?, 2);
    ///
    /// std::fs::write(&file, "port: [\n")?;
    /// assert!(manager.reload(&mut configuration).is_err());
    /// assert_eq!(configuration.get::<u16>("port")?, 2);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`ConfigurationManager::load`]; `configuration` stays as it was then.
    pub fn reload(&self, configuration: &mut Configuration) -> Result<bool, Error> {
        let fresh = self.load(configuration.name(), configuration.environment())?;
        let changed = fresh.to_json() != configuration.to_json();
        *configuration = fresh.with_metadata(configuration.metadata().clone());
        Ok(changed)
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
}

/// Loads the configuration called `name` in `directory`, for `environment` if there is one.
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// # std::fs::create_dir_all(dir.path().join("environments/production"))?;
/// std::fs::write(dir.path().join("app.yaml"), "log: {level: info, format: json}\n")?;
/// std::fs::write(dir.path().join("environments/production/app.yaml"), "log: {level: warn}\n")?;
///
/// let configuration = windlass::load_configuration(dir.path(), "app", Some("production"))?;
/// assert_eq!(configuration.get::<String>("log.level")?, "warn");
/// assert_eq!(configuration.get::<String>("log.format")?, "json");
/// # Ok(()) }
/// ```
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
/// use windlass::{ConfigSchema, load_configuration, validate_configuration};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let dir = tempfile::tempdir()?;
/// let schema = r#"{"properties": {"port": {"type": "integer"}, "old": {"deprecated": true}}}"#;
/// let schema = ConfigSchema::compile("app.schema.json", schema).map_err(windlass::Error::Invalid)?;
///
/// std::fs::write(dir.path().join("app.yaml"), "old: 1\nport: many\n")?;
/// let configuration = load_configuration(dir.path(), "app", None)?;
/// let found = validate_configuration(&configuration, &schema);
/// assert_eq!((found.errors[0].path.as_str(), found.errors[0].line), ("port", Some(2)));
/// assert!(found.warnings[0].to_string().ends_with("app.yaml:1:1: `old` is deprecated"));
/// # Ok(()) }
/// ```
#[must_use]
pub fn validate_configuration(configuration: &impl AsRef<Merged>, schema: &Schema) -> Validation {
    let configuration = configuration.as_ref();
    let errors = schema.validate(configuration);
    Validation { errors, warnings: schema.deprecated(configuration) }
}

/// Refuses what could lead out of the directory.
fn check_name(name: &str) -> Result<(), Error> {
    let unusable =
        |error: &dyn std::fmt::Display| Error::invalid(Diagnostic::error(error.to_string()));
    EnvironmentName::new(name).map(drop).map_err(|error| unusable(&error))
}

#[cfg(test)]
mod tests;
