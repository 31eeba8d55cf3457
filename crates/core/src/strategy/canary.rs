//! Canary: a few targets first, then more, each stage behind a gate.

use serde::{Deserialize, Serialize};

use super::{Amount, DeploymentStrategy, Gate, Member, Order, Pace, Share, Stage, Waits};

/// Moves stages that grow, the first ones as canaries.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CanaryDeployment {
    /// How many targets have moved at the end of each stage; 10, 25, 50 and 100 % unless told
    /// otherwise. What the last one leaves is a stage of its own.
    pub stages: Vec<Amount>,
    /// How many targets of a stage move side by side; 25 % of all unless told otherwise.
    pub parallel: Amount,
    /// In which order.
    #[serde(default)]
    pub order: Order,
    /// How long each stage is watched after its targets are healthy, in milliseconds.
    pub bake_ms: u64,
    /// The share of the targets moved so far that must be healthy; 95 % unless told otherwise.
    pub success: Share,
    /// The analysis that must promote each stage but the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<String>,
    /// Whether a person must approve after the first stage.
    #[serde(default)]
    pub approval: bool,
    /// The waits that are said.
    #[serde(default, skip_serializing_if = "Waits::is_default")]
    pub waits: Waits,
}

impl Default for CanaryDeployment {
    fn default() -> Self {
        Self {
            stages: [10, 25, 50, 100].map(Amount::Percent).to_vec(),
            parallel: Amount::Percent(25),
            order: Order::Listed,
            bake_ms: 0,
            success: Share::SUCCESS,
            analysis: None,
            approval: false,
            waits: Waits::default(),
        }
    }
}

impl CanaryDeployment {
    /// Returns how many of `total` have moved at the end of each stage: growing, the last is `total`.
    /// A stage that rounding leaves without a target of its own falls away.
    #[must_use]
    pub fn ends(&self, total: usize) -> Vec<usize> {
        let mut ends: Vec<usize> = Vec::new();
        let wanted = self.stages.iter().map(|amount| amount.of(total).min(total));
        for end in wanted.chain([total]) {
            if end > ends.last().copied().unwrap_or_default() {
                ends.push(end);
            }
        }
        ends
    }

    fn gate(&self, first: bool, last: bool) -> Gate {
        Gate {
            bake_ms: self.bake_ms,
            analysis: self.analysis.clone().filter(|_| !last),
            approval: self.approval && first && !last,
            success: Some(self.success),
            canary: !last,
        }
    }
}

impl DeploymentStrategy for CanaryDeployment {
    fn name(&self) -> &'static str {
        "canary"
    }

    fn stages(&self, members: &[Member]) -> Vec<Stage> {
        let ids: Vec<_> = self.order.of(members).iter().map(|member| member.id.clone()).collect();
        let ends = self.ends(ids.len());
        let starts = std::iter::once(0).chain(ends.iter().copied());
        let stages = starts.zip(ends.iter().copied());
        let stage = |(start, end): (usize, usize)| {
            let gate = self.gate(start == 0, end == ids.len());
            Stage::new(ids[start..end].to_vec()).behind(gate)
        };
        stages.map(stage).collect()
    }

    fn pace(&self) -> Pace {
        self.waits.pace(self.parallel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(stages: &[&str], total: usize) -> Vec<usize> {
        let stages = stages.iter().map(|text| text.parse().expect("an amount")).collect();
        CanaryDeployment { stages, ..CanaryDeployment::default() }.ends(total)
    }

    #[test]
    fn stages_grow_round_up_and_reach_everything() {
        assert_eq!(CanaryDeployment::default().ends(40), [4, 10, 20, 40]);
        assert_eq!(CanaryDeployment::default().ends(3), [1, 2, 3]);
        assert_eq!(CanaryDeployment::default().ends(1), [1]);
        assert_eq!(CanaryDeployment::default().ends(0), [0_usize; 0]);
        assert_eq!(ends(&["1", "10%", "50%", "100%"], 7), [1, 4, 7]);
        assert_eq!(ends(&["5", "10%"], 20), [5, 20]);
        assert_eq!(ends(&["50"], 20), [20]);
    }

    #[test]
    fn only_stages_before_the_last_are_canaries_with_an_analysis() {
        let analysis = Some("errors".to_owned());
        let canary = CanaryDeployment { analysis, approval: true, ..CanaryDeployment::default() };
        let members: Vec<_> =
            (0..4).map(|n| Member::new(crate::target::TargetId::new(n.to_string()))).collect();
        let stages = canary.stages(&members);
        let gates: Vec<_> = stages
            .iter()
            .map(|stage| (stage.gate.canary, stage.gate.analysis.is_some(), stage.gate.approval))
            .collect();
        assert_eq!(gates, [(true, true, true), (true, true, false), (false, false, false)]);
    }
}
