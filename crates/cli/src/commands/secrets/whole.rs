//! `windlass secrets encrypt` and `decrypt`

use serde_json::json;
use windlass::clock::{Clock, SystemClock};
use windlass::secrets::{CreationRulesFile, SecretsError, Snapshot, read_file, replace_file, seal};
use windlass::sops::{Recipient, RecipientError, Rules};

use super::subject::Place;
use super::{Outcome, done, warn};
use crate::app::App;
use crate::args::{SecretsDecrypt, SecretsEncrypt};
use crate::error::{CliError, Exit};

pub(super) fn encrypt(app: &App, args: &SecretsEncrypt) -> Outcome {
    let place = Place::of(app)?;
    let subject = place.file(&args.file);
    let rules = rules(&place, args)?;
    let plain = read_file(&args.file)?;
    let text = seal(&args.file, &plain, &rules, SystemClock.now())?;
    if !args.in_place {
        return print(app, text.as_bytes(), &subject.shown);
    }
    replace_file(&args.file, text.as_bytes())?;
    // Whoever cannot read the file themselves leaves its history to somebody who can.
    match subject.manager.settle() {
        Ok(()) | Err(SecretsError::NoKey { .. }) => {}
        Err(error) => return Err(error.into()),
    }
    warn(app, place.keys());
    let said = format!("Encrypted {}.", subject.shown);
    done(app, &said, json!({ "file": subject.shown, "in_place": true }))?;
    Ok(Exit::Done)
}

fn rules(place: &Place, args: &SecretsEncrypt) -> Result<Rules, CliError> {
    let root = place.project().map(|found| found.root.as_path());
    let found = CreationRulesFile::find(&args.file, root)?;
    let rules = found.as_ref().and_then(|found| found.for_file(&args.file)).cloned();
    if args.recipients.is_empty() {
        let missing =
            SecretsError::NoRule { path: args.file.clone(), rules: found.map(|found| found.path) };
        return rules.ok_or_else(|| missing.into());
    }
    let wrong = |error: RecipientError| CliError::Usage {
        message: error.to_string(),
        hint: error.hint().map(str::to_owned),
    };
    let recipients: Result<Vec<Recipient>, _> =
        args.recipients.iter().map(|text| text.parse().map_err(wrong)).collect();
    let recipients = recipients?;
    Ok(match rules {
        Some(rules) => Rules { recipients, ..rules },
        None => Rules::for_recipients(recipients),
    })
}

pub(super) fn decrypt(app: &App, args: &SecretsDecrypt) -> Outcome {
    let place = Place::of(app)?;
    let subject = place.file(&args.file);
    let snapshot = Snapshot::open(&args.file, place.keys())?;
    warn(app, place.keys());
    if !args.in_place {
        return print(app, snapshot.plain().text(), &subject.shown);
    }
    replace_file(&args.file, snapshot.plain().text())?;
    let said = format!("Decrypted {}: do not commit it.", subject.shown);
    done(app, &said, json!({ "file": subject.shown, "in_place": true }))?;
    Ok(Exit::Done)
}

fn print(app: &App, text: &[u8], file: &str) -> Outcome {
    if !app.is_json() {
        app.print_bytes(text)?;
        return Ok(Exit::Done);
    }
    let text = std::str::from_utf8(text).map_err(|_| {
        let message = format!("{file}: the content is binary, which JSON does not hold");
        super::refused(message, "leave `--output json` out")
    })?;
    app.print_json(json!({ "file": file, "text": text }))?;
    Ok(Exit::Done)
}
