//! `windlass config`

use std::fmt::Write;

use serde_json::{Value, json};
use windlass::Engine;
use windlass_core::config::{Configuration, Format, KeyOrigin, Node, ValidationError};
use windlass_core::diagnostic::{Diagnostic, nearest};

use super::Outcome;
use crate::app::App;
use crate::args::{Config, ConfigExplain, ConfigKey, ConfigShow, ConfigValidate};
use crate::error::{CliError, Exit};
use crate::ui::escape;
use crate::ui::human::count;

pub(crate) async fn run(app: &App, args: Config) -> Outcome {
    let engine = app.engine()?;
    match args {
        Config::Show(args) => show(app, &engine, &args).await,
        Config::Get(args) => get(app, &engine, &args).await,
        Config::Explain(args) => explain(app, &engine, &args).await,
        Config::Validate(args) => validate(app, &engine, &args).await,
    }
}

async fn show(app: &App, engine: &Engine, args: &ConfigShow) -> Outcome {
    let loaded = engine.configuration(&args.environment, args.config.as_deref()).await?;
    let configuration = loaded.configuration;
    let format = if app.is_json() { Format::Json } else { args.format };
    let text = configuration.emit(format).map_err(windlass::Error::Invalid)?;
    if app.is_json() {
        let value = configuration.to_masked_json();
        app.print_json(json!({ "environment": args.environment, "configuration": value }))?;
    } else {
        app.print_text(&text)?;
    }
    Ok(Exit::Done)
}

async fn get(app: &App, engine: &Engine, args: &ConfigKey) -> Outcome {
    let loaded = engine.configuration(&args.environment, args.config.as_deref()).await?;
    let configuration = loaded.configuration;
    let node = configuration.get(&args.key).ok_or_else(|| no_key(&configuration, &args.key))?;
    let value = node.to_masked_json();
    let origins = configuration.origins(&args.key);
    app.print(
        || plain(&value) + "\n",
        json!({ "key": args.key, "value": value, "origins": origins }),
    )?;
    Ok(Exit::Done)
}

/// Returns a scalar as it is, and anything else as JSON.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Object(_) | Value::Array(_) => format!("{value:#}"),
        scalar => scalar.to_string(),
    }
}

fn no_key(configuration: &Configuration, key: &str) -> CliError {
    let keys: Vec<String> = configuration.leaves().map(|(key, _)| key).collect();
    let problem = Diagnostic::error(format!("no layer sets `{key}`"));
    let problem = match nearest(key, keys.iter().map(String::as_str)) {
        Some(near) => problem.hint(format!("did you mean `{near}`?")),
        None => problem.hint("`windlass config show` prints all keys"),
    };
    windlass::Error::invalid(problem).into()
}

async fn explain(app: &App, engine: &Engine, args: &ConfigExplain) -> Outcome {
    let loaded = engine.configuration(&args.environment, args.config.as_deref()).await?;
    let configuration = loaded.configuration;
    let keys = match &args.key {
        Some(key) if configuration.get(key).is_none() => return Err(no_key(&configuration, key)),
        Some(key) => vec![key.clone()],
        None => configuration.leaves().map(|(key, _)| key).collect(),
    };
    let explained: Vec<_> =
        keys.into_iter().map(|key| Explained::of(&configuration, key)).collect();
    if app.is_json() {
        app.print_json(explained_json(&explained, args.key.is_some()))?;
    } else {
        let text: String = explained.iter().map(|one| one.render(app)).collect();
        app.print_text(&text)?;
    }
    Ok(Exit::Done)
}

/// A key, its value, and what each layer says about it.
struct Explained {
    key: String,
    value: Value,
    origins: Vec<KeyOrigin>,
}

impl Explained {
    fn of(configuration: &Configuration, key: String) -> Self {
        let value = configuration.get(&key).map_or(Value::Null, Node::to_masked_json);
        Self { value, origins: configuration.origins(&key), key }
    }

    fn to_json(&self) -> Value {
        json!({ "key": self.key, "value": self.value, "origins": self.origins })
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

/// One key is one object; several are objects under `keys`.
fn explained_json(explained: &[Explained], one: bool) -> Value {
    match explained {
        [only] if one => only.to_json(),
        all => json!({ "keys": all.iter().map(Explained::to_json).collect::<Vec<_>>() }),
    }
}

async fn validate(app: &App, engine: &Engine, args: &ConfigValidate) -> Outcome {
    let environments = match &args.environment {
        Some(name) => vec![engine.environment(name).await?.name.to_string()],
        None => engine.environments().await?.iter().map(|e| e.name.to_string()).collect(),
    };
    let found = engine.validate(&environments).await?;
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
    let error = CliError::Engine(windlass::Error::Invalid(problems));
    super::show_failure(app, &error);
}
