//! Where the project file sets variables.

use std::collections::BTreeMap;

use super::fields::{Fields, Item};
use super::input::Input;
use super::{Located, ROOT, syntax};

/// Variables by name, each with its value and where that is written.
type Variables = BTreeMap<String, Located<String>>;

/// Where a project file sets variables, and versions of services, which are variables too.
///
/// The values are as they are written; what is not valid is left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct VariablePlaces {
    shared: Variables,
    environments: BTreeMap<String, OfEnvironment>,
    versions: Variables,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct OfEnvironment {
    own: Variables,
    groups: BTreeMap<String, Variables>,
    targets: BTreeMap<String, OfTarget>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct OfTarget {
    groups: Vec<String>,
    own: Variables,
}

impl VariablePlaces {
    /// Returns those of `text`, the text of a project file.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let input = Input::new("", text);
        let Some(table) = syntax::parse(&input) else { return Self::default() };
        let root = Fields::root(&input, &table, &ROOT);
        let shared = root.get("project").and_then(|project| child(&project, "variables"));
        let version = |(name, service): (String, Item<'_>)| {
            Some((name, located(&child(&service, "version")?)?))
        };
        Self {
            shared: variables(shared),
            environments: children(root.get("environments"))
                .map(|(name, item)| (name, OfEnvironment::of(&item)))
                .collect(),
            versions: children(root.get("services")).filter_map(version).collect(),
        }
    }

    /// Returns each place that sets the variable `name` for `target` of `environment`, of which the
    /// last is in force: the project's, the environment's, those of the target's groups, its own.
    #[must_use]
    pub fn of_variable(
        &self,
        name: &str,
        environment: &str,
        target: Option<&str>,
    ) -> Vec<&Located<String>> {
        let mut tables = vec![&self.shared];
        if let Some(environment) = self.environments.get(environment) {
            tables.push(&environment.own);
            if let Some(target) = target.and_then(|target| environment.targets.get(target)) {
                let groups = target.groups.iter();
                tables.extend(groups.filter_map(|group| environment.groups.get(group)));
                tables.push(&target.own);
            }
        }
        tables.into_iter().filter_map(|table| table.get(name)).collect()
    }

    /// Returns the version of a service, as it is written.
    #[must_use]
    pub fn version_of(&self, service: &str) -> Option<&Located<String>> {
        self.versions.get(service)
    }
}

impl OfEnvironment {
    fn of(item: &Item<'_>) -> Self {
        let group =
            |(name, group): (String, Item<'_>)| (name, variables(child(&group, "variables")));
        let targets = child(item, "targets").filter(Item::is_list);
        let targets = targets.and_then(|targets| targets.list("targets")).unwrap_or_default();
        Self {
            own: variables(child(item, "variables")),
            groups: children(child(item, "groups")).map(group).collect(),
            targets: targets.iter().filter_map(OfTarget::of).collect(),
        }
    }
}

impl OfTarget {
    /// Returns the variables of a target, with its identity.
    fn of(item: &Item<'_>) -> Option<(String, Self)> {
        if !item.is_table() {
            return Some((item.scalar()?, Self::default()));
        }
        let id = child(item, "name").or_else(|| child(item, "address"))?.scalar()?;
        let groups = child(item, "groups").filter(Item::is_list);
        let groups = groups.and_then(|groups| groups.list("groups")).unwrap_or_default();
        let groups = groups.iter().filter_map(Item::scalar).collect();
        Some((id, Self { groups, own: variables(child(item, "variables")) }))
    }
}

fn variables(table: Option<Item<'_>>) -> Variables {
    children(table).filter_map(|(name, item)| Some((name, located(&item)?))).collect()
}

fn located(item: &Item<'_>) -> Option<Located<String>> {
    Some(item.input.locate(&item.span(), item.scalar()?))
}

fn children<'t>(table: Option<Item<'t>>) -> impl Iterator<Item = (String, Item<'t>)> {
    let table = table.filter(Item::is_table);
    let entries = table.map(|table| table.entries()).unwrap_or_default();
    entries.into_iter().map(|entry| (entry.key.to_owned(), entry.item))
}

fn child<'t>(table: &Item<'t>, name: &str) -> Option<Item<'t>> {
    let entries = if table.is_table() { table.entries() } else { Vec::new() };
    entries.into_iter().find(|entry| entry.key == name).map(|entry| entry.item)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\u{feff}[project]\nname = \"x\"\nvariables = { A = \"p\", B = 1 }\n\
        [services.web]\nversion = \"1.${B}\"\n\
        [environments.e]\nvariables = { A = \"e\" }\n\
        groups.g.variables = { A = \"g\", C = true }\n\
        targets = [\"local:./1\", { name = \"t\", address = \"local:./2\", groups = [\"g\"], variables = { A = \"t\" } },\n\
        { address = \"local:./3\", groups = [\"g\", \"none\"] }]\n";

    fn places(name: &str, environment: &str, target: Option<&str>) -> Vec<(String, u32, u32)> {
        let places = VariablePlaces::of(TEXT);
        let found = places.of_variable(name, environment, target).into_iter();
        found.map(|it| (it.value.clone(), it.position.line, it.position.column)).collect()
    }

    #[test]
    fn each_place_is_found_the_one_in_force_last() {
        let values = |name, target| {
            let places = places(name, "e", target);
            places.into_iter().map(|(value, ..)| value).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(values("A", Some("t")), "p e g t");
        assert_eq!(values("A", Some("local:./3")), "p e g");
        assert_eq!(values("A", Some("local:./1")), "p e");
        assert_eq!(values("C", Some("t")), "true");
        assert_eq!(values("C", None), "");
        assert_eq!(places("A", "other", Some("t")), [("p".to_owned(), 3, 19)]);
        assert_eq!(places("B", "e", None), [("1".to_owned(), 3, 28)]);
    }

    #[test]
    fn versions_are_found() {
        let places = VariablePlaces::of(TEXT);
        let version = places.version_of("web").expect("it has one");
        assert_eq!((&*version.value, version.position.line), ("1.${B}", 5));
        assert_eq!(places.version_of("db"), None);
    }

    #[test]
    fn what_is_not_valid_is_left_out() {
        for text in [
            "",
            "[",
            "project = 1",
            "[environments]\ne = 1",
            "[environments.e]\ntargets = 1\ngroups = 1",
        ] {
            let places = VariablePlaces::of(text);
            assert!(places.of_variable("A", "e", Some("t")).is_empty(), "{text}");
        }
    }
}
