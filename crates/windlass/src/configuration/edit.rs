//! One value, changed in the file of a layer.

use std::collections::BTreeMap;

use serde_json::Value;
use windlass_core::config::{Format, KeyOrigin, Node, Schema, ValidationError, decode, edit, key};
use windlass_core::diagnostic::{Diagnostic, nearest};
use windlass_core::environment::Environment;

use super::file::{FileChange, Writer};
use super::{FoundLayer, LayerKind, Loaded, Loader, add, unreadable};
use crate::engine::Engine;
use crate::error::{Error, describe};
use crate::remote::Remote;
use crate::sources::Sources;

/// Which value is set, and where.
#[derive(Debug, Clone, Copy)]
pub struct SetValue<'a> {
    /// The environment whose configuration is meant.
    pub environment: &'a str,
    /// The configuration; the only one, or the one that sets the key.
    pub config: Option<&'a str>,
    /// The dotted key.
    pub key: &'a str,
    /// The value as typed: JSON where the schema allows other than text there, text otherwise.
    pub value: &'a str,
    /// The file of the layer; that which sets the key now, or else the last one of the environment.
    pub layer: Option<&'a str>,
    /// Whether nothing is written.
    pub dry_run: bool,
}

/// A value that was set.
#[derive(Debug, Clone)]
pub struct ValueSet {
    /// The configuration.
    pub config: String,
    /// The value as it was understood.
    pub value: Value,
    /// Whether the schema calls it secret.
    pub secret: bool,
    /// What changed.
    pub change: FileChange,
    /// What a person should know, such as that another layer overrides the value.
    pub warnings: Vec<Diagnostic>,
}

impl Engine {
    /// Sets one value in the file of a layer, comments and all else kept.
    ///
    /// # Errors
    /// [`Error::Invalid`] when there is no such key or layer, or when the configuration of any
    /// environment would have an error that it does not have now. Nothing is written then.
    pub async fn set_value(&self, wanted: &SetValue<'_>) -> Result<ValueSet, Error> {
        let project = self.loaded_project()?;
        let (sources, remote) = (self.project_sources()?, self.remote());
        let all = self.configurations(wanted.environment, None, wanted.config).await?;
        let config = config_with(&all, wanted.key)?;
        let (loaded, spec) = (&all[&config], &project.project.configs[&config]);
        let environment = self.environment(wanted.environment).await?;
        let unlocked = self.unlock(&environment)?;
        let loader = Loader::new(project, &environment, &unlocked, &sources, &remote)?;
        let schema = loader.schema(spec).map_err(Error::Invalid)?;
        let (value, change) = edited(&sources, loaded, schema.as_ref(), wanted)?;
        let mut warnings = self.consequences(&change, &sources, &remote).await?;
        let after = loader.with_pending(change.pending()).load(spec).map_err(Error::Invalid)?;
        let after = after.configuration;
        warnings.extend(overriding(&after.origins(wanted.key), &change.file, wanted.key));
        let secret = after.get(wanted.key).is_some_and(Node::is_secret);
        if !wanted.dry_run && change.is_change() {
            let writer = Writer { root: &project.root, sources: &sources };
            writer.write(std::slice::from_ref(&change))?;
        }
        Ok(ValueSet { config, value, secret, change, warnings })
    }

    /// Returns what becomes deprecated or suspicious in any environment by `change`.
    ///
    /// # Errors
    /// What becomes wrong in any environment.
    async fn consequences(
        &self,
        change: &FileChange,
        sources: &Sources,
        remote: &Remote,
    ) -> Result<Vec<Diagnostic>, Error> {
        let project = self.loaded_project()?;
        let pending = change.pending();
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        for environment in self.environments().await? {
            let unlocked = match self.unlock(&environment) {
                Ok(unlocked) => unlocked,
                Err(locked) => {
                    warnings.push(not_checked(&environment, &locked));
                    continue;
                }
            };
            for spec in project.project.configs.values() {
                let loader = Loader::new(project, &environment, &unlocked, sources, remote)?;
                let before = judged(loader.load(spec));
                let after = judged(loader.with_pending(pending.clone()).load(spec));
                let fresh = |error: &ValidationError| !before.0.iter().any(|old| same(old, error));
                add(&mut errors, after.0.into_iter().filter(fresh));
                let known = |warning: &Diagnostic| {
                    before.1.iter().any(|old| old.message == warning.message)
                };
                add(&mut warnings, after.1.into_iter().filter(|warning| !known(warning)));
            }
        }
        if errors.is_empty() {
            return Ok(warnings);
        }
        Err(Error::Invalid(errors.into_iter().map(|error| in_edited(error, change)).collect()))
    }
}

/// Returns the value as it is understood, and the change that puts it where it belongs.
fn edited(
    sources: &Sources,
    loaded: &Loaded,
    schema: Option<&Schema>,
    wanted: &SetValue<'_>,
) -> Result<(Value, FileChange), Error> {
    let layer = target_layer(loaded, wanted).map_err(Error::invalid)?;
    let existing = loaded.configuration.get(wanted.key);
    let value = Schema::typed(schema, wanted.key, wanted.value, existing);
    let change = change(sources, layer, wanted.key, &value, schema)?;
    Ok((value, change))
}

/// Returns the warning that a change was not tried where the secrets are locked.
fn not_checked(environment: &Environment, why: &Error) -> Diagnostic {
    let message = format!("not checked for environment `{}`", environment.name);
    Diagnostic::warning(format!("{message}: {}", describe(why)))
}

/// Returns what is wrong and what is suspicious.
fn judged(loaded: Result<Loaded, Vec<Diagnostic>>) -> (Vec<ValidationError>, Vec<Diagnostic>) {
    match loaded {
        Ok(loaded) => (loaded.errors, loaded.warnings),
        Err(problems) => (problems.into_iter().map(unreadable).collect(), Vec::new()),
    }
}

/// Tells whether both say the same, wherever the lines have moved.
fn same(a: &ValidationError, b: &ValidationError) -> bool {
    (&a.path, &a.message, &a.file) == (&b.path, &b.message, &b.file)
}

/// Returns the error without its line if it is in the edited file: what is shown there is still the
/// text before.
fn in_edited(error: ValidationError, change: &FileChange) -> Diagnostic {
    let edited = error.file == change.file;
    let diagnostic = Diagnostic::from(error);
    if edited { Diagnostic { position: None, width: 1, ..diagnostic } } else { diagnostic }
}

/// Returns the name of the configuration in which `key` is set, or of the only one.
fn config_with(all: &BTreeMap<String, Loaded>, wanted: &str) -> Result<String, Error> {
    if key::split(wanted).is_none() {
        let problem = Diagnostic::error(format!("{wanted:?} is not a dotted key"));
        let hint = "separate segments by dots, and put \"…\" around one that holds a dot";
        return Err(Error::invalid(problem.hint(hint)));
    }
    let sets = |loaded: &&Loaded| loaded.configuration.get(wanted).is_some();
    let setting: Vec<&String> =
        all.iter().filter(|(_, loaded)| sets(loaded)).map(|(name, _)| name).collect();
    let names: Vec<&String> = if setting.is_empty() { all.keys().collect() } else { setting };
    match names[..] {
        [only] => Ok(only.clone()),
        ref several => {
            let names: Vec<&str> = several.iter().map(|name| name.as_str()).collect();
            let problem = Diagnostic::error(format!("several configurations can hold `{wanted}`"));
            let hint = format!("choose one with `--config`: {}", names.join(", "));
            Err(Error::invalid(problem.hint(hint)))
        }
    }
}

/// Returns the layer in whose file the value belongs.
fn target_layer<'l>(
    loaded: &'l Loaded,
    wanted: &SetValue<'_>,
) -> Result<&'l FoundLayer, Diagnostic> {
    let files = || loaded.layers.iter().filter(|layer| layer.kind == LayerKind::File);
    if let Some(name) = wanted.layer {
        let bare = name.strip_prefix("./").unwrap_or(name);
        return files().rev().find(|layer| layer.source == bare).ok_or_else(|| {
            let names: Vec<&str> = files().map(|layer| layer.source.as_str()).collect();
            let problem = Diagnostic::error(format!("no layer is the file {name}"));
            match nearest(bare, names.iter().copied()) {
                Some(near) => problem.hint(format!("did you mean {near}?")),
                None => problem.hint(format!("the layers are {}", names.join(", "))),
            }
        });
    }
    let origins = loaded.configuration.origins(wanted.key);
    let winner = origins.iter().rev().find(|origin| !origin.overridden);
    let number = winner.map(|origin| origin.layer);
    match loaded.layers.iter().find(|layer| number.is_some() && layer.layer == number) {
        Some(layer) if is_editable(layer) => Ok(layer),
        Some(layer) if layer.kind != LayerKind::SchemaDefaults => {
            let message = format!("`{}` is set by {}", wanted.key, layer.source);
            let hint = "it wins over the files below it: change it there, or name a file with \
                        `--layer`";
            Err(Diagnostic::error(message).hint(hint))
        }
        _ => files().rev().find(|layer| is_editable(layer)).ok_or_else(|| {
            Diagnostic::error("no layer of the configuration is a YAML, TOML or JSON file")
        }),
    }
}

fn is_editable(layer: &FoundLayer) -> bool {
    layer.kind == LayerKind::File && layer.format.is_some_and(Format::is_written)
}

/// Returns the change that puts `value` at `key` in the file of `layer`.
fn change(
    sources: &Sources,
    layer: &FoundLayer,
    key: &str,
    value: &Value,
    schema: Option<&Schema>,
) -> Result<FileChange, Error> {
    let (file, format) = (layer.source.clone(), layer.format.unwrap_or(Format::Yaml));
    let before = if layer.present {
        let bytes = sources.read(&file).map_err(|error| Error::invalid(error.diagnostic()))?;
        Some(decode(&file, bytes).map_err(Error::invalid)?)
    } else {
        None
    };
    let empty = if format == Format::Json { "{}\n" } else { "" };
    let text = before.as_deref().unwrap_or(empty);
    let after = edit::set(format, &file, text, key, value).map_err(Error::invalid)?;
    Ok(FileChange::new(file, format, before, after, schema))
}

/// Returns a warning if what `file` says about `key` is not in force.
fn overriding(origins: &[KeyOrigin], file: &str, key: &str) -> Option<Diagnostic> {
    let own = origins.iter().find(|origin| origin.file == file)?;
    let winner = origins.iter().rev().find(|origin| !origin.overridden)?;
    if !own.overridden || winner.layer == own.layer {
        return None;
    }
    let at = winner.line.map_or_else(String::new, |line| format!(":{line}"));
    let message = format!("`{key}` has no effect there: {}{at} overrides it", winner.file);
    Some(Diagnostic::warning(message).in_file(file))
}
