//! `prometheus`: a query, and what its samples must keep to.

use super::read_url;
use crate::decimal::Decimal;
use crate::health::{Bound, PrometheusProbe};
use crate::project::fields::Item;
use crate::project::shape::{Alternative, Field, Kind, Shape, TEXT, Text};

pub(super) static PROMETHEUS: Shape = Shape {
    fields: &[
        Field::new(
            "url",
            Kind::Text(&URL),
            "\"http://prometheus:9090\"",
            "The server; `https://` with `from = \"operator\"`.",
        )
        .required()
        .beside("query = \"up\", min = 1"),
        Field::new(
            "query",
            Kind::Text(&TEXT),
            "\"up{instance='${TARGET_ADDRESS}:9100'}\"",
            "An instant query. `${NAME}` in it is replaced.",
        )
        .required()
        .beside("url = \"http://prometheus:9090\", min = 1"),
        Field::new("max", NUMBER, "\"0.01\"", "What no sample may exceed.").beside(BESIDE),
        Field::new("min", NUMBER, "1", "What no sample may fall below.").beside(BESIDE),
    ],
    one_of: &[
        Alternative { field: "max", refuses: &[] },
        Alternative { field: "min", refuses: &[] },
    ],
    ..Shape::inline(
        "prometheus",
        "A table for `prometheus`",
        "A query, and what its samples must keep to.",
    )
};

const BESIDE: &str = "url = \"http://prometheus:9090\", query = \"up\"";
static URL: Text = Text::matching("URL", "^https?://.");
static DECIMAL: Text = Text::matching("number", "^[0-9.eE+-]+$");
/// A number: whole, or with a point and in quotes.
const NUMBER: Kind = Kind::Any(&[Kind::Text(&DECIMAL), Kind::Whole]);

/// Reads `prometheus`.
pub(super) fn read(item: &Item<'_>, secure: bool) -> Option<PrometheusProbe> {
    let fields = item.fields(item.label(), &PROMETHEUS)?;
    let url = fields.require("url").and_then(|url| read_url(&url, secure));
    let query = fields.require("query").and_then(|query| query.text());
    let bound = fields.exactly_one().and_then(|(kind, item)| {
        let number = read_number(&item)?;
        Some(if kind == "max" { Bound::Max(number) } else { Bound::Min(number) })
    });
    Some(PrometheusProbe { url: url?, query: query?, bound: bound? })
}

/// Reads a number: whole, or a text such as `"0.01"`.
fn read_number(item: &Item<'_>) -> Option<Decimal> {
    if !item.is_integer() && !item.is_string() {
        item.wrong_type("a number", Some("write it in quotes, such as `\"0.01\"`".to_owned()));
        return None;
    }
    let number = item.scalar()?.parse();
    if number.is_err() {
        let hint = "write a number, such as `\"0.01\"`";
        item.report(format!("{} is not a number", item.label()), Some(hint.to_owned()));
    }
    number.ok()
}
