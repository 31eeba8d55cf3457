use serde_json::{Value, json};

use super::super::{Configuration, Format, KeyOrigin, Layer, Schema, emit, parse};
use super::{ListMerge, MergeRules, merge};

fn rules(lists: &[(&str, ListMerge)]) -> MergeRules {
    let lists = lists.iter().map(|(key, rule)| ((*key).to_owned(), rule.clone()));
    MergeRules { lists: lists.collect(), null_deletes: false }
}

fn by(field: &str) -> ListMerge {
    ListMerge::By(field.to_owned())
}

fn deleting() -> MergeRules {
    MergeRules { null_deletes: true, ..MergeRules::default() }
}

/// Merges `texts` as `a.yaml`, `b.yaml` and so on.
fn try_merged(texts: &[&str], rules: &MergeRules) -> Result<Configuration, Vec<String>> {
    let files: Vec<String> =
        (b'a'..).map(|name| format!("{}.yaml", name as char)).take(texts.len()).collect();
    let layer = |(file, text)| Layer { file, format: Format::Yaml, text };
    let layers: Vec<_> =
        files.iter().map(String::as_str).zip(texts.iter().copied()).map(layer).collect();
    Configuration::from_layers(&layers, rules)
        .map_err(|errors| errors.iter().map(ToString::to_string).collect())
}

fn merged(texts: &[&str], rules: &MergeRules) -> Configuration {
    try_merged(texts, rules).unwrap_or_else(|errors| panic!("{errors:#?}"))
}

fn told(c: &Configuration, key: &str) -> Vec<String> {
    let line = |o: KeyOrigin| {
        let state = if o.overridden { "overridden" } else { "in force" };
        let place = format!("{}:{}:{}", o.file, o.line.unwrap_or(0), o.column.unwrap_or(0));
        format!("{place} {} {state}", o.value)
    };
    c.origins(key).into_iter().map(line).collect()
}

#[test]
fn lists_combine_in_the_order_that_the_rule_says() {
    let texts = ["l: [a, b]", "l: [c, a]", "l: [d]"];
    let list = |rule: ListMerge| merged(&texts, &rules(&[("l", rule)])).to_json()["l"].clone();
    assert_eq!(list(ListMerge::Replace), json!(["d"]));
    assert_eq!(list(ListMerge::Append), json!(["a", "b", "c", "a", "d"]));
    assert_eq!(list(ListMerge::Prepend), json!(["d", "c", "a", "a", "b"]));
    assert_eq!(list(ListMerge::Unique), json!(["a", "b", "c", "d"]));
}

#[test]
fn every_list_that_was_combined_is_an_origin() {
    let texts = ["l: [a, b]", "l: []", "l: [c, a]"];
    let c = merged(&texts, &rules(&[("l", ListMerge::Prepend)]));
    let expected = [
        r#"a.yaml:1:4 ["a","b"] in force"#,
        "b.yaml:1:4 [] in force",
        r#"c.yaml:1:4 ["c","a"] in force"#,
    ];
    assert_eq!(told(&c, "l"), expected);
    assert_eq!(told(&c, "l.0"), [r#"c.yaml:1:5 "c" in force"#]);
    assert_eq!(told(&c, "l.2"), [r#"a.yaml:1:5 "a" in force"#]);
    let c = merged(&texts, &rules(&[("l", ListMerge::Unique)]));
    assert_eq!(told(&c, "l"), expected);
    let a = [r#"a.yaml:1:5 "a" overridden"#, r#"c.yaml:1:8 "a" in force"#];
    assert_eq!(told(&c, "l.0"), a);
}

#[test]
fn equal_values_are_one_whatever_the_order_of_their_keys() {
    let texts = ["l: [{a: 1, b: [x]}, 1, '1', 1.0, 1]", "l: [{b: [x], a: 1}, true, 1]"];
    let c = merged(&texts, &rules(&[("l", ListMerge::Unique)]));
    assert_eq!(c.to_json()["l"], json!([{"a": 1, "b": ["x"]}, 1, "1", 1.0, true]));
    let alone = merged(&["l: [1, 1]"], &rules(&[("l", ListMerge::Unique)]));
    assert_eq!(alone.to_json()["l"], json!([1]), "a single layer too");
}

const SERVICES: [&str; 3] = [
    "s:\n- {name: web, port: 80, tags: [a]}\n- {name: 7, port: 1}\n",
    "s:\n- {name: db}\n- {name: web, port: 81, tags: [b]}\n",
    "s:\n- {port: 2, name: 7}\n- {name: '7'}\n",
];

#[test]
fn elements_with_the_same_name_merge_where_the_first_stood() {
    let both = rules(&[("s", by("name")), ("s.*.tags", ListMerge::Append)]);
    let c = merged(&SERVICES, &both);
    assert_eq!(
        c.to_json()["s"],
        json!([{"name": "web", "port": 81, "tags": ["a", "b"]}, {"name": 7, "port": 2},
               {"name": "db"}, {"name": "7"}])
    );
    assert_eq!(told(&c, "s.0.port"), ["a.yaml:2:21 80 overridden", "b.yaml:3:21 81 in force"]);
    assert_eq!(told(&c, "s.0.tags.1"), [r#"b.yaml:3:32 "b" in force"#]);
    assert_eq!(
        told(&c, "s.1"),
        [
            r#"a.yaml:3:4 {"name":7,"port":1} overridden"#,
            r#"c.yaml:2:13 {"name":7,"port":2} in force"#
        ]
    );
    assert_eq!(told(&c, "s").len(), 3);
    assert_eq!(c.unused_rules(), [""; 0]);
}

#[test]
fn elements_that_cannot_be_told_apart_are_errors_with_places() {
    let texts = [
        "s: [{name: x}, {nam: y}, 5, {name: ~}]",
        "s: [{name: [1]}, {name: z},\n {name: z}]",
        "t: 1",
    ];
    let errors = try_merged(&texts, &rules(&[("s", by("name"))])).expect_err("five");
    assert_eq!(
        errors,
        [
            "a.yaml:1:16: `s.1` has no `name`",
            "a.yaml:1:26: `s.2` is an integer where a map with `name` belongs",
            "a.yaml:1:36: `s.3` has null as its `name`",
            "b.yaml:1:12: `s.0` has a list as its `name`",
            "b.yaml:2:2: `s.2` has the `name` of an earlier element, at b.yaml:1:18",
        ]
    );
    let errors = try_merged(
        &["s: [{name: x, a: 1}]", "s: [{name: x, a: {b: 1}}]"],
        &rules(&[("s", by("name"))]),
    );
    let errors = errors.expect_err("a map over a scalar");
    assert_eq!(errors, ["b.yaml:1:18: `s.0.a` is a map here but an integer at a.yaml:1:18"]);
}

#[test]
fn the_rule_with_the_fewest_stars_counts() {
    let texts = ["h: {a: {t: [1]}, b: {t: [1]}}", "h: {a: {t: [2]}, b: {t: [2]}}"];
    let star = rules(&[
        ("h.*.t", ListMerge::Append),
        ("h.b.t", ListMerge::Replace),
        ("*.*.*", ListMerge::Prepend),
    ]);
    let c = merged(&texts, &star);
    assert_eq!(c.to_json()["h"], json!({"a": {"t": [1, 2]}, "b": {"t": [2]}}));
    assert_eq!(c.unused_rules(), [""; 0]);
}

#[test]
fn rules_without_a_list_are_known() {
    let lists = [
        ("l", ListMerge::Append),
        ("x", ListMerge::Append),
        ("l.*.y", by("n")),
        ("a..b", ListMerge::Unique),
    ];
    let rules = rules(&lists);
    let c = merged(&["l: [1]\nx: 1", "k: 1"], &rules);
    assert_eq!(c.unused_rules(), ["a..b", "l.*.y", "x"]);
    let more = parse(Format::Yaml, "z.yaml", "x: [1]").expect("parses");
    let c = c.with_layer(more, &rules).expect("merges");
    assert_eq!(c.unused_rules(), ["a..b", "l.*.y"]);
    let wrong = parse(Format::Yaml, "z.yaml", "[1]").expect("parses");
    assert!(c.with_layer(wrong, &rules).is_err());
}

#[test]
fn null_deletes_only_where_that_is_asked_for() {
    let texts = [
        "a: 1\nb: {x: 1, y: 2}\nc: ~\nl: [~]",
        "a: ~\nb: {x: ~}\nd: ~\nl: [~, 1]\ne: {f: {g: ~, h: 1}}",
    ];
    let c = merged(&texts, &deleting());
    assert_eq!(
        c.to_json(),
        json!({"b": {"y": 2}, "c": null, "l": [null, 1], "e": {"f": {"h": 1}}})
    );
    let kept = merged(&["a: 1", "a: ~"], &MergeRules::default());
    assert_eq!(kept.to_json(), json!({"a": null}));
    let error = try_merged(&["m: {a: 1}", "m: ~"], &MergeRules::default());
    assert_eq!(error.expect_err("a map"), ["b.yaml:1:4: `m` is null here but a map at a.yaml:1:4"]);
}

#[test]
fn who_deleted_a_key_is_known() {
    let texts = ["a: 1\nm: {x: 1, y: {z: 2}}", "a: ~\nm: ~\nn: ~", "m: {x: 3}"];
    let c = merged(&texts[..2], &deleting());
    let a = ["a.yaml:1:4 1 overridden", "b.yaml:1:4 null in force"];
    assert_eq!(told(&c, "a"), a);
    assert_eq!(told(&c, "m.y.z"), ["a.yaml:2:18 2 overridden", "b.yaml:2:4 null in force"]);
    assert_eq!(told(&c, "n"), ["b.yaml:3:4 null in force"], "it deletes nothing, but says so");
    assert_eq!(told(&c, "m.nowhere"), [""; 0]);
    let c = merged(&texts, &deleting());
    assert_eq!(c.to_json(), json!({"m": {"x": 3}}));
    assert_eq!(
        told(&c, "m.x"),
        ["a.yaml:2:8 1 overridden", "b.yaml:2:4 null overridden", "c.yaml:1:8 3 in force"]
    );
    assert_eq!(told(&c, "m.y.z"), ["a.yaml:2:18 2 overridden", "b.yaml:2:4 null in force"]);
    assert_eq!(
        told(&c, "m"),
        [
            r#"a.yaml:2:5 {"x":1,"y":{"z":2}} overridden"#,
            "b.yaml:2:4 null overridden",
            r#"c.yaml:1:5 {"x":3} in force"#
        ]
    );
}

#[test]
fn a_map_still_tells_of_the_keys_that_it_lost() {
    let c = merged(&["m: {a: 1, b: 2}", "m: {a: ~}", "m: {b: ~}"], &deleting());
    assert_eq!(c.to_json(), json!({"m": {}}));
    assert_eq!(
        told(&c, "m"),
        [
            r#"a.yaml:1:5 {"a":1,"b":2} overridden"#,
            r#"b.yaml:1:5 {"a":null} in force"#,
            r#"c.yaml:1:5 {"b":null} in force"#
        ]
    );
    let mut c = c;
    let origin = crate::config::Origin::of_source("set");
    c.set("m.a", &json!(5), &origin).expect("sets");
    c.set("m.a", &json!(6), &origin).expect("sets again");
    assert_eq!(
        told(&c, "m.a"),
        ["a.yaml:1:8 1 overridden", "b.yaml:1:8 null overridden", "set:0:0 6 in force"]
    );
}

#[test]
fn deleted_and_replaced_secrets_stay_masked() {
    let schema = r#"{"properties": {"p": {"x-secret": true}, "l": {"items": {"x-secret": true}}}}"#;
    let schema = Schema::compile("s.json", schema).expect("compiles");
    let mut c = merged(&["p: hunter2\nl: [hunter2]", "p: ~\nl: [hunter3]"], &deleting());
    schema.mark_secrets(&mut c);
    let shown = format!("{:?}{:?}{:?}{c:?}", told(&c, "p"), told(&c, "l"), told(&c, "l.0"));
    assert!(!shown.contains("hunter"), "{shown}");
    assert_eq!(told(&c, "p").len(), 2);
}

#[test]
fn replaced_lists_are_compared_element_by_element() {
    let c = merged(&["l: [1, 2]\ne: {}", "l: [3]\ne: {}"], &MergeRules::default());
    assert_eq!(told(&c, "l.0"), ["a.yaml:1:5 1 overridden", "b.yaml:1:5 3 in force"]);
    assert_eq!(told(&c, "l.1"), ["a.yaml:1:8 2 overridden"]);
    assert_eq!(told(&c, "e"), ["a.yaml:2:4 {} overridden", "b.yaml:2:4 {} in force"]);
}

#[test]
fn an_overlay_that_was_merged_itself_keeps_its_history() {
    let node = |file: &str, text: &str| parse(Format::Yaml, file, text).expect("parses");
    let rules = MergeRules::default();
    let upper = merge(node("b", "x: 2"), node("c", "x: 3"), &rules).expect("merges");
    let whole = merge(node("a", "x: 1"), upper, &rules).expect("merges");
    let values: Vec<_> = std::iter::successors(whole.child("x"), |node| {
        node.earlier.as_deref().map(|earlier| &earlier.node)
    })
    .map(super::super::Node::to_json)
    .collect();
    assert_eq!(values, [json!(3), json!(2), json!(1)]);
}

#[test]
fn env_files_are_layers_that_the_schema_types() {
    let schema = r#"{"properties": {"database": {"properties": {"port": {"type": "integer"},
        "host": {"type": "string"}, "tls": {"type": "boolean"}}}}}"#;
    let schema = Schema::compile("s.json", schema).expect("compiles");
    let env = "# db\nexport DATABASE__HOST=\"db.$REGION\"\nDATABASE__PORT=5432\nDATABASE__TLS='true'\nNAME='$x'\nD=\"\\$x\"\n";
    let layers = [
        Layer { file: "a.yaml", format: Format::Yaml, text: "database: {host: x, port: 1}" },
        Layer { file: ".env", format: Format::Env, text: env },
    ];
    let mut c = Configuration::from_layers(&layers, &MergeRules::default()).expect("merges");
    let mut asked = Vec::new();
    c.substitute(&mut |text| {
        asked.push(text.to_owned());
        Ok(text.contains("$REGION").then(|| text.replace("$REGION", "eu").into()))
    })
    .expect("nothing is wrong");
    assert!(!asked.contains(&"$x".to_owned()), "single quotes are literal: {asked:?}");
    assert!(asked.contains(&"$$x".to_owned()), "an escaped dollar stays one: {asked:?}");
    schema.coerce(&mut c);
    assert_eq!(
        c.to_json(),
        json!({"database": {"host": "db.eu", "port": 5432, "tls": true}, "name": "$x", "d": "$$x"})
    );
    assert_eq!(told(&c, "database.port"), ["a.yaml:1:27 1 overridden", ".env:3:16 5432 in force"]);
}

#[test]
fn env_files_say_everything_that_is_wrong() {
    let text = "A=1\nA=2\nA__B=1\nC__D=1\nC=2\nBARE\nE____F=1\n__G=1\nno variable\na=3\n";
    let errors = parse(Format::Env, ".env", text).expect_err("eight");
    let mut told: Vec<_> = errors.iter().map(ToString::to_string).collect();
    told.sort();
    assert_eq!(
        told,
        [
            ".env:10:1: duplicate key \"a\", first at .env:1:1",
            ".env:2:1: duplicate key \"A\", first at .env:1:1",
            ".env:3:1: `A__B` would be both a value and a map, as of .env:1:1",
            ".env:5:1: `C` would be both a value and a map, as of .env:4:1",
            ".env:6:1: `BARE` has no value",
            ".env:7:1: `E____F` has nothing before, after or between its `__`",
            ".env:8:1: `__G` has nothing before, after or between its `__`",
            ".env:9:1: line sets no variable",
        ]
    );
    let deep = format!("{}=1", vec!["A"; 200].join("__"));
    assert!(parse(Format::Env, ".env", &deep).is_err());
    let empty = parse(Format::Env, ".env", "# nothing\n").expect("parses");
    assert_eq!(empty.to_json(), Value::Null);
    let node = parse(Format::Env, ".env", "A=1").expect("parses");
    assert_eq!(emit(&node, Format::Env).expect_err("only read").len(), 1);
}

#[test]
fn what_stays_deleted_is_listed() {
    let texts =
        ["a: 1\nm: {x: 1, \"y.z\": 2, back: 3}\n", "a: null\nm: {\"y.z\": null, back: null}\n"];
    let c = merged(&texts, &deleting());
    assert_eq!(c.deleted(), ["m.\"y.z\"", "m.back", "a"]);
    let c = merged(&[texts[0], texts[1], "m: {back: 4}\n"], &deleting());
    assert_eq!(c.deleted(), ["m.\"y.z\"", "a"]);
    assert_eq!(merged(&texts, &rules(&[])).deleted(), [""; 0]);
}
