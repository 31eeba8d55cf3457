//! From an inventory to targets.

use std::collections::{BTreeMap, HashMap};

use super::connection::{self, Variables};
use super::model::Host;
use super::report::Report;
use super::values::{is_connection, is_variable, text};
use super::{Inventory, MAX_VARIABLE_BYTES, MAX_VARIABLES};
use crate::config::Map;
use crate::diagnostic::Diagnostic;
use crate::target::{Target, TargetId};

/// What an inventory says to deploy to.
#[derive(Debug, Clone)]
pub struct Targets {
    /// A target for each host, in the order of the inventory.
    pub targets: Vec<Target>,
    /// What is strange, and keeps nothing from being deployed.
    pub warnings: Vec<Diagnostic>,
}

impl Inventory {
    /// Returns a target for each host: its name, where `ansible_host` and the like say it is, its
    /// groups without `all`, and its variables.
    ///
    /// `${KEY}` stands for strings, numbers and booleans. Lists, maps and null stand for nothing, so
    /// that a template that names one is an error; so do variables whose name begins with `ansible_`
    /// or `windlass_`, which say how a host is reached and would make each host a rendering of its own.
    ///
    /// # Errors
    /// Everything that keeps hosts from being reached: addresses that are none, ways that are not
    /// supported, two hosts that are one directory; or variables beyond [`MAX_VARIABLES`] or
    /// [`MAX_VARIABLE_BYTES`].
    pub fn targets(&self) -> Result<Targets, Vec<Diagnostic>> {
        self.bound_variables()?;
        let mut builder = Builder::default();
        let mut targets = Vec::with_capacity(self.hosts.len());
        for (name, host) in &self.hosts {
            targets.extend(builder.target(self, name, host));
            if builder.bytes > MAX_VARIABLE_BYTES {
                let message =
                    format!("variables of all hosts take more than {MAX_VARIABLE_BYTES} bytes");
                builder.report.error(host.origin.error(message));
                break;
            }
        }
        let mut warnings = self.warnings.clone();
        warnings.extend(builder.report.finish()?);
        Ok(Targets { targets, warnings })
    }

    /// Refuses variables of which there would be too many, before there are.
    fn bound_variables(&self) -> Result<(), Vec<Diagnostic>> {
        let mut count = 0_usize;
        for host in self.hosts.values() {
            count += self.layers(host).map(Map::len).sum::<usize>();
            if count > MAX_VARIABLES {
                let message = format!("hosts see more than {MAX_VARIABLES} variables in all");
                return Err(vec![host.origin.error(message)]);
            }
        }
        Ok(())
    }
}

#[derive(Default)]
struct Builder<'a> {
    report: Report,
    /// The first host of each directory.
    places: HashMap<String, &'a str>,
    bytes: usize,
}

impl<'a> Builder<'a> {
    fn target(&mut self, inventory: &'a Inventory, name: &'a str, host: &Host) -> Option<Target> {
        let layers = inventory.layers(host).flatten();
        let variables: Variables<'_> = layers.map(|(name, value)| (name.as_str(), value)).collect();
        let (address, connection) =
            connection::read(name, &host.origin, &variables, &mut self.report)?;
        let target = Target {
            groups: inventory.groups_of(name).unwrap_or_default(),
            variables: self.strings(&variables),
            connection,
            ..Target::at(TargetId::new(name), address)
        };
        self.refuse_same_place(name, host, &target);
        Some(target)
    }

    fn strings(&mut self, variables: &Variables<'_>) -> BTreeMap<String, String> {
        let mut strings = BTreeMap::new();
        for (name, value) in variables.iter().filter(|(name, _)| !is_connection(name)) {
            let Some(text) = text(value) else { continue };
            if is_variable(name) {
                self.bytes += name.len() + text.len();
                strings.insert((*name).to_owned(), text);
            } else {
                let message = format!("`{}` is not the name of a variable", name.escape_debug());
                let hint = "`${KEY}` has letters, digits and `_`: this one cannot be used";
                self.report.warn(value.place().error(message).hint(hint));
            }
        }
        strings
    }

    /// Refuses a host that is another one by its address: they would undo each other's work.
    fn refuse_same_place(&mut self, name: &'a str, host: &Host, target: &Target) {
        let mut place = target.address.place();
        // Behind another gateway, the same address is another host.
        if let Some(gateway) = target.connection.jump.last() {
            place = format!("{place} {gateway}");
        }
        if let Some(first) = self.places.insert(place, name) {
            let message = format!("hosts `{first}` and `{name}` are the same: {}", target.address);
            let hint = "remove one of them, or give each a `windlass_root` of its own";
            self.report.error(host.origin.error(message).hint(hint));
        }
    }
}
