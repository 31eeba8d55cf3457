//! `windlass secrets set`, `get`, `rotate` and `delete`

use std::io::{self, IsTerminal};

use serde_json::{Value, json};
use windlass::secrets::{Keep, Secret, SecretDetails, SecretName, SecretsError};

use super::subject::{Place, Subject};
use super::{Outcome, about, done, generate, value, warn};
use crate::app::App;
use crate::args::{SecretsName, SecretsRotate, SecretsSet};
use crate::error::{CliError, Exit};

pub(super) fn set(app: &App, args: &SecretsSet) -> Outcome {
    refuse_typed(&args.typed)?;
    let Subject { shown, manager } = Place::of(app)?.subject(&args.subject)?;
    let name = name(&args.name)?;
    let details = SecretDetails {
        max_age: args.max_age.clone(),
        note: args.note.clone(),
        labels: args.labels.iter().cloned().collect(),
    };
    let value = value::read(&args.from, &args.name)?;
    let id = manager.store(&name, &value, &details)?;
    warn(app, manager.keys());
    let said = format!("Set `{name}` in {shown}.");
    done(app, &said, named(&shown, &name, json!(id)))?;
    Ok(Exit::Done)
}

pub(super) fn get(app: &App, args: &SecretsName) -> Outcome {
    let Subject { shown, manager } = Place::of(app)?.subject(&args.subject)?;
    let value = manager.get(&args.name)?;
    warn(app, manager.keys());
    if app.is_json() {
        app.print_json(with_value(&shown, &args.name, &value))?;
    } else if io::stdout().is_terminal() {
        show(app, &args.name, &value)?;
    } else {
        app.print_bytes(value.expose())?;
    }
    Ok(Exit::Done)
}

/// Prints a value to a person: on a line of its own, and nothing that would change the terminal.
fn show(app: &App, name: &str, value: &Secret) -> Result<(), CliError> {
    let text = value
        .expose_text()
        .filter(|text| text.chars().all(|c| !c.is_control() || matches!(c, '\n' | '\t')));
    let binary = || format!("`{name}` is binary, and this is a terminal");
    let text = text.ok_or_else(|| super::refused(binary(), "send it to a file: `> FILE`"))?;
    app.print_bytes(text.as_bytes())?;
    if text.ends_with('\n') { Ok(()) } else { app.print_bytes(b"\n") }
}

fn with_value(shown: &str, name: &str, value: &Secret) -> Value {
    let mut object = about(shown);
    object["name"] = json!(name);
    match value.expose_text() {
        Some(text) => {
            object["value"] = json!(text);
            object["encoding"] = json!("utf-8");
        }
        None => {
            object["value"] = json!(base64(value.expose()));
            object["encoding"] = json!("base64");
        }
    }
    object
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

pub(super) fn rotate(app: &App, args: &SecretsRotate) -> Outcome {
    refuse_typed(&args.typed)?;
    let Subject { shown, manager } = Place::of(app)?.subject(&args.subject)?;
    let name = name(&args.name)?;
    let new = match args.generate {
        Some(length) => generate::letters(length)
            .map_err(|error| CliError::Output(io::Error::other(error.to_string())))?,
        None => value::read(&args.from, &args.name)?,
    };
    let keep = if args.keep { Keep::Value } else { Keep::Fingerprint };
    let id = manager.rotate(&name, &new, keep)?;
    warn(app, manager.keys());
    let said = format!("Rotated `{name}` in {shown}; deploy for it to take effect.");
    done(app, &said, named(&shown, &name, json!(id)))?;
    Ok(Exit::Done)
}

pub(super) fn delete(app: &App, args: &SecretsName) -> Outcome {
    let Subject { shown, manager } = Place::of(app)?.subject(&args.subject)?;
    let name = manager.delete(&args.name)?;
    warn(app, manager.keys());
    done(app, &format!("Deleted `{name}` from {shown}."), named(&shown, &name, Value::Null))?;
    Ok(Exit::Done)
}

/// Refuses a value that was typed behind the name.
fn refuse_typed(words: &[String]) -> Result<(), CliError> {
    if words.is_empty() {
        return Ok(());
    }
    Err(CliError::Usage {
        message:
            "a value on the command line can be seen by every process, and stays in the history \
                  of your shell"
                .to_owned(),
        hint: Some(
            "type it when you are asked, or write it to standard input; use another value"
                .to_owned(),
        ),
    })
}

fn name(text: &str) -> Result<SecretName, SecretsError> {
    Ok(SecretName::new(text)?)
}

fn named(shown: &str, name: &SecretName, id: Value) -> Value {
    let mut object = about(shown);
    object["name"] = json!(name);
    if !id.is_null() {
        object["id"] = id;
    }
    object
}
