//! `windlass secrets rotate-key`

use serde_json::json;

use super::subject::Place;
use super::{Outcome, done, warn};
use crate::app::App;
use crate::args::SecretsFiles;
use crate::error::Exit;
use crate::ui::human;

/// Encrypts files under new data keys, one after the other: each is the old one or the new one at any
/// moment, and both can be read. Run again after an interruption, it does all of them once more.
pub(super) fn run(app: &App, args: &SecretsFiles) -> Outcome {
    let place = Place::of(app)?;
    let subjects = place.subjects(&args.subjects)?;
    for subject in &subjects {
        subject.manager.rotate_key()?;
    }
    warn(app, place.keys());
    let files: Vec<_> = subjects.iter().map(|subject| &subject.shown).collect();
    let said = format!(
        "Encrypted {} under new data keys: {}.",
        human::count(files.len(), "file"),
        human::list(&files, 5)
    );
    done(app, &said, json!({ "files": files }))?;
    Ok(Exit::Done)
}
