//! Retention: which releases records need, and which they can still return to.

use std::collections::{BTreeMap, BTreeSet};

use crate::name::EnvironmentName;
use crate::record::{ConfigDeployment, TargetRecord, in_effect};
use crate::release::ReleaseId;
use crate::target::TargetId;

/// The releases that are kept; all others may be collected.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Retained {
    /// Those that must not go: live on a target as far as is known, the ones before them, those of
    /// deployments that have not ended, and those that are pinned.
    pub required: BTreeSet<ReleaseId>,
    /// Further ones that were asked for, those deployed last first.
    pub optional: Vec<ReleaseId>,
}

impl Retained {
    /// Returns all of them.
    pub fn all(&self) -> impl Iterator<Item = ReleaseId> {
        self.required.iter().chain(&self.optional).copied()
    }
}

/// Returns the releases that `records`, of any environments and newest first, need, and further ones
/// until there are `retain` of each environment.
///
/// A release counts for the environments whose deployments left a target on it. What failed before
/// anything changed is nothing to return to.
#[must_use]
pub fn retained(records: &[ConfigDeployment], retain: usize) -> Retained {
    let required = required(records);
    let mut kept: BTreeMap<&EnvironmentName, BTreeSet<ReleaseId>> = BTreeMap::new();
    let mut optional = Vec::new();
    for record in records.iter().filter(|record| record.status.is_terminal()) {
        let of_environment = kept.entry(&record.environment).or_default();
        for release in held(record) {
            let room = of_environment.len() < retain;
            if !of_environment.contains(&release) && (room || required.contains(&release)) {
                of_environment.insert(release);
                if !required.contains(&release) && !optional.contains(&release) {
                    optional.push(release);
                }
            }
        }
    }
    Retained { required, optional }
}

/// Returns what targets held after the deployment, and then what they held before.
fn held(record: &ConfigDeployment) -> impl Iterator<Item = ReleaseId> {
    let after = record.targets.iter().filter_map(|target| target.release);
    after.chain(record.targets.iter().filter_map(|target| target.from))
}

fn required(records: &[ConfigDeployment]) -> BTreeSet<ReleaseId> {
    let mut required = BTreeSet::new();
    let unfinished = records.iter().filter(|record| !record.status.is_terminal());
    let latest = latest_of_targets(records);
    let undone_next = next_to_undo(records).into_iter().flat_map(|record| &record.targets);
    let targets = unfinished.flat_map(|record| &record.targets).chain(latest).chain(undone_next);
    for target in targets {
        required.extend([target.from, target.to, target.release].into_iter().flatten());
    }
    let pinned = records.iter().filter(|record| record.pinned.is_some());
    required.extend(pinned.filter_map(|record| record.release));
    required
}

/// Returns the newest record of each target.
fn latest_of_targets(records: &[ConfigDeployment]) -> impl Iterator<Item = &TargetRecord> {
    let mut latest: BTreeMap<(&EnvironmentName, &TargetId), &TargetRecord> = BTreeMap::new();
    for record in records {
        for target in &record.targets {
            latest.entry((&record.environment, &target.id)).or_insert(target);
        }
    }
    latest.into_values()
}

/// Returns for each environment the deployment that a rollback of it undoes.
fn next_to_undo(records: &[ConfigDeployment]) -> Vec<&ConfigDeployment> {
    let mut by_environment: BTreeMap<&EnvironmentName, Vec<ConfigDeployment>> = BTreeMap::new();
    for record in records.iter().rev() {
        by_environment.entry(&record.environment).or_default().push(record.clone());
    }
    let last = |of_one: &Vec<ConfigDeployment>| {
        let id = &in_effect(of_one).last()?.deployment_id;
        records.iter().find(|record| record.deployment_id == *id)
    };
    by_environment.values().filter_map(last).collect()
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::change::ChangeSet;
    use crate::digest::Digest;
    use crate::record::{DeploymentId, DeploymentStatus, Pin, SCHEMA, TargetState};
    use crate::target::Address;

    fn release(name: &str) -> ReleaseId {
        ReleaseId(Digest::of(name.as_bytes()))
    }

    /// Returns the record of a deployment of target `t` in `environment`, `from` → `to`.
    fn moved(environment: &str, nth: i64, from: Option<&str>, to: &str) -> ConfigDeployment {
        let id = TargetId::new("t");
        let to = Some(release(to));
        ConfigDeployment {
            schema: SCHEMA,
            deployment_id: DeploymentId::new(format!("deploy_{environment}_{nth}")).expect("an id"),
            environment: EnvironmentName::new(environment).expect("a name"),
            config_path: "/etc/shop".to_owned(),
            status: DeploymentStatus::Success,
            config_version: String::new(),
            release: to,
            deployed_at: Timestamp::from_second(nth).expect("in range"),
            deployed_by: "test".to_owned(),
            config_files: Vec::new(),
            changes: ChangeSet::default(),
            targets: vec![TargetRecord {
                id,
                address: Address::Local { root: "x".to_owned() },
                state: TargetState::NotChecked,
                from: from.map(release),
                to,
                release: to,
                error: None,
            }],
            rollback_info: None,
            duration_ms: 0,
            error: None,
            pinned: None,
        }
    }

    /// Returns a history `r0` → `r1` → … of one environment, newest first.
    fn history(environment: &str, count: i64) -> Vec<ConfigDeployment> {
        let step = |nth: i64| {
            let from = (nth > 0).then(|| format!("r{}", nth - 1));
            moved(environment, nth, from.as_deref(), &format!("r{nth}"))
        };
        (0..count).rev().map(step).collect()
    }

    fn names(kept: &Retained) -> Vec<String> {
        let all: BTreeSet<_> = kept.all().collect();
        let named = (0..100).map(|n| format!("r{n}")).filter(|name| all.contains(&release(name)));
        named.collect()
    }

    #[test]
    fn so_many_of_each_environment_are_kept() {
        assert_eq!(names(&retained(&history("a", 10), 3)), ["r7", "r8", "r9"]);
        assert_eq!(names(&retained(&history("a", 2), 3)), ["r0", "r1"]);
        assert!(retained(&[], 3).all().next().is_none());
    }

    #[test]
    fn the_live_one_and_the_one_before_stay_whatever_is_asked() {
        let kept = retained(&history("a", 10), 0);
        assert_eq!(kept.required, BTreeSet::from([release("r9"), release("r8")]));
        assert!(kept.optional.is_empty());
    }

    #[test]
    fn a_target_that_was_left_behind_keeps_what_it_holds() {
        let mut records = history("a", 10);
        let mut old = moved("a", -1, None, "r50");
        old.targets[0].id = TargetId::new("behind");
        records.push(old);
        assert_eq!(names(&retained(&records, 2)), ["r8", "r9", "r50"]);
    }

    #[test]
    fn what_has_not_ended_keeps_all_it_may_need() {
        let mut records = history("a", 5);
        let mut open = moved("a", 2, Some("r60"), "r61");
        open.status = DeploymentStatus::InProgress;
        records.insert(2, open);
        let kept = retained(&records, 1);
        assert!(kept.required.is_superset(&BTreeSet::from([release("r60"), release("r61")])));
    }

    #[test]
    fn what_a_rollback_would_return_to_stays() {
        let mut records = history("a", 3);
        // Deployments that failed early, newer than all that is in effect.
        for nth in 10..20 {
            let mut failed = moved("a", nth, Some("r2"), "r70");
            failed.status = DeploymentStatus::Failed;
            failed.error = Some("no".to_owned());
            failed.targets[0].release = Some(release("r2"));
            records.insert(0, failed);
        }
        assert!(retained(&records, 1).required.contains(&release("r1")));
    }

    #[test]
    fn what_failed_before_anything_changed_is_nothing_to_return_to() {
        let mut records = history("a", 3);
        let mut failed = moved("a", 9, Some("r2"), "r70");
        failed.status = DeploymentStatus::Failed;
        failed.targets[0].release = Some(release("r2"));
        // It is the target's newest record; one more makes it an old one.
        records.insert(0, failed);
        records.insert(0, moved("a", 10, Some("r2"), "r3"));
        assert_eq!(names(&retained(&records, 9)), ["r0", "r1", "r2", "r3"]);
    }

    #[test]
    fn a_pin_keeps_a_release_for_good() {
        let mut records = history("a", 30);
        let pin = Pin { by: "alice".to_owned(), at: Timestamp::UNIX_EPOCH, why: None };
        records[25].pinned = Some(pin);
        assert_eq!(names(&retained(&records, 2)), ["r4", "r28", "r29"]);
    }

    #[test]
    fn environments_are_counted_apart() {
        let mut records = history("a", 3);
        for mut record in history("b", 3) {
            let other = release(&format!("r{}", 80 + record.deployed_at.as_second()));
            record.targets[0].release = Some(other);
            records.push(record);
        }
        assert_eq!(names(&retained(&records, 3)), ["r0", "r1", "r2", "r81", "r82"]);
    }
}
