//! A loaded configuration.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde_json::Value;
use windlass_core::config::{Configuration as Merged, KeyOrigin, Origin};
use windlass_core::diagnostic::{Diagnostic, nearest};

use crate::configuration::FoundLayer;

/// The merged data of a configuration, with where it came from.
#[derive(Debug, Clone)]
pub struct Configuration {
    name: String,
    environment: Option<String>,
    merged: Merged,
    sources: Vec<FoundLayer>,
    warnings: Vec<Diagnostic>,
    loaded_at: Timestamp,
    metadata: BTreeMap<String, Value>,
}

impl Configuration {
    pub(super) fn new(
        name: String,
        environment: Option<String>,
        merged: Merged,
        sources: Vec<FoundLayer>,
        warnings: Vec<Diagnostic>,
        loaded_at: Timestamp,
    ) -> Self {
        let metadata = BTreeMap::new();
        Self { name, environment, merged, sources, warnings, loaded_at, metadata }
    }

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

    /// Returns the value under the dotted `key` as a `T`.
    ///
    /// # Errors
    /// When there is none, or it is no `T`; placed at the value.
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
        // What serde says quotes the value.
        let unfit = |error: serde_json::Error| match node.is_secret() {
            true => node.place().error(format!("`{key}` does not fit")),
            false => node.place().error(format!("`{key}` does not fit: {error}")),
        };
        serde_json::from_value(node.to_json()).map_err(unfit)
    }

    /// Puts `value` under the dotted `key`, in memory, and makes the maps above it.
    ///
    /// # Errors
    /// When something above it is not a map, or the value cannot be in a configuration.
    pub fn set(&mut self, key: &str, value: &Value) -> Result<(), Diagnostic> {
        self.merged.set(key, value, &Origin::of_source("set by the program"))
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
