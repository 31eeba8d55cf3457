//! The files of a configuration, brought to another version.

use serde::Serialize;
use windlass_core::config::migrate::{AppliedRule, ConfigMigrator, Migrated, Route, Scope};
use windlass_core::config::{Format, Schema, edit, parse};
use windlass_core::diagnostic::{Diagnostic, Severity};
use windlass_core::environment::Environment;
use windlass_core::project::ConfigSpec;

use super::file::{FileChange, Writer};
use super::layers::format_of;
use super::{LayerKind, Loaded, Loader, add, choose_one};
use crate::engine::Engine;
use crate::error::Error;
use crate::filter;
use crate::project::PROJECT_FILE;
use crate::remote::Remote;
use crate::secrets::Unlocked;
use crate::sources::Sources;

type Problems = Vec<Diagnostic>;

/// Which configuration is brought to which version.
#[derive(Debug, Clone, Copy)]
pub struct RunMigration<'a> {
    /// The environment whose configuration is meant.
    pub environment: &'a str,
    /// The configuration; the only one unless told otherwise.
    pub config: Option<&'a str>,
    /// The version that it has; what it says unless told otherwise.
    pub from: Option<&'a str>,
    /// The version that it is to have.
    pub to: &'a str,
    /// Whether nothing is written. Commands of rules run all the same.
    pub dry_run: bool,
}

/// One migration on the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MigrationStep {
    /// The version before.
    pub from: String,
    /// The version after.
    pub to: String,
    /// Whether the rules are undone.
    pub backwards: bool,
}

/// A file that a migration changes.
#[derive(Debug, Clone)]
pub struct MigratedFile {
    /// What changes.
    pub change: FileChange,
    /// The rules that changed it, in order.
    pub applied: Vec<AppliedRule>,
    /// The file that keeps what was there before; nothing where nothing was written.
    pub backup: Option<String>,
}

/// A configuration that was brought to another version.
#[derive(Debug, Clone)]
pub struct Migration {
    /// The configuration.
    pub config: String,
    /// The version before.
    pub from: String,
    /// The version after.
    pub to: String,
    /// The migrations on the way.
    pub steps: Vec<MigrationStep>,
    /// The files that change.
    pub files: Vec<MigratedFile>,
    /// What a person should look at, such as rules that found nothing to do.
    pub warnings: Vec<Diagnostic>,
}

impl Engine {
    /// Brings the files of a configuration to another version, comments and all else kept, and keeps
    /// what was there beside each, as `FILE.VERSION.bak`.
    ///
    /// The files are the layers of the environment, and of each environment that shares one of them:
    /// a file that two environments share cannot have two versions.
    ///
    /// # Errors
    /// [`Error::Invalid`] when nothing leads to that version, or a rule cannot be applied; nothing is
    /// written then.
    pub async fn migrate(&self, wanted: &RunMigration<'_>) -> Result<Migration, Error> {
        let project = self.loaded_project()?;
        let (sources, remote) = (self.project_sources()?, self.remote());
        let (name, spec) = choose_one(project, wanted.config)?;
        let environment = self.environment(wanted.environment).await?;
        let unlocked = self.unlock(&environment)?;
        let loader = Loader::new(project, &environment, &unlocked, &sources, &remote)?;
        let migrator = migrator(&loader, name, spec).map_err(Error::Invalid)?;
        let loaded = loader.load(spec).map_err(Error::Invalid)?;
        let from = version(&migrator, &loaded, wanted.from).map_err(Error::invalid)?;
        let route = migrator.route(&from, wanted.to);
        let route = route.map_err(|error| Error::invalid(error.into()))?;
        let texts = self.texts(name, &environment, &sources, &remote).await?;
        let schema = loader.schema(spec).map_err(Error::Invalid)?;
        let run = |command: &[String], document: &serde_json::Value| {
            filter::run(command, document, &project.root)
        };
        let (files, warnings) = migrated(&route, texts, schema.as_ref(), &run)?;
        let mut migration = Migration::of(name, from, &route, files, warnings);
        migration.look_at_result(loader, spec).map_err(Error::Invalid)?;
        if !wanted.dry_run {
            carry_out(&Writer { root: &project.root, sources: &sources }, &mut migration)?;
        }
        Ok(migration)
    }

    /// Returns the texts of all files that are layers of the configuration called `name` in
    /// `environment`, and in those that share any of them; the lowest layers first.
    async fn texts(
        &self,
        name: &str,
        environment: &Environment,
        sources: &Sources,
        remote: &Remote,
    ) -> Result<Vec<Text>, Error> {
        let project = self.loaded_project()?;
        let spec = &project.project.configs[name];
        let of = |environment: &Environment| {
            let unlocked = Unlocked::default();
            let loader = Loader::new(project, environment, &unlocked, sources, remote)?;
            loader.files(spec).map_err(Error::Invalid)
        };
        let mut texts = of(environment)?;
        for other in self.environments().await? {
            // One that cannot be read shares nothing that could be migrated with it.
            let Ok(more) = of(&other) else { continue };
            if more.iter().any(|text| texts.iter().any(|known| known.file == text.file)) {
                let fresh = more
                    .into_iter()
                    .filter(|text| !texts.iter().any(|known| known.file == text.file));
                let fresh: Vec<_> =
                    fresh.map(|text| Text { scope: Scope::Overlay, ..text }).collect();
                texts.extend(fresh);
            }
        }
        Ok(texts)
    }
}

impl Migration {
    fn of(
        config: &str,
        from: String,
        route: &Route<'_>,
        files: Vec<MigratedFile>,
        warnings: Problems,
    ) -> Self {
        let (config, to) = (config.to_owned(), route.to().to_owned());
        let steps = route.steps().iter().map(step).collect();
        Self { config, from, to, steps, files, warnings }
    }

    /// Loads the configuration as it will be, and warns of what its schema does not allow then.
    fn look_at_result(&mut self, loader: Loader<'_>, spec: &ConfigSpec) -> Result<(), Problems> {
        let pending = self.files.iter().flat_map(|file| file.change.pending()).collect();
        let after = loader.with_pending(pending).load(spec)?;
        self.warnings.extend(after.errors.into_iter().map(|error| still_wrong(error.into())));
        Ok(())
    }
}

/// A file that is a layer.
struct Text {
    file: String,
    format: Format,
    text: String,
    scope: Scope,
}

impl Loader<'_> {
    /// Returns the files that are layers of `spec`, the lowest first.
    fn files(&self, spec: &ConfigSpec) -> Result<Vec<Text>, Problems> {
        let mut files: Vec<Text> = Vec::new();
        for read in self.layers(spec)? {
            let (Some(format), Some(text)) = (read.found.format, read.text) else { continue };
            if read.found.kind == LayerKind::File {
                let scope = if files.is_empty() { Scope::Whole } else { Scope::Overlay };
                files.push(Text { file: read.found.source, format, text, scope });
            }
        }
        Ok(files)
    }
}

fn migrator(
    loader: &Loader<'_>,
    name: &str,
    spec: &ConfigSpec,
) -> Result<ConfigMigrator, Problems> {
    let Some(place) = &spec.migrations else {
        let problem = Diagnostic::error(format!("configuration `{name}` has no migrations"));
        let hint =
            format!("name their file in [config.{name}]: `migrations = \"migrations.toml\"`");
        return Err(vec![problem.in_file(PROJECT_FILE).hint(hint)]);
    };
    let (file, text) = loader.required(place)?;
    let format = format_of(place, &file, None).map_err(|problem| vec![problem])?;
    ConfigMigrator::parse(format, &file, &text)
}

/// Returns the version that the configuration has.
fn version(
    migrator: &ConfigMigrator,
    loaded: &Loaded,
    told: Option<&str>,
) -> Result<String, Diagnostic> {
    if let Some(told) = told {
        return Ok(told.to_owned());
    }
    let found = migrator.version_of(loaded.configuration.root())?;
    found.ok_or_else(|| {
        let key = migrator.version_key();
        Diagnostic::error(format!("no layer says which version the configuration has: `{key}`"))
            .hint(format!("say it with `--from`, or write `{key}` into the lowest layer"))
    })
}

fn step(step: &windlass_core::config::migrate::Step<'_>) -> MigrationStep {
    let (from, to) = (step.from().to_owned(), step.to().to_owned());
    MigrationStep { from, to, backwards: step.is_backwards() }
}

type Run<'r> = dyn Fn(&[String], &serde_json::Value) -> Result<serde_json::Value, String> + 'r;

/// Returns what the route makes of `texts`, and what is to be looked at.
fn migrated(
    route: &Route<'_>,
    texts: Vec<Text>,
    schema: Option<&Schema>,
    run: &Run<'_>,
) -> Result<(Vec<MigratedFile>, Problems), Error> {
    let (mut files, mut warnings, mut problems) = (Vec::new(), Vec::new(), Vec::new());
    for text in texts {
        match migrate_one(route, &text, run) {
            Ok((migrated, after)) => {
                add(&mut warnings, migrated.warnings);
                let Text { file, format, text, .. } = text;
                let change = FileChange::new(file, format, Some(text), after, schema);
                files.push(MigratedFile { change, applied: migrated.applied, backup: None });
            }
            Err(found) => add(&mut problems, found),
        }
    }
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    // A rule that found nothing in one layer may have found it in another.
    let applied: Vec<_> = files.iter().flat_map(|file| file.applied.iter().map(place)).collect();
    warnings.retain(|warning| !applied.contains(&place_of(warning)));
    files.retain(|file| file.change.is_change());
    Ok((files, warnings))
}

fn migrate_one(
    route: &Route<'_>,
    text: &Text,
    run: &Run<'_>,
) -> Result<(Migrated, String), Problems> {
    let document = parse(text.format, &text.file, &text.text)?;
    let mut run = |command: &[String], document: &serde_json::Value| run(command, document);
    let migrated = route.apply(&document, text.scope, &mut run)?;
    if migrated.edits.is_empty() {
        return Ok((migrated, text.text.clone()));
    }
    let after = edit::apply(text.format, &text.file, &text.text, &migrated.edits);
    after.map(|after| (migrated, after)).map_err(|problem| vec![problem])
}

type Place = (Option<String>, Option<u32>, Option<u32>);

fn place(rule: &AppliedRule) -> Place {
    (Some(rule.file.clone()), rule.line, rule.column)
}

fn place_of(warning: &Diagnostic) -> Place {
    let at = warning.position;
    (warning.file.clone(), at.map(|at| at.line), at.map(|at| at.column))
}

/// Returns what the schema does not allow after the migration: its line is that of a text that is not
/// there yet.
fn still_wrong(error: Diagnostic) -> Diagnostic {
    let message = format!("after the migration: {}", error.message);
    Diagnostic { severity: Severity::Warning, message, position: None, width: 1, ..error }
}

fn carry_out(writer: &Writer<'_>, migration: &mut Migration) -> Result<(), Error> {
    let changes: Vec<_> = migration.files.iter().map(|file| file.change.clone()).collect();
    let backups = writer.keep(&changes, &migration.from)?;
    writer.write(&changes)?;
    for file in &mut migration.files {
        file.backup = backups.get(&file.change.file).cloned();
    }
    Ok(())
}
