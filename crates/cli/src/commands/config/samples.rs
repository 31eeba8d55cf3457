//! `windlass config schema` and `windlass config template`

use serde_json::json;
use windlass::{Engine, Error};
use windlass_core::diagnostic::Diagnostic;

use super::Outcome;
use crate::app::App;
use crate::args::{ConfigSchema, ConfigTemplate};
use crate::error::Exit;

pub(super) async fn schema(app: &App, engine: &Engine, args: &ConfigSchema) -> Outcome {
    let environments = match args.environments.is_empty() {
        true => all(engine).await?,
        false => args.environments.clone(),
    };
    let schema = engine.infer_schema(&environments, args.config.as_deref()).await?;
    let text = || format!("{schema:#}\n");
    app.print(text, json!({ "environments": environments, "json_schema": schema }))?;
    Ok(Exit::Done)
}

pub(super) async fn template(app: &App, engine: &Engine, args: &ConfigTemplate) -> Outcome {
    let environment = match &args.environment {
        Some(name) => name.clone(),
        None => all(engine)
            .await?
            .into_iter()
            .next()
            .ok_or_else(|| Error::invalid(Diagnostic::error("there is no environment yet")))?,
    };
    let config = args.config.as_deref();
    let text = engine.configuration_template(&environment, config, args.format).await?;
    let value = json!({ "format": args.format, "text": text });
    app.print(|| text.clone(), value)?;
    Ok(Exit::Done)
}

async fn all(engine: &Engine) -> Result<Vec<String>, Error> {
    Ok(engine.environments().await?.iter().map(|one| one.name.to_string()).collect())
}
