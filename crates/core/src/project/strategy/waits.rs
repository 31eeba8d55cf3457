//! How long a rollout waits, and what it does when that was in vain.

use crate::duration::spoken;
use crate::project::fields::{Fields, Item};
use crate::project::input::Problem;
use crate::project::shape::{DURATION, Field, Kind, NAME};
use crate::strategy::{Pace, Waits};

/// How long a stage is watched.
pub(super) const BAKE: Field = Field::new(
    "bake",
    Kind::Text(&DURATION),
    "\"10m\"",
    "How long each stage is watched after its targets are healthy.",
)
.or_else("not at all");

/// What must promote a stage.
pub(super) const ANALYSIS: Field = Field::new(
    "analysis",
    Kind::Text(&NAME),
    "\"errors\"",
    "The analysis that must find the new release good before it goes on.",
);

pub(super) const MIN_HEALTHY: Field = Field::new(
    "min_healthy",
    Kind::Text(&DURATION),
    "\"30s\"",
    "How long a target must be healthy without a break before it counts as healthy.",
)
.or_else("the checks themselves decide");

pub(super) const HEALTHY_DEADLINE: Field = Field::new(
    "healthy_deadline",
    Kind::Text(&DURATION),
    "\"3m\"",
    "How long a target may take for each step until it is healthy.",
)
.or("\"5m\"");

pub(super) const PROGRESS_DEADLINE: Field = Field::new(
    "progress_deadline",
    Kind::Text(&DURATION),
    "\"15m\"",
    "How long it may take until the next target becomes healthy.",
)
.or("\"10m\"");

pub(super) const AUTO_ROLLBACK: Field = Field::new(
    "auto_rollback",
    Kind::Boolean,
    "false",
    "Whether a failure takes every target back that moved; otherwise it pauses for a person.",
)
.or("true");

/// Reads the waits. One that is said as it would be anyway is as if it was not.
pub(super) fn read(fields: &Fields<'_>) -> Option<Waits> {
    let usual = Pace::default();
    let min_healthy = milliseconds(fields, "min_healthy", usual.min_healthy_ms);
    let healthy = milliseconds(fields, "healthy_deadline", usual.healthy_deadline_ms);
    let progress = milliseconds(fields, "progress_deadline", usual.progress_deadline_ms);
    let auto_rollback = fields.get("auto_rollback").map(|item| item.boolean());
    let waits = Waits {
        min_healthy_ms: min_healthy?,
        healthy_deadline_ms: healthy?,
        progress_deadline_ms: progress?,
        auto_rollback: Some(auto_rollback.unwrap_or(Some(true))?).filter(|rolls_back| !rolls_back),
    };
    check(fields, &waits);
    Some(waits)
}

fn milliseconds(fields: &Fields<'_>, key: &'static str, usual: u64) -> Option<Option<u64>> {
    match fields.get(key) {
        None => Some(None),
        Some(item) => item.milliseconds().map(|ms| Some(ms).filter(|ms| *ms != usual)),
    }
}

/// Reports deadlines that nothing could meet.
fn check(fields: &Fields<'_>, waits: &Waits) {
    let usual = Pace::default();
    let min_healthy = waits.min_healthy_ms.unwrap_or(usual.min_healthy_ms);
    let healthy = waits.healthy_deadline_ms.unwrap_or(usual.healthy_deadline_ms);
    let progress = waits.progress_deadline_ms.unwrap_or(usual.progress_deadline_ms);
    let ordered = [
        (("min_healthy", min_healthy), ("healthy_deadline", healthy), min_healthy < healthy),
        (("healthy_deadline", healthy), ("progress_deadline", progress), healthy <= progress),
    ];
    for ((less, least), (more, most), _) in ordered.into_iter().filter(|(.., sound)| !sound) {
        let (least, most) = (spoken(least), spoken(most));
        let message = format!(
            "no target can meet `{more}` ({most}) after `{less}` ({least}) in {}",
            fields.place()
        );
        let span = [more, less].into_iter().find_map(|key| fields.get(key)).map(|item| item.span());
        let problem = Problem::at(span.unwrap_or_else(|| fields.span()), message);
        fields.report(problem.hint(format!("write a longer `{more}`, or a shorter `{less}`")));
    }
}

/// Reads `analysis`.
pub(super) fn read_analysis(fields: &Fields<'_>) -> Option<Option<String>> {
    let name = |item: Item<'_>| item.parsed::<crate::name::ServiceName>();
    match fields.get("analysis") {
        None => Some(None),
        Some(item) => name(item).map(|name| Some(name.to_string())),
    }
}
