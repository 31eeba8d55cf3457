//! Plans, from what was seen to what was done: the record is written before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use tracing::warn;
use windlass_agent::site::{Inspection, Live};
use windlass_agent::work::Assignment;
use windlass_core::event::Event;
use windlass_core::name::EnvironmentName;
use windlass_core::plan::Plan;
use windlass_core::record::{ConfigDeployment, DeploymentStatus};
use windlass_core::release::ReleaseId;
use windlass_core::target::TargetId;

use crate::engine::Engine;
use crate::error::{Error, describe};
use crate::executor::inbox::Inbox;
use crate::executor::{Execution, Keeper, Move, Start};
use crate::fleet::Fleet;
use crate::objects::Hold;
use crate::planner::{Draft, Wanted};
use crate::records::Past;
use crate::store::LockGuard;
use crate::terms;

/// A plan, and what was seen on the targets while it was made.
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) seen: BTreeMap<TargetId, Inspection>,
    pub(crate) fleet: Fleet,
    /// Keeps the objects of the plan until its record refers to them.
    pub(crate) hold: Hold,
    pub(crate) past: Past,
}

impl Engine {
    /// Takes the lock of an environment.
    pub(crate) async fn lock(
        &self,
        environment: &EnvironmentName,
        who: &str,
        why: &str,
    ) -> Result<Box<dyn LockGuard>, Error> {
        let holder = self.holder(who, why);
        Ok(self.store.lock(environment, &holder, self.lock_wait).await?)
    }

    /// Looks at the targets of a draft and returns its plan.
    pub(crate) async fn look(
        &self,
        draft: Draft,
        fleet: Fleet,
        hold: Hold,
        past: Past,
    ) -> Result<Planned, Error> {
        let (plan, seen) = draft.plan(&fleet, &self.objects, &self.redaction).await?;
        Ok(Planned { plan, seen, fleet, hold, past })
    }

    /// Records the plan as begun, carries it out and records how it ended.
    pub(crate) async fn carry_out(
        &self,
        planned: Planned,
        deployed_by: &str,
        began: Duration,
    ) -> Result<ConfigDeployment, Error> {
        let Planned { plan, seen, fleet, hold, past } = planned;
        for warning in &plan.warnings {
            self.warn(&plan.environment, warning.clone());
        }
        let record = self.begin(&plan, &past, deployed_by).await?;
        drop(hold);
        let moves = match self.moves(&plan, &fleet, &seen).await {
            Ok(moves) => moves,
            Err(failure) => return self.abandon(record, failure).await,
        };
        self.events.emit(Event::DeploymentStarted {
            deployment_id: record.deployment_id.clone(),
            environment: plan.environment.clone(),
            release: plan.release,
            targets: plan.targets.len() as u64,
        });
        let environment = self.environment(plan.environment.as_str()).await.ok();
        let setup = terms::of(&plan, environment.as_ref(), fleet.parallel());
        let start = Start::New(Box::new(setup));
        self.drive(record, start, &fleet, moves, began).await
    }

    /// Drives a rollout to its end, and records that.
    pub(crate) async fn drive(
        &self,
        record: ConfigDeployment,
        start: Start,
        fleet: &Fleet,
        moves: BTreeMap<TargetId, Move>,
        began: Duration,
    ) -> Result<ConfigDeployment, Error> {
        let withhold = || self.withhold_strange(&record.environment);
        let execution = Execution {
            start,
            checked: !record.is_rollback(),
            keeper: Keeper::new(self.store.as_ref()),
            inbox: self.inbox(&record),
            fleet,
            strangers: self.strangers(&record, &moves),
            moves,
            events: &self.events,
            clock: &self.clock,
            stop: &self.stop,
            record: record.clone(),
            withhold: &withhold,
        };
        let mut record = match execution.run().await {
            Ok(record) => record,
            Err(unsound) => return self.abandon(record, Error::unsound(&unsound)).await,
        };
        record.duration_ms = millis(self.clock.monotonic().saturating_sub(began));
        self.finish(fleet, record).await
    }

    /// Returns where people ask a rollout for something from other terminals; without it, it goes on
    /// all the same.
    fn inbox(&self, record: &ConfigDeployment) -> Option<Inbox> {
        let opened = Inbox::open(self.workspace(), &record.deployment_id);
        opened.inspect_err(|error| warn!(%error, "no commands can come from other terminals")).ok()
    }

    /// Records a deployment as failed before anything was done, and returns why.
    async fn abandon(
        &self,
        mut record: ConfigDeployment,
        failure: Error,
    ) -> Result<ConfigDeployment, Error> {
        record.status = DeploymentStatus::Failed;
        record.error = Some(self.redaction.clean(describe(&failure)));
        self.store.update_record(&record).await?;
        Err(failure)
    }

    async fn moves(
        &self,
        plan: &Plan,
        fleet: &Fleet,
        seen: &BTreeMap<TargetId, Inspection>,
    ) -> Result<BTreeMap<TargetId, Move>, Error> {
        let mut moves = BTreeMap::new();
        for target in plan.targets.iter().filter(|target| !target.is_unchanged()) {
            let from = seen[&target.id].live.as_ref().map(assignment_of);
            let to = match target.to {
                Some(to) => Some(self.restorable(fleet, &target.id, to).await?),
                None => None,
            };
            moves.insert(target.id.clone(), Move { from, to });
        }
        Ok(moves)
    }

    /// Returns the targets whose earlier release may hold secrets that nobody here knows; where a
    /// rollback goes to such a release, what commands print is withheld.
    fn strangers(
        &self,
        record: &ConfigDeployment,
        moves: &BTreeMap<TargetId, Move>,
    ) -> BTreeSet<TargetId> {
        let is_strange = |end: &Option<Arc<Assignment>>| {
            end.as_deref().is_some_and(|assignment| self.is_strange(assignment))
        };
        if record.is_rollback() && moves.values().any(|one| is_strange(&one.to)) {
            self.withhold_strange(&record.environment);
        }
        let strange = moves.iter().filter(|(_, one)| is_strange(&one.from));
        strange.map(|(target, _)| target.clone()).collect()
    }

    async fn finish(
        &self,
        fleet: &Fleet,
        record: ConfigDeployment,
    ) -> Result<ConfigDeployment, Error> {
        if record.succeeded() {
            self.mark_undone(&record).await?;
        }
        if let Err(source) = self.store.update_record(&record).await {
            return Err(Error::Unrecorded { record: Box::new(record), source });
        }
        Keeper::new(self.store.as_ref()).forget(&record.deployment_id).await;
        if record.succeeded() {
            prune(&record, fleet).await;
            self.collect_when_due().await;
        }
        self.events.emit(Event::DeploymentFinished {
            deployment_id: record.deployment_id.clone(),
            status: record.status,
            duration_ms: record.duration_ms,
        });
        if record.succeeded() { Ok(record) } else { Err(Error::Failed(Box::new(record))) }
    }
}

/// Removes what targets keep of older releases: each keeps the live one and the one before.
async fn prune(record: &ConfigDeployment, fleet: &Fleet) {
    let before: BTreeMap<TargetId, Vec<ReleaseId>> =
        record.targets.iter().map(|t| (t.id.clone(), t.from.into_iter().collect())).collect();
    // Where files were only repaired, the one before is still the one to go back to.
    let moved =
        record.targets.iter().filter(|target| target.from != target.to).map(|target| &target.id);
    let answers = fleet
        .ask(moved, |id, host| {
            let keep = before[&id].clone();
            async move { host.prune(keep).await }
        })
        .await;
    for (target, answer) in answers {
        if let Err(failure) = answer {
            warn!(%target, error = %failure, "older releases were not removed");
        }
    }
}

/// Returns the release that is live on a target, as something it can be taken back to.
pub(crate) fn assignment_of(live: &Live) -> Arc<Assignment> {
    Arc::new(Assignment::from(live.clone()))
}

/// What a target is wanted to hold, from what the object store knows.
pub(crate) fn wanted(assignment: &Assignment) -> Wanted {
    Some((assignment.id, Arc::new(assignment.manifest.clone())))
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
