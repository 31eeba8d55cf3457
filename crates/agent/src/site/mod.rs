//! One `config_path` on one root: what is live there, and how it moves to another release.
//!
//! A site is wholly on the old release or wholly on the new one, whenever the plug is pulled.
//! Linked files change together, in one rename of `.windlass/current`. Plain files, new links and
//! stale ones change under a journal; [`LockedSite::recover`] finishes or undoes what it says.
//!
//! ```text
//! CONFIG/app.yaml                      -> .windlass/current/app.yaml
//! CONFIG/.windlass/current             -> releases/<id>
//! CONFIG/.windlass/releases/<id>/…     every file of the release, plain ones too
//! CONFIG/.windlass/manifests/<id>.json what is in it, and who deployed it
//! CONFIG/.windlass/journal             what is being done; absent when nothing is
//! CONFIG/.windlass/lock                held during a mutation
//! CONFIG/.windlass/armed               when it goes back by itself: see `armed.rs`
//! ```
//!
//! Runtime files are links from the release on to a file system in memory: see `runtime.rs`.
//!
//! Every directory below the root is opened without following links, and everything is read and
//! written relative to the directories so opened: a link planted on the way is an error.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use windlass_core::digest::Digest;
use windlass_core::name::{EnvironmentName, ServiceName};
use windlass_core::path::RelativePath;
use windlass_core::plan::Drift;
use windlass_core::record::DeploymentId;
use windlass_core::release::{Manifest, Release, ReleaseId};

mod activate;
mod armed;
mod content;
mod dir;
mod durable;
mod error;
mod executor;
mod inspect;
mod journal;
mod kept;
mod lock;
mod parallel;
mod place;
mod preflight;
mod prune;
mod record;
mod recover;
mod runtime;
mod stage;
mod steps;
mod survey;
#[cfg(test)]
mod tests;

#[cfg(test)]
pub(crate) use tests::{scratch as scratch_directory, staged_and_live};

pub use armed::{Armed, Reverted};
pub use error::SiteError;
pub use journal::Phase;
pub use kept::Kept;
pub use lock::LockedSite;
pub use preflight::{Conflict, Found, Wanted};
pub use stage::BlobSource;
pub use survey::{Space, Survey};

pub(crate) use armed::Watch;
use dir::Dir;
pub(crate) use durable::random_name;
use record::Record;

/// One `config_path` on one root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    root: PathBuf,
    config: Option<RelativePath>,
    runtime_base: PathBuf,
}

/// Who manages a site; anybody else is refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The project.
    pub project: String,
    /// The environment.
    pub environment: EnvironmentName,
}

/// What is live on a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Live {
    /// The release.
    pub release: ReleaseId,
    /// The deployment that activated it.
    pub deployment: DeploymentId,
    /// Who manages the site.
    pub owner: Owner,
    /// What belongs to the release besides files.
    pub content: Release,
    /// The files of the release on this site.
    pub manifest: Manifest,
}

/// An activation that was begun, and whose last word has not been written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Interrupted {
    /// The deployment that began it.
    pub deployment: DeploymentId,
    /// What was live before.
    pub from: Option<ReleaseId>,
    /// What was to be live.
    pub to: Option<ReleaseId>,
    /// How far it came.
    pub phase: Phase,
    /// The services whose reload is queued and not known to have run.
    pub reloads: Vec<ServiceName>,
}

/// What was seen on a site.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inspection {
    /// What is live, if anything is.
    pub live: Option<Live>,
    /// How the files differ from the live release, in order of their paths.
    pub drift: Vec<Drift>,
    /// What is in the way of the wanted release, in order of the paths.
    pub conflicts: Vec<Conflict>,
    /// What was begun and not finished.
    pub interrupted: Option<Interrupted>,
    /// The digest of all of the above: it changes when what was seen does.
    pub fingerprint: Digest,
    /// Equal for two sites only if they are one directory of one running machine; nothing where that
    /// cannot be told.
    #[serde(default)]
    pub place: Option<String>,
    /// Until when somebody has to confirm what is live.
    #[serde(default)]
    pub armed: Option<Armed>,
    /// That the site went back by itself, if nothing has happened to it since.
    #[serde(default)]
    pub reverted: Option<Reverted>,
}

/// A release as it is put on one site.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StagedRelease {
    /// Its name.
    pub id: ReleaseId,
    /// The deployment that stages it.
    pub deployment: DeploymentId,
    /// Who manages the site.
    pub owner: Owner,
    /// What belongs to it besides files, so that the site itself knows what its services need when
    /// it is taken back to this release.
    pub content: Release,
    /// Its files on this site.
    pub manifest: Manifest,
}

/// What an activation replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Activated {
    /// What was live before.
    pub from: Option<ReleaseId>,
    /// The services to reload now: those asked for, and those that an earlier interrupted
    /// activation left in the queue.
    pub reloads: Vec<ServiceName>,
}

/// What became of an interrupted activation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recovered {
    /// The deployment that had begun it.
    pub deployment: DeploymentId,
    /// What is live now, wholly.
    pub live: Option<ReleaseId>,
    /// Whether it was undone; else it was finished.
    pub undone: bool,
    /// The services whose reload is still due; they stay queued until
    /// [`LockedSite::reloads_done`].
    pub reloads: Vec<ServiceName>,
}

impl Site {
    /// Returns the site at `config_path` below `root`; neither need exist. `config_path` may be
    /// written absolute or relative, and is below the root both ways; `/` is the root itself.
    ///
    /// # Errors
    /// When `config_path` could leave the root, or is where Windlass keeps its own state.
    pub fn new(root: impl Into<PathBuf>, config_path: &str) -> Result<Self, SiteError> {
        let root = root.into();
        let root = std::path::absolute(&root).map_err(|source| SiteError::Io {
            action: "find",
            path: root.clone(),
            source,
        })?;
        let relative = config_path.strip_prefix('/').unwrap_or(config_path);
        let relative = relative.strip_suffix('/').unwrap_or(relative);
        let config = match relative {
            "" if config_path == "/" => None,
            _ => Some(RelativePath::new(relative).map_err(SiteError::ConfigPath)?),
        };
        Ok(Self { root, config, runtime_base: runtime::default_base() })
    }

    /// Returns the site with its runtime files below `base`, for tests.
    #[cfg(test)]
    #[must_use]
    pub(crate) fn with_runtime_base(mut self, base: impl Into<PathBuf>) -> Self {
        self.runtime_base = base.into();
        self
    }

    /// Returns the absolute path of the directory that the files appear in.
    #[must_use]
    pub fn config_dir(&self) -> PathBuf {
        match &self.config {
            Some(config) => self.root.join(config.as_str()),
            None => self.root.clone(),
        }
    }

    /// Returns the directory of the files as it is called below the root, with a `/` before it.
    #[must_use]
    pub fn config_path(&self) -> String {
        format!("/{}", self.config.as_ref().map_or("", RelativePath::as_str))
    }

    /// Returns the absolute path of the files of `release`, staged or not.
    #[must_use]
    pub fn release_dir(&self, release: &ReleaseId) -> PathBuf {
        self.config_dir()
            .join(windlass_core::path::RESERVED)
            .join(record::RELEASES)
            .join(release.to_string())
    }

    /// Returns the files of `release` as they were staged here, or nothing where it is not staged.
    ///
    /// # Errors
    /// When the record of the release cannot be read or is damaged.
    pub fn release_manifest(&self, release: &ReleaseId) -> Result<Option<Manifest>, SiteError> {
        let Some(state) = self.open_state()? else { return Ok(None) };
        Ok(record::read(&state, release)?.map(|record| record.manifest))
    }

    /// Returns `release` as it was staged here, or nothing where it is not: what the site can be
    /// taken back to without help from anybody.
    ///
    /// # Errors
    /// When the record of the release cannot be read or is damaged.
    pub fn recall(&self, release: &ReleaseId) -> Result<Option<Live>, SiteError> {
        let Some(state) = self.open_state()? else { return Ok(None) };
        let files = match state.child(record::RELEASES)? {
            Some(releases) => releases.child(&release.to_string())?,
            None => None,
        };
        Ok(record::read(&state, release)?.filter(|_| files.is_some()).map(Live::from))
    }

    /// Returns the absolute path of the root.
    #[must_use]
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Returns the directory of the files, or nothing where it does not exist.
    fn open_config(&self) -> Result<Option<Dir>, SiteError> {
        match Dir::root(&self.root)? {
            Some(root) => root.descend(self.config.as_ref()),
            None => Ok(None),
        }
    }

    fn open_state(&self) -> Result<Option<Dir>, SiteError> {
        match self.open_config()? {
            Some(config) => config.child(windlass_core::path::RESERVED),
            None => Ok(None),
        }
    }
}

impl From<Record> for Live {
    fn from(record: Record) -> Self {
        Self {
            release: record.release,
            deployment: record.deployment,
            owner: record.owner,
            content: record.content,
            manifest: record.manifest,
        }
    }
}

impl std::fmt::Display for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "environment `{}` of project `{}`", self.environment, self.project)
    }
}
