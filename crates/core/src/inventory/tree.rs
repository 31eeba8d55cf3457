//! Ansible's YAML inventories: groups with `hosts`, `children` and `vars`.

use super::draft::{Draft, GroupIndex, Stop};
use super::host_pattern::HostPattern;
use crate::config::{Data, Map, Node, Origin};
use crate::diagnostic::nearest;

const FIELDS: [&str; 3] = ["hosts", "children", "vars"];

/// Reads the groups at the top of a document into `draft`.
pub(super) fn read(root: Node, draft: &mut Draft) -> Result<(), Stop> {
    let Some(groups) = entries(root, "document", draft) else { return Ok(()) };
    if groups.is_empty() {
        return Ok(());
    }
    if let Some(plugin) = groups.get("plugin") {
        let message = "file configures an inventory plugin, which is not run";
        let hint = "save what `ansible-inventory --list` prints, and name that file";
        return Err(draft.stop(plugin.place().error(message).hint(hint)));
    }
    for (name, group) in groups {
        read_group(&name, group, draft)?;
    }
    Ok(())
}

fn read_group(name: &str, node: Node, draft: &mut Draft) -> Result<GroupIndex, Stop> {
    let group = draft.group(name, &key_of(&node))?;
    for (field, node) in entries(node, "group", draft).unwrap_or_default() {
        match field.as_str() {
            "hosts" => read_hosts(group, node, draft)?,
            "children" => {
                for (name, node) in entries(named(node), "`children`", draft).unwrap_or_default() {
                    let origin = key_of(&node);
                    let child = read_group(&name, node, draft)?;
                    draft.child(group, child, &origin);
                }
            }
            "vars" => {
                for (name, value) in entries(node, "`vars`", draft).unwrap_or_default() {
                    draft.group_variable(group, name, value);
                }
            }
            other => warn_of_field(other, &node, draft),
        }
    }
    Ok(group)
}

/// Reads the hosts of a group, each a pattern with variables.
pub(super) fn read_hosts(group: GroupIndex, node: Node, draft: &mut Draft) -> Result<(), Stop> {
    for (name, node) in entries(named(node), "`hosts`", draft).unwrap_or_default() {
        let origin = key_of(&node);
        let variables: Map = entries(node, "host", draft).unwrap_or_default().into_iter().collect();
        let variables = draft.checked(variables);
        match HostPattern::parse(&name) {
            Ok(HostPattern { names, port }) => {
                draft.hosts(group, &names, port, variables, &origin)?;
            }
            Err((error, _)) => draft.invalid_host(&name, &error, &origin),
        }
    }
    Ok(())
}

/// Ansible warns too: such keys are often there for their YAML anchors.
fn warn_of_field(field: &str, node: &Node, draft: &mut Draft) {
    let message = format!("`{}` is not read: it is no field of a group", field.escape_debug());
    let hint = match nearest(field, FIELDS) {
        Some(known) => format!("did you mean `{known}`?"),
        None => "known are `hosts`, `children` and `vars`".to_owned(),
    };
    draft.report.warn(key_of(node).error(message).hint(hint));
}

/// Returns where the key of a value is.
pub(super) fn key_of(node: &Node) -> Origin {
    node.key_origin().unwrap_or_else(|| node.origin.clone())
}

/// Returns a map in place of a lone name, which stands for one that holds nothing.
fn named(node: Node) -> Node {
    match node.data {
        Data::String(name) => {
            let nothing = Node::new(Data::Null, node.origin.clone());
            Node::new(Data::Map(Box::new(Map::from([(name, nothing)]))), node.origin)
        }
        _ => node,
    }
}

/// Returns what a map holds; null holds nothing. Anything else is reported.
pub(super) fn entries(node: Node, what: &str, draft: &mut Draft) -> Option<Map> {
    let place = node.place();
    match node.data {
        Data::Map(map) => Some(*map),
        Data::Null => Some(Map::new()),
        other => {
            let error = place.error(format!("{what} is {} where a map belongs", other.kind()));
            let listed =
                matches!(other, Data::List(_)).then_some("write `NAME:` without `-` before it");
            draft.report.error(match listed {
                Some(hint) => error.hint(hint),
                None => error,
            });
            None
        }
    }
}
