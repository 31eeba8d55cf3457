//! `windlass config validate`

use serde_json::json;
use windlass::configuration::{Validation, unreadable};
use windlass::{Engine, Error};
use windlass_core::config::report::{github_annotations, sarif};
use windlass_core::diagnostic::Diagnostic;

use super::Outcome;
use crate::app::App;
use crate::args::{ConfigValidate, Report};
use crate::error::{CliError, Exit, diagnostic_json};
use crate::ui::human::count;

pub(super) async fn run(app: &App, args: &ConfigValidate) -> Outcome {
    let report = if app.is_json() { Report::Json } else { args.format };
    match app.engine() {
        Ok(engine) => validate(app, &engine, args, report).await,
        Err(CliError::Engine(Error::Invalid(problems))) => {
            let errors = problems.into_iter().map(unreadable).collect();
            judge(app, &[], Validation { errors, ..Validation::default() }, report)
        }
        Err(error) => Err(error),
    }
}

async fn validate(app: &App, engine: &Engine, args: &ConfigValidate, report: Report) -> Outcome {
    let environments = match &args.environment {
        Some(name) => vec![engine.environment(name).await?.name.to_string()],
        None => engine.environments().await?.iter().map(|e| e.name.to_string()).collect(),
    };
    let found = engine.validate(&environments).await?;
    judge(app, &environments, found, report)
}

/// Prints what was `found` in `environments`.
fn judge(app: &App, environments: &[String], found: Validation, report: Report) -> Outcome {
    let valid = found.errors.is_empty();
    match report {
        Report::Json => {
            let warnings: Vec<_> = found.warnings.iter().map(diagnostic_json).collect();
            app.print_json(json!({
                "valid": valid,
                "environments": environments,
                "errors": found.errors,
                "warnings": warnings,
            }))?;
        }
        Report::Sarif => app.print_text(&sarif(env!("CARGO_PKG_VERSION"), &diagnostics(found)))?,
        Report::Github => app.print_text(&github_annotations(&diagnostics(found)))?,
        Report::Text => show(app, environments, found)?,
    }
    Ok(if valid { Exit::Done } else { Exit::Failed })
}

fn diagnostics(found: Validation) -> Vec<Diagnostic> {
    found.errors.into_iter().map(Diagnostic::from).chain(found.warnings).collect()
}

fn show(app: &App, environments: &[String], found: Validation) -> Result<(), CliError> {
    if !found.errors.is_empty() {
        crate::commands::show_diagnostics(app, &diagnostics(found));
        return Ok(());
    }
    super::warn(app, &found.warnings);
    let checked = count(environments.len(), "environment");
    app.print_text(&format!("The configuration of {checked} is valid.\n"))
}
