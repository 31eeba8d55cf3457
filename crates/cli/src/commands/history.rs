//! `windlass history`

use serde_json::{Value, json};
use windlass::Error;
use windlass_core::name::EnvironmentName;

use super::{Outcome, show};
use crate::app::App;
use crate::args;
use crate::error::Exit;
use crate::ui;

pub(crate) async fn run(app: &App, args: &args::History) -> Outcome {
    let engine = app.engine_on_state()?;
    let environment = match &args.environment {
        Some(name) => Some(known(&engine, name).await?),
        None => None,
    };
    let listing = engine.listing(environment.as_ref()).await?;
    let mut records = listing.items;
    records.truncate(args.limit.unwrap_or(usize::MAX));
    let objects: Vec<Value> = records.iter().map(show::record_json).collect();
    let problems: Vec<Error> = listing.problems.into_iter().map(Error::from).collect();
    let named: Vec<String> = problems.iter().map(ToString::to_string).collect();
    let silent = records.is_empty() && !problems.is_empty();
    let text = || ui::record::render_history(&records, app.style);
    app.print(
        || if silent { String::new() } else { text() },
        json!({ "deployments": objects, "problems": named }),
    )?;
    let complete = problems.is_empty();
    for problem in problems {
        super::show_failure(app, &problem.into());
    }
    Ok(if complete { Exit::Done } else { Exit::Failed })
}

/// Returns the name of an environment that exists, or that has records.
async fn known(engine: &windlass::Engine, name: &str) -> Result<EnvironmentName, windlass::Error> {
    if let Ok(name) = EnvironmentName::new(name)
        && !engine.listing(Some(&name)).await?.items.is_empty()
    {
        return Ok(name);
    }
    Ok(engine.environment(name).await?.name)
}
