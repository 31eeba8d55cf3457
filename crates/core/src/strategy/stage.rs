//! Stages, the gates behind them, and the check that a strategy's stages are sound.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{Member, Share};
use crate::target::TargetId;

/// Targets that are moved before any of the next stage is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The targets of this stage.
    pub targets: Vec<TargetId>,
    /// What must hold before the next stage begins, beyond the health of the targets.
    #[serde(default, skip_serializing_if = "Gate::is_open")]
    pub gate: Gate,
}

impl Stage {
    /// Returns a stage of `targets` without a gate.
    #[must_use]
    pub const fn new(targets: Vec<TargetId>) -> Self {
        Self { targets, gate: Gate::OPEN }
    }

    /// Returns the stage behind `gate`.
    #[must_use]
    pub fn behind(self, gate: Gate) -> Self {
        Self { gate, ..self }
    }
}

/// What must hold after a stage, once its targets are healthy, before the next one begins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Gate {
    /// How long the stage is watched, in milliseconds.
    #[serde(skip_serializing_if = "is_zero")]
    pub bake_ms: u64,
    /// The name of the analysis that must promote it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub analysis: Option<String>,
    /// Whether a person must approve.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub approval: bool,
    /// The share of the targets moved so far that must be healthy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub success: Option<Share>,
    /// Whether the targets of this stage are canaries, which have a budget of their own.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub canary: bool,
}

impl Gate {
    /// A gate that asks for nothing.
    pub const OPEN: Self =
        Self { bake_ms: 0, analysis: None, approval: false, success: None, canary: false };

    /// Tells whether it asks for nothing.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *self == Self::OPEN
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// What is wrong with the stages that a strategy made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StageError {
    /// There are targets, and no stage.
    #[error("the strategy made no stage of {0} targets")]
    NoStage(usize),
    /// A stage has no target.
    #[error("stage {0} is empty")]
    Empty(usize),
    /// A target is in two stages, or twice in one.
    #[error("target {target} is in stage {first} and again in stage {second}")]
    Twice {
        /// The target.
        target: TargetId,
        /// Where it is first, from 1.
        first: usize,
        /// Where it is again, from 1.
        second: usize,
    },
    /// A target is none of those to be moved.
    #[error("stage {stage} has target {target}, which is not to be moved")]
    Foreign {
        /// The target.
        target: TargetId,
        /// Where it is, from 1.
        stage: usize,
    },
    /// A target is in no stage.
    #[error("target {0} is in no stage")]
    LeftOut(TargetId),
    /// A target was given twice.
    #[error("target {0} was given twice")]
    GivenTwice(TargetId),
}

/// Checks that `stages` hold each of `members` exactly once and nothing else. What a strategy of
/// somebody else returns is not trusted further than that.
///
/// # Errors
/// Everything that is wrong, in the order of the stages.
pub fn check_stages(members: &[Member], stages: &[Stage]) -> Result<(), Vec<StageError>> {
    let mut errors = Vec::new();
    let mut places: BTreeMap<&TargetId, usize> = BTreeMap::new();
    for member in members {
        if places.insert(&member.id, 0).is_some() {
            errors.push(StageError::GivenTwice(member.id.clone()));
        }
    }
    if stages.is_empty() && !members.is_empty() {
        errors.push(StageError::NoStage(members.len()));
        return Err(errors);
    }
    for (nth, stage) in stages.iter().enumerate() {
        check_stage(nth + 1, stage, &mut places, &mut errors);
    }
    let left_out = members.iter().filter(|member| places.get(&member.id) == Some(&0));
    errors.extend(left_out.map(|member| StageError::LeftOut(member.id.clone())));
    if errors.is_empty() { Ok(()) } else { Err(errors) }
}

fn check_stage(
    nth: usize,
    stage: &Stage,
    places: &mut BTreeMap<&TargetId, usize>,
    errors: &mut Vec<StageError>,
) {
    if stage.targets.is_empty() {
        errors.push(StageError::Empty(nth));
    }
    for target in &stage.targets {
        match places.get_mut(target) {
            None => errors.push(StageError::Foreign { target: target.clone(), stage: nth }),
            Some(place @ 0) => *place = nth,
            Some(first) => {
                let (target, first) = (target.clone(), *first);
                errors.push(StageError::Twice { target, first, second: nth });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(name: &str) -> TargetId {
        TargetId::new(name)
    }

    fn stage(names: &[&str]) -> Stage {
        Stage::new(names.iter().map(|name| id(name)).collect())
    }

    fn members() -> Vec<Member> {
        ["a", "b", "c"].map(|name| Member::new(id(name))).to_vec()
    }

    #[test]
    fn every_target_once_is_sound() {
        assert_eq!(check_stages(&members(), &[stage(&["c"]), stage(&["a", "b"])]), Ok(()));
        assert_eq!(check_stages(&[], &[]), Ok(()));
    }

    #[test]
    fn everything_wrong_is_told() {
        let stages = [stage(&["a", "a"]), stage(&[]), stage(&["x", "b"]), stage(&["b"])];
        let errors = check_stages(&members(), &stages).expect_err("unsound");
        let told: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert_eq!(
            told,
            [
                "target a is in stage 1 and again in stage 1",
                "stage 2 is empty",
                "stage 3 has target x, which is not to be moved",
                "target b is in stage 3 and again in stage 4",
                "target c is in no stage",
            ]
        );
    }

    #[test]
    fn no_stage_for_targets_is_refused() {
        assert_eq!(check_stages(&members(), &[]), Err(vec![StageError::NoStage(3)]));
        let twice = [Member::new(id("a")), Member::new(id("a"))];
        let errors = check_stages(&twice, &[stage(&["a"])]);
        assert_eq!(errors, Err(vec![StageError::GivenTwice(id("a"))]));
    }

    #[test]
    fn a_stage_without_a_gate_is_written_as_before() {
        let json = serde_json::to_string(&stage(&["a"])).expect("serializes");
        assert_eq!(json, r#"{"targets":["a"]}"#);
        assert_eq!(serde_json::from_str::<Stage>(&json).expect("reads back"), stage(&["a"]));
    }
}
