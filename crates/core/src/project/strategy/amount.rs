//! `parallel`, `order`, `by`: how many targets, and which.

use std::ops::RangeInclusive;

use crate::project::fields::{Fields, Item};
use crate::project::shape::{Field, Kind, TEXT, Text, names};
use crate::strategy::{Amount, Order};

/// What an amount of targets may be.
pub(super) const AMOUNT: Kind = Kind::Any(&[Kind::Text(&TEXTUAL), Kind::Integer(&COUNT)]);

static TEXTUAL: Text = Text::matching("amount", "^0*([1-9][0-9]*|([1-9][0-9]?|100)%)$");
const COUNT: RangeInclusive<u32> = 1..=u32::MAX;
const ORDERS: [&str; 3] = names(&Order::NAMES);

/// How many targets move side by side.
pub(super) const PARALLEL: Field = Field::new(
    "parallel",
    AMOUNT,
    "1",
    "How many targets move side by side, a number or a share; shares round up.",
)
.or("\"25%\"");

/// In which order targets move.
pub(super) const ORDER: Field = Field::new(
    "order",
    Kind::Choice(&ORDERS),
    "\"name\"",
    "In which order: as the targets are listed, the other way round, or by name.",
)
.or("\"listed\"");

/// The variable that names failure domains.
pub(super) const BY: Field = Field::new(
    "by",
    Kind::Text(&TEXT),
    "\"zone\"",
    "A variable of the targets whose values are failure domains: targets of two domains never move \
     side by side. Those without it are one domain.",
);

/// Reads an amount of targets.
pub(super) fn read(item: &Item<'_>) -> Option<Amount> {
    let amount = item.scalar()?.parse();
    if amount.is_err() {
        let hint = "write a number from 1, or a share from `\"1%\"` to `\"100%\"`";
        item.report(format!("{} is not an amount", item.label()), Some(hint.to_owned()));
    }
    amount.ok()
}

/// Reads `parallel`.
pub(super) fn read_parallel(fields: &Fields<'_>) -> Option<Amount> {
    fields.get("parallel").map_or(Some(Amount::Percent(25)), |parallel| read(&parallel))
}

/// Reads `order`.
pub(super) fn read_order(fields: &Fields<'_>) -> Option<Order> {
    let order = |item: Item<'_>| item.choice("order", &Order::NAMES);
    fields.get("order").map_or(Some(Order::default()), order)
}
