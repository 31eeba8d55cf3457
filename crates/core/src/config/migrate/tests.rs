use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::config::edit::Edit;
use crate::config::parse;

const RULES: &str = r#"
[[migration]]
from = "1"
to = "2"
rules = [
  { rename = { from = "db.host", to = "database.host" } },
  { move = { from = "db.port", to = "database.port" } },
  { transform = { key = "timeout", with = "multiply 1000" } },
  { add = { key = "log.level", value = "info" } },
]

[[migration]]
from = "2"
to = "3"
rules = [
  { merge = { keys = ["database.host", "database.port"], into = "database.address", separator = ":", types = ["string", "integer"] } },
  { remove = { key = "legacy", default = false } },
  { rename = { from = "servers.*.ip", to = "servers.*.address" } },
]

[[migration]]
from = "3"
to = "4"
rules = [{ transform = { key = "log.level", with = "upper" } }]

[[migration]]
from = "0"
to = "4"
rules = []
"#;

const V1: &str = "\
version: 1
db: {host: a.example, port: 5432}
timeout: 0.5
legacy: false
servers: [{ip: 10.0.0.1}, {ip: 10.0.0.2}]
";

fn migrator(rules: &str) -> ConfigMigrator {
    ConfigMigrator::parse(Format::Toml, "migrations.toml", rules)
        .unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn node(text: &str) -> Node {
    parse(Format::Yaml, "app.yaml", text).unwrap_or_else(|problems| panic!("{problems:?}"))
}

fn go(migrator: &ConfigMigrator, document: &Node, to: &str) -> Result<Migrated, Vec<Diagnostic>> {
    let from = migrator.version_of(document).expect("readable").expect("a version");
    let route = migrator.route(&from, to).unwrap_or_else(|error| panic!("{error}"));
    route.apply(document, Scope::Whole, &mut no_commands)
}

/// Migrates with rules in one migration from 1 to 2.
fn by(rules: &str, document: &str) -> Result<Migrated, Vec<Diagnostic>> {
    let rules = format!("[[migration]]\nfrom = '1'\nto = '2'\nrules = [{rules}]\n");
    go(&migrator(&rules), &node(&format!("{{version: '1', {document}}}")), "2")
}

fn words(problems: &[Diagnostic]) -> Vec<String> {
    let word = |problem: &Diagnostic| match &problem.hint {
        Some(hint) => format!("{problem} [{hint}]"),
        None => problem.to_string(),
    };
    problems.iter().map(word).collect()
}

fn mistakes(rules: &str) -> Vec<String> {
    words(&ConfigMigrator::parse(Format::Toml, "m.toml", rules).expect_err("mistakes"))
}

#[test]
fn documents_go_forward_and_back() {
    let migrator = migrator(RULES);
    let before = node(V1);
    let there = go(&migrator, &before, "3").expect("applies");
    assert_eq!(
        there.document.to_json(),
        json!({
            "version": 3,
            "database": {"address": "a.example:5432"},
            "timeout": 500,
            "log": {"level": "info"},
            "servers": [{"address": "10.0.0.1"}, {"address": "10.0.0.2"}],
        })
    );
    assert_eq!(words(&there.warnings), Vec::<String>::new());
    let applied: Vec<String> = there
        .applied
        .iter()
        .map(|a| format!("{}>{} {} x{} :{}", a.from, a.to, a.rule, a.places, a.line.unwrap_or(0)))
        .collect();
    assert_eq!(
        applied,
        [
            "1>2 rename db.host to database.host x1 :6",
            "1>2 move db.port to database.port x1 :7",
            "1>2 transform timeout with multiply 1000 x1 :8",
            "1>2 add log.level x1 :9",
            "2>3 merge database.host, database.port into database.address x1 :16",
            "2>3 remove legacy x1 :17",
            "2>3 rename servers.*.ip to servers.*.address x2 :18",
        ]
    );
    let back = go(&migrator, &there.document, "1").expect("can be undone");
    assert_eq!(back.document.to_json(), before.to_json());
    assert!(back.applied.iter().all(|rule| rule.backwards));
    assert_eq!(back.warnings, []);
}

/// Does to `value` what an editor would do to its file.
fn edited(mut value: Value, edits: &[Edit]) -> Value {
    for edit in edits {
        match edit {
            Edit::Set { key, value: new } => put(&mut value, key, new.clone()),
            Edit::Remove { key } => drop(take(&mut value, key).expect("is there")),
            Edit::Rename { from, to } => {
                let moved = take(&mut value, from).expect("is there");
                put(&mut value, to, moved);
            }
        }
    }
    value
}

fn pointer(key: &str) -> (String, String) {
    let key = Key::parse(key).expect("a key");
    let (last, parents) = key.split_last();
    (parents.iter().map(|name| format!("/{name}")).collect(), last.to_owned())
}

fn take(value: &mut Value, key: &str) -> Option<Value> {
    let (parents, last) = pointer(key);
    value.pointer_mut(&parents)?.as_object_mut()?.remove(&last)
}

fn put(value: &mut Value, key: &str, new: Value) {
    let (parents, last) = pointer(key);
    let mut place = value;
    for name in parents.split('/').skip(1) {
        place = match place {
            Value::Array(list) => &mut list[name.parse::<usize>().expect("an index")],
            other => &mut other[name],
        };
    }
    match place {
        Value::Array(list) => list[last.parse::<usize>().expect("an index")] = new,
        other => other[last.as_str()] = new,
    }
}

#[test]
fn edits_lead_to_the_same_document_and_end_with_the_version() {
    let migrator = migrator(RULES);
    let before = node(V1);
    let there = go(&migrator, &before, "3").expect("applies");
    assert_eq!(edited(before.to_json(), &there.edits), there.document.to_json());
    let version = Edit::Set { key: "version".to_owned(), value: json!(3) };
    assert_eq!(there.edits.last(), Some(&version));
    let back = go(&migrator, &there.document, "1").expect("can be undone");
    assert_eq!(edited(there.document.to_json(), &back.edits), before.to_json());
}

#[test]
fn the_shortest_way_is_found() {
    let migrator = migrator(RULES);
    let way = |from: &str, to: &str| {
        let route = migrator.route(from, to).unwrap_or_else(|error| panic!("{error}"));
        route
            .steps()
            .iter()
            .map(|step| format!("{}>{}", step.from(), step.to()))
            .collect::<Vec<_>>()
    };
    assert_eq!(way("1", "4"), ["1>2", "2>3", "3>4"]);
    assert_eq!(way("3", "1"), ["3>2", "2>1"]);
    assert_eq!(way("0", "4"), ["0>4"]);
    assert_eq!(way("2", "2"), Vec::<String>::new());
    assert_eq!(migrator.versions(), ["1", "2", "3", "4", "0"]);
    assert_eq!(migrator.latest(), Some("4"));
}

#[test]
fn of_equal_ways_the_first_in_the_file_is_taken() {
    let edge = |from: &str, to: &str| format!("[[migration]]\nfrom = '{from}'\nto = '{to}'\n");
    let rules: String = [("a", "c"), ("a", "b"), ("b", "d"), ("c", "d"), ("d", "a")]
        .map(|(a, b)| edge(a, b))
        .concat();
    let migrator = migrator(&rules);
    let route = migrator.route("a", "d").expect("a way");
    // Backwards over the last migration is the shortest of all.
    assert_eq!(route.steps().len(), 1);
    assert!(route.steps()[0].is_backwards());
    let route = migrator.route("b", "c").expect("a way");
    assert_eq!(route.steps().iter().map(Step::to).collect::<Vec<_>>(), ["d", "c"]);
}

#[test]
fn impossible_ways_list_the_possible_ones() {
    let migrator = migrator(RULES);
    let error = migrator.route("4", "1").expect_err("upper cannot be undone");
    assert_eq!(error.to_string(), "migrations.toml: no migration leads from version 4 to 1");
    let hint = Diagnostic::from(error).hint.expect("a hint");
    assert_eq!(
        hint,
        "from 4 lead ways to 0; to 1 lead ways from 2, 3; \
         `transform log.level with upper` at migrations.toml:24:12 cannot be undone"
    );
    let error = Diagnostic::from(migrator.route("1", "44").expect_err("unknown"));
    assert_eq!(words(&[error]), ["migrations.toml: unknown version \"44\" [did you mean \"4\"?]"]);
}

#[test]
fn rules_without_a_match_are_warnings_at_the_rule() {
    let there = by(
        "{ rename = { from = 'db.hots', to = 'x' } },\n{ remove = { key = 'a.b.c' } },\n\
         { merge = { keys = ['db.host', 'db.port'], into = 'y', separator = ':' } },\n\
         { add = { key = 'db.host', value = 1 } }, { rename = { from = 'l.*.p', to = 'l.*.q' } }",
        "db: {host: h}",
    )
    .expect("applies");
    assert_eq!(
        words(&there.warnings),
        [
            "migrations.toml:4:12: `rename db.hots to x` was not applied: `db.hots` is not there [`db.host` is there: is one of the two a typo?]",
            "migrations.toml:5:3: `remove a.b.c` was not applied: `a.b.c` is not there",
            "migrations.toml:6:3: `merge db.host, db.port into y` was not applied: `db.port` is not there",
            "migrations.toml:7:3: `add db.host` was not applied: `db.host` is already there, and keeps its value",
            "migrations.toml:7:45: `rename l.*.p to l.*.q` was not applied: `l.*.p` is not there",
        ]
    );
    assert!(there.warnings.iter().all(|w| w.severity == crate::diagnostic::Severity::Warning));
    assert_eq!(there.applied, []);
    assert_eq!(there.document.to_json(), json!({"version": "2", "db": {"host": "h"}}));
}

#[test]
fn values_that_do_not_fit_are_errors_all_of_them() {
    let problems = by(
        "{ transform = { key = 'port', with = 'to_integer' } }, { rename = { from = 'a', to = 'b' } },\n\
         { split = { key = 'address', into = ['h', 'p'], separator = ':' } },\n\
         { transform = { key = 'a', expression = 'config.nope.x' } }",
        "port: s3cret, a: 1, b: 2, address: 'x:y:z'",
    );
    let problems = problems.expect_err("nothing fits");
    assert_eq!(
        problems.iter().map(Diagnostic::to_string).collect::<Vec<_>>(),
        [
            "app.yaml:1:22: `port` is not an integer in plain decimal, within 64 bits",
            "app.yaml:1:39: `b` is already there",
            "app.yaml:1:51: `address` has 3 parts between \":\": 2 are needed",
            "app.yaml:1:33: `a` does not fit: undefined value",
        ]
    );
    assert_eq!(
        problems[0].hint.as_deref(),
        Some("`transform port with to_integer` at migrations.toml:4:12 cannot be applied")
    );
    assert!(!format!("{problems:?}").contains("s3cret"));
}

#[test]
fn expressions_see_the_value_and_the_document() {
    let rules =
        "{ transform = { key = 'hosts.*', expression = \"value ~ '.' ~ config.domain | upper\" } }";
    let there = by(rules, "hosts: [a, b], domain: x").expect("applies");
    assert_eq!(there.document.to_json()["hosts"], json!(["a.X", "b.X"]));
    let rules = "{ transform = { key = 'n', expression = \"{'min': value, 'max': value * 2}\" } }";
    let there = by(rules, "n: 2").expect("applies");
    assert_eq!(there.document.to_json()["n"], json!({"min": 2, "max": 4}));
}

#[test]
fn commands_change_the_whole_document() {
    let rules = "[[migration]]\nfrom = 1\nto = 2\nrules = [{ custom = { command = ['fix', '-x'], back = ['unfix'] } }]\n";
    let migrator = migrator(rules);
    let document = node("version: 1\na: 1\nb: 2\n");
    let mut seen = Vec::new();
    let mut run = |command: &[String], document: &Value| {
        seen.push(command.join(" "));
        let mut document = document.clone();
        document["a"] = json!({"x": 1});
        Ok(document)
    };
    let there = migrator.route("1", "2").expect("a way");
    let there = there.apply(&document, Scope::Whole, &mut run).expect("applies");
    assert_eq!(there.document.to_json(), json!({"version": 2, "a": {"x": 1}, "b": 2}));
    assert_eq!(there.edits.len(), 2);
    let back = migrator.route("2", "1").expect("a way");
    back.apply(&there.document, Scope::Whole, &mut run).expect("applies");
    assert_eq!(seen, ["fix -x", "unfix"]);

    let mut broken = |_: &[String], _: &Value| Ok(json!([1]));
    let route = migrator.route("1", "2").expect("a way");
    let problems = route.apply(&document, Scope::Whole, &mut broken).expect_err("no map");
    assert_eq!(problems[0].message, "the result is a list where a map is needed");
    let problems = route.apply(&document, Scope::Whole, &mut no_commands).expect_err("refused");
    assert_eq!(problems[0].message, "command failed: commands are not run here");
}

#[test]
fn overlays_are_changed_only_where_they_say_something() {
    let migrator = migrator(RULES);
    let route = migrator.route("1", "3").expect("a way");
    let overlay = node("db: {host: staging}\n");
    let there = route.apply(&overlay, Scope::Overlay, &mut no_commands).expect("applies");
    assert_eq!(there.document.to_json(), json!({"database": {"host": "staging"}}));
    let warnings = words(&there.warnings);
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert!(warnings[0].contains("`database.port` is not there"), "{warnings:?}");
}

#[test]
fn versions_keep_their_type_and_are_text() {
    let migrator = migrator("version_key = 'meta.v'\n[[migration]]\nfrom = '1'\nto = '2'\n");
    for (before, after) in [("1", json!(2)), ("'1'", json!("2"))] {
        let there = go(&migrator, &node(&format!("meta: {{v: {before}}}")), "2").expect("applies");
        assert_eq!(there.document.to_json()["meta"]["v"], after);
    }
    assert_eq!(migrator.version_of(&node("{a: 1}")), Ok(None));
    let error = migrator.version_of(&node("meta: {v: 1.10}")).expect_err("a number");
    assert_eq!(error.to_string(), "app.yaml:1:11: `meta.v` is a number where a version is needed");
}

#[test]
fn removing_another_value_than_the_default_is_a_warning() {
    let there = by("{ remove = { key = 'a', default = 1 } }", "a: 2").expect("applies");
    assert_eq!(
        words(&there.warnings),
        ["app.yaml:1:19: `a` goes, and was not the default: going back loses it"]
    );
}

#[test]
fn mistakes_in_rules_are_reported_each_at_its_place() {
    let rules = "\
versionkey = 'v'
[[migration]]
from = '1'
to = '1'
rules = [
  { renam = { from = 'a', to = 'b' } },
  { rename = { from = 'a..b', to = 'c' } },
  { rename = { from = 'a', to = 'a' } },
  { transform = { key = 'a', with = 'uper' } },
  { transform = { key = 'a' } },
  { transform = { key = 'a', expression = 'value +' } },
  { add = { key = 'a' } },
  { split = { key = 'a', into = ['b'], separator = '' } },
  { merge = { keys = ['a', 'b'], into = 'c', separator = ':', types = ['string'] } },
  { rename = { from = 'a.*', to = 'b' } },
  { custom = { command = 'x' } },
  'rename',
  { remove = { kye = 'a' } },
]
[[migration]]
from = 1.10
to = '2'
";
    let found = mistakes(rules);
    let expected = [
        "m.toml:1:1: unknown field \"versionkey\" in the file [did you mean `version_key`?]",
        "m.toml:2:1: a migration leads from one version to another",
        "m.toml:6:5: unknown rule \"renam\" [did you mean `rename`?]",
        "m.toml:7:23: `from` is not a dotted key [segments are separated by `.`; quote one that holds a dot: `a.\"b.c\"`]",
        "m.toml:8:14: `from` and `to` are the same key",
        "m.toml:9:37: unknown transform `uper` [did you mean `upper`?]",
        "m.toml:10:17: missing `with` or `expression` in `transform` [such as `with = \"multiply 1000\"` or `expression = \"value | upper\"`]",
        "m.toml:11:43: the expression cannot be read",
        "m.toml:12:11: missing `value` in `add` [add `value = \"…\"`]",
        "m.toml:13:33: `into` needs 2 or more elements",
        "m.toml:13:52: `separator` is empty",
        "m.toml:14:71: `types` has 1 elements for 2 parts",
        "m.toml:15:14: the keys have different numbers of `*` [each `*` stands for the same name in all keys of a rule]",
        "m.toml:16:26: `command` is a string where a list is needed",
        "m.toml:17:3: a rule is a map with one key, the name of the rule",
        "m.toml:18:16: unknown field \"kye\" in `remove` [did you mean `key`?]",
        "m.toml:18:14: missing `key` in `remove` [add `key = \"database.host\"`]",
        "m.toml:21:8: `from` is a number where a version is needed [quote it: versions are text, and 1.10 is not 1.1]",
    ];
    let mut missing: Vec<&str> = Vec::new();
    for line in expected {
        if !found.iter().any(|found| found.starts_with(line)) {
            missing.push(line);
        }
    }
    assert!(missing.is_empty(), "missing {missing:#?}\nin {found:#?}");
    assert_eq!(found.len(), expected.len(), "{found:#?}");
}

#[test]
fn the_file_itself_can_be_wrong() {
    let twice = "[[migration]]\nfrom = 1\nto = 2\n[[migration]]\nfrom = '1'\nto = '2'\n";
    assert_eq!(
        mistakes(twice),
        [
            "m.toml:4:1: a migration from 1 to 2 is already at m.toml:1:1 [put all rules into one of the two]"
        ]
    );
    assert_eq!(
        mistakes(""),
        ["m.toml:1:1: missing `migration` in the file [add `migration = […]`]"]
    );
    assert_eq!(
        mistakes("migration = 1"),
        ["m.toml:1:13: `migration` is an integer where a list is needed"]
    );
    let yaml = "migration:\n  - from: 1\n    to: 2\n    rules:\n      - rename: {from: a, to: b}\n";
    let migrator = ConfigMigrator::parse(Format::Yaml, "m.yaml", yaml).expect("valid");
    assert_eq!(migrator.migrations()[0].rules[0].origin.to_string(), "m.yaml:5:9");
}

/// Returns rules that can be undone, over a few keys.
fn reversible_rule() -> impl Strategy<Value = String> {
    let key = "[ab](\\.[cd](\\.e)?)?";
    prop_oneof![
        (key, key).prop_filter("two keys", |(a, b)| a != b).prop_map(|(from, to)| {
            format!("{{ rename = {{ from = '{from}', to = '{to}' }} }}")
        }),
        (key, 1..9).prop_map(|(key, n)| {
            format!("{{ transform = {{ key = '{key}', with = 'multiply {n}' }} }}")
        }),
        (key, 0..3).prop_map(|(key, n)| format!("{{ add = {{ key = '{key}', value = {n} }} }}")),
        (key, key, key).prop_map(|(whole, a, b)| format!(
            "{{ merge = {{ keys = ['{a}', '{b}x'], into = '{whole}y', separator = ':', types = ['integer', 'integer'] }} }}"
        )),
    ]
}

fn small_document() -> impl Strategy<Value = Value> {
    let leaf = (0..100).prop_map(Value::from).boxed();
    let e = prop_oneof![leaf.clone(), leaf.clone().prop_map(|v| json!({"e": v}))].boxed();
    let map = prop::collection::btree_map("[cd]x?", e, 1..3);
    let child = prop_oneof![leaf, map.prop_map(|map| json!(map))];
    prop::collection::btree_map("[ab]x?", child, 0..4).prop_map(|map| {
        let mut document = json!(map);
        document["version"] = json!(1);
        document
    })
}

proptest! {
    #[test]
    fn without_warnings_there_is_a_way_back(
        rules in prop::collection::vec(reversible_rule(), 1..5), before in small_document(),
    ) {
        let rules = format!("[[migration]]\nfrom = 1\nto = 2\nrules = [{}]\n", rules.join(", "));
        let migrator = migrator(&rules);
        let before = Node::from_json(&before, &Origin::of_source("test")).expect("a document");
        let Ok(there) = go(&migrator, &before, "2") else { return Ok(()) };
        prop_assert_eq!(edited(before.to_json(), &there.edits), there.document.to_json());
        if there.warnings.is_empty() {
            let back = go(&migrator, &there.document, "1");
            let back = back.map_err(|problems| TestCaseError::fail(format!("{problems:?}")))?;
            prop_assert_eq!(back.document.to_json(), before.to_json());
        }
    }
}
