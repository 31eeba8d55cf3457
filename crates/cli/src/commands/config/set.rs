//! `windlass config set`

use serde_json::{Value, json};
use windlass::Engine;
use windlass::configuration::{SetValue, ValueSet};
use windlass_core::config::MASK;

use super::Outcome;
use crate::app::App;
use crate::args::ConfigSet;
use crate::error::Exit;

pub(super) async fn run(app: &App, engine: &Engine, args: &ConfigSet) -> Outcome {
    let wanted = SetValue {
        environment: &args.environment,
        config: args.config.as_deref(),
        key: &args.key,
        value: &args.value,
        layer: args.layer.as_deref(),
        dry_run: args.dry_run,
    };
    let set = engine.set_value(&wanted).await?;
    super::print(app, || super::diff(&set.change, app), to_json(args, &set), &set.warnings)?;
    if !app.is_json() {
        app.say(&said(args, &set));
    }
    Ok(Exit::Done)
}

fn to_json(args: &ConfigSet, set: &ValueSet) -> Value {
    let mut value = super::change_json(&set.change);
    value["environment"] = json!(args.environment);
    value["config"] = json!(set.config);
    value["key"] = json!(args.key);
    value["value"] = if set.secret { json!(MASK) } else { set.value.clone() };
    value["dry_run"] = json!(args.dry_run);
    value
}

fn said(args: &ConfigSet, set: &ValueSet) -> String {
    let (key, file) = (&args.key, &set.change.file);
    if !set.change.is_change() {
        format!("`{key}` has that value in {file} already.")
    } else if args.dry_run {
        "Nothing was written.".to_owned()
    } else {
        format!("Set `{key}` in {file}.")
    }
}
