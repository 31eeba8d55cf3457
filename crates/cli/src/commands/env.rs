//! `windlass env`

use serde_json::json;
use windlass_core::budget::Budget;
use windlass_core::diagnostic::Diagnostic;
use windlass_core::environment::Environment;
use windlass_core::strategy::StrategySpec;
use windlass_core::target::Target;

use super::Outcome;
use crate::app::App;
use crate::args::{Env, EnvCreate};
use crate::error::{CliError, Exit};
use crate::ui::environments::{render_environment, render_environments};

pub(crate) async fn run(app: &App, args: Env) -> Outcome {
    match args {
        Env::List => {
            let all = app.engine_on_state()?.environments().await?;
            app.print(|| render_environments(&all, app.style), json!({ "environments": all }))?;
        }
        Env::Show { name } => {
            let one = app.engine_on_state()?.environment(&name).await?;
            app.print(|| render_environment(&one, app.style), &one)?;
        }
        Env::Create(args) => {
            let environment = environment(args)?;
            let created = app.engine_anywhere()?.create_environment(environment).await?;
            app.print(|| render_environment(&created, app.style), &created)?;
        }
    }
    Ok(Exit::Done)
}

fn environment(args: EnvCreate) -> Result<Environment, CliError> {
    let addresses = if args.targets.is_empty() { vec!["local:/".to_owned()] } else { args.targets };
    let targets: Result<Vec<_>, _> =
        addresses.iter().map(|address| Target::parse(address)).collect();
    let targets =
        targets.map_err(|error| windlass::Error::invalid(Diagnostic::error(error.to_string())))?;
    Ok(Environment {
        name: args.name,
        environment_type: args.environment_type,
        config_path: args.config_path,
        variables: args.variables.into_iter().collect(),
        secrets: None,
        targets,
        services: None,
        strategy: StrategySpec::default(),
        budget: Budget::default(),
        protect: args.protect,
        confirm_ms: None,
        created_at: None,
    })
}
