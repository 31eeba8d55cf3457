//! Targets as strategies see them: an identity, and labels to group them by.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::target::{Target, TargetId};

/// A target that a strategy puts into a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// The target.
    pub id: TargetId,
    /// What is known of it: the variables of the target itself and of its groups, such as `zone`.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl Member {
    /// Returns the target `id`, of which nothing more is known.
    #[must_use]
    pub const fn new(id: TargetId) -> Self {
        Self { id, labels: BTreeMap::new() }
    }

    /// Returns the member with one more label.
    #[must_use]
    pub fn labelled(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(key.into(), value.into());
        self
    }

    /// Returns the value of the label `key`; the empty text where there is none, so that all targets
    /// without it are in one domain, which is the cautious reading.
    #[must_use]
    pub fn domain(&self, key: &str) -> &str {
        self.labels.get(key).map_or("", String::as_str)
    }
}

impl From<&Target> for Member {
    fn from(target: &Target) -> Self {
        Self { id: target.id.clone(), labels: target.variables.clone() }
    }
}
