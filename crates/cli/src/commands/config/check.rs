//! `windlass config check`

use std::io::Write;

use serde_json::json;
use windlass::documents::{self, Checked};
use windlass_core::config::report::{github_annotations, sarif};
use windlass_core::diagnostic::Diagnostic;

use crate::app::App;
use crate::args::{ConfigCheck, Report};
use crate::commands::Outcome;
use crate::error::Exit;
use crate::ui;
use crate::ui::human::count;

pub(crate) fn run(app: &App, args: &ConfigCheck) -> Outcome {
    let checked = documents::check(&args.schema, &args.paths)?;
    let exit = if checked.errors.is_empty() { Exit::Done } else { Exit::Failed };
    let report = if app.is_json() { Report::Json } else { args.format };
    match report {
        Report::Json => {
            let Checked { files, errors } = checked;
            app.print_json(
                json!({ "valid": errors.is_empty(), "files": files, "errors": errors }),
            )?;
        }
        Report::Sarif => {
            app.print_text(&sarif(env!("CARGO_PKG_VERSION"), &diagnostics(checked)))?;
        }
        Report::Github => app.print_text(&github_annotations(&diagnostics(checked)))?,
        Report::Text => show(app, checked)?,
    }
    Ok(exit)
}

fn diagnostics(checked: Checked) -> Vec<Diagnostic> {
    checked.errors.into_iter().map(Diagnostic::from).collect()
}

fn show(app: &App, checked: Checked) -> Result<(), crate::error::CliError> {
    if checked.errors.is_empty() {
        let verb = if checked.files == 1 { "is" } else { "are" };
        return app.print_text(&format!("{} {verb} valid.\n", count(checked.files, "file")));
    }
    let read = |name: &str| std::fs::read_to_string(name).ok();
    let text = ui::diagnostics::render(&diagnostics(checked), &read, app.errors);
    let _ = std::io::stderr().write_all(text.as_bytes());
    Ok(())
}
