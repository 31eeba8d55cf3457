//! `[config.NAME]`: configurations, as the project file declares them.

use std::collections::BTreeMap;

use super::fields::{Entry, Fields, Item};
use super::input::{Problem, Span};
use super::layer::{self, Layer, is_variable};
use super::shape::{Field, Kind, List, PATH, Shape, TEXT, Text, names};
use super::{Located, source};
use crate::config::{Configuration, ListMerge, MergeRules, key};
use crate::diagnostic::{Diagnostic, Severity};

pub(super) static CONFIG: Shape = Shape {
    fields: &[
        Field::new(
            "layers",
            Kind::List(&List::some(layer::LAYER_KIND)),
            "[\"config/defaults.yaml\", \"environments/${ENVIRONMENT}/app.yaml\"]",
            "What is merged, in order: maps deeply, scalars and lists replaced by the later one. Each \
             is a path to a YAML, TOML, JSON or `.env` file, `\"file://PATH\"`, `\"env://VARIABLE\"` \
             (a variable that holds a whole document), `\"https://…\"`, `\"http://…\"` of this \
             machine, or a table.",
        )
        .required(),
        Field::new(
            "schema",
            Kind::Text(&PATH),
            "\"schemas/app.schema.json\"",
            "The [JSON Schema](schemas.md), of one file or several, that the merged whole must \
             satisfy. `\"x-secret\": true` marks values that are never shown, `\"deprecated\": \
             true` keys that are warned of.",
        ),
        Field::new(
            "schema_defaults",
            Kind::Boolean,
            "true",
            "Whether the defaults of the schema are the lowest layer. In an optional section they \
             are there only if the section is.",
        )
        .or("false")
        .beside("schema = \"schemas/app.schema.json\""),
        Field::new(
            "append",
            Kind::List(&List::of(Kind::Text(&DOTTED_KEY))),
            "[\"features\"]",
            "Dotted keys whose lists are appended to, not replaced.",
        ),
        Field::new(
            "merge",
            Kind::Tree { name: "merge", leaves: &RULE },
            "{ server.plugins = \"append\", services = { by = \"name\" } }",
            "What becomes of two lists, by their dotted key: `\"replace\"`, `\"append\"`, \
             `\"prepend\"`, `\"unique\"`, or a table, which merges elements that are the same. `*` \
             stands for any key.",
        )
        .or_else("`\"replace\"` for all"),
        Field::new(
            "null_deletes",
            Kind::Boolean,
            "true",
            "Whether a null in a later layer deletes the key.",
        )
        .or("false"),
        Field::new(
            "environment_prefix",
            Kind::Text(&PREFIX),
            "\"APP\"",
            "With `\"APP\"`, the variable `APP_DATABASE__HOST` sets `database.host`, above all \
             layers; its type is that of the schema.",
        ),
        Field::new(
            "migrations",
            Kind::Text(&PATH),
            "\"migrations/app.toml\"",
            "The file with the rules that bring its files from one version to another.",
        ),
    ],
    ..Shape::header("config", "`[config.NAME]`", "A configuration, made of layers.")
};

static BY: Shape = Shape {
    fields: &[Field::new(
        "by",
        Kind::Text(&TEXT),
        "\"name\"",
        "The field that says which elements of two lists are the same.",
    )
    .required()],
    ..Shape::inline(
        "merge_by",
        "A table of `merge`",
        "Elements of two lists with the same field are merged.",
    )
};

static DOTTED_KEY: Text = Text::matching("dotted key", r"\S");
static PREFIX: Text =
    Text::matching("name of a variable", "^([A-Za-z]|[A-Za-z_][A-Za-z0-9_]*[A-Za-z0-9])$");
static RULE: Kind = Kind::Any(&[Kind::Choice(&RULE_NAMES), Kind::Table(&BY)]);
const RULE_NAMES: [&str; 4] = names(&RULES);

/// What a rule of `merge` may be by its name alone.
const RULES: [(&str, Rule); 4] = [
    ("replace", Rule::Replace),
    ("append", Rule::Append),
    ("prepend", Rule::Prepend),
    ("unique", Rule::Unique),
];

#[derive(Clone, Copy)]
enum Rule {
    Replace,
    Append,
    Prepend,
    Unique,
}

/// `[config.NAME]`: a configuration made of layers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigSpec {
    /// `layers`: what it is merged from, in order; a later one wins. At least one.
    pub layers: Vec<Layer>,
    /// `schema`: the file with the JSON Schema that the merged configuration must satisfy.
    pub schema: Option<Located<String>>,
    /// `schema_defaults`: whether the defaults of the schema are the lowest layer; `false` unless told
    /// otherwise. There is a schema where it is `true`.
    pub schema_defaults: bool,
    /// `merge`: what becomes of two lists, by their dotted key (`server.plugins`, `hosts.*.tags`);
    /// where it says nothing, the later one replaces the earlier one. `append = ["…"]` says the same
    /// as `merge` with `"append"` for each key. The places are those of the rules.
    pub merge: BTreeMap<String, Located<ListMerge>>,
    /// `null_deletes`: whether a null in a later layer deletes the key; `false` unless told
    /// otherwise.
    pub null_deletes: bool,
    /// `environment_prefix`: whether variables of the process environment are the last layer, those
    /// whose names start with it and `_`: `APP_DATABASE__HOST` is `database.host`. Not unless told
    /// so: what is released would depend on more than the project.
    pub environment_prefix: Option<String>,
    /// `migrations`: the file with the rules that bring its layers from one version to another.
    pub migrations: Option<Located<String>>,
}

impl ConfigSpec {
    /// Returns the rules that its layers are merged by.
    #[must_use]
    pub fn merge_rules(&self) -> MergeRules {
        let lists = self.merge.iter().map(|(key, rule)| (key.clone(), rule.value.clone()));
        MergeRules { lists: lists.collect(), null_deletes: self.null_deletes }
    }

    /// Returns a warning for each rule of `merge` for which no layer of `configuration`, which was
    /// merged by it, has a list; placed in the project file `file`.
    #[must_use]
    pub fn unused_rules(&self, file: &str, configuration: &Configuration) -> Vec<Diagnostic> {
        let warning = |key: &String| {
            let rule = self.merge.get(key)?;
            let message = format!("no layer has a list `{key}`: its merge rule does nothing");
            Some(Diagnostic { severity: Severity::Warning, ..rule.error(file, message) })
        };
        configuration.unused_rules().iter().filter_map(warning).collect()
    }
}

/// Reads `[config.NAME]`.
pub(super) fn read(item: &Item<'_>, name: &str) -> Option<ConfigSpec> {
    let fields = item.fields(format!("[config.{name}]"), &CONFIG)?;
    let layers = fields
        .require("layers")
        .and_then(|layers| layers.nonempty_list("paths and URLs", "name at least one"))
        .unwrap_or_default();
    let null_deletes = fields.get("null_deletes").and_then(|deletes| deletes.boolean());
    let schema = fields.get("schema").and_then(|schema| source::read(&schema));
    let migrations = fields.get("migrations").and_then(|migrations| source::read(&migrations));
    Some(ConfigSpec {
        layers: layers.iter().filter_map(layer::read).collect(),
        schema,
        schema_defaults: read_schema_defaults(&fields),
        merge: read_rules(&fields),
        null_deletes: null_deletes.unwrap_or_default(),
        environment_prefix: fields
            .get("environment_prefix")
            .and_then(|prefix| read_prefix(&prefix)),
        migrations,
    })
}

fn read_schema_defaults(fields: &Fields<'_>) -> bool {
    let Some(item) = fields.get("schema_defaults") else { return false };
    let wanted = item.boolean().unwrap_or_default();
    if wanted && fields.get("schema").is_none() {
        let hint = "name the schema: `schema = \"schemas/app.schema.json\"`";
        item.report(format!("{} needs a `schema`", item.label()), Some(hint.to_owned()));
    }
    wanted
}

fn read_rules(fields: &Fields<'_>) -> BTreeMap<String, Located<ListMerge>> {
    let mut rules = BTreeMap::new();
    let append = fields.get("append").and_then(|append| append.list("dotted keys"));
    for item in append.unwrap_or_default() {
        if let Some(key) = item.text() {
            add(&mut rules, "", &key, &item, item.span(), ListMerge::Append);
        }
    }
    if let Some(merge) = fields.get("merge") {
        read_table(&mut rules, "", &merge);
    }
    rules
}

type Rules = BTreeMap<String, Located<ListMerge>>;

/// Reads the rules of a table whose keys are below `above`: `a.b = "append"` is a table in a table
/// for TOML, and one rule for a person.
fn read_table(rules: &mut Rules, above: &str, table: &Item<'_>) {
    for Entry { key, key_span, item } in table.entries() {
        if let Some(rule) = read_by(&item) {
            if let Some(rule) = rule {
                add(rules, above, key, &item, key_span, rule);
            }
        } else if item.is_table() {
            if let Some(key) = joined(above, key, &item, &key_span) {
                read_table(rules, &key, &item);
            }
        } else if let Some(rule) = item.choice("merge rule", &RULES) {
            add(rules, above, key, &item, key_span, list_merge(rule));
        }
    }
}

fn list_merge(rule: Rule) -> ListMerge {
    match rule {
        Rule::Replace => ListMerge::Replace,
        Rule::Append => ListMerge::Append,
        Rule::Prepend => ListMerge::Prepend,
        Rule::Unique => ListMerge::Unique,
    }
}

/// Returns the rule `{ by = "…" }`; nothing for another table.
fn read_by(item: &Item<'_>) -> Option<Option<ListMerge>> {
    let by_itself = |entries: &[Entry<'_>]| {
        entries.iter().any(|entry| entry.key == "by" && entry.item.is_string())
    };
    if !item.is_table() || !by_itself(&item.entries()) {
        return None;
    }
    let fields = item.fields(item.label(), &BY)?;
    Some(fields.get("by").and_then(|by| by.text()).map(ListMerge::By))
}

/// Adds the rule for the dotted key `key` below `above`.
fn add(rules: &mut Rules, above: &str, key: &str, item: &Item<'_>, span: Span, rule: ListMerge) {
    let Some(key) = joined(above, key, item, &span) else { return };
    if let Some(first) = rules.get(&key) {
        let message =
            format!("second merge rule for `{key}`, first on line {}", first.position.line);
        item.input.report(Problem::at(span, message).hint("keep one of the two"));
        return;
    }
    rules.insert(key, item.input.locate(&span, rule));
}

/// Returns the dotted key `key` below `above`, in the one way that it is written.
fn joined(above: &str, key: &str, item: &Item<'_>, span: &Span) -> Option<String> {
    let whole = if above.is_empty() { key.to_owned() } else { format!("{above}.{key}") };
    let Some(segments) = key::split(&whole) else {
        let message = format!("{} names no dotted key", item.label());
        let hint = "write `server.plugins`, with quotes around a key that holds a dot itself";
        item.input.report(Problem::at(span.clone(), message).hint(hint));
        return None;
    };
    Some(key::join(segments.iter().map(|segment| &**segment)))
}

fn read_prefix(item: &Item<'_>) -> Option<String> {
    let prefix = item.text()?;
    if is_variable(&prefix) && !prefix.ends_with('_') {
        return Some(prefix);
    }
    let hint = "write letters, digits and `_`, such as `\"APP\"` for `APP_DATABASE__HOST`";
    item.report(format!("{} starts no environment variable", item.label()), Some(hint.to_owned()));
    None
}
