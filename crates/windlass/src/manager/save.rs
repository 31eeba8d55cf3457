//! A configuration, written to a file.

use std::path::{Path, PathBuf};

use windlass_core::config::Format;
use windlass_core::diagnostic::Diagnostic;
use windlass_core::path::RelativePath;

use super::{Configuration, ConfigurationManager};
use crate::configuration::{Access, replace};
use crate::error::Error;

impl ConfigurationManager {
    /// Writes `configuration` as it is, variables substituted and secrets included, to `path` below the
    /// directory, in one rename; its extension tells the format.
    ///
    /// A file with a secret in it (see [`Configuration::has_secrets`]) is its owner's alone from its
    /// first byte on: it has the mode `0600`, whatever there was before. Any other keeps the mode
    /// that it has; a new one gets `0644` less the umask.
    ///
    /// ```
    /// # use std::os::unix::fs::PermissionsExt;
    /// # use std::path::Path;
    /// use windlass::{ConfigSchema, ConfigurationManager};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// # std::fs::write(dir.path().join("app.yaml"), "password: ${PASSWORD}\n")?;
    /// # let variables = [("PASSWORD".to_owned(), "hunter2".to_owned())];
    /// let schema = r#"{"properties": {"password": {"type": "string", "x-secret": true}}}"#;
    /// let schema = ConfigSchema::compile("app.schema.json", schema).map_err(windlass::Error::Invalid)?;
    /// let manager = ConfigurationManager::new(dir.path()).with_schema(schema);
    /// # let manager = manager.with_variables(variables);
    /// let configuration = manager.load("app", None)?;
    /// manager.save(&configuration, Path::new("resolved/app.json"))?;
    /// # let mode = dir.path().join("resolved/app.json").metadata()?.permissions().mode();
    /// assert_eq!(mode & 0o777, 0o600);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When `path` leads out of the directory, the format cannot hold the configuration, or the file
    /// cannot be written.
    pub fn save(&self, configuration: &Configuration, path: &Path) -> Result<(), Error> {
        let path = self.below(path)?;
        let format = Format::from_path(&path.to_string_lossy()).ok_or_else(|| {
            let problem = Diagnostic::error("is no .yaml, .toml or .json file");
            Error::invalid(problem.in_file(path.display().to_string()))
        })?;
        let text = configuration.merged().emit(format).map_err(Error::Invalid)?;
        let access = if configuration.has_secrets() { Access::Owner } else { Access::Usual };
        replace(&path, text.as_bytes(), access).map_err(Error::io("write", &path))
    }

    fn below(&self, path: &Path) -> Result<PathBuf, Error> {
        let relative = RelativePath::new(path.to_string_lossy());
        let relative = relative.map_err(|error| {
            Error::invalid(Diagnostic::error(error.to_string()).hint("name a file below it"))
        })?;
        Ok(self.directory.join(relative.as_str()))
    }
}
