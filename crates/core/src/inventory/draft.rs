//! An inventory that is being read: what is wrong with it is reported, and reading goes on.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use indexmap::IndexMap;

use super::host_pattern::{self, InvalidHost};
use super::model::{Group, Host};
use super::range::HostRange;
use super::report::Report;
use super::values;
use super::{ALL, Inventory, MAX_GROUPS, MAX_HOSTS, MAX_MEMBERSHIPS, UNGROUPED, graph};
use crate::config::{Map, Node, Origin};
use crate::diagnostic::{Diagnostic, nearest};
use crate::target::GroupName;

/// A group by its place in the draft.
pub(super) type GroupIndex = u32;

pub(super) struct Draft {
    pub(super) report: Report,
    groups: IndexMap<GroupName, Group>,
    hosts: IndexMap<Arc<str>, Host>,
    /// What is said to be in what, and where.
    children: BTreeMap<(GroupIndex, GroupIndex), Origin>,
    memberships: usize,
}

/// Reading cannot go on; the reason is in the report.
pub(super) struct Stop;

impl Draft {
    pub(super) fn new(file: &Arc<str>) -> Self {
        let groups = [ALL, UNGROUPED].map(|name| {
            let name = GroupName::new(name).expect("both are names");
            (name.clone(), Group::new(name, Origin::of_source(Arc::clone(file))))
        });
        Self {
            report: Report::default(),
            groups: groups.into_iter().collect(),
            hosts: IndexMap::new(),
            children: BTreeMap::new(),
            memberships: 0,
        }
    }

    /// Returns the group `name`, which there is from now on.
    pub(super) fn group(&mut self, name: &str, origin: &Origin) -> Result<GroupIndex, Stop> {
        let name = match GroupName::new(name) {
            Ok(name) => name,
            Err(error) => return Err(self.stop(origin.error(error.to_string()))),
        };
        if self.groups.len() > MAX_GROUPS {
            return Err(self.stop(origin.error(format!("more than {MAX_GROUPS} groups"))));
        }
        let entry = self.groups.entry(name.clone());
        let index = index_of(entry.index());
        entry.or_insert_with(|| Group::new(name, origin.clone()));
        Ok(index)
    }

    pub(super) fn group_name(&self, group: GroupIndex) -> &GroupName {
        &self.groups[group as usize].name
    }

    /// Returns the question whether `name` was meant to be a group that is known.
    pub(super) fn did_you_mean(&self, name: &str) -> Option<String> {
        let known = self.groups.keys().map(GroupName::as_str).filter(|known| *known != name);
        nearest(name, known.take(1_000)).map(|name| format!("did you mean `{name}`?"))
    }

    /// Puts `child` into `parent`.
    pub(super) fn child(&mut self, parent: GroupIndex, child: GroupIndex, origin: &Origin) {
        self.children.entry((parent, child)).or_insert_with(|| origin.clone());
    }

    /// Puts hosts with variables of their own into `group`.
    pub(super) fn hosts(
        &mut self,
        group: GroupIndex,
        names: &HostRange,
        port: Option<u16>,
        variables: Map,
        origin: &Origin,
    ) -> Result<(), Stop> {
        let variables = Arc::new(variables);
        let port = port.map(|port| Arc::new(values::port(port, origin)));
        for name in names.names() {
            self.memberships += 1;
            if self.memberships > MAX_MEMBERSHIPS {
                let message = format!("hosts are in groups more than {MAX_MEMBERSHIPS} times");
                return Err(self.stop(origin.error(message)));
            }
            let host = self.host(&name, port.as_ref(), origin)?;
            host.groups.insert(group);
            if !variables.is_empty() {
                host.variables.push(Arc::clone(&variables));
            }
        }
        Ok(())
    }

    /// Returns the host `name`, which has `port` if it is new: later ones count for nothing.
    fn host(
        &mut self,
        name: &str,
        port: Option<&Arc<Map>>,
        origin: &Origin,
    ) -> Result<&mut Host, Stop> {
        let Some(at) = self.hosts.get_index_of(name) else {
            return self.new_host(name, port, origin);
        };
        let host = &mut self.hosts[at];
        if port.is_some_and(|port| !host.says_port(port)) {
            let message = format!("the port of host `{name}` is the one of its first entry");
            let hint = format!("that is {}; set `ansible_port` instead", host.origin);
            self.report.warn(origin.error(message).hint(hint));
        }
        Ok(host)
    }

    fn new_host(
        &mut self,
        name: &str,
        port: Option<&Arc<Map>>,
        origin: &Origin,
    ) -> Result<&mut Host, Stop> {
        if self.hosts.len() >= MAX_HOSTS {
            return Err(self.stop(origin.error(format!("more than {MAX_HOSTS} hosts"))));
        }
        let host = self.hosts.entry(Arc::from(name)).or_insert_with(|| Host::new(origin.clone()));
        host.variables.extend(port.map(Arc::clone));
        Ok(host)
    }

    /// Gives variables to a host that there is; returns whether there is one.
    pub(super) fn host_variables(&mut self, name: &str, variables: Map) -> bool {
        let host = self.hosts.get_mut(name);
        host.map(|host| host.variables.push(Arc::new(variables))).is_some()
    }

    /// Sets a variable of a group; `ansible_group_priority` says where it stands among its equals.
    pub(super) fn group_variable(&mut self, group: GroupIndex, name: String, value: Node) {
        if name == "ansible_group_priority" {
            match values::integer(&value).and_then(|number| i64::try_from(number).ok()) {
                Some(priority) => self.groups[group as usize].priority = priority,
                None => {
                    self.report.error(value.origin.error(format!("`{name}` is no whole number")));
                }
            }
        } else if let Some(value) = values::check(&name, value, &mut self.report) {
            self.groups[group as usize].variables.insert(name, value);
        }
    }

    /// Returns the variables without those that cannot be.
    pub(super) fn checked(&mut self, variables: Map) -> Map {
        let check = |(name, value): (String, Node)| {
            let value = values::check(&name, value, &mut self.report)?;
            Some((name, value))
        };
        variables.into_iter().filter_map(check).collect()
    }

    /// Reports a host that is none.
    pub(super) fn invalid_host(&mut self, shown: &str, error: &InvalidHost, origin: &Origin) {
        let mut problem = origin.error(format!("host `{}` {error}", shown.escape_debug()));
        if matches!(error, InvalidHost::Yaml) {
            problem = problem.hint("give the file the extension `.yaml`");
        }
        self.report.error(problem);
    }

    /// Checks a name that is not a pattern.
    pub(super) fn check_name(&mut self, name: &str, origin: &Origin) -> bool {
        let checked = host_pattern::check_name(name);
        if let Err(error) = &checked {
            self.invalid_host(name, error, origin);
        }
        checked.is_ok()
    }

    pub(super) fn stop(&mut self, error: Diagnostic) -> Stop {
        self.report.error(error);
        Stop
    }

    /// Returns the inventory, or everything that is wrong with it.
    pub(super) fn finish(mut self) -> Result<Inventory, Vec<Diagnostic>> {
        self.warn_of_shared_names();
        let mut groups: Vec<Group> = self.groups.into_values().collect();
        graph::connect(&mut groups, &self.children, &mut self.report);
        if !self.report.has_errors() {
            graph::rank(&groups, &mut self.hosts, &mut self.report);
        }
        let warnings = self.report.finish()?;
        Ok(Inventory { groups, hosts: self.hosts, warnings })
    }

    fn warn_of_shared_names(&mut self) {
        let hosts: HashSet<&str> = self.hosts.keys().map(|name| &**name).collect();
        for group in self.groups.values().filter(|group| hosts.contains(group.name.as_str())) {
            let message = format!("`{}` is the name of a group and of a host", group.name);
            self.report.warn(group.origin.error(message));
        }
    }
}

pub(super) fn index_of(index: usize) -> GroupIndex {
    GroupIndex::try_from(index).expect("there are no more than MAX_GROUPS")
}
