//! The targets of an environment: which are meant, whether they can be reached, and what Windlass
//! keeps on them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use windlass_agent::site::{Inspection, Space, Survey};
use windlass_core::environment::Environment;
use windlass_core::name::EnvironmentName;
use windlass_core::release::ReleaseId;
use windlass_core::select::Selection;
use windlass_core::target::{Address, Target, TargetId};

use crate::clock::Clock;
use crate::engine::Engine;
use crate::error::{Error, describe};
use crate::host::{Host, HostError};

/// What a target that was tried says.
#[derive(Debug, Clone, Serialize)]
pub struct TargetCheck {
    /// The target.
    pub id: TargetId,
    /// How it is reached.
    pub address: Address,
    /// Whether an agent works on it and can read what is there.
    pub reached: bool,
    /// What the host is like, where an agent could look.
    pub host: Option<HostCheck>,
    /// What is live.
    pub release: Option<ReleaseId>,
    /// How long the answer took, in milliseconds, with the first connection and, where the host
    /// lacked it, with sending the agent; 0 where there was none.
    pub took_ms: u64,
    /// What a deployment would not get past.
    pub problems: Vec<String>,
}

/// What a host is like where a target is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HostCheck {
    /// The version of its agent.
    pub agent: String,
    /// The kind of machine, as `uname -m` prints it.
    pub machine: String,
    /// The id of the user that the work is done as.
    pub uid: u32,
    /// What its kernel calls the time since it started, where it tells.
    pub boot_id: Option<String>,
    /// How far its clock is ahead of the one here, in milliseconds; the answer may have taken up to
    /// half of `took_ms` longer one way than the other.
    pub clock_ahead_ms: i64,
    /// The directory that was looked at: `config_path`, or the nearest above it that is there.
    pub directory: PathBuf,
    /// What is free there, where the file system tells.
    pub space: Option<Space>,
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
                    let survey = surveyed(host.as_ref(), clock.as_ref()).await?;
                    let took = clock.monotonic().saturating_sub(began);
                    Ok((host.inspect(None).await, survey, took))
                }
            })
            .await;
        let redactor = self.redaction.redactor();
        let check = |target: &Target| match answers.remove(&target.id) {
            Some(Ok((Ok(seen), survey, took))) => {
                reached(target, &environment.name, seen, survey, took)
            }
            Some(Ok((Err(error), survey, took))) => {
                let host = Some(survey.host);
                TargetCheck {
                    host,
                    took_ms: milliseconds(took),
                    ..unreached(target, &error.redacted(&redactor))
                }
            }
            Some(Err(error)) => unreached(target, &error),
            None => unreached(target, &HostError::Lost("no answer".to_owned())),
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

/// What a host is like, and what is wrong with it.
struct Surveyed {
    host: HostCheck,
    problems: Vec<String>,
}

/// Asks a host what it is like. It is asked twice: the first answer may come with the first
/// connection, and tells nothing of the clock.
async fn surveyed(host: &dyn Host, clock: &dyn Clock) -> Result<Surveyed, HostError> {
    host.survey().await?;
    let before = clock.now().as_millisecond();
    let survey = host.survey().await?;
    let after = clock.now().as_millisecond();
    let here = before.midpoint(after);
    let Survey { version, machine, uid, boot_id, clock_ms, directory, space, problems } = survey;
    let clock_ahead_ms = clock_ms.saturating_sub(here);
    let host =
        HostCheck { agent: version, machine, uid, boot_id, clock_ahead_ms, directory, space };
    Ok(Surveyed { host, problems })
}

fn reached(
    target: &Target,
    environment: &EnvironmentName,
    seen: Inspection,
    survey: Surveyed,
    took: Duration,
) -> TargetCheck {
    let Surveyed { host, mut problems } = survey;
    let owner = seen.live.as_ref().map(|live| &live.owner);
    let other = owner.filter(|owner| owner.environment != *environment);
    problems.extend(other.map(|owner| format!("the directory is managed by {owner}")));
    TargetCheck {
        id: target.id.clone(),
        address: target.address.clone(),
        reached: true,
        host: Some(host),
        release: seen.live.map(|live| live.release),
        took_ms: milliseconds(took),
        problems,
    }
}

fn unreached(target: &Target, error: &HostError) -> TargetCheck {
    TargetCheck {
        id: target.id.clone(),
        address: target.address.clone(),
        reached: false,
        host: None,
        release: None,
        took_ms: 0,
        problems: vec![describe(error)],
    }
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
