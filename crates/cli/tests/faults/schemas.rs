//! Schemas that reach out, that never end, or whose patterns do not.

use crate::site::{Site, deploy_capped};

fn site() -> Site {
    let site = Site::deployed();
    site.edit("windlass.toml", "layers", "schema = \"s.json\"\nlayers");
    site
}

#[test]
fn fault_16_remote_references_are_refused_without_a_look() {
    let site = site();
    for reference in [
        "http://127.0.0.1:9/x.json",
        "https://evil.example/x",
        "file:///etc/passwd",
        "//evil.example/x.json",
        "other.json?from=evil",
    ] {
        site.write("s.json", format!("{{\"$ref\": \"{reference}\"}}"));
        site.refused(&["remote `$ref` is not allowed", "s.json:1:10", "$defs"]);
    }
    site.write("s.json", r#"{"$schema": "http://evil.example/draft"}"#);
    site.refused(&["`$schema` names no known draft", "s.json:1:13"]);
}

#[test]
fn fault_16_references_stay_in_the_project() {
    let site = site();
    site.symlink("link.json", "../secret").symlink("inside", "schemas");
    site.write("schemas/link.json", "{}").fifo("fifo.json").directory("directory.json");
    for (reference, says) in [
        ("other.json", "other.json does not exist"),
        ("../secret", "../secret"),
        ("schemas/../../secret", "../secret"),
        ("%2e%2e/secret", "../secret"),
        ("link.json", "link link.json leaves the project"),
        ("/etc/passwd", "`$ref` with an absolute path is not allowed"),
        ("fifo.json", "fifo.json is a FIFO"),
        ("directory.json", "directory.json is a directory"),
        (".windlass/objects/x.json", "reserved"),
    ] {
        site.write("s.json", format!("{{\"$ref\": \"{reference}\"}}"));
        site.refused(&[says, "s.json:1:10"]);
    }
    site.write("s.json", "{\"$ref\": \"inside/link.json\"}");
    let _ = site.deploy().success();
}

#[test]
fn fault_16_files_that_refer_to_each_other_in_a_circle() {
    let site = site();
    let node = |next: &str| {
        format!(
            r##"{{"type": "object", "properties": {{"port": {{"type": "integer"}}}},
                "additionalProperties": {{"anyOf": [{{"$ref": "{next}"}}, {{"type": "string"}}]}}}}"##
        )
    };
    site.write("s.json", node("schemas/b.json")).write("schemas/b.json", node("../s.json"));
    site.write("config/app.yaml", "host: a\nport: 80\na: {b: {c: {port: 1}}}\n");
    let _ = site.deploy().success();
    site.write("config/app.yaml", "host: a\nport: 80\na:\n  b:\n    c: {port: x}\n");
    site.unchanged_by(|| deploy_capped(&site), &["`a.b.c.port`", "config/app.yaml:5:15"]);
}

#[test]
fn fault_16_schema_of_more_files_than_anybody_writes() {
    let site = site();
    for number in 0..1_001 {
        let text = format!("{{\"$ref\": \"{}.json\"}}", number + 1);
        site.write(format!("many/{number}.json"), text);
    }
    site.write("s.json", r#"{"$ref": "many/0.json"}"#);
    site.unchanged_by(
        || deploy_capped(&site),
        &["schema is made of more than 1000 files", "many/998.json:1:10"],
    );
}

#[test]
fn fault_17_file_of_a_schema_that_is_none() {
    let site = site();
    site.write("s.json", r#"{"properties": {"port": {"$ref": "types.yaml#/$defs/port"}}}"#);
    for (text, says) in [
        ("$defs:\n  port: {type: strin}\n", ["types.yaml:2:16", "did you mean \"string\"?"]),
        ("$defs:\n  port: {pattern: '('}\n", ["types.yaml:2:19", "linear time"]),
        ("$defs:\n  port: [\n", ["types.yaml:3:1", "types.yaml"]),
        ("$defs: {}\n", ["s.json:1:34", "`$ref` points nowhere"]),
        ("$defs:\n  port: {$ref: gone.json}\n", ["types.yaml:2:16", "gone.json does not exist"]),
    ] {
        site.write("types.yaml", text);
        site.unchanged_by(|| site.deploy(), &says);
    }
    site.write("types.yaml", b"\xff\xfe{\0}\0");
    site.refused(&["text is UTF-16 and has to be UTF-8", "types.yaml:1:1"]);
    site.write("types.yaml", "$defs: {port: {minimum: 81}}\n");
    site.refused(&["`port`: 80 is less than the minimum of 81", "config/app.yaml:2:7"]);
}

#[test]
fn fault_16_references_in_a_circle_end() {
    let site = site();
    for schema in [
        r##"{"$ref": "#"}"##,
        r##"{"allOf": [{"$ref": "#"}, {"$ref": "#"}]}"##,
        r##"{"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}, "$ref": "#/$defs/a"}"##,
    ] {
        site.write("s.json", schema);
        let output = deploy_capped(&site);
        assert!(output.code == 0 || output.code == 1, "{schema}: {output}");
    }
}

#[test]
fn fault_16_recursive_reference_finds_the_error_deep_inside() {
    let site = site();
    site.write("s.json", r##"{"$defs": {"node": {"type": "object", "additionalProperties": {"$ref": "#/$defs/node"}}},
        "properties": {"tree": {"$ref": "#/$defs/node"}}}"##);
    site.write("config/app.yaml", "port: 1\ntree:\n  a:\n    b:\n      c: 7\n");
    site.refused(&["tree.a.b.c", "config/app.yaml:5:10"]);
}

#[test]
fn fault_16_references_that_multiply() {
    let site = site();
    let level = |n: usize| {
        let next = format!("{{\"$ref\": \"#/$defs/a{}\"}},", n + 1).repeat(10);
        format!("\"a{n}\": {{\"allOf\": [{}]}},", next.trim_end_matches(','))
    };
    let levels: String = (0..4).map(level).collect();
    site.write(
        "s.json",
        format!(
            "{{\"$defs\": {{{levels} \"a4\": {{\"type\": \"string\"}}}}, \"$ref\": \"#/$defs/a0\"}}"
        ),
    );
    site.unchanged_by(|| deploy_capped(&site), &["config/app.yaml:1:1"]);
}

#[test]
fn fault_16_schema_of_100_000_levels() {
    let site = site();
    let deep = 100_000;
    site.write("s.json", format!("{}{{}}{}", "{\"not\":".repeat(deep), "}".repeat(deep)));
    site.unchanged_by(|| deploy_capped(&site), &["s.json:1:"]);
}

#[test]
fn fault_17_pathological_pattern_runs_in_linear_time() {
    let site = site();
    site.write("config/app.yaml", format!("host: {}!\nport: 80\n", "a".repeat(50_000)));
    for pattern in ["^(a+)+$", "^(a|aa)+$", "^(.*)*b$", "^(a*)*(a*)*(a*)*$"] {
        site.write(
            "s.json",
            format!(r#"{{"properties": {{"host": {{"pattern": "{pattern}"}}}}}}"#),
        );
        site.unchanged_by(|| deploy_capped(&site), &["does not match", "config/app.yaml:1:7"]);
    }
}

#[test]
fn fault_17_patterns_that_cannot_be_linear_or_are_none() {
    let site = site();
    for pattern in ["(", "^(a+)\\\\1$", "^(?=a)a", "(?<!a)b", "((a{1000}){1000}){1000}"] {
        site.write(
            "s.json",
            format!(r#"{{"properties": {{"host": {{"pattern": "{pattern}"}}}}}}"#),
        );
        site.unchanged_by(
            || deploy_capped(&site),
            &["pattern cannot be used", "s.json:1:37", "linear time"],
        );
        site.write("s.json", format!(r#"{{"patternProperties": {{"{pattern}": {{}}}}}}"#));
        site.unchanged_by(|| deploy_capped(&site), &["pattern cannot be used", "s.json:1:"]);
    }
}

#[test]
fn fault_17_schema_that_is_none() {
    let site = site();
    site.write("s.json", r#"{"type": "strin"}"#);
    site.refused(&["s.json:1:10", "did you mean \"string\"?"]);
    site.write("s.json", "not json");
    site.refused(&["s.json:1:1"]);
    site.remove("s.json").fifo("s.json");
    site.refused(&["s.json is a FIFO"]);
}
