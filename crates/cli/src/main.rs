//! The `windlass` command: it parses, asks the engine, and speaks.

mod app;
mod args;
mod commands;
mod error;
mod sinks;
mod ui;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::app::App;
use crate::args::Cli;
use crate::error::{CliError, Exit};

fn main() -> ExitCode {
    let cli = Cli::parse();
    log_to_stderr(cli.global.verbose);
    let app = App::new(cli.global);
    let exit = match commands::run(&app, cli.verb) {
        Ok(exit) => exit,
        Err(error) => report(&app, &error),
    };
    ExitCode::from(exit as u8)
}

/// Says what went wrong: in JSON mode on stdout, where the outcome belongs, and for people on
/// stderr.
fn report(app: &App, error: &CliError) -> Exit {
    let shown = if app.is_json() {
        app.print_json(error.to_json())
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
fn log_to_stderr(verbose: u8) {
    let level = match verbose {
        0 => "off",
        1 => "windlass=info",
        _ => "windlass=debug",
    };
    let filter = EnvFilter::try_from_env("WINDLASS_LOG").unwrap_or_else(|_| EnvFilter::new(level));
    let writer = || -> Box<dyn Write> { Box::new(std::io::stderr()) };
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(writer).with_ansi(false).init();
}
