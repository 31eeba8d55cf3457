//! `windlass config`

mod check;
mod explain;
mod explain_file;
mod migrate;
mod samples;
mod set;
mod show;
mod validate;

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};
use windlass::configuration::{FileChange, Loaded};
use windlass_core::diagnostic::Diagnostic;

use super::Outcome;
use crate::app::App;
use crate::args::Config;
use crate::error::diagnostic_json;
use crate::ui::{escape, style::Tint};

pub(crate) async fn run(app: &App, args: Config) -> Outcome {
    match args {
        Config::Show(args) => show::run(app, &app.engine()?, &args).await,
        Config::Get(args) => explain::get(app, &app.engine()?, &args).await,
        Config::Explain(args) => match &args.file {
            Some(file) => explain_file::run(app, &app.engine()?, &args, file).await,
            None => explain::run(app, &app.engine()?, &args).await,
        },
        Config::Validate(args) => validate::run(app, &args).await,
        Config::Check(args) => check::run(app, &args),
        Config::Set(args) => set::run(app, &app.engine()?, &args).await,
        Config::Migrate(args) => migrate::run(app, &app.engine()?, &args).await,
        Config::Schema(args) => samples::schema(app, &app.engine()?, &args).await,
        Config::Template(args) => samples::template(app, &app.engine()?, &args).await,
    }
}

/// Returns the warnings of all configurations, each once.
fn warnings_of(all: &BTreeMap<String, Loaded>) -> Vec<Diagnostic> {
    let mut warnings: Vec<Diagnostic> = Vec::new();
    for warning in all.values().flat_map(|one| &one.warnings) {
        if !warnings.contains(warning) {
            warnings.push(warning.clone());
        }
    }
    warnings
}

/// Prints `text`, or `value` as JSON; `warnings` go to standard error, or into the JSON.
fn print(
    app: &App,
    text: impl FnOnce() -> String,
    mut value: Value,
    warnings: &[Diagnostic],
) -> Result<(), crate::error::CliError> {
    value["warnings"] = warnings.iter().map(diagnostic_json).collect();
    if !app.is_json() {
        warn(app, warnings);
    }
    app.print(text, value)
}

/// Says `warnings` on standard error, unless it is to be quiet.
fn warn(app: &App, warnings: &[Diagnostic]) {
    if !app.global.quiet && !warnings.is_empty() {
        super::show_diagnostics(app, warnings);
    }
}

/// Returns the diff of a file, coloured; a word about it where there is none to show.
fn diff(change: &FileChange, app: &App) -> String {
    let said = match change.diff.as_deref() {
        None => format!("{}: changes that may hold secrets\n", escape::line(&change.file)),
        Some("") => format!("{}: secret values change\n", escape::line(&change.file)),
        Some(diff) => return coloured(diff, app),
    };
    if change.is_change() { said } else { String::new() }
}

fn coloured(diff: &str, app: &App) -> String {
    let mut out = String::new();
    for line in diff.split_terminator('\n') {
        let tint = match line.as_bytes().first() {
            Some(b'+') => Tint::Added,
            Some(b'-') => Tint::Removed,
            Some(b'@' | b'\\') => Tint::Dim,
            _ => Tint::Plain,
        };
        let _ = writeln!(out, "{}", app.style.paint(tint, &escape::block(line)));
    }
    out
}

/// Returns a change for programs.
fn change_json(change: &FileChange) -> Value {
    let new = change.before.is_none();
    json!({ "file": change.file, "changed": change.is_change(), "new": new, "diff": change.diff })
}
