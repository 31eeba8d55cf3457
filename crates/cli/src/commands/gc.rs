//! `windlass gc`

use serde_json::json;
use windlass::collection::Collect;

use super::Outcome;
use crate::app::App;
use crate::args;
use crate::error::Exit;
use crate::ui::state::render_collected;

pub(crate) async fn run(app: &App, args: &args::Gc) -> Outcome {
    let engine = app.engine_on_state()?;
    let how = Collect { dry_run: args.dry_run, max_bytes: args.max_size };
    let collected = engine.collect(how).await?;
    let over = args.max_size.is_some_and(|max| collected.bytes_kept > max);
    let mut value = json!(collected);
    value["dry_run"] = json!(args.dry_run);
    value["over_max_size"] = json!(over);
    app.print(|| render_collected(&collected, args.dry_run, over), value)?;
    Ok(Exit::Done)
}
