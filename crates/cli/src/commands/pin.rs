//! `windlass pin`

use super::{Outcome, act, show};
use crate::app::App;
use crate::args;
use crate::error::Exit;
use crate::ui::escape;

pub(crate) async fn run(app: &App, args: &args::Pin) -> Outcome {
    let engine = app.engine_on_state()?;
    let by = act::by(args.by.as_ref());
    let record = match args.remove {
        true => engine.unpin(&args.deployment, &by).await?,
        false => engine.pin(&args.deployment, &by, args.why.clone()).await?,
    };
    let state = match &record.pinned {
        Some(pin) => format!("is kept since {:.0}, by {}", pin.at, escape::line(&pin.by)),
        None => "is not pinned".to_owned(),
    };
    app.print(|| format!("{} {state}\n", record.deployment_id), show::record_json(&record))?;
    Ok(Exit::Done)
}
