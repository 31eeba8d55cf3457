//! The `windlass` command: it parses, asks the engine, and speaks.

mod app;
mod args;
mod commands;
mod error;
mod operator;
mod sinks;
mod ui;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;
use windlass::secrets::Redaction;

use crate::app::App;
use crate::args::{Cli, Global, Output};
use crate::error::{CliError, Exit};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return refuse(&error),
    };
    let app = App::new(cli.global).waiting(cli.verb.lock_wait());
    log_to_stderr(app.global.verbose, app.redaction.clone());
    let exit = match commands::run(&app, cli.verb) {
        Ok(exit) => exit,
        Err(error) => report(&app, &error),
    };
    ExitCode::from(exit as u8)
}

/// Says what is wrong with the command line, or what was asked of it: help, the version.
fn refuse(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() || !asks_for_json() {
        error.exit();
    }
    let global = Global { output: Output::Json, ..Global::default() };
    ExitCode::from(report(&App::new(global), &usage(error)) as u8)
}

/// Tells whether the command line, which cannot be parsed, asks for JSON.
fn asks_for_json() -> bool {
    let words: Vec<_> = std::env::args_os().collect();
    words.iter().any(|word| word == "--output=json")
        || words.windows(2).any(|pair| pair[0] == "--output" && pair[1] == "json")
}

/// Returns the first line of what clap says, and its tip as the hint.
fn usage(error: &clap::Error) -> CliError {
    let text = error.render().to_string();
    let first = text.lines().next().unwrap_or_default();
    let message = first.trim_start_matches("error: ").to_owned();
    let hint = text.lines().find_map(|line| line.trim_start().strip_prefix("tip: "));
    CliError::Usage { message, hint: hint.map(str::to_owned) }
}

/// Says what went wrong: in JSON mode on stdout, where the outcome belongs, and for people on
/// stderr.
fn report(app: &App, error: &CliError) -> Exit {
    let shown = if app.is_json() {
        let mut said = error.to_json();
        app.redaction.clean_json(&mut said);
        app.print_json(said)
    } else {
        commands::show_failure(app, error);
        Ok(())
    };
    match shown {
        Ok(()) => error.exit(),
        Err(_) => Exit::Failed,
    }
}

/// Logs are for `-v`; without it the outcome says what went wrong.
fn log_to_stderr(verbose: u8, redaction: Redaction) {
    let level = match verbose {
        0 => "off",
        1 => "windlass=info",
        _ => "windlass=debug",
    };
    let filter = EnvFilter::try_from_env("WINDLASS_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let writer = move || -> Box<dyn Write> { Box::new(redaction.writer(std::io::stderr())) };
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(false).init();
}
