//! Where the values come from that fill a file.

use std::collections::BTreeMap;

use serde_json::Value;
use windlass_core::config::{Configuration, KeyOrigin, MASK, key};
use windlass_core::diagnostic::Position;
use windlass_core::environment::Environment;
use windlass_core::project::{Located, VariablePlaces};
use windlass_core::template::Values;
use windlass_core::trace::{Part, Source};

use super::explain::{Filler, FillerKind};

/// What Windlass itself defines.
const BUILT_IN: [&str; 5] = ["PROJECT", "ENVIRONMENT", "CONFIG_PATH", "SERVICE", "VERSION"];

/// Collections of more values than this are not repeated for each line that they fill.
const MAX_VALUES: usize = 64;

/// What the names that a template uses stand for.
pub(super) struct Origins<'o> {
    /// The environment, as the target sees it.
    pub(super) environment: &'o Environment,
    pub(super) service: &'o str,
    pub(super) values: &'o Values,
    pub(super) configurations: &'o BTreeMap<String, Configuration>,
    /// The name of the project file, and where it sets variables.
    pub(super) project_file: &'o str,
    pub(super) places: &'o VariablePlaces,
}

impl Origins<'_> {
    /// Returns what a name of a `.j2` template is: a variable, or a key of a configuration.
    pub(super) fn of_data(&self, source: &Source) -> Filler {
        let segments = key::split(&source.name).unwrap_or_default();
        match &segments[..] {
            [name] if self.values.secrets().by_variable(name).is_some() => self.of_secret(source),
            [first, ..] if **first == *"secrets" && self.is_secrets() => self.of_secret(source),
            [name] if self.values.variables().contains_key(&**name) => self.of_variable(source),
            [name, below @ ..] if self.configurations.contains_key(&**name) => {
                self.of_key(name, &joined(below), source)
            }
            [first, below @ ..] => match self.configurations.keys().next() {
                Some(only) if &**first == "config" => self.of_key(only, &joined(below), source),
                Some(only) => self.of_key(only, &source.name, source),
                None => self.of_variable(source),
            },
            [] => self.of_variable(source),
        }
    }

    /// Returns what a key of the configuration `name` is.
    pub(super) fn of_key(&self, name: &str, key: &str, source: &Source) -> Filler {
        let configuration = self.configurations.get(name);
        let node = configuration.and_then(|configuration| configuration.get(key));
        let mut origins =
            configuration.map(|configuration| configuration.origins(key)).unwrap_or_default();
        for origin in &mut origins {
            origin.value = if_small(std::mem::take(&mut origin.value));
        }
        Filler {
            key: key.to_owned(),
            config: Some(name.to_owned()),
            kind: FillerKind::Config,
            exact: source.part == Part::Exact,
            value: node.map_or(Value::Null, |node| if_small(node.to_masked_json())),
            origins,
        }
    }

    /// Tells whether `secrets` is the tree of the secrets in a template.
    fn is_secrets(&self) -> bool {
        let taken = self.values.variables().contains_key("secrets")
            || self.configurations.contains_key("secrets");
        !self.values.secrets().is_empty() && !taken
    }

    /// Returns what a secret is; its value is not told.
    fn of_secret(&self, source: &Source) -> Filler {
        let file = self.environment.secrets.as_deref().unwrap_or("secrets").to_owned();
        let value = Value::from(MASK);
        let origin = KeyOrigin {
            layer: 0,
            file,
            line: None,
            column: None,
            value: value.clone(),
            overridden: false,
        };
        Filler {
            key: source.name.clone(),
            config: None,
            kind: FillerKind::Secret,
            exact: source.part == Part::Exact,
            value,
            origins: vec![origin],
        }
    }

    /// Returns what a variable is.
    pub(super) fn of_variable(&self, source: &Source) -> Filler {
        let name = &source.name;
        let origins = self.origins_of(name);
        let is_built_in = origins.is_empty() && BUILT_IN.contains(&name.as_str());
        let value =
            self.values.variables().get(name).map_or(Value::Null, |value| Value::from(&**value));
        let elsewhere = || {
            let file = match is_built_in {
                true => "built-in".to_owned(),
                false => format!("environment `{}` in the workspace", self.environment.name),
            };
            let value = value.clone();
            KeyOrigin { layer: 0, file, line: None, column: None, value, overridden: false }
        };
        Filler {
            key: name.clone(),
            config: None,
            kind: if is_built_in { FillerKind::BuiltIn } else { FillerKind::Variable },
            exact: source.part == Part::Exact,
            origins: if origins.is_empty() { vec![elsewhere()] } else { origins },
            value,
        }
    }

    /// Returns what the template says where a variable is not set; `default` is that, at `place`.
    pub(super) fn of_default(
        &self,
        name: &str,
        template: &str,
        place: Option<Position>,
        default: &str,
    ) -> Filler {
        let origin = KeyOrigin {
            layer: 0,
            file: template.to_owned(),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            value: Value::from(default),
            overridden: false,
        };
        Filler {
            key: name.to_owned(),
            config: None,
            kind: FillerKind::Default,
            exact: false,
            value: Value::from(default),
            origins: vec![origin],
        }
    }

    /// Returns where the project file sets a variable; the last is in force.
    fn origins_of(&self, name: &str) -> Vec<KeyOrigin> {
        let environment = self.environment.name.as_str();
        let target = self.environment.targets.first().map(|target| target.id.as_str());
        let mut places = self.places.of_variable(name, environment, target);
        if places.is_empty() && name == "VERSION" {
            places.extend(self.places.version_of(self.service));
        }
        let last = places.len().saturating_sub(1);
        let origin = |(layer, place): (usize, &Located<String>)| KeyOrigin {
            layer,
            file: self.project_file.to_owned(),
            line: Some(place.position.line),
            column: Some(place.position.column),
            value: Value::from(&*place.value),
            overridden: layer < last,
        };
        places.into_iter().enumerate().map(origin).collect()
    }
}

/// Returns `value`; null where it is a collection of more than [`MAX_VALUES`] values.
fn if_small(value: Value) -> Value {
    if count(&value) <= MAX_VALUES { value } else { Value::Null }
}

fn count(value: &Value) -> usize {
    match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(entries) => entries.values().map(count).sum(),
        _ => 1,
    }
}

fn joined(segments: &[std::borrow::Cow<'_, str>]) -> String {
    key::join(segments.iter().map(|segment| &**segment))
}
