use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::parse_any;
use super::*;

fn both(text: &str) -> (Option<Node>, Result<Node, Vec<crate::diagnostic::Diagnostic>>) {
    let file: Arc<str> = Arc::from("f");
    (parse(&file, text), parse_any(file, text))
}

/// Asserts that both are the same in value, order, and every place. The parser's places of quoted
/// text take in the spaces and the comment after it, which is why those may be wider.
fn assert_same(text: &str, one: &Node, other: &Node) {
    let place = |node: &Node| node.origin.span.expect("parsed nodes have a place");
    assert_eq!((one.key, place(one).position), (other.key, place(other).position), "{text:?}");
    let (width, wider) = (place(one).width, place(other).width);
    assert!(width == wider || one.as_str().is_some() && width < wider, "{text:?}: {one:?}");
    match (&one.data, &other.data) {
        (Data::List(a), Data::List(b)) => {
            assert_eq!(a.len(), b.len(), "{text:?}");
            a.iter().zip(b).for_each(|(a, b)| assert_same(text, a, b));
        }
        (Data::Map(a), Data::Map(b)) => {
            assert!(a.keys().eq(b.keys()), "{text:?}: {:?}, {:?}", a.keys(), b.keys());
            a.values().zip(b.values()).for_each(|(a, b)| assert_same(text, a, b));
        }
        (a, b) => assert_eq!(a, b, "{text:?}"),
    }
}

fn assert_agrees(text: &str) {
    if let (Some(simple), whole) = both(text) {
        let whole = whole.unwrap_or_else(|errors| panic!("{text:?}: {simple:?}, but {errors:?}"));
        assert_same(text, &simple, &whole);
    }
}

const SIMPLE: &[&str] = &[
    "a: 1\n",
    "a: 1",
    "---\na: b c # d\n\n# e\nf:\n",
    "# c\n---\n- 1\n-\n- - 2\n  - x: y\n    z: 'it''s'\n-   k: v\n    l:\n    - 1\n    -\n    m: n\n",
    "a:\n- b\n- c\nd:\n  - e\n  -\n    f: g\n",
    "a: [1, 'two', {b: c, \"d\": [ ]}, -3, a:b, x#y]\ne: {}\n",
    "a: \"x\\n\\\"y\\\\\"   # c\nb: 'd' \n",
    "a: |\n  one\n   two\n\n  three\n\nb: |-\n    x\nc:\n  - |\n    y\n  - |-\n   z\n",
    "ü: [é, '日本']\nb: é # ü\n",
    "a.b: http://x:80/#y\n-c: -d\n\"e f\": ~\n'g': 0644\n",
    "a:\n  # c\n  b:\n   c:\n\n    d: 1\ne: |\n  # text\n  f\n# comment\n",
    "a: b'c\"d, [e] {f} & * ! | > % @ `\nno: yes\n",
];

#[test]
fn simple_texts_are_read_as_by_the_real_parser() {
    for text in SIMPLE {
        assert!(both(text).0.is_some(), "{text:?} is simple");
        assert_agrees(text);
    }
}

#[test]
fn everything_else_is_left_to_the_real_parser() {
    for text in [
        "",
        "a",
        "- &a b\n",
        "a: *b\n",
        "a: !!str b\n",
        "a: b\n c\n",
        "a: 'b\n  c'\n",
        "a: >\n  b\n",
        "a: |+\n  b\n\n",
        "a: |2\n   b\n",
        "? a\n: b\n",
        "a: 1\na: 2\n",
        "1: a\n",
        "<<: {a: 1}\n",
        "a:\tb\n",
        "a: 1\r\n",
        "a: 1\n---\nb: 2\n",
        "a: 1\n...\n",
        "%YAML 1.2\n---\na: 1\n",
        "[a,\n b]\n",
        "a: [b: c]\n",
        "a: [1,]\n",
        "a: {b}\n",
        "a: {b: }\n",
        "a: {\"b\":c}\n",
        "a: 1e999\n",
        "a: b: c\n",
        "a: \"\\u0041\"\n",
        "a: 'b'#c\n",
        "a: 'b' c\n",
        "a: [b] c\n",
        " a: 1\nb: 2\n",
        "a:\n  b: 1\n c: 2\n",
        "- a\nb: c\n",
        "a: 1\n- b\n",
        "a:\n  - b\n  c: d\n",
        "a: - b\n",
        "a: [-]\n",
        "a: [b #c]\n",
        "a: |\n  b",
        "a: |\n\n  b\n",
        "a: | # c\n  b\n",
        "--- a\n",
        "---x: 1\n",
        "...x: 1\n",
        "a : 1\n",
        "a\n: b\n",
        "'a' : 1\n",
        "\u{7f}: 1\n",
    ] {
        assert!(both(text).0.is_none(), "{text:?} is not simple");
    }
    assert!(both(&"- ".repeat(100)).0.is_none());
    assert!(both(&format!("{}: 1", "k".repeat(KEY + 1))).0.is_none());
}

fn pieces() -> impl Strategy<Value = String> {
    let pieces = [
        "a",
        "b",
        "key",
        ": ",
        ":",
        ":\n",
        "- ",
        "-",
        "-\n",
        "\n",
        "\n",
        "\n  ",
        "\n  ",
        "\n    ",
        "\n ",
        " ",
        "  ",
        "#",
        " # c",
        "[",
        "]",
        "{",
        "}",
        ", ",
        ",",
        "'",
        "\"",
        "'x'",
        "\"y z\"",
        "\\n",
        "\\",
        "|\n",
        "|-\n",
        ">\n",
        "|",
        "1",
        "-2",
        "1.5",
        "0x1f",
        "~",
        "null",
        "true",
        "<<",
        "*a",
        "&a ",
        "!x ",
        "?",
        "? ",
        "%",
        "@",
        "`",
        "é",
        "日本",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "\u{a0}",
        "---\n",
        "---",
        "...\n",
        "\nk: ",
        "\nl:",
        "\n- ",
        "\n  - ",
        "\n  m: ",
        "x: y",
        "\n- n: ",
        "text more",
        "http://h:1/p#f",
        "''",
        "\"\"",
        "[]",
        "{}",
        "[1, 2]",
        "{c: d}",
        "=",
        "\t",
        "\r\n",
    ];
    vec(select(pieces.to_vec()), 0..24).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn never_disagrees_with_the_real_parser(text in pieces()) {
        assert_agrees(&text);
    }

    #[test]
    fn never_disagrees_when_a_simple_text_is_changed(
        text in select(SIMPLE.to_vec()),
        at in any::<prop::sample::Index>(),
        remove in 0_usize..4,
        put in pieces(),
    ) {
        let mut characters: Vec<char> = text.chars().collect();
        let at = at.index(characters.len());
        let end = (at + remove).min(characters.len());
        let put: Vec<char> = put.chars().take(6).collect();
        characters.splice(at..end, put);
        assert_agrees(&characters.into_iter().collect::<String>());
    }
}
