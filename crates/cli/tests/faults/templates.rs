//! Templates that do not end, grow without end, or whose values look like templates.

use crate::site::{Site, deploy_capped};

/// A value that is a template, a reference and a second key, should anybody read it again.
const TRICKY: &str = "${HOST} $HOST {{ port }} {% raw %} $$ \\ '\" #\nINJECTED=1";

#[test]
fn fault_18_a_value_is_never_expanded_again() {
    let site = Site::deployed();
    let value = serde_json::to_string(TRICKY).expect("text is JSON");
    let value = value.replace('\'', "\\u0027");
    site.edit("windlass.toml", "HOST = \"h1\"", &format!("HOST = \"h1\", TRICKY = {value}"));
    site.write(
        "config/app.json",
        format!("{{\"port\": 80, \"own\": {}}}", value.replace('$', "$$")),
    );
    site.edit("windlass.toml", "app.yaml\"]", "app.json\"]");
    site.edit(
        "windlass.toml",
        "path = \"app.yaml\", format = \"yaml\"",
        "path = \"app.json\", format = \"json\"",
    );
    site.write("templates/a.conf", "<${TRICKY}>");
    site.write("templates/b.env.j2", "<{{ own }}>{% set x = own %}<{{ x }}>");
    let _ = site.deploy().success();
    let tree = site.tree();
    assert_eq!(tree.text("etc/demo/a.conf"), Some(format!("<{TRICKY}>").as_str()));
    assert_eq!(tree.text("etc/demo/b.env"), Some(format!("<{TRICKY}><{TRICKY}>").as_str()));
    let written: serde_json::Value =
        serde_json::from_str(tree.text("etc/demo/app.json").expect("it is text")).expect("JSON");
    assert_eq!(written["own"], TRICKY);
}

#[test]
fn fault_18_a_value_stays_one_value_in_each_format() {
    for format in ["yaml", "toml", "json"] {
        let site = Site::deployed();
        let value = serde_json::to_string(TRICKY).expect("text is JSON");
        site.edit(
            "windlass.toml",
            "HOST = \"h1\"",
            &format!("HOST = {}", value.replace('\'', "\\u0027")),
        );
        site.write("templates/a.conf", "static\n");
        let file = format!("path = \"app.{format}\", format = \"{format}\"");
        site.edit("windlass.toml", "path = \"app.yaml\", format = \"yaml\"", &file);
        let _ = site.deploy().success();
        let written = site.tree().text(&format!("etc/demo/app.{format}")).expect("text").to_owned();
        // Read again as a layer, it is the same value and no key more.
        let name = format!("config/again.{format}");
        site.write(&name, written.replace('$', "$$"));
        site.edit("windlass.toml", "config/app.yaml", &name);
        let read = site.run(&["config", "get", "dev", "host", "--output", "json"]).success().json();
        assert_eq!(read["value"], TRICKY, "{format}");
        let keys = site.run(&["config", "show", "dev", "--format", "json"]).success().json();
        assert!(keys.get("INJECTED").is_none(), "{keys}");
    }
}

#[test]
fn fault_19_template_without_end() {
    let site = Site::deployed();
    for (text, says) in [
        (
            "{% for i in range(100000) %}{% for j in range(100000) %}{% endfor %}{% endfor %}",
            "does not end",
        ),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "recursion limit"),
        ("{% for i in range(10000000000) %}{% endfor %}", "too many elements"),
    ] {
        site.write("templates/b.env.j2", text);
        site.unchanged_by(|| deploy_capped(&site), &[says, "templates/b.env.j2:1:"]);
    }
}

#[test]
fn fault_19_template_that_writes_without_end() {
    let site = Site::deployed();
    for text in [
        "{% for i in range(100000) %}{{ 'x' * 10000 }}{% endfor %}",
        "{% set x %}{% for i in range(100000) %}{{ 'x' * 10000 }}{% endfor %}{% endset %}",
        "{{ 'x' * 100000000000 }}",
        "{{ ([1] * 10000000000) | length }}",
        "{{ '%1000000000d' | format(1) }}",
        "{{ 'a\nb' | indent(10000000000) }}",
    ] {
        site.write("templates/b.env.j2", text);
        site.unchanged_by(|| deploy_capped(&site), &["templates/b.env.j2:"]);
    }
}

#[test]
fn fault_19_text_and_lists_that_double() {
    let site = Site::deployed();
    for (start, next) in [
        ("'aaaaaaaa'", "ns.s ~ ns.s"),
        ("'aaaaaaaa'", "ns.s + ns.s"),
        ("'aaaaaaaa'", "[ns.s, ns.s] | join"),
        ("'aaaaaaaa'", "ns.s | replace('a', 'aaaaaaaa')"),
        ("'aaaaaaaa'", "[ns.s, ns.s] | sum(start='')"),
        ("'aaaaaaaa'", "ns.s * 8"),
        ("[1, 2, 3]", "ns.s + ns.s"),
    ] {
        let text = format!(
            "{{% set ns = namespace(s={start}) %}}{{% for i in range(60) %}}{{% set ns.s = {next} %}}{{% endfor %}}"
        );
        site.write("templates/b.env.j2", text);
        site.unchanged_by(|| deploy_capped(&site), &["templates/b.env.j2:1:"]);
    }
}

#[test]
fn fault_19_defaults_nested_without_end() {
    let site = Site::deployed();
    site.write("templates/a.conf", "${A:-".repeat(100_000) + &"}".repeat(100_000));
    site.unchanged_by(|| deploy_capped(&site), &["templates/a.conf:1:", "deep"]);
    for text in ["(".repeat(100_000), "{% if 1 %}".repeat(100_000), "[".repeat(100_000)] {
        site.write("templates/b.env.j2", format!("{{{{ {text}"));
        site.unchanged_by(|| deploy_capped(&site), &["templates/b.env.j2:1:"]);
        site.write("templates/a.conf", "x");
    }
}

#[test]
fn fault_20_unset_or_unterminated_variable() {
    let site = Site::deployed();
    for (text, says, place) in [
        ("x\n  y ${HOST", "unterminated `${`", "2:5"),
        ("x\n  y ${HOTS}", "variable `HOTS` is not set", "2:5"),
        ("x\n é ${NOPE:?ask the owner}", "variable `NOPE` is not set: ask the owner", "2:4"),
        ("${}", "names no variable", "1:1"),
        ("a\r\nb ${A B}", "`${A B}` is not a variable", "2:3"),
    ] {
        site.write("templates/a.conf", text);
        site.refused(&[says, &format!("templates/a.conf:{place}")]);
    }
    site.write("templates/a.conf", "${HOTS}");
    site.refused(&["`HOTS` is not set", "did you mean `HOST`?"]);
}

#[test]
fn fault_20_every_unset_variable_is_named_at_once() {
    let site = Site::deployed();
    site.write("templates/a.conf", "${ONE}\n${TWO}\n").write("templates/b.env.j2", "{{ three }}");
    let output = site.refused(&["`ONE` is not set", "`TWO` is not set", "`three` is not defined"]);
    assert!(output.stderr.contains("templates/a.conf:2:1"), "{output}");
}

#[test]
fn fault_20_undefined_name_in_a_template() {
    let site = Site::deployed();
    site.write("templates/b.env.j2", "1\n  {{ prot }}\n");
    site.refused(&["`prot` is not defined", "templates/b.env.j2:2:6", "did you mean `port`?"]);
}
