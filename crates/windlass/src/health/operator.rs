//! The checks of a service that are asked from the operator's machine.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use windlass_agent::probe::{self, ProbeContext};
use windlass_agent::site::{Inspection, Survey};
use windlass_agent::work::{Assignment, HEALTHY_DEADLINE, WorkError};
use windlass_core::health::{HealthCheck, Vantage};
use windlass_core::name::ServiceName;
use windlass_core::record::{DeploymentId, TargetState};
use windlass_core::release::{Manifest, ReleaseId};
use windlass_core::target::Target;

use super::client::Client;
use crate::host::{Host, HostError};

/// A host whose health is looked at from here too: what it says itself, and what the checks with
/// `from = "operator"` say.
pub(crate) struct Observed {
    host: Arc<dyn Host>,
    target: Target,
}

/// The checks of one service that are asked from here, and what `${NAME}` is in them.
struct Asked {
    service: ServiceName,
    checks: Vec<HealthCheck>,
    variables: BTreeMap<String, String>,
}

impl Observed {
    pub(crate) fn new(host: Arc<dyn Host>, target: &Target) -> Self {
        Self { host, target: target.clone() }
    }

    /// Returns what is asked from here about `to`.
    fn asked(&self, to: &Assignment) -> Vec<Asked> {
        let asked = to.services().map(|(name, service)| {
            let checks = service.health.iter().filter(|check| check.from == Vantage::Operator);
            let variables = self.facts(to, name);
            Asked { service: name.clone(), checks: checks.cloned().collect(), variables }
        });
        asked.filter(|asked| !asked.checks.is_empty()).collect()
    }

    fn facts(&self, to: &Assignment, service: &ServiceName) -> BTreeMap<String, String> {
        let version = to.release.services.get(service).and_then(|service| service.version.clone());
        let facts = [
            ("TARGET_ID", self.target.id.to_string()),
            ("PROJECT", to.release.project.clone()),
            ("ENVIRONMENT", to.release.environment.to_string()),
            ("SERVICE", service.to_string()),
            ("VERSION", version.unwrap_or_default()),
            ("RELEASE", to.id.to_string()),
        ];
        let mut variables = to.release.variables.clone();
        let own = to.release.target_variables.get(&self.target.id);
        variables.extend(own.cloned().unwrap_or_default());
        variables.extend(facts.map(|(name, value)| (name.to_owned(), value)));
        variables
    }

    /// Asks on a thread that may block: nothing where there is nothing to ask, otherwise why it is not
    /// healthy.
    async fn observe(
        &self,
        to: &Assignment,
        look: fn(&Asked, &str) -> Vec<String>,
    ) -> Result<Option<Vec<String>>, HostError> {
        let asked = self.asked(to);
        if asked.is_empty() {
            return Ok(None);
        }
        let address = self.target.address.host().to_owned();
        let look = move || asked.iter().flat_map(|asked| look(asked, &address)).collect();
        let looked = tokio::task::spawn_blocking(look).await;
        looked.map(Some).map_err(|error| HostError::Lost(error.to_string()))
    }
}

impl Asked {
    fn with_context<T>(
        &self,
        address: &str,
        ask: impl FnOnce(&ProbeContext<'_>, &Client) -> T,
    ) -> T {
        let client = Client::for_checks(self.checks.iter());
        let variables = &self.variables;
        let context = ProbeContext { address, variables, interrupt: None, client: client.agent() };
        ask(&context, &client)
    }

    fn faults(&self, client: &Client) -> Vec<String> {
        let faults = self.checks.iter().filter(|check| check.critical);
        faults.filter_map(|check| client.fault(check)).map(|fault| self.named(&fault)).collect()
    }

    fn named(&self, failure: &dyn std::fmt::Display) -> String {
        format!("service `{}`, from the operator: {failure}", self.service)
    }
}

/// Returns why a service does not become healthy, as seen from here.
fn await_healthy(asked: &Asked, address: &str) -> Vec<String> {
    asked.with_context(address, |context, client| {
        let faults = asked.faults(client);
        if !faults.is_empty() {
            return faults;
        }
        let deadline: Duration = HEALTHY_DEADLINE;
        let failures = probe::await_healthy(&asked.checks, context, deadline).err();
        failures.unwrap_or_default().iter().map(|failure| asked.named(failure)).collect()
    })
}

/// Returns why a service is not healthy now, as seen from here.
fn look_once(asked: &Asked, address: &str) -> Vec<String> {
    asked.with_context(address, |context, _| {
        let named: Vec<_> = asked.checks.iter().map(|check| ("", check)).collect();
        let reports = probe::report_all(&named, context).into_iter();
        let failed = reports.filter(|report| report.critical && !report.status.is_healthy());
        failed.map(|report| asked.named(&report.detail)).collect()
    })
}

#[async_trait]
impl Host for Observed {
    async fn inspect(&self, wanted: Option<Arc<Manifest>>) -> Result<Inspection, HostError> {
        self.host.inspect(wanted).await
    }

    async fn survey(&self) -> Result<Survey, HostError> {
        self.host.survey().await
    }

    async fn recall(&self, release: ReleaseId) -> Result<Option<Arc<Assignment>>, HostError> {
        self.host.recall(release).await
    }

    async fn prepare(
        &self,
        deployment: &DeploymentId,
        to: Arc<Assignment>,
        checked: bool,
    ) -> Result<(), HostError> {
        self.host.prepare(deployment, to, checked).await
    }

    async fn activate(
        &self,
        deployment: &DeploymentId,
        over: Vec<Option<ReleaseId>>,
        to: Option<Arc<Assignment>>,
    ) -> Result<TargetState, HostError> {
        let state = self.host.activate(deployment, over, to.clone()).await?;
        let Some(to) = to else { return Ok(state) };
        match self.observe(&to, await_healthy).await? {
            None => Ok(state),
            Some(failures) if failures.is_empty() => Ok(TargetState::Healthy),
            Some(failures) => Err(WorkError::Unhealthy(failures).into()),
        }
    }

    async fn probe(&self, live: Arc<Assignment>) -> Result<Option<bool>, HostError> {
        let own = self.host.probe(Arc::clone(&live)).await?;
        let seen = self.observe(&live, look_once).await?.map(|failures| failures.is_empty());
        Ok(own.map(|own| own && seen.unwrap_or(true)).or(seen))
    }

    async fn prune(&self, keep: Vec<ReleaseId>) -> Result<(), HostError> {
        self.host.prune(keep).await
    }

    async fn forget(&self) -> Result<Vec<String>, HostError> {
        self.host.forget().await
    }
}
