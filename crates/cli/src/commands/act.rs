//! What the commands that change targets have in common.

use std::io::{self, BufRead, IsTerminal, Write};

use windlass::engine::Engine;
use windlass::{ConfigDeployment, Error};
use windlass_core::plan::Plan;

use super::Outcome;
use crate::app::App;
use crate::args::Act;
use crate::error::exit_of;
use crate::operator::operator;
use crate::ui;

/// What is said when a signal came.
const STOPPING: &str = "stopping at the next safe point; what that leaves is said at the end";

/// Returns who does it.
pub(crate) fn by(by: Option<&String>) -> String {
    by.cloned().unwrap_or_else(operator)
}

/// Prints the record of what was done.
pub(crate) fn finish(app: &App, record: &ConfigDeployment) -> Outcome {
    app.print(|| ui::record::render_record(record, app.style), record)?;
    Ok(exit_of(record))
}

/// What a protected environment wants before something changes.
pub(crate) enum Consent {
    /// Go on.
    Given,
    /// Show the plan and ask the person at the terminal.
    Ask,
}

/// Tells whether a person must be asked.
///
/// # Errors
/// [`Error::Protected`] when there is nobody to ask.
pub(crate) async fn consent(
    app: &App,
    engine: &Engine,
    environment: &str,
    act: &Act,
) -> Result<Consent, Error> {
    if act.yes {
        return Ok(Consent::Given);
    }
    let environment = match engine.environment(environment).await {
        Ok(environment) => environment,
        Err(Error::UnknownEnvironment { .. }) => return Ok(Consent::Given),
        Err(error) => return Err(error),
    };
    let person = io::stdin().is_terminal() && io::stderr().is_terminal() && !app.is_json();
    match (environment.protect, person) {
        (false, _) => Ok(Consent::Given),
        (true, true) => Ok(Consent::Ask),
        (true, false) => Err(Error::Protected(environment.name)),
    }
}

/// Shows the plan and asks whether to carry it out; anything but `y` or `yes` is no.
pub(crate) fn ask(app: &App, plan: &Plan) -> Result<bool, Error> {
    let shown = ui::plan::render_plan(plan, app.errors);
    let mut err = io::stderr();
    let _ = write!(err, "{shown}\nCarry this out on {}? [y/N] ", plan.environment);
    let _ = err.flush();
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    Ok(read.is_ok() && matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Stops the engine at its next safe point on the first `Ctrl-C` or `SIGTERM`.
pub(crate) fn stop_on_signal(app: &App) {
    use tokio::signal::unix::{SignalKind, signal};
    let stop = app.stop.clone();
    let quiet = app.global.quiet;
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return;
    };
    tokio::spawn(async move {
        loop {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
            let first = !stop.is_stopped();
            stop.stop();
            if first && !quiet {
                let _ = writeln!(io::stderr(), "{STOPPING}");
            }
        }
    });
}
