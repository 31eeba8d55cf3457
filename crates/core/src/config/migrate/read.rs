//! Reading a file of rules: every mistake is reported with its place.

use super::key::Key;
use super::rule::{Action, Change, PartType, Parts, Rule};
use super::transform::{InvalidTransform, Transform};
use super::{ConfigMigrator, Migration};
use crate::config::node::{Map, Node};
use crate::config::{Format, parse};
use crate::diagnostic::{Diagnostic, nearest};
use crate::template::Jinja;

/// The longest version, in characters.
const MAX_VERSION: usize = 64;

/// The key of the version in documents, where the file of rules names no other.
const VERSION_KEY: &str = "version";

pub(super) fn read(
    format: Format,
    file: &str,
    text: &str,
) -> Result<ConfigMigrator, Vec<Diagnostic>> {
    let root = parse(format, file, text)?;
    let mut reader = Reader { problems: Vec::new() };
    let migrator = reader.migrator(&root);
    match migrator {
        Some(migrator) if reader.problems.is_empty() => Ok(migrator),
        _ => Err(reader.problems),
    }
}

struct Reader {
    problems: Vec<Diagnostic>,
}

/// A map of which some keys are known, and how messages call it.
struct Table<'n> {
    node: &'n Node,
    map: &'n Map,
    name: String,
}

impl<'n> Table<'n> {
    fn get(&self, field: &str) -> Option<&'n Node> {
        self.map.get(field)
    }
}

impl Reader {
    fn report(&mut self, node: &Node, message: impl Into<String>) -> &mut Diagnostic {
        self.problems.push(node.place().error(message));
        self.problems.last_mut().expect("pushed above")
    }

    fn hint(&mut self, node: &Node, message: impl Into<String>, hint: impl Into<String>) {
        self.report(node, message).hint = Some(hint.into());
    }

    /// Returns the table that `node` is; fields other than `known` are reported.
    fn table<'n>(&mut self, node: &'n Node, name: &str, known: &[&str]) -> Option<Table<'n>> {
        let Some(map) = node.as_map() else {
            self.report(node, format!("{name} is {} where a map is needed", node.data.kind()));
            return None;
        };
        for (field, value) in map.iter().filter(|(field, _)| !known.contains(&field.as_str())) {
            let place = value.key_origin().unwrap_or_else(|| value.place());
            let hint = match nearest(field, known.iter().copied()) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => format!("known are {}", known.join(", ")),
            };
            self.problems
                .push(place.error(format!("unknown field {field:?} in {name}")).hint(hint));
        }
        Some(Table { node, map, name: name.to_owned() })
    }

    fn require<'n>(&mut self, table: &Table<'n>, field: &str, example: &str) -> Option<&'n Node> {
        let found = table.get(field);
        if found.is_none() {
            let message = format!("missing `{field}` in {}", table.name);
            self.hint(table.node, message, format!("add `{field} = {example}`"));
        }
        found
    }

    fn text<'n>(&mut self, node: &'n Node, field: &str) -> Option<&'n str> {
        match node.as_str() {
            Some("") => {
                self.report(node, format!("`{field}` is empty"));
                None
            }
            Some(text) => Some(text),
            None => {
                let kind = node.data.kind();
                self.report(node, format!("`{field}` is {kind} where a string is needed"));
                None
            }
        }
    }

    fn list<'n>(&mut self, node: &'n Node, field: &str, least: usize) -> Option<&'n [Node]> {
        match node.as_list() {
            Some(list) if list.len() >= least => return Some(list),
            Some(_) => self.report(node, format!("`{field}` needs {least} or more elements")),
            None => {
                let kind = node.data.kind();
                self.report(node, format!("`{field}` is {kind} where a list is needed"))
            }
        };
        None
    }

    fn migrator(&mut self, root: &Node) -> Option<ConfigMigrator> {
        let table = self.table(root, "the file", &["version_key", "migration"])?;
        let version_key = match table.get("version_key") {
            Some(node) => self.key(node, "version_key"),
            None => Key::parse(VERSION_KEY),
        };
        let migrations = self.require(&table, "migration", "[…]")?;
        let list = self.list(migrations, "migration", 1)?;
        let found: Vec<Option<Migration>> = list.iter().map(|node| self.migration(node)).collect();
        let migrations: Vec<Migration> = found.into_iter().flatten().collect();
        self.check_edges(&migrations);
        Some(ConfigMigrator {
            file: root.origin.file.to_string(),
            version_key: version_key?,
            migrations,
        })
    }

    /// Reports migrations between the same two versions.
    fn check_edges(&mut self, migrations: &[Migration]) {
        for (index, migration) in migrations.iter().enumerate() {
            let same =
                |other: &&Migration| other.from == migration.from && other.to == migration.to;
            if let Some(first) = migrations[..index].iter().find(same) {
                let Migration { from, to, origin, .. } = migration;
                let message =
                    format!("a migration from {from} to {to} is already at {}", first.origin);
                self.problems.push(origin.error(message).hint("put all rules into one of the two"));
            }
        }
    }

    fn migration(&mut self, node: &Node) -> Option<Migration> {
        let table = self.table(node, "the migration", &["from", "to", "rules"])?;
        let from =
            self.require(&table, "from", "\"1\"").and_then(|node| self.version(node, "from"));
        let to = self.require(&table, "to", "\"2\"").and_then(|node| self.version(node, "to"));
        if from.is_some() && from == to {
            self.report(node, "a migration leads from one version to another");
        }
        let rules = match table.get("rules") {
            Some(rules) => self.list(rules, "rules", 0)?,
            None => &[],
        };
        let rules: Vec<Option<Rule>> = rules.iter().map(|node| self.rule(node)).collect();
        let rules: Option<Vec<Rule>> = rules.into_iter().collect();
        // A rule that is wrong has been reported: versions are still checked against each other.
        Some(Migration {
            from: from?,
            to: to?,
            rules: rules.unwrap_or_default(),
            origin: node.place(),
        })
    }

    fn version(&mut self, node: &Node, field: &str) -> Option<String> {
        match super::version_text(node) {
            Some(text) if is_version(&text) => Some(text),
            Some(_) => {
                let limit = format!("1 to {MAX_VERSION} characters, no control characters");
                self.hint(node, format!("`{field}` is no version"), limit);
                None
            }
            None => {
                let message =
                    format!("`{field}` is {} where a version is needed", node.data.kind());
                self.hint(node, message, "quote it: versions are text, and 1.10 is not 1.1");
                None
            }
        }
    }

    fn rule(&mut self, node: &Node) -> Option<Rule> {
        let Some((name, body)) = node.as_map().filter(|map| map.len() == 1).and_then(Map::first)
        else {
            let hint = "such as `{ rename = { from = \"db.host\", to = \"database.host\" } }`";
            self.hint(node, "a rule is a map with one key, the name of the rule", hint);
            return None;
        };
        let action = match name.as_str() {
            "rename" | "move" => self.relocation(body, name),
            "transform" => self.transform(body),
            "add" => self.add(body),
            "remove" => self.remove(body),
            "split" => self.split(body),
            "merge" => self.merge(body),
            "custom" => self.custom(body),
            unknown => self.unknown_rule(body, unknown),
        }?;
        self.check_stars(&action, body)?;
        Some(Rule { action, origin: body.key_origin().unwrap_or_else(|| node.place()) })
    }

    fn unknown_rule(&mut self, body: &Node, name: &str) -> Option<Action> {
        let place = body.key_origin().unwrap_or_else(|| body.place());
        let hint = match nearest(name, Action::NAMES) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("known are {}", Action::NAMES.join(", ")),
        };
        self.problems.push(place.error(format!("unknown rule {name:?}")).hint(hint));
        None
    }

    /// All keys of a rule need as many `*`: each stands for the name that the first key's found.
    fn check_stars(&mut self, action: &Action, body: &Node) -> Option<()> {
        let keys = action.keys();
        let first = keys.first().map_or(0, |key| key.wildcards());
        if keys.iter().all(|key| key.wildcards() == first) {
            return Some(());
        }
        let hint = "each `*` stands for the same name in all keys of a rule";
        self.hint(body, "the keys have different numbers of `*`", hint);
        None
    }

    fn relocation(&mut self, body: &Node, name: &str) -> Option<Action> {
        let table = self.table(body, &format!("`{name}`"), &["from", "to"])?;
        let from = self.key_field(&table, "from");
        let to = self.key_field(&table, "to");
        let (from, to) = (from?, to?);
        if from == to {
            self.report(body, "`from` and `to` are the same key");
            return None;
        }
        let is_move = name == "move";
        Some(if is_move { Action::Move { from, to } } else { Action::Rename { from, to } })
    }

    fn key_field(&mut self, table: &Table<'_>, field: &str) -> Option<Key> {
        let node = self.require(table, field, "\"database.host\"")?;
        self.key(node, field)
    }

    fn key(&mut self, node: &Node, field: &str) -> Option<Key> {
        let text = self.text(node, field)?;
        let key = Key::parse(text);
        if key.is_none() {
            let hint = "segments are separated by `.`; quote one that holds a dot: `a.\"b.c\"`";
            self.hint(node, format!("`{field}` is not a dotted key"), hint);
        }
        key
    }

    fn keys(&mut self, table: &Table<'_>, field: &str) -> Option<Vec<Key>> {
        let node = self.require(table, field, "[\"host\", \"port\"]")?;
        let list = self.list(node, field, 2)?;
        let keys: Vec<Option<Key>> = list.iter().map(|node| self.key(node, field)).collect();
        let keys: Vec<Key> = keys.into_iter().collect::<Option<_>>()?;
        for (index, key) in keys.iter().enumerate() {
            if keys[..index].contains(key) {
                self.report(&list[index], format!("`{key}` is in `{field}` twice"));
            }
        }
        Some(keys)
    }

    fn transform(&mut self, body: &Node) -> Option<Action> {
        let known = ["key", "with", "expression", "back", "back_expression"];
        let table = self.table(body, "`transform`", &known)?;
        let key = self.key_field(&table, "key");
        let change = self.change(&table, "with", "expression")?;
        let back = self.change(&table, "back", "back_expression")?;
        if change.is_none() {
            let hint = "such as `with = \"multiply 1000\"` or `expression = \"value | upper\"`";
            self.hint(body, "missing `with` or `expression` in `transform`", hint);
        }
        Some(Action::Transform { key: key?, change: change?, back })
    }

    /// Reads a change that one of two fields tells; the outer nothing is a mistake.
    fn change(
        &mut self,
        table: &Table<'_>,
        with: &str,
        expression: &str,
    ) -> Option<Option<Change>> {
        match (table.get(with), table.get(expression)) {
            (None, None) => Some(None),
            (Some(node), None) => {
                let text = self.text(node, with)?;
                self.known_transform(node, text).map(|transform| Some(Change::With(transform)))
            }
            (None, Some(node)) => {
                let text = self.text(node, expression)?;
                self.check_expression(node, text)?;
                Some(Some(Change::Expression(text.to_owned())))
            }
            (Some(_), Some(node)) => {
                self.hint(node, format!("both `{with}` and `{expression}`"), "keep one of them");
                None
            }
        }
    }

    fn known_transform(&mut self, node: &Node, text: &str) -> Option<Transform> {
        let error = match Transform::parse(text) {
            Ok(transform) => return Some(transform),
            Err(error) => error,
        };
        let hint = match &error {
            InvalidTransform::Unknown { meant: Some(meant), .. } => {
                Some(format!("did you mean `{meant}`?"))
            }
            InvalidTransform::Unknown { .. } => {
                let names: Vec<_> = Transform::names().collect();
                Some(format!("known are {}; or say `expression = …`", names.join(", ")))
            }
            _ => None,
        };
        self.report(node, error.to_string()).hint = hint;
        None
    }

    fn check_expression(&mut self, node: &Node, text: &str) -> Option<()> {
        let Err(error) = Jinja::new().check_expression(text) else { return Some(()) };
        let message = format!("the expression cannot be read: {}", error.message);
        self.report(node, message).hint = error.hint;
        None
    }

    fn add(&mut self, body: &Node) -> Option<Action> {
        let table = self.table(body, "`add`", &["key", "value"])?;
        let key = self.key_field(&table, "key");
        let value = self.require(&table, "value", "\"…\"");
        Some(Action::Add { key: key?, value: bare(value?) })
    }

    fn remove(&mut self, body: &Node) -> Option<Action> {
        let table = self.table(body, "`remove`", &["key", "default"])?;
        let key = self.key_field(&table, "key")?;
        Some(Action::Remove { key, default: table.get("default").map(bare) })
    }

    fn split(&mut self, body: &Node) -> Option<Action> {
        let table = self.table(body, "`split`", &["key", "into", "separator", "types"])?;
        let whole = self.key_field(&table, "key");
        let parts = self.keys(&table, "into");
        self.parts(&table, whole, parts).map(Action::Split)
    }

    fn merge(&mut self, body: &Node) -> Option<Action> {
        let table = self.table(body, "`merge`", &["keys", "into", "separator", "types"])?;
        let parts = self.keys(&table, "keys");
        let whole = self.key_field(&table, "into");
        self.parts(&table, whole, parts).map(Action::Merge)
    }

    fn parts(
        &mut self,
        table: &Table<'_>,
        whole: Option<Key>,
        parts: Option<Vec<Key>>,
    ) -> Option<Parts> {
        let separator = self.require(table, "separator", "\":\"");
        let separator = separator.and_then(|node| self.text(node, "separator"));
        let (whole, parts) = (whole?, parts?);
        let types = match table.get("types") {
            Some(node) => self.types(node, parts.len())?,
            None => vec![PartType::String; parts.len()],
        };
        Some(Parts { whole, parts, separator: separator?.to_owned(), types })
    }

    fn types(&mut self, node: &Node, needed: usize) -> Option<Vec<PartType>> {
        let list = self.list(node, "types", 0)?;
        if list.len() != needed {
            self.report(node, format!("`types` has {} elements for {needed} parts", list.len()));
            return None;
        }
        let types: Vec<Option<PartType>> = list.iter().map(|node| self.part_type(node)).collect();
        types.into_iter().collect()
    }

    fn part_type(&mut self, node: &Node) -> Option<PartType> {
        let text = self.text(node, "types")?;
        let known = PartType::NAMES.iter().find(|(name, _)| *name == text);
        if known.is_none() {
            self.hint(node, format!("unknown type {text:?}"), "known are string, integer");
        }
        known.map(|(_, part)| *part)
    }

    fn custom(&mut self, body: &Node) -> Option<Action> {
        let table = self.table(body, "`custom`", &["command", "back"])?;
        let command = self.require(&table, "command", "[\"python3\", \"migrate.py\"]");
        let command = command.and_then(|node| self.words(node, "command"));
        let back = match table.get("back") {
            Some(node) => Some(self.words(node, "back")?),
            None => None,
        };
        Some(Action::Custom { command: command?, back })
    }

    fn words(&mut self, node: &Node, field: &str) -> Option<Vec<String>> {
        let list = self.list(node, field, 1)?;
        let words: Vec<Option<String>> =
            list.iter().map(|node| self.text(node, field).map(str::to_owned)).collect();
        words.into_iter().collect()
    }
}

fn is_version(text: &str) -> bool {
    let length = text.chars().count();
    (1..=MAX_VERSION).contains(&length) && !text.contains(char::is_control)
}

/// Returns the value without the key it has in the file of rules.
fn bare(node: &Node) -> Node {
    Node { key: None, ..node.clone() }
}
