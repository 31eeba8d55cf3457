//! The targets of an environment: which are meant, whether they can be reached, and what Windlass
//! keeps on them.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use windlass_agent::site::Inspection;
use windlass_core::environment::Environment;
use windlass_core::name::EnvironmentName;
use windlass_core::release::ReleaseId;
use windlass_core::select::Selection;
use windlass_core::target::{Address, Target, TargetId};

use crate::engine::Engine;
use crate::error::{Error, describe};
use crate::host::HostError;

/// What a target that was tried says.
#[derive(Debug, Clone, Serialize)]
pub struct TargetCheck {
    /// The target.
    pub id: TargetId,
    /// How it is reached.
    pub address: Address,
    /// Whether an agent works on it and can read what is there.
    pub reached: bool,
    /// What is live.
    pub release: Option<ReleaseId>,
    /// How long the answer took, in milliseconds, with the first connection and, where the host
    /// lacked it, with sending the agent.
    pub took_ms: u64,
    /// What a deployment would not get past.
    pub problems: Vec<String>,
}

/// What was removed from a target.
#[derive(Debug, Clone, Serialize)]
pub struct Forgotten {
    /// The target.
    pub id: TargetId,
    /// The files that were removed, as the host calls them; each host is asked once for each of its
    /// targets, and says them once.
    pub removed: Vec<String>,
    /// Why not.
    pub error: Option<String>,
}

impl Engine {
    /// Returns the targets of an environment that are meant, in their order.
    ///
    /// # Errors
    /// As [`environment`](Self::environment); and when what is chosen means nothing.
    pub async fn targets(
        &self,
        environment: &str,
        chosen: &Selection,
    ) -> Result<Vec<Target>, Error> {
        choose(&self.environment(environment).await?, chosen)
    }

    /// Tries to reach targets, as many at a time as `parallel` says, and returns what each says.
    /// Nothing on them changes but that the agent is there.
    ///
    /// # Errors
    /// As [`targets`](Self::targets); a target that cannot be reached is no error.
    pub async fn check_targets(
        &self,
        environment: &str,
        chosen: &Selection,
    ) -> Result<Vec<TargetCheck>, Error> {
        let environment = self.environment(environment).await?;
        let targets = choose(&environment, chosen)?;
        let fleet = self.fleet(&targets, &environment.config_path)?;
        let clock = Arc::clone(&self.clock);
        let mut answers = fleet
            .ask_all(|_, host| {
                let clock = Arc::clone(&clock);
                async move {
                    let began = clock.monotonic();
                    let seen = host.inspect(None).await;
                    Ok((seen, clock.monotonic().saturating_sub(began)))
                }
            })
            .await;
        let redactor = self.redaction.redactor();
        let check = |target: &Target| match answers.remove(&target.id) {
            Some(Ok((Ok(seen), took))) => reached(target, &environment.name, seen, took),
            Some(Ok((Err(error), took))) => unreached(target, &error.redacted(&redactor), took),
            Some(Err(error)) => unreached(target, &error, Duration::ZERO),
            None => unreached(target, &HostError::Lost("no answer".to_owned()), Duration::ZERO),
        };
        Ok(targets.iter().map(check).collect())
    }

    /// Removes what Windlass keeps on the hosts of targets for itself: agents. What was deployed stays.
    ///
    /// # Errors
    /// As [`targets`](Self::targets); a target that cannot be reached is told.
    pub async fn forget_targets(
        &self,
        environment: &str,
        chosen: &Selection,
    ) -> Result<Vec<Forgotten>, Error> {
        let environment = self.environment(environment).await?;
        let targets = choose(&environment, chosen)?;
        let fleet = self.fleet(&targets, &environment.config_path)?;
        let mut answers = fleet.ask_all(|_, host| async move { host.forget().await }).await;
        let forgotten = |target: &Target| {
            let (removed, error) = match answers.remove(&target.id) {
                Some(Ok(removed)) => (removed, None),
                Some(Err(error)) => (Vec::new(), Some(describe(&error))),
                None => (Vec::new(), None),
            };
            Forgotten { id: target.id.clone(), removed, error }
        };
        Ok(targets.iter().map(forgotten).collect())
    }
}

/// Returns the targets of an environment that are meant, in their order.
pub(crate) fn choose(environment: &Environment, chosen: &Selection) -> Result<Vec<Target>, Error> {
    if chosen.is_all() {
        return Ok(environment.targets.clone());
    }
    let ids = chosen.choose(&environment.targets).map_err(Error::Invalid)?;
    let ids: std::collections::BTreeSet<_> = ids.iter().collect();
    let meant = environment.targets.iter().filter(|target| ids.contains(&target.id));
    Ok(meant.cloned().collect())
}

fn reached(
    target: &Target,
    environment: &EnvironmentName,
    seen: Inspection,
    took: Duration,
) -> TargetCheck {
    let owner = seen.live.as_ref().map(|live| &live.owner);
    let other = owner.filter(|owner| owner.environment != *environment);
    let problem = other.map(|owner| format!("the directory is managed by {owner}"));
    TargetCheck {
        id: target.id.clone(),
        address: target.address.clone(),
        reached: true,
        release: seen.live.map(|live| live.release),
        took_ms: milliseconds(took),
        problems: problem.into_iter().collect(),
    }
}

fn unreached(target: &Target, error: &HostError, took: Duration) -> TargetCheck {
    TargetCheck {
        id: target.id.clone(),
        address: target.address.clone(),
        reached: false,
        release: None,
        took_ms: milliseconds(took),
        problems: vec![describe(error)],
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
