//! `blue_green = { … }`.

use super::amount::{PARALLEL, read_parallel};
use super::waits::{self, ANALYSIS};
use crate::project::fields::Item;
use crate::project::shape::{DURATION, Field, Kind, Shape};
use crate::strategy::BlueGreenDeployment;

pub(super) static SHAPE: Shape = Shape {
    fields: &[
        PARALLEL,
        Field::new(
            "keep",
            Kind::Text(&DURATION),
            "\"5m\"",
            "How long the old slot runs on after the switch, for one back at once.",
        )
        .or("\"30s\""),
        Field::new("approval", Kind::Boolean, "true", "Whether a person must approve the switch.")
            .or("false"),
        ANALYSIS,
        waits::MIN_HEALTHY,
        waits::HEALTHY_DEADLINE,
        waits::PROGRESS_DEADLINE,
        waits::AUTO_ROLLBACK,
    ],
    ..Shape::inline(
        "blue_green",
        "The settings of `blue_green`",
        "All targets beside what serves, and then one switch.",
    )
};

/// Reads `blue_green`.
pub(super) fn read(item: &Item<'_>) -> Option<BlueGreenDeployment> {
    let fields = item.fields(item.label(), &SHAPE)?;
    let usual = BlueGreenDeployment::default();
    let parallel = read_parallel(&fields);
    let keep = fields.get("keep").map(|keep| keep.milliseconds());
    let approval = fields.get("approval").map(|approval| approval.boolean());
    let analysis = waits::read_analysis(&fields);
    let waits = waits::read(&fields);
    Some(BlueGreenDeployment {
        parallel: parallel?,
        keep_ms: keep.unwrap_or(Some(usual.keep_ms))?,
        analysis: analysis?,
        approval: approval.unwrap_or(Some(usual.approval))?,
        waits: waits?,
    })
}
