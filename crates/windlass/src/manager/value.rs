//! A loaded configuration.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use windlass_core::config::{Configuration as Merged, KeyOrigin, Origin, Schema};
use windlass_core::diagnostic::{Diagnostic, nearest};

use crate::configuration::FoundLayer;

/// The merged data of a configuration, with where it came from.
#[derive(Debug, Clone)]
pub struct Configuration {
    pub(super) name: String,
    pub(super) environment: Option<String>,
    pub(super) merged: Merged,
    /// What tells which values are secret.
    pub(super) schema: Option<Arc<Schema>>,
    pub(super) sources: Vec<FoundLayer>,
    pub(super) warnings: Vec<Diagnostic>,
    pub(super) loaded_at: Timestamp,
    pub(super) metadata: BTreeMap<String, Value>,
}

impl Configuration {
    /// Returns the name it was loaded by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the environment it was loaded for.
    #[must_use]
    pub fn environment(&self) -> Option<&str> {
        self.environment.as_deref()
    }

    /// Returns the layers, lowest first.
    #[must_use]
    pub fn sources(&self) -> &[FoundLayer] {
        &self.sources
    }

    /// Returns what is probably not meant, such as deprecated keys.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Returns when it was loaded.
    #[must_use]
    pub const fn loaded_at(&self) -> Timestamp {
        self.loaded_at
    }

    /// Returns the version that it says it has, under `version`.
    #[must_use]
    pub fn version(&self) -> Option<String> {
        match self.merged.get("version")?.to_json() {
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    /// Returns what the program keeps with it; reloading keeps it too.
    #[must_use]
    pub const fn metadata(&self) -> &BTreeMap<String, Value> {
        &self.metadata
    }

    /// Keeps `metadata` with it.
    #[must_use]
    pub fn with_metadata(mut self, metadata: BTreeMap<String, Value>) -> Self {
        self.metadata = metadata;
        self
    }

    /// Returns the value under the dotted `key` as a `T`: `database.host`, the element `servers.0.name`
    /// of a list, or, in quotes, a key that holds a dot, as in `hosts."db.internal".port`.
    ///
    /// ```
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let dir = tempfile::tempdir()?;
    /// let text = "servers: [{name: a}, {name: b}]\nhosts: {db.internal: {port: 5432}}\n";
    /// std::fs::write(dir.path().join("app.yaml"), text)?;
    /// let configuration = windlass::load_configuration(dir.path(), "app", None)?;
    /// assert_eq!(configuration.get::<String>("servers.1.name")?, "b");
    /// assert_eq!(configuration.get::<u16>("hosts.\"db.internal\".port")?, 5432);
    /// assert_eq!(configuration.get::<Option<u16>>("hosts.\"db.internal\".port")?, Some(5432));
    ///
    /// let misfit = configuration.get::<u16>("servers.0.name").unwrap_err();
    /// assert_eq!(misfit.position.map(|at| (at.line, at.column)), Some((1, 18)));
    /// let missing = configuration.get::<u16>("server").unwrap_err();
    /// assert_eq!(missing.message, "no layer sets `server`");
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When there is none, or it is no `T`; placed at the innermost value that does not fit, which is
    /// not quoted if it is secret.
    pub fn get<T: DeserializeOwned>(&self, key: &str) -> Result<T, Diagnostic> {
        let Some(node) = self.merged.get(key) else {
            let problem = Diagnostic::error(format!("no layer sets `{key}`"));
            let keys: Vec<String> = self.merged.leaves().map(|(key, _)| key).collect();
            let near = nearest(key, keys.iter().map(String::as_str));
            return Err(match near {
                Some(near) => problem.hint(format!("did you mean `{near}`?")),
                None => problem,
            });
        };
        node.deserialize().map_err(|misfit| {
            let message = format!("`{key}` does not fit: {}", misfit.message);
            Diagnostic { message, ..misfit }
        })
    }

    /// Puts `value` under the dotted `key`, in memory, and makes the maps above it. It is secret where
    /// the schema says so; nothing else of the schema is looked at
    /// ([`validate_configuration`](super::validate_configuration) does that).
    ///
    /// # Errors
    /// When something above it is not a map, or the value cannot be in a configuration.
    pub fn set(&mut self, key: &str, value: &Value) -> Result<(), Diagnostic> {
        self.merged.set(key, value, &Origin::of_source("set by the program"))?;
        if let Some(schema) = &self.schema {
            schema.mark_secrets(&mut self.merged);
        }
        Ok(())
    }

    /// Tells whether a value in it may not be shown: one that the schema it was loaded with marks
    /// `x-secret`.
    #[must_use]
    pub fn has_secrets(&self) -> bool {
        self.merged.root().is_secret() || self.merged.leaves().any(|(_, node)| node.is_secret())
    }

    /// Returns the whole as a `T`.
    ///
    /// # Errors
    /// The first thing that does not fit, placed at the value.
    pub fn deserialize<T: DeserializeOwned>(&self) -> Result<T, Diagnostic> {
        self.merged.deserialize()
    }

    /// Returns what each layer says about the dotted `key`, oldest first; secrets are masked.
    #[must_use]
    pub fn origins(&self, key: &str) -> Vec<KeyOrigin> {
        self.merged.origins(key)
    }

    /// Returns the whole as JSON, secrets included.
    #[must_use]
    pub fn to_json(&self) -> Value {
        self.merged.to_json()
    }

    /// Returns the merged data, with the place of each value.
    #[must_use]
    pub const fn merged(&self) -> &Merged {
        &self.merged
    }
}

impl AsRef<Merged> for Configuration {
    fn as_ref(&self) -> &Merged {
        &self.merged
    }
}
