//! `windlass doctor`

use serde_json::json;
use windlass::doctor::Examine;

use super::Outcome;
use crate::app::App;
use crate::args;
use crate::error::Exit;
use crate::operator::operator;
use crate::ui::state::render_diagnosis;

pub(crate) async fn run(app: &App, args: &args::Doctor) -> Outcome {
    let engine = app.engine_on_state()?;
    let how = Examine { fix: args.fix, offline: args.offline };
    let diagnosis = engine.examine(how, &operator()).await?;
    let mut value = json!(diagnosis);
    value["healthy"] = json!(diagnosis.is_healthy());
    app.print(|| app.redaction.clean(render_diagnosis(&diagnosis, app.style)), value)?;
    Ok(if diagnosis.is_healthy() { Exit::Done } else { Exit::Changes })
}
