//! Texts in any format: how they are encoded, what stands in them twice, and where two do not fit.

use crate::site::Site;

#[test]
fn fault_15_files_in_another_encoding() {
    let site = Site::deployed();
    let encoded = |order: fn(u16) -> [u8; 2], text: &str| -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    };
    for (bytes, encoding) in [
        (encoded(u16::to_le_bytes, "\u{feff}port: 1\n"), "UTF-16"),
        (encoded(u16::to_be_bytes, "\u{feff}port: 1\n"), "UTF-16"),
        (encoded(u16::to_le_bytes, "port: 1\n"), "UTF-16LE"),
        (encoded(u16::to_be_bytes, "port: 1\n"), "UTF-16BE"),
    ] {
        site.write("config/app.yaml", bytes);
        let says = format!("text is {encoding} and has to be UTF-8");
        site.refused(&[&says, "config/app.yaml:1:1", &format!("iconv -f {encoding} -t UTF-8")]);
    }
    site.write("config/app.yaml", b"port: 1\na: \xff\n");
    site.refused(&["not UTF-8 text", "config/app.yaml:2:4"]);
    let project = site.read("windlass.toml");
    site.write("windlass.toml", [project.as_bytes(), b"# \xff\n"].concat());
    site.refused_at_load(&["windlass.toml:19:3", "not UTF-8 text"]);
    site.write("windlass.toml", encoded(u16::to_le_bytes, &project));
    site.refused_at_load(&["windlass.toml:1:1", "text is UTF-16LE and has to be UTF-8"]);
}

/// Writes a layer called `name` instead of the usual one.
fn layer(site: &Site, name: &str, text: impl AsRef<[u8]>) {
    let project = site.read("windlass.toml");
    let start = project.find("layers = [").expect("there are layers");
    let end = project[start..].find(']').expect("they end") + start;
    let (before, after) = (&project[..start], &project[end..]);
    site.write("windlass.toml", format!("{before}layers = [\"config/{name}\"{after}"));
    site.write(format!("config/{name}"), text);
}

#[test]
fn fault_15_keys_that_come_twice_in_any_format() {
    let site = Site::deployed();
    for (name, text, place) in [
        ("app.yaml", "port: 1\nport: 2\n", "2:1"),
        ("app.yaml", "port: 1\n\"port\": 2\n", "2:1"),
        ("app.json", "{\"port\": 1,\n\"port\": 2}", "2:1"),
        ("app.toml", "port = 1\nport = 2\n", "2:1"),
        ("app.yaml", "a:\n  b: 1\n  c: 2\n  b: 3\n", "4:3"),
        ("app.yaml", "a: {b: 1, 'b': 2}\n", "1:11"),
        ("app.json", "{\"a\": {\"b\": 1,\n \"\\u0062\": 2}}", "2:2"),
        ("app.toml", "[a]\nb = 1\n\"b\" = 2\n", "3:1"),
        ("app.toml", "[a]\nb = 1\n[a]\nc = 1\n", "3:2"),
        ("app.env", "A=1\nB=1\nA=2\n", "3:1"),
    ] {
        layer(&site, name, text);
        site.refused(&["duplicate key", &format!("config/{name}:{place}")]);
    }
}

#[test]
fn fault_15_nul_in_any_format() {
    let site = Site::deployed();
    for (name, text, place) in [
        ("app.yaml", "port: 1\na: \"x\0y\"\n", "2:6"),
        ("app.yaml", "port: 1\na: \"x\\0y\"\n", "2:4"),
        ("app.json", "{\"a\":\n\"x\0y\"}", "2:3"),
        ("app.json", "{\"a\":\n\"x\\u0000y\"}", "2:1"),
        ("app.toml", "port = 1\na = \"x\0y\"\n", "2:7"),
        ("app.toml", "port = 1\na = \"x\\u0000y\"\n", "2:5"),
        ("app.env", "A=1\nB=x\0y\n", "2:4"),
    ] {
        layer(&site, name, text);
        site.refused(&["NUL", &format!("config/{name}:{place}")]);
    }
}

#[test]
fn fault_15_numbers_beyond_64_bits_in_any_format() {
    let site = Site::deployed();
    let (most, least) = (u64::MAX.to_string(), i64::MIN.to_string());
    for (name, text) in [
        ("app.yaml", format!("most: {most}\nleast: {least}\nport: 1\n")),
        ("app.json", format!("{{\"most\": {most}, \"least\": {least}, \"port\": 1}}")),
        ("app.toml", format!("most = {most}\nleast = {least}\nport = 1\n")),
    ] {
        layer(&site, name, text);
        let shown = site.run(&["config", "show", "dev", "--format", "json"]).success();
        assert!(shown.stdout.contains(&most) && shown.stdout.contains(&least), "{shown}");
    }
    for (name, text) in [
        ("app.yaml", "a: 18446744073709551616\n"),
        ("app.yaml", "a: -9223372036854775809\n"),
        ("app.yaml", "a: 0xffffffffffffffffff\n"),
        ("app.json", "{\"a\": 18446744073709551616}"),
        ("app.json", "{\"a\": -9223372036854775809}"),
        ("app.toml", "a = 18446744073709551616\n"),
        ("app.toml", "a = -9223372036854775809\n"),
    ] {
        layer(&site, name, text);
        site.refused(&["64", &format!("config/{name}:1:")]);
    }
}

#[test]
fn fault_15_keys_that_are_no_strings() {
    let site = Site::deployed();
    for (text, place) in [
        ("port: 1\n5: a\n", "2:1"),
        ("port: 1\ntrue: a\n", "2:1"),
        ("port: 1\n~: a\n", "2:1"),
        ("port: 1\n1.5: a\n", "2:1"),
        ("port: 1\n? [a, b]\n: c\n", "2:3"),
        ("port: 1\n? {a: b}\n: c\n", "2:3"),
    ] {
        layer(&site, "app.yaml", text);
        site.refused(&["keys are strings", &format!("config/app.yaml:{place}")]);
    }
    layer(&site, "app.yaml", "port: 1\n'5': a\n'true': b\n");
    let _ = site.deploy().success();
}

#[test]
fn fault_15_keys_with_dots_and_keys_that_are_empty() {
    let site = Site::deployed();
    for (name, text) in [
        ("app.yaml", "port: 1\na.b: dotted\n'': empty\nc: {'': {d.e: deep}}\na: {b: nested}\n"),
        (
            "app.json",
            r#"{"port": 1, "a.b": "dotted", "": "empty", "c": {"": {"d.e": "deep"}}, "a": {"b": "nested"}}"#,
        ),
        (
            "app.toml",
            "port = 1\n\"a.b\" = 'dotted'\n\"\" = 'empty'\nc.\"\".\"d.e\" = 'deep'\na.b = 'nested'\n",
        ),
    ] {
        layer(&site, name, text);
        for (key, value) in [
            (r#""a.b""#, "dotted"),
            ("a.b", "nested"),
            (r#""""#, "empty"),
            (r#"c.""."d.e""#, "deep"),
        ] {
            let said = site.run(&["config", "get", "dev", key]).success();
            assert_eq!(said.stdout.trim_end(), value, "{key}: {said}");
        }
        let _ = site.run(&["config", "get", "dev", "c..d"]).code(1).says("c..d");
        // What is rendered is read again as the same.
        let _ = site.deploy().success();
        let rendered = site.tree().text("etc/demo/app.yaml").expect("rendered").to_owned();
        let before = site.run(&["config", "show", "dev", "--format", "json"]).success().stdout;
        layer(&site, "again.yaml", rendered);
        let after = site.run(&["config", "show", "dev", "--format", "json"]).success().stdout;
        assert_eq!(before, after.replace("again.yaml", name));
    }
}

#[test]
fn fault_15_map_and_list_in_the_same_place() {
    let site = Site::deployed();
    site.edit("windlass.toml", "app.yaml\"]", "app.yaml\", \"config/over.toml\"]");
    for (below, over, what) in [
        ("port: 1\na:\n  b: [1]\n", "a.b.c = 1\n", ["a map", "a list"]),
        ("port: 1\na:\n  b: {c: 1}\n", "a.b = [1]\n", ["a list", "a map"]),
        ("port: 1\na:\n  b: {c: 1}\n", "a.b = 'text'\n", ["a string", "a map"]),
        ("port: 1\na:\n  b: text\n", "a.b.c = 1\n", ["a map", "a string"]),
    ] {
        site.write("config/app.yaml", below).write("config/over.toml", over);
        site.refused(&["`a.b`", what[0], what[1], "config/over.toml:1:", "config/app.yaml:3:"]);
    }
}

#[test]
fn fault_15_line_ends_and_a_mark_in_any_format() {
    let site = Site::deployed();
    for (name, text) in [
        ("app.yaml", "\u{feff}port: 1\r\ntext: |\r\n  a\r\n  b\r\n"),
        ("app.json", "\u{feff}{\"port\": 1,\r\n\"text\": \"a\\nb\\n\"}\r\n"),
        ("app.toml", "\u{feff}port = 1\r\ntext = \"a\\nb\\n\"\r\n"),
        ("app.env", "\u{feff}PORT=1\r\nTEXT=\"a\\nb\\n\"\r\n"),
    ] {
        layer(&site, name, text);
        let said = site.run(&["config", "get", "dev", "--output", "json", "text"]).success();
        assert_eq!(said.json()["value"], "a\nb\n", "{name}: {said}");
        layer(&site, name, format!("\u{feff}{text}"));
        site.refused(&["second byte order mark", &format!("config/{name}:1:1")]);
    }
}
