//! Random documents with comments in them, edited at random.

use proptest::prelude::*;
use proptest::sample::{Index, select};

use super::*;
use crate::config::node::Origin;
use crate::config::{emit, parse};

fn text() -> impl Strategy<Value = String> {
    let awkward = select(vec![
        "no",
        "1.10",
        "0x1f",
        "~",
        "",
        " x ",
        "a: b",
        "x #y",
        "- x",
        "*x",
        "'",
        "\"",
        "\\",
        "{",
        "[]",
        ",",
        "é",
        "日本",
        "<<",
        "null",
        "#",
        "a.b",
        "0",
        "%",
        "!x",
        "|",
        "\u{85}",
        "\t",
        "\u{1f600}",
    ]);
    prop_oneof![3 => "[a-z]{1,4}", 2 => awkward.prop_map(str::to_owned)]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e6..1e6).prop_map(|n: f64| Value::from(n)),
        text().prop_map(Value::from),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from), map(inner),]
    })
}

fn map(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::btree_map(text(), inner, 0..5)
        .prop_map(|map| Value::Object(map.into_iter().collect()))
}

fn format() -> impl Strategy<Value = Format> {
    select(vec![Format::Yaml, Format::Toml, Format::Json])
}

/// Where comments and blank lines go, line by line; and whether lines end as on Windows.
type Noise = (Vec<u8>, bool);

fn noise() -> impl Strategy<Value = Noise> {
    (prop::collection::vec(0u8..6, 1..20), any::<bool>())
}

fn written(format: Format, value: &Value, (noise, windows): &Noise) -> String {
    let node = Node::from_json(value, &Origin::of_source("f")).expect("a value");
    let plain = emit(&node, format).expect("a text");
    let mut text = String::new();
    for (number, line) in plain.lines().enumerate() {
        let indent = &line[..line.len() - line.trim_start().len()];
        let above = match noise[number % noise.len()] {
            0 if format != Format::Json => format!("{indent}# c{number}\n"),
            1 => "\n".to_owned(),
            2 if format != Format::Json => format!("\n# d{number}\n{indent}# e{number}\n"),
            _ => String::new(),
        };
        let behind = match noise[number % noise.len()] {
            3 if format != Format::Json => format!(" # t{number}"),
            _ => String::new(),
        };
        text += &format!("{above}{line}{behind}\n");
    }
    if *windows { text.replace('\n', "\r\n") } else { text }
}

fn read(format: Format, text: &str) -> Value {
    parse(format, "f", text).unwrap_or_else(|e| panic!("{text}: {e:?}")).to_json()
}

/// Returns the path of every value in `value` but itself.
fn paths(value: &Value, path: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    let children: Vec<(String, &Value)> = match value {
        Value::Array(list) => list.iter().enumerate().map(|(n, v)| (n.to_string(), v)).collect(),
        Value::Object(map) => map.iter().map(|(k, v)| (k.clone(), v)).collect(),
        _ => Vec::new(),
    };
    for (segment, child) in children {
        path.push(segment);
        found.push(path.clone());
        paths(child, path, found);
        path.pop();
    }
}

fn all_paths(value: &Value) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    paths(value, &mut Vec::new(), &mut found);
    found
}

fn at_mut<'v>(value: &'v mut Value, path: &[String]) -> &'v mut Value {
    path.iter().fold(value, |value, segment| match value {
        Value::Array(list) => &mut list[segment.parse::<usize>().expect("an index")],
        other => &mut other[segment.as_str()],
    })
}

fn dotted(path: &[String]) -> String {
    crate::config::key::join(path.iter().map(String::as_str))
}

/// Tells how many of `lines` are missing from `text`, in order.
fn missing(lines: &str, text: &str) -> usize {
    similar::TextDiff::from_lines(lines, text)
        .iter_all_changes()
        .filter(|change| change.tag() == similar::ChangeTag::Delete)
        .count()
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 256,
        max_global_rejects: 100_000,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_scalar_set_over_a_scalar_changes_its_line_alone(
        doc in map(value()), format in format(), noise in noise(), new in scalar(), at in any::<Index>(),
    ) {
        let text = written(format, &doc, &noise);
        let mut doc = read(format, &text);
        let mut scalars = all_paths(&doc);
        scalars.retain(|path| !matches!(at_mut(&mut doc, path), Value::Array(_) | Value::Object(_)));
        prop_assume!(!scalars.is_empty());
        let path = &scalars[at.index(scalars.len())];
        let old = at_mut(&mut doc, path).clone();
        let edited = set(format, "f", &text, &dotted(path), &new);
        let edited = edited.unwrap_or_else(|e| panic!("{path:?} in\n{text}\n{e}"));
        prop_assert!(missing(&text, &edited) <= 1, "{path:?}\n{text}\n{edited}");
        prop_assert!(missing(&edited, &text) <= 1, "{path:?}\n{text}\n{edited}");
        let back = set(format, "f", &edited, &dotted(path), &old).expect("set back");
        let quoted = new.is_string();
        *at_mut(&mut doc, path) = new;
        prop_assert_eq!(read(format, &edited), doc, "{}", edited);
        if !quoted {
            prop_assert_eq!(back, text, "{:?} {}", path, edited);
        }
    }

    #[test]
    fn a_new_key_leaves_every_line_and_goes_again(
        doc in map(value()), format in format(), noise in noise(), new in value(), name in "z[a-z]{3}",
        at in any::<Index>(),
    ) {
        let text = written(format, &doc, &noise);
        let mut doc = read(format, &text);
        let mut maps = all_paths(&doc);
        maps.push(Vec::new());
        maps.retain(|path| matches!(at_mut(&mut doc, path), Value::Object(_)));
        let mut path = maps[at.index(maps.len())].clone();
        let was_empty = at_mut(&mut doc, &path).as_object().is_some_and(serde_json::Map::is_empty);
        path.push(name);
        let edited = set(format, "f", &text, &dotted(&path), &new);
        let edited = edited.unwrap_or_else(|e| panic!("{path:?} {new} in\n{text}\n{e}"));
        let changed = missing(&text, &edited);
        prop_assert!(changed <= 1 && (changed == 0 || was_empty || format != Format::Yaml || text.contains(['{', '['])),
            "{path:?}\n{text}\n{edited}");
        let gone = remove(format, "f", &edited, &dotted(&path));
        let gone = gone.unwrap_or_else(|e| panic!("{path:?} in\n{edited}\n{e}"));
        prop_assert_eq!(read(format, &gone), doc.clone());
        at_mut(&mut doc, &path[..path.len() - 1])[path.last().expect("a name")] = new;
        prop_assert_eq!(read(format, &edited), doc);
        if !was_empty && format != Format::Toml {
            prop_assert_eq!(gone, text, "{:?} {}", path, edited);
        }
    }

    #[test]
    fn removing_changes_nothing_else(
        doc in map(value()), format in format(), noise in noise(), at in any::<Index>(),
    ) {
        let text = written(format, &doc, &noise);
        let mut doc = read(format, &text);
        let all = all_paths(&doc);
        prop_assume!(!all.is_empty());
        let path = &all[at.index(all.len())];
        let edited = remove(format, "f", &text, &dotted(path));
        let edited = edited.unwrap_or_else(|e| panic!("{path:?} in\n{text}\n{e}"));
        let (last, parents) = path.split_last().expect("not the root");
        match at_mut(&mut doc, parents) {
            Value::Array(list) => drop(list.remove(last.parse().expect("an index"))),
            other => drop(other.as_object_mut().expect("a map").remove(last)),
        }
        prop_assert_eq!(read(format, &edited), doc);
        prop_assert!(missing(&edited, &text) <= 2, "{path:?}\n{text}\n{edited}");
    }

    #[test]
    fn renaming_there_and_back_loses_no_comment(
        doc in map(value()), format in format(), noise in noise(), from in any::<Index>(),
        under in any::<Index>(),
    ) {
        let text = written(format, &doc, &noise);
        let mut doc = read(format, &text);
        let mut maps = all_paths(&doc);
        maps.retain(|path| matches!(at_mut(&mut doc, path), Value::Object(_)));
        maps.push(Vec::new());
        let all = all_paths(&doc);
        prop_assume!(!all.is_empty());
        let from = &all[from.index(all.len())];
        let mut to = maps[under.index(maps.len())].clone();
        let through_list = (0..from.len()).any(|n| at_mut(&mut doc, &from[..n]).is_array());
        prop_assume!(!to.starts_with(from) && !through_list);
        to.push("zzz".to_owned());
        let value = at_mut(&mut doc, from).clone();
        let edited = rename(format, "f", &text, &dotted(from), &dotted(&to));
        let edited = edited.unwrap_or_else(|e| panic!("{from:?} {to:?} in\n{text}\n{e}"));
        let (last, parents) = from.split_last().expect("not the root");
        at_mut(&mut doc, parents).as_object_mut().expect("a map").remove(last);
        at_mut(&mut doc, &to[..to.len() - 1])["zzz"] = value;
        prop_assert_eq!(read(format, &edited), doc);
        if from.len() == to.len() && from[..from.len() - 1] == to[..to.len() - 1] {
            let back = rename(format, "f", &edited, &dotted(&to), &dotted(from)).expect("back");
            prop_assert_eq!(back, text, "{}", edited);
        }
    }

    #[test]
    fn any_value_can_be_set_over_any_other(
        doc in map(value()), format in format(), noise in noise(), new in value(), at in any::<Index>(),
    ) {
        let text = written(format, &doc, &noise);
        let mut doc = read(format, &text);
        let all = all_paths(&doc);
        prop_assume!(!all.is_empty());
        let path = &all[at.index(all.len())];
        match set(format, "f", &text, &dotted(path), &new) {
            Ok(edited) => {
                *at_mut(&mut doc, path) = new;
                prop_assert_eq!(read(format, &edited), doc, "{}", edited);
            }
            Err(error) if format == Format::Toml => {
                prop_assert!(error.message.contains("its elements are tables"), "{}\n{}", error, text);
            }
            Err(error) => panic!("{path:?} {new} in\n{text}\n{error}"),
        }
    }
}

/// Texts that few people write, and that may not parse.
fn odd(format: Format) -> impl Strategy<Value = String> {
    let pieces: &[&str] = match format {
        Format::Yaml => &[
            "a",
            "b",
            ": ",
            ":",
            "- ",
            "\n",
            "\n  ",
            "\r\n",
            " # c\n",
            "{",
            "}",
            "[",
            "]",
            ", ",
            "? ",
            "&x ",
            "*x",
            "!!str ",
            "|\n  t\n",
            ">-\n\n   t\n",
            "'q'",
            "\"q\"",
            "<<: *x\n",
            "---\n",
            "...\n",
            "é",
            "a: 1\n",
            "b:\n- a: 2\n",
            "  c: 3\n",
            "\t",
            "|+\n\n",
            "~",
            "a: &x\n  b: 1\n",
            "\u{feff}",
        ],
        Format::Toml => &[
            "a",
            "b",
            " = ",
            "= ",
            ".",
            "\n",
            "\r\n",
            " # c\n",
            "{ ",
            " }",
            "[",
            "]",
            ",",
            "[[a]]\n",
            "[a.b]\n",
            "[b]\n",
            "'q'",
            "\"é\"",
            "1",
            "a = 1\n",
            "b.c = 2\n",
            "\"\"\"\nx\"\"\"",
            "a.b.c = {d.e = 1}\n",
            "  ",
            "b = [ # c\n 1,\n]\n",
            "\u{feff}",
        ],
        Format::Json | Format::Env => &[
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"b\"",
            "1",
            "\n",
            "  ",
            "\"\\u0061\"",
            "\"a\": {",
            "null",
            "\"b\": [1,\n2]",
            "{}",
            "\u{feff}",
            "\r\n",
        ],
    };
    prop::collection::vec(select(pieces), 0..14).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn odd_texts_are_edited_as_asked_or_refused(
        (format, text) in format().prop_flat_map(|format| (Just(format), odd(format))),
        key in select(vec!["a", "b", "a.b", "b.c", "b.0", "a.0.a", "b.c.d", "c"]),
        new in value(),
    ) {
        if let Ok(edited) = set(format, "f", &text, key, &new) {
            let value = read(format, &edited);
            let pointer = format!("/{}", key.replace('.', "/"));
            prop_assert_eq!(value.pointer(&pointer), Some(&new), "{:?} {:?}", text, edited);
            let twice = set(format, "f", &edited, key, &new);
            prop_assert_eq!(twice.as_deref(), Ok(edited.as_str()));
        }
        if let Ok(edited) = remove(format, "f", &text, key) {
            let again = remove(format, "f", &edited, key);
            prop_assert!(again.is_err() || key.contains('0'), "{text:?} {edited:?}");
        }
        if let Ok(edited) = rename(format, "f", &text, key, "n.m") {
            prop_assert!(read(format, &edited).pointer("/n/m").is_some());
        }
    }
}
