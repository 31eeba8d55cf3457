//! Going a [`Route`]: rule after rule, on a copy of the document.

use serde::Serialize;
use serde_json::{Value, json};

use super::document::{Conflict, Document};
use super::key::Key;
use super::route::{Route, Step};
use super::rule::{Action, Change, PartType, Parts, Rule};
use super::transform::{self, Unfit};
use crate::config::edit::Edit;
use crate::config::key;
use crate::config::node::{Data, Map, Node, Origin};
use crate::diagnostic::{Diagnostic, Severity, nearest};
use crate::template::{Context, Jinja};

/// Runs the command of a `custom` rule: it gets the document as JSON and gives it back, changed.
pub type RunCommand<'r> = dyn FnMut(&[String], &Value) -> Result<Value, String> + 'r;

/// Refuses to run commands; for [`Route::apply`] where none may run.
///
/// # Errors
/// Always.
pub fn no_commands(_command: &[String], _document: &Value) -> Result<Value, String> {
    Err("commands are not run here".to_owned())
}

/// Which part of a configuration a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// All of it, with its version.
    Whole,
    /// An overlay over another document: nothing is added to it, its version changes only where it
    /// says one, and what is not there is not missed.
    Overlay,
}

/// A document that was brought to another version.
#[derive(Debug, Clone)]
pub struct Migrated {
    /// The document now.
    pub document: Node,
    /// The rules that changed it, in order.
    pub applied: Vec<AppliedRule>,
    /// What did not match, by rule.
    pub warnings: Vec<Diagnostic>,
    /// What brings the file to the same state, in order; the version comes last.
    pub edits: Vec<Edit>,
}

/// A rule that changed the document.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppliedRule {
    /// The version before the migration that it belongs to.
    pub from: String,
    /// The version after.
    pub to: String,
    /// The rule, in words.
    pub rule: String,
    /// In how many places it changed something.
    pub places: usize,
    /// Whether it undoes the rule that is written.
    pub backwards: bool,
    /// The file of the rule.
    pub file: String,
    /// The line of the rule, from 1.
    pub line: Option<u32>,
    /// The column of the rule in characters, from 1.
    pub column: Option<u32>,
}

impl Route<'_> {
    /// Returns `document` brought along the route; `run` runs the commands of `custom` rules.
    ///
    /// A rule that finds nothing to do is a warning at the rule.
    ///
    /// # Errors
    /// Everything that kept a rule from being applied, each at the value in the document; nothing is
    /// half done.
    pub fn apply(
        &self,
        document: &Node,
        scope: Scope,
        run: &mut RunCommand<'_>,
    ) -> Result<Migrated, Vec<Diagnostic>> {
        let mut traveller = Traveller::new(document, scope, run);
        for step in self.steps() {
            for rule in step.rules() {
                traveller.rule(step, &rule);
            }
        }
        if !self.steps().is_empty() {
            traveller.version(&self.migrator.version_key, &self.to);
        }
        traveller.finish()
    }
}

/// What applying a rule at one place came to.
enum Outcome {
    Done,
    /// Nothing is there.
    Absent(Key),
    /// Something is there, but not all that the rule needs: why.
    Unfit(String),
}

/// Why a rule could not be applied.
enum Failure {
    Conflict(Conflict),
    /// At the value under the key.
    Value(Key, String),
    /// The diagnostic has its place.
    Placed(Diagnostic),
}

impl From<Conflict> for Failure {
    fn from(conflict: Conflict) -> Self {
        Self::Conflict(conflict)
    }
}

struct Traveller<'d, 'r> {
    document: Document,
    scope: Scope,
    run: &'d mut RunCommand<'r>,
    applied: Vec<AppliedRule>,
    warnings: Vec<Diagnostic>,
    problems: Vec<Diagnostic>,
}

impl<'d, 'r> Traveller<'d, 'r> {
    fn new(document: &Node, scope: Scope, run: &'d mut RunCommand<'r>) -> Self {
        let document = Document::new(document);
        let (applied, warnings, problems) = Default::default();
        Self { document, scope, run, applied, warnings, problems }
    }

    fn finish(self) -> Result<Migrated, Vec<Diagnostic>> {
        if !self.problems.is_empty() {
            return Err(self.problems);
        }
        let (document, edits) = self.document.finish();
        Ok(Migrated { document, applied: self.applied, warnings: self.warnings, edits })
    }

    fn rule(&mut self, step: &Step<'_>, rule: &Rule) {
        if self.scope == Scope::Overlay && matches!(rule.action, Action::Add { .. }) {
            return;
        }
        let instances = rule.action.instances(self.document.root());
        if instances.is_empty() {
            self.absent(rule, rule.action.keys().first().copied());
        }
        let (mut places, mut absent) = (0, Vec::new());
        for action in &instances {
            match self.action(action, rule) {
                Ok(Outcome::Done) => places += 1,
                Ok(Outcome::Absent(key)) => absent.push(key),
                Ok(Outcome::Unfit(reason)) => self.warn(rule, reason),
                Err(failure) => self.fail(rule, failure),
            }
        }
        if places > 0 {
            self.applied.push(AppliedRule::new(step, rule, places));
        } else if let Some(key) = absent.first() {
            self.absent(rule, Some(key));
        }
    }

    fn warn(&mut self, rule: &Rule, reason: String) {
        let message = format!("`{}` was not applied: {reason}", rule.action);
        self.warnings.push(warning(&rule.origin, message));
    }

    fn absent(&mut self, rule: &Rule, key: Option<&Key>) {
        if let (Scope::Whole, Some(key)) = (self.scope, key) {
            self.warn(rule, format!("`{key}` is not there"));
            if let Some(warning) = self.warnings.last_mut() {
                warning.hint = meant(self.document.root(), key);
            }
        }
    }

    fn fail(&mut self, rule: &Rule, failure: Failure) {
        let problem = match failure {
            Failure::Conflict(conflict) => {
                self.document.error_at(conflict.key(), conflict.to_string())
            }
            Failure::Value(key, reason) => {
                self.document.error_at(&key, format!("`{key}` {reason}"))
            }
            Failure::Placed(problem) => problem,
        };
        let hint = format!("`{}` at {} cannot be applied", rule.action, rule.origin);
        self.problems.push(problem.hint(hint));
    }

    fn action(&mut self, action: &Action, rule: &Rule) -> Result<Outcome, Failure> {
        match action {
            Action::Rename { from, to } | Action::Move { from, to } => {
                let found = self.document.rename(from, to)?;
                Ok(if found { Outcome::Done } else { Outcome::Absent(from.clone()) })
            }
            Action::Transform { key, change, .. } => self.transform(key, change),
            Action::Add { key, value } => self.add(key, value),
            Action::Remove { key, default } => self.remove(key, default.as_ref()),
            Action::Split(parts) => self.split(parts),
            Action::Merge(parts) => self.merge(parts),
            Action::Custom { command, .. } => self.custom(command, &rule.origin),
        }
    }

    fn transform(&mut self, key: &Key, change: &Change) -> Result<Outcome, Failure> {
        let Some(node) = self.document.get(key) else { return Ok(Outcome::Absent(key.clone())) };
        let changed = match change {
            Change::With(transform) => transform.apply(node),
            Change::Expression(text) => evaluated(text, node, self.document.root()),
        };
        let changed = changed.map_err(|Unfit(reason)| Failure::Value(key.clone(), reason))?;
        self.document.set(key, changed)?;
        Ok(Outcome::Done)
    }

    fn add(&mut self, key: &Key, value: &Node) -> Result<Outcome, Failure> {
        if self.document.get(key).is_some() {
            return Ok(Outcome::Unfit(format!("`{key}` is already there, and keeps its value")));
        }
        self.document.set(key, value.clone())?;
        Ok(Outcome::Done)
    }

    fn remove(&mut self, key: &Key, default: Option<&Node>) -> Result<Outcome, Failure> {
        let before = self.document.get(key).cloned();
        if !self.document.remove(key)? {
            return Ok(Outcome::Absent(key.clone()));
        }
        if let (Some(before), Some(default)) = (before, default)
            && !before.same_value(default)
        {
            let message = format!("`{key}` goes, and was not the default: going back loses it");
            self.warnings.push(warning(&before.place(), message));
        }
        Ok(Outcome::Done)
    }

    fn split(&mut self, parts: &Parts) -> Result<Outcome, Failure> {
        let Some(node) = self.document.get(&parts.whole).cloned() else {
            return Ok(Outcome::Absent(parts.whole.clone()));
        };
        let values = pieces(&node, parts);
        let misfit = |Unfit(reason)| Failure::Value(parts.whole.clone(), reason);
        let values = values.map_err(misfit)?;
        self.document.remove(&parts.whole)?;
        for (key, data) in parts.parts.iter().zip(values) {
            self.place(key, Node::new(data, node.origin.clone()))?;
        }
        Ok(Outcome::Done)
    }

    /// Puts `value` where nothing may be.
    fn place(&mut self, key: &Key, value: Node) -> Result<(), Failure> {
        if self.document.get(key).is_some() {
            return Err(Conflict::Taken(key.clone()).into());
        }
        Ok(self.document.set(key, value)?)
    }

    fn merge(&mut self, Parts { whole, parts, separator, .. }: &Parts) -> Result<Outcome, Failure> {
        let missing = parts.iter().filter(|key| self.document.get(key).is_none());
        let missing: Vec<String> = missing.map(|key| format!("`{key}`")).collect();
        if missing.len() == parts.len() {
            return Ok(Outcome::Absent(parts[0].clone()));
        }
        if !missing.is_empty() {
            let verb = if missing.len() == 1 { "is" } else { "are" };
            return Ok(Outcome::Unfit(format!("{} {verb} not there", missing.join(", "))));
        }
        let (mut pieces, mut origin) = (Vec::new(), self.document.root().origin.clone());
        for node in parts.iter().filter_map(|key| self.document.get(key)) {
            let piece = transform::written(&node.data);
            let key = || parts[pieces.len()].clone();
            pieces.push(piece.map_err(|Unfit(reason)| Failure::Value(key(), reason))?);
            origin = node.origin.clone();
        }
        for key in parts {
            self.document.remove(key)?;
        }
        self.place(whole, Node::new(Data::String(pieces.join(separator)), origin))?;
        Ok(Outcome::Done)
    }

    fn custom(&mut self, command: &[String], origin: &Origin) -> Result<Outcome, Failure> {
        let before = self.document.root().to_json();
        let placed = |reason: String| Failure::Placed(origin.error(reason));
        let after = (self.run)(command, &before);
        let after = after.map_err(|reason| placed(format!("command failed: {reason}")))?;
        self.document.become_equal(&after, origin).map_err(Failure::Placed)?;
        Ok(Outcome::Done)
    }

    /// Writes the version, in the type that it had.
    fn version(&mut self, key: &Key, version: &str) {
        let before = self.document.get(key);
        if self.scope == Scope::Overlay && before.is_none() {
            return;
        }
        let origin = before.unwrap_or(self.document.root()).origin.clone();
        let is_text = before.is_some_and(|node| node.as_str().is_some());
        let text = Data::String(version.to_owned());
        let data = if is_text { None } else { transform::read_integer(&text).ok() };
        let node = Node::new(data.unwrap_or(text), origin);
        if let Err(conflict) = self.document.set(key, node) {
            self.problems.push(self.document.error_at(conflict.key(), conflict.to_string()));
        }
    }
}

impl AppliedRule {
    fn new(step: &Step<'_>, rule: &Rule, places: usize) -> Self {
        let position = rule.origin.span.map(|span| span.position);
        Self {
            from: step.from().to_owned(),
            to: step.to().to_owned(),
            rule: rule.action.to_string(),
            places,
            backwards: step.is_backwards(),
            file: rule.origin.file.to_string(),
            line: position.map(|position| position.line),
            column: position.map(|position| position.column),
        }
    }
}

fn warning(origin: &Origin, message: String) -> Diagnostic {
    Diagnostic { severity: Severity::Warning, ..origin.error(message) }
}

/// Returns what each part of the text in `node` is.
fn pieces(node: &Node, parts: &Parts) -> Result<Vec<Data>, Unfit> {
    let wanted = || Unfit(format!("is {} where a string is needed", node.data.kind()));
    let text = node.as_str().ok_or_else(wanted)?;
    let pieces: Vec<&str> = text.split(parts.separator.as_str()).collect();
    let (found, needed) = (pieces.len(), parts.parts.len());
    if found != needed {
        let separator = &parts.separator;
        return Err(Unfit(format!("has {found} parts between {separator:?}: {needed} are needed")));
    }
    let typed = pieces.iter().zip(&parts.types).map(|(piece, part)| typed(piece, *part));
    typed
        .map(|part| part.map_err(|Unfit(reason)| Unfit(format!("has a part that {reason}"))))
        .collect()
}

fn typed(piece: &str, part: PartType) -> Result<Data, Unfit> {
    let text = Data::String(piece.to_owned());
    match part {
        PartType::String => Ok(text),
        PartType::Integer => transform::read_integer(&text),
    }
}

/// Returns what the template expression `text` makes of `node`, which it sees as `value`.
fn evaluated(text: &str, node: &Node, root: &Node) -> Result<Node, Unfit> {
    let data = Context::new(&json!({"value": node.to_json(), "config": root.to_json()}));
    let result = Jinja::new().evaluate(text, &data);
    let value = result.map_err(|error| Unfit(format!("does not fit: {}", error.message)))?;
    let changed = Node::from_json(&value, &node.origin);
    let changed = changed.map_err(|error| Unfit(format!("becomes unusable: {}", error.message)))?;
    Ok(Node { key: node.key, ..changed })
}

/// Returns the key beside `key` that was probably meant.
fn meant(root: &Node, wanted: &Key) -> Option<String> {
    let (mut node, mut above) = (root, Vec::new());
    for segment in wanted.segments() {
        let Some(child) = node.child(segment) else {
            let names = node.as_map().into_iter().flat_map(Map::keys).map(String::as_str);
            let found = nearest(segment, names)?;
            let key = key::join(above.into_iter().chain([found]));
            return Some(format!("`{key}` is there: is one of the two a typo?"));
        };
        above.push(segment.as_str());
        node = child;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_have_types() {
        assert_eq!(typed("80", PartType::Integer), Ok(Data::Integer(80)));
        assert_eq!(typed("80", PartType::String), Ok(Data::String("80".to_owned())));
        assert!(typed("http", PartType::Integer).is_err());
    }
}
