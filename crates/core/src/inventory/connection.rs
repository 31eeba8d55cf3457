//! From Ansible's connection variables to an address and a way in.

use std::collections::BTreeMap;

use super::jump::{self, Arguments};
use super::report::Report;
use super::values;
use crate::config::{Node, Origin};
use crate::target::{Address, Connection, InvalidSshAddress, SshAddress, check_user};

/// Of several names of one thing, the last that is set counts, as in Ansible.
const HOST: [&str; 2] = ["ansible_host", "ansible_ssh_host"];
const PORT: [&str; 2] = ["ansible_port", "ansible_ssh_port"];
const USER: [&str; 2] = ["ansible_user", "ansible_ssh_user"];
const KEY_FILE: [&str; 2] = ["ansible_private_key_file", "ansible_ssh_private_key_file"];
const BECOME: [&str; 1] = ["ansible_become"];
const BECOME_USER: [&str; 1] = ["ansible_become_user"];
const BECOME_METHOD: [&str; 1] = ["ansible_become_method"];
/// In the order in which `ssh` gets them: it takes the first of two equal options.
const ARGUMENTS: [&str; 3] =
    ["ansible_ssh_args", "ansible_ssh_common_args", "ansible_ssh_extra_args"];
/// The directory on a host that is its root. Ansible has no such thing.
const ROOT: &str = "windlass_root";

/// Kinds of connections, with and without the collection that they are from.
const OVER_SSH: [&str; 4] = ["ssh", "smart", "paramiko", "paramiko_ssh"];
const LOCAL: &str = "local";
const SUDO: &str = "sudo";

/// The variables of a host.
pub(super) type Variables<'a> = BTreeMap<&'a str, &'a Node>;

/// Returns where the host `name`, which is listed at `entry`, is and how it is entered.
pub(super) fn read(
    name: &str,
    entry: &Origin,
    variables: &Variables<'_>,
    report: &mut Report,
) -> Option<(Address, Connection)> {
    let mut reader = Reader { variables, report };
    if reader.is_local()? {
        let root = reader.text(&[ROOT]).map_or_else(|| "/".to_owned(), |(root, _)| root);
        let (becomes, become_user) = reader.becomes();
        let connection = Connection { becomes, become_user, ..Connection::default() };
        return Some((Address::Local { root }, connection));
    }
    let mut arguments = reader.arguments();
    let address = reader.address(name, entry, &mut arguments);
    let connection = reader.connection(arguments);
    Some((Address::Ssh(address?), connection))
}

struct Reader<'a, 'r> {
    variables: &'a Variables<'a>,
    report: &'r mut Report,
}

impl<'a> Reader<'a, '_> {
    /// Returns what the last of `names` that is set says. A value that says nothing is not set; one that
    /// cannot be followed is reported.
    fn text(&mut self, names: &[&'static str]) -> Option<(String, (&'static str, &'a Node))> {
        let set = |name: &&'static str| Some((*name, *self.variables.get(name)?));
        let (name, node) = names.iter().rev().find_map(set)?;
        let Some(text) = values::text(node) else {
            if node.data.is_collection() {
                self.error(
                    node,
                    format!("`{name}` is {} where text belongs", node.data.kind()),
                    None,
                );
            }
            return None;
        };
        if text.contains("{{") || text.contains("{%") {
            let hint = "write down what it stands for";
            self.error(
                node,
                format!("`{name}` is a Jinja expression, which is not evaluated"),
                Some(hint),
            );
            return None;
        }
        (!text.trim().is_empty()).then_some((text, (name, node)))
    }

    fn error(&mut self, node: &Node, message: impl Into<String>, hint: Option<&str>) {
        let error = node.place().error(message);
        self.report.error(match hint {
            Some(hint) => error.hint(hint),
            None => error,
        });
    }

    /// Tells whether the host is this machine; nothing where it is reached in an unknown way.
    fn is_local(&mut self) -> Option<bool> {
        let Some((kind, (_, node))) = self.text(&["ansible_connection"]) else {
            return Some(false);
        };
        let kind = kind.rsplit('.').next().unwrap_or_default();
        if kind == LOCAL {
            return Some(true);
        }
        if OVER_SSH.contains(&kind) {
            return Some(false);
        }
        let message = "`ansible_connection` is a way to hosts that is not supported";
        self.error(node, message, Some("known are `ssh` and `local`"));
        None
    }

    /// Variables go before arguments: Ansible puts them first, and `ssh` takes the first of two.
    fn address(
        &mut self,
        name: &str,
        entry: &Origin,
        arguments: &mut Arguments,
    ) -> Option<SshAddress> {
        let host = match self.text(&HOST) {
            Some((host, source)) => self.valid(SshAddress::new(host), source),
            None => match SshAddress::new(name) {
                Ok(address) => Some(address),
                Err(error) => {
                    let message =
                        format!("host `{}` is no address: it {error}", name.escape_debug());
                    self.report
                        .error(entry.error(message).hint("say where it is with `ansible_host`"));
                    None
                }
            },
        };
        let user = self.text(&USER);
        let port = self.port();
        let root = self.text(&[ROOT]);
        let mut address = host?;
        address = match (user, arguments.user.take()) {
            (Some((user, source)), _) => self.valid(address.with_user(user), source)?,
            (None, Some(user)) => address.with_user(user).ok()?,
            (None, None) => address,
        };
        address = match (port, arguments.port.take()) {
            (Some((port, source)), _) => self.valid(address.with_port(port), source)?,
            (None, Some(port)) => address.with_port(port).ok()?,
            (None, None) => address,
        };
        match root {
            Some((root, source)) => self.valid(address.with_root(root), source),
            None => Some(address),
        }
    }

    fn valid(
        &mut self,
        address: Result<SshAddress, InvalidSshAddress>,
        (name, node): (&'static str, &Node),
    ) -> Option<SshAddress> {
        let report = |error| self.error(node, format!("address by `{name}` {error}"), None);
        address.map_err(report).ok()
    }

    fn port(&mut self) -> Option<(u16, (&'static str, &'a Node))> {
        let (_, (name, node)) = self.text(&PORT)?;
        let port = values::integer(node).and_then(|port| u16::try_from(port).ok());
        if port.is_none() {
            self.error(node, format!("`{name}` is not a number from 1 to 65535"), None);
        }
        Some((port?, (name, node)))
    }

    fn connection(&mut self, arguments: Arguments) -> Connection {
        let own = self.text(&KEY_FILE).map(|(file, _)| file);
        let (becomes, become_user) = self.becomes();
        Connection {
            identity_file: own.or(arguments.identity_file),
            jump: arguments.jump.unwrap_or_default(),
            becomes,
            become_user,
        }
    }

    fn arguments(&mut self) -> Arguments {
        let mut all = Arguments::default();
        for name in ARGUMENTS {
            let Some((text, (name, node))) = self.text(&[name]) else { continue };
            match jump::read(&text) {
                Ok(read) => {
                    self.warn_of_unused(name, node, &read.unused);
                    all.jump = all.jump.or(read.jump);
                    all.identity_file = all.identity_file.or(read.identity_file);
                    all.user = all.user.or(read.user);
                    all.port = all.port.or(read.port);
                }
                Err(error) => {
                    let hint = "put it into `~/.ssh/config`, which is honoured";
                    self.error(node, format!("`{name}` {error}"), Some(hint));
                }
            }
        }
        all
    }

    fn warn_of_unused(&mut self, name: &str, node: &Node, unused: &[String]) {
        if !unused.is_empty() {
            let message =
                format!("`{name}` has options that are not used: `{}`", unused.join("`, `"));
            let hint = "put what is needed into `~/.ssh/config`, which is honoured";
            self.report.warn(node.place().error(message).hint(hint));
        }
    }

    /// Returns whether the work is done as another user, and who that is, as far as the host says.
    fn becomes(&mut self) -> (Option<bool>, Option<String>) {
        let wanted = self.text(&BECOME).and_then(|(_, (name, node))| {
            let wanted = values::boolean(node);
            if wanted.is_none() {
                self.error(node, format!("`{name}` is neither `true` nor `false`"), None);
            }
            wanted
        });
        if wanted == Some(false) {
            return (wanted, None);
        }
        self.refuse_other_methods();
        let user = self.text(&BECOME_USER).and_then(|(user, (name, node))| {
            let report = |error| self.error(node, format!("`{name}` {error}"), None);
            check_user(&user).map_err(report).ok()?;
            Some(user)
        });
        (wanted, user)
    }

    fn refuse_other_methods(&mut self) {
        let Some((method, (name, node))) = self.text(&BECOME_METHOD) else { return };
        if method.rsplit('.').next() != Some(SUDO) {
            self.error(node, format!("`{name}` is not supported"), Some("known is `sudo`"));
        }
    }
}
