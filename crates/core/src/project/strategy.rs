//! `strategy`: a name, or a table with its settings.

use super::fields::{Item, Shape, unsupported};
use crate::strategy::{RollingDeployment, StrategySpec, create_strategy};

/// Strategies of the design that a later version brings.
const LATER: &[&str] = &["blue_green", "canary"];
const STRATEGY: Shape = Shape { fields: &StrategySpec::NAMES, later: LATER };
const ROLLING: Shape = Shape {
    fields: &["parallel"],
    later: &["min_healthy", "healthy_deadline", "progress_deadline", "bake"],
};

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
    let known = item.choice("strategy", &StrategySpec::NAMES.map(|name| (name, name)))?;
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
    let rolling = item.scalar()?.parse().map(|parallel| RollingDeployment { parallel });
    if rolling.is_err() {
        let hint = "write a number from 1, or a share such as `\"25%\"`";
        item.report(format!("{} is not an amount", item.label()), Some(hint.to_owned()));
    }
    rolling.ok()
}
