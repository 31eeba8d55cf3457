//! `windlass secrets recipients`

use std::path::PathBuf;

use serde_json::json;
use windlass::secrets::{CreationRulesFile, RecipientChange, replace_file};
use windlass::sops::Recipient;

use super::subject::{Place, Subject};
use super::{Outcome, done, warn};
use crate::app::App;
use crate::args::{SecretsFiles, SecretsRecipient, SecretsRecipients};
use crate::error::{CliError, Exit};
use crate::ui::escape;
use crate::ui::human;

pub(super) fn run(app: &App, args: SecretsRecipients) -> Outcome {
    match args {
        SecretsRecipients::List(args) => list(app, &args),
        SecretsRecipients::Add(args) => change(app, &args, |recipient| RecipientChange {
            added: vec![recipient],
            removed: Vec::new(),
        }),
        SecretsRecipients::Remove(args) => change(app, &args, |recipient| RecipientChange {
            added: Vec::new(),
            removed: vec![recipient],
        }),
    }
}

fn list(app: &App, args: &SecretsFiles) -> Outcome {
    let subjects = Place::of(app)?.subjects(&args.subjects)?;
    let mut files = Vec::new();
    for subject in &subjects {
        files.push((subject.shown.clone(), subject.manager.recipients()?));
    }
    let text = || {
        let file = |(file, recipients): &(String, Vec<String>)| {
            let lines = recipients.iter().map(|one| format!("  {}\n", escape::line(one)));
            format!("{}\n{}", escape::line(file), lines.collect::<String>())
        };
        files.iter().map(file).collect()
    };
    let object =
        files.iter().map(|(file, recipients)| json!({ "file": file, "recipients": recipients }));
    app.print(text, json!({ "files": object.collect::<Vec<_>>() }))?;
    Ok(Exit::Done)
}

fn change(
    app: &App,
    args: &SecretsRecipient,
    change: impl Fn(Recipient) -> RecipientChange,
) -> Outcome {
    let recipient: Recipient =
        args.recipient.parse().map_err(|error: windlass::sops::RecipientError| {
            CliError::Usage { message: error.to_string(), hint: error.hint().map(str::to_owned) }
        })?;
    let change = change(recipient);
    let place = Place::of(app)?;
    let subjects = place.intended(&args.subjects)?;
    // The rules first: a file that is made meanwhile is for the right people.
    let rules = change_rules(&place, &subjects, &change)?;
    let mut changed = Vec::new();
    for subject in &subjects {
        if subject.manager.path().exists() && subject.manager.change_recipients(&change)? {
            changed.push(subject.shown.clone());
        }
    }
    warn(app, place.keys());
    let object = json!({ "files": changed, "rules": rules });
    done(app, &said(&change, &changed, &rules), object)?;
    Ok(Exit::Done)
}

/// Changes the rules for new files, and returns which files of rules were written.
fn change_rules(
    place: &Place,
    subjects: &[Subject],
    change: &RecipientChange,
) -> Result<Vec<String>, CliError> {
    let root = place.project().map(|found| found.root.clone());
    let mut written: Vec<String> = Vec::new();
    let mut seen: Vec<PathBuf> = Vec::new();
    for subject in subjects {
        let found = CreationRulesFile::find(subject.manager.path(), root.as_deref())?;
        let Some(rules) = found.filter(|rules| !seen.contains(&rules.path)) else { continue };
        let files: Vec<PathBuf> =
            subjects.iter().map(|subject| subject.manager.path().to_owned()).collect();
        let text = rules.with_recipients(&files, &change.added, &change.removed)?;
        if text != rules.text() {
            replace_file(&rules.path, text.as_bytes())?;
            written.push(rules.path.display().to_string());
        }
        seen.push(rules.path);
    }
    Ok(written)
}

fn said(change: &RecipientChange, changed: &[String], rules: &[String]) -> String {
    if changed.is_empty() && rules.is_empty() {
        return "Nothing to do: it is so already.".to_owned();
    }
    let files = human::count(changed.len(), "file");
    let what = match change.removed.is_empty() {
        true => format!("can now be read by {}", change.added[0]),
        false => format!("encrypted anew without {}", change.removed[0]),
    };
    let mut said = format!("{files} {what}: {}.", human::list(changed, 5));
    if !rules.is_empty() {
        said += &format!(" So will new ones: {}.", human::list(rules, 5));
    }
    if !change.removed.is_empty() {
        said += "\nWhat was in them is known to whoever has read it: rotate the secrets too.";
    }
    said
}
