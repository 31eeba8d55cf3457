//! A directory on this machine, with the agent in process.

use std::sync::Arc;

use async_trait::async_trait;
use windlass_agent::site::{Inspection, Site};
use windlass_agent::work::{Assignment, Worker};
use windlass_core::event::Event;
use windlass_core::record::{DeploymentId, TargetState};
use windlass_core::release::{Manifest, ReleaseId};
use windlass_core::target::Target;

use super::{Host, HostError, Reach};
use crate::events::Events;
use crate::objects::Objects;

/// A `local:` target.
pub struct LocalHost(Arc<Inner>);

struct Inner {
    site: Site,
    target: Target,
    objects: Objects,
    events: Events,
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
        let (objects, events) = (reach.objects.clone(), reach.events.clone());
        Ok(Self(Arc::new(Inner { site, target: target.clone(), objects, events })))
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

    async fn recall(&self, release: ReleaseId) -> Result<Option<Arc<Assignment>>, HostError> {
        self.work(move |worker, _| Ok(worker.recall(&release)?.map(Arc::new))).await
    }

    async fn prepare(
        &self,
        deployment: &DeploymentId,
        to: Arc<Assignment>,
        checked: bool,
    ) -> Result<(), HostError> {
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
        let deployment = deployment.clone();
        self.work(move |worker, _| Ok(worker.activate(&deployment, &over, to.as_deref())?)).await
    }

    async fn probe(&self, live: Arc<Assignment>) -> Result<Option<bool>, HostError> {
        self.work(move |worker, _| Ok(worker.probe_now(&live))).await
    }

    async fn prune(&self, keep: Vec<ReleaseId>) -> Result<(), HostError> {
        self.work(move |worker, _| Ok(worker.prune(&keep)?)).await
    }
}
