//! Configuration that was made to exhaust, or that means something else than it says.

use std::fmt::Write;

use crate::site::{Site, deploy_capped};

/// The most levels that a hostile file has.
const DEEP: usize = 100_000;

fn bomb() -> String {
    let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
    for n in 1..10 {
        let inner = format!("*a{},", n - 1).repeat(10);
        writeln!(text, "a{n}: &a{n} [{inner}]").expect("a string takes all");
    }
    text
}

#[test]
fn fault_14_alias_bomb() {
    let site = Site::deployed();
    site.write("config/app.yaml", bomb());
    site.unchanged_by(
        || deploy_capped(&site),
        &["config/app.yaml:5:", "anchors and aliases copy more than"],
    );
    site.refused(&["anchors and aliases copy more than"]);
}

#[test]
fn fault_14_alias_of_itself() {
    let site = Site::deployed();
    for text in ["a: &a [*a]\n", "a: &a { b: *a }\n"] {
        site.write("config/app.yaml", text);
        site.refused(&["alias stands inside the value that it refers to", "config/app.yaml:1:"]);
    }
}

#[test]
fn fault_14_yaml_of_100_000_levels() {
    let site = Site::deployed();
    let block: String = (0..2000).map(|n| format!("{}a:\n", " ".repeat(n))).collect();
    for text in [
        format!("a: {}{}\n", "[".repeat(DEEP), "]".repeat(DEEP)),
        format!("a: {}", "{a: ".repeat(DEEP)),
        "- ".repeat(DEEP),
        "? ".repeat(DEEP),
        block,
    ] {
        site.write("config/app.yaml", text);
        site.unchanged_by(|| deploy_capped(&site), &["config/app.yaml:"]);
    }
    site.refused(&["config/app.yaml:"]);
}

#[test]
fn fault_14_json_and_toml_of_100_000_levels() {
    let site = Site::deployed();
    let (open, close) = ("[".repeat(DEEP), "]".repeat(DEEP));
    for (name, text) in [
        ("app.json", format!("{{\"a\":{open}{close}}}")),
        ("app.json", "{\"a\":".repeat(DEEP)),
        ("app.toml", format!("a = {open}{close}\n")),
        ("app.toml", format!("a = {}", "{a = ".repeat(DEEP))),
        ("app.toml", format!("{}a = 1\n", "a.".repeat(DEEP))),
        ("app.toml", format!("[{}a]\n", "a.".repeat(DEEP))),
    ] {
        site.write(format!("config/{name}"), text);
        site.edit("windlass.toml", "app.yaml\"]", &format!("{name}\"]"));
        site.unchanged_by(|| deploy_capped(&site), &[&format!("config/{name}:1:")]);
        site.edit("windlass.toml", &format!("{name}\"]"), "app.yaml\"]");
    }
}

#[test]
fn fault_14_project_file_of_100_000_levels() {
    let site = Site::deployed();
    let sound = site.read("windlass.toml");
    for text in [
        format!("x = {}{}\n", "[".repeat(DEEP), "]".repeat(DEEP)),
        format!("{}a = 1\n", "a.".repeat(DEEP)),
        format!("[{}a]\n", "a.".repeat(DEEP)),
    ] {
        site.write("windlass.toml", format!("{sound}{text}"));
        site.unchanged_by(|| deploy_capped(&site), &["windlass.toml:", "64 deep"]);
    }
}

#[test]
fn fault_15_numbers_that_no_program_can_hold() {
    let site = Site::deployed();
    for (name, text, says) in [
        ("app.yaml", "a: 1e999\n", "too large for a 64-bit float"),
        ("app.json", "{\"a\": 1e999}", "too large for a 64-bit float"),
        ("app.yaml", "a: 99999999999999999999999\n", "does not fit in 64 bits"),
        ("app.yaml", "a: .inf\n", "infinity"),
        ("app.yaml", "a: .nan\n", "not-a-number"),
        ("app.toml", "a = inf\n", "infinity"),
    ] {
        site.write(format!("config/{name}"), text);
        site.edit("windlass.toml", "app.yaml\"]", &format!("{name}\"]"));
        site.refused(&[&format!("config/{name}:1:"), says]);
        site.edit("windlass.toml", &format!("{name}\"]"), "app.yaml\"]");
    }
}

#[test]
fn fault_15_no_and_octal_mean_what_yaml_1_2_says() {
    let site = Site::deployed();
    site.write("config/app.yaml", "port: 1\ncountry: no\non: yes\nmode: 0o17\ntime: 12:30:45\n");
    let _ = site.deploy().success();
    let output = site.run(&["config", "show", "dev", "--format", "json"]).success();
    let merged = output.json();
    let merged = merged.get("config").unwrap_or(&merged);
    assert_eq!(merged["country"], "no", "{merged}");
    assert_eq!(merged["on"], "yes");
    assert_eq!(merged["mode"], 15);
    assert_eq!(merged["time"], "12:30:45");
}

#[test]
fn fault_15_byte_order_mark_and_crlf_are_accepted() {
    let site = Site::deployed();
    let before = site.tree();
    let project = site.read("windlass.toml").replace('\n', "\r\n");
    site.write("windlass.toml", format!("\u{feff}{project}"));
    site.write("config/app.yaml", "\u{feff}host: ${HOST}\r\nport: 80\r\n");
    let _ = site.deploy().success();
    windlass_testing::assert_same_tree(&before, &site.tree());
}

#[test]
fn fault_15_text_of_1_mib_is_kept_whole() {
    let site = Site::deployed();
    let long = "x".repeat(1 << 20);
    site.write("config/app.yaml", format!("port: 1\nlong: {long}\n"));
    site.write("templates/b.env.j2", "{{ long }}");
    let _ = site.deploy().success();
    assert_eq!(site.tree().text("etc/demo/b.env"), Some(long.as_str()));
}

#[test]
fn fault_15_tags_that_would_run_something() {
    let site = Site::deployed();
    for tag in ["!!python/object/apply:os.system [id]", "!ruby/object:Gem {}", "!vault x"] {
        site.write("config/app.yaml", format!("port: 1\na: {tag}\n"));
        site.refused(&["config/app.yaml:2:4", "is not supported"]);
    }
}
