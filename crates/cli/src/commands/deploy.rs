//! `windlass deploy`

use std::path::PathBuf;

use serde_json::json;
use windlass::{Input, Rehearsal};

use super::act::{self, Consent};
use super::{CliError, Outcome};
use crate::app::App;
use crate::args;
use crate::error::Exit;
use crate::ui;

pub(crate) async fn run(app: &App, args: &args::Deploy) -> Outcome {
    if args.rehearse.rehearse {
        return rehearse(app, args).await;
    }
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

/// Shows what would come of it. That is no failure, whatever it is.
async fn rehearse(app: &App, args: &args::Deploy) -> Outcome {
    let engine = app.engine()?;
    let args::Rehearse { faults, hosts, seed, .. } = &args.rehearse;
    let (faults, seed) = (faults.clone(), seed.unwrap_or_default());
    let rehearsal = Rehearsal { hosts: *hosts, faults, seed };
    let chosen = args.choose.selection();
    let timeline = engine.rehearse(&args.environment, &chosen, &rehearsal).await?;
    let shown = json!({ "environment": args.environment, "rehearsal": timeline });
    app.print(|| ui::escape::block(&timeline.to_string()).into_owned(), shown)?;
    Ok(Exit::Done)
}

/// Returns the engine for what is deployed: services need a project, single files do not.
pub(crate) fn engine(app: &App, files: &[PathBuf]) -> Result<windlass::Engine, CliError> {
    if files.is_empty() { app.engine() } else { app.engine_anywhere() }
}

pub(crate) fn input(files: &[PathBuf]) -> Input {
    if files.is_empty() { Input::Project } else { Input::Files(files.to_vec()) }
}
