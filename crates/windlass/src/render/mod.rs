//! Rendering: the files of services, for an environment.
//!
//! Jobs are collected first, then carried out side by side into a sink; every error of every job
//! is returned, not the first.
//!
//! [`Engine::explain_file`] tells which key filled which line of a file.

mod content;
mod explain;
mod jobs;
mod origins;
pub(crate) mod scope;
mod sink;
mod traced;

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::sync::atomic::{AtomicU64, Ordering};

use rayon::prelude::*;
use windlass_core::diagnostic::{Diagnostic, nearest};
use windlass_core::environment::Environment;
use windlass_core::event::Event;
use windlass_core::release::FileEntry;

use crate::deploy::Input;
use crate::engine::Engine;
use crate::error::Error;
use crate::secrets::Unlocked;

pub use explain::{
    ExplainedFile, ExplainedLine, FileSource, FileSourceKind, Filler, FillerKind, TemplateLine,
};
pub(crate) use jobs::{Jobs, Services};
pub(crate) use sink::{Directory, Kept, Memory, Sink};
pub use sink::{Rendered, RenderedFile};

/// A progress event is emitted each time so many files are done.
const PROGRESS_STEP: u64 = 64;

/// Everything that was rendered.
pub(crate) struct Output {
    pub(crate) files: Vec<FileEntry>,
    pub(crate) config_files: BTreeSet<String>,
    pub(crate) services: Services,
    pub(crate) warnings: Vec<String>,
}

impl Engine {
    /// Returns an environment as `target` of it sees it: with the target's variables. Without a
    /// target, the environment as all of its targets see it.
    ///
    /// # Errors
    /// When there is no such target, or none is named and the targets have different variables.
    pub async fn environment_at(
        &self,
        environment: &str,
        target: Option<&str>,
    ) -> Result<Environment, Error> {
        let environment = self.environment(environment).await?;
        let mut variants = environment.variants();
        let found = match target {
            Some(id) => variants
                .into_iter()
                .find(|variant| variant.targets.iter().any(|target| target.id.as_str() == id)),
            None if variants.len() == 1 => variants.pop(),
            None => None,
        };
        found.ok_or_else(|| Error::invalid(no_such_target(&environment, target)))
    }

    /// Renders the files of an environment, as one of its targets gets them, into memory.
    ///
    /// # Errors
    /// [`Error::Invalid`] with all that is wrong, and as [`Engine::environment_at`].
    pub async fn render(
        &self,
        environment: &str,
        target: Option<&str>,
    ) -> Result<Vec<Rendered>, Error> {
        let environment = self.environment_at(environment, target).await?;
        let memory = Memory::default();
        let output =
            self.render_into(&environment, &Input::Project, &self.unlock(&environment)?, &memory)?;
        Ok(memory.into_rendered(&output.files))
    }

    /// Renders the files of an environment, as one of its targets gets them, below `directory`,
    /// which must be new or empty, and returns what it wrote.
    ///
    /// # Errors
    /// As [`Engine::render`], or [`Error::Io`].
    pub async fn render_to(
        &self,
        environment: &str,
        target: Option<&str>,
        directory: &std::path::Path,
    ) -> Result<Vec<RenderedFile>, Error> {
        let environment = self.environment_at(environment, target).await?;
        let sink = Directory::create(directory)?;
        let output =
            self.render_into(&environment, &Input::Project, &self.unlock(&environment)?, &sink)?;
        windlass_core::release::Manifest::new(output.files.clone())
            .map_err(|conflict| Error::invalid(Diagnostic::error(conflict.to_string())))?;
        Ok(output.files.iter().map(RenderedFile::from).collect())
    }

    /// Renders everything that `input` names into `sink`.
    pub(crate) fn render_into(
        &self,
        environment: &Environment,
        input: &Input,
        unlocked: &Unlocked,
        sink: &dyn Sink,
    ) -> Result<Output, Error> {
        let jobs = match (input, &self.project) {
            (Input::Files(files), _) => Jobs::of_files(files, environment, unlocked)?,
            (Input::Project, Some(loaded)) => {
                Jobs::of_project(loaded, environment, unlocked, &self.remote())?
            }
            (Input::Project, None) => {
                return Err(Error::NoProject { start: self.base.clone() });
            }
        };
        let files = self.carry_out_jobs(&jobs, environment, sink);
        let files = files.map_err(|error| as_given(error, input))?;
        let Jobs { config_files, services, warnings, .. } = jobs;
        Ok(Output { files, config_files, services, warnings })
    }

    fn carry_out_jobs(
        &self,
        jobs: &Jobs,
        environment: &Environment,
        sink: &dyn Sink,
    ) -> Result<Vec<FileEntry>, Error> {
        let total = jobs.list.len() as u64;
        let done = AtomicU64::new(0);
        let results: Vec<_> = jobs
            .list
            .par_iter()
            .map(|job| {
                let result = job.carry_out(sink);
                let done = done.fetch_add(1, Ordering::Relaxed) + 1;
                if done.is_multiple_of(PROGRESS_STEP) || done == total {
                    let environment = environment.name.clone();
                    self.events.emit(Event::Rendering { environment, done, total });
                }
                result
            })
            .collect();
        let mut files = Vec::with_capacity(results.len());
        let mut problems = Vec::new();
        for result in results {
            match result {
                Ok(entries) => files.extend(entries),
                Err(found) => problems.extend(found),
            }
        }
        if problems.is_empty() { Ok(files) } else { Err(Error::Invalid(problems)) }
    }
}

/// Returns the error with single files named as they were given, not only by their own names.
fn as_given(mut error: Error, input: &Input) -> Error {
    if let (Error::Invalid(problems), Input::Files(files)) = (&mut error, input) {
        for problem in problems {
            let name = problem.file.as_ref().map(OsStr::new);
            if let Some(given) = files.iter().find(|file| file.file_name() == name) {
                problem.file = Some(given.display().to_string());
            }
        }
    }
    error
}

fn no_such_target(environment: &Environment, asked: Option<&str>) -> Diagnostic {
    let known: Vec<&str> = environment.targets.iter().map(|target| target.id.as_str()).collect();
    let list = || format!("known are {}", known.join(", "));
    match asked {
        None => Diagnostic::error(format!(
            "the targets of `{}` have different variables",
            environment.name
        ))
        .hint(format!("choose one with `--target`: {}", list())),
        Some(id) => {
            let near = nearest(id, known.iter().copied());
            Diagnostic::error(format!("unknown target `{id}` of `{}`", environment.name))
                .hint(near.map_or_else(list, |near| format!("did you mean `{near}`?")))
        }
    }
}
