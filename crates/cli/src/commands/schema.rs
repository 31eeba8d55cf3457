//! `windlass schema`

use serde_json::json;
use windlass_core::project::json_schema;

use super::Outcome;
use crate::app::App;
use crate::error::Exit;

pub(crate) fn run(app: &App) -> Outcome {
    let schema = json_schema();
    app.print(|| format!("{schema}\n"), json!({ "json_schema": schema }))?;
    Ok(Exit::Done)
}
