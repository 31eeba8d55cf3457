use serde_json::json;

use super::*;

fn read(format: Format, text: &str) -> Node {
    parse(format, "f", text).unwrap_or_else(|errors| panic!("{text:.80}: {errors:?}"))
}

fn errors(format: Format, text: &str) -> Vec<String> {
    let errors = parse(format, "f", text).expect_err("an error");
    errors.iter().map(ToString::to_string).collect()
}

fn error(format: Format, text: &str) -> String {
    let errors = errors(format, text);
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.into_iter().next().expect("one error")
}

use Format::{Json, Toml, Yaml};

#[test]
fn the_same_value_in_three_formats() {
    let expected = json!({"a": {"b": [1, -2.5, "x", true]}, "c": [{"d": "é"}, {"e": {}}]});
    let yaml = read(Yaml, "a:\n  b: [1, -2.5, x, true]\nc:\n- d: é\n- e: {}\n");
    let toml = read(Toml, "[a]\nb = [1, -2.5, 'x', true]\n[[c]]\nd = 'é'\n[[c]]\n[c.e]\n");
    let json =
        read(Json, r#"{"a": {"b": [1, -2.5, "x", true]}, "c": [{"d": "\u00e9"}, {"e": {}}]}"#);
    for node in [yaml, toml, json] {
        assert_eq!(node.to_json(), expected);
    }
}

fn place(node: &Node, key: &str) -> (String, u32) {
    let node = key.split('.').fold(node, |node, segment| node.child(segment).expect(key));
    (node.origin.to_string(), node.origin.span.expect("parsed").width)
}

#[test]
fn values_know_their_place_in_characters() {
    let yaml = read(Yaml, "ü: 1\r\nb:\r\n  - '日本'\r\n  - {k: v}\r\nc: |\r\n  text\r\n");
    assert_eq!(place(&yaml, "ü"), ("f:1:4".into(), 1));
    assert_eq!(place(&yaml, "b.0"), ("f:3:5".into(), 4));
    assert_eq!(place(&yaml, "b.1.k"), ("f:4:9".into(), 1));
    assert_eq!(place(&yaml, "c").0, "f:6:3");
    let toml = read(Toml, "\"ü\" = 1\r\n[t]\r\nx.y = 'é' # c\r\n");
    assert_eq!(place(&toml, "ü"), ("f:1:7".into(), 1));
    assert_eq!(place(&toml, "t"), ("f:2:1".into(), 3));
    assert_eq!(place(&toml, "t.x.y"), ("f:3:7".into(), 3));
    let json = read(Json, "{\"ü\": 1,\r\n \"b\": [\"é\\n\"]}");
    assert_eq!(place(&json, "ü"), ("f:1:7".into(), 1));
    assert_eq!(place(&json, "b.0"), ("f:2:8".into(), 5));
    for (node, key, at) in [(&yaml, "b", "f:2:1"), (&toml, "t", "f:2:2"), (&json, "b", "f:2:2")] {
        let origin = node.child(key).and_then(Node::key_origin).expect("a key");
        assert_eq!(
            (origin.to_string().as_str(), origin.span.expect("parsed").width),
            (at, if key == "b" && at == "f:2:2" { 3 } else { 1 })
        );
    }
}

#[test]
fn keys_keep_the_order_of_the_document() {
    let texts = [
        (Yaml, "z: 1\na: 2\nm: {y: 1, b: 2}\n"),
        (Toml, "z = 1\na = 2\n[m]\ny = 1\nb = 2\n"),
        (Json, r#"{"z": 1, "a": 2, "m": {"y": 1, "b": 2}}"#),
    ];
    for (format, text) in texts {
        let node = read(format, text);
        let map = node.as_map().expect("a map");
        assert_eq!(map.keys().collect::<Vec<_>>(), ["z", "a", "m"], "{format}");
        let inner = map["m"].as_map().expect("a map");
        assert_eq!(inner.keys().collect::<Vec<_>>(), ["y", "b"], "{format}");
    }
}

#[test]
fn duplicate_keys_name_both_places() {
    let message =
        |at: &str, first: &str| format!("f:{at}: duplicate key \"a\", first at f:{first}");
    assert_eq!(error(Yaml, "a: 1\nb: 2\na: 3\n"), message("3:1", "1:1"));
    assert_eq!(error(Yaml, "x: {a: 1, \"a\": 2}"), message("1:11", "1:5"));
    assert_eq!(error(Json, "{\"a\": 1,\n\"\\u0061\": 2}"), message("2:1", "1:2"));
    assert_eq!(error(Toml, "a = 1\n'a' = 2\n"), message("2:1", "1:1"));
    assert_eq!(error(Toml, "[x]\n[y]\na = 1\nb = 1\na = 2\n"), message("5:1", "3:1"));
    assert_eq!(error(Toml, "[[x]]\na = { a = 1, a = 2 }\n"), message("2:14", "2:7"));
    assert_eq!(error(Toml, "[x.a]\n[b]\n[x.a]\n"), message("3:4", "1:4"));
}

#[test]
fn all_duplicates_are_reported() {
    assert_eq!(errors(Yaml, "a: 1\na: 2\nb: {c: 1, c: 2}\na: 3\n").len(), 3);
    assert_eq!(errors(Json, r#"{"a": 1, "a": 2, "a": 3}"#).len(), 2);
    assert_eq!(errors(Toml, "a = 1\na = 2\nb = 1\nb = 2\n").len(), 2);
}

#[test]
fn yaml_scalars_follow_the_core_schema() {
    let node =
        read(Yaml, "[no, off, 0o644, 0644, 1.10, '1', ~, !!str 1, !!float 1, !!int 0x10, ! 7]");
    assert_eq!(node.to_json(), json!(["no", "off", 420, 644, 1.1, "1", null, "1", 1.0, 16, "7"]));
}

#[test]
fn numbers_that_json_cannot_hold_are_errors() {
    for (format, text) in [
        (Yaml, "a: 1e999"),
        (Yaml, "a: .inf"),
        (Yaml, "a: -.INF"),
        (Yaml, "a: .nan"),
        (Yaml, "a: 18446744073709551616"),
        (Yaml, "a: 0x1ffffffffffffffff"),
        (Yaml, "a: !!float .inf"),
        (Toml, "a = inf"),
        (Toml, "a = -nan"),
        (Json, r#"{"a": 1e999}"#),
        (Json, r#"{"a": -9223372036854775809}"#),
        (Json, r#"{"a": 340282366920938463463374607431768211456}"#),
    ] {
        let error = error(format, text);
        assert!(error.starts_with("f:1:"), "{error}");
        let known = ["integer does not fit", "number is too large", "infinity and not-a-number"];
        assert!(known.iter().any(|k| error.contains(k)), "{text}: {error}");
    }
    assert!(!error(Yaml, "pin: 99999999999999999999").contains("9999"));
    assert!(parse(Toml, "f", "a = 1e999").is_err());
    assert!(parse(Toml, "f", "a = 99999999999999999999").is_err());
    assert_eq!(read(Yaml, "18446744073709551615").to_json(), json!(u64::MAX));
}

#[test]
fn yaml_keys_are_strings() {
    let problems = errors(Yaml, "80: a\ntrue: b\n~: c\n[x]: d\n? {y: 1}\n: e\nok: 1\n1.5: f\n");
    assert_eq!(
        problems,
        [
            "f:1:1: key is an integer: keys are strings",
            "f:2:1: key is a boolean: keys are strings",
            "f:3:1: key is null: keys are strings",
            "f:4:1: key is a list: keys are strings",
            "f:5:3: key is a map: keys are strings",
            "f:8:1: key is a number: keys are strings",
        ]
    );
    assert_eq!(read(Yaml, "no: 1\n'80': 2").to_json(), json!({"no": 1, "80": 2}));
}

#[test]
fn yaml_merge_keys() {
    let text = "\
base: &base {a: 1, b: 1}
more: &more {b: 2, c: 2}
one: {<<: *base, b: 9}
two:
  <<: [*base, *more]
  d: 3
\"<<\": text
";
    let node = read(Yaml, text).to_json();
    assert_eq!(node["one"], json!({"a": 1, "b": 9}));
    assert_eq!(node["two"], json!({"a": 1, "b": 1, "c": 2, "d": 3}));
    assert_eq!(node["<<"], "text");
    assert_eq!(error(Yaml, "a: {<<: 1}"), "f:1:9: `<<` needs a map or a list of maps");
    assert_eq!(error(Yaml, "a: {<<: [{}, 1]}"), "f:1:9: `<<` needs a map or a list of maps");
}

#[test]
fn yaml_aliases_stand_where_they_are_used() {
    let node =
        read(Yaml, "a: &x {b: 1}\nc: *x\n&k d: *k\n*k : e\n".replace("*k : e\n", "").as_str());
    assert_eq!(node.to_json(), json!({"a": {"b": 1}, "c": {"b": 1}, "d": "d"}));
    assert_eq!(place(&node, "c").0, "f:2:4");
    assert_eq!(place(&node, "c.b").0, "f:1:11");
}

#[test]
fn yaml_is_one_document() {
    assert_eq!(error(Yaml, "a: 1\n---\nb: 2\n"), "f:2:1: second YAML document: one is expected");
    assert_eq!(read(Yaml, "---\na: 1\n...\n").to_json(), json!({"a": 1}));
    for empty in ["", "# nothing\n", "---\n", "\u{feff}"] {
        assert_eq!(read(Yaml, empty).data, Data::Null, "{empty:?}");
    }
}

#[test]
fn yaml_tags_of_others_are_refused() {
    assert_eq!(error(Yaml, "a: !vault x"), "f:1:4: tag `!vault` is not supported");
    assert_eq!(error(Yaml, "a: !!binary eA=="), "f:1:4: tag `!!binary` is not supported here");
    assert_eq!(error(Yaml, "a: !!int x"), "f:1:4: value does not fit its tag `!!int`");
    assert!(error(Yaml, "a: !!set {b}").contains("`!!set`"));
    assert!(error(Yaml, "a: !x [1]").contains("`!x`"));
    assert_eq!(read(Yaml, "a: !!map {b: !!seq []}").to_json(), json!({"a": {"b": []}}));
}

#[test]
fn syntax_errors_have_their_place() {
    let starts = |format, text: &str, place: &str| {
        let errors = errors(format, text);
        assert!(errors[0].starts_with(place), "{text:?}: {errors:?}");
    };
    starts(Yaml, "a: 1\n\tb: 2\n", "f:1:4: while scanning a plain scalar, found a tab");
    starts(Yaml, "a: 1\nb: [1, 2\n", "f:3:");
    starts(Yaml, "a: *nowhere\n", "f:1:4: ");
    starts(Yaml, "a: 'x\n", "f:");
    starts(Yaml, "a: b: c\n", "f:1:");
    starts(Toml, "a = 1\nb = \n", "f:2:");
    starts(Toml, "ü = 1\n", "f:1:1: ");
    starts(Json, "{\"a\": 1,}", "f:1:8: trailing commas are not allowed");
    starts(Json, "{\"a\": 1} // x", "f:1:10: comments are not allowed");
    starts(Json, "", "f:1:1: text is empty");
}

#[test]
fn toml_reports_every_syntax_error() {
    assert_eq!(errors(Toml, "a = \nb = 1\nc = ]\n").len(), 2);
}

#[test]
fn json_is_strict() {
    for text in [
        "{'a': 1}",
        "{a: 1}",
        "[1,]",
        "[,]",
        "[1 2]",
        "{\"a\" 1}",
        "{\"a\": }",
        "[01]",
        "[+1]",
        "[.5]",
        "[1.]",
        "[0x1]",
        "[NaN]",
        "[-Infinity]",
        "[1] [2]",
        "[1",
        "{\"a\": 1",
        "/* */ 1",
        "\"\\x41\"",
        "\"\\ud800\"",
        "\"tab\tinside\"",
        "\"line\ninside\"",
        "\u{b}1",
        "\u{a0}1",
        "[1e]",
        "nul",
        "tru",
        "\"\\q\"",
        "]",
        "\"\\",
    ] {
        assert!(parse(Json, "f", text).is_err(), "{text}");
    }
    assert_eq!(
        error(Json, "{\"ü\": \"a\tb\"}").split(" in ").next(),
        Some("f:1:9: control characters")
    );
}

#[test]
fn nul_is_refused_however_it_is_written() {
    assert_eq!(error(Yaml, "a: b\0"), "f:1:5: text holds a NUL character");
    for (format, text) in [
        (Yaml, r#"a: "x\0""#),
        (Json, r#"{"a": "\u0000"}"#),
        (Json, r#"{"\u0000": 1}"#),
        (Toml, r#"a = "\u0000""#),
        (Toml, r#""\u0000" = 1"#),
    ] {
        assert!(error(format, text).ends_with("string holds a NUL character"), "{text}");
    }
    assert!(parse(Yaml, "f", r#""\0": 1"#).is_err());
}

#[test]
fn a_byte_order_mark_is_ignored_at_the_start() {
    for (format, text) in [(Yaml, "a: 1"), (Toml, "a = 1"), (Json, "{\"a\": 1}")] {
        assert_eq!(read(format, &format!("\u{feff}{text}")).to_json(), json!({"a": 1}), "{format}");
    }
    assert_eq!(place(&read(Yaml, "\u{feff}a: 1"), "a").0, "f:1:4");
    for (format, text) in [(Yaml, "a: 1"), (Toml, "a = 1"), (Json, "{\"a\": 1}")] {
        let twice = error(format, &format!("\u{feff}\u{feff}{text}"));
        assert_eq!(twice, "f:1:1: text starts with a second byte order mark");
    }
}

#[test]
fn depth_is_bounded() {
    let nested = |open: &str, middle: &str, close: &str, levels: usize| {
        format!("{}{middle}{}", open.repeat(levels), close.repeat(levels))
    };
    let deep = "nested more than 128 levels deep";
    for levels in [129, 100_000] {
        for (format, open, close) in [
            (Yaml, "[", "]"),
            (Yaml, "- ", ""),
            (Yaml, "{a: ", "}"),
            (Yaml, "? ", ""),
            (Json, "[", "]"),
            (Json, "{\"a\":", "}"),
        ] {
            let error = error(format, &nested(open, "1", close, levels));
            assert!(error.ends_with(deep), "{format} {open}: {error}");
        }
        assert!(parse(Toml, "f", &format!("a = {}", nested("[", "1", "]", levels))).is_err());
        assert!(parse(Toml, "f", &format!("a{} = 1", ".a".repeat(levels))).is_err());
        assert!(parse(Toml, "f", &format!("[a{}]", ".a".repeat(levels))).is_err());
    }
    let fits = read(Json, &nested("[", "1", "]", MAX_DEPTH));
    assert_eq!(fits.height(), MAX_DEPTH);
    assert_eq!(read(Yaml, &nested("- ", "1", "", MAX_DEPTH)).height(), MAX_DEPTH);
}

#[test]
fn aliases_cannot_nest_deeper_than_the_text() {
    let mut text = format!("a0: &a0 {}1{}\n", "[".repeat(60), "]".repeat(60));
    text += &format!("a1: &a1 {}*a0{}\n", "[".repeat(60), "]".repeat(60));
    assert_eq!(read(Yaml, &text).height(), 121);
    text += &format!("a2: {}*a1{}\n", "[".repeat(60), "]".repeat(60));
    assert!(error(Yaml, &text).ends_with("nested more than 128 levels deep"));
}

#[test]
fn alias_bombs_are_refused() {
    let mut lists = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    let mut maps = "a0: &a0 {x: 1}\n".to_owned();
    for level in 1..30 {
        let below = level - 1;
        let aliases = vec![format!("*a{below}"); 9].join(", ");
        lists += &format!("a{level}: &a{level} [{aliases}]\n");
        maps += &format!("a{level}: &a{level} {{a: *a{below}, b: *a{below}, c: *a{below}}}\n");
    }
    for text in [lists, maps] {
        assert!(error(Yaml, &text).ends_with("anchors and aliases copy more than 100000 values"));
    }
}

#[test]
fn anchors_inside_anchors_are_bounded() {
    let anchors: String = (0..100).map(|n| format!("&a{n} [")).collect();
    let text = format!("{anchors}{}*a0{}", "1, ".repeat(5_000), "]".repeat(100));
    assert!(parse(Yaml, "f", &text).is_err());
}

#[test]
fn a_value_cannot_hold_itself() {
    let message = "alias stands inside the value that it refers to";
    assert_eq!(error(Yaml, "a: &a [*a]"), format!("f:1:8: {message}"));
    assert!(error(Yaml, "&a {b: {c: *a}}").ends_with(message));
    assert!(error(Yaml, "&a {<<: *a}").ends_with(message));
}

#[test]
fn sizes_are_bounded() {
    let long = "x".repeat(MAX_TEXT + 1);
    for format in [Yaml, Toml, Json] {
        assert!(error(format, &long).contains("16777216 at most"));
    }
    let many = format!("[{}0]", "0,".repeat(MAX_NODES));
    for format in [Yaml, Json] {
        assert!(error(format, &many).ends_with("more than 1000000 values"), "{format}");
    }
    let text = format!("\"{}\"", ",".repeat(MAX_NODES));
    assert!(parse(Json, "f", &text).is_ok());
}

#[test]
fn dotted_keys_and_brackets_nest_together() {
    let dots = vec!["a"; 79].join(".");
    let text = format!("x = {}1{}", format!("{{{dots} = ").repeat(60), "}".repeat(60));
    let message = error(Toml, &text);
    assert!(message.ends_with("nested more than 128 levels deep"), "{message}");
}

#[test]
fn one_long_line_is_read_in_linear_time() {
    let many = format!("[{}0]", "\"abcdef\",".repeat(100_000));
    for format in [Yaml, Json] {
        let node = read(format, &many);
        assert_eq!(place(&node, "99999").0, "f:1:899993", "{format}");
    }
}

#[test]
fn json_values_become_nodes() {
    let value = json!({"a": [1, 2.5, null, true, "x"], "b": u64::MAX});
    let origin = Origin::of_source("environment");
    let node = Node::from_json(&value, &origin).expect("fits");
    assert_eq!(node.to_json(), value);
    assert_eq!(node.child("b").map(|n| n.origin.to_string()).as_deref(), Some("environment"));
    assert!(Node::from_json(&json!(["\0"]), &origin).is_err());
}
