//! Blue-green: every target is found healthy on its idle slot, then one switch.

use serde::{Deserialize, Serialize};

use super::{Amount, Cutover, DeploymentStrategy, Gate, Member, Pace, Stage, Waits};

/// Brings the release up beside the live one on every target, and then switches all of them at once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlueGreenDeployment {
    /// How many targets bring the release up side by side; 25 % unless told otherwise.
    pub parallel: Amount,
    /// How long the old slot is kept after the switch, in milliseconds; 30 s unless told otherwise.
    pub keep_ms: u64,
    /// The analysis that must promote the idle slots before the switch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub analysis: Option<String>,
    /// Whether a person must approve the switch.
    #[serde(default)]
    pub approval: bool,
    /// The waits that are said.
    #[serde(default, skip_serializing_if = "Waits::is_default")]
    pub waits: Waits,
}

impl Default for BlueGreenDeployment {
    fn default() -> Self {
        Self {
            parallel: Amount::Percent(25),
            keep_ms: 30_000,
            analysis: None,
            approval: false,
            waits: Waits::default(),
        }
    }
}

impl DeploymentStrategy for BlueGreenDeployment {
    fn name(&self) -> &'static str {
        "blue_green"
    }

    fn stages(&self, members: &[Member]) -> Vec<Stage> {
        if members.is_empty() {
            return Vec::new();
        }
        let (analysis, approval) = (self.analysis.clone(), self.approval);
        let ids = members.iter().map(|member| member.id.clone()).collect();
        vec![Stage::new(ids).behind(Gate { analysis, approval, ..Gate::OPEN })]
    }

    fn pace(&self) -> Pace {
        self.waits.pace(self.parallel)
    }

    fn cutover(&self) -> Cutover {
        Cutover::Together { keep_ms: self.keep_ms }
    }
}
