//! An inventory that has been read.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use indexmap::IndexMap;

use super::draft::GroupIndex;
use super::report::Report;
use super::{ALL, values};
use crate::config::{self, Data, Map, Node, Origin};
use crate::diagnostic::Diagnostic;
use crate::target::GroupName;

/// Hosts, groups, and their variables.
#[derive(Debug, Clone)]
pub struct Inventory {
    pub(super) groups: Vec<Group>,
    pub(super) hosts: IndexMap<Arc<str>, Host>,
    pub(super) warnings: Vec<Diagnostic>,
}

#[derive(Debug, Clone)]
pub(super) struct Group {
    pub(super) name: GroupName,
    /// Where it is first named.
    pub(super) origin: Origin,
    pub(super) parents: Vec<GroupIndex>,
    pub(super) depth: u32,
    pub(super) priority: i64,
    /// Those of the inventory itself.
    pub(super) variables: Map,
    /// Those of files beside it, which win over what the inventory says of any group.
    pub(super) beside: Map,
}

#[derive(Debug, Clone)]
pub(super) struct Host {
    /// Where it is first named.
    pub(super) origin: Origin,
    /// The groups that name it.
    pub(super) groups: BTreeSet<GroupIndex>,
    /// All groups that it is in, those whose variables count least first.
    pub(super) ranked: Arc<[GroupIndex]>,
    /// Variables, later ones winning. Hosts of one range share them.
    pub(super) variables: Vec<Arc<Map>>,
}

impl Group {
    pub(super) fn new(name: GroupName, origin: Origin) -> Self {
        let (variables, beside) = (Map::new(), Map::new());
        Self { name, origin, parents: Vec::new(), depth: 0, priority: 1, variables, beside }
    }
}

impl Host {
    pub(super) fn new(origin: Origin) -> Self {
        let (groups, ranked, variables) = (BTreeSet::new(), Arc::default(), Vec::new());
        Self { origin, groups, ranked, variables }
    }

    /// Tells whether the port of an entry is the one that it has already.
    pub(super) fn says_port(&self, port: &Map) -> bool {
        let said = self.variables.iter().rev().find_map(|map| map.get("ansible_port"));
        said.is_some_and(|said| Some(&said.data) == port.get("ansible_port").map(|new| &new.data))
    }
}

/// Whose variables a file beside the inventory holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner<'a> {
    /// Of a group: `group_vars/NAME`.
    Group(&'a str),
    /// Of a host: `host_vars/NAME`.
    Host(&'a str),
}

impl Inventory {
    /// Returns the names of the hosts in the order in which the inventory names them first.
    pub fn hosts(&self) -> impl ExactSizeIterator<Item = &str> {
        self.hosts.keys().map(|name| &**name)
    }

    /// Returns the names of the groups, `all` and `ungrouped` among them, in the order in which the
    /// inventory names them first.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &GroupName> {
        self.groups.iter().map(|group| &group.name)
    }

    /// Returns what is strange about the inventory and does not keep it from being used.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Returns the groups that `host` is in, by itself or through another, `all` left out, by name;
    /// nothing where there is no such host.
    #[must_use]
    pub fn groups_of(&self, host: &str) -> Option<Vec<GroupName>> {
        let host = self.hosts.get(host)?;
        let names = host.ranked.iter().map(|at| &self.groups[*at as usize].name);
        let mut names: Vec<_> = names.filter(|name| name.as_str() != ALL).cloned().collect();
        names.sort();
        Some(names)
    }

    /// Returns the hosts that are in `group`, by themselves or through another; nothing where there
    /// is no such group.
    #[must_use]
    pub fn members(&self, group: &str) -> Option<Vec<&str>> {
        let at = self.groups.iter().position(|other| other.name.as_str() == group)?;
        let inside = |host: &Host| host.ranked.iter().any(|other| *other as usize == at);
        let members = self.hosts.iter().filter(|(_, host)| inside(host));
        Some(members.map(|(name, _)| &**name).collect())
    }

    /// Returns the variables that `host` has, each with its place; nothing where there is no such
    /// host.
    #[must_use]
    pub fn variables(&self, host: &str) -> Option<BTreeMap<&str, &Node>> {
        let host = self.hosts.get(host)?;
        Some(self.layers(host).flatten().map(|(name, value)| (name.as_str(), value)).collect())
    }

    /// Returns all values of the variable `name` that `host` sees, the one that it has being the
    /// last.
    #[must_use]
    pub fn history(&self, host: &str, name: &str) -> Vec<&Node> {
        let layers = self.hosts.get(host).into_iter().flat_map(|host| self.layers(host));
        layers.filter_map(|map| map.get(name)).collect()
    }

    /// Returns the variables that `host` sees, later ones winning, in Ansible's order: its groups from
    /// `all` on, then their files, then the host, then its files.
    pub(super) fn layers<'a>(&'a self, host: &'a Host) -> impl Iterator<Item = &'a Map> {
        let groups = || host.ranked.iter().map(|at| &self.groups[*at as usize]);
        let inventory = groups().map(|group| &group.variables);
        let beside = groups().map(|group| &group.beside);
        inventory.chain(beside).chain(host.variables.iter().map(|map| &**map))
    }

    /// Adds the variables in a file beside the inventory, such as `group_vars/web.yaml`: YAML, or JSON
    /// where its name ends so. They win over those of the inventory, and files that are added later
    /// over earlier ones. Returns whether there is such a group or host; where there is none, the file
    /// is not looked at.
    ///
    /// # Errors
    /// Everything that is wrong with the file; then nothing is added.
    pub fn add_file(
        &mut self,
        owner: Owner<'_>,
        file: &str,
        text: &str,
    ) -> Result<bool, Vec<Diagnostic>> {
        let group = |name| self.groups.iter().position(|group| group.name.as_str() == name);
        let known = match owner {
            Owner::Group(name) => group(name).is_some(),
            Owner::Host(name) => self.hosts.contains_key(name),
        };
        if !known {
            return Ok(false);
        }
        let (variables, warnings) = read_file(file, text)?;
        match owner {
            Owner::Group(name) => {
                let at = group(name).expect("looked up above");
                self.groups[at].beside.extend(variables);
            }
            Owner::Host(name) => {
                let host = self.hosts.get_mut(name).expect("looked up above");
                host.variables.push(Arc::new(variables));
            }
        }
        self.warnings.extend(warnings);
        Ok(true)
    }
}

fn read_file(file: &str, text: &str) -> Result<(Map, Vec<Diagnostic>), Vec<Diagnostic>> {
    let format = match config::Format::from_path(file) {
        Some(config::Format::Json) => config::Format::Json,
        _ => config::Format::Yaml,
    };
    let root = super::format::read_config(format, file, text)?;
    let mut report = Report::default();
    let mut variables = Map::new();
    match root.data {
        Data::Null => {}
        Data::Map(map) => {
            for (name, value) in *map {
                if let Some(value) = values::check(&name, value, &mut report) {
                    variables.insert(name, value);
                }
            }
        }
        other => {
            let message = format!("file is {} where variables belong", other.kind());
            report.error(root.origin.error(message));
        }
    }
    Ok((variables, report.finish()?))
}
