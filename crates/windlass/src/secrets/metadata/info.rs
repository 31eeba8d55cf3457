//! What is told about secrets.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use windlass_core::duration::parse_duration;
use windlass_core::fingerprint::Fingerprint;
use windlass_core::secret::SecretName;

use super::{Metadata, Record, Rotation, SecretId};

/// Whether a secret is younger than it has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AgeState {
    /// It is.
    Fresh,
    /// It is not: it has to be rotated.
    Overdue,
    /// There is no policy for it.
    NoPolicy,
    /// Nothing is known about it: no Windlass has seen the file since it was put there.
    Unknown,
}

/// What is known about a secret; never its value.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SecretInfo {
    /// Its name.
    pub name: SecretName,
    /// Its id, once it is known.
    pub id: Option<SecretId>,
    /// When it was first seen.
    pub created: Option<Timestamp>,
    /// By whom it was made, if that is known.
    pub created_by: Option<String>,
    /// When it got the value that it has.
    pub rotated: Option<Timestamp>,
    /// Who gave it that value, if that is known.
    pub rotated_by: Option<String>,
    /// Every time that it got another value, oldest first.
    pub rotations: Vec<RotationInfo>,
    /// How long it has had the value, in seconds.
    pub age_seconds: Option<u64>,
    /// How old it may get, in seconds.
    pub max_age_seconds: Option<u64>,
    /// Whether it is younger than that.
    pub state: AgeState,
    /// What it is for.
    pub note: Option<String>,
    /// What else was said about it.
    pub labels: BTreeMap<String, String>,
    /// The keyed fingerprint of name and value: two people who see the same have the same.
    pub fingerprint: Option<Fingerprint>,
}

/// One time that a secret got another value, for people and programs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RotationInfo {
    /// When.
    pub at: Timestamp,
    /// By whom, if that is known.
    pub by: Option<String>,
    /// The fingerprint of the value before.
    pub fingerprint: Fingerprint,
    /// Whether that value was kept.
    pub kept: bool,
}

/// The secrets of a file, without their values.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SecretList {
    /// All of them, in the order of their names.
    pub secrets: Vec<SecretInfo>,
    /// Whether a key was at hand, so that file and history were checked against each other.
    pub verified: bool,
}

impl SecretInfo {
    /// Returns what is known about the secret called `name`, at the time `now`, where the policy is
    /// `max_age` for those that have none of their own.
    pub(in crate::secrets) fn of(
        name: SecretName,
        metadata: Option<&Metadata>,
        now: Timestamp,
        max_age: Option<Duration>,
    ) -> Self {
        let known = metadata.and_then(|metadata| metadata.by_name(&name));
        let record = known.map(|(_, record)| record);
        let own = record.and_then(|record| record.max_age.as_deref());
        let limit = own.and_then(|own| parse_duration(own).ok()).or(max_age);
        let age = record.map(|record| age(record.rotated(), now));
        Self {
            id: known.map(|(id, _)| id.clone()),
            created: record.map(|record| record.created),
            created_by: record.and_then(|record| record.created_by.clone()),
            rotated: record.map(Record::rotated),
            rotated_by: record.and_then(|record| record.rotated_by().map(str::to_owned)),
            rotations: record.map(rotations).unwrap_or_default(),
            age_seconds: age.map(|age| age.as_secs()),
            max_age_seconds: limit.map(|limit| limit.as_secs()),
            state: state(age, limit),
            note: record.and_then(|record| record.note.clone()),
            labels: record.map(|record| record.labels.clone()).unwrap_or_default(),
            fingerprint: record.and_then(|record| record.fingerprint.clone()),
            name,
        }
    }
}

fn rotations(record: &Record) -> Vec<RotationInfo> {
    let info = |rotation: &Rotation| RotationInfo {
        at: rotation.at,
        by: rotation.by.clone(),
        fingerprint: rotation.fingerprint.clone(),
        kept: rotation.keeps_old_value(),
    };
    record.rotations.iter().map(info).collect()
}

fn state(age: Option<Duration>, limit: Option<Duration>) -> AgeState {
    match (age, limit) {
        (None, _) => AgeState::Unknown,
        (Some(_), None) => AgeState::NoPolicy,
        (Some(age), Some(limit)) if age > limit => AgeState::Overdue,
        _ => AgeState::Fresh,
    }
}

/// Returns the time from `since` to `now`; none where `since` is still to come.
pub(in crate::secrets) fn age(since: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn ages_are_held_against_the_policy() {
        let day = |n: u64| Some(Duration::from_secs(n * 86_400));
        for (age, limit, expected) in [
            (day(91), day(90), AgeState::Overdue),
            (day(90), day(90), AgeState::Fresh),
            (day(5), None, AgeState::NoPolicy),
            (None, day(90), AgeState::Unknown),
        ] {
            assert_eq!(state(age, limit), expected);
        }
        assert_eq!(age(time("2026-01-02T00:00:00Z"), time("2026-01-01T00:00:00Z")), Duration::ZERO);
    }
}
