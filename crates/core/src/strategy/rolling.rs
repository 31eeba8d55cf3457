//! Rolling: a part of the targets at a time.

use serde::{Deserialize, Serialize};

use super::{Amount, DeploymentStrategy, Gate, Member, Pace, Stage, Waits};
use crate::target::TargetId;

/// In which order targets are moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// As the project and its inventory list them.
    #[default]
    Listed,
    /// The last one first.
    Reverse,
    /// By name.
    Name,
}

impl Order {
    /// The names that the project file uses.
    pub const NAMES: [(&'static str, Self); 3] =
        [("listed", Self::Listed), ("reverse", Self::Reverse), ("name", Self::Name)];

    /// Returns `members` in this order.
    #[must_use]
    pub fn of(self, members: &[Member]) -> Vec<&Member> {
        let mut ordered: Vec<_> = members.iter().collect();
        match self {
            Self::Listed => {}
            Self::Reverse => ordered.reverse(),
            Self::Name => ordered.sort_by_key(|member| &member.id),
        }
        ordered
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Moves `parallel` targets at a time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollingDeployment {
    /// How many targets move side by side; 25 % unless told otherwise.
    pub parallel: Amount,
    /// In which order.
    #[serde(default, skip_serializing_if = "Order::is_default")]
    pub order: Order,
    /// The label whose values are failure domains, such as `zone`: no stage has targets of two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// How long each stage is watched after its targets are healthy, in milliseconds; 0 unless told
    /// otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bake_ms: Option<u64>,
    /// The waits that are said.
    #[serde(default, skip_serializing_if = "Waits::is_default")]
    pub waits: Waits,
}

impl Default for RollingDeployment {
    fn default() -> Self {
        Self::of(Amount::Percent(25))
    }
}

impl RollingDeployment {
    /// Returns the strategy that moves `parallel` targets at a time, with the defaults.
    #[must_use]
    pub const fn of(parallel: Amount) -> Self {
        let waits = Waits {
            min_healthy_ms: None,
            healthy_deadline_ms: None,
            progress_deadline_ms: None,
            auto_rollback: None,
        };
        Self { parallel, order: Order::Listed, by: None, bake_ms: None, waits }
    }

    /// Returns the targets of each failure domain, the domains in the order of their first targets.
    fn domains(&self, members: &[Member]) -> Vec<Vec<TargetId>> {
        let mut places = std::collections::BTreeMap::new();
        let mut domains: Vec<Vec<TargetId>> = Vec::new();
        for member in self.order.of(members) {
            let domain = self.by.as_deref().map_or("", |by| member.domain(by));
            let place = *places.entry(domain).or_insert_with(|| {
                domains.push(Vec::new());
                domains.len() - 1
            });
            domains[place].push(member.id.clone());
        }
        domains
    }
}

impl DeploymentStrategy for RollingDeployment {
    fn name(&self) -> &'static str {
        "rolling"
    }

    fn stages(&self, members: &[Member]) -> Vec<Stage> {
        let at_once = self.parallel.of(members.len());
        let gate = Gate { bake_ms: self.bake_ms.unwrap_or_default(), ..Gate::OPEN };
        let domains = self.domains(members);
        let chunks = domains.iter().flat_map(|domain| domain.chunks(at_once));
        chunks.map(|chunk| Stage::new(chunk.to_vec()).behind(gate.clone())).collect()
    }

    fn pace(&self) -> Pace {
        self.waits.pace(self.parallel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(parallel: &str, total: usize) -> Vec<usize> {
        let members: Vec<_> =
            (0..total).map(|n| Member::new(TargetId::new(n.to_string()))).collect();
        let rolling = RollingDeployment::of(parallel.parse().expect("an amount"));
        rolling.stages(&members).iter().map(|stage| stage.targets.len()).collect()
    }

    #[test]
    fn a_quarter_rounds_up_to_at_least_one() {
        assert_eq!(sizes("25%", 1), [1]);
        assert_eq!(sizes("25%", 5), [2, 2, 1]);
        assert_eq!(sizes("25%", 8), [2, 2, 2, 2]);
        assert_eq!(sizes("3", 7), [3, 3, 1]);
        assert_eq!(sizes("100%", 7), [7]);
        assert_eq!(sizes("10", 0), [0_usize; 0]);
    }

    #[test]
    fn no_stage_has_targets_of_two_domains() {
        let zones = [("a", "eu"), ("b", "us"), ("c", "eu"), ("d", "eu"), ("e", "")];
        let members = zones.map(|(name, zone)| {
            let member = Member::new(TargetId::new(name));
            if zone.is_empty() { member } else { member.labelled("zone", zone) }
        });
        let by = Some("zone".to_owned());
        let rolling = RollingDeployment { by, ..RollingDeployment::of(Amount::Count(2)) };
        let names: Vec<String> = rolling
            .stages(&members)
            .iter()
            .map(|stage| stage.targets.iter().map(TargetId::as_str).collect())
            .collect();
        assert_eq!(names, ["ac", "d", "b", "e"]);
    }

    #[test]
    fn order_is_chosen() {
        let members = ["b", "c", "a"].map(|name| Member::new(TargetId::new(name)));
        let ids = |order: Order| {
            order.of(&members).iter().map(|member| member.id.as_str()).collect::<String>()
        };
        assert_eq!(Order::NAMES.map(|(_, order)| ids(order)), ["bca", "acb", "abc"]);
    }

    #[test]
    fn what_is_said_alone_is_written_as_before() {
        let json = serde_json::to_string(&RollingDeployment::default()).expect("serializes");
        assert_eq!(json, r#"{"parallel":"25%"}"#);
    }
}
