//! `windlass status`

use super::Outcome;
use crate::app::App;
use crate::args;
use crate::error::Exit;
use crate::ui;

pub(crate) async fn run(app: &App, args: &args::Status) -> Outcome {
    let status =
        app.engine_on_state()?.status_on(&args.environment, &args.choose.selection()).await?;
    app.print(|| ui::status::render_status(&status, app.style), &status)?;
    Ok(Exit::Done)
}
