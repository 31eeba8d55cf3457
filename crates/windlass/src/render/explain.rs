//! Which key filled which line of a rendered file.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;
use serde_json::Value;
use windlass_core::config::{Configuration, KeyOrigin};
use windlass_core::diagnostic::{Diagnostic, nearest};
use windlass_core::environment::Environment;
use windlass_core::path::RelativePath;
use windlass_core::project::VariablePlaces;
use windlass_core::trace::{Line, Part, Source, Traced};

use super::content::{Content, Job};
use super::jobs::Jobs;
use super::origins::Origins;
use super::traced::TracedFile;
use crate::engine::Engine;
use crate::error::Error;

/// How many files are named where the one that was asked for is not there.
const MAX_NAMED: usize = 10;

/// A rendered file, line by line, with what filled each line. Secrets are masked in all of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainedFile {
    /// The environment.
    pub environment: String,
    /// Where the file goes, below `config_path`.
    pub file: RelativePath,
    /// The target that was asked for.
    pub target: Option<String>,
    /// The service that it belongs to.
    pub service: String,
    /// What it was made of.
    pub source: FileSource,
    /// Whether it is text; what is not has no lines.
    pub binary: bool,
    /// Its lines, in order.
    pub lines: Vec<ExplainedLine>,
    /// What is probably not meant.
    #[serde(skip)]
    pub warnings: Vec<Diagnostic>,
}

/// What a file was made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FileSource {
    /// What kind of thing.
    pub kind: FileSourceKind,
    /// The template, the configuration, or the file that was copied or unpacked.
    pub name: String,
}

/// What kind of thing a file was made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FileSourceKind {
    /// A file of the project with `${KEY}` in it, or a `.j2` template.
    Template,
    /// A configuration, written as a whole.
    Config,
    /// A file of the project, as it is.
    Copy,
    /// A file of an archive, as it is.
    Artifact,
}

/// A line of a rendered file.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ExplainedLine {
    /// Its number, from 1.
    pub line: u32,
    /// Its text.
    pub text: String,
    /// Where it comes from; nothing where there is no template.
    pub template: Option<TemplateLine>,
    /// What filled it, in order; nothing where it stands in the template as it is.
    pub filled_by: Vec<Filler>,
}

/// A line of a template.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TemplateLine {
    /// The file of the project.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

/// What filled a line, or a part of it.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Filler {
    /// The dotted key, or the name of the variable; empty for a whole configuration.
    pub key: String,
    /// The configuration that has the key.
    pub config: Option<String>,
    /// What kind of thing it is.
    pub kind: FillerKind,
    /// Whether its value stands in the line; otherwise something was made of it.
    pub exact: bool,
    /// Its value; null for a collection of more than 64 values, here and in the origins.
    pub value: Value,
    /// Where it was set, lowest first; the one in force is the last that is not overridden.
    pub origins: Vec<KeyOrigin>,
}

/// What kind of thing filled a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FillerKind {
    /// A key of a configuration.
    Config,
    /// A variable of the project, the environment, a group or the target; or the version of the
    /// service.
    Variable,
    /// A secret of the environment.
    Secret,
    /// A variable that Windlass sets, such as `ENVIRONMENT`.
    BuiltIn,
    /// What the template says for a variable that is not set, or empty.
    Default,
}

impl Engine {
    /// Returns the file that an environment renders to the path `file`, line by line, with the keys
    /// and variables that filled each line; as `target` gets it, where targets have variables of
    /// their own.
    ///
    /// # Errors
    /// [`Error::Invalid`] when no such file is rendered or it is not valid, and as
    /// [`Engine::environment_at`].
    pub async fn explain_file(
        &self,
        environment: &str,
        target: Option<&str>,
        file: &str,
    ) -> Result<ExplainedFile, Error> {
        let environment = self.environment_at(environment, target).await?;
        let environment = only(environment, target);
        let loaded = self.loaded_project()?;
        let unlocked = self.unlock(&environment)?;
        let (jobs, configurations) =
            Jobs::with_configurations(loaded, &environment, &unlocked, &self.remote())?;
        let path = below(&environment.config_path, file);
        let (job, traced) = find(&jobs.list, path, &configurations)?;
        let text =
            std::fs::read_to_string(&loaded.file).map_err(Error::io("read", &loaded.file))?;
        let name = loaded.file.file_name().unwrap_or_default().to_string_lossy();
        let origins = Origins {
            environment: &environment,
            service: job.service.as_str(),
            values: &job.scope.values,
            configurations: &configurations,
            project_file: &name,
            places: &VariablePlaces::of(&text),
        };
        Ok(ExplainedFile {
            environment: environment.name.to_string(),
            file: RelativePath::new(path).unwrap_or_else(|_| job.path.clone()),
            target: target.map(str::to_owned),
            service: job.service.to_string(),
            binary: traced.traced.is_none(),
            lines: lines(&traced, &origins),
            source: traced.source,
            warnings: jobs.warnings.iter().map(Diagnostic::warning).collect(),
        })
    }
}

/// Returns the environment with the one target that was asked for.
fn only(mut environment: Environment, target: Option<&str>) -> Environment {
    if let Some(id) = target {
        environment.targets.retain(|target| target.id.as_str() == id);
    }
    environment
}

/// Returns `file` without the `config_path` that it may start with.
fn below<'f>(config_path: &str, file: &'f str) -> &'f str {
    let inside = file.strip_prefix(config_path).and_then(|rest| rest.strip_prefix('/'));
    inside.unwrap_or(file)
}

/// Returns the job that makes the file at `path`, and the file.
fn find<'j>(
    jobs: &'j [Job],
    path: &str,
    configurations: &BTreeMap<String, Configuration>,
) -> Result<(&'j Job, TracedFile), Error> {
    let configuration = |name: &str| configurations.get(name);
    let is_archive = |job: &Job| matches!(job.content, Content::Archive { .. });
    let here: Vec<_> =
        jobs.iter().filter(|job| !is_archive(job) && job.path.as_str() == path).collect();
    match here[..] {
        [job] => return Ok((job, job.traced(&configuration).map_err(Error::Invalid)?)),
        [] => {}
        _ => return Err(Error::invalid(several(path, &here))),
    }
    for job in jobs.iter().filter(|job| is_archive(job)) {
        if let Some(traced) = job.traced_entry(path).map_err(Error::Invalid)? {
            return Ok((job, traced));
        }
    }
    Err(Error::invalid(no_such(path, jobs.iter().filter(|job| !is_archive(job)))))
}

fn several(path: &str, jobs: &[&Job]) -> Diagnostic {
    let services: Vec<_> = jobs.iter().map(|job| job.service.as_str()).collect();
    Diagnostic::error(format!("{path} is rendered for several services"))
        .hint(format!("choose a target of one with `--target`: {}", services.join(", ")))
}

fn no_such<'j>(path: &str, jobs: impl Iterator<Item = &'j Job>) -> Diagnostic {
    let mut known: Vec<_> = jobs.map(|job| job.path.as_str()).collect();
    known.sort_unstable();
    known.dedup();
    let problem = Diagnostic::error(format!("no file is rendered to {path}"));
    if let Some(near) = nearest(path, known.iter().copied()) {
        return problem.hint(format!("did you mean `{near}`?"));
    }
    let more = known.len().saturating_sub(MAX_NAMED);
    known.truncate(MAX_NAMED);
    match (known.is_empty(), more) {
        (true, _) => problem.hint("the services of this environment have no files"),
        (_, 0) => problem.hint(format!("known are {}", known.join(", "))),
        _ => problem.hint(format!("known are {} and {more} more", known.join(", "))),
    }
}

fn lines(file: &TracedFile, origins: &Origins<'_>) -> Vec<ExplainedLine> {
    let Some(traced) = &file.traced else { return Vec::new() };
    let mut known: HashMap<Source, Filler> = HashMap::new();
    let mut explain = |(index, line): (usize, &Line<'_>)| {
        let mut filler = |source: &Source| match source.part {
            Part::Default => default(file, traced, line, source, origins),
            _ => known.entry(source.clone()).or_insert_with(|| told(file, source, origins)).clone(),
        };
        let shown = file.shown.as_ref().and_then(|shown| shown.get(index));
        let template = line.place.filter(|_| is_of_project(file));
        ExplainedLine {
            line: line.number,
            text: shown.map_or_else(|| line.text.to_owned(), Clone::clone),
            template: template
                .map(|at| TemplateLine { file: file.source.name.clone(), line: at.line }),
            filled_by: line.sources.iter().map(&mut filler).collect(),
        }
    };
    traced.lines().iter().enumerate().map(&mut explain).collect()
}

/// Tells whether the file was made of one of the project that has lines.
fn is_of_project(file: &TracedFile) -> bool {
    matches!(file.source.kind, FileSourceKind::Template | FileSourceKind::Copy)
}

/// Returns what a source of the file is.
fn told(file: &TracedFile, source: &Source, origins: &Origins<'_>) -> Filler {
    match file.source.kind {
        FileSourceKind::Config => origins.of_key(&file.source.name, &source.name, source),
        _ => origins.of_data(source),
    }
}

fn default(
    file: &TracedFile,
    traced: &Traced,
    line: &Line<'_>,
    source: &Source,
    origins: &Origins<'_>,
) -> Filler {
    let on_it = traced.spans.iter().skip_while(|span| span.output.end <= line.output.start);
    let mut on_it = on_it.take_while(|span| span.output.start < line.output.end);
    let span = on_it.find(|span| span.sources.contains(source));
    let text = span.and_then(|span| traced.text.get(span.output.clone())).unwrap_or_default();
    let place = span.and_then(|span| span.place);
    origins.of_default(&source.name, &file.source.name, place, text)
}
