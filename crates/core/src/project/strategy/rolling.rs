//! `rolling = { … }`.

use super::amount::{BY, ORDER, PARALLEL, read_order, read_parallel};
use super::waits::{self, BAKE};
use crate::project::fields::Item;
use crate::project::shape::Shape;
use crate::strategy::RollingDeployment;

pub(super) static SHAPE: Shape = Shape {
    fields: &[
        PARALLEL,
        ORDER,
        BY,
        BAKE,
        waits::MIN_HEALTHY,
        waits::HEALTHY_DEADLINE,
        waits::PROGRESS_DEADLINE,
        waits::AUTO_ROLLBACK,
    ],
    ..Shape::inline("rolling", "The settings of `rolling`", "A part of the targets at a time.")
};

/// Reads `rolling`.
pub(super) fn read(item: &Item<'_>) -> Option<RollingDeployment> {
    let fields = item.fields(item.label(), &SHAPE)?;
    let (parallel, order) = (read_parallel(&fields), read_order(&fields));
    let by = fields.get("by").map(|by| by.text());
    let bake_ms = fields.get("bake").map(|bake| bake.milliseconds());
    let waits = waits::read(&fields);
    Some(RollingDeployment {
        parallel: parallel?,
        order: order?,
        by: by.map_or(Some(None), |by| by.map(Some))?,
        bake_ms: bake_ms.map_or(Some(None), |bake| bake.map(Some))?,
        waits: waits?,
    })
}
