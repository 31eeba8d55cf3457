//! `windlass config`

use std::collections::BTreeMap;
use std::fmt::Write;

use serde_json::{Value, json};
use windlass::configuration::{Loaded, unreadable};
use windlass::{Engine, Error};
use windlass_core::config::{
    Configuration, Data, KeyOrigin, Map, Node, Origin, ValidationError, emit,
};
use windlass_core::diagnostic::{Diagnostic, nearest};

use super::Outcome;
use crate::app::App;
use crate::args::{Config, ConfigExplain, ConfigKey, ConfigShow, ConfigValidate};
use crate::error::{CliError, Exit};
use crate::ui::escape;
use crate::ui::human::count;

pub(crate) async fn run(app: &App, args: Config) -> Outcome {
    match args {
        Config::Show(args) => show(app, &app.engine()?, &args).await,
        Config::Get(args) => get(app, &app.engine()?, &args).await,
        Config::Explain(args) => explain(app, &app.engine()?, &args).await,
        Config::Validate(args) => match app.engine() {
            Ok(engine) => validate(app, &engine, &args).await,
            Err(CliError::Engine(Error::Invalid(problems))) => {
                judge(app, &[], problems.into_iter().map(unreadable).collect())
            }
            Err(error) => Err(error),
        },
    }
}

async fn show(app: &App, engine: &Engine, args: &ConfigShow) -> Outcome {
    let all = engine.configurations(&args.environment, args.config.as_deref()).await?;
    let whole = whole(all);
    if app.is_json() {
        let value = whole.to_masked_json();
        app.print_json(json!({ "environment": args.environment, "configuration": value }))?;
    } else {
        app.print_text(&emit(&whole, args.format).map_err(Error::Invalid)?)?;
    }
    Ok(Exit::Done)
}

/// Returns the only configuration as it is, and several under their names.
fn whole(all: BTreeMap<String, Loaded>) -> Node {
    if let [only] = all.values().collect::<Vec<_>>()[..] {
        return only.configuration.root().clone();
    }
    let named = all.into_iter().map(|(name, one)| (name, one.configuration.root().clone()));
    let map: Map = named.collect();
    Node::new(Data::Map(Box::new(map)), Origin::of_source("configuration"))
}

async fn get(app: &App, engine: &Engine, args: &ConfigKey) -> Outcome {
    let all = engine.configurations(&args.environment, args.config.as_deref()).await?;
    let one = Explained::of(the_one_with(&all, &args.key)?, &args.key);
    app.print(|| plain(&one.value) + "\n", one.to_json())?;
    Ok(Exit::Done)
}

/// Returns the only configuration that sets `key`, with its name.
fn the_one_with<'a>(all: &'a BTreeMap<String, Loaded>, key: &str) -> Result<Named<'a>, CliError> {
    let named = all.iter().map(|(name, one)| (name.as_str(), &one.configuration));
    let setting: Vec<_> = named.filter(|(_, one)| one.get(key).is_some()).collect();
    let problem = match setting[..] {
        [only] => return Ok(only),
        [] => no_key(all, key),
        _ => several(&setting, key),
    };
    Err(Error::invalid(problem).into())
}

/// A configuration and its name.
type Named<'a> = (&'a str, &'a Configuration);

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
    let leaves = all.values().flat_map(|one| one.configuration.leaves());
    let keys: Vec<String> = leaves.map(|(key, _)| key).collect();
    let problem = Diagnostic::error(format!("no layer sets `{key}`"));
    match nearest(key, keys.iter().map(String::as_str)) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint("`windlass config show` prints all keys"),
    }
}

async fn explain(app: &App, engine: &Engine, args: &ConfigExplain) -> Outcome {
    let all = engine.configurations(&args.environment, args.config.as_deref()).await?;
    if let Some(key) = &args.key {
        let one = Explained::of(the_one_with(&all, key)?, key);
        app.print(|| one.render(app), one.to_json())?;
        return Ok(Exit::Done);
    }
    let explained: Vec<_> = all.iter().flat_map(|(name, one)| every_key(name, one)).collect();
    let keys = || explained.iter().map(Explained::to_json).collect::<Vec<_>>();
    app.print(|| render_all(&explained, all.len() > 1, app), json!({ "keys": keys() }))?;
    Ok(Exit::Done)
}

fn every_key<'a>(name: &'a str, one: &'a Loaded) -> impl Iterator<Item = Explained<'a>> {
    let leaves = one.configuration.leaves();
    leaves.map(move |(key, _)| Explained::of((name, &one.configuration), &key))
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
    origins: Vec<KeyOrigin>,
}

impl<'a> Explained<'a> {
    fn of((config, configuration): Named<'a>, key: &str) -> Self {
        let value = configuration.get(key).map_or(Value::Null, Node::to_masked_json);
        Self { config, value, origins: configuration.origins(key), key: key.to_owned() }
    }

    fn to_json(&self) -> Value {
        let Self { config, key, value, origins } = self;
        json!({ "config": config, "key": key, "value": value, "origins": origins })
    }

    fn render(&self, app: &App) -> String {
        let style = app.style;
        let value = escape::line(&compact(&self.value)).into_owned();
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
    let text = format!("{place}: {}", escape::line(&compact(&origin.value)));
    if origin.overridden {
        app.style.dim(&format!("{text} (overridden)"))
    } else {
        app.style.ok(&text)
    }
}

fn compact(value: &Value) -> String {
    value.to_string()
}

async fn validate(app: &App, engine: &Engine, args: &ConfigValidate) -> Outcome {
    let environments = match &args.environment {
        Some(name) => vec![engine.environment(name).await?.name.to_string()],
        None => engine.environments().await?.iter().map(|e| e.name.to_string()).collect(),
    };
    let found = engine.validate(&environments).await?;
    judge(app, &environments, found)
}

/// Prints what was `found` in `environments`.
fn judge(app: &App, environments: &[String], found: Vec<ValidationError>) -> Outcome {
    let valid = found.is_empty();
    if app.is_json() {
        app.print_json(json!({ "valid": valid, "environments": environments, "errors": found }))?;
    } else if valid {
        let checked = count(environments.len(), "environment");
        app.print_text(&format!("The configuration of {checked} is valid.\n"))?;
    } else {
        show_problems(app, found);
    }
    Ok(if valid { Exit::Done } else { Exit::Failed })
}

fn show_problems(app: &App, found: Vec<ValidationError>) {
    let problems: Vec<Diagnostic> = found.into_iter().map(Diagnostic::from).collect();
    super::show_failure(app, &CliError::Engine(Error::Invalid(problems)));
}
