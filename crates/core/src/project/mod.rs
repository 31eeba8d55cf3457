//! The project file, `windlass.toml`.
//!
//! [`Project::parse`] reads a text into values and reports everything that is wrong with it, each
//! error with its place. It looks at no file: whether a source exists is for whoever opens it, who
//! finds in [`Located`] where the project file names it.
//!
//! | table | is |
//! |---|---|
//! | `[project]` | [`Project`]: `name`, `layout`, `retain`, `variables` |
//! | `[config.NAME]` | [`ConfigSpec`], with [`Layer`] |
//! | `[services.NAME]` | [`ServiceSpec`], with [`FileSpec`], [`ArtifactSpec`], [`HealthCheck`] |
//! | `[environments.NAME]` | [`Environment`] |
//! | `[ssh]` | [`SshSpec`] |
//! | `[secrets]` | [`SecretsSpec`] |
//!
//! [`json_schema`] says for editors what may be in it, [`reference()`] for people.
//!
//! Everything else is refused, also what a later version will know.

mod budget;
mod checksum;
mod config;
mod environment;
mod fields;
mod file;
mod health;
mod input;
mod layer;
mod located;
mod reference;
mod schema;
mod secrets;
mod service;
mod shape;
mod source;
mod ssh;
mod strategy;
mod syntax;
mod target;
#[cfg(test)]
mod tests;
mod url;
mod variables;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

pub use checksum::{Checksum, InvalidChecksum};
pub use config::ConfigSpec;
pub use file::{FileContent, FileSpec, Render};
pub use layer::{HttpSource, Layer, LayerSource};
pub use located::Located;
pub use reference::{ReferenceTable, reference};
pub use schema::{JsonSchema, json_schema};
pub use secrets::SecretsSpec;
pub use service::{ArtifactSpec, ServiceSpec};
pub use ssh::{DEFAULT_PARALLEL, SshSpec};
pub use url::{InvalidUrl, check_url};
pub use variables::VariablePlaces;

use self::fields::{Entry, Fields};
use self::input::Input;
use self::shape::{Field, Kind, NAME, Shape};
use crate::diagnostic::Diagnostic;
use crate::environment::Environment;
#[cfg(doc)]
use crate::health::HealthCheck;
use crate::name::{EnvironmentName, ServiceName};
use crate::release::Layout;
use crate::target::Target;

/// The most bytes that a project file may have.
pub const LARGEST_FILE: usize = 4 << 20;

/// How many releases are kept unless told otherwise.
pub const DEFAULT_RETAIN: u32 = 10;

/// How many releases may be kept.
const RETAIN: RangeInclusive<u32> = 1..=10_000;

static ROOT: Shape = Shape {
    fields: &[
        Field::new("project", Kind::Table(&PROJECT), "{ name = \"shop\" }", "The project itself.")
            .required(),
        Field::new(
            "config",
            Kind::Map { keys: &NAME, values: &Kind::Table(&config::CONFIG) },
            "{ app = { layers = [\"config/app.yaml\"] } }",
            "Configurations, by the name that `files` call them.",
        ),
        Field::new(
            "services",
            Kind::Map { keys: &NAME, values: &Kind::Table(&service::SERVICE) },
            "{ web = { files = [{ source = \"templates/nginx.conf\" }] } }",
            "What is deployed, by name.",
        ),
        Field::new(
            "environments",
            Kind::Map { keys: &NAME, values: &Kind::Table(&environment::ENVIRONMENT) },
            "{ staging = { type = \"staging\", config_path = \"/etc/shop\", targets = [\"local:/srv/shop\"] } }",
            "Where it is deployed to, by name.",
        ),
        Field::new(
            "ssh",
            Kind::Table(&ssh::SSH),
            "{ accept_new = true }",
            "How hosts are reached.",
        ),
        Field::new(
            "secrets",
            Kind::Table(&secrets::SECRETS),
            "{ max_age = \"90d\" }",
            "What holds for the secrets of all environments.",
        ),
    ],
    ..Shape::header(
        "windlass",
        "The file",
        "A project of Windlass: its configuration, its services, and where they are deployed to.",
    )
};

static PROJECT: Shape = Shape {
    fields: &[
        Field::new(
            "name",
            Kind::Text(&NAME),
            "\"shop\"",
            "1 to 64 letters, digits, `-`, `_` or `.`, the first a letter or a digit.",
        )
        .required(),
        Field::new(
            "layout",
            Kind::Choice(&file::LAYOUT_NAMES),
            "\"plain\"",
            "`linked`: files are links into the live release, and one rename switches them all. \
             `plain`: regular files, each replaced by rename under a journal. Services and files can \
             say otherwise.",
        )
        .or("\"linked\""),
        Field::new(
            "retain",
            Kind::Integer(&RETAIN),
            "20",
            "How many releases of an environment are kept to return to.",
        )
        .or("10"),
        Field::new(
            "variables",
            environment::VARIABLES,
            "{ SHOP_PORT = \"8080\" }",
            "Values for `${KEY}`, shared by all environments; an environment's own win.",
        ),
    ],
    ..Shape::header("project", "`[project]`", "The project itself.")
};

/// A project: what its `windlass.toml` says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    /// `name` of `[project]`: 1 to 64 ASCII letters, digits, `-`, `_` or `.`, the first a letter or
    /// a digit.
    pub name: String,
    /// `retain` of `[project]`: how many releases of an environment are kept to return to, at least
    /// 1; [`DEFAULT_RETAIN`] unless told otherwise.
    pub retain: u32,
    /// The `[config.NAME]` tables.
    pub configs: BTreeMap<String, ConfigSpec>,
    /// The `[services.NAME]` tables.
    pub services: BTreeMap<ServiceName, ServiceSpec>,
    /// The `[environments.NAME]` tables. Their variables include `[project.variables]`, of which an
    /// environment's own win.
    pub environments: BTreeMap<EnvironmentName, Environment>,
    /// `inventory` of those that have one: the file, or program, that says further targets.
    pub inventories: BTreeMap<EnvironmentName, Located<String>>,
    /// `[ssh]`: how hosts are reached.
    pub ssh: SshSpec,
    /// The `[secrets]` table.
    pub secrets: SecretsSpec,
}

/// The project has no environment of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("unknown environment `{name}`")]
pub struct UnknownEnvironment {
    /// The name that was asked for.
    pub name: String,
    /// The names that the project has, in order.
    pub known: Vec<String>,
}

impl UnknownEnvironment {
    /// Returns what to do next: the name that was probably meant, or those that there are.
    #[must_use]
    pub fn hint(&self) -> String {
        let known = || self.known.iter().map(String::as_str);
        if let Some(question) = input::did_you_mean(&self.name, known()) {
            return question;
        }
        match self.known.as_slice() {
            [] => "add `[environments.NAME]` to the project file".to_owned(),
            names => format!("known are {}", names.join(", ")),
        }
    }
}

/// The names that a project file declares (valid or not), and what it says for all of them.
struct Declared<'t> {
    configs: BTreeSet<&'t str>,
    services: BTreeSet<&'t str>,
    layout: Layout,
    variables: BTreeMap<String, String>,
}

impl Project {
    /// Returns the project that `text` describes; `file` is what errors call it.
    ///
    /// A byte order mark at the start is ignored.
    ///
    /// # Errors
    /// Everything that is wrong, in the order of the file; the first 200 errors one by one. A text
    /// that is not TOML is checked no further than that.
    pub fn parse(file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        if text.len() > LARGEST_FILE {
            let message = format!("{} bytes where {LARGEST_FILE} are the most", text.len());
            return Err(vec![Diagnostic::error(message).in_file(file)]);
        }
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let input = Input::new(file, text);
        let project =
            syntax::parse(&input).and_then(|root| read(&Fields::root(&input, &root, &ROOT)));
        match project {
            Some(project) if input.is_sound() => Ok(project),
            _ => Err(input.into_diagnostics()),
        }
    }

    /// Returns the environment called `name`.
    ///
    /// # Errors
    /// [`UnknownEnvironment`], with the names that there are.
    pub fn environment(&self, name: &str) -> Result<&Environment, UnknownEnvironment> {
        let found = EnvironmentName::new(name).ok().and_then(|name| self.environments.get(&name));
        found.ok_or_else(|| UnknownEnvironment {
            name: name.to_owned(),
            known: self.environments.keys().map(ToString::to_string).collect(),
        })
    }

    /// Returns the services that `target` of `environment` runs: all of the project's, except where
    /// the environment or the target chooses.
    pub fn services_of<'a>(
        &'a self,
        environment: &'a Environment,
        target: &'a Target,
    ) -> impl Iterator<Item = (&'a ServiceName, &'a ServiceSpec)> {
        let chosen = |choice: &Option<Vec<ServiceName>>, name: &ServiceName| {
            choice.as_ref().is_none_or(|names| names.contains(name))
        };
        self.services.iter().filter(move |(name, _)| {
            chosen(&environment.services, name) && chosen(&target.services, name)
        })
    }
}

fn read(root: &Fields<'_>) -> Option<Project> {
    let head = root.require("project");
    let head = head.and_then(|project| project.fields("[project]", &PROJECT));
    let name = head.as_ref().and_then(read_name);
    let retain = head.as_ref().and_then(|head| head.get("retain"));
    let retain = retain.and_then(|retain| retain.integer(&RETAIN));
    let entries = |key| root.get(key).map(|table| table.entries()).unwrap_or_default();
    let (configs, services) = (entries("config"), entries("services"));
    let declared = declare(head.as_ref(), &configs, &services);
    let (environments, inventories) = read_environments(&entries("environments"), &declared);
    let project = Project {
        name: name.unwrap_or_default(),
        retain: retain.unwrap_or(DEFAULT_RETAIN),
        configs: read_configs(&configs),
        services: read_services(&services, &declared),
        environments,
        inventories,
        ssh: root.get("ssh").and_then(|ssh| ssh::read(&ssh)).unwrap_or_default(),
        secrets: root.get("secrets").map(|table| secrets::read(&table)).unwrap_or_default(),
    };
    Some(project)
}

fn read_name(head: &Fields<'_>) -> Option<String> {
    let name: ServiceName = head.require("name")?.parsed()?;
    Some(name.as_str().to_owned())
}

fn declare<'t>(
    head: Option<&Fields<'t>>,
    configs: &[Entry<'t>],
    services: &[Entry<'t>],
) -> Declared<'t> {
    let keys = |entries: &[Entry<'t>]| entries.iter().map(|entry| entry.key).collect();
    let get = |key| head.and_then(|head| head.get(key));
    Declared {
        configs: keys(configs),
        services: keys(services),
        layout: get("layout").and_then(|layout| file::read_layout(&layout)).unwrap_or_default(),
        variables: get("variables")
            .map(|table| environment::read_variables(&table))
            .unwrap_or_default(),
    }
}

fn read_configs(entries: &[Entry<'_>]) -> BTreeMap<String, ConfigSpec> {
    let config = |entry: &Entry<'_>| {
        let name = entry.name::<ServiceName>()?.to_string();
        let config = config::read(&entry.item, &name)?;
        Some((name, config))
    };
    entries.iter().filter_map(config).collect()
}

fn read_services(
    entries: &[Entry<'_>],
    declared: &Declared<'_>,
) -> BTreeMap<ServiceName, ServiceSpec> {
    let service = |entry: &Entry<'_>| {
        let name: ServiceName = entry.name()?;
        let service = service::read(&entry.item, name.as_str(), declared)?;
        Some((name, service))
    };
    entries.iter().filter_map(service).collect()
}

type Environments =
    (BTreeMap<EnvironmentName, Environment>, BTreeMap<EnvironmentName, Located<String>>);

fn read_environments(entries: &[Entry<'_>], declared: &Declared<'_>) -> Environments {
    let (mut environments, mut inventories) = Environments::default();
    for entry in entries {
        let Some(name) = entry.name::<EnvironmentName>() else { continue };
        let read = environment::read(&entry.item, name.clone(), declared);
        let Some((environment, inventory)) = read else { continue };
        inventories.extend(inventory.map(|inventory| (name.clone(), inventory)));
        environments.insert(name, environment);
    }
    (environments, inventories)
}
