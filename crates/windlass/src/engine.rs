//! The engine: what the command line, and any other program, asks Windlass to do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use windlass_agent::site::{Site, SiteError};
use windlass_agent::work::Assignment;
use windlass_core::diagnostic::Diagnostic;
use windlass_core::digest::Digest;
use windlass_core::environment::Environment;
use windlass_core::event::Event;
use windlass_core::name::EnvironmentName;
use windlass_core::project::DEFAULT_PARALLEL;
use windlass_core::record::{ConfigDeployment, DeploymentId};
use windlass_core::release::{Manifest, Release, ReleaseId};
use windlass_core::target::{Target, TargetId};

use crate::clock::{Clock, SystemClock};
use crate::error::Error;
use crate::error::describe;
use crate::events::{EventSink, Events};
use crate::executor::StopFlag;
use crate::fleet::Fleet;
use crate::host::{ByAddress, Reach, Reacher, Ssh};
use crate::objects::{Hold, Objects, is_locked};
use crate::project::LoadedProject;
use crate::secrets::{Redaction, SecretSource, SopsSource};
use crate::store::{FileStore, Holder, Listing, StateStore};

/// The name of the default workspace, beside the project file.
pub const WORKSPACE: &str = ".windlass";

/// Carries out what it is asked, on the state in one workspace.
pub struct Engine {
    pub(crate) project: Option<LoadedProject>,
    pub(crate) base: PathBuf,
    workspace: PathBuf,
    pub(crate) store: Arc<dyn StateStore>,
    pub(crate) objects: Objects,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) events: Events,
    pub(crate) stop: StopFlag,
    pub(crate) reacher: Arc<dyn Reacher>,
    pub(crate) secrets: Option<Arc<dyn SecretSource>>,
    pub(crate) redaction: Redaction,
    pub(crate) lock_wait: Option<std::time::Duration>,
    /// Where texts of servers are kept.
    pub(crate) http_cache: PathBuf,
    /// The hosts of the inventories that were read.
    pub(crate) inventories: tokio::sync::Mutex<BTreeMap<EnvironmentName, Vec<Target>>>,
    /// How many targets are worked on at a time.
    pub(crate) parallel: usize,
}

/// How an engine is set up; [`Options::default`] suits a program without a project.
#[derive(Default)]
pub struct Options {
    /// The project, where there is one.
    pub project: Option<LoadedProject>,
    /// Where state is kept; `.windlass` beside the project (or here) unless it says otherwise.
    pub workspace: Option<PathBuf>,
    /// What tells the time; the system's clock unless it says otherwise.
    pub clock: Option<Arc<dyn Clock>>,
    /// Who reads events.
    pub sinks: Vec<Box<dyn EventSink>>,
    /// What stops a deployment at its next safe point.
    pub stop: StopFlag,
    /// What reaches targets; their addresses say how, unless it says otherwise.
    pub reacher: Option<Arc<dyn Reacher>>,
    /// What unlocks secrets; the SOPS files that the environments of the project name, unless it says
    /// otherwise. Without a project an environment that has some cannot be deployed.
    pub secrets: Option<Arc<dyn SecretSource>>,
    /// How long to wait for an environment that somebody else has locked; not at all unless it says
    /// otherwise.
    pub lock_wait: Option<std::time::Duration>,
    /// What filters all that is said; whoever writes a log of its own shares it.
    pub redaction: Redaction,
}

impl Engine {
    /// Opens the workspace and returns the engine on it.
    ///
    /// # Errors
    /// When the workspace cannot be made or read.
    pub fn open(options: Options) -> Result<Self, Error> {
        let base = match &options.project {
            Some(project) => project.root.clone(),
            None => std::env::current_dir().map_err(Error::io("find", "."))?,
        };
        let workspace = options.workspace.unwrap_or_else(|| base.join(WORKSPACE));
        let store = FileStore::open(&workspace)?;
        let objects = workspace.join("objects");
        let objects = Objects::open(&objects).map_err(Error::io("open", objects.clone()))?;
        let ssh = options.project.as_ref().map(LoadedProject::ssh_settings).unwrap_or_default();
        let parallel =
            options.project.as_ref().map_or(DEFAULT_PARALLEL, |p| p.project.ssh.parallel);
        let parallel = usize::try_from(parallel).unwrap_or(usize::MAX);
        let by_address: Arc<dyn Reacher> =
            Arc::new(ByAddress::new(Ssh::filtered(&ssh, options.redaction.clone())));
        let clock = options.clock.unwrap_or_else(|| Arc::new(SystemClock));
        let sops = |project: &LoadedProject| -> Arc<dyn SecretSource> {
            Arc::new(SopsSource::of_project(project, &workspace, Arc::clone(&clock)))
        };
        let secrets = options.secrets.or_else(|| options.project.as_ref().map(sops));
        Ok(Self {
            project: options.project,
            base,
            store: Arc::new(store),
            objects,
            events: Events::new(Arc::clone(&clock), options.sinks)
                .filtered(options.redaction.clone()),
            clock,
            stop: options.stop,
            reacher: options.reacher.unwrap_or(by_address),
            secrets,
            redaction: options.redaction,
            lock_wait: options.lock_wait,
            http_cache: workspace.join("cache/http"),
            workspace,
            inventories: tokio::sync::Mutex::default(),
            parallel,
        })
    }

    /// Returns the project, where there is one.
    #[must_use]
    pub const fn project(&self) -> Option<&LoadedProject> {
        self.project.as_ref()
    }

    /// Returns the directory in which relative paths of targets start.
    #[must_use]
    pub fn base(&self) -> &Path {
        &self.base
    }

    /// Returns the directory in which state is kept.
    #[must_use]
    pub fn workspace(&self) -> &Path {
        &self.workspace
    }

    /// Returns every environment, of the project and of the workspace, by name. Inventories are not
    /// read: [`environment`](Self::environment) does.
    ///
    /// # Errors
    /// When the state cannot be read.
    pub async fn environments(&self) -> Result<Vec<Environment>, Error> {
        let mut all: BTreeMap<EnvironmentName, Environment> = BTreeMap::new();
        for environment in self.store.environments().await?.complete()? {
            all.insert(environment.name.clone(), environment);
        }
        for environment in self.project_environments() {
            let created_at = all.get(&environment.name).and_then(|saved| saved.created_at);
            let environment = Environment { created_at, ..environment.clone() };
            all.insert(environment.name.clone(), environment);
        }
        Ok(all.into_values().collect())
    }

    fn project_environments(&self) -> impl Iterator<Item = &Environment> {
        self.project.iter().flat_map(|loaded| loaded.project.environments.values())
    }

    /// Returns one environment, with the hosts of its inventory among its targets.
    ///
    /// # Errors
    /// [`Error::UnknownEnvironment`] with the known ones; [`Error::Invalid`] with all that is wrong in
    /// its inventory.
    pub async fn environment(&self, name: &str) -> Result<Environment, Error> {
        let all = self.environments().await?;
        let known = all.iter().map(|environment| environment.name.to_string()).collect();
        let unknown = || Error::UnknownEnvironment { name: name.to_owned(), known };
        let found = all.into_iter().find(|environment| environment.name.as_str() == name);
        self.with_inventory(found.ok_or_else(unknown)?).await
    }

    /// Persists a new environment.
    ///
    /// # Errors
    /// [`Error::EnvironmentExists`] when the project or the workspace has one of that name;
    /// [`Error::Invalid`] when its `config_path` could leave the root of a target.
    pub async fn create_environment(&self, environment: Environment) -> Result<Environment, Error> {
        refuse_leaving(&environment.config_path)?;
        let taken =
            self.environments().await?.into_iter().any(|known| known.name == environment.name);
        if taken {
            return Err(Error::EnvironmentExists(environment.name));
        }
        let created_at = Some(self.clock.now());
        let environment = Environment { created_at, ..environment };
        self.store.save_environment(&environment).await?;
        Ok(environment)
    }

    /// Persists an environment of the project, so that records make sense without the project.
    pub(crate) async fn remember(&self, environment: &Environment) -> Result<(), Error> {
        let saved = self.store.environment(&environment.name).await?;
        let created_at = saved.as_ref().and_then(|saved| saved.created_at);
        let created_at = created_at.or_else(|| Some(self.clock.now()));
        let environment = Environment { created_at, ..environment.clone() };
        if saved.as_ref() != Some(&environment) {
            self.store.save_environment(&environment).await?;
        }
        Ok(())
    }

    /// Returns one record.
    ///
    /// # Errors
    /// [`Error::UnknownDeployment`] when there is none of that id.
    pub async fn deployment(&self, id: &str) -> Result<ConfigDeployment, Error> {
        let unknown = || Error::UnknownDeployment(id.to_owned());
        let id = DeploymentId::new(id).map_err(|_| unknown())?;
        self.store.record(&id).await?.ok_or_else(unknown)
    }

    /// Returns the records, newest first, of one environment or of all.
    ///
    /// # Errors
    /// When one of them cannot be read: nothing is left out silently.
    pub async fn history(
        &self,
        environment: Option<&EnvironmentName>,
    ) -> Result<Vec<ConfigDeployment>, Error> {
        Ok(self.listing(environment).await?.complete()?)
    }

    /// Returns the records that can be read, newest first, of one environment or of all, and what
    /// is wrong with the others.
    ///
    /// # Errors
    /// When the state cannot be read at all.
    pub async fn listing(
        &self,
        environment: Option<&EnvironmentName>,
    ) -> Result<Listing<ConfigDeployment>, Error> {
        Ok(self.store.records(environment).await?)
    }

    /// Reaches `targets`, whose files live in `config_path`.
    pub(crate) fn fleet<'a>(
        &self,
        targets: impl IntoIterator<Item = &'a Target>,
        config_path: &str,
    ) -> Result<Fleet, Error> {
        self.fleet_confirmed(targets, config_path, None)
    }

    /// As [`fleet`](Self::fleet), of targets that go back by themselves unless they are confirmed within
    /// `confirm` of their activation.
    pub(crate) fn fleet_confirmed<'a>(
        &self,
        targets: impl IntoIterator<Item = &'a Target>,
        config_path: &str,
        confirm: Option<Duration>,
    ) -> Result<Fleet, Error> {
        let how = Reach {
            confirm,
            base: Arc::from(self.base.as_path()),
            objects: self.objects.clone(),
            events: self.events.clone(),
        };
        let fleet = Fleet::reach(targets, config_path, self.reacher.as_ref(), &how)?;
        Ok(fleet.at_most(self.parallel).filtered(self.redaction.clone()))
    }

    /// Tells people, and the log, what they should know.
    pub(crate) fn warn(&self, environment: &EnvironmentName, message: String) {
        let message = self.redaction.clean(message);
        tracing::warn!(%environment, "{message}");
        self.events.emit(Event::Warning { environment: environment.clone(), message });
    }

    /// Returns the lock's note: who works on the environment, and why.
    pub(crate) fn holder(&self, who: &str, why: impl Into<String>) -> Holder {
        Holder::here(who, why, self.clock.now())
    }

    /// Keeps objects from being collected while they are looked up.
    pub(crate) fn hold_objects(&self) -> Result<Hold, Error> {
        self.objects.hold().map_err(Error::io("lock", self.objects.path()))
    }

    /// Returns a release and its files on `target`: from the object store, or as the target itself
    /// keeps it where it was deployed from another workspace.
    pub(crate) async fn restorable(
        &self,
        fleet: &Fleet,
        target: &TargetId,
        release: ReleaseId,
    ) -> Result<Arc<Assignment>, Error> {
        match self.assignment(release, target) {
            Ok(assignment) => Ok(assignment),
            Err(collected) => {
                let kept = fleet.recall(target, release).await.ok().flatten();
                kept.ok_or(collected)
            }
        }
    }

    /// Reads a release and its files on `target` from the object store.
    pub(crate) fn assignment(
        &self,
        id: ReleaseId,
        target: &TargetId,
    ) -> Result<Arc<Assignment>, Error> {
        let collected = |missing| Error::Collected { release: id, missing };
        let unreadable = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => collected(1),
            _ => Error::io("read", self.objects.path())(error),
        };
        let release: Release = self.objects.read_json(&id.0).map_err(unreadable)?;
        let manifest = release.targets.get(target).ok_or_else(|| collected(1))?;
        let manifest = self.manifest(manifest, &release.environment, unreadable)?;
        let gone = manifest
            .files()
            .iter()
            .filter(|file| !self.objects.contains(&file.digest).unwrap_or(false));
        match gone.count() {
            0 => Ok(Arc::new(Assignment { id, release, manifest })),
            missing => Err(collected(missing)),
        }
    }
}

impl Engine {
    /// Reads a manifest, which may be sealed with a key of `environment`.
    fn manifest(
        &self,
        digest: &Digest,
        environment: &EnvironmentName,
        unreadable: impl FnOnce(std::io::Error) -> Error,
    ) -> Result<Manifest, Error> {
        let read = match self.objects.read_json(digest) {
            Err(error) if is_locked(&error) => {
                self.unlock_called(environment)?;
                self.objects.read_json(digest)
            }
            read => read,
        };
        read.map_err(unreadable)
    }
}

/// Refuses a `config_path` that no target could have.
fn refuse_leaving(config_path: &str) -> Result<(), Error> {
    let unusable = |error: SiteError| {
        let problem = Diagnostic::error(describe(&error));
        let hint = "write a directory below the target's root, such as `/etc/app`";
        Error::invalid(problem.hint(hint))
    };
    Site::new("/", config_path).map(drop).map_err(unusable)
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("base", &self.base).finish_non_exhaustive()
    }
}
