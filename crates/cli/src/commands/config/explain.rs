//! `windlass config get` and `windlass config explain`

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};
use windlass::configuration::Loaded;
use windlass::{Engine, Error};
use windlass_core::config::{Configuration, KeyOrigin, Node};
use windlass_core::diagnostic::{Diagnostic, nearest};

use super::{Outcome, warnings_of};
use crate::app::App;
use crate::args::{ConfigExplain, ConfigKey};
use crate::error::{CliError, Exit};
use crate::ui::escape;

pub(super) async fn get(app: &App, engine: &Engine, args: &ConfigKey) -> Outcome {
    let all = engine
        .configurations(&args.environment, args.target.as_deref(), args.config.as_deref())
        .await?;
    let is_set = |one: &Configuration| one.get(&args.key).is_some();
    let one = Explained::of(the_one(&all, &args.key, &is_set)?, &args.key);
    super::print(app, || plain(&one.value) + "\n", one.to_json(), &warnings_of(&all))?;
    Ok(Exit::Done)
}

pub(super) async fn run(app: &App, engine: &Engine, args: &ConfigExplain) -> Outcome {
    let all = engine
        .configurations(&args.environment, args.target.as_deref(), args.config.as_deref())
        .await?;
    let warnings = warnings_of(&all);
    if let Some(key) = &args.key {
        let is_told = |one: &Configuration| !one.origins(key).is_empty();
        let one = Explained::of(the_one(&all, key, &is_told)?, key);
        super::print(app, || one.render(app), one.to_json(), &warnings)?;
        return Ok(Exit::Done);
    }
    let explained: Vec<_> = all.iter().flat_map(|(name, one)| every_key(name, one)).collect();
    let keys = || explained.iter().map(Explained::to_json).collect::<Vec<_>>();
    let text = || render_all(&explained, all.len() > 1, app);
    super::print(app, text, json!({ "keys": keys() }), &warnings)?;
    Ok(Exit::Done)
}

/// A configuration and its name.
type Named<'a> = (&'a str, &'a Configuration);

/// Returns the only configuration that `has` the key, with its name.
fn the_one<'a>(
    all: &'a BTreeMap<String, Loaded>,
    key: &str,
    has: &dyn Fn(&Configuration) -> bool,
) -> Result<Named<'a>, CliError> {
    let named = all.iter().map(|(name, one)| (name.as_str(), &one.configuration));
    let having: Vec<_> = named.filter(|(_, one)| has(one)).collect();
    let problem = match having[..] {
        [only] => return Ok(only),
        [] => no_key(all, key),
        _ => several(&having, key),
    };
    Err(Error::invalid(problem).into())
}

fn several(setting: &[Named<'_>], key: &str) -> Diagnostic {
    let names: Vec<_> = setting.iter().map(|(name, _)| *name).collect();
    Diagnostic::error(format!("several configurations set `{key}`"))
        .hint(format!("choose one with `--config`: {}", names.join(", ")))
}

/// Returns a scalar as it is, and anything else as JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(_) | Value::Array(_) => format!("{value:#}"),
        scalar => scalar.to_string(),
    }
}

fn no_key(all: &BTreeMap<String, Loaded>, key: &str) -> Diagnostic {
    let deletes = |one: &&Loaded| !one.configuration.origins(key).is_empty();
    if let Some(last) =
        all.values().find(deletes).and_then(|one| one.configuration.origins(key).pop())
    {
        let place = last.line.map_or(last.file.clone(), |line| format!("{}:{line}", last.file));
        let hint = "`windlass config explain` shows what it was";
        return Diagnostic::error(format!("`{key}` is deleted at {place}")).hint(hint);
    }
    let leaves = all.values().flat_map(|one| one.configuration.leaves());
    let keys: Vec<String> = leaves.map(|(key, _)| key).collect();
    let problem = Diagnostic::error(format!("no layer sets `{key}`"));
    match nearest(key, keys.iter().map(String::as_str)) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint("`windlass config show` prints all keys"),
    }
}

fn every_key<'a>(name: &'a str, one: &'a Loaded) -> impl Iterator<Item = Explained<'a>> {
    let configuration = &one.configuration;
    let keys = configuration.leaves().map(|(key, _)| key).chain(configuration.deleted());
    keys.map(move |key| Explained::of((name, configuration), &key))
}

/// Returns all keys, those of each configuration below its name where there are several.
fn render_all(explained: &[Explained<'_>], several: bool, app: &App) -> String {
    let blocks = explained.chunk_by(|one, next| one.config == next.config).map(|block| {
        let keys: String = block.iter().map(|one| one.render(app)).collect();
        if several { format!("[config.{}]\n{keys}", block[0].config) } else { keys }
    });
    blocks.collect::<Vec<_>>().join("\n")
}

/// A key, its value, and what each layer says about it.
struct Explained<'a> {
    config: &'a str,
    key: String,
    value: Value,
    deleted: bool,
    origins: Vec<KeyOrigin>,
}

impl<'a> Explained<'a> {
    fn of((config, configuration): Named<'a>, key: &str) -> Self {
        let found = configuration.get(key);
        let value = found.map_or(Value::Null, Node::to_masked_json);
        let (origins, key) = (configuration.origins(key), key.to_owned());
        Self { config, key, value, deleted: found.is_none(), origins }
    }

    fn to_json(&self) -> Value {
        let Self { config, key, value, deleted, origins } = self;
        json!({
            "config": config, "key": key, "value": value, "deleted": deleted, "origins": origins,
        })
    }

    fn render(&self, app: &App) -> String {
        let style = app.style;
        let value = match self.deleted {
            true => style.dim("(deleted)"),
            false => escape::line(&self.value.to_string()).into_owned(),
        };
        let mut out = format!("{} = {value}\n", style.bold(&escape::line(&self.key)));
        for origin in self.origins.iter().rev() {
            let _ = writeln!(out, "  {}", origin_line(origin, app));
        }
        out
    }
}

fn origin_line(origin: &KeyOrigin, app: &App) -> String {
    let place = match (origin.line, origin.column) {
        (Some(line), Some(column)) => format!("{}:{line}:{column}", origin.file),
        _ => origin.file.clone(),
    };
    let text = format!("{place}: {}", escape::line(&origin.value.to_string()));
    if origin.overridden {
        app.style.dim(&format!("{text} (overridden)"))
    } else {
        app.style.ok(&text)
    }
}
