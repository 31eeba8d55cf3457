//! `windlass targets`

use serde_json::json;

use super::Outcome;
use crate::app::App;
use crate::args::{SomeTargets, Targets};
use crate::error::Exit;
use crate::ui::targets::{render_checks, render_forgotten, render_targets};

pub(crate) async fn run(app: &App, args: Targets) -> Outcome {
    match args {
        Targets::List(args) => list(app, &args).await,
        Targets::Check(args) => check(app, &args).await,
        Targets::Forget(args) => forget(app, &args).await,
    }
}

async fn list(app: &App, args: &SomeTargets) -> Outcome {
    let engine = app.engine_on_state()?;
    let targets = engine.targets(&args.environment, &args.choose.selection()).await?;
    let value = json!({ "environment": args.environment, "targets": targets });
    app.print(|| render_targets(&targets, app.style), value)?;
    Ok(Exit::Done)
}

async fn check(app: &App, args: &SomeTargets) -> Outcome {
    let engine = app.engine_on_state()?;
    let checks = engine.check_targets(&args.environment, &args.choose.selection()).await?;
    let value = json!({ "environment": args.environment, "targets": checks });
    app.print(|| render_checks(&checks, app.style), value)?;
    let good = checks.iter().all(|check| check.reached && check.problems.is_empty());
    Ok(if good { Exit::Done } else { Exit::Changes })
}

async fn forget(app: &App, args: &SomeTargets) -> Outcome {
    let engine = app.engine_on_state()?;
    let all = engine.forget_targets(&args.environment, &args.choose.selection()).await?;
    let value = json!({ "environment": args.environment, "targets": all });
    app.print(|| render_forgotten(&all), value)?;
    let good = all.iter().all(|forgotten| forgotten.error.is_none());
    Ok(if good { Exit::Done } else { Exit::Failed })
}
