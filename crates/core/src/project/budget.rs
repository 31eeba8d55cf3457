//! `budget`: how many targets may be bad.

use std::ops::RangeInclusive;

use super::fields::Item;
use super::input::Problem;
use super::shape::{Field, Kind, Shape, TEXT, Text};
use crate::budget::{Allowance, Budget};
use crate::strategy::StrategySpec;

/// What `budget` may be.
pub(super) const KIND: Kind =
    Kind::Any(&[Kind::Text(&TEXTUAL), Kind::Integer(&COUNT), Kind::Table(&TABLE)]);
const ALLOWANCE: Kind = Kind::Any(&[Kind::Text(&TEXTUAL), Kind::Integer(&COUNT)]);

static TEXTUAL: Text = Text::matching("allowance", "^([0-9]+|0*([1-9][0-9]?|100)%)$");
const COUNT: RangeInclusive<u32> = 0..=u32::MAX;

static TABLE: Shape = Shape {
    fields: &[
        Field::new("fleet", ALLOWANCE, "\"10%\"", "Of all targets; shares round up.").or("0"),
        Field::new("domain", ALLOWANCE, "1", "Of the targets of each failure domain.")
            .beside("by = \"zone\""),
        Field::new(
            "by",
            Kind::Text(&TEXT),
            "\"zone\"",
            "A variable of the targets whose values are failure domains.",
        )
        .or_else("`by` of the strategy"),
        Field::new("canary", ALLOWANCE, "1", "Of the canaries moved so far.").or("0"),
    ],
    ..Shape::inline(
        "budget",
        "A table for `budget`",
        "How many targets may have failed, be unhealthy or unreachable, together, before a rollout \
         stops.",
    )
};

/// Reads `budget`; `strategy` may say what the failure domains are.
pub(super) fn read(item: &Item<'_>, strategy: Option<&StrategySpec>) -> Option<Budget> {
    if !item.is_table() {
        return read_allowance(item).map(|fleet| Budget { fleet, ..Budget::default() });
    }
    let fields = item.fields(item.label(), &TABLE)?;
    let allowance = |key| fields.get(key).map(|item| read_allowance(&item));
    let (fleet, canary) = (allowance("fleet"), allowance("canary"));
    let domain = allowance("domain");
    let by = fields.get("by").map(|by| by.text());
    let inherited = || domains_of(strategy).filter(|_| domain.is_some());
    let by = by.map_or_else(|| Some(inherited()), |by| by.map(Some));
    if let (Some(domain), Some(None)) = (fields.get("domain"), &by) {
        let message = format!("{} says nothing without `by`", domain.label());
        let hint = "name the variable of the targets that says in which domain each is, such as \
                    `by = \"zone\"`";
        fields.report(Problem::at(domain.span(), message).hint(hint));
    }
    Some(Budget {
        fleet: fleet.unwrap_or(Some(Allowance::NONE))?,
        domain: domain.map_or(Some(None), |domain| domain.map(Some))?,
        by: by?,
        canary: canary.unwrap_or(Some(Allowance::NONE))?,
    })
}

fn domains_of(strategy: Option<&StrategySpec>) -> Option<String> {
    match strategy? {
        StrategySpec::Rolling(rolling) => rolling.by.clone(),
        StrategySpec::BlueGreen(_) | StrategySpec::Canary(_) => None,
    }
}

fn read_allowance(item: &Item<'_>) -> Option<Allowance> {
    let allowance = item.scalar()?.parse();
    if allowance.is_err() {
        let hint = "write a number from 0, or a share from `\"1%\"` to `\"100%\"`";
        item.report(format!("{} is not a number of targets", item.label()), Some(hint.to_owned()));
    }
    allowance.ok()
}
