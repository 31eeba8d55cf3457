//! Inventories of Ansible: hosts, groups and variables, as they are.
//!
//! [`parse`] reads what `ansible-inventory` reads, and means the same: ranges of hosts, groups of
//! groups, and variables of which the deeper group wins and the host over all groups. An
//! [`Inventory`] keeps every value with its place; [`Inventory::targets`] makes targets of it.
//!
//! | read | for |
//! |---|---|
//! | [`Format`], [`parse`] | INI, YAML, and the JSON of an executable inventory |
//! | [`Inventory`] | groups, hosts, variables with their places; files of `group_vars` and `host_vars` |
//! | [`Inventory::targets`], [`Targets`] | where Windlass deploys to, and with which `${KEY}` |
//! | [`HostRange`] | `web[01:50]` |
//!
//! A hostile inventory is an error and never an exhausted machine: texts, hosts, groups, memberships
//! and what variables add up to are bounded.

mod connection;
mod draft;
mod format;
mod graph;
mod host_pattern;
mod ini;
mod jump;
mod line;
mod listing;
mod literal;
mod model;
mod range;
mod report;
mod targets;
mod tree;
mod values;
mod words;

pub use format::{Format, parse};
pub use model::{Inventory, Owner};
pub use range::{HostRange, InvalidRange, MAX_NAMES};
pub use targets::Targets;

/// How many hosts an inventory may have.
pub const MAX_HOSTS: usize = 100_000;
/// How many groups an inventory may have.
pub const MAX_GROUPS: usize = 10_000;
/// How many times hosts may be put into groups, in all.
pub const MAX_MEMBERSHIPS: usize = 1_000_000;
/// How many variables all hosts may see together.
pub const MAX_VARIABLES: usize = 4_000_000;
/// How many bytes the variables of all targets may take together.
pub const MAX_VARIABLE_BYTES: usize = 256 << 20;

/// The group that every host is in.
const ALL: &str = "all";
/// The group of the hosts that are in no other.
const UNGROUPED: &str = "ungrouped";

#[cfg(test)]
mod tests;
