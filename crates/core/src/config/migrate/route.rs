//! The way from one version to another.

use std::collections::VecDeque;

use super::rule::Rule;
use super::{ConfigMigrator, Migration};
use crate::config::node::Origin;
use crate::diagnostic::{Diagnostic, nearest};

/// How to come from one version to another.
#[derive(Debug, Clone)]
pub struct Route<'m> {
    pub(super) migrator: &'m ConfigMigrator,
    pub(super) to: String,
    steps: Vec<Step<'m>>,
}

/// One migration on a [`Route`].
#[derive(Debug, Clone, Copy)]
pub struct Step<'m> {
    migration: &'m Migration,
    backwards: bool,
}

/// Why there is no [`Route`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// No migration leads to the version or away from it.
    #[error("{file}: unknown version {version:?}")]
    UnknownVersion {
        /// The file of the migrations.
        file: String,
        /// The version.
        version: String,
        /// The versions that migrations name, in their order.
        known: Vec<String>,
    },
    /// Both versions are known, but nothing leads from one to the other.
    #[error(transparent)]
    NoRoute(Box<NoRoute>),
}

/// Nothing leads from one version to another; and where ways do lead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}: no migration leads from version {from} to {to}")]
pub struct NoRoute {
    /// The file of the migrations.
    pub file: String,
    /// The version to start from.
    pub from: String,
    /// The version that was wanted.
    pub to: String,
    /// The versions that can be reached from `from`.
    pub reachable: Vec<String>,
    /// The versions from which `to` can be reached.
    pub reaching: Vec<String>,
    /// The rules that would have to be undone on the shortest way, and cannot be.
    pub irreversible: Vec<Irreversible>,
}

/// A rule that cannot be undone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Irreversible {
    /// The rule, in words.
    pub rule: String,
    /// Where it is written.
    pub origin: Origin,
}

impl<'m> Step<'m> {
    /// Returns the version before.
    #[must_use]
    pub fn from(&self) -> &'m str {
        if self.backwards { &self.migration.to } else { &self.migration.from }
    }

    /// Returns the version after.
    #[must_use]
    pub fn to(&self) -> &'m str {
        if self.backwards { &self.migration.from } else { &self.migration.to }
    }

    /// Tells whether the migration is undone.
    #[must_use]
    pub fn is_backwards(&self) -> bool {
        self.backwards
    }

    /// Returns the rules to apply, in order.
    pub(super) fn rules(&self) -> Vec<Rule> {
        if self.backwards {
            self.migration.inverse().expect("a route goes back only where all can be undone")
        } else {
            self.migration.rules.clone()
        }
    }
}

impl<'m> Route<'m> {
    /// Returns the migrations to go through, in order; none where the document is there already.
    #[must_use]
    pub fn steps(&self) -> &[Step<'m>] {
        &self.steps
    }

    /// Returns the version it leads to.
    #[must_use]
    pub fn to(&self) -> &str {
        &self.to
    }
}

impl From<RouteError> for Diagnostic {
    fn from(error: RouteError) -> Self {
        match error {
            RouteError::UnknownVersion { file, version, known } => {
                let hint = match nearest(&version, known.iter().map(String::as_str)) {
                    Some(meant) => format!("did you mean {meant:?}?"),
                    None => format!("known are {}", known.join(", ")),
                };
                Self::error(format!("unknown version {version:?}")).in_file(file).hint(hint)
            }
            RouteError::NoRoute(found) => {
                let NoRoute { file, from, to, .. } = &*found;
                let message = format!("no migration leads from version {from} to {to}");
                Self::error(message).in_file(file).hint(found.hint())
            }
        }
    }
}

impl NoRoute {
    fn hint(&self) -> String {
        let ways = [
            listed(&format!("from {} lead ways to", self.from), &self.reachable),
            listed(&format!("to {} lead ways from", self.to), &self.reaching),
        ];
        let reasons = self.irreversible.iter().map(Irreversible::reason);
        ways.into_iter().chain(reasons).collect::<Vec<_>>().join("; ")
    }
}

impl Irreversible {
    fn reason(&self) -> String {
        format!("`{}` at {} cannot be undone", self.rule, self.origin)
    }
}

fn listed(words: &str, versions: &[String]) -> String {
    let versions = if versions.is_empty() { "none".to_owned() } else { versions.join(", ") };
    format!("{words} {versions}")
}

/// Returns the shortest way, or why there is none.
pub(super) fn find<'m>(
    migrator: &'m ConfigMigrator,
    from: &str,
    to: &str,
) -> Result<Route<'m>, RouteError> {
    let versions = migrator.versions();
    if let Some(version) = [from, to].into_iter().find(|version| !versions.contains(version)) {
        let known = versions.iter().map(|&version| version.to_owned()).collect();
        let (file, version) = (migrator.file.clone(), version.to_owned());
        return Err(RouteError::UnknownVersion { file, version, known });
    }
    let possible = steps(migrator, |migration| migration.inverse().is_ok());
    match shortest(&possible, from, to) {
        Some(steps) => Ok(Route { migrator, to: to.to_owned(), steps }),
        None => Err(no_route(migrator, &possible, from, to)),
    }
}

/// Returns all steps, those forwards first; backwards only where `reversible` says so.
fn steps(migrator: &ConfigMigrator, reversible: impl Fn(&Migration) -> bool) -> Vec<Step<'_>> {
    let migrations = migrator.migrations.iter();
    let forwards = migrations.clone().map(|migration| Step { migration, backwards: false });
    let backwards = migrations
        .filter(|migration| reversible(migration))
        .map(|migration| Step { migration, backwards: true });
    forwards.chain(backwards).collect()
}

/// Returns the first of the shortest ways, going breadth first through `steps` in their order.
fn shortest<'m>(steps: &[Step<'m>], from: &str, to: &str) -> Option<Vec<Step<'m>>> {
    if from == to {
        return Some(Vec::new());
    }
    let arrivals = arrivals(steps, from);
    let mut way = Vec::new();
    let mut here = to;
    while here != from {
        let step = arrivals.iter().find(|step| step.to() == here)?;
        way.push(*step);
        here = step.from();
    }
    way.reverse();
    Some(way)
}

/// Returns for each version that can be reached the step by which it is reached first, nearest first.
fn arrivals<'m>(steps: &[Step<'m>], from: &str) -> Vec<Step<'m>> {
    let mut arrivals: Vec<Step<'m>> = Vec::new();
    let mut open = VecDeque::from([from.to_owned()]);
    while let Some(here) = open.pop_front() {
        for step in steps.iter().filter(|step| step.from() == here) {
            let seen = step.to() == from || arrivals.iter().any(|before| before.to() == step.to());
            if !seen {
                arrivals.push(*step);
                open.push_back(step.to().to_owned());
            }
        }
    }
    arrivals
}

fn no_route(migrator: &ConfigMigrator, possible: &[Step<'_>], from: &str, to: &str) -> RouteError {
    let reachable = arrivals(possible, from).iter().map(|step| step.to().to_owned()).collect();
    let versions = migrator.versions().into_iter();
    let reaching = versions.filter(|start| *start != to && shortest(possible, start, to).is_some());
    let all = shortest(&steps(migrator, |_| true), from, to).unwrap_or_default();
    let blocked = all.iter().filter(|step| step.backwards).filter_map(|step| {
        let rule = step.migration.inverse().err()?;
        Some(Irreversible { rule: rule.action.to_string(), origin: rule.origin.clone() })
    });
    RouteError::NoRoute(Box::new(NoRoute {
        file: migrator.file.clone(),
        from: from.to_owned(),
        to: to.to_owned(),
        reachable,
        reaching: reaching.map(str::to_owned).collect(),
        irreversible: blocked.collect(),
    }))
}
