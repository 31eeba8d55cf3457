//! `windlass secrets check`

use serde_json::json;
use windlass::clock::{Clock, SystemClock};
use windlass::secrets::check::{CheckReport, Checks, SecretFinding};
use windlass_core::diagnostic::{Diagnostic, Position};

use super::subject::Place;
use super::{Outcome, warn};
use crate::app::App;
use crate::error::Exit;
use crate::ui::{diagnostics, human};

pub(super) fn run(app: &App) -> Outcome {
    let place = Place::of(app)?;
    let root = place.root();
    let spec = place.spec();
    let checks = Checks {
        root: &root,
        files: place.files().iter().map(Into::into).collect(),
        max_age: spec.max_age,
        allow: &spec.allow,
        keys: place.keys(),
        now: SystemClock.now(),
    };
    let report = checks.run()?;
    warn(app, place.keys());
    let clean = report.findings.is_empty();
    let mut object = json!(report);
    object["clean"] = json!(clean);
    app.print(|| text(&report, app), object)?;
    Ok(if clean { Exit::Done } else { Exit::Changes })
}

fn text(report: &CheckReport, app: &App) -> String {
    let found: Vec<Diagnostic> = report.findings.iter().map(diagnostic).collect();
    // The lines themselves stay where they are: they hold what should not be shown.
    let mut text = diagnostics::render(&found, &|_| None, app.style);
    let unread = report.files.iter().filter(|file| !file.verified).count();
    text += &format!(
        "{}: {} encrypted, {} searched for plain text",
        match report.findings.len() {
            0 => "Nothing found".to_owned(),
            count => human::count(count, "finding"),
        },
        human::count(report.files.len(), "file"),
        human::count(report.searched, "file"),
    );
    if unread > 0 {
        text += &format!("; {} could not be checked without a key", human::count(unread, "file"));
    }
    text + ".\n"
}

fn diagnostic(finding: &SecretFinding) -> Diagnostic {
    let mut diagnostic = Diagnostic::warning(finding.message.clone()).in_file(finding.file.clone());
    if let (Some(line), Some(column)) = (finding.line, finding.column) {
        diagnostic = diagnostic.at(Position { line, column });
    }
    match &finding.hint {
        Some(hint) => diagnostic.hint(hint.clone()),
        None => diagnostic,
    }
}
