//! Activating a target that goes back by itself, and confirming it over a new connection.

use std::hash::{BuildHasher, RandomState};
use std::sync::PoisonError;
use std::time::Duration;

use tokio::time::{Instant, sleep, sleep_until};
use tracing::warn;
use windlass_agent::guard::Arm;
use windlass_agent::protocol::{Ask, Reply};
use windlass_core::record::{DeploymentId, TargetState};
use windlass_core::release::ReleaseId;

use super::{RemoteHost, activated, unasked};
use crate::host::{HostError, RemoteClass};

/// Between two attempts to confirm: at first, and at most.
const PAUSE: [Duration; 2] = [Duration::from_millis(100), Duration::from_secs(2)];

/// How long after the deadline a host is looked at: it goes back within that.
const GRACE: Duration = Duration::from_secs(2);

impl RemoteHost {
    /// Tells whether `deployment` has activated a release here before: then this one is the way back,
    /// which must not itself be taken back.
    pub(super) fn is_way_back(&self, deployment: &DeploymentId) -> bool {
        let mut latest = self.activated.lock().unwrap_or_else(PoisonError::into_inner);
        latest.replace(deployment.clone()).as_ref() == Some(deployment)
    }

    /// Activates a release that the host takes back unless it is confirmed within `time`, and confirms
    /// it over a new connection.
    ///
    /// # Errors
    /// [`HostError::Unconfirmed`] when the host went back, [`HostError::Lost`] when it is not known
    /// whether it did; otherwise as without.
    pub(super) async fn activate_armed(
        &self,
        deployment: DeploymentId,
        over: Vec<Option<ReleaseId>>,
        to: Option<ReleaseId>,
        time: Duration,
    ) -> Result<TargetState, HostError> {
        let confirm_ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let arm = Arm { nonce: nonce(), confirm_ms };
        let nonce = arm.nonce.clone();
        match self.ask(Ask::ActivateArmed { deployment, over, to, arm }).await {
            Ok(Reply::Armed { outlives_restart }) => {
                if !outlives_restart {
                    let target = &self.place.target;
                    warn!(%target, "neither systemd nor cron looks at it after a restart: should it \
                        restart before it is confirmed, it goes back with the next contact");
                }
                self.confirm(nonce, Instant::now() + time).await
            }
            Ok(reply) => activated(reply),
            Err(HostError::Lost(why)) => {
                Err(self.after_loss(&nonce, Instant::now() + time, why).await)
            }
            Err(error) => Err(error),
        }
    }

    /// Confirms until `deadline`, each time over a new connection.
    async fn confirm(&self, nonce: String, deadline: Instant) -> Result<TargetState, HostError> {
        let mut pause = PAUSE[0];
        loop {
            let answer = self.confirm_once(&nonce).await;
            match answer {
                Err(error) if is_passing(&error) && Instant::now() + pause < deadline => {}
                Err(error) if is_passing(&error) => break,
                answer => return answer,
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSE[1]);
        }
        sleep_until(deadline + GRACE).await;
        match self.confirm_once(&nonce).await {
            Err(HostError::Unreachable(why) | HostError::Lost(why)) => Err(unknown(&why)),
            answer => answer,
        }
    }

    async fn confirm_once(&self, nonce: &str) -> Result<TargetState, HostError> {
        self.hang_up().await;
        match self.ask(Ask::Confirm { nonce: nonce.to_owned() }).await? {
            reply @ Reply::Activated { .. } => activated(reply),
            _ => Err(unasked()),
        }
    }

    /// Returns what became of a target whose connection was lost while it was activated: it is left to go
    /// back, as its commands may not have run to their end.
    async fn after_loss(&self, nonce: &str, deadline: Instant, why: String) -> HostError {
        sleep_until(deadline + GRACE).await;
        self.hang_up().await;
        match self.ask(Ask::Inspect { wanted: None }).await {
            Ok(Reply::Inspected(seen)) => match seen.reverted {
                Some(reverted) if reverted.nonce == nonce => HostError::Unconfirmed(format!(
                    "the connection was lost during the activation ({why}), and the target went back \
                     by itself"
                )),
                _ => HostError::Lost(why),
            },
            _ => unknown(&why),
        }
    }

    /// Lets go of every connection to the host.
    async fn hang_up(&self) {
        *self.line.lock().await = None;
        self.connector.hang_up().await;
    }
}

/// Tells whether the same question can have another answer soon.
fn is_passing(error: &HostError) -> bool {
    use HostError::{Lost, Remote, Unreachable};
    matches!(error, Unreachable(_) | Lost(_) | Remote { class: RemoteClass::Files, .. })
}

fn unknown(why: &str) -> HostError {
    HostError::Lost(format!(
        "it could not be confirmed, so the target goes back by itself; whether it did is not known: {why}"
    ))
}

/// Returns a text that no other activation has.
fn nonce() -> String {
    // The standard library seeds the keys of a RandomState from the system's random source.
    let half = |n: u8| RandomState::new().hash_one(n);
    format!("{:016x}{:016x}", half(0), half(1))
}
