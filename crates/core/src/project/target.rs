//! `targets` of an environment.

use std::collections::{BTreeMap, BTreeSet};

use super::environment;
use super::fields::{Fields, Item};
use super::shape::{Field, Kind, List, NAME, Shape, TEXT, Text};
use super::ssh;
use crate::name::ServiceName;
use crate::target::{Address, Connection, GroupName, InvalidAddress, Target, TargetId};

/// What an entry of `targets` may be.
pub(super) const TARGET_KIND: Kind = Kind::Any(&[Kind::Text(&ADDRESS), Kind::Table(&TARGET)]);

static TARGET: Shape = Shape {
    fields: &[
        Field::new("address", Kind::Text(&ADDRESS), "\"local:/srv/web1\"", "How it is reached.")
            .required(),
        Field::new("name", Kind::Text(&NAME), "\"web1\"", "What it is called.")
            .or_else("its address")
            .beside(WEB1),
        Field::new("services", environment::SERVICES, "[\"web\"]", "Which services run there.")
            .or_else("those of the environment")
            .beside(WEB1),
        Field::new(
            "groups",
            Kind::List(&List::some(Kind::Text(&TEXT))),
            "[\"eu\"]",
            "The `groups` of the environment that it is in; a later one wins.",
        )
        .beside(WEB1),
        Field::new(
            "variables",
            environment::TARGET_VARIABLES,
            "{ NODE_ID = 1 }",
            "Values for `${KEY}` on this target; `VERSION` cannot be one of them.",
        )
        .beside(WEB1),
        Field::new(
            "become",
            Kind::Boolean,
            "true",
            "Whether the work on its host is done as another user, over [`sudo`](../ssh.md#over-sudo).",
        )
        .or_else("what `[ssh]` says")
        .beside(HOST1),
        Field::new("become_user", Kind::Text(&ssh::USER), "\"deploy\"", "Who that user is.")
            .or_else("what `[ssh]` says")
            .beside(HOST1),
    ],
    ..Shape::inline("target", "An entry of `targets`", "One place to deploy to.")
};

const WEB1: &str = "address = \"local:/srv/web1\"";
const HOST1: &str = "address = \"ssh://web1\"";
/// What [`Address::parse`] takes.
static ADDRESS: Text = Text::matching("address", "^(local:|ssh://).");

/// The services that an environment can run.
pub(super) struct Runnable<'a> {
    /// Those of the project.
    pub(super) declared: &'a BTreeSet<&'a str>,
    /// Those of the environment, where it does not run all.
    pub(super) chosen: Option<&'a [ServiceName]>,
    /// The groups that targets can be in.
    pub(super) groups: &'a Groups,
}

/// What the groups of an environment give to their targets.
pub(super) type Groups = BTreeMap<String, BTreeMap<String, String>>;

/// Reads `targets`: no two have one name or one address.
pub(super) fn read_all(item: &Item<'_>, runnable: &Runnable<'_>) -> Vec<Target> {
    let items = item
        .nonempty_list("addresses", "name at least one, such as `\"local:/srv/app\"`")
        .unwrap_or_default();
    let targets: Vec<_> =
        items.iter().filter_map(|item| Some((item, read(item, runnable)?))).collect();
    report_twice(&targets);
    targets.into_iter().map(|(_, target)| target).collect()
}

fn report_twice(targets: &[(&Item<'_>, Target)]) {
    let mut names = BTreeMap::new();
    let mut roots = BTreeMap::new();
    for (item, target) in targets {
        let line = item.input.line(&item.span());
        let same_name = names.insert(&target.id, line);
        let same_root = roots.insert(target.address.place(), (&target.id, line));
        let message = match (same_name, same_root) {
            (Some(first), _) => {
                format!("two targets are called `{}`, first on line {first}", target.id)
            }
            (None, Some((other, first))) => format!(
                "target `{}` has the address of target `{other}` on line {first}",
                target.id
            ),
            (None, None) => continue,
        };
        item.report(message, Some("remove one of them".to_owned()));
    }
}

fn read(item: &Item<'_>, runnable: &Runnable<'_>) -> Option<Target> {
    if !item.is_table() {
        let (written, address) = read_address(item)?;
        return Some(Target::at(TargetId::new(written), address));
    }
    let fields = item.fields(item.label(), &TARGET)?;
    let address = fields.require("address");
    let address = address.and_then(|address| read_address(&address));
    let name = fields.get("name").map(|name| name.parsed::<ServiceName>());
    let services = fields.get("services").map(|services| read_services(&services, runnable));
    let groups = read_groups(&fields, runnable.groups);
    let variables = read_own_variables(&fields, &groups, runnable.groups);
    let becomes = fields.get("become").map(|wanted| wanted.boolean());
    let become_user = fields.get("become_user").map(|user| ssh::read_user(&user));
    let (written, address) = address?;
    refuse_become_here(item, &address, &fields);
    let connection = Connection {
        becomes: becomes.flatten(),
        become_user: become_user.flatten(),
        ..Connection::default()
    };
    let id = match name {
        Some(name) => TargetId::new(name?.as_str()),
        None => TargetId::new(written),
    };
    Some(Target { services, variables, groups, connection, ..Target::at(id, address) })
}

/// Refuses to become somebody else on this machine, where Windlass is who started it.
fn refuse_become_here(item: &Item<'_>, address: &Address, fields: &Fields<'_>) {
    if matches!(address, Address::Local { .. }) {
        let keys: Vec<_> =
            ["become", "become_user"].into_iter().filter(|key| fields.get(key).is_some()).collect();
        for key in keys {
            let hint = "start windlass as the user who owns the destination";
            let message = format!("`{key}` of {} is for hosts over SSH", item.label());
            item.report(message, Some(hint.to_owned()));
        }
    }
}

/// Returns the groups that the target is in, in the order in which it names them.
fn read_groups(fields: &Fields<'_>, groups: &Groups) -> Vec<GroupName> {
    let named = fields.get("groups");
    let named = named.and_then(|named| named.nonempty_list("names of groups", "leave it out"));
    let known: BTreeSet<&str> = groups.keys().map(String::as_str).collect();
    let known_one = |item: &Item<'_>| {
        item.reference("group", &known)?;
        item.parsed()
    };
    named.unwrap_or_default().iter().filter_map(known_one).collect()
}

/// Returns the variables of the target's groups, a later group winning, and its own over them.
fn read_own_variables(
    fields: &Fields<'_>,
    named: &[GroupName],
    groups: &Groups,
) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for group in named {
        variables.extend(groups.get(group.as_str()).cloned().unwrap_or_default());
    }
    let own = fields.get("variables").map(|own| environment::read_target_variables(&own));
    variables.extend(own.unwrap_or_default());
    variables
}

/// Returns the address, as written and as read. A message never quotes it: it may hold a password.
fn read_address<'t>(item: &Item<'t>) -> Option<(&'t str, Address)> {
    let text = item.string()?;
    let fault = match Address::parse(text) {
        Ok(address) => return Some((text, address)),
        Err(InvalidAddress::NoRoot(_)) => "names no directory".to_owned(),
        Err(InvalidAddress::Control(_)) => "contains a control character".to_owned(),
        Err(InvalidAddress::Unsupported(_)) => describe_scheme(text),
        Err(InvalidAddress::Ssh(fault)) => fault.to_string(),
    };
    let hint = "write `local:DIRECTORY` or `ssh://[USER@]HOST[:PORT]`";
    item.report(format!("an address in {} {fault}", item.label()), Some(hint.to_owned()));
    None
}

fn describe_scheme(text: &str) -> String {
    let scheme = text.split(':').next().unwrap_or_default();
    let is_scheme = scheme.len() < text.len()
        && (1..=16).contains(&scheme.len())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric());
    if is_scheme {
        format!("has the scheme `{scheme}`, which is not supported by this version")
    } else {
        "has no scheme".to_owned()
    }
}

/// Returns the services that the list names, each of which can be run.
pub(super) fn read_services(item: &Item<'_>, runnable: &Runnable<'_>) -> Vec<ServiceName> {
    let items = item
        .nonempty_list("names of services", "leave it out for all services")
        .unwrap_or_default();
    let mut seen = BTreeSet::new();
    let mut services = Vec::new();
    for item in &items {
        let Some(name) = read_service(item, runnable) else { continue };
        if seen.insert(name.clone()) {
            services.push(name);
        } else {
            item.report(format!("service `{name}` is in {} twice", item.label()), None);
        }
    }
    services
}

fn read_service(item: &Item<'_>, runnable: &Runnable<'_>) -> Option<ServiceName> {
    let name = item.reference("service", runnable.declared)?;
    // A service whose name is invalid has been reported where it is declared.
    let name = ServiceName::new(name).ok()?;
    if runnable.chosen.is_some_and(|chosen| !chosen.contains(&name)) {
        let message = format!("the environment does not run service `{name}`");
        item.report(message, Some("add it to `services` of the environment".to_owned()));
        return None;
    }
    Some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_are_named_and_nothing_else_is() {
        assert!(describe_scheme("ftp://u:hunter2@h").contains("`ftp`"));
        assert!(!describe_scheme("ftp://u:hunter2@h").contains("hunter2"));
        assert_eq!(describe_scheme("web1.internal"), "has no scheme");
        assert_eq!(describe_scheme("user@host:/srv"), "has no scheme");
    }
}
