//! `windlass config show`

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};
use windlass::configuration::{FoundLayer, LayerKind, Loaded};
use windlass::{Engine, Error};
use windlass_core::config::{Data, Map, Node, Origin, emit};

use super::{Outcome, warnings_of};
use crate::app::App;
use crate::args::ConfigShow;
use crate::error::Exit;
use crate::ui::style::Tint;
use crate::ui::table::{Cell, Table};

pub(super) async fn run(app: &App, engine: &Engine, args: &ConfigShow) -> Outcome {
    let all = engine
        .configurations(&args.environment, args.target.as_deref(), args.config.as_deref())
        .await?;
    let warnings = warnings_of(&all);
    if args.layers {
        let value = json!({ "environment": args.environment, "layers": layers_json(&all) });
        super::print(app, || layers(&all, app), value, &warnings)?;
        return Ok(Exit::Done);
    }
    let whole = whole(&all);
    let text = match app.is_json() {
        true => String::new(),
        false => emit(&whole, args.format).map_err(Error::Invalid)?,
    };
    let value = json!({ "environment": args.environment, "configuration": whole.to_json() });
    super::print(app, || text, value, &warnings)?;
    Ok(Exit::Done)
}

/// Returns the only configuration as it is, and several under their names; secrets are masked.
fn whole(all: &BTreeMap<String, Loaded>) -> Node {
    if let [only] = all.values().collect::<Vec<_>>()[..] {
        return only.configuration.root().masked();
    }
    let named = all.iter().map(|(name, one)| (name.clone(), one.configuration.root().masked()));
    let map: Map = named.collect();
    Node::new(Data::Map(Box::new(map)), Origin::of_source("configuration"))
}

fn layers_json(all: &BTreeMap<String, Loaded>) -> Vec<Value> {
    let one = |name: &str, layer: &FoundLayer| {
        let mut value = json!(layer);
        value["config"] = json!(name);
        value
    };
    all.iter().flat_map(|(name, loaded)| loaded.layers.iter().map(move |l| one(name, l))).collect()
}

/// Returns the layers of each configuration, lowest first.
fn layers(all: &BTreeMap<String, Loaded>, app: &App) -> String {
    let mut out = String::new();
    for (name, loaded) in all {
        if !out.is_empty() {
            out.push('\n');
        }
        let heading = app.style.bold(&format!("[config.{name}]"));
        let _ = writeln!(out, "{heading} {}", app.style.dim("lowest first: a later layer wins"));
        let mut table = Table::new();
        for (number, layer) in loaded.layers.iter().enumerate() {
            table.row(row(number + 1, layer));
        }
        out.push_str(&table.render("  ", app.style));
    }
    out
}

fn row(number: usize, layer: &FoundLayer) -> [Cell; 4] {
    let kind = match layer.kind {
        LayerKind::SchemaDefaults => "schema defaults",
        LayerKind::Defaults => "defaults",
        LayerKind::File => "file",
        LayerKind::Variable => "variable",
        LayerKind::Http => "server",
        LayerKind::Variables => "variables",
    };
    let there = match layer.present {
        true => Cell::plain(""),
        false if layer.kind == LayerKind::File => Cell::new(Tint::Dim, "not there"),
        false => Cell::new(Tint::Dim, "says nothing"),
    };
    [Cell::plain(number.to_string()), Cell::plain(kind), Cell::plain(&layer.source), there]
}
