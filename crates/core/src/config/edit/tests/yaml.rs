use super::*;

#[test]
fn scalars_are_replaced_where_they_are() {
    check(
        Format::Yaml,
        &[
            ("a: 1 # one\n# c\nb: 2\n", "a=5", "a: 5 # one\n# c\nb: 2\n"),
            ("a: 'x'\r\nb: \"y\"", "a=z ; b=z", "a: 'z'\r\nb: \"z\""),
            ("\u{feff}a:   x  \nb: 1\n", "a=w", "\u{feff}a:   w  \nb: 1\n"),
            ("a:\nb: 1\n", "a=2", "a: 2\nb: 1\n"),
            ("a: # c\nb: 1\n", "a=2", "a: 2 # c\nb: 1\n"),
            ("a: two\n  lines # c\nb: 1\n", "a=2", "a: 2 # c\nb: 1\n"),
            ("a:\n  below # c\nb: 1\n", "a=2", "a:\n  2 # c\nb: 1\n"),
            ("a: |- # c\n  x\n\n  y\n\n# d\nb: 1\n", "a=2", "a: 2 # c\n\n# d\nb: 1\n"),
            ("a: |\n  x\nb: 1\n", "a=y\nz\n", "a: |\n  y\n  z\nb: 1\n"),
            ("l:\n- 1 # x\n- {a: 1, b: }\n", "l.0=2 ; l.1.b=3", "l:\n- 2 # x\n- {a: 1, b: 3}\n"),
            ("a: &x !!str 1\nb: 2\n", "a=5", "a: &x 5\nb: 2\n"),
            ("{a, b: [x, ]}", "a=2 ; b.0=3", "{a: 2, b: [3, ]}"),
            ("? a\n: 1\n", "a=2", "? a\n: 2\n"),
            ("a: *x\n".replace("*x", "1").as_str(), "a=é", "a: é\n"),
            ("x: &x 1\na: *x # c\n", "a=2", "x: &x 1\na: 2 # c\n"),
        ],
    );
}

#[test]
fn strings_read_back_as_strings() {
    for text in [
        "no",
        "1.10",
        "0x1f",
        "~",
        "",
        " x",
        "a: b",
        "x #y",
        "- x",
        "*x",
        "é\u{a0}",
        "a\nb",
        "\ta",
        "a\n  b\n\n",
        "\u{1}\u{85}\u{2028}",
        "[a, b]",
        "a, b",
        "\\",
        "'",
        "\"",
        "%x",
        "---",
        "null",
        "12:30",
        "<<",
        "=",
        "!x",
        "|",
        "\r\n",
        "a\r\nb\n",
    ] {
        for before in [
            "a: 1\n",
            "a: 'x'\n",
            "a: \"x\"\n",
            "a: |\n  x\n  y\n",
            "a: [x, y]\n",
            "{a: 1}\n",
            "l:\n- a: 1\n  b: 2\n",
        ] {
            for key in ["a", "l.0.b", "n.m", "a.0"] {
                let there =
                    parse_json(before).pointer(&format!("/{}", key.replace('.', "/"))).is_some();
                if key == "a.0" && !there {
                    continue;
                }
                let set = |value: &str| set(Format::Yaml, "f", before, key, &json!(value));
                if !there && before.starts_with('l') != key.starts_with('l') && key != "n.m" {
                    continue;
                }
                let after = set(text)
                    .unwrap_or_else(|error| panic!("{text:?} at {key} in {before:?}: {error}"));
                let value = parse_json(&after);
                assert_eq!(
                    value.pointer(&format!("/{}", key.replace('.', "/"))),
                    Some(&json!(text)),
                    "{after:?}"
                );
            }
        }
    }
}

fn parse_json(text: &str) -> Value {
    crate::config::parse(Format::Yaml, "f", text).expect("parses").to_json()
}

#[test]
fn new_keys_go_to_the_end_of_their_map() {
    check(
        Format::Yaml,
        &[
            ("", "a=1", "a: 1\n"),
            ("# only\n", "a=1", "# only\na: 1\n"),
            ("# only", "a.b=1", "# only\na:\n  b: 1"),
            ("---\n", "a=1", "---\na: 1\n"),
            ("--- # c\n...\n", "a=1", "--- # c\na: 1\n...\n"),
            ("a: 1", "b=2", "a: 1\nb: 2"),
            ("a: 1\r\n", "b=2", "a: 1\r\nb: 2\r\n"),
            ("a:\n    b: 1 # c\n\nz: 1\n", "a.c=2", "a:\n    b: 1 # c\n    c: 2\n\nz: 1\n"),
            ("a:\n    b: 1\nz: 1\n", "z2.w.x=2", "a:\n    b: 1\nz: 1\nz2:\n    w:\n        x: 2\n"),
            ("a:\nz: 1\n", "a.b.c=2", "a:\n  b:\n    c: 2\nz: 1\n"),
            ("a: {} # c\nz: 1\n", "a.b=2", "a: # c\n  b: 2\nz: 1\n"),
            ("{}\n", "a=1", "a: 1\n"),
            ("  ~\n", "a=1 ; b=2", "  a: 1\n  b: 2\n"),
            ("a: {b: 1}\n", "a.c=no", "a: {b: 1, c: \"no\"}\n"),
            ("a: {b: 1,}\n", "a.c.d=2", "a: {b: 1, c: {d: 2},}\n"),
            ("{\n  a: 1,\n  b: 2 # c\n}\n", "c=3", "{\n  a: 1,\n  b: 2, # c\n  c: 3\n}\n"),
            ("l:\n- a: 1\n- b: 1\n", "l.0.c=2", "l:\n- a: 1\n  c: 2\n- b: 1\n"),
            (
                "l:\n- a: 1\n",
                "l.1={\"a\":2,\"b\":[1,2]}",
                "l:\n- a: 1\n- a: 2\n  b:\n  - 1\n  - 2\n",
            ),
            ("l:\n  - 1\n", "m=[1,{\"a\":2}]", "l:\n  - 1\nm:\n  - 1\n  - a: 2\n"),
            ("l: []\n", "l.0=x", "l:\n  - x\n"),
            ("l: [1, 2] # c\n", "l.2=3", "l: [1, 2, 3] # c\n"),
            ("a: |\n  x\n\n# c\n", "b=1", "a: |\n  x\nb: 1\n\n# c\n"),
            ("a: |+\n  x\n\n", "b=1", "a: |+\n  x\n\nb: 1\n"),
            ("a:\n  b: 1\n  # deep\n# flat\n", "c=1", "a:\n  b: 1\n  # deep\nc: 1\n# flat\n"),
            ("a: 1\n...\n", "b=2", "a: 1\nb: 2\n...\n"),
        ],
    );
}

#[test]
fn collections_and_scalars_take_each_others_place() {
    check(
        Format::Yaml,
        &[
            ("a: 1 # c\nb: 2\n", "a={\"x\":1,\"z\":[1]}", "a: # c\n  x: 1\n  z:\n    - 1\nb: 2\n"),
            ("a: # c\n  x: 1\n  y: 2 # d\nb: 2\n", "a=5", "a: 5 # c\nb: 2\n"),
            ("a:\n  x: 1\nb: 2\n", "a=[1,2]", "a:\n  - 1\n  - 2\nb: 2\n"),
            ("a:\n- x\nb: 2\n", "a={\"c\":1}", "a:\n  c: 1\nb: 2\n"),
            ("l:\n- 1\n- x: 1\n", "l.0={\"a\":1,\"b\":2} ; l.1=3", "l:\n- a: 1\n  b: 2\n- 3\n"),
            ("a: |\n  x\nb: 1\n", "a={\"c\":1}", "a:\n  c: 1\nb: 1\n"),
            ("a: {b: 1}\n", "a=[1]", "a:\n  - 1\n"),
            ("a: {b: [1, 2]}\n", "a.b={\"x\":null}", "a: {b: {x: null}}\n"),
            ("x: &a\n  b: 1\n", "x=[1]", "x: &a\n  - 1\n"),
            ("a: 1\n", "a=x\ny", "a: |-\n  x\n  y\n"),
            ("a:\n  b: 1 # keep\n  c: 2\n", "a={\"b\":1,\"d\":3}", "a:\n  b: 1 # keep\n  d: 3\n"),
            ("a: [1, 2, 3] # c\n", "a=[1,3]", "a: [1, 3] # c\n"),
        ],
    );
}

#[test]
fn removing_takes_the_comments_above() {
    check(
        Format::Yaml,
        &[
            ("# head\n\n# a\na: 1 # x\n# b\nb: 2\n", "-a", "# head\n\n# b\nb: 2\n"),
            ("a: 1\nb: 2", "-b", "a: 1"),
            (
                "a:\n  b: 1\n  # c\n  c:\n    d: 1\n    # tail\n  # e\n  e: 1\n",
                "-a.c",
                "a:\n  b: 1\n  # e\n  e: 1\n",
            ),
            ("a: # x\n  # y\n  b: 1 # z\nc: 1\n", "-a.b", "a: {} # x\nc: 1\n"),
            ("a:\n- 1\n- 2 # b\n- 3\n", "-a.1", "a:\n- 1\n- 3\n"),
            ("a:\n- 1\n", "-a.0", "a: []\n"),
            ("- a: 1\n  # b\n  b: 2\n", "-0.a", "- # b\n  b: 2\n"),
            ("- a: 1\n  b: 2\n", "-0.a", "- b: 2\n"),
            ("- - 1\n  - 2\n", "-0.0", "- - 2\n"),
            ("a: {b: 1, c: 2}\n", "-a.b", "a: {c: 2}\n"),
            ("a: [\n  1, # x\n  # two\n  2\n]\n", "-a.1", "a: [\n  1 # x\n]\n"),
            ("# h\n\na: 1\n", "-a", "# h\n\n{}\n"),
            ("a: |+\n  x\n\nb: 1\n", "-a", "b: 1\n"),
        ],
    );
}

#[test]
fn renames_keep_what_is_written() {
    check(
        Format::Yaml,
        &[
            ("# a\na: 0x1f # b\nc: 1\n", "a > b", "# a\nb: 0x1f # b\nc: 1\n"),
            ("'a': 1\n", "a > b", "'b': 1\n"),
            ("&k a: 1\n", "a > no", "&k \"no\": 1\n"),
            (
                "# a\na: # x\n  b: 1 # y\n\n  # c\n  c: |\n    text\n      more\nz:\n  y: 1\n",
                "a > z.m.a",
                "z:\n  y: 1\n  m:\n    # a\n    a: # x\n      b: 1 # y\n\n      # c\n      c: |\n        text\n          more\n",
            ),
            ("a:\n  b:\n  - 1 # x\n  c: 1\n", "a.b > b", "a:\n  c: 1\nb:\n- 1 # x\n"),
            ("a: {b: 0x1, c: 2}\n", "a.b > d", "a: {c: 2}\nd: 0x1\n"),
            ("a: {c: 2}\nb: 0x1\n", "b > a.b", "a: {c: 2, b: 0x1}\n"),
            ("a: {c: 2}\nb: # x\n  w: 1\n", "b > a.b", "a: {c: 2, b: {w: 1}}\n"),
            ("a:\n  b: 1\n", "a > a.c", "a:\n  c:\n    b: 1\n"),
            ("a:\n  b: 1\n", "a.b > c", "a: {}\nc: 1\n"),
            ("l:\n- 1\n- 2\n", "l.0 > x", "l:\n- 2\nx: 1\n"),
        ],
    );
}

#[test]
fn anchors_are_never_broken() {
    let message = |text, edits| error(Format::Yaml, text, edits);
    let shared = "a: &x\n  k: 1\nb: *x\n";
    assert_eq!(
        message(shared, "a.k=2"),
        "f:3:4: cannot change `a.k`: the alias `*x` stands for what would change"
    );
    assert_eq!(
        message(shared, "b.k=2"),
        "f:3:4: cannot change `b.k`: it is behind the alias `*x`, whose value stands elsewhere too"
    );
    assert!(message(shared, "-a").contains("the alias `*x`"));
    assert!(message(shared, "-b.k").contains("behind the alias"));
    let merged = "a: &x\n  k: {l: 1, m: 1}\nb:\n  <<: *x\n";
    assert!(message(merged, "b.k.l=2").contains("cannot change `b.k.l`"));
    assert!(message(merged, "-b.k").contains("the map under `<<`"));
    check(
        Format::Yaml,
        &[
            (shared, "b=2", "a: &x\n  k: 1\nb: 2\n"),
            (shared, "-b", "a: &x\n  k: 1\n"),
            (merged, "b.k=2", "a: &x\n  k: {l: 1, m: 1}\nb:\n  <<: *x\n  k: 2\n"),
        ],
    );
}

#[test]
fn what_the_parser_skips_does_not_mislead() {
    let error = error(Format::Yaml, "\u{feff}\u{feff}'q': 1\n", "a=1");
    assert!(error.contains("second byte order mark"), "{error}");
}
