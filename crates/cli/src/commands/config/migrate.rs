//! `windlass config migrate`

use std::fmt::Write;

use serde_json::{Value, json};
use windlass::Engine;
use windlass::configuration::{MigratedFile, Migration, RunMigration};

use super::Outcome;
use crate::app::App;
use crate::args::ConfigMigrate;
use crate::error::Exit;
use crate::ui::escape;
use crate::ui::human::count;

pub(super) async fn run(app: &App, engine: &Engine, args: &ConfigMigrate) -> Outcome {
    let wanted = RunMigration {
        environment: &args.environment,
        config: args.config.as_deref(),
        from: args.from.as_deref(),
        to: &args.to,
        dry_run: args.dry_run,
    };
    let migration = engine.migrate(&wanted).await?;
    let value = to_json(args, &migration);
    super::print(app, || render(&migration, app), value, &migration.warnings)?;
    if !app.is_json() {
        app.say(&said(args, &migration));
    }
    Ok(Exit::Done)
}

fn to_json(args: &ConfigMigrate, migration: &Migration) -> Value {
    let file = |file: &MigratedFile| {
        let mut value = super::change_json(&file.change);
        value["applied"] = json!(file.applied);
        value["backup"] = json!(file.backup);
        value
    };
    json!({
        "environment": args.environment,
        "config": migration.config,
        "from": migration.from,
        "to": migration.to,
        "steps": migration.steps,
        "files": migration.files.iter().map(file).collect::<Vec<_>>(),
        "dry_run": args.dry_run,
    })
}

/// Returns, for each file, the rules that were applied and what they changed.
fn render(migration: &Migration, app: &App) -> String {
    let mut out = String::new();
    for file in &migration.files {
        let name = escape::line(&file.change.file);
        let rules = count(file.applied.len(), "rule");
        let _ = writeln!(out, "{}: {rules}", app.style.bold(&name));
        for rule in &file.applied {
            let back = if rule.backwards { "undo " } else { "" };
            let said = format!("{} → {}: {back}{}", rule.from, rule.to, rule.rule);
            let _ = writeln!(out, "  {}", escape::line(&said));
        }
        let _ = writeln!(out, "{}", super::diff(&file.change, app));
    }
    out
}

fn said(args: &ConfigMigrate, migration: &Migration) -> String {
    let Migration { config, from, to, files, .. } = migration;
    let files_count = count(files.len(), "file");
    if files.is_empty() {
        return format!("Nothing to do: `{config}` has version {to}.");
    }
    if args.dry_run {
        return format!("Nothing was written: {files_count} would change.");
    }
    let backups: Vec<&str> = files.iter().filter_map(|file| file.backup.as_deref()).collect();
    let kept = backups.join(", ");
    format!("Brought `{config}` from version {from} to {to} in {files_count}. Kept {kept}.")
}
