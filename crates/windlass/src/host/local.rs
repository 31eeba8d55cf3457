//! A directory on this machine, with the agent in process.

use std::sync::{Arc, OnceLock};

use async_trait::async_trait;
use windlass_agent::guard::Guard;
use windlass_agent::site::{Inspection, Site, Survey};
use windlass_agent::work::{Assignment, Worker};
use windlass_core::event::Event;
use windlass_core::record::{DeploymentId, TargetState};
use windlass_core::release::{Manifest, ReleaseId};
use windlass_core::target::Target;

use super::remote::ProcessConnector;
use super::{AgentBinary, Host, HostError, Reach, RemoteHost};
use crate::error::describe;
use crate::events::Events;
use crate::objects::Objects;

/// A `local:` target.
pub struct LocalHost(Arc<Inner>);

struct Inner {
    site: Site,
    target: Target,
    objects: Objects,
    events: Events,
    config_path: String,
    /// How it is reached to be confirmed, if it has to be.
    confirm: Option<Reach>,
    guarded: OnceLock<RemoteHost>,
}

impl LocalHost {
    /// Returns the host for the directory `config_path` below `root`.
    ///
    /// # Errors
    /// When `config_path` is not a place below a root.
    pub fn new(
        target: &Target,
        root: &str,
        config_path: &str,
        reach: &Reach,
    ) -> Result<Self, HostError> {
        let site = Site::new(reach.base.join(root), config_path)
            .map_err(windlass_agent::work::WorkError::from)?;
        let confirm = reach.confirm.is_some().then(|| reach.clone());
        Ok(Self(Arc::new(Inner {
            site,
            target: target.clone(),
            objects: reach.objects.clone(),
            events: reach.events.clone(),
            config_path: config_path.to_owned(),
            confirm,
            guarded: OnceLock::new(),
        })))
    }

    /// Returns the same directory behind an agent of its own process, where what is activated has to be
    /// confirmed: this process is not to survive what is confirmed.
    fn guarded(&self) -> Result<Option<&RemoteHost>, HostError> {
        let Some(reach) = &self.0.confirm else { return Ok(None) };
        if let Some(guarded) = self.0.guarded.get() {
            return Ok(Some(guarded));
        }
        let unreachable = |why| HostError::Unreachable(format!("`confirm` needs an agent: {why}"));
        let system = rustix::system::uname();
        let agent = AgentBinary::find(&system.machine().to_string_lossy());
        let agent = agent.and_then(|agent| agent.to_file());
        let agent = agent.map_err(|error| unreachable(describe(&error)))?;
        let root = self.0.site.root();
        let root = root.to_str().ok_or_else(|| unreachable(format!("{root:?} is not UTF-8")))?;
        let connector = Arc::new(ProcessConnector::new(agent, ["serve"]).in_own_group());
        let host = RemoteHost::new(&self.0.target, root, &self.0.config_path, connector, reach)?;
        Ok(Some(self.0.guarded.get_or_init(|| host)))
    }

    /// Runs `work` where blocking is allowed.
    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Worker<'_>, &Objects) -> Result<T, HostError> + Send + 'static,
    ) -> Result<T, HostError> {
        let inner = Arc::clone(&self.0);
        let run = move || {
            let emit = |event: Event| inner.events.emit(event);
            let worker = Worker {
                site: &inner.site,
                target: &inner.target.id,
                address: &inner.target.address,
                events: &emit,
                interrupt: None,
                guard: None,
            };
            work(&worker, &inner.objects)
        };
        let joined = tokio::task::spawn_blocking(run).await;
        joined.unwrap_or_else(|panic| Err(HostError::Lost(panic.to_string())))
    }
}

#[async_trait]
impl Host for LocalHost {
    async fn inspect(&self, wanted: Option<Arc<Manifest>>) -> Result<Inspection, HostError> {
        self.work(move |worker, _| Ok(worker.inspect(wanted.as_deref())?)).await
    }

    async fn survey(&self) -> Result<Survey, HostError> {
        self.work(move |worker, _| Ok(worker.site.survey())).await
    }

    async fn recall(&self, release: ReleaseId) -> Result<Option<Arc<Assignment>>, HostError> {
        self.work(move |worker, _| Ok(worker.recall(&release)?.map(Arc::new))).await
    }

    async fn prepare(
        &self,
        deployment: &DeploymentId,
        to: Arc<Assignment>,
        checked: bool,
    ) -> Result<(), HostError> {
        // Without an agent nothing is begun.
        self.guarded()?;
        let deployment = deployment.clone();
        self.work(move |worker, objects| Ok(worker.prepare(&deployment, &to, objects, checked)?))
            .await
    }

    async fn activate(
        &self,
        deployment: &DeploymentId,
        over: Vec<Option<ReleaseId>>,
        to: Option<Arc<Assignment>>,
    ) -> Result<TargetState, HostError> {
        if let Some(guarded) = self.guarded()? {
            return guarded.activate(deployment, over, to).await;
        }
        let deployment = deployment.clone();
        self.work(move |worker, _| Ok(worker.activate(&deployment, &over, to.as_deref())?)).await
    }

    async fn probe(&self, live: Arc<Assignment>) -> Result<Option<bool>, HostError> {
        self.work(move |worker, _| Ok(worker.probe_now(&live))).await
    }

    async fn forget(&self) -> Result<Vec<String>, HostError> {
        let forget = || Guard::here().and_then(|guard| guard.forget());
        let forgotten = tokio::task::spawn_blocking(forget).await;
        let forgotten = forgotten.unwrap_or_else(|panic| Err(std::io::Error::other(panic)));
        forgotten.map_err(|error| HostError::Unreachable(error.to_string()))
    }

    async fn prune(&self, keep: Vec<ReleaseId>) -> Result<(), HostError> {
        self.work(move |worker, _| Ok(worker.prune(&keep)?)).await
    }
}
