//! The configurations of a project, loaded for an environment.
//!
//! | read | for |
//! |---|---|
//! | `layers` | the texts that a configuration is made of |
//! | `load` | merged, substituted, validated |
//! | `edit`, `file` | one value changed in the file of a layer |
//! | `migration` | the files of a configuration brought to another version |
//! | `samples` | a schema from configurations, a configuration from a schema |

mod edit;
mod file;
mod layers;
mod load;
mod migration;
mod samples;

use std::collections::BTreeMap;

use serde::Serialize;
use windlass_core::config::{Configuration, Format, ValidationError};
use windlass_core::diagnostic::{Diagnostic, nearest};
use windlass_core::project::ConfigSpec;

pub use self::edit::{SetValue, ValueSet};
pub use self::file::FileChange;
pub(crate) use self::file::{Access, replace};
pub(crate) use self::load::{Loader, within as first_error};
pub use self::migration::{MigratedFile, Migration, MigrationStep, RunMigration};

use crate::engine::Engine;
use crate::error::Error;
use crate::project::{LoadedProject, PROJECT_FILE};
use crate::remote::Remote;
use crate::sources::Sources;

/// A configuration of one environment, and what its schema says about it.
#[derive(Debug)]
pub struct Loaded {
    /// The merged layers, variables substituted, secrets marked.
    pub configuration: Configuration,
    /// What does not satisfy the schema.
    pub errors: Vec<ValidationError>,
    /// What is probably not meant, such as deprecated keys, and merge rules for lists that are in no
    /// layer.
    pub warnings: Vec<Diagnostic>,
    /// The files that were read, in order: layers, then those of the schema.
    pub files: Vec<String>,
    /// The layers, lowest first, those too that are not there.
    pub layers: Vec<FoundLayer>,
}

/// What kind of source a layer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LayerKind {
    /// The defaults of the schema.
    SchemaDefaults,
    /// Defaults that a program brings.
    Defaults,
    /// A file of the project.
    File,
    /// An environment variable that holds the whole text.
    Variable,
    /// A server.
    Http,
    /// Environment variables, one for each key.
    Variables,
}

/// A layer of a configuration, as it was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FoundLayer {
    /// The number that the origins of values call it by; nothing where it is not there.
    pub layer: Option<usize>,
    /// What kind of source it is.
    pub kind: LayerKind,
    /// Its file, or another name for the source.
    pub source: String,
    /// What it is written in; nothing for variables, one for each key.
    pub format: Option<Format>,
    /// Whether it may be missing.
    pub optional: bool,
    /// Whether it is there.
    pub present: bool,
}

/// All that is wrong with configurations, and what is probably not meant in them.
#[derive(Debug, Default)]
pub struct Validation {
    /// What keeps layers from being read or merged, and what schemas do not allow.
    pub errors: Vec<ValidationError>,
    /// What is probably not meant.
    pub warnings: Vec<Diagnostic>,
}

impl Validation {
    /// Adds what is wrong with each configuration of the project.
    fn look_at(&mut self, loaded: &LoadedProject, loader: &Loader<'_>) {
        for spec in loaded.project.configs.values() {
            match loader.load(spec) {
                Ok(loaded) => {
                    add(&mut self.errors, loaded.errors);
                    add(&mut self.warnings, loaded.warnings);
                }
                Err(problems) => add(&mut self.errors, problems.into_iter().map(unreadable)),
            }
        }
    }
}

impl Loaded {
    /// Returns the configuration if it satisfies its schema.
    pub(crate) fn valid(self) -> Result<Self, Vec<Diagnostic>> {
        if self.errors.is_empty() {
            return Ok(self);
        }
        Err(self.errors.into_iter().map(Diagnostic::from).collect())
    }
}

impl Engine {
    /// Loads configurations of the project for an environment, under their names: the one called
    /// `name`, or all. With `target`, as that target sees them; without, with the variables that all
    /// targets share.
    ///
    /// # Errors
    /// [`Error::Invalid`] with all that is wrong in their layers, or when there is none. What a schema
    /// says is returned, not an error.
    pub async fn configurations(
        &self,
        environment: &str,
        target: Option<&str>,
        name: Option<&str>,
    ) -> Result<BTreeMap<String, Loaded>, Error> {
        let loaded = self.loaded_project()?;
        let environment = match target {
            Some(_) => self.environment_at(environment, target).await?,
            None => self.environment(environment).await?,
        };
        let (sources, remote) = (self.project_sources()?, self.remote());
        let unlocked = self.unlock(&environment)?;
        let loader = Loader::new(loaded, &environment, &unlocked, &sources, &remote)?;
        let (mut all, mut problems) = (BTreeMap::new(), Vec::new());
        for (name, spec) in choose(loaded, name)? {
            match loader.load(spec) {
                Ok(loaded) => drop(all.insert(name.clone(), loaded)),
                Err(more) => problems.extend(more),
            }
        }
        problems.dedup();
        if problems.is_empty() { Ok(all) } else { Err(Error::Invalid(problems)) }
    }

    /// Returns everything that is wrong with the configurations of the project for each of
    /// `environments`, each thing once: what their schemas say, and what keeps layers from being
    /// read or merged.
    ///
    /// # Errors
    /// When there is no project, or no such environment.
    pub async fn validate(&self, environments: &[String]) -> Result<Validation, Error> {
        let loaded = self.loaded_project()?;
        let (sources, remote) = (self.project_sources()?, self.remote());
        let mut all = Validation::default();
        for environment in environments {
            for variant in self.environment(environment).await?.variants() {
                let unlocked = self.unlock(&variant)?;
                let loader = Loader::new(loaded, &variant, &unlocked, &sources, &remote)?;
                all.look_at(loaded, &loader);
            }
        }
        Ok(all)
    }

    /// Returns the project, or the error that there is none.
    pub(crate) fn loaded_project(&self) -> Result<&LoadedProject, Error> {
        self.project.as_ref().ok_or_else(|| Error::NoProject { start: self.base.clone() })
    }

    /// Returns what reads layers from servers: each of them once.
    pub(crate) fn remote(&self) -> Remote {
        Remote::new(self.http_cache.clone())
    }

    /// Opens the files of the project.
    pub(crate) fn project_sources(&self) -> Result<Sources, Error> {
        let root = &self.loaded_project()?.root;
        Sources::open(root).map_err(Error::io("open", root))
    }
}

/// Adds those of `more` that are not there yet.
fn add<T: PartialEq>(all: &mut Vec<T>, more: impl IntoIterator<Item = T>) {
    for one in more {
        if !all.contains(&one) {
            all.push(one);
        }
    }
}

/// Returns the configuration called `name`, or all, of which there is at least one.
fn choose<'p>(
    loaded: &'p LoadedProject,
    name: Option<&str>,
) -> Result<Vec<(&'p String, &'p ConfigSpec)>, Error> {
    let configs = &loaded.project.configs;
    let found: Vec<_> = match name {
        Some(name) => configs.get_key_value(name).into_iter().collect(),
        None => configs.iter().collect(),
    };
    if found.is_empty() {
        let names: Vec<&str> = configs.keys().map(String::as_str).collect();
        return Err(Error::invalid(no_such(name, &names)));
    }
    Ok(found)
}

/// Returns the configuration called `name`, or the only one.
fn choose_one<'p>(
    loaded: &'p LoadedProject,
    name: Option<&str>,
) -> Result<(&'p String, &'p ConfigSpec), Error> {
    match choose(loaded, name)?[..] {
        [only] => Ok(only),
        ref several => {
            let names: Vec<&str> = several.iter().map(|(name, _)| name.as_str()).collect();
            let problem = Diagnostic::error("the project has several configurations");
            let hint = format!("choose one with `--config`: {}", names.join(", "));
            Err(Error::invalid(problem.hint(hint)))
        }
    }
}

fn no_such(name: Option<&str>, known: &[&str]) -> Diagnostic {
    let list = || format!("the project has {}", known.join(", "));
    match name {
        Some(name) if !known.is_empty() => {
            let hint = nearest(name, known.iter().copied());
            Diagnostic::error(format!("unknown configuration `{name}`"))
                .hint(hint.map_or_else(list, |near| format!("did you mean `{near}`?")))
        }
        _ => Diagnostic::error("the project has no configuration")
            .hint(format!("declare one in {PROJECT_FILE}: [config.app] with `layers`")),
    }
}

/// Returns what keeps a layer from being read, as an error of the whole configuration.
#[must_use]
pub fn unreadable(problem: Diagnostic) -> ValidationError {
    ValidationError {
        path: String::new(),
        message: problem.message,
        file: problem.file.unwrap_or_else(|| PROJECT_FILE.to_owned()),
        line: problem.position.map(|at| at.line),
        column: problem.position.map(|at| at.column),
        width: problem.width,
        schema_path: String::new(),
        schema_file: None,
        hint: problem.hint,
    }
}
