//! `windlass apply`

use windlass::engine::Engine;

use super::{Outcome, act};
use crate::app::App;
use crate::args;

pub(crate) async fn run(app: &App, args: &args::Apply) -> Outcome {
    let plan = Engine::read_plan(&args.plan)?;
    let engine = app.engine_on_state()?;
    act::stop_on_signal(app);
    let record = engine.apply(plan, &act::by(args.by.as_ref())).await?;
    act::finish(app, &record)
}
