//! What is live on the targets of an environment, as they themselves say.

use std::collections::BTreeMap;

use serde::Serialize;
use windlass_agent::site::Inspection;
use windlass_core::name::{EnvironmentName, ServiceName};
use windlass_core::plan::Drift;
use windlass_core::record::DeploymentId;
use windlass_core::release::ReleaseId;
use windlass_core::select::Selection;
use windlass_core::target::{Address, TargetId};

use crate::carry_out::assignment_of;
use crate::engine::Engine;
use crate::error::{Error, describe};
use crate::targets::choose;

/// How a target stands to its release.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LiveState {
    /// Nothing of this environment is on it.
    Empty,
    /// It holds its release exactly.
    InSync,
    /// It holds its release, and files of it were changed by hand.
    Drifted,
    /// An activation was interrupted; the next deployment or rollback heals it.
    Interrupted,
    /// It could not be asked.
    Unreachable,
}

impl LiveState {
    /// Returns the name that the JSON output uses.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::InSync => "in_sync",
            Self::Drifted => "drifted",
            Self::Interrupted => "interrupted",
            Self::Unreachable => "unreachable",
        }
    }
}

/// What one target says.
#[derive(Debug, Clone, Serialize)]
pub struct TargetStatus {
    /// The target.
    pub id: TargetId,
    /// How it is reached.
    pub address: Address,
    /// What is live.
    pub release: Option<ReleaseId>,
    /// The first digits of `release`.
    pub version: Option<String>,
    /// Its services, and their versions where they have one.
    pub services: BTreeMap<ServiceName, Option<String>>,
    /// How it stands to that release.
    pub state: LiveState,
    /// Whether its health checks are good now; nothing where it has none.
    pub healthy: Option<bool>,
    /// The deployment that put the release there.
    pub last_deployment: Option<DeploymentId>,
    /// What was changed by hand.
    pub drift: Vec<Drift>,
    /// Why it could not be asked.
    pub error: Option<String>,
}

/// What is live in an environment.
#[derive(Debug, Clone, Serialize)]
pub struct Status {
    /// The environment.
    pub environment: EnvironmentName,
    /// Its targets, in the order of the project file.
    pub targets: Vec<TargetStatus>,
}

impl Engine {
    /// Asks every target of an environment what is live on it, and whether it is healthy.
    ///
    /// # Errors
    /// When the environment is unknown; a target that does not answer is named in the status.
    pub async fn status(&self, environment: &str) -> Result<Status, Error> {
        self.status_on(environment, &Selection::default()).await
    }

    /// Does the same as [`status`](Self::status), for some of the targets.
    ///
    /// # Errors
    /// As [`status`](Self::status), and where what is chosen means nothing.
    pub async fn status_on(&self, environment: &str, chosen: &Selection) -> Result<Status, Error> {
        let environment = self.environment(environment).await?;
        let meant = choose(&environment, chosen)?;
        let fleet = self.fleet(&meant, &environment.config_path)?;
        let mut answers: BTreeMap<_, _> = fleet
            .ask_all(|_, host| async move {
                let seen = host.inspect(None).await?;
                let healthy = match &seen.live {
                    Some(live) => host.probe(assignment_of(live)).await?,
                    None => None,
                };
                Ok((seen, healthy))
            })
            .await;
        let mut targets = Vec::new();
        for target in &meant {
            let mut status = unreachable(target.id.clone(), target.address.clone());
            match answers.remove(&target.id) {
                Some(Ok((seen, healthy))) => status.fill(seen, healthy),
                Some(Err(error)) => status.error = Some(describe(&error)),
                None => {}
            }
            targets.push(status);
        }
        Ok(Status { environment: environment.name, targets })
    }
}

fn unreachable(id: TargetId, address: Address) -> TargetStatus {
    TargetStatus {
        id,
        address,
        release: None,
        version: None,
        services: BTreeMap::new(),
        state: LiveState::Unreachable,
        healthy: None,
        last_deployment: None,
        drift: Vec::new(),
        error: None,
    }
}

impl TargetStatus {
    fn fill(&mut self, seen: Inspection, healthy: Option<bool>) {
        self.state = match &seen {
            seen if seen.interrupted.is_some() => LiveState::Interrupted,
            seen if seen.live.is_none() => LiveState::Empty,
            seen if !seen.drift.is_empty() => LiveState::Drifted,
            _ => LiveState::InSync,
        };
        self.healthy = healthy;
        self.drift = seen.drift;
        if let Some(live) = seen.live {
            self.release = Some(live.release);
            self.version = Some(live.release.short());
            let services = live.content.services.into_iter();
            self.services = services.map(|(name, service)| (name, service.version)).collect();
            self.last_deployment = Some(live.deployment);
        }
    }
}
