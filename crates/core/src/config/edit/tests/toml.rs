use super::*;

#[test]
fn values_are_replaced_where_they_are() {
    check(
        Format::Toml,
        &[
            ("a = 1 # one\nb = 2\n", "a=x", "a = \"x\" # one\nb = 2\n"),
            ("a = 'x'\r\nb = 2", "a=y", "a = 'y'\r\nb = 2"),
            ("a = 'x'\n", "a=it's", "a = \"it's\"\n"),
            ("[t]\n  k = [1, 2] # c\n", "t.k.1=5", "[t]\n  k = [1, 5] # c\n"),
            ("t = { a = 1, b.c = 2 }\n", "t.b.c=3", "t = { a = 1, b.c = 3 }\n"),
            ("a = 1979-05-27\n", "a=x", "a = \"x\"\n"),
            ("a = \"\"\"\nx\n\"\"\"\nb = 1\n", "a=1", "a = 1\nb = 1\n"),
            ("\u{feff}a = 1\n", "a=2", "\u{feff}a = 2\n"),
        ],
    );
}

#[test]
fn new_keys_go_below_their_table() {
    check(
        Format::Toml,
        &[
            ("", "a=1", "a = 1\n"),
            ("# only\n", "a=1", "# only\na = 1\n"),
            ("a = 1", "b=2", "a = 1\nb = 2"),
            ("[t]\na = 1\n\n# u\n[u]\n", "t.b=2", "[t]\na = 1\nb = 2\n\n# u\n[u]\n"),
            ("[t]\r\n  a = 1\r\n[u]\r\n", "t.b=2", "[t]\r\n  a = 1\r\n  b = 2\r\n[u]\r\n"),
            ("# t\n[t]\na = 1\n", "x=2", "x = 2\n\n# t\n[t]\na = 1\n"),
            ("# head\n\n[t]\n", "x=2", "# head\n\nx = 2\n\n[t]\n"),
            ("a = 1\n", "t.k.x=2", "a = 1\n\n[t.k]\nx = 2\n"),
            ("a.b = 1\nc = 2\n", "a.d=3", "a.b = 1\na.d = 3\nc = 2\n"),
            ("a.b = 1\nc = 2\n", "a.d.e=3", "a.b = 1\na.d.e = 3\nc = 2\n"),
            ("[t.a]\nx = 1\n\n[u]\n", "t.y=2", "[t.a]\nx = 1\n\n[t]\ny = 2\n\n[u]\n"),
            ("[t]\nx = 1\n\n[u]\n", "t.n.y=2", "[t]\nx = 1\n\n[t.n]\ny = 2\n\n[u]\n"),
            ("t = {}\n", "t.a=1", "t = { a = 1 }\n"),
            ("t = { a = 1 }\n", "t.b.c=1", "t = { a = 1, b = { c = 1 } }\n"),
            (
                "t = [\n  1, # one\n  2 # two\n]\n",
                "t.2=3",
                "t = [\n  1, # one\n  2, # two\n  3\n]\n",
            ),
            ("t = [\n  1,\n]\n", "t.1=2", "t = [\n  1,\n  2,\n]\n"),
        ],
    );
}

#[test]
fn lists_of_tables_keep_their_form() {
    let text = "[[l]]\nn = 1\n\n[[l]]\nn = 2\n[l.s]\nx = 1\n\n[z]\n";
    check(
        Format::Toml,
        &[
            (text, "l.0.m=5", "[[l]]\nn = 1\nm = 5\n\n[[l]]\nn = 2\n[l.s]\nx = 1\n\n[z]\n"),
            (
                text,
                "l.0.s.x=5",
                "[[l]]\nn = 1\n\n[l.s]\nx = 5\n\n[[l]]\nn = 2\n[l.s]\nx = 1\n\n[z]\n",
            ),
            (
                text,
                "l.2={\"n\":3}",
                "[[l]]\nn = 1\n\n[[l]]\nn = 2\n[l.s]\nx = 1\n\n[[l]]\nn = 3\n\n[z]\n",
            ),
            (text, "-l.0", "[[l]]\nn = 2\n[l.s]\nx = 1\n\n[z]\n"),
            (text, "-l.1", "[[l]]\nn = 1\n\n[z]\n"),
            (text, "-l", "[z]\n"),
            ("[[l]]\nn = 1\n", "-l.0", "l = []\n"),
        ],
    );
    assert!(error(Format::Toml, text, "l.2=3").contains("its elements are tables"));
}

#[test]
fn removing_takes_the_comments_above() {
    check(
        Format::Toml,
        &[
            ("# a\n\n# b\nb = 1 # c\n# d\nd = 1\n", "-b", "# a\n\n# d\nd = 1\n"),
            ("a = 1\nb = 2", "-b", "a = 1"),
            ("[a]\nx = 1\n\n# t\n[t]\ny = 1\n\n[z]\n", "-t", "[a]\nx = 1\n\n[z]\n"),
            ("[a]\nx = 1\n\n[t]\ny = 1\n", "-t", "[a]\nx = 1\n"),
            ("[t.a]\nx = 1\n[u]\n[t.b]\n", "-t", "[u]\n"),
            ("[t.a]\nx = 1\n", "-t.a", "[t]\n"),
            ("t.a = 1\nu = 2\n", "-t.a", "u = 2\n\n[t]\n"),
            ("t = { a = 1, b = 2 }\n", "-t.a", "t = { b = 2 }\n"),
            ("t = { a = 1, b = 2 }\n", "-t.b", "t = { a = 1 }\n"),
            ("t = [\n  1,\n  # two\n  2,\n]\n", "-t.1", "t = [\n  1,\n]\n"),
        ],
    );
}

#[test]
fn tables_and_values_take_each_others_place() {
    check(
        Format::Toml,
        &[
            ("[t]\na = 1\n\n[u]\n", "t=5", "t = 5\n\n[u]\n"),
            ("t = 5\n[u]\n", "t={\"a\":1}", "t = { a = 1 }\n[u]\n"),
            ("[t]\na = 1 # c\nb = 2\n", "t={\"a\":1,\"c\":3}", "[t]\na = 1 # c\nc = 3\n"),
        ],
    );
}

#[test]
fn renames_keep_what_is_written() {
    check(
        Format::Toml,
        &[
            ("# c\na = 0x1f # d\nb = 1\n", "a > c", "# c\nc = 0x1f # d\nb = 1\n"),
            ("[a.b]\nx = 1\n# z\n[a.b.c]\n", "a.b > a.d", "[a.d]\nx = 1\n# z\n[a.d.c]\n"),
            ("[a.b]\nx = 1 # c\n", "a.b > n.m.o", "[n.m.o]\nx = 1 # c\n\n[a]\n"),
            ("# x\nx = 1_0 # c\n[t]\ny = 1\n", "x > t.z", "[t]\ny = 1\n# x\nz = 1_0 # c\n"),
            ("[t]\na.b = 1 # c\nd = 2\n", "t.a.b > t.e", "[t]\ne = 1 # c\nd = 2\n\n[t.a]\n"),
            ("[t]\na = 1 # c\n", "t.a > t.b.c", "[t]\nb.c = 1 # c\n"),
            (
                "[[l]]\na = 1 # c\n[[l]]\na = 2\n",
                "l.1.a > l.1.b",
                "[[l]]\na = 1 # c\n[[l]]\nb = 2\n",
            ),
            ("t = { a = 1, b = 2 }\n", "t.a > t.\"x y\"", "t = { \"x y\" = 1, b = 2 }\n"),
            ("t = { a = 0x1, b = 2 }\n", "t.a > c", "t = { b = 2 }\nc = 0x1\n"),
        ],
    );
}

#[test]
fn what_toml_cannot_write_is_refused() {
    assert_eq!(error(Format::Toml, "a = 1\n", "a=null"), "f: cannot change `a`: TOML has no null");
    let large = error(Format::Toml, "", "a=18446744073709551615");
    assert!(large.contains("too large"), "{large}");
}

#[test]
fn a_list_of_tables_called_like_an_index_keeps_its_comment() {
    let there = rename(Format::Toml, "f", "# c\n[[0]]\n", "0", "zzz").expect("renamed");
    assert_eq!(there, "# c\n[[zzz]]\n");
    assert_eq!(rename(Format::Toml, "f", &there, "zzz", "0").expect("back"), "# c\n[[0]]\n");
}
