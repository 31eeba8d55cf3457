//! What executable inventories print for `--list`: groups with lists of hosts and children, and all
//! variables of hosts in `_meta`.

use super::draft::{Draft, GroupIndex, Stop};
use super::range::HostRange;
use super::tree::{entries, key_of};
use crate::config::{Data, Map, Node};

/// What holds the variables of hosts.
const META: &str = "_meta";

/// Tells whether it is such a listing, and not Ansible's YAML written as JSON.
pub(super) fn is_listing(root: &Node) -> bool {
    let lists = |group: &Node| {
        let fields = ["hosts", "children"].into_iter().filter_map(|field| group.child(field));
        group.as_list().is_some() || fields.into_iter().any(|field| field.as_list().is_some())
    };
    root.as_map().is_some_and(|map| map.contains_key(META) || map.values().any(lists))
}

/// Reads a listing into `draft`.
pub(super) fn read(root: Node, draft: &mut Draft) -> Result<(), Stop> {
    let place = root.place();
    let mut groups = entries(root, "document", draft).unwrap_or_default();
    let meta = groups.shift_remove(META);
    for (name, group) in groups {
        read_group(&name, group, draft)?;
    }
    let variables = meta.map(|meta| entries(meta, "`_meta`", draft).unwrap_or_default());
    match variables.and_then(|mut meta| meta.shift_remove("hostvars")) {
        Some(hosts) => read_variables(hosts, draft),
        None => {
            let message = "hosts have no variables: there is no `hostvars` in `_meta`";
            let hint =
                "have the inventory print them for `--list`: it is not asked for each `--host`";
            draft.report.warn(place.error(message).hint(hint));
        }
    }
    Ok(())
}

fn read_group(name: &str, node: Node, draft: &mut Draft) -> Result<(), Stop> {
    let group = draft.group(name, &key_of(&node))?;
    if node.as_list().is_some() {
        return read_hosts(group, node, draft);
    }
    for (field, node) in entries(node, "group", draft).unwrap_or_default() {
        match field.as_str() {
            "hosts" => read_hosts(group, node, draft)?,
            "children" => {
                for (name, node) in names(node, "`children`", draft) {
                    let child = draft.group(&name, &node.origin)?;
                    draft.child(group, child, &node.origin);
                }
            }
            "vars" => {
                for (name, value) in entries(node, "`vars`", draft).unwrap_or_default() {
                    draft.group_variable(group, name, value);
                }
            }
            other => {
                let message = format!("`{}` is no field of a group", other.escape_debug());
                let hint = "known are `hosts`, `children` and `vars`";
                draft.report.error(key_of(&node).error(message).hint(hint));
            }
        }
    }
    Ok(())
}

/// Reads names of hosts, which are no patterns here.
fn read_hosts(group: GroupIndex, node: Node, draft: &mut Draft) -> Result<(), Stop> {
    for (name, node) in names(node, "`hosts`", draft) {
        if draft.check_name(&name, &node.origin) {
            draft.hosts(group, &HostRange::of(name), None, Map::new(), &node.origin)?;
        }
    }
    Ok(())
}

fn read_variables(hosts: Node, draft: &mut Draft) {
    for (name, node) in entries(hosts, "`hostvars`", draft).unwrap_or_default() {
        let origin = key_of(&node);
        let variables = entries(node, "host", draft).unwrap_or_default();
        let variables = draft.checked(variables);
        if !draft.host_variables(&name, variables) {
            let message = format!("host `{}` is in no group, and left out", name.escape_debug());
            draft.report.warn(origin.error(message));
        }
    }
}

/// Returns the strings of a list, each with its node. Anything else is reported.
fn names(node: Node, what: &str, draft: &mut Draft) -> Vec<(String, Node)> {
    let Data::List(list) = node.data else {
        let message = format!("{what} is {} where a list belongs", node.data.kind());
        draft.report.error(node.origin.error(message));
        return Vec::new();
    };
    let mut names = Vec::with_capacity(list.len());
    for node in list {
        match node.as_str() {
            Some(name) => names.push((name.to_owned(), node)),
            None => {
                let message = format!("{what} has {} where a name belongs", node.data.kind());
                draft.report.error(node.origin.error(message));
            }
        }
    }
    names
}
