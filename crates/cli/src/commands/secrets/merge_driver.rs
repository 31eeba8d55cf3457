//! `windlass secrets merge-driver`, which git runs.

use std::path::Path;

use serde_json::json;
use windlass::clock::{Clock, SystemClock};
use windlass::project::LoadedProject;
use windlass::secrets::{MergeFiles, SecretsError, replace_file};

use super::subject::Place;
use super::{Outcome, done};
use crate::app::App;
use crate::args::SecretsMerge;
use crate::error::Exit;

/// Merges into `ours`, as git wants it; with a conflict, the exit code is 1 and `ours` says where.
pub(super) fn run(app: &App, args: &SecretsMerge) -> Outcome {
    let directory = args.name.parent().filter(|above| above.is_dir());
    let place = match (&app.global.project, directory) {
        (None, Some(directory)) => Place::around(LoadedProject::find(directory))?,
        _ => Place::of(app)?,
    };
    let files =
        MergeFiles { base: &args.base, ours: &args.ours, theirs: &args.theirs, name: &args.name };
    match files.merge(place.keys(), SystemClock.now()) {
        Ok(text) => replace_file(&args.ours, text.as_bytes())?,
        Err(error) => return Err(refuse(&files, &args.ours, error)),
    }
    let name = args.name.display().to_string();
    done(app, &format!("Merged {name}."), json!({ "file": name }))?;
    Ok(Exit::Done)
}

/// Says in our file what is in conflict, and returns the error.
fn refuse(files: &MergeFiles<'_>, ours: &Path, error: SecretsError) -> crate::error::CliError {
    let marked = files.marked(&error).and_then(|text| replace_file(ours, &text));
    match marked {
        Ok(()) => error.into(),
        Err(other) => other.into(),
    }
}
