//! `strategy`: a name, or a table with its settings.

mod amount;
mod blue_green;
mod canary;
mod rolling;
mod waits;

use super::fields::Item;
use super::shape::{Alternative, Field, Kind, Shape};
use crate::strategy::{StrategySpec, create_strategy};

/// What `strategy` may be.
pub(super) const KIND: Kind = Kind::Any(&[Kind::Choice(&StrategySpec::NAMES), Kind::Table(&TABLE)]);

static TABLE: Shape = Shape {
    fields: &[
        Field::new(
            "rolling",
            Kind::Table(&rolling::SHAPE),
            "{ parallel = \"25%\" }",
            "A part of the targets at a time.",
        ),
        Field::new(
            "blue_green",
            Kind::Table(&blue_green::SHAPE),
            "{ keep = \"5m\" }",
            "All targets beside what serves, and then one switch.",
        ),
        Field::new(
            "canary",
            Kind::Table(&canary::SHAPE),
            "{ stages = [1, \"10%\", \"100%\"], bake = \"10m\" }",
            "A few targets first, then more.",
        ),
    ],
    one_of: &[
        Alternative { field: "rolling", refuses: &[] },
        Alternative { field: "blue_green", refuses: &[] },
        Alternative { field: "canary", refuses: &[] },
    ],
    ..Shape::inline("strategy", "A table for `strategy`", "A strategy and its settings.")
};

/// Reads `strategy`.
pub(super) fn read(item: &Item<'_>) -> Option<StrategySpec> {
    if item.is_string() {
        let names = StrategySpec::NAMES.map(|name| (name, name));
        return create_strategy(item.choice("strategy", &names)?).ok();
    }
    if !item.is_table() {
        item.wrong_type("a strategy (a string, or a table)", None);
        return None;
    }
    let (name, settings) = item.fields(item.label(), &TABLE)?.exactly_one()?;
    match name {
        "rolling" => rolling::read(&settings).map(StrategySpec::Rolling),
        "blue_green" => blue_green::read(&settings).map(StrategySpec::BlueGreen),
        _ => canary::read(&settings).map(StrategySpec::Canary),
    }
}
