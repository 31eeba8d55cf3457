//! Saved plans, and carrying them out.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use tracing::error;
use windlass_agent::site::Inspection;
use windlass_core::plan::{self, Plan, TargetPlan};
use windlass_core::record::ConfigDeployment;
use windlass_core::release::Manifest;
use windlass_core::target::{Target, TargetId};

use crate::carry_out::Planned;
use crate::engine::Engine;
use crate::error::Error;
use crate::fleet::{self, Fleet};

/// A plan file of more bytes than this is refused.
const MAX_PLAN: u64 = 64 << 20;

impl Engine {
    /// Reads a plan that was saved, for [`Engine::apply`].
    ///
    /// # Errors
    /// [`Error::BadPlan`] when it is not a plan, was edited, or is of a newer version.
    pub fn read_plan(path: &Path) -> Result<Plan, Error> {
        let bad = |reason: String| Error::BadPlan { path: path.to_owned(), reason };
        let metadata = std::fs::metadata(path).map_err(Error::io("read", path))?;
        if !metadata.is_file() || metadata.len() > MAX_PLAN {
            return Err(bad("not a plan file".to_owned()));
        }
        let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
        let value: serde_json::Value =
            serde_json::from_slice(&bytes).map_err(|error| bad(format!("not a plan: {error}")))?;
        let schema = value.get("schema").and_then(serde_json::Value::as_u64);
        if schema.is_some_and(|schema| schema > u64::from(plan::SCHEMA)) {
            return Err(bad("it was written by a newer version of windlass".to_owned()));
        }
        let plan: Plan =
            serde_json::from_value(value).map_err(|error| bad(format!("not a plan: {error}")))?;
        if plan.is_intact() {
            Ok(plan)
        } else {
            Err(bad("it was changed after it was made".to_owned()))
        }
    }

    /// Carries out exactly `plan`, if every target is still as it was when the plan was made.
    ///
    /// # Errors
    /// [`Error::Stale`] when a target has changed since; otherwise as [`Engine::deploy`].
    pub async fn apply(&self, plan: Plan, deployed_by: &str) -> Result<ConfigDeployment, Error> {
        let environment = plan.environment.clone();
        let outcome = self.try_apply(plan, deployed_by).await;
        outcome.inspect_err(|failure| error!(%environment, error = %failure, "apply failed"))
    }

    async fn try_apply(&self, plan: Plan, deployed_by: &str) -> Result<ConfigDeployment, Error> {
        let began = self.clock.monotonic();
        let _lock = self.lock(&plan.environment, deployed_by, "apply").await?;
        let past = self.recover_interrupted(&plan.environment).await?;
        let targets = plan.targets.iter().map(target_of).collect();
        let fleet = self.fleet_again(&plan.environment, targets, &plan.config_path).await?;
        let hold = self.hold_objects()?;
        let seen = self.see_again(&plan, &fleet).await?;
        self.carry_out(Planned { plan, seen, fleet, hold, past }, deployed_by, began).await
    }

    /// Looks at the targets of a saved plan and refuses if one of them has changed.
    async fn see_again(
        &self,
        plan: &Plan,
        fleet: &Fleet,
    ) -> Result<BTreeMap<TargetId, Inspection>, Error> {
        let mut wanted: BTreeMap<TargetId, Arc<Manifest>> = BTreeMap::new();
        for target in &plan.targets {
            if let Some(to) = target.to {
                let assignment = self.restorable(fleet, &target.id, to).await?;
                wanted.insert(target.id.clone(), Arc::new(assignment.manifest.clone()));
            }
        }
        let answers = fleet.ask_all(|id, host| {
            let manifest = wanted.get(&id).cloned();
            async move { host.inspect(manifest).await }
        });
        let seen = fleet::all_or_failures(answers.await)?;
        let changed = plan.targets.iter().filter(|t| seen[&t.id].fingerprint != t.fingerprint);
        let stale: Vec<_> =
            changed.map(|target| format!("{} has changed since", target.id)).collect();
        if stale.is_empty() { Ok(seen) } else { Err(Error::Stale(stale)) }
    }
}

fn target_of(plan: &TargetPlan) -> Target {
    Target::at(plan.id.clone(), plan.address.clone())
}
