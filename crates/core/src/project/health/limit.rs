//! How much of memory and of a file system must be left.

use bytesize::ByteSize;

use crate::health::{DiskProbe, Limit};
use crate::project::fields::{Fields, Item};
use crate::project::shape::{Alternative, Field, Kind, Shape, TEXT, Text};

/// What `memory` may be.
pub(super) const MEMORY: Kind = Kind::Any(&[Kind::Text(&SHARE), Kind::Table(&MEMORY_TABLE)]);
/// What `disk` may be.
pub(super) const DISK: Kind = Kind::Any(&[Kind::Text(&SHARE), Kind::Table(&DISK_TABLE)]);

static SHARE: Text = Text::matching("share", "^[1-9][0-9]?%$");
static SIZE: Text = Text::matching("size", r"^\+?[0-9.]+\s*[A-Za-z]*$");
const ONE_OF: &[Alternative] = &[
    Alternative { field: "max_used", refuses: &[] },
    Alternative { field: "min_available", refuses: &[] },
];
const MAX_USED: Field =
    Field::new("max_used", Kind::Text(&SHARE), "\"90%\"", "The share that may be used at most.");
const MIN_AVAILABLE: Field =
    Field::new("min_available", Kind::Text(&SIZE), "\"512MiB\"", "What must be left at least.");

static MEMORY_TABLE: Shape = Shape {
    fields: &[MAX_USED, MIN_AVAILABLE],
    one_of: ONE_OF,
    ..Shape::inline("memory", "A table for `memory`", "How much memory must be left.")
};

static DISK_TABLE: Shape = Shape {
    fields: &[
        Field::new("path", Kind::Text(&TEXT), "\"/var/lib/shop\"", "A path on the file system.")
            .or("\"${CONFIG_PATH}\"")
            .beside("max_used = \"90%\""),
        MAX_USED,
        MIN_AVAILABLE,
    ],
    one_of: ONE_OF,
    ..Shape::inline("disk", "A table for `disk`", "How much of a file system must be left.")
};

/// The path that is looked at where none is written.
const CONFIG_PATH: &str = "${CONFIG_PATH}";

/// Reads `memory`.
pub(super) fn read_memory(item: &Item<'_>) -> Option<Limit> {
    if item.is_string() {
        return read_share(item);
    }
    read_limit(&table(item, &MEMORY_TABLE)?)
}

/// Reads `disk`.
pub(super) fn read_disk(item: &Item<'_>) -> Option<DiskProbe> {
    if item.is_string() {
        let limit = read_share(item)?;
        return Some(DiskProbe { path: CONFIG_PATH.to_owned(), limit });
    }
    let fields = table(item, &DISK_TABLE)?;
    let path = fields.get("path").map(|path| path.text());
    let limit = read_limit(&fields);
    Some(DiskProbe { path: path.unwrap_or_else(|| Some(CONFIG_PATH.to_owned()))?, limit: limit? })
}

fn table<'t>(item: &Item<'t>, shape: &'static Shape) -> Option<Fields<'t>> {
    if !item.is_table() {
        item.wrong_type("a share (such as `\"90%\"`), or a table", None);
        return None;
    }
    item.fields(item.label(), shape)
}

fn read_limit(fields: &Fields<'_>) -> Option<Limit> {
    let (kind, item) = fields.exactly_one()?;
    if kind == "max_used" { read_share(&item) } else { read_size(&item) }
}

fn read_share(item: &Item<'_>) -> Option<Limit> {
    let text = item.string()?;
    let digits = text.strip_suffix('%').filter(|digits| !digits.starts_with(['0', '+']));
    let share = digits.and_then(|digits| digits.parse().ok()).filter(|share| *share < 100);
    if share.is_none() {
        let hint = "write a share from `\"1%\"` to `\"99%\"`";
        item.report(format!("{} is no such share", item.label()), Some(hint.to_owned()));
    }
    share.map(Limit::MaxUsed)
}

fn read_size(item: &Item<'_>) -> Option<Limit> {
    let size = item.string()?.parse::<ByteSize>().ok().map(|size| size.as_u64());
    let size = size.filter(|size| (1..=i64::MAX as u64).contains(size));
    if size.is_none() {
        let hint = "write a size, such as `512MiB`";
        item.report(format!("{} is not a size", item.label()), Some(hint.to_owned()));
    }
    size.map(Limit::MinAvailable)
}
