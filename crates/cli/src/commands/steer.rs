//! `windlass pause`, `promote`, `approve` and `abort`: what a deployment under way is asked for.

use serde_json::json;
use windlass::{Engine, Error};
use windlass_core::record::DeploymentId;
use windlass_core::rollout::{Command, Ending, Progress};

use super::{CliError, Outcome, act};
use crate::app::App;
use crate::args;
use crate::error::Exit;

pub(crate) async fn run(app: &App, args: &args::Steer, command: Command) -> Outcome {
    let engine = app.engine_on_state()?;
    let deployment = under_way(&engine, &args.subject).await?;
    let progress = engine.command(&deployment, command, &act::by(args.by.as_ref())).await?;
    told(app, &deployment, &progress)
}

/// Returns the deployment that is meant, by its id or its environment.
pub(super) async fn under_way(engine: &Engine, subject: &str) -> Result<DeploymentId, CliError> {
    match engine.deployment(subject).await {
        Ok(record) => Ok(record.deployment_id),
        Err(Error::UnknownDeployment(_)) => {
            let environment = engine.environment(subject).await?.name;
            let record = engine.under_way(&environment).await?;
            let nothing = || Error::NothingUnderWay(environment.clone());
            Ok(record.map(|record| record.deployment_id).ok_or_else(nothing)?)
        }
        Err(error) => Err(error.into()),
    }
}

/// Prints where the rollout stands since.
pub(super) fn told(app: &App, deployment: &DeploymentId, progress: &Progress) -> Outcome {
    let line = || format!("{deployment} {}\n", said(progress));
    app.print(line, json!({ "deployment_id": deployment, "progress": progress }))?;
    Ok(Exit::Done)
}

fn said(progress: &Progress) -> String {
    match progress {
        Progress::Draft => "waits to be approved".to_owned(),
        Progress::Approved => "has not begun".to_owned(),
        Progress::Running => "goes on".to_owned(),
        Progress::Paused(pause) => format!("is paused {pause}"),
        Progress::Baking => "goes on: a stage is watched".to_owned(),
        Progress::RollingBack => "is being taken back".to_owned(),
        Progress::Ended { ending: Ending::Succeeded } => "is done".to_owned(),
        Progress::Ended { .. } => "has ended".to_owned(),
    }
}
