use proptest::prelude::*;
use serde_json::json;

use super::*;

fn layer<'a>(file: &'a str, text: &'a str) -> Layer<'a> {
    Layer { file, format: Format::from_path(file).expect("a known extension"), text }
}

fn appending(key: &str) -> MergeRules {
    MergeRules::appending([key])
}

fn merged(layers: &[Layer<'_>], rules: &MergeRules) -> Configuration {
    Configuration::from_layers(layers, rules).unwrap_or_else(|errors| panic!("{errors:?}"))
}

const DEFAULTS: &str = "\
server:
  host: localhost
  port: 80
  tags: [a, b]
log: {level: info}
empty: {}
";
const APP: &str = "[server]\nport = 8080\ntags = ['c']\n[log]\nfile = '/var/log/x'\n";
const STAGING: &str = r#"{"server": {"host": "staging", "port": 9090}, "extra": null}"#;

fn three_layers(rules: &MergeRules) -> Configuration {
    let layers = [layer("d.yaml", DEFAULTS), layer("app.toml", APP), layer("s.json", STAGING)];
    merged(&layers, rules)
}

#[test]
fn later_layers_win_and_maps_merge_deeply() {
    let c = three_layers(&MergeRules::default());
    assert_eq!(
        c.to_json(),
        json!({
            "server": {"host": "staging", "port": 9090, "tags": ["c"]},
            "log": {"level": "info", "file": "/var/log/x"},
            "empty": {},
            "extra": null,
        })
    );
    let keys: Vec<_> = c.leaves().map(|(key, _)| key).collect();
    assert_eq!(
        keys,
        ["server.host", "server.port", "server.tags.0", "log.level", "log.file", "empty", "extra"]
    );
    assert_eq!(c.files().collect::<Vec<_>>(), ["d.yaml", "app.toml", "s.json"]);
}

fn told(c: &Configuration, key: &str) -> Vec<String> {
    let line = |o: KeyOrigin| {
        let state = if o.overridden { "overridden" } else { "in force" };
        let place = format!("{}:{}:{}", o.file, o.line.unwrap_or(0), o.column.unwrap_or(0));
        format!("{} {place} {} {state}", o.layer, o.value)
    };
    c.origins(key).into_iter().map(line).collect()
}

#[test]
fn origins_tell_every_layer_oldest_first() {
    let c = three_layers(&MergeRules::default());
    assert_eq!(
        told(&c, "server.port"),
        [
            "0 d.yaml:3:9 80 overridden",
            "1 app.toml:2:8 8080 overridden",
            "2 s.json:1:40 9090 in force"
        ]
    );
    assert_eq!(
        told(&c, "server.tags"),
        [r#"0 d.yaml:4:9 ["a","b"] overridden"#, r#"1 app.toml:3:8 ["c"] in force"#]
    );
    assert_eq!(
        told(&c, "log"),
        [
            r#"0 d.yaml:5:7 {"level":"info"} in force"#,
            r#"1 app.toml:5:1 {"file":"/var/log/x"} in force"#
        ]
    );
    assert_eq!(told(&c, "empty"), ["0 d.yaml:6:8 {} in force"]);
    assert_eq!(told(&c, "nowhere"), [""; 0]);
    let json = serde_json::to_value(c.origins("extra")).expect("serializes");
    let expected = json!([{
        "layer": 2, "file": "s.json", "line": 1, "column": 56, "value": null, "overridden": false
    }]);
    assert_eq!(json, expected);
}

#[test]
fn lists_append_where_the_rules_say_so() {
    let c = three_layers(&appending("server.tags"));
    assert_eq!(c.to_json()["server"]["tags"], json!(["a", "b", "c"]));
    assert_eq!(
        told(&c, "server.tags"),
        [r#"0 d.yaml:4:9 ["a","b"] in force"#, r#"1 app.toml:3:8 ["c"] in force"#]
    );
    let layers = [layer("a.yaml", "l: [1]"), layer("b.yaml", "l: 5"), layer("c.yaml", "l: [2]")];
    let c = merged(&layers, &appending("l"));
    assert_eq!(
        told(&c, "l"),
        ["0 a.yaml:1:4 [1] overridden", "1 b.yaml:1:4 5 overridden", "2 c.yaml:1:4 [2] in force"]
    );
    let layers = [
        layer("a.yaml", "l: x"),
        layer("b.yaml", "l: [1]"),
        layer("c.yaml", "l: [2, 3]"),
        layer("d.yaml", "l: [4]"),
    ];
    let c = merged(&layers, &appending("l"));
    assert_eq!(
        told(&c, "l"),
        [
            "0 a.yaml:1:4 \"x\" overridden",
            "1 b.yaml:1:4 [1] in force",
            "2 c.yaml:1:4 [2,3] in force",
            "3 d.yaml:1:4 [4] in force"
        ]
    );
}

#[test]
fn two_layers_of_the_same_name_are_two() {
    let c = merged(&[layer("a.yaml", "x: 1"), layer("a.yaml", "x: 2")], &MergeRules::default());
    assert_eq!(told(&c, "x"), ["0 a.yaml:1:4 1 overridden", "1 a.yaml:1:4 2 in force"]);
}

#[test]
fn a_map_meets_only_maps() {
    let layers = [
        layer("a.yaml", "m: {x: 1}\ns: 1\nl: [1]\nn: {y: 1}\nok: 1\nnone: ~\n"),
        layer("b.yaml", "m: 5\ns: {z: 1}\nl:\n  q: 1\nn: ~\nok: [2]\nnone: {k: 1}\n"),
        layer("c.yaml", "m: [1]\n"),
    ];
    let errors = Configuration::from_layers(&layers, &MergeRules::default()).expect_err("four");
    let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "b.yaml:1:4: `m` is an integer here but a map at a.yaml:1:4",
            "b.yaml:2:4: `s` is a map here but an integer at a.yaml:2:4",
            "b.yaml:3:1: `l` is a map here but a list at a.yaml:3:4",
            "b.yaml:5:4: `n` is null here but a map at a.yaml:4:4",
            "c.yaml:1:4: `m` is a list here but a map at a.yaml:1:4",
        ]
    );
}

#[test]
fn the_top_level_is_a_map_or_nothing() {
    let c =
        merged(&[layer("a.yaml", "# nothing"), layer("b.yaml", "x: 1")], &MergeRules::default());
    assert_eq!(told(&c, "x"), ["1 b.yaml:1:4 1 in force"]);
    assert_eq!(merged(&[], &MergeRules::default()).to_json(), json!({}));
    let errors = Configuration::from_layers(&[layer("a.yaml", "[1]")], &MergeRules::default());
    let errors = errors.expect_err("a list");
    assert_eq!(errors[0].to_string(), "a.yaml:1:1: top level is a list: a map is needed");
}

#[test]
fn errors_of_all_layers_are_collected() {
    let layers =
        [layer("a.yaml", "a: 1\na: 2\nb: 1e999"), layer("b.toml", "x ="), layer("c.json", "{")];
    let errors = Configuration::from_layers(&layers, &MergeRules::default()).expect_err("four");
    let files: Vec<_> = errors.iter().filter_map(|e| e.file.as_deref()).collect();
    assert_eq!(files, ["a.yaml", "a.yaml", "b.toml", "c.json"]);
}

#[test]
fn get_by_dotted_key() {
    let c = merged(&[layer("a.yaml", "a: [{x.y: 1}, [7]]\n'0': {'': 2}")], &MergeRules::default());
    let get = |key: &str| c.get(key).map(Node::to_json);
    assert_eq!(get(r#"a.0."x.y""#), Some(json!(1)));
    assert_eq!(get("a.1.0"), Some(json!(7)));
    assert_eq!(get(r#"0."""#), Some(json!(2)));
    for none in ["a.2", "a.00", "a.+0", "a.-1", "a.0.x.y", "", "a.", "a.1.0.b"] {
        assert_eq!(get(none), None, "{none}");
    }
    for (key, node) in c.leaves() {
        assert!(c.get(&key).is_some_and(|found| std::ptr::eq(found, node)), "{key}");
    }
}

#[test]
fn set_makes_what_is_missing_and_remembers_what_it_replaced() {
    let mut c = merged(&[layer("a.yaml", "db: {host: x}\nnone:\nl: [1]")], &MergeRules::default());
    let environment = Origin::of_source("environment");
    c.set("db.host", &json!("y"), &environment).expect("replaces");
    c.set("new.deep.key", &json!(1), &environment).expect("makes maps");
    c.set("none.k", &json!(2), &environment).expect("null gives way");
    c.set("l.0", &json!(3), &environment).expect("replaces the element");
    assert_eq!(
        c.to_json(),
        json!({"db": {"host": "y"}, "none": {"k": 2}, "l": [3], "new": {"deep": {"key": 1}}})
    );
    assert_eq!(
        told(&c, "db.host"),
        ["0 a.yaml:1:12 \"x\" overridden", "1 environment:0:0 \"y\" in force"]
    );
    for wrong in ["db.host.x", "l.1", "l.x", "a..b", ""] {
        assert!(c.set(wrong, &json!(1), &environment).is_err(), "{wrong}");
    }
    let deep = vec!["k"; 200].join(".");
    assert!(c.set(&deep, &json!(1), &environment).is_err());
}

fn written(format: Format, text: &str) -> String {
    let node = parse(Format::Yaml, "a.yaml", text).expect(text);
    emit(&node, format).unwrap_or_else(|errors| panic!("{errors:?}"))
}

#[test]
fn what_looks_like_something_else_is_quoted() {
    let text = "[ 'no', '1.10', '0o644', '~', 'true', '2026-01-01', ' lead', 'a: b', '# c', '' ]";
    let yaml = written(Format::Yaml, &format!("k: {text}"));
    let lines: Vec<_> = yaml.lines().skip(1).map(str::trim).collect();
    for line in &lines {
        let value = line.strip_prefix("- ").expect("an element");
        assert!(value.starts_with(['"', '\'']), "{value}");
    }
    assert_eq!(lines.len(), 10);
}

#[test]
fn emitted_texts_look_as_written_by_hand() {
    let text = "name: shop\nport: 80\nratio: 1.0\ndb:\n  hosts: [a, b]\n  opts: {}\nlist: [{x: 1}]\nlast: true\n";
    assert_eq!(
        written(Format::Yaml, text),
        "name: shop\nport: 80\nratio: 1.0\ndb:\n  hosts:\n    - a\n    - b\n  opts: {}\nlist:\n  - x: 1\nlast: true\n"
    );
    assert_eq!(
        written(Format::Toml, text),
        "name = \"shop\"\nport = 80\nratio = 1.0\nlast = true\n\n[db]\nhosts = [\"a\", \"b\"]\n\n[db.opts]\n\n[[list]]\nx = 1\n"
    );
    assert_eq!(
        written(Format::Json, "b: 1\na: [é]\n"),
        "{\n  \"b\": 1,\n  \"a\": [\n    \"é\"\n  ]\n}\n"
    );
}

#[test]
fn toml_names_what_it_cannot_write() {
    let node = parse(Format::Yaml, "a.yaml", "a: ~\nb: [1, {c: null}]\nd: 9223372036854775808\n")
        .expect("parses");
    let errors = emit(&node, Format::Toml).expect_err("three");
    let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "a.yaml:1:4: `a` is null, which TOML cannot write",
            "a.yaml:2:12: `b.1.c` is null, which TOML cannot write",
            "a.yaml:3:4: `d` is too large an integer for TOML",
        ]
    );
    let deep =
        parse(Format::Json, "a.json", &format!("{}1{}", "{\"a\":".repeat(100), "}".repeat(100)));
    let errors = emit(&deep.expect("parses"), Format::Toml).expect_err("too deep");
    assert!(errors[0].message.ends_with("is nested too deeply for TOML"));
}

/// Any text but NUL, most of it awkward.
fn any_text() -> impl Strategy<Value = String> {
    let awkward = prop::sample::select(vec![
        "no",
        "1.10",
        "0o644",
        "~",
        "<<",
        "- a",
        "a: b",
        " #",
        "a\n",
        "\n",
        "\n\n a",
        "a\n\n",
        "\t",
        "\r\n",
        "'\"",
        "%",
        "!x",
        "&a",
        "*a",
        "{",
        "|",
        ">",
        "?",
        "---",
        "...",
        "\u{feff}",
        "\u{85}",
        "\u{2028}",
        "\u{7f}",
        "=",
        "1_000",
        "null",
        "0x1",
        "1e5",
        ".5",
        "-.inf",
        "12:30:45",
        "\u{1b}[0m",
        "${X}",
        "{{ x }}",
        "\u{fffe}",
        "\u{10ffff}",
        "\\",
    ]);
    let piece = prop_oneof![
        awkward.prop_map(str::to_owned),
        "[ -~]{0,8}",
        any::<char>().prop_map(String::from)
    ];
    prop::collection::vec(piece, 0..4).prop_map(|pieces| pieces.concat().replace('\0', ""))
}

fn any_value(nullable: bool) -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let null = if nullable { Just(Value::Null).boxed() } else { Just(json!(0)).boxed() };
    let float = any::<f64>().prop_filter("finite", |f| f.is_finite());
    let scalar = prop_oneof![
        null,
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        float.prop_map(Value::from),
        any_text().prop_map(Value::from),
        any_text().prop_map(Value::from),
    ];
    let value = scalar.prop_recursive(4, 32, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(any_text(), inner, 0..5)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    });
    prop::collection::btree_map(any_text(), value, 0..5)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

fn assert_round_trip(value: &serde_json::Value, format: Format) -> Result<(), TestCaseError> {
    let node = Node::from_json(value, &Origin::of_source("x")).expect("no NUL");
    let text = emit(&node, format).expect("can be written");
    let back = parse(format, "x", &text);
    let back = back.map_err(|e| TestCaseError::fail(format!("{e:?}\n{text}")))?;
    prop_assert_eq!(back.to_json(), node.to_json(), "{}", text);
    prop_assert!(format == Format::Toml || back.same_value(&node), "order: {}", text);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn yaml_round_trips(value in any_value(true)) {
        assert_round_trip(&value, Format::Yaml)?;
    }

    #[test]
    fn json_round_trips(value in any_value(true)) {
        assert_round_trip(&value, Format::Json)?;
    }

    #[test]
    fn toml_round_trips(value in any_value(false)) {
        assert_round_trip(&value, Format::Toml)?;
    }

    #[test]
    fn no_text_panics(text in any_text()) {
        for format in [Format::Yaml, Format::Toml, Format::Json] {
            drop(parse(format, "x", &text));
        }
    }
}
