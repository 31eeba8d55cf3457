//! What is asked of hosts, side by side, and what they answer.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use windlass_agent::site::Inspection;
use windlass_agent::work::Assignment;
use windlass_core::health::HealthCheck;
use windlass_core::record::{DeploymentId, TargetState};
use windlass_core::release::ReleaseId;
use windlass_core::target::TargetId;

use super::{Move, restore};
use crate::clock::Clock;
use crate::fleet::{Fleet, Reached};
use crate::host::HostError;

/// The time between two rounds of probes where no check says one; a check's own default.
const INTERVAL: Duration = Duration::from_secs(1);

/// No two rounds are closer to each other: a check that is due all the time would keep its host busy.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(1);

/// What a host answered.
pub(super) struct Answer {
    pub(super) target: TargetId,
    pub(super) said: Said,
}

/// To which question, and what.
pub(super) enum Said {
    Prepared(Result<(), HostError>),
    Activated(Result<TargetState, Failed>),
    Probed(Result<Option<bool>, HostError>),
    TakenBack(Result<TargetState, Failed>),
}

/// A switch that failed, and what was found on the target afterwards.
pub(super) struct Failed {
    pub(super) error: HostError,
    pub(super) seen: Result<Inspection, HostError>,
}

/// Asks hosts, and waits for whoever answers first.
pub(super) struct Hands<'a> {
    fleet: &'a Fleet,
    clock: &'a Arc<dyn Clock>,
    moves: BTreeMap<TargetId, Move>,
    deployment: DeploymentId,
    /// Whether checks run on what is staged.
    checked: bool,
    /// Whether another process may have switched targets already.
    resumed: bool,
    /// The targets that have something to probe.
    probed: BTreeSet<TargetId>,
    preparing: usize,
    asked: JoinSet<Answer>,
}

impl<'a> Hands<'a> {
    pub(super) fn new(
        fleet: &'a Fleet,
        clock: &'a Arc<dyn Clock>,
        moves: BTreeMap<TargetId, Move>,
        deployment: DeploymentId,
        checked: bool,
        resumed: bool,
    ) -> Self {
        let (probed, asked) = (BTreeSet::new(), JoinSet::new());
        Self { fleet, clock, moves, deployment, checked, resumed, probed, preparing: 0, asked }
    }

    /// Returns the next answer; nothing where nobody was asked.
    pub(super) async fn next(&mut self) -> Option<Answer> {
        loop {
            // What is asked answers also where it panics; only what was given up on is cancelled.
            if let Ok(answer) = self.asked.join_next().await? {
                return Some(answer);
            }
        }
    }

    /// Notes that the answer to one preparation was heard.
    pub(super) const fn prepared(&mut self) {
        self.preparing = self.preparing.saturating_sub(1);
    }

    /// Tells whether a target has not yet said whether it could be prepared.
    pub(super) const fn is_preparing(&self) -> bool {
        self.preparing > 0
    }

    pub(super) fn destination(&self, target: &TargetId) -> Option<ReleaseId> {
        self.moves.get(target).and_then(|one| one.to.as_ref()).map(|to| to.id)
    }

    pub(super) fn origin(&self, target: &TargetId) -> Option<ReleaseId> {
        self.moves.get(target).and_then(|one| one.from.as_ref()).map(|from| from.id)
    }

    /// Notes whether a target has something to probe.
    pub(super) fn checked(&mut self, target: &TargetId, probed: bool) {
        match probed {
            true => drop(self.probed.insert(target.clone())),
            false => drop(self.probed.remove(target)),
        }
    }

    /// Stages and checks the release on a target; nothing live changes. Tells whether it was asked.
    pub(super) fn prepare(&mut self, target: &TargetId) -> bool {
        let (Some(host), Move { to, .. }) = self.of(target) else { return false };
        let (id, checked) = (self.deployment.clone(), self.checked);
        self.preparing += 1;
        self.ask(target, async move {
            Said::Prepared(match to {
                Some(to) => {
                    host.ask(|host| async move { host.prepare(&id, to, checked).await }).await
                }
                None => Ok(()),
            })
        })
    }

    /// Switches a target to the release. Tells whether it was asked.
    pub(super) fn activate(&mut self, target: &TargetId) -> bool {
        let (Some(host), Move { from, to }) = self.of(target) else { return false };
        let id = self.deployment.clone();
        let mut over = vec![from.map(|from| from.id)];
        over.extend(self.resumed.then(|| to.as_ref().map(|to| to.id)));
        self.ask(target, async move {
            let answer = host.ask(|host| async move { host.activate(&id, over, to).await }).await;
            Said::Activated(looked_at(&host, answer).await)
        })
    }

    /// Puts a target back on the release that it came from. Tells whether it was asked.
    pub(super) fn take_back(&mut self, target: &TargetId) -> bool {
        let (Some(host), Move { from, to }) = self.of(target) else { return false };
        let over = [&from, &to].map(|end| end.as_ref().map(|end| end.id)).to_vec();
        let id = self.deployment.clone();
        self.probed.remove(target);
        self.ask(target, async move {
            let restored =
                |host: Arc<_>| async move { restore(Arc::as_ref(&host), &id, over, from).await };
            let answer = host.ask(restored).await;
            Said::TakenBack(looked_at(&host, answer).await)
        })
    }

    /// Probes a target once, when its checks are due again or after `at_most`.
    pub(super) fn probe(&mut self, target: &TargetId, at_most: Option<Duration>) {
        let (Some(host), Move { to: Some(to), .. }) = self.of(target) else { return };
        if !self.probed.contains(target) {
            return;
        }
        let wait = at_most.map_or(interval(&to), |most| most.min(interval(&to)));
        let clock = Arc::clone(self.clock);
        self.ask(target, async move {
            clock.sleep(wait.max(SHORTEST_INTERVAL)).await;
            Said::Probed(host.ask(|host| async move { host.probe(to).await }).await)
        });
    }

    fn of(&self, target: &TargetId) -> (Option<Reached>, Move) {
        (self.fleet.reached(target), self.moves.get(target).cloned().unwrap_or_default())
    }

    fn ask(
        &mut self,
        target: &TargetId,
        question: impl Future<Output = Said> + Send + 'static,
    ) -> bool {
        let target = target.clone();
        self.asked.spawn(async move { Answer { target, said: question.await } });
        true
    }
}

/// Returns the answer to a switch, with what is on the target where it failed.
async fn looked_at(
    host: &Reached,
    answer: Result<TargetState, HostError>,
) -> Result<TargetState, Failed> {
    match answer {
        Ok(state) => Ok(state),
        Err(error) => {
            let seen = host.ask(|host| async move { host.inspect(None).await }).await;
            Err(Failed { error, seen })
        }
    }
}

/// Returns how often a release is probed: as its most frequent check says.
fn interval(release: &Assignment) -> Duration {
    let services = release.release.services.values();
    let shortest = services.flat_map(|service| &service.health).map(HealthCheck::interval).min();
    shortest.unwrap_or(INTERVAL)
}
