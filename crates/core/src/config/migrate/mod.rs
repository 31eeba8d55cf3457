//! Migration: documents brought from one version to another, by rules in a file.
//!
//! A [`ConfigMigrator`] holds migrations, each from one version to another: a graph.
//! [`ConfigMigrator::route`] finds the shortest way through it, backwards too where every rule of a
//! migration can be undone; [`Route::apply`] goes it and returns the new document, the rules that
//! were applied, and the [`Edit`](super::edit::Edit)s that bring the file to the same state with its comments kept.
//!
//! ```
//! use windlass_core::config::migrate::{ConfigMigrator, Scope, no_commands};
//! use windlass_core::config::{Format, parse};
//!
//! let rules = r#"
//!     [[migration]]
//!     from = "1"
//!     to = "2"
//!     rules = [
//!       { rename = { from = "db.host", to = "database.host" } },
//!       { transform = { key = "timeout", with = "multiply 1000" } },
//!     ]
//! "#;
//! let migrator = ConfigMigrator::parse(Format::Toml, "migrations.toml", rules).unwrap();
//! let document = parse(Format::Yaml, "app.yaml", "version: 1\ndb: {host: a}\ntimeout: 0.5\n");
//! let document = document.unwrap();
//! let route = migrator.route("1", "2").unwrap();
//! let migrated = route.apply(&document, Scope::Whole, &mut no_commands).unwrap();
//! assert_eq!(
//!     migrated.document.to_json(),
//!     serde_json::json!({"version": 2, "database": {"host": "a"}, "timeout": 500}),
//! );
//! ```

mod apply;
mod document;
mod key;
mod number;
mod read;
mod route;
mod rule;
mod transform;

pub use apply::{AppliedRule, Migrated, RunCommand, Scope, no_commands};
pub use key::Key;
pub use route::{Irreversible, NoRoute, Route, RouteError, Step};
pub use rule::{Action, Change, PartType, Parts, Rule};
pub use transform::{InvalidTransform, Operand, Transform};

use super::format::Format;
use super::node::{Data, Node, Origin};
use crate::diagnostic::Diagnostic;

/// The rules that lead from one version to another.
#[derive(Debug, Clone)]
pub struct Migration {
    /// The version before.
    pub from: String,
    /// The version after.
    pub to: String,
    /// What is done, in order.
    pub rules: Vec<Rule>,
    /// Where it is written.
    pub origin: Origin,
}

impl Migration {
    /// Returns the rules that undo it, in order.
    ///
    /// # Errors
    /// The first rule that cannot be undone.
    pub fn inverse(&self) -> Result<Vec<Rule>, &Rule> {
        self.rules.iter().rev().map(|rule| rule.inverse().ok_or(rule)).collect()
    }
}

/// Migrations between the versions of a document, read from a file.
///
/// The file, in any [`Format`], has a list `migration`; each has `from`, `to` and `rules`. The
/// version of a document is under the key `version`, unless `version_key` names another.
///
/// | rule | fields | undone by |
/// |---|---|---|
/// | `rename`, `move` | `from`, `to` | itself |
/// | `transform` | `key`, and `with` (see [`Transform`]) or `expression` (a template expression over `value` and `config`) | `back` or `back_expression`; `with` where nothing is lost |
/// | `add` | `key`, `value` | `remove` |
/// | `remove` | `key`, `default` | `add`, if there is a `default` |
/// | `split` | `key`, `into`, `separator`, `types` | `merge` |
/// | `merge` | `keys`, `into`, `separator`, `types` | `split` |
/// | `custom` | `command`: gets the document as JSON and gives it back | `back`, another command |
///
/// In keys, `*` stands for each key of a map and each element of a list: `servers.*.port`. A map
/// that a rule leaves empty goes too.
#[derive(Debug, Clone)]
pub struct ConfigMigrator {
    file: String,
    version_key: Key,
    migrations: Vec<Migration>,
}

impl ConfigMigrator {
    /// Returns the migrations that `text` writes.
    ///
    /// # Errors
    /// Everything that is wrong with it, each at its own line.
    pub fn parse(format: Format, file: &str, text: &str) -> Result<Self, Vec<Diagnostic>> {
        read::read(format, file, text)
    }

    /// Returns the file that they were read from.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the dotted key under which documents say their version.
    #[must_use]
    pub fn version_key(&self) -> String {
        self.version_key.to_string()
    }

    /// Returns the migrations in the order of the file.
    #[must_use]
    pub fn migrations(&self) -> &[Migration] {
        &self.migrations
    }

    /// Returns each version once, in the order in which the file first names it.
    #[must_use]
    pub fn versions(&self) -> Vec<&str> {
        let mut versions = Vec::new();
        for version in self.migrations.iter().flat_map(|m| [m.from.as_str(), m.to.as_str()]) {
            if !versions.contains(&version) {
                versions.push(version);
            }
        }
        versions
    }

    /// Returns the one version that no migration leads away from; nothing if there are several.
    #[must_use]
    pub fn latest(&self) -> Option<&str> {
        let leaves = |version: &&str| !self.migrations.iter().any(|m| m.from == **version);
        let mut last = self.versions().into_iter().filter(leaves);
        last.next().filter(|_| last.next().is_none())
    }

    /// Returns the version that `document` says it has; nothing if it says none.
    ///
    /// # Errors
    /// When what is there is no version: a version is text or an integer.
    pub fn version_of(&self, document: &Node) -> Result<Option<String>, Diagnostic> {
        let segments = self.version_key.segments();
        let found = segments.iter().try_fold(document, |node, segment| node.child(segment));
        let Some(node) = found else { return Ok(None) };
        let unreadable = || {
            let kind = node.data.kind();
            let message = format!("`{}` is {kind} where a version is needed", self.version_key);
            node.place().error(message).hint("quote it: versions are text, and 1.10 is not 1.1")
        };
        version_text(node).map(Some).ok_or_else(unreadable)
    }

    /// Returns the shortest way from one version to another; of equally short ones that which goes
    /// forwards first, in the order of the file.
    ///
    /// # Errors
    /// When a version is unknown, or no way leads there: the error lists where ways lead.
    pub fn route(&self, from: &str, to: &str) -> Result<Route<'_>, RouteError> {
        route::find(self, from, to)
    }
}

/// Returns the version that `node` writes: a string or an integer.
fn version_text(node: &Node) -> Option<String> {
    match &node.data {
        Data::String(text) => Some(text.clone()),
        Data::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
