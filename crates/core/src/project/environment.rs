//! `[environments.NAME]`: where it is deployed to, and with which values.

use std::collections::BTreeMap;

use super::fields::{Fields, Item};
use super::input::{Problem, shown};
use super::shape::{ANY, DURATION, Field, Kind, List, NAME, PATH, Shape, TEXT, Text};
use super::target::{self, Groups, Runnable};
use super::{Declared, Located, source};
use crate::environment::{Environment, EnvironmentType};
use crate::name::{EnvironmentName, ServiceName};
use crate::path::{InvalidPath, RelativePath};

pub(super) static ENVIRONMENT: Shape = Shape {
    fields: &[
        Field::new(
            "type",
            Kind::Choice(&TYPE_NAMES),
            "\"staging\"",
            "What kind of environment it is.",
        )
        .required(),
        Field::new(
            "config_path",
            Kind::Text(&TEXT),
            "\"/etc/shop\"",
            "Where files go, below the root of each target.",
        )
        .required(),
        Field::new(
            "variables",
            VARIABLES,
            "{ DB_HOST = \"db.staging.internal\" }",
            "Values for `${KEY}`.",
        )
        .or_else("those of the project"),
        Field::new(
            "secrets",
            Kind::Text(&PATH),
            "\"secrets/staging.yaml\"",
            "The [SOPS file](../secrets.md) with its secrets.",
        ),
        Field::new(
            "targets",
            Kind::List(&List::some(target::TARGET_KIND).unique()),
            "[\"local:./state/staging\"]",
            "Where it is deployed to: addresses, or tables. `local:ROOT` is a directory of this \
             machine; a relative one starts at the project. `ssh://[USER@]HOST[:PORT]` is a host, \
             whose root is `/`, or what `?root=/DIRECTORY` behind it says.",
        )
        .or_else("those of `inventory`, which is required then"),
        Field::new(
            "inventory",
            Kind::Text(&PATH),
            "\"inventory/production.ini\"",
            "An [inventory](inventory.md) of Ansible, whose hosts are targets as well. An executable \
             one is run with `--list`.",
        ),
        Field::new("services", SERVICES, "[\"web\"]", "Which services run here.").or_else("all"),
        Field::new(
            "groups",
            Kind::Map { keys: &ANY, values: &Kind::Table(&GROUP) },
            "{ eu = { variables = { REGION = \"eu\" } } }",
            "Groups that targets can be in, by name. A target sees the variables of the environment, \
             over them those of its groups in the order in which it names them, and over those its \
             own.",
        ),
        Field::new(
            "strategy",
            super::strategy::KIND,
            "{ rolling = { parallel = 1 } }",
            "In which order targets are [moved](../rollouts.md): a name, or a table with its settings.",
        )
        .or("\"rolling\""),
        Field::new(
            "budget",
            super::budget::KIND,
            "{ fleet = \"10%\", domain = 1, by = \"zone\" }",
            "How many targets may be bad before a rollout stops: of all, a number or a share, or a \
             table. No more go down while it is used up.",
        )
        .or("0"),
        Field::new(
            "protect",
            Kind::Boolean,
            "true",
            "Whether a deployment needs `--yes`, an answer at the terminal, or a saved plan.",
        )
        .or("false"),
        Field::new(
            "confirm",
            Kind::Text(&DURATION),
            "\"30s\"",
            "How long a target that was switched waits for a *new* connection to confirm it, before it \
             [goes back by itself](../confirm.md).",
        )
        .or_else("nobody is waited for"),
    ],
    ..Shape::header(
        "environment",
        "`[environments.NAME]`",
        "Where the project is deployed to, and with which values.",
    )
};

static GROUP: Shape = Shape {
    fields: &[Field::new(
        "variables",
        TARGET_VARIABLES,
        "{ REGION = \"eu\" }",
        "Values for `${KEY}`; `VERSION` cannot be one of them.",
    )],
    ..Shape::inline("group", "A table of `groups`", "What targets have in common.")
};

/// A list of names of services.
pub(super) const SERVICES: Kind = Kind::List(&List::some(Kind::Text(&NAME)).unique());
/// Values for `${KEY}`.
pub(super) const VARIABLES: Kind = Kind::Map { keys: &VARIABLE, values: &VALUE };
/// Values for `${KEY}` that differ from target to target.
pub(super) const TARGET_VARIABLES: Kind = Kind::Map { keys: &TARGET_VARIABLE, values: &VALUE };

const VARIABLE_PATTERN: &str = "^[A-Za-z_][A-Za-z0-9_]*$";
static VARIABLE: Text = Text::matching("variable", VARIABLE_PATTERN);
static TARGET_VARIABLE: Text =
    Text { except: &["VERSION"], ..Text::matching("variable", VARIABLE_PATTERN) };
static VALUE: Kind = Kind::Any(&[Kind::Text(&ANY), Kind::Whole, Kind::Boolean]);

const TYPE_NAMES: [&str; 4] = {
    let mut names = [""; 4];
    let mut at = 0;
    while at < names.len() {
        names[at] = EnvironmentType::ALL[at].as_str();
        at += 1;
    }
    names
};

/// Reads `[environments.NAME]`: the environment, and the path of its inventory.
pub(super) fn read(
    item: &Item<'_>,
    name: EnvironmentName,
    declared: &Declared<'_>,
) -> Option<(Environment, Option<Located<String>>)> {
    let fields = item.fields(format!("[environments.{name}]"), &ENVIRONMENT)?;
    let kind = fields.require("type").and_then(|kind| read_type(&kind));
    let config_path = fields.require("config_path");
    let config_path = config_path.and_then(|path| read_config_path(&path));
    let services = read_services(&fields, declared);
    // What is wrong with the environment's choice should not be wrong with each target too.
    let chosen = services.as_deref().filter(|services| !services.is_empty());
    let groups = fields.get("groups").map(|groups| read_groups(&groups)).unwrap_or_default();
    let runnable = Runnable { declared: &declared.services, chosen, groups: &groups };
    let targets = read_targets(&fields, &runnable);
    let strategy = fields.get("strategy").and_then(|strategy| super::strategy::read(&strategy));
    let budget = fields.get("budget");
    let budget = budget.and_then(|budget| super::budget::read(&budget, strategy.as_ref()));
    let protect = fields.get("protect").and_then(|protect| protect.boolean());
    let confirm = fields.get("confirm").map(|confirm| confirm.milliseconds());
    let secrets = fields.get("secrets").and_then(|secrets| super::secrets::read_file(&secrets));
    let own_variables = fields.get("variables").map(|table| read_variables(&table));
    let mut variables = declared.variables.clone();
    variables.extend(own_variables.unwrap_or_default());
    let inventory = fields.get("inventory").and_then(|inventory| source::read(&inventory));
    let environment = Environment {
        name,
        environment_type: kind?,
        config_path: config_path?,
        variables,
        secrets,
        targets,
        services,
        strategy: strategy.unwrap_or_default(),
        budget: budget.unwrap_or_default(),
        protect: protect.unwrap_or_default(),
        confirm_ms: match confirm {
            Some(confirm) => Some(confirm?),
            None => None,
        },
        created_at: None,
    };
    Some((environment, inventory))
}

fn read_type(item: &Item<'_>) -> Option<EnvironmentType> {
    item.choice("environment type", &EnvironmentType::ALL.map(|kind| (kind.as_str(), kind)))
}

fn read_services(fields: &Fields<'_>, declared: &Declared<'_>) -> Option<Vec<ServiceName>> {
    let runnable =
        Runnable { declared: &declared.services, chosen: None, groups: &Groups::default() };
    fields.get("services").map(|services| target::read_services(&services, &runnable))
}

fn read_targets(fields: &Fields<'_>, runnable: &Runnable<'_>) -> Vec<crate::target::Target> {
    match fields.get("targets") {
        Some(targets) => target::read_all(&targets, runnable),
        None if fields.get("inventory").is_some() => Vec::new(),
        None => {
            let message = format!("neither `targets` nor `inventory` is in {}", fields.place());
            let hint = "write `targets = [\"local:/srv/app\"]`, or name an inventory";
            fields.report(Problem::at(fields.span(), message).hint(hint));
            Vec::new()
        }
    }
}

/// Returns the path without a slash at its end; `/` alone is the root of each target.
fn read_config_path(item: &Item<'_>) -> Option<String> {
    let text = item.text()?;
    let path = if text.len() > 1 { text.strip_suffix('/').unwrap_or(&text) } else { &text };
    match check_config_path(path) {
        Ok(()) => Some(path.to_owned()),
        Err(fault) => {
            let hint = "write a directory below the target's root, such as `/etc/app`, or `/`";
            item.report(format!("{} {fault}", item.label()), Some(hint.to_owned()));
            None
        }
    }
}

fn check_config_path(path: &str) -> Result<(), String> {
    if path.contains("${") {
        return Err("contains a variable, which is not substituted here".to_owned());
    }
    if path == "/" {
        return Ok(());
    }
    match RelativePath::new(path.strip_prefix('/').unwrap_or(path)) {
        Ok(_) => Ok(()),
        Err(InvalidPath::Url(_)) => Err("is a URL".to_owned()),
        Err(InvalidPath::Dots(_)) => Err("contains a `.` or `..` component".to_owned()),
        Err(InvalidPath::EmptyComponent(_) | InvalidPath::Absolute(_)) => {
            Err("has an empty component".to_owned())
        }
        Err(other) => Err(format!("is unusable: {other}")),
    }
}

/// Reads a table of variables: strings; whole numbers and booleans as they are written.
pub(super) fn read_variables(item: &Item<'_>) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for entry in item.entries() {
        if !is_variable(entry.key) {
            let message = format!("`{}` is not the name of a variable", shown(entry.key));
            let hint = "use letters, digits and `_`, starting with a letter or `_`";
            entry.report_key(message, Some(hint));
        } else if let Some(value) = entry.item.scalar() {
            variables.insert(entry.key.to_owned(), value);
        }
    }
    variables
}

/// Reads variables that differ from target to target: the version of a service does not.
pub(super) fn read_target_variables(item: &Item<'_>) -> BTreeMap<String, String> {
    for entry in item.entries().into_iter().filter(|entry| entry.key == "VERSION") {
        let hint = "set it for the environment: a release has one version of each service";
        entry.report_key("`VERSION` cannot differ from target to target".to_owned(), Some(hint));
    }
    read_variables(item)
}

/// Reads `groups`: a table of variables for each.
fn read_groups(item: &Item<'_>) -> Groups {
    let mut groups = Groups::new();
    for entry in item.entries() {
        let place = format!("group `{}`", shown(entry.key));
        let Some(fields) = entry.item.fields(place, &GROUP) else { continue };
        let variables = fields.get("variables").map(|table| read_target_variables(&table));
        groups.insert(entry.key.to_owned(), variables.unwrap_or_default());
    }
    groups
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_paths_lie_below_the_root() {
        for good in ["/etc/shop", "etc/shop", "/"] {
            assert_eq!(check_config_path(good), Ok(()), "{good}");
        }
        for bad in ["/etc/../x", ".", "a/./b", "//etc", "/a//b", "/a/\0", "x://y", "/${A}", ""] {
            assert!(check_config_path(bad).is_err(), "{bad:?}");
        }
        assert!(
            check_config_path("/srv/.windlass/x").is_err_and(|fault| fault.contains("reserved"))
        );
    }

    #[test]
    fn variables_have_names_that_shells_take() {
        assert!(is_variable("_a1") && is_variable("DB_HOST"));
        assert!(!is_variable("1a") && !is_variable("a-b") && !is_variable("") && !is_variable("ä"));
    }
}
