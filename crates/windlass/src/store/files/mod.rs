//! The store in a workspace directory.

mod copies;
mod lock;

use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use async_trait::async_trait;
use rayon::prelude::*;
use rustix::fs::OFlags;
use serde::Serialize;
use serde::de::DeserializeOwned;
use windlass_core::environment::Environment;
use windlass_core::name::EnvironmentName;
use windlass_core::record::{self, ConfigDeployment, DeploymentId};

use self::copies::Copies;
use super::envelope::{self, Damage};
use super::{Flaw, Holder, Listing, LockGuard, SavedRollout, StateStore, StoreError, newest_first};
use crate::durable::{self, Scratch};

/// The version of the format of environment files.
const ENVIRONMENT_SCHEMA: u32 = 1;

/// The most bytes that a file may have: far beyond any record, and nothing to fill the memory.
const MAX_FILE: u64 = 64 << 20;

/// Environments, records and locks as files below a workspace:
///
/// ```text
/// environments/<name>.json       replaced by rename, flushed
/// config_deployments/<id>.json   created once, then replaced by rename, flushed
/// rollouts/<id>.json             where a rollout stands, while it is under way
/// locks/<environment>.lock       locked while somebody works on it; then it says who
/// copies/…                       a second copy of each file, for `windlass doctor --fix`
/// tmp/                           what is being written
/// ```
///
/// Calls block for as long as the disk takes, a millisecond or so, also inside `async`.
#[derive(Debug)]
pub struct FileStore {
    environments: PathBuf,
    records: PathBuf,
    locks: PathBuf,
    rollouts: PathBuf,
    copies: Copies,
    scratch: Scratch,
}

impl FileStore {
    /// Opens the store in `workspace`, makes the directories that are missing, private to their
    /// owner, and removes what dead processes left half written.
    ///
    /// # Errors
    /// [`StoreError::Io`] when a directory cannot be made.
    pub fn open(workspace: &Path) -> Result<Self, StoreError> {
        let directory = |name: &str| {
            let path = workspace.join(name);
            match durable::create_dir(&path) {
                Ok(()) => Ok(path),
                Err(source) => Err(StoreError::io("create directory", &path, source)),
            }
        };
        let tmp = workspace.join("tmp");
        let scratch = Scratch::open(tmp.clone())
            .map_err(|source| StoreError::io("create directory", &tmp, source))?;
        Ok(Self {
            environments: directory("environments")?,
            records: directory("config_deployments")?,
            locks: directory("locks")?,
            rollouts: workspace.join("rollouts"),
            copies: Copies::new(directory("copies")?),
            scratch,
        })
    }

    fn environment_path(&self, name: &EnvironmentName) -> PathBuf {
        self.environments.join(format!("{name}.json"))
    }

    fn record_path(&self, id: &DeploymentId) -> PathBuf {
        self.records.join(format!("{id}.json"))
    }

    fn rollout_path(&self, id: &DeploymentId) -> PathBuf {
        self.rollouts.join(format!("{id}.json"))
    }

    fn replace(&self, path: &Path, text: &str) -> Result<(), StoreError> {
        self.copies.keep(&self.scratch, path, text.as_bytes());
        durable::replace(&self.scratch, path, text.as_bytes())
            .map_err(|source| StoreError::io("write", path, source))
    }
}

#[async_trait]
impl StateStore for FileStore {
    async fn save_environment(&self, environment: &Environment) -> Result<(), StoreError> {
        let path = self.environment_path(&environment.name);
        let text = seal::<Environment>(
            &path,
            &EnvironmentFile { schema: ENVIRONMENT_SCHEMA, environment },
            ENVIRONMENT_SCHEMA,
        )?;
        read_environment(&path, &environment.name)?;
        self.replace(&path, &text)
    }

    async fn environment(&self, name: &EnvironmentName) -> Result<Option<Environment>, StoreError> {
        read_environment(&self.environment_path(name), name)
    }

    async fn environments(&self) -> Result<Listing<Environment>, StoreError> {
        let read = |path: &Path, stem: &str| match EnvironmentName::new(stem) {
            Ok(name) => read_environment(path, &name),
            Err(error) => Err(StoreError::corrupt(path, error.to_string())),
        };
        let mut listing = list(&self.environments, read)?;
        listing.items.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(listing)
    }

    async fn create_record(&self, record: &ConfigDeployment) -> Result<(), StoreError> {
        let path = self.record_path(&record.deployment_id);
        let text = seal::<ConfigDeployment>(&path, record, record::SCHEMA)?;
        let created = durable::create_new(&self.scratch, &path, text.as_bytes());
        created.map_err(|source| match source.kind() {
            io::ErrorKind::AlreadyExists => StoreError::Exists { id: record.deployment_id.clone() },
            _ => StoreError::io("write", &path, source),
        })?;
        self.copies.keep(&self.scratch, &path, text.as_bytes());
        Ok(())
    }

    async fn update_record(&self, record: &ConfigDeployment) -> Result<(), StoreError> {
        let id = &record.deployment_id;
        let path = self.record_path(id);
        let text = seal::<ConfigDeployment>(&path, record, record::SCHEMA)?;
        match read_record(&path, id)? {
            Some(_) => self.replace(&path, &text),
            None => Err(StoreError::Unknown { id: id.clone() }),
        }
    }

    async fn has_record(&self, id: &DeploymentId) -> Result<bool, StoreError> {
        let path = self.record_path(id);
        match fs::symlink_metadata(&path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(source) => Err(StoreError::io("look for", &path, source)),
        }
    }

    async fn record(&self, id: &DeploymentId) -> Result<Option<ConfigDeployment>, StoreError> {
        read_record(&self.record_path(id), id)
    }

    async fn records(
        &self,
        environment: Option<&EnvironmentName>,
    ) -> Result<Listing<ConfigDeployment>, StoreError> {
        let read = |path: &Path, stem: &str| match DeploymentId::new(stem) {
            Ok(id) => read_record(path, &id),
            Err(error) => Err(StoreError::corrupt(path, error.to_string())),
        };
        let mut listing = list(&self.records, read)?;
        listing.items.retain(|record| environment.is_none_or(|name| record.environment == *name));
        listing.items.sort_by(newest_first);
        Ok(listing)
    }

    async fn save_rollout(&self, saved: &SavedRollout) -> Result<(), StoreError> {
        let path = self.rollout_path(&saved.deployment_id);
        let text = seal::<SavedRollout>(&path, saved, SavedRollout::SCHEMA)?;
        durable::create_dir(&self.rollouts)
            .and_then(|()| durable::replace(&self.scratch, &path, text.as_bytes()))
            .map_err(|source| StoreError::io("write", &path, source))
    }

    async fn rollout(&self, id: &DeploymentId) -> Result<Option<SavedRollout>, StoreError> {
        let path = self.rollout_path(id);
        match read::<SavedRollout>(&path, SavedRollout::SCHEMA)? {
            Some(other) if other.deployment_id != *id => {
                let reason = format!("it holds the rollout of {}", other.deployment_id);
                Err(StoreError::corrupt(&path, reason))
            }
            found => Ok(found),
        }
    }

    async fn forget_rollout(&self, id: &DeploymentId) -> Result<(), StoreError> {
        let path = self.rollout_path(id);
        match fs::remove_file(&path) {
            Err(source) if source.kind() != io::ErrorKind::NotFound => {
                Err(StoreError::io("remove", &path, source))
            }
            _ => Ok(()),
        }
    }

    async fn lock(
        &self,
        environment: &EnvironmentName,
        holder: &Holder,
        wait: Option<Duration>,
    ) -> Result<Box<dyn LockGuard>, StoreError> {
        let path = self.locks.join(format!("{environment}.lock"));
        lock::acquire(&path, environment, holder, wait.unwrap_or_default()).await
    }

    async fn examine(&self, fix: bool) -> Result<Vec<Flaw>, StoreError> {
        let environments = self.environments().await?.problems;
        let records = self.records(None).await?.problems;
        let all = environments.into_iter().chain(records);
        all.map(|problem| self.copies.mend(&self.scratch, problem, fix)).collect()
    }
}

/// An environment with what a file needs besides; it is read without, the rest being ignored.
#[derive(Serialize)]
struct EnvironmentFile<'a> {
    schema: u32,
    #[serde(flatten)]
    environment: &'a Environment,
}

fn read_environment(
    path: &Path,
    name: &EnvironmentName,
) -> Result<Option<Environment>, StoreError> {
    let environment: Option<Environment> = read(path, ENVIRONMENT_SCHEMA)?;
    match environment {
        Some(other) if other.name != *name => {
            Err(StoreError::corrupt(path, format!("it holds environment `{}`", other.name)))
        }
        found => Ok(found),
    }
}

fn read_record(path: &Path, id: &DeploymentId) -> Result<Option<ConfigDeployment>, StoreError> {
    let record: Option<ConfigDeployment> = read(path, record::SCHEMA)?;
    match record {
        Some(other) if other.deployment_id != *id => {
            Err(StoreError::corrupt(path, format!("it holds deployment {}", other.deployment_id)))
        }
        found => Ok(found),
    }
}

/// Returns what `read` makes of each `.json` file in `dir`, given its path and its name without
/// the extension. A file that is gone by then was removed, which is no problem.
fn list<T: Send>(
    dir: &Path,
    read: impl Fn(&Path, &str) -> Result<Option<T>, StoreError> + Sync,
) -> Result<Listing<T>, StoreError> {
    let failed = |source| StoreError::io("list", dir, source);
    let entries = fs::read_dir(dir).map_err(failed)?;
    let paths: Vec<PathBuf> =
        entries.map(|entry| Ok(entry?.path())).collect::<io::Result<_>>().map_err(failed)?;
    let json = |path: &&PathBuf| path.extension().is_some_and(|extension| extension == "json");
    let results: Vec<Result<Option<T>, StoreError>> = paths
        .par_iter()
        .filter(json)
        .map(|path| match path.file_stem().and_then(|stem| stem.to_str()) {
            Some(stem) => read(path, stem),
            None => Err(StoreError::corrupt(path, "its name is not UTF-8")),
        })
        .collect();
    Ok(results.into_iter().filter_map(Result::transpose).collect())
}

fn seal<T: DeserializeOwned>(
    path: &Path,
    value: &impl Serialize,
    known: u32,
) -> Result<String, StoreError> {
    let refused = |reason| StoreError::Unwritable { path: path.to_owned(), reason };
    match envelope::seal::<T>(value, known) {
        Ok(text) if text.len() as u64 <= MAX_FILE => Ok(text),
        Ok(_) => Err(refused(format!("it would have more than {MAX_FILE} bytes"))),
        Err(Damage::Corrupt { reason }) => Err(refused(reason)),
        Err(Damage::Newer { schema, .. }) => Err(refused(format!("its schema is {schema}"))),
    }
}

fn read<T: DeserializeOwned>(path: &Path, known: u32) -> Result<Option<T>, StoreError> {
    match read_bytes(path)? {
        Some(bytes) => envelope::open(&bytes, known)
            .map(Some)
            .map_err(|damage| StoreError::damaged(path, damage)),
        None => Ok(None),
    }
}

/// Returns the bytes of the regular file at `path`, if something is there.
fn read_bytes(path: &Path) -> Result<Option<Vec<u8>>, StoreError> {
    let failed = |source| StoreError::io("read", path, source);
    // Opening a pipe must not wait for somebody to write to it.
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let file = match File::options().read(true).custom_flags(nonblocking).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed(source)),
    };
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(StoreError::corrupt(path, "it is not a file"));
    }
    if metadata.len() > MAX_FILE {
        return Err(StoreError::corrupt(path, format!("it has more than {MAX_FILE} bytes")));
    }
    let mut bytes = Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or(0) + 1);
    file.take(MAX_FILE).read_to_end(&mut bytes).map_err(failed)?;
    Ok(Some(bytes))
}

#[cfg(test)]
mod tests;
