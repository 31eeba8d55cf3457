//! `strategy`: a name, or a table with its settings.

use std::ops::RangeInclusive;

use super::fields::{Item, unsupported};
use super::shape::{Alternative, Field, Kind, Shape, Text};
use crate::strategy::{RollingDeployment, StrategySpec, create_strategy};

/// Strategies of the design that a later version brings.
const LATER: &[&str] = &["blue_green", "canary"];
/// What `strategy` may be.
pub(super) const KIND: Kind = Kind::Any(&[Kind::Choice(&NAMES), Kind::Table(&STRATEGY)]);
const NAMES: [&str; 1] = ["rolling"];

static STRATEGY: Shape = Shape {
    fields: &[Field::new(
        "rolling",
        Kind::Table(&ROLLING),
        "{ parallel = \"25%\" }",
        "A part of the targets at a time.",
    )],
    later: LATER,
    one_of: &[Alternative { field: "rolling", refuses: &[] }],
    ..Shape::inline("strategy", "A table for `strategy`", "A strategy and its settings.")
};

static ROLLING: Shape = Shape {
    fields: &[Field::new(
        "parallel",
        Kind::Any(&[Kind::Text(&AMOUNT), Kind::Integer(&COUNT)]),
        "1",
        "How many targets move side by side, a number or a share; shares round up.",
    )
    .or("\"25%\"")],
    later: &["min_healthy", "healthy_deadline", "progress_deadline", "bake"],
    ..Shape::inline("rolling", "The settings of `rolling`", "A part of the targets at a time.")
};

static AMOUNT: Text = Text::matching("amount", "^0*([1-9][0-9]*|([1-9][0-9]?|100)%)$");
const COUNT: RangeInclusive<u32> = 1..=u32::MAX;

/// Reads `strategy`.
pub(super) fn read(item: &Item<'_>) -> Option<StrategySpec> {
    if item.is_string() {
        return read_name(item);
    }
    if !item.is_table() {
        item.wrong_type("a strategy (a string, or a table)", None);
        return None;
    }
    let fields = item.fields(item.label(), &STRATEGY)?;
    if fields.is_empty() {
        item.report(format!("{} is empty", item.label()), Some("write `\"rolling\"`".to_owned()));
    }
    read_rolling(&fields.get("rolling")?)
}

fn read_name(item: &Item<'_>) -> Option<StrategySpec> {
    let name = item.string()?;
    if LATER.contains(&name) {
        item.input.report(unsupported(item.span(), name).hint("write `\"rolling\"`"));
        return None;
    }
    let known = item.choice("strategy", &NAMES.map(|name| (name, name)))?;
    create_strategy(known).ok()
}

fn read_rolling(item: &Item<'_>) -> Option<StrategySpec> {
    let fields = item.fields(item.label(), &ROLLING)?;
    let rolling = match fields.get("parallel") {
        Some(parallel) => read_parallel(&parallel)?,
        None => RollingDeployment::default(),
    };
    Some(StrategySpec::Rolling(rolling))
}

fn read_parallel(item: &Item<'_>) -> Option<RollingDeployment> {
    let rolling = item.scalar()?.parse().map(RollingDeployment::of);
    if rolling.is_err() {
        let hint = "write a number from 1, or a share such as `\"25%\"`";
        item.report(format!("{} is not an amount", item.label()), Some(hint.to_owned()));
    }
    rolling.ok()
}
