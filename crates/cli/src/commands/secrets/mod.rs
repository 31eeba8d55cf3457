//! `windlass secrets`

mod check;
mod edit;
mod generate;
mod init;
mod list;
mod merge_driver;
mod prompt;
mod recipients;
mod rotate_key;
mod subject;
mod value;
mod values;
mod whole;

use serde_json::{Value, json};
use windlass::Error;
use windlass::secrets::{Keys, SecretsError};
use windlass_core::diagnostic::Diagnostic;

use super::Outcome;
use crate::app::App;
use crate::args::Secrets;
use crate::error::CliError;
use crate::ui::escape;

pub(crate) fn run(app: &App, args: Secrets) -> Outcome {
    match args {
        Secrets::Init(args) => init::run(app, &args),
        Secrets::Set(args) => values::set(app, &args),
        Secrets::Get(args) => values::get(app, &args),
        Secrets::List(args) => list::run(app, &args),
        Secrets::Edit(args) => super::wait(edit::run(app, &args)),
        Secrets::Delete(args) => values::delete(app, &args),
        Secrets::Rotate(args) => values::rotate(app, &args),
        Secrets::RotateKey(args) => rotate_key::run(app, &args),
        Secrets::Recipients(args) => recipients::run(app, args),
        Secrets::Check => check::run(app),
        Secrets::Encrypt(args) => whole::encrypt(app, &args),
        Secrets::Decrypt(args) => whole::decrypt(app, &args),
        Secrets::MergeDriver(args) => merge_driver::run(app, &args),
    }
}

impl From<SecretsError> for CliError {
    fn from(error: SecretsError) -> Self {
        Self::Engine(Error::Secrets(error))
    }
}

/// Says on standard error what is not as it should be about the keys.
fn warn(app: &App, keys: &Keys) {
    let warnings: Vec<Diagnostic> = keys.warnings().into_iter().map(Diagnostic::warning).collect();
    if !app.global.quiet && !warnings.is_empty() {
        super::show_diagnostics_alone(app, &warnings);
    }
}

/// Prints `value` for programs, or says `text` to a person.
fn done(app: &App, text: &str, value: Value) -> Result<(), CliError> {
    if app.is_json() {
        return app.print_json(value);
    }
    app.say(&escape::block(text));
    Ok(())
}

/// Returns the error that something was not done, and what to do about it.
fn refused(message: impl Into<String>, hint: impl Into<String>) -> CliError {
    SecretsError::Refused { message: message.into(), hint: hint.into() }.into()
}

/// Returns the object of a command that did something to a file.
fn about(file: &str) -> Value {
    json!({ "file": file })
}
