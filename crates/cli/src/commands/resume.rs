//! `windlass resume`

use windlass::Error;
use windlass_core::rollout::Command;

use super::{Outcome, act, steer};
use crate::app::App;
use crate::args;

pub(crate) async fn run(app: &App, args: &args::Resume) -> Outcome {
    let engine = app.engine_on_state()?;
    let deployment = steer::under_way(&engine, &args.subject).await?;
    let by = act::by(args.by.as_ref());
    match engine.command(&deployment, Command::Resume, &by).await {
        Ok(progress) => steer::told(app, &deployment, &progress),
        Err(Error::NotUnderWay(_)) => {
            act::stop_on_signal(app);
            let record = engine.resume(&deployment, &by).await?;
            act::finish(app, &record)
        }
        Err(error) => Err(error.into()),
    }
}
