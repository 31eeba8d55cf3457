//! `windlass completions`

use clap::CommandFactory;

use super::Outcome;
use crate::app::App;
use crate::args::{self, Cli};
use crate::error::Exit;

pub(crate) fn run(app: &App, args: &args::Completions) -> Outcome {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "windlass", &mut script);
    let script = String::from_utf8_lossy(&script).into_owned();
    app.print(
        || script.clone(),
        serde_json::json!({ "shell": args.shell.to_string(), "script": script }),
    )?;
    Ok(Exit::Done)
}
