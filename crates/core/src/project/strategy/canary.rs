//! `canary = { … }`.

use super::amount::{self, AMOUNT, ORDER, PARALLEL, read_order, read_parallel};
use super::waits::{self, ANALYSIS, BAKE};
use crate::project::fields::Item;
use crate::project::shape::{Field, Kind, List, Shape, Text};
use crate::strategy::{Amount, CanaryDeployment, Share};

pub(super) static SHAPE: Shape = Shape {
    fields: &[
        Field::new(
            "stages",
            Kind::List(&List::some(AMOUNT)),
            "[1, \"10%\", \"50%\", \"100%\"]",
            "How many targets have moved at the end of each stage. What the last one leaves is a stage \
             of its own.",
        )
        .or("[\"10%\", \"25%\", \"50%\", \"100%\"]"),
        PARALLEL,
        ORDER,
        BAKE,
        Field::new(
            "success",
            Kind::Text(&SHARE),
            "\"99%\"",
            "The share of the targets moved so far that must be healthy at the end of a stage.",
        )
        .or("\"95%\""),
        Field::new(
            "approval",
            Kind::Boolean,
            "true",
            "Whether a person must approve after the first stage.",
        )
        .or("false"),
        ANALYSIS,
        waits::MIN_HEALTHY,
        waits::HEALTHY_DEADLINE,
        waits::PROGRESS_DEADLINE,
        waits::AUTO_ROLLBACK,
    ],
    ..Shape::inline("canary", "The settings of `canary`", "A few targets first, then more.")
};

static SHARE: Text = Text::matching("share", "^0*([1-9][0-9]?|100)%$");

/// Reads `canary`.
pub(super) fn read(item: &Item<'_>) -> Option<CanaryDeployment> {
    let fields = item.fields(item.label(), &SHAPE)?;
    let usual = CanaryDeployment::default();
    let stages = fields.get("stages").map(|stages| read_stages(&stages));
    let (parallel, order) = (read_parallel(&fields), read_order(&fields));
    let bake = fields.get("bake").map(|bake| bake.milliseconds());
    let success = fields.get("success").map(|success| read_share(&success));
    let approval = fields.get("approval").map(|approval| approval.boolean());
    let analysis = waits::read_analysis(&fields);
    let waits = waits::read(&fields);
    Some(CanaryDeployment {
        stages: stages.unwrap_or(Some(usual.stages))?,
        parallel: parallel?,
        order: order?,
        bake_ms: bake.unwrap_or(Some(usual.bake_ms))?,
        success: success.unwrap_or(Some(usual.success))?,
        analysis: analysis?,
        approval: approval.unwrap_or(Some(usual.approval))?,
        waits: waits?,
    })
}

fn read_share(item: &Item<'_>) -> Option<Share> {
    let share = item.string()?.parse();
    if share.is_err() {
        let hint = "write a share from `\"1%\"` to `\"100%\"`".to_owned();
        item.report(format!("{} is not a share", item.label()), Some(hint));
    }
    share.ok()
}

/// Reads amounts that grow.
fn read_stages(item: &Item<'_>) -> Option<Vec<Amount>> {
    let hint = "write how many targets have moved at the end of each, such as `[1, \"100%\"]`";
    let mut stages: Vec<Amount> = Vec::new();
    let mut sound = true;
    for entry in item.nonempty_list("amounts", hint)? {
        let Some(stage) = amount::read(&entry) else {
            sound = false;
            continue;
        };
        if let Some(fault) = against_growth(&stages, stage) {
            let hint = "each stage says how many targets have moved at its end, all together";
            entry.report(format!("{}: {fault}", entry.label()), Some(hint.to_owned()));
            sound = false;
        }
        stages.push(stage);
    }
    sound.then_some(stages)
}

/// Returns why `stage` cannot come after `before`, whatever the number of targets.
fn against_growth(before: &[Amount], stage: Amount) -> Option<String> {
    let last = *before.last()?;
    if last == stage {
        return Some(format!("stage {stage} is there twice"));
    }
    if last == Amount::Percent(100) {
        return Some(format!("stage {stage} comes after one of all targets"));
    }
    let larger = before.iter().find(|earlier| earlier.is_more_than(stage) == Some(true))?;
    Some(format!("stage {stage} is less than stage {larger} before it"))
}
