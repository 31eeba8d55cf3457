//! The configurations of a project, loaded for an environment.

use std::collections::BTreeMap;

use windlass_core::config::{
    Configuration, Format, Layer, Node, Schema, SubstitutionError, ValidationError,
    environment_layer,
};
use windlass_core::diagnostic::{Diagnostic, nearest};
use windlass_core::environment::Environment;
use windlass_core::project::{ConfigSpec, LayerSource, Located};
use windlass_core::template::{TemplateError, substitute};

use crate::engine::Engine;
use crate::error::Error;
use crate::project::{LoadedProject, PROJECT_FILE};
use crate::render::scope;
use crate::sources::{SourceErrorKind, Sources};

/// A configuration of one environment, and what its schema says about it.
#[derive(Debug)]
pub struct Loaded {
    /// The merged layers, variables substituted.
    pub configuration: Configuration,
    /// What does not satisfy the schema.
    pub errors: Vec<ValidationError>,
    /// What is probably not meant: merge rules for lists that are in no layer.
    pub warnings: Vec<Diagnostic>,
    /// The files that were read, in order: layers, then the schema.
    pub files: Vec<String>,
}

impl Loaded {
    /// Returns the configuration if it satisfies its schema.
    pub(crate) fn valid(self) -> Result<(Configuration, Vec<String>), Vec<Diagnostic>> {
        if self.errors.is_empty() {
            return Ok((self.configuration, self.files));
        }
        Err(self.errors.into_iter().map(Diagnostic::from).collect())
    }
}

impl Engine {
    /// Loads configurations of the project for an environment, under their names: the one called
    /// `name`, or all.
    ///
    /// # Errors
    /// [`Error::Invalid`] with all that is wrong in their layers, or when there is none. What a schema
    /// says is returned, not an error.
    pub async fn configurations(
        &self,
        environment: &str,
        name: Option<&str>,
    ) -> Result<BTreeMap<String, Loaded>, Error> {
        let loaded =
            self.project.as_ref().ok_or_else(|| Error::NoProject { start: self.base.clone() })?;
        let environment = self.environment(environment).await?;
        let sources = Sources::open(&loaded.root).map_err(Error::io("open", &loaded.root))?;
        let (mut all, mut problems) = (BTreeMap::new(), Vec::new());
        for (name, spec) in choose(loaded, name)? {
            match load(spec, loaded, &environment, &sources) {
                Ok(loaded) => drop(all.insert(name.clone(), loaded)),
                Err(more) => problems.extend(more),
            }
        }
        problems.dedup();
        if problems.is_empty() { Ok(all) } else { Err(Error::Invalid(problems)) }
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

/// Reads, merges, substitutes and validates one configuration.
pub(crate) fn load(
    spec: &ConfigSpec,
    loaded: &LoadedProject,
    environment: &Environment,
    sources: &Sources,
) -> Result<Loaded, Vec<Diagnostic>> {
    let variables = scope::of_environment(&loaded.project.name, environment);
    let texts = read_layers(spec, &variables, sources)?;
    let mut files: Vec<_> = texts.iter().map(|(file, ..)| file.clone()).collect();
    let mut configuration = merge(spec, &texts, &variables)?;
    let schema = spec.schema.as_ref().map(|place| read_schema(place, &variables, sources));
    let schema = schema.transpose()?;
    if let Some(prefix) = &spec.environment_prefix {
        let schema = schema.as_ref().map(|(_, schema)| schema);
        let layer = of_process(prefix, schema, configuration.root())?;
        configuration = configuration.with_layer(layer, &spec.merge_rules())?;
    }
    let mut errors = Vec::new();
    if let Some((file, schema)) = schema {
        schema.coerce(&mut configuration);
        errors = schema.validate(&configuration);
        files.push(file);
    }
    let warnings = spec.unused_rules(PROJECT_FILE, &configuration);
    Ok(Loaded { configuration, errors, warnings, files })
}

/// Returns the merged layers, variables substituted.
fn merge(
    spec: &ConfigSpec,
    texts: &[Text],
    variables: &BTreeMap<String, String>,
) -> Result<Configuration, Vec<Diagnostic>> {
    let layers: Vec<_> =
        texts.iter().map(|(file, format, text)| Layer { file, format: *format, text }).collect();
    let mut configuration = Configuration::from_layers(&layers, &spec.merge_rules())?;
    configuration.substitute(&mut |text| match substitute(text, variables) {
        Ok(std::borrow::Cow::Borrowed(_)) => Ok(None),
        Ok(std::borrow::Cow::Owned(new)) => Ok(Some(new.into())),
        Err(errors) => Err(within(text, errors)),
    })?;
    Ok(configuration)
}

/// Returns the layer of the process environment; a variable that is not UTF-8 is none of it.
fn of_process(
    prefix: &str,
    schema: Option<&Schema>,
    existing: &Node,
) -> Result<Node, Vec<Diagnostic>> {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    environment_layer(prefix, variables, schema, Some(existing))
}

type Text = (String, Format, String);

/// Returns the layers that are there; one that is missing and not optional is an error.
fn read_layers(
    spec: &ConfigSpec,
    variables: &BTreeMap<String, String>,
    sources: &Sources,
) -> Result<Vec<Text>, Vec<Diagnostic>> {
    let mut texts = Vec::new();
    let mut problems = Vec::new();
    for layer in &spec.layers {
        match read_layer(layer, variables, sources) {
            Ok(text) => texts.extend(text),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(texts) } else { Err(problems) }
}

fn read_layer(
    layer: &windlass_core::project::Layer,
    variables: &BTreeMap<String, String>,
    sources: &Sources,
) -> Result<Option<Text>, Vec<Diagnostic>> {
    match &layer.source {
        LayerSource::File(path) => {
            let file = scope::resolve(path, variables)?;
            read_text(path, file, layer.format, layer.optional, sources).map_err(|d| vec![d])
        }
        source @ (LayerSource::EnvironmentVariable(_) | LayerSource::Http(_)) => {
            Err(vec![unread(source)])
        }
    }
}

fn unread(source: &LayerSource) -> Diagnostic {
    let kind = match source {
        LayerSource::File(_) => "files",
        LayerSource::EnvironmentVariable(_) => "environment variables",
        LayerSource::Http(_) => "servers",
    };
    source
        .error(PROJECT_FILE, format!("layers from {kind} are not supported by this version"))
        .hint("keep a copy in the project and write its path")
}

fn read_text(
    place: &Located<String>,
    file: String,
    format: Option<Format>,
    optional: bool,
    sources: &Sources,
) -> Result<Option<Text>, Diagnostic> {
    let bytes = match sources.read(&file) {
        Ok(bytes) => bytes,
        Err(error) if optional && error.kind == SourceErrorKind::Missing => return Ok(None),
        Err(error) => return Err(scope::placed(error.diagnostic(), place)),
    };
    let format = format.or_else(|| Format::from_path(&file)).ok_or_else(|| {
        place
            .error(PROJECT_FILE, format!("{file} is in no known format"))
            .hint("name it .yaml, .yml, .toml, .json or .env, or add a `format`")
    })?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        Diagnostic::error(format!("not UTF-8 text: byte {at} is no part of a character"))
            .in_file(&file)
    })?;
    Ok(Some((file, format, text)))
}

fn read_schema(
    place: &Located<String>,
    variables: &BTreeMap<String, String>,
    sources: &Sources,
) -> Result<(String, Schema), Vec<Diagnostic>> {
    let file = scope::resolve(place, variables)?;
    let text = read_text(place, file, None, false, sources).map_err(|problem| vec![problem])?;
    let (file, _, text) = text.expect("a file that is not optional is there, or an error");
    let schema = Schema::compile(&file, &text)?;
    Ok((file, schema))
}

/// Returns the first error in a value, as the configuration wants it: by byte.
fn within(text: &str, errors: Vec<TemplateError>) -> SubstitutionError {
    let Some(error) = errors.into_iter().next() else {
        return SubstitutionError { message: String::new(), offset: 0, width: 1, hint: None };
    };
    let lines: usize =
        text.split_inclusive('\n').take(error.position.line as usize - 1).map(str::len).sum();
    let column = text[lines..].chars().take(error.position.column as usize - 1);
    let offset = lines + column.map(char::len_utf8).sum::<usize>();
    let width = error.width as usize;
    SubstitutionError { message: error.message, offset, width, hint: error.hint }
}

impl Engine {
    /// Returns everything that is wrong with the configurations of the project for each of
    /// `environments`, each error once: what their schemas say, and what keeps layers from being
    /// read or merged.
    ///
    /// # Errors
    /// When there is no project, or no such environment.
    pub async fn validate(&self, environments: &[String]) -> Result<Vec<ValidationError>, Error> {
        let loaded =
            self.project.as_ref().ok_or_else(|| Error::NoProject { start: self.base.clone() })?;
        let sources = Sources::open(&loaded.root).map_err(Error::io("open", &loaded.root))?;
        let mut all = Vec::new();
        for environment in environments {
            let environment = self.environment(environment).await?;
            for variant in environment.variants() {
                for spec in loaded.project.configs.values() {
                    match load(spec, loaded, &variant, &sources) {
                        Ok(loaded) => all.extend(loaded.errors),
                        Err(problems) => all.extend(problems.into_iter().map(unreadable)),
                    }
                }
            }
        }
        let mut once = Vec::new();
        for error in all {
            if !once.contains(&error) {
                once.push(error);
            }
        }
        Ok(once)
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
        hint: problem.hint,
    }
}
