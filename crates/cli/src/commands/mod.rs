//! The verbs, one a file.

mod act;
mod apply;
mod completions;
mod config;
mod deploy;
mod doctor;
mod env;
mod gc;
mod history;
mod init;
mod man;
mod pin;
mod plan;
mod render;
mod resume;
mod rollback;
mod schema;
mod secrets;
mod show;
mod status;
mod steer;
mod targets;

use std::future::Future;
use std::io::Write;

use windlass::Error;
use windlass_core::diagnostic::Diagnostic;
use windlass_core::rollout::Command;

use crate::app::App;
use crate::args::Verb;
use crate::error::{CliError, Exit};
use crate::ui;

type Outcome = Result<Exit, CliError>;

/// Does what `verb` asks.
pub(crate) fn run(app: &App, verb: Verb) -> Outcome {
    match verb {
        Verb::Init(args) => init::run(app, &args),
        Verb::Env(args) => wait(env::run(app, args)),
        Verb::Config(args) => wait(config::run(app, args)),
        Verb::Render(args) => wait(render::run(app, &args)),
        Verb::Plan(args) => wait(plan::run(app, &args)),
        Verb::Deploy(args) => wait(deploy::run(app, &args)),
        Verb::Apply(args) => wait(apply::run(app, &args)),
        Verb::Status(args) => wait(status::run(app, &args)),
        Verb::Targets(args) => wait(targets::run(app, args)),
        Verb::History(args) => wait(history::run(app, &args)),
        Verb::Show(args) => wait(show::run(app, &args)),
        Verb::Rollback(args) => wait(rollback::run(app, &args)),
        Verb::Pause(args) => wait(steer::run(app, &args, Command::Pause)),
        Verb::Resume(args) => wait(resume::run(app, &args)),
        Verb::Promote(args) => wait(steer::run(app, &args, Command::Promote)),
        Verb::Approve(args) => wait(steer::run(app, &args, Command::Approve)),
        Verb::Abort(args) => wait(steer::run(app, &args, Command::Abort)),
        Verb::Secrets(args) => secrets::run(app, args),
        Verb::Doctor(args) => wait(doctor::run(app, &args)),
        Verb::Gc(args) => wait(gc::run(app, &args)),
        Verb::Pin(args) => wait(pin::run(app, &args)),
        Verb::Schema => schema::run(app),
        Verb::Completions(args) => completions::run(app, &args),
        Verb::Man(args) => man::run(app, &args),
    }
}

fn wait<F: Future<Output = Outcome>>(work: F) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(CliError::Output)?;
    runtime.block_on(work)
}

/// Shows an error to a person: the record of what was done first, if there is one.
pub(crate) fn show_failure(app: &App, error: &CliError) {
    if let CliError::Engine(Error::Failed(record)) = error {
        let shown = ui::record::render_record(record, app.style);
        let _ = app.print_text(&app.redaction.clean(shown));
    }
    match error {
        // The lines may hold what nobody should see.
        CliError::Engine(Error::Secrets(_)) => show_diagnostics_alone(app, &error.summary()),
        _ => show_diagnostics(app, &error.summary()),
    }
}

/// Shows what is wrong, without the lines that are meant, on standard error.
fn show_diagnostics_alone(app: &App, diagnostics: &[Diagnostic]) {
    let text = ui::diagnostics::render(diagnostics, &|_| None, app.errors);
    let _ = std::io::stderr().write_all(text.as_bytes());
}

/// Shows what is wrong, with the lines that are meant, on standard error.
fn show_diagnostics(app: &App, diagnostics: &[Diagnostic]) {
    let root = app.project_root().unwrap_or_default();
    let read = |name: &str| {
        let of_project = std::fs::read_to_string(root.join(name));
        of_project.or_else(|_| std::fs::read_to_string(name)).ok()
    };
    let text = app.redaction.clean(ui::diagnostics::render(diagnostics, &read, app.errors));
    let _ = std::io::stderr().write_all(text.as_bytes());
}
