//! Variables of inventories: which there can be, and what they say as text.

use crate::config::{Data, Map, Node, Origin};

use super::report::Report;

/// Variables that hold passwords and keys. Windlass has no use for them, and never keeps one.
const SECRETS: [&str; 14] = [
    "ansible_password",
    "ansible_pass",
    "ansible_ssh_pass",
    "ansible_ssh_password",
    "ansible_become_pass",
    "ansible_become_password",
    "ansible_sudo_pass",
    "ansible_sudo_password",
    "ansible_su_pass",
    "ansible_su_password",
    "ansible_private_key",
    "ansible_ssh_private_key",
    "ansible_private_key_passphrase",
    "ansible_ssh_private_key_passphrase",
];

/// How Ansible Vault begins what it encrypts.
pub(super) const VAULT: &str = "$ANSIBLE_VAULT;";

/// How Ansible writes a string of a vault in JSON.
const VAULT_KEY: &str = "__ansible_vault";

/// How Ansible writes a string without templates in JSON. Windlass has no others.
const UNSAFE_KEY: &str = "__ansible_unsafe";

/// What to do about a value that is encrypted.
pub(super) const VAULT_HINT: &str =
    "decrypt it with `ansible-vault`, and keep secrets out of the inventory";

/// Returns the variables that a port stands for.
pub(super) fn port(port: u16, origin: &Origin) -> Map {
    let port = Node::new(Data::Integer(port.into()), origin.clone());
    Map::from([("ansible_port".to_owned(), port)])
}

/// Returns the value of a variable, or nothing where there can be none: what is wrong is reported,
/// never with the value.
pub(super) fn check(name: &str, mut value: Node, report: &mut Report) -> Option<Node> {
    let place = value.place();
    if SECRETS.contains(&name) {
        let message = format!("`{name}` is not used, and better not written down");
        let hint = "Windlass logs in with keys, an agent or certificates, and never asks sudo for a \
                    password";
        report.warn(place.error(message).hint(hint));
        return None;
    }
    if name == "VERSION" {
        let error = place.error("`VERSION` cannot differ from target to target");
        let hint = "set it for the environment: a release has one version of each service";
        report.error(error.hint(hint));
        return None;
    }
    unwrap(&mut value);
    if is_encrypted(&value) {
        let message = format!("`{name}` is encrypted with Ansible Vault, which is not read");
        report.error(place.error(message).hint(VAULT_HINT));
        return None;
    }
    warn_of_template(name, &value, report);
    Some(value)
}

/// Puts strings in the place of the maps that Ansible marks them with.
fn unwrap(value: &mut Node) {
    match &mut value.data {
        Data::List(list) => list.iter_mut().for_each(unwrap),
        Data::Map(map) => match map.get_mut(UNSAFE_KEY) {
            Some(text) if text.as_str().is_some() => {
                value.data = std::mem::replace(&mut text.data, Data::Null);
            }
            _ => map.values_mut().for_each(unwrap),
        },
        _ => {}
    }
}

fn is_encrypted(value: &Node) -> bool {
    match &value.data {
        Data::String(text) => text.trim_start().starts_with(VAULT),
        Data::List(list) => list.iter().any(is_encrypted),
        Data::Map(map) => map.contains_key(VAULT_KEY) || map.values().any(is_encrypted),
        _ => false,
    }
}

fn warn_of_template(name: &str, value: &Node, report: &mut Report) {
    let is_template = |text: &str| text.contains("{{") || text.contains("{%");
    if value.as_str().is_some_and(is_template) && !name.starts_with("ansible_") {
        let message = format!("`{name}` holds a Jinja expression, which is taken as it is");
        report.warn(value.origin.error(message).hint("write down what it stands for"));
    }
}

/// Returns what `${KEY}` becomes: strings as they are, numbers and booleans as JSON writes them.
/// Null, lists and maps are nothing.
pub(super) fn text(value: &Node) -> Option<String> {
    match &value.data {
        Data::String(text) => Some(text.clone()),
        Data::Bool(_) | Data::Integer(_) | Data::Float(_) => Some(value.to_json().to_string()),
        Data::Null | Data::List(_) | Data::Map(_) => None,
    }
}

/// Returns the whole number that it is or writes.
pub(super) fn integer(value: &Node) -> Option<i128> {
    match &value.data {
        Data::Integer(number) => Some(*number),
        Data::String(text) => text.trim().parse().ok(),
        _ => None,
    }
}

/// Returns the boolean that Ansible takes it for.
pub(super) fn boolean(value: &Node) -> Option<bool> {
    let text = match &value.data {
        Data::Bool(flag) => return Some(*flag),
        Data::Integer(number) => number.to_string(),
        Data::String(text) => text.trim().to_lowercase(),
        _ => return None,
    };
    match text.as_str() {
        "yes" | "on" | "true" | "1" | "y" | "t" => Some(true),
        "no" | "off" | "false" | "0" | "n" | "f" => Some(false),
        _ => None,
    }
}

/// Tells whether `name` can stand in `${KEY}`.
pub(super) fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

/// Tells whether it says how a host is reached, and not what is put on it.
pub(super) fn is_connection(name: &str) -> bool {
    name.starts_with("ansible_") || name.starts_with("windlass_")
}
