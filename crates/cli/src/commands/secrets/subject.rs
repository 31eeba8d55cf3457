//! What a command is about: the secrets of an environment, or a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use windlass::Error;
use windlass::project::LoadedProject;
use windlass::secrets::{Keys, SecretManager, secrets_file};
use windlass_core::project::SecretsSpec;

use super::refused;
use crate::app::App;
use crate::error::CliError;
use crate::operator::operator;

/// The project around, if there is one, and the keys.
pub(super) struct Place {
    project: Option<LoadedProject>,
    keys: Arc<Keys>,
}

/// A file of secrets.
pub(super) struct Subject {
    /// What to call it: its path, from the current directory where it is below.
    pub(super) shown: String,
    pub(super) manager: SecretManager,
}

impl Place {
    /// Returns the project that `app` is in; none where there is none.
    pub(super) fn of(app: &App) -> Result<Self, CliError> {
        Self::around(app.project())
    }

    /// Returns the place of what was found by looking for a project.
    pub(super) fn around(found: Result<LoadedProject, Error>) -> Result<Self, CliError> {
        let project = match found {
            Ok(project) => Some(project),
            Err(Error::NoProject { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let command = project.as_ref().and_then(|found| found.project.secrets.key_command.as_ref());
        let keys = Keys::standard();
        let keys = command.map_or_else(Keys::standard, |argv| keys.with_command(argv));
        Ok(Self { project, keys: Arc::new(keys) })
    }

    /// Returns the keys.
    pub(super) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Returns the project, if there is one.
    pub(super) fn project(&self) -> Option<&LoadedProject> {
        self.project.as_ref()
    }

    /// Returns the directory of the project, or the current one.
    pub(super) fn root(&self) -> PathBuf {
        self.project.as_ref().map_or_else(|| PathBuf::from("."), |found| found.root.clone())
    }

    /// Returns what the project says about secrets.
    pub(super) fn spec(&self) -> SecretsSpec {
        self.project.as_ref().map(|found| found.project.secrets.clone()).unwrap_or_default()
    }

    /// Returns the file that `text` means: that of an environment of this name, or else a path.
    pub(super) fn subject(&self, text: &str) -> Result<Subject, CliError> {
        let environment = self.project.as_ref().map(|found| found.project.environment(text));
        match environment {
            Some(Ok(environment)) => match &environment.secrets {
                Some(file) => self.of_project(file),
                None => Err(no_secrets(text)),
            },
            Some(Err(unknown)) if !is_path(text) => {
                Err(Error::UnknownEnvironment { name: unknown.name, known: unknown.known }.into())
            }
            _ => Ok(self.file(Path::new(text))),
        }
    }

    /// Returns the files that `texts` mean, each once; those of all environments that are there where
    /// there are none.
    pub(super) fn subjects(&self, texts: &[String]) -> Result<Vec<Subject>, CliError> {
        let mut all = self.intended(texts)?;
        if texts.is_empty() {
            all.retain(|subject| subject.manager.path().exists());
        }
        if all.is_empty() {
            let hint = "`windlass secrets set` makes one";
            return Err(refused("no environment has a file of secrets yet", hint));
        }
        Ok(all)
    }

    /// Returns the same, with those files of environments that are not there yet.
    pub(super) fn intended(&self, texts: &[String]) -> Result<Vec<Subject>, CliError> {
        let mut all: Vec<Subject> = if texts.is_empty() {
            self.files().iter().map(|file| self.of_project(file)).collect::<Result<_, _>>()?
        } else {
            texts.iter().map(|text| self.subject(text)).collect::<Result<_, _>>()?
        };
        if all.is_empty() {
            let hint = "name a file, or add `secrets = \"secrets/ENV.yaml\"` to [environments.ENV]";
            return Err(refused("no environment has a file of secrets", hint));
        }
        all.sort_by(|one, other| one.shown.cmp(&other.shown));
        all.dedup_by(|one, other| one.shown == other.shown);
        Ok(all)
    }

    /// Returns the files of all environments, as the project names them.
    pub(super) fn files(&self) -> Vec<String> {
        let environments =
            self.project.iter().flat_map(|found| found.project.environments.values());
        let mut files: Vec<String> = environments.filter_map(|one| one.secrets.clone()).collect();
        files.sort();
        files.dedup();
        files
    }

    fn of_project(&self, file: &str) -> Result<Subject, CliError> {
        Ok(self.file(&secrets_file(&self.root(), file)?))
    }

    /// Returns the file at `path`.
    pub(super) fn file(&self, path: &Path) -> Subject {
        let here = std::env::current_dir().unwrap_or_default();
        let path = path.strip_prefix(&here).unwrap_or(path);
        let manager = SecretManager::new(path, Arc::clone(&self.keys))
            .with_actor(operator())
            .with_max_age(self.spec().max_age);
        let manager = match &self.project {
            Some(found) => manager.with_root(&found.root),
            None => manager,
        };
        Subject { shown: path.display().to_string(), manager }
    }
}

fn is_path(text: &str) -> bool {
    text.contains(['/', '.']) || Path::new(text).exists()
}

fn no_secrets(environment: &str) -> CliError {
    refused(
        format!("environment `{environment}` has no file of secrets"),
        format!("add `secrets = \"secrets/{environment}.yaml\"` to [environments.{environment}]"),
    )
}
