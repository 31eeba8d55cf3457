//! `windlass rollback`

use windlass::{Engine, Error, Subject};
use windlass_core::name::EnvironmentName;
use windlass_core::record::DeploymentId;

use super::act::{self, Consent};
use super::{CliError, Outcome, plan};
use crate::app::App;
use crate::args;
use crate::error::Exit;

pub(crate) async fn run(app: &App, args: &args::Rollback) -> Outcome {
    let engine = app.engine_on_state()?;
    let (subject, environment) = subject(&engine, args).await?;
    if args.dry_run {
        plan::show(app, &engine.plan_rollback(&subject).await?)?;
        return Ok(Exit::Done);
    }
    let consent = act::consent(app, &engine, environment.as_str(), &args.act).await?;
    if matches!(consent, Consent::Ask) && !act::ask(app, &engine.plan_rollback(&subject).await?)? {
        app.say("nothing was done");
        return Ok(Exit::Failed);
    }
    act::stop_on_signal(app);
    let record = engine.rollback(&subject, &act::by(args.act.by.as_ref())).await?;
    act::finish(app, &record)
}

/// Returns what is meant, and the environment that it changes.
async fn subject(
    engine: &Engine,
    args: &args::Rollback,
) -> Result<(Subject, EnvironmentName), CliError> {
    if let Some(to) = &args.to {
        let record = engine.deployment(to).await?;
        if record.environment.as_str() != args.subject {
            let message = format!(
                "{to} is a deployment of `{}`, not of `{}`",
                record.environment, args.subject
            );
            return Err(CliError::usage(message));
        }
        return Ok((Subject::Return(record.deployment_id), record.environment));
    }
    match engine.deployment(&args.subject).await {
        Ok(record) => Ok((Subject::Undo(record.deployment_id), record.environment)),
        Err(Error::UnknownDeployment(_)) => latest(engine, &args.subject).await,
        Err(error) => Err(error.into()),
    }
}

async fn latest(engine: &Engine, name: &str) -> Result<(Subject, EnvironmentName), CliError> {
    let looks_like_an_id = DeploymentId::new(name).is_ok();
    match engine.environment(name).await {
        Ok(environment) => Ok((Subject::Latest(environment.name.clone()), environment.name)),
        Err(Error::UnknownEnvironment { .. }) if looks_like_an_id => {
            Err(Error::UnknownDeployment(name.to_owned()).into())
        }
        Err(error) => Err(error.into()),
    }
}
