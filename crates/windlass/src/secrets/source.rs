//! Secrets of environments from the SOPS files of a project.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Once};

use windlass_core::environment::Environment;
use windlass_core::secret::Secrets;
use windlass_sops::Format;

use super::deployment::{SealingKeys, SecretSource, Unlocked};
use super::error::SecretsError;
use super::keys::Keys;
use super::load::{open, secrets_file};
use super::object_keys::ObjectKeys;
use super::state::Stored;
use super::values;
use crate::clock::Clock;
use crate::error::Error;
use crate::project::LoadedProject;

/// Unlocks the secrets file that an environment names, with the age keys of whoever runs this.
///
/// The file lies in the project; the keys that seal objects lie in the workspace, encrypted for the recipients
/// of that file.
pub struct SopsSource {
    root: PathBuf,
    workspace: PathBuf,
    keys: Keys,
    clock: Arc<dyn Clock>,
    warned: Once,
}

impl SopsSource {
    /// Returns the source of the environments of the project at `root`, whose state is in `workspace`.
    #[must_use]
    pub fn new(
        root: impl Into<PathBuf>,
        workspace: impl Into<PathBuf>,
        keys: Keys,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let (root, workspace) = (root.into(), workspace.into());
        Self { root, workspace, keys, clock, warned: Once::new() }
    }

    /// Returns the source for `project`, with the keys that the environment of the process and the project's
    /// `key_command` lead to.
    #[must_use]
    pub fn of_project(project: &LoadedProject, workspace: &Path, clock: Arc<dyn Clock>) -> Self {
        let keys = match &project.project.secrets.key_command {
            Some(command) => Keys::standard().with_command(command),
            None => Keys::standard(),
        };
        Self::new(&project.root, workspace, keys, clock)
    }

    /// Says once what is not as it should be about the keys, such as a file that others can read.
    fn warn(&self) {
        let warnings = self.keys.warnings();
        if !warnings.is_empty() {
            self.warned
                .call_once(|| warnings.iter().for_each(|warning| tracing::warn!("{warning}")));
        }
    }

    fn unlock_file(&self, environment: &Environment, file: &str) -> Result<Unlocked, SecretsError> {
        let path = secrets_file(&self.root, file)?;
        let opened = open(&path, &self.keys)?;
        self.warn();
        let stored = Stored::read(&path, Format::of_name(file))?;
        let recipients = stored.ok_or(SecretsError::NoFile { path })?.recipients();
        let object_keys = ObjectKeys::new(&self.workspace, &environment.name);
        let now = self.clock.now();
        let objects = object_keys.open(&recipients, &self.keys, now)?;
        let (name, secrets) = (&environment.name, &opened.secrets);
        let mut before =
            values::note(&self.workspace, name, secrets, &recipients, &self.keys, now)?;
        let kept = opened.earlier.into_iter();
        before.extend(kept.map(|one| Arc::new(Secrets::labelled([one]))));
        let keys = SealingKeys {
            fingerprints: opened.fingerprint_key,
            objects: objects.current,
            earlier: objects.earlier,
        };
        Ok(Unlocked::new(Arc::new(opened.secrets), keys).with_earlier_values(before))
    }
}

impl SecretSource for SopsSource {
    fn unlock(&self, environment: &Environment) -> Result<Unlocked, Error> {
        match &environment.secrets {
            Some(file) => Ok(self.unlock_file(environment, file)?),
            None => Ok(Unlocked::default()),
        }
    }
}

impl fmt::Debug for SopsSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SopsSource").field("root", &self.root).field("keys", &self.keys).finish()
    }
}
