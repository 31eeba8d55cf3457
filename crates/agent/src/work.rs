//! One target's part of a deployment: prepare, then activate.
//!
//! Nothing that is live changes in [`Worker::prepare`]. After [`Worker::activate`] the target is
//! wholly on the release it was given, whatever became of its commands and probes; to go back, it is
//! given the earlier release.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use windlass_core::command::Command;
use windlass_core::event::{CommandRole, Event};
use windlass_core::name::ServiceName;
use windlass_core::record::{DeploymentId, TargetState};
use windlass_core::release::{Manifest, Release, ReleaseId};
use windlass_core::target::{Address, TargetId};

mod armed;

pub use armed::Activation;

use crate::guard::{Guard, GuardError};
use crate::interrupt::Interrupt;
use crate::probe::{self, Failure, ProbeContext};
use crate::run::{self, Context, Exit};
use crate::site::{
    BlobSource, Inspection, Live, LockedSite, Owner, Reverted, Site, SiteError, StagedRelease,
};

/// How long `check` and `on_change` may take.
pub const COMMAND_TIMEOUT: Duration = Duration::from_secs(120);

/// How long a target may take to become healthy: DESIGN's `healthy_deadline`.
pub const HEALTHY_DEADLINE: Duration = Duration::from_secs(300);

/// A release for one target: what it holds there, and what its services need.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The name of the release.
    pub id: ReleaseId,
    /// The release itself.
    pub release: Release,
    /// The files of this target.
    pub manifest: Manifest,
}

impl From<Live> for Assignment {
    fn from(live: Live) -> Self {
        Self { id: live.release, release: live.content, manifest: live.manifest }
    }
}

/// Why a target could not do its part.
#[derive(Debug, thiserror::Error)]
pub enum WorkError {
    /// The files could not be inspected, staged or switched.
    #[error(transparent)]
    Site(#[from] SiteError),
    /// Somebody else moved the target in the meantime; it was left alone.
    #[error("holds {} by now: somebody else deployed to it, and it was left alone", name(.0.as_ref()))]
    Moved(Option<ReleaseId>),
    /// A `check`, an `on_change` or a health command could not be started.
    #[error("{role} of service `{service}`: {source}")]
    Command {
        /// Whose command.
        service: ServiceName,
        /// Which command.
        role: CommandRole,
        /// Why not.
        source: run::RunError,
    },
    /// A `check` or an `on_change` ended badly.
    #[error("{role} of service `{service}` {exit}{}", excerpt(.output))]
    Refused {
        /// Whose command.
        service: ServiceName,
        /// Which command.
        role: CommandRole,
        /// How it ended.
        exit: Exit,
        /// The end of what it printed.
        output: String,
    },
    /// A service did not become healthy.
    #[error("{}", .0.join("; "))]
    Unhealthy(Vec<String>),
    /// The target could not be armed; it is where it was.
    #[error(transparent)]
    Guard(#[from] GuardError),
    /// The target went back by itself before it was confirmed.
    #[error("{}", went_back(.0))]
    WentBack(Box<Reverted>),
    /// There is nothing to confirm: somebody else has decided since what is live.
    #[error("is not armed for this deployment any more: somebody else has changed it since")]
    NotArmed,
    /// Who armed a target cannot show that it can still be reached.
    #[error("cannot be confirmed over the connection that armed it")]
    SameConnection,
}

fn went_back(reverted: &Reverted) -> String {
    let (to, why) = (name(reverted.to.as_ref()), &reverted.why);
    match &reverted.failure {
        None => format!("went back to {to} by itself: {why}"),
        Some(failure) => format!("went back to {to} by itself: {why}; then {failure}"),
    }
}

fn name(release: Option<&ReleaseId>) -> String {
    release.map_or_else(|| "nothing".to_owned(), |release| format!("release {}", release.short()))
}

fn excerpt(output: &str) -> String {
    let tail: Vec<&str> =
        output.lines().rev().filter(|line| !line.trim().is_empty()).take(3).collect();
    let tail: Vec<&str> = tail.into_iter().rev().collect();
    if tail.is_empty() { String::new() } else { format!(": {}", tail.join(" | ")) }
}

/// Does one target's part of deployments.
pub struct Worker<'a> {
    /// The place.
    pub site: &'a Site,
    /// The target, for events and for commands.
    pub target: &'a TargetId,
    /// Its address, for probes and for commands.
    pub address: &'a Address,
    /// Reads what happens.
    pub events: &'a (dyn Fn(Event) + Sync),
    /// Ends commands and probes when it is raised; files are left whole all the same.
    pub interrupt: Option<&'a Interrupt>,
    /// Starts a watcher where one is missing.
    pub guard: Option<&'a Guard>,
}

/// Returns where the content of a release comes from, once the target is locked and whole.
pub type Gather<'a> =
    dyn FnMut(&LockedSite<'_>, &Manifest) -> Result<Box<dyn BlobSource + 'a>, SiteError> + 'a;

impl Worker<'_> {
    /// Locks the target and makes it whole. Reloads that an interrupted activation queued stay in
    /// the queue until the next one is done.
    fn lock_whole(&self) -> Result<LockedSite<'_>, WorkError> {
        let mut site = self.site.lock()?;
        site.recover()?;
        self.settle(&mut site)?;
        Ok(site)
    }

    /// Returns what is on the target, and what stands in the way of `wanted`. One that should have gone
    /// back by itself, and has not, does it first.
    ///
    /// # Errors
    /// When the target cannot be read.
    pub fn inspect(&self, wanted: Option<&Manifest>) -> Result<Inspection, WorkError> {
        self.tend()?;
        Ok(self.site.inspect(wanted)?)
    }

    /// Returns a release as the target itself keeps it, or nothing where it does not.
    ///
    /// # Errors
    /// When the target cannot be read.
    pub fn recall(&self, release: &ReleaseId) -> Result<Option<Assignment>, WorkError> {
        Ok(self.site.recall(release)?.map(Assignment::from))
    }

    /// Removes the releases that are neither live nor in `keep`.
    ///
    /// # Errors
    /// When a directory cannot be removed.
    pub fn prune(&self, keep: &[ReleaseId]) -> Result<(), WorkError> {
        Ok(self.site.lock()?.prune(keep)?)
    }

    /// Stages the release beside the live one and, with `checked`, runs its checks. Nothing live
    /// changes, but where the release is live already: files of it that were changed by hand are
    /// mended, and the reloads of their services queued for [`Worker::activate`].
    ///
    /// # Errors
    /// When a file cannot be staged, an output path is somebody else's, or a check fails.
    pub fn prepare(
        &self,
        deployment: &DeploymentId,
        to: &Assignment,
        blobs: &dyn BlobSource,
        checked: bool,
    ) -> Result<(), WorkError> {
        self.prepare_with(deployment, to, &mut |_, _| Ok(Box::new(blobs)), checked)
    }

    /// As [`Worker::prepare`], with content that is gathered when it is known what the target keeps
    /// already.
    ///
    /// # Errors
    /// As [`Worker::prepare`].
    pub fn prepare_with(
        &self,
        deployment: &DeploymentId,
        to: &Assignment,
        gather: &mut Gather<'_>,
        checked: bool,
    ) -> Result<(), WorkError> {
        self.emit_state(TargetState::Staging);
        let mut site = self.lock_whole()?;
        let blobs = gather(&site, &to.manifest)?;
        let staged = self.stage(&mut site, deployment, to, &*blobs)?;
        if checked {
            self.emit_state(TargetState::Checking);
            self.check(deployment, to, &staged)?;
        }
        Ok(())
    }

    fn stage(
        &self,
        site: &mut LockedSite<'_>,
        deployment: &DeploymentId,
        to: &Assignment,
        blobs: &dyn BlobSource,
    ) -> Result<PathBuf, WorkError> {
        let owner = Owner {
            project: to.release.project.clone(),
            environment: to.release.environment.clone(),
        };
        let release = StagedRelease {
            id: to.id,
            deployment: deployment.clone(),
            owner,
            content: to.release.only_for(self.target),
            manifest: to.manifest.clone(),
        };
        let progress = |done, total| {
            (self.events)(Event::StagingProgress { target: self.target.clone(), done, total });
        };
        Ok(site.stage(&release, blobs, &progress)?)
    }

    fn check(
        &self,
        deployment: &DeploymentId,
        to: &Assignment,
        staged: &Path,
    ) -> Result<(), WorkError> {
        for (name, service) in to.services() {
            if let Some(check) = &service.check {
                let mut variables = self.variables(deployment, to, name);
                variables.insert("STAGED".to_owned(), staged.display().to_string());
                self.run(name, CommandRole::Check, check, &variables)?;
            }
        }
        Ok(())
    }

    /// Switches the target from one of `over` to `to` (to nothing, if none), runs `on_change` of the
    /// services whose files changed and waits until their health checks agree. A target that was armed is
    /// not any more: who decides now what is live is there. A reload that fails
    /// stays queued: the next activation runs it again.
    ///
    /// # Errors
    /// The target is on `to` after [`WorkError::Command`], [`WorkError::Refused`] and
    /// [`WorkError::Unhealthy`]; [`WorkError::Moved`] when it holds none of `over`, and is left as it
    /// is; after [`WorkError::Site`] it is where it was, or its journal says what
    /// the next [`Worker::activate`] will do.
    pub fn activate(
        &self,
        deployment: &DeploymentId,
        over: &[Option<ReleaseId>],
        to: Option<&Assignment>,
    ) -> Result<TargetState, WorkError> {
        self.emit_state(TargetState::Activating);
        let (mut site, seen) = self.lock_over(over)?;
        site.disarm()?;
        let changed = self.switch(&mut site, seen, deployment, to)?;
        drop(site);
        self.await_health(deployment, to, &changed)
    }

    fn await_health(
        &self,
        deployment: &DeploymentId,
        to: Option<&Assignment>,
        changed: &BTreeSet<ServiceName>,
    ) -> Result<TargetState, WorkError> {
        match to {
            Some(to) => self.probe(deployment, to, changed),
            None => Ok(TargetState::NotChecked),
        }
    }

    fn reload(
        &self,
        deployment: &DeploymentId,
        to: &Assignment,
        changed: &BTreeSet<ServiceName>,
    ) -> Result<(), WorkError> {
        for (name, service) in to.services().filter(|(name, _)| changed.contains(*name)) {
            if let Some(on_change) = &service.on_change {
                let variables = self.variables(deployment, to, name);
                self.run(name, CommandRole::OnChange, on_change, &variables)?;
            }
        }
        Ok(())
    }

    fn probe(
        &self,
        deployment: &DeploymentId,
        to: &Assignment,
        changed: &BTreeSet<ServiceName>,
    ) -> Result<TargetState, WorkError> {
        let probed: Vec<_> = to
            .services()
            .filter(|(name, _)| changed.contains(*name))
            .map(|(name, service)| (name, probe::on_the_host(&service.health)))
            .filter(|(_, checks)| !checks.is_empty())
            .collect();
        if probed.is_empty() {
            return Ok(TargetState::NotChecked);
        }
        self.emit_state(TargetState::Probing);
        let mut failures = Vec::new();
        for (name, checks) in probed {
            let variables = self.variables(deployment, to, name);
            let context = self.probe_context(&variables);
            match probe::await_healthy(&checks, &context, HEALTHY_DEADLINE) {
                Ok(degraded) => self.emit_degraded(name, &degraded),
                Err(bad) => failures
                    .extend(bad.into_iter().map(|failure| format!("service `{name}`: {failure}"))),
            }
        }
        if failures.is_empty() {
            Ok(TargetState::Healthy)
        } else {
            Err(WorkError::Unhealthy(failures))
        }
    }

    /// Says which checks did not pass that are not critical.
    fn emit_degraded(&self, service: &ServiceName, failures: &[Failure]) {
        for failure in failures {
            (self.events)(Event::CommandFinished {
                target: self.target.clone(),
                service: service.clone(),
                role: CommandRole::Health,
                exit_code: None,
                output: format!("degraded: {failure}"),
            });
        }
    }

    fn run(
        &self,
        service: &ServiceName,
        role: CommandRole,
        command: &Command,
        variables: &BTreeMap<String, String>,
    ) -> Result<(), WorkError> {
        let context = Context {
            directory: None,
            variables,
            timeout: COMMAND_TIMEOUT,
            interrupt: self.interrupt,
        };
        let finished = run::run(command, &context).map_err(|source| WorkError::Command {
            service: service.clone(),
            role,
            source,
        })?;
        let exit_code = match finished.exit {
            Exit::Code(code) => Some(code),
            _ => None,
        };
        (self.events)(Event::CommandFinished {
            target: self.target.clone(),
            service: service.clone(),
            role,
            exit_code,
            output: finished.output.clone(),
        });
        if exit_code == Some(0) {
            return Ok(());
        }
        let (exit, output) = (finished.exit, finished.output);
        Err(WorkError::Refused { service: service.clone(), role, exit, output })
    }

    /// Returns what commands of `service` see: the environment's variables, and what Windlass knows.
    fn variables(
        &self,
        deployment: &DeploymentId,
        to: &Assignment,
        service: &ServiceName,
    ) -> BTreeMap<String, String> {
        let mut variables = self.facts(to, service);
        variables.insert("DEPLOYMENT_ID".to_owned(), deployment.to_string());
        variables
    }

    fn facts(&self, to: &Assignment, service: &ServiceName) -> BTreeMap<String, String> {
        let version = to.release.services.get(service).and_then(|service| service.version.clone());
        let facts = [
            ("TARGET_ID", self.target.to_string()),
            ("TARGET_ADDRESS", self.address.host().to_owned()),
            ("TARGET_ROOT", self.site.root().display().to_string()),
            ("CONFIG_PATH", self.site.config_dir().display().to_string()),
            ("PROJECT", to.release.project.clone()),
            ("ENVIRONMENT", to.release.environment.to_string()),
            ("SERVICE", service.to_string()),
            ("VERSION", version.unwrap_or_default()),
            ("RELEASE", to.id.to_string()),
        ];
        let mut variables = to.release.variables.clone();
        variables.extend(to.release.target_variables.get(self.target).cloned().unwrap_or_default());
        variables.extend(facts.map(|(name, value)| (name.to_owned(), value)));
        variables
    }

    /// Probes every health check of `to` that is asked on the host once: `None` where it has none,
    /// otherwise whether all critical ones are good now.
    #[must_use]
    pub fn probe_now(&self, to: &Assignment) -> Option<bool> {
        let mut checked = None;
        for (name, service) in to.services() {
            let variables = self.facts(to, name);
            let context = self.probe_context(&variables);
            for check in probe::on_the_host(&service.health) {
                let good = probe::probe_once(&check, &context).is_ok() || !check.critical;
                checked = Some(checked.unwrap_or(true) && good);
            }
        }
        checked
    }

    fn probe_context<'v>(&'v self, variables: &'v BTreeMap<String, String>) -> ProbeContext<'v> {
        ProbeContext {
            address: self.address.host(),
            variables,
            interrupt: self.interrupt,
            client: None,
        }
    }

    fn emit_state(&self, state: TargetState) {
        (self.events)(Event::TargetChanged { target: self.target.clone(), state, error: None });
    }
}

impl Assignment {
    /// Returns the services that have a file on this target.
    pub fn services(
        &self,
    ) -> impl Iterator<Item = (&ServiceName, &windlass_core::release::ServiceRelease)> {
        let here: BTreeSet<_> = self.manifest.files().iter().map(|file| &file.service).collect();
        self.release.services.iter().filter(move |(name, _)| here.contains(name))
    }
}

/// Returns the services with a file that differs between what was seen and `to`, counting files that
/// a person changed on the target.
fn changed_services(seen: Inspection, to: Option<&Assignment>) -> BTreeSet<ServiceName> {
    let live = seen.live.map(|live| live.manifest).unwrap_or_default();
    let empty = Manifest::default();
    let wanted = to.map_or(&empty, |to| &to.manifest);
    let mut changed = services_that_differ(&live, wanted);
    let drifted = seen.drift.iter().filter_map(|drift| drift.path.parse().ok());
    changed.extend(drifted.filter_map(|path| wanted.get(&path).map(|file| file.service.clone())));
    changed
}

/// Returns the services with a file that is in one manifest and not, or not the same, in the other.
fn services_that_differ(old: &Manifest, new: &Manifest) -> BTreeSet<ServiceName> {
    let one_way = |a: &Manifest, b: &Manifest| {
        let differs = a.files().iter().filter(|file| b.get(&file.path) != Some(*file));
        differs.map(|file| file.service.clone()).collect::<BTreeSet<_>>()
    };
    let mut changed = one_way(old, new);
    changed.extend(one_way(new, old));
    changed
}
