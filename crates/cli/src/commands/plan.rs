//! `windlass plan`

use windlass::Error;
use windlass_core::plan::Plan;

use super::{Outcome, deploy};
use crate::app::App;
use crate::args;
use crate::error::Exit;
use crate::ui;

pub(crate) async fn run(app: &App, args: &args::Plan) -> Outcome {
    let engine = deploy::engine(app, &args.files)?;
    let plan = engine
        .plan_on(&args.environment, &deploy::input(&args.files), &args.choose.selection())
        .await?;
    if let Some(path) = &args.out {
        let text = serde_json::to_vec_pretty(&plan)
            .map_err(|error| super::CliError::Output(error.into()))?;
        let io = |source| Error::Io { action: "write the plan to", path: path.clone(), source };
        std::fs::write(path, text).map_err(io)?;
    }
    show(app, &plan)?;
    if let Some(path) = &args.out {
        app.say(&format!("saved: carry it out with `windlass apply {}`", path.display()));
    }
    let changes = args.exit_code && !plan.is_unchanged();
    Ok(if changes { Exit::Changes } else { Exit::Done })
}

pub(crate) fn show(app: &App, plan: &Plan) -> Result<(), super::CliError> {
    app.print(|| ui::plan::render_plan(plan, app.style), plan)
}
