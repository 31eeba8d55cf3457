//! `windlass show`

use serde_json::{Value, json};
use windlass::ConfigDeployment;

use super::Outcome;
use crate::app::App;
use crate::args;
use crate::error::Exit;
use crate::ui;

pub(crate) async fn run(app: &App, args: &args::Show) -> Outcome {
    let record = app.engine_on_state()?.deployment(&args.deployment).await?;
    app.print(|| ui::record::render_record_in_full(&record, app.style), record_json(&record))?;
    Ok(Exit::Done)
}

/// Returns the JSON of a record, its error in the form of all errors.
pub(crate) fn record_json(record: &ConfigDeployment) -> Value {
    let mut value = json!(record);
    if let Some(message) = &record.error {
        value["error"] = json!({ "kind": "failed", "message": message });
    }
    value
}
