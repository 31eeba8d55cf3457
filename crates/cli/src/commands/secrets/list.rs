//! `windlass secrets list`

use serde_json::json;
use windlass::secrets::{AgeState, SecretInfo, SecretList};

use super::subject::Place;
use super::{Outcome, warn};
use crate::app::App;
use crate::args::SecretsList;
use crate::error::Exit;
use crate::ui::human;
use crate::ui::style::{Style, Tint};
use crate::ui::table::{Cell, Table};

pub(super) fn run(app: &App, args: &SecretsList) -> Outcome {
    let place = Place::of(app)?;
    let subjects = place.subjects(args.subject.as_slice())?;
    let mut lists = Vec::new();
    for subject in &subjects {
        lists.push((subject.shown.as_str(), subject.manager.list()?));
    }
    warn(app, place.keys());
    let files = lists.iter().map(
        |(file, list)| json!({ "file": file, "verified": list.verified, "secrets": list.secrets }),
    );
    let object = json!({ "files": files.collect::<Vec<_>>() });
    app.print(|| lists.iter().map(|(file, list)| text(file, list, app.style)).collect(), object)?;
    Ok(Exit::Done)
}

fn text(file: &str, list: &SecretList, style: Style) -> String {
    let mut table = Table::headed(["NAME", "AGE", "AT MOST", "STATE", "SET BY", "ROTATED"]);
    for secret in &list.secrets {
        table.row(row(secret));
    }
    let note = if list.verified { "" } else { " (no key at hand: nothing of this was checked)" };
    let title = Cell::new(Tint::Bold, file).paint(style);
    format!("{title}{note}\n{}\n", table.render("  ", style))
}

fn row(secret: &SecretInfo) -> [Cell; 6] {
    let (tint, state) = match secret.state {
        AgeState::Fresh => (Tint::Ok, "fresh"),
        AgeState::Overdue => (Tint::Error, "overdue"),
        AgeState::NoPolicy => (Tint::Plain, "no policy"),
        AgeState::Unknown => (Tint::Warning, "not known"),
    };
    let times = |count: usize| match count {
        0 => "never".to_owned(),
        count => human::count(count, "time"),
    };
    [
        Cell::plain(secret.name.as_str()),
        Cell::plain(span(secret.age_seconds)),
        Cell::plain(span(secret.max_age_seconds)),
        Cell::new(tint, state),
        Cell::plain(secret.rotated_by.as_deref().unwrap_or("-")),
        Cell::plain(times(secret.rotations.len())),
    ]
}

fn span(seconds: Option<u64>) -> String {
    seconds.map_or_else(|| "-".to_owned(), |seconds| human::duration(seconds.saturating_mul(1000)))
}
