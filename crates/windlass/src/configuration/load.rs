//! Layers, merged, substituted and validated.

use std::borrow::Cow;
use std::collections::BTreeMap;

use windlass_core::config::{
    Configuration, Data, Node, Schema, Substitution, SubstitutionError, environment_layer,
};
use windlass_core::diagnostic::Diagnostic;
use windlass_core::environment::Environment;
use windlass_core::name::EnvironmentName;
use windlass_core::project::{ConfigSpec, Located};
use windlass_core::template::{Substituted, TemplateError, Values};

use super::layers::Read;
use super::{FoundLayer, LayerKind, Loaded};
use crate::error::Error;
use crate::project::{LoadedProject, PROJECT_FILE};
use crate::remote::Remote;
use crate::render::scope;
use crate::secrets::Unlocked;
use crate::sources::Sources;

type Problems = Vec<Diagnostic>;

/// Loads configurations of a project for one environment.
pub(crate) struct Loader<'l> {
    pub(super) sources: &'l Sources,
    pub(super) remote: &'l Remote,
    pub(super) variables: Values,
    environment: &'l EnvironmentName,
    unlocked: &'l Unlocked,
    /// What files will hold that are about to be changed.
    pub(super) pending: BTreeMap<String, String>,
}

impl<'l> Loader<'l> {
    /// Returns a loader of the configurations of `loaded` for `environment`, with its secrets.
    ///
    /// # Errors
    /// One for each name that is both a variable's and a secret's.
    pub(crate) fn new(
        loaded: &LoadedProject,
        environment: &'l Environment,
        unlocked: &'l Unlocked,
        sources: &'l Sources,
        remote: &'l Remote,
    ) -> Result<Self, Error> {
        let name = &loaded.project.name;
        let variables = scope::of_environment(name, environment, unlocked.secrets());
        let variables = variables.map_err(Error::Invalid)?;
        let (environment, pending) = (&environment.name, BTreeMap::new());
        Ok(Self { sources, remote, variables, environment, unlocked, pending })
    }

    /// Takes `pending` for what is in files, by their paths.
    pub(super) fn with_pending(mut self, pending: BTreeMap<String, String>) -> Self {
        self.pending = pending;
        self
    }

    /// Reads, merges, substitutes and validates one configuration.
    pub(crate) fn load(&self, spec: &ConfigSpec) -> Result<Loaded, Problems> {
        let (layers, schema) = both(self.layers(spec), self.schema(spec))?;
        let nodes = parsed(&layers)?;
        let mut files: Vec<String> = Vec::new();
        let read = layers.iter().filter(|read| read.found.present);
        files.extend(read.filter(|read| read.found.kind == LayerKind::File).map(source));
        let merged = self.merge(spec, schema.as_ref(), nodes)?;
        let found = numbered(spec, layers, &merged);
        let mut configuration = merged.configuration;
        let mut errors = Vec::new();
        let mut warnings = spec.unused_rules(PROJECT_FILE, &configuration);
        if let Some(schema) = schema {
            schema.coerce(&mut configuration);
            schema.mark_secrets(&mut configuration);
            self.unlocked.learn_marked(self.environment, &configuration);
            errors = schema.validate(&configuration);
            warnings.extend(schema.deprecated(&configuration));
            files.extend_from_slice(schema.files());
        }
        Ok(Loaded { configuration, errors, warnings, files, layers: found })
    }

    fn merge(
        &self,
        spec: &ConfigSpec,
        schema: Option<&Schema>,
        nodes: Vec<Node>,
    ) -> Result<Merged, Problems> {
        let rules = spec.merge_rules();
        let defaults = schema.filter(|_| spec.schema_defaults);
        let kept = if defaults.is_some() { nodes.clone() } else { Vec::new() };
        let mut configuration = self.substituted(Configuration::from_nodes(nodes, &rules)?)?;
        let mut process = None;
        if let Some(prefix) = &spec.environment_prefix {
            let layer = of_process(prefix, schema, configuration.root())?;
            configuration = configuration.with_layer(layer.clone(), &rules)?;
            process = Some(layer);
        }
        let mut defaulted = None;
        if let Some(schema) = defaults {
            let lowest = schema.defaults(configuration.root());
            defaulted = Some((schema.file().to_owned(), lowest.data != Data::Null));
            let nodes = std::iter::once(lowest).chain(kept);
            configuration = self.substituted(Configuration::from_nodes(nodes, &rules)?)?;
            if let Some(layer) = &process {
                configuration = configuration.with_layer(layer.clone(), &rules)?;
            }
        }
        let process = process.map(|layer| layer.data != Data::Null);
        Ok(Merged { configuration, defaults: defaulted, process })
    }

    fn substituted(&self, mut configuration: Configuration) -> Result<Configuration, Problems> {
        configuration.substitute(&mut |text| match self.variables.substitute(text) {
            Ok(Substituted { text: Cow::Borrowed(_), .. }) => Ok(None),
            Ok(Substituted { text: Cow::Owned(text), secret }) => {
                Ok(Some(Substitution { text, secret }))
            }
            Err(errors) => Err(within(text, errors)),
        })?;
        Ok(configuration)
    }

    /// Returns the schema of `spec`, if it has one. What it refers to are files of the project.
    pub(super) fn schema(&self, spec: &ConfigSpec) -> Result<Option<Schema>, Problems> {
        let Some(place) = &spec.schema else { return Ok(None) };
        let (file, text) = self.required(place)?;
        Schema::compile_with(&file, &text, |file| self.referred(file)).map(Some)
    }

    /// Returns the file that `place` names, and what is in it.
    pub(super) fn required(&self, place: &Located<String>) -> Result<(String, String), Problems> {
        let file = scope::resolve(place, &self.variables)?;
        let text = self.text(place, &file, false).map_err(|problem| vec![problem])?;
        Ok((file, text.expect("a file that is not optional is there, or an error")))
    }
}

/// Layers, merged.
struct Merged {
    configuration: Configuration,
    /// The file of the schema whose defaults are the lowest layer, and whether there are any.
    defaults: Option<(String, bool)>,
    /// Whether there are variables in the layer of the process environment, if that is one.
    process: Option<bool>,
}

/// Returns both results, or all that is wrong with either.
fn both<A, B>(a: Result<A, Problems>, b: Result<B, Problems>) -> Result<(A, B), Problems> {
    match (a, b) {
        (Ok(a), Ok(b)) => Ok((a, b)),
        (Err(mut problems), Err(more)) => {
            problems.extend(more);
            Err(problems)
        }
        (Err(problems), _) | (_, Err(problems)) => Err(problems),
    }
}

fn parsed(layers: &[Read]) -> Result<Vec<Node>, Problems> {
    let (mut nodes, mut problems) = (Vec::new(), Vec::new());
    for result in layers.iter().filter_map(Read::parse) {
        match result {
            Ok(node) => nodes.push(node),
            Err(found) => problems.extend(found),
        }
    }
    if problems.is_empty() { Ok(nodes) } else { Err(problems) }
}

fn source(read: &Read) -> String {
    read.found.source.clone()
}

/// Returns all layers, lowest first, with the numbers that they have in `merged`.
fn numbered(spec: &ConfigSpec, layers: Vec<Read>, merged: &Merged) -> Vec<FoundLayer> {
    let mut next = 0..;
    let mut number = |counts: bool, present: bool| {
        let number = if counts { next.next() } else { None };
        number.filter(|_| present)
    };
    let mut all = Vec::new();
    let other = |kind, source, present, layer| FoundLayer {
        layer,
        kind,
        source,
        format: None,
        optional: true,
        present,
    };
    if let Some((file, present)) = &merged.defaults {
        let layer = number(true, *present);
        all.push(other(LayerKind::SchemaDefaults, file.clone(), *present, layer));
    }
    for Read { found, .. } in layers {
        let layer = number(found.present, found.present);
        all.push(FoundLayer { layer, ..found });
    }
    if let (Some(present), Some(prefix)) = (merged.process, &spec.environment_prefix) {
        let layer = number(true, present);
        all.push(other(LayerKind::Variables, format!("{prefix}_*"), present, layer));
    }
    all
}

/// Returns the layer of the process environment; a variable that is not UTF-8 is none of it.
fn of_process(prefix: &str, schema: Option<&Schema>, existing: &Node) -> Result<Node, Problems> {
    let variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    environment_layer(prefix, variables, schema, Some(existing))
}

/// Returns the first error in a value, as the configuration wants it: by byte.
pub(crate) fn within(text: &str, errors: Vec<TemplateError>) -> SubstitutionError {
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
