//! `windlass resume`

use super::{Outcome, act};
use crate::app::App;
use crate::args;

pub(crate) async fn run(app: &App, args: &args::Resume) -> Outcome {
    let engine = app.engine_on_state()?;
    let deployment = engine.deployment(&args.deployment).await?.deployment_id;
    act::stop_on_signal(app);
    let record = engine.resume(&deployment, &act::by(args.by.as_ref())).await?;
    act::finish(app, &record)
}
