//! `windlass deploy`

use std::path::PathBuf;

use windlass::Input;

use super::act::{self, Consent};
use super::{CliError, Outcome};
use crate::app::App;
use crate::args;
use crate::error::Exit;

pub(crate) async fn run(app: &App, args: &args::Deploy) -> Outcome {
    let engine = engine(app, &args.files)?;
    let input = input(&args.files);
    let chosen = args.choose.selection();
    let by = act::by(args.act.by.as_ref());
    let consent = act::consent(app, &engine, &args.environment, &args.act).await?;
    act::stop_on_signal(app);
    let record = match consent {
        Consent::Given => engine.deploy_on(&args.environment, &input, &chosen, &by).await?,
        Consent::Ask => {
            let plan = engine.plan_on(&args.environment, &input, &chosen).await?;
            if !act::ask(app, &plan)? {
                app.say("nothing was done");
                return Ok(Exit::Failed);
            }
            engine.apply(plan, &by).await?
        }
    };
    act::finish(app, &record)
}

/// Returns the engine for what is deployed: services need a project, single files do not.
pub(crate) fn engine(app: &App, files: &[PathBuf]) -> Result<windlass::Engine, CliError> {
    if files.is_empty() { app.engine() } else { app.engine_anywhere() }
}

pub(crate) fn input(files: &[PathBuf]) -> Input {
    if files.is_empty() { Input::Project } else { Input::Files(files.to_vec()) }
}
