//! Environments: what differs between development, staging and production.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::budget::Budget;
use crate::name::{EnvironmentName, ServiceName};
use crate::strategy::StrategySpec;
use crate::target::Target;

/// The kind of an environment.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum EnvironmentType {
    /// A developer's own.
    #[default]
    Development,
    /// Like production, without its users.
    Staging,
    /// Where the users are.
    Production,
    /// For automated tests.
    Testing,
}

impl EnvironmentType {
    /// Every type, in the order people list them.
    pub const ALL: [Self; 4] = [Self::Development, Self::Staging, Self::Production, Self::Testing];

    /// Returns the name that the project file and the records use.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Development => "development",
            Self::Staging => "staging",
            Self::Production => "production",
            Self::Testing => "testing",
        }
    }
}

impl fmt::Display for EnvironmentType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The text names no environment type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown environment type `{0}`: known are development, staging, production, testing")]
pub struct UnknownEnvironmentType(pub String);

impl FromStr for EnvironmentType {
    type Err = UnknownEnvironmentType;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| UnknownEnvironmentType(text.to_owned()))
    }
}

/// One environment: its variables, and the targets it is deployed to. It is the unit of locking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Its name, unique in the project and the workspace together.
    pub name: EnvironmentName,
    /// Its kind.
    #[serde(rename = "type")]
    pub environment_type: EnvironmentType,
    /// The directory on each target that holds the files, below the target's root; a leading `/`
    /// is the root.
    pub config_path: String,
    /// What `${KEY}` becomes in templates.
    #[serde(default)]
    pub variables: BTreeMap<String, String>,
    /// The file that holds its secrets, if it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secrets: Option<String>,
    /// Where it is deployed to.
    #[serde(default)]
    pub targets: Vec<Target>,
    /// The services it runs; all of the project's where it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub services: Option<Vec<ServiceName>>,
    /// How targets are taken one after another.
    #[serde(default)]
    pub strategy: StrategySpec,
    /// How many targets may be bad before a rollout stops.
    #[serde(default, skip_serializing_if = "Budget::is_default")]
    pub budget: Budget,
    /// Whether a deployment must be confirmed (`--yes` or a saved plan).
    #[serde(default)]
    pub protect: bool,
    /// How many milliseconds there are to confirm a deployment over a new connection, before a target
    /// goes back by itself; none where targets wait for nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub confirm_ms: Option<u64>,
    /// When it was first persisted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<Timestamp>,
}

impl Environment {
    /// Returns how long there is to confirm a deployment over a new connection, if it has to be.
    #[must_use]
    pub fn confirm(&self) -> Option<Duration> {
        self.confirm_ms.map(Duration::from_millis)
    }

    /// Returns the environment once for each set of variables that its targets have: with these
    /// over its own, and with only the targets that have them. One without targets is itself.
    #[must_use]
    pub fn variants(&self) -> Vec<Self> {
        let mut targets: BTreeMap<&BTreeMap<String, String>, Vec<Target>> = BTreeMap::new();
        for target in &self.targets {
            targets.entry(&target.variables).or_default().push(target.clone());
        }
        if targets.is_empty() {
            return vec![self.clone()];
        }
        let variant = |(own, targets): (&BTreeMap<_, _>, _)| {
            let mut variables = self.variables.clone();
            variables.extend(own.clone());
            Self { variables, targets, ..self.clone() }
        };
        targets.into_iter().map(variant).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(id: &str, variables: &[(&str, &str)]) -> Target {
        let own = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Target { variables: own.collect(), ..Target::parse(id).expect("an address") }
    }

    fn environment(targets: Vec<Target>) -> Environment {
        Environment {
            name: EnvironmentName::new("staging").expect("a name"),
            environment_type: EnvironmentType::Staging,
            config_path: "/etc/shop".to_owned(),
            variables: BTreeMap::from([("A".to_owned(), "env".to_owned())]),
            secrets: None,
            targets,
            services: None,
            strategy: StrategySpec::default(),
            budget: Budget::default(),
            protect: false,
            confirm_ms: None,
            created_at: None,
        }
    }

    #[test]
    fn targets_with_the_same_variables_share_a_variant() {
        let targets = vec![
            target("local:1", &[]),
            target("local:2", &[("A", "own"), ("B", "b")]),
            target("local:3", &[]),
        ];
        let variants = environment(targets).variants();
        let shape: Vec<_> = variants
            .iter()
            .map(|variant| (variant.variables["A"].as_str(), variant.targets.len()))
            .collect();
        assert_eq!(shape, [("env", 2), ("own", 1)]);
    }

    #[test]
    fn an_environment_without_targets_is_its_own_variant() {
        let lone = environment(Vec::new());
        assert_eq!(lone.variants(), [lone]);
    }
}
