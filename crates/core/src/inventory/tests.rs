//! Inventories as a whole.

mod hostile;
mod reached;
mod refused;

use serde_json::{Value, json};

use super::*;
use crate::diagnostic::Diagnostic;
use crate::target::GroupName;

const INI: &str = include_str!("tests/fixtures/site.ini");
const YAML: &str = include_str!("tests/fixtures/site.yaml");
const JSON: &str = include_str!("tests/fixtures/site.json");

fn ini(text: &str) -> Inventory {
    parse(text, Format::AnsibleIni, "hosts").unwrap_or_else(|errors| panic!("{errors:?}"))
}

/// Returns errors or warnings as `line:column message (hint)`.
fn told(diagnostics: &[Diagnostic]) -> Vec<String> {
    let told = |problem: &Diagnostic| {
        let place = problem.position.map(|at| format!("{}:{} ", at.line, at.column));
        let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})"));
        format!("{}{}{}", place.unwrap_or_default(), problem.message, hint.unwrap_or_default())
    };
    diagnostics.iter().map(told).collect()
}

/// Returns the groups and variables of each host.
fn whole(inventory: &Inventory) -> Value {
    let host = |name: &str| {
        let variables = inventory.variables(name).expect("listed");
        let variables: serde_json::Map<String, Value> =
            variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_json())).collect();
        let groups = inventory.groups_of(name).expect("listed");
        let groups: Vec<&str> = groups.iter().map(GroupName::as_str).collect();
        (name.to_owned(), json!({ "groups": groups, "vars": variables }))
    };
    Value::Object(inventory.hosts().map(host).collect())
}

/// The expectations are what `ansible-inventory --list` of ansible-core 2.19 prints, with the groups
/// of each host gathered.
#[test]
fn inventories_mean_what_they_mean_to_ansible() {
    for (format, text, expected) in [
        (Format::AnsibleIni, INI, include_str!("tests/fixtures/site.ini.expected.json")),
        (Format::AnsibleYaml, YAML, include_str!("tests/fixtures/site.yaml.expected.json")),
        (Format::Json, JSON, include_str!("tests/fixtures/site.json.expected.json")),
    ] {
        let inventory = parse(text, format, "site").unwrap_or_else(|errors| panic!("{errors:?}"));
        let expected: Value = serde_json::from_str(expected).expect("valid");
        let found = whole(&inventory);
        for (host, expected) in expected.as_object().expect("hosts") {
            assert_eq!(found[host], *expected, "{format:?} {host}");
        }
        assert_eq!(found, expected, "{format:?}");
    }
}

#[test]
fn the_tree_format_may_be_written_as_json() {
    let text = r#"{"all": {"hosts": {"web[1:2]": {"a": 1}}, "children": {"x": {"hosts": {"web1": null}}}}}"#;
    let inventory = parse(text, Format::Json, "hosts.json").expect("valid");
    assert_eq!(inventory.hosts().collect::<Vec<_>>(), ["web1", "web2"]);
    assert_eq!(inventory.members("x"), Some(vec!["web1"]));
}

#[test]
fn formats_follow_the_extension() {
    for (path, format) in [
        ("inventory/production.ini", Format::AnsibleIni),
        ("hosts", Format::AnsibleIni),
        ("hosts.production", Format::AnsibleIni),
        ("a/hosts.yml", Format::AnsibleYaml),
        ("hosts.YAML", Format::AnsibleYaml),
        ("hosts.json", Format::Json),
    ] {
        assert_eq!(Format::from_path(path), format, "{path}");
    }
}

#[test]
fn hosts_and_groups_come_in_the_order_of_the_inventory() {
    let inventory = ini("z\na\n[web]\nm\nz\n[app:children]\nweb\n");
    assert_eq!(inventory.hosts().collect::<Vec<_>>(), ["z", "a", "m"]);
    let groups: Vec<_> = inventory.groups().map(GroupName::as_str).collect();
    assert_eq!(groups, ["all", "ungrouped", "web", "app"]);
    assert_eq!(inventory.members("app"), Some(vec!["z", "m"]));
    assert_eq!(inventory.members("ungrouped"), Some(vec!["a"]));
    assert_eq!(inventory.members("none"), None);
    assert_eq!(inventory.groups_of("none"), None);
    assert!(inventory.variables("none").is_none());
}

#[test]
fn an_empty_inventory_has_no_hosts() {
    for (format, text) in
        [(Format::AnsibleIni, "# none\n"), (Format::AnsibleYaml, ""), (Format::Json, "{}")]
    {
        assert_eq!(parse(text, format, "hosts").expect("valid").hosts().len(), 0);
    }
}

#[test]
fn line_ends_and_byte_order_marks_do_not_matter() {
    let inventory = ini("\u{feff}[web]\r\nweb1 a=b\r\n[web:vars]\r\nc = d\r\n");
    assert_eq!(whole(&inventory)["web1"]["vars"], json!({ "a": "b", "c": "d" }));
}

#[test]
fn values_know_where_they_are_and_what_they_win_over() {
    let inventory =
        ini("[web]\nweb1  who='the host'\n[web:vars]\n who =  web\n[all:vars]\nwho=all\n");
    let places: Vec<String> =
        inventory.history("web1", "who").iter().map(|node| format!("{node:?}")).collect();
    assert_eq!(
        places,
        [r#""all" @ hosts:6:5"#, r#""web" @ hosts:4:9"#, r#""the host" @ hosts:2:11"#]
    );
    let host = inventory.variables("web1").expect("listed")["who"];
    assert_eq!(host.origin.span.map(|span| span.width), Some(10));
    assert!(inventory.history("web1", "none").is_empty());
}

#[test]
fn equal_depths_go_by_priority_and_then_by_name() {
    let text = |priority: &str| format!("[b]\nh\n[a]\nh\n[b:vars]\nv=b\n[a:vars]\nv=a\n{priority}");
    let value = |text: &str| whole(&ini(text))["h"]["vars"]["v"].clone();
    assert_eq!(value(&text("")), "b");
    assert_eq!(value(&text("ansible_group_priority=2")), "a");
    assert_eq!(value(&text("ansible_group_priority=0")), "b");
}

#[test]
fn a_deeper_group_wins_whatever_its_priority() {
    let text = "[in]\nh\n[out:children]\nin\n[out:vars]\nansible_group_priority=99\nv=out\n[in:vars]\nv=in\n";
    assert_eq!(whole(&ini(text))["h"]["vars"]["v"], "in");
}

#[test]
fn the_longest_way_from_all_is_the_depth() {
    let text = "[top:children]\nmid\nlow\n[mid:children]\nlow\n[low]\nh\n[side]\nh\n[side:children]\n\
                [side_top:children]\nside\n[low:vars]\nv=low\n[side:vars]\nv=side\n";
    assert_eq!(whole(&ini(text))["h"]["vars"]["v"], "low");
}

#[test]
fn ungrouped_is_for_hosts_without_another_group() {
    let groups = |text: &str, host: &str| -> Vec<String> {
        let groups = ini(text).groups_of(host).expect("listed");
        groups.iter().map(ToString::to_string).collect()
    };
    assert_eq!(groups("h\n[web]\nh\n", "h"), ["web"]);
    assert_eq!(groups("[all]\nh\n", "h"), ["ungrouped"]);
    // As strange as it is, Ansible does the same.
    let within = "[ungrouped:children]\nweb\n[web]\nh\ng\n[ungrouped]\ng\n";
    assert_eq!(groups(within, "h"), ["ungrouped", "web"]);
    assert_eq!(groups(within, "g"), ["web"]);
}

#[test]
fn the_port_of_the_first_entry_counts() {
    let inventory = ini("[a]\nh:2222\ng:22\n[b]\nh:22\nh:2222\ng:22\n");
    assert_eq!(whole(&inventory)["h"]["vars"]["ansible_port"], 2222);
    assert_eq!(
        told(inventory.warnings()),
        [
            "5:1 the port of host `h` is the one of its first entry (that is hosts:2:1; set `ansible_port` instead)"
        ]
    );
}

#[test]
fn names_of_groups_and_hosts_may_be_the_same() {
    let inventory = ini("[web]\nweb\n");
    assert_eq!(told(inventory.warnings()), ["1:1 `web` is the name of a group and of a host"]);
}

#[test]
fn files_beside_the_inventory_win_as_in_ansible() {
    let mut inventory = ini(
        "h1 v=host\n[in]\nh1\nh2\nh3\n[out:children]\nin\n[all:vars]\nv=all\n[in:vars]\nv=in\nw=in\n",
    );
    let value = |inventory: &Inventory, host: &str| {
        whole(inventory)[host]["vars"]["v"].as_str().unwrap_or_default().to_owned()
    };
    let add = |inventory: &mut Inventory, owner, text| {
        assert_eq!(inventory.add_file(owner, "group_vars/x", text), Ok(true));
    };
    add(&mut inventory, Owner::Group("all"), "v: all file\n");
    assert_eq!(value(&inventory, "h2"), "all file");
    add(&mut inventory, Owner::Group("out"), "v: out file\n");
    assert_eq!(value(&inventory, "h2"), "out file");
    add(&mut inventory, Owner::Group("in"), "v: in file\n");
    assert_eq!(value(&inventory, "h2"), "in file");
    assert_eq!(value(&inventory, "h1"), "host");
    add(&mut inventory, Owner::Host("h1"), "v: host file\n");
    assert_eq!(value(&inventory, "h1"), "host file");
    let history = inventory.history("h1", "v");
    let history: Vec<_> = history.iter().filter_map(|node| node.as_str()).collect();
    assert_eq!(history, ["all", "in", "all file", "out file", "in file", "host", "host file"]);
    assert_eq!(whole(&inventory)["h2"]["vars"]["w"], "in");
}

#[test]
fn files_beside_the_inventory_are_read_or_left_alone() {
    let mut inventory = ini("h\n");
    assert_eq!(inventory.add_file(Owner::Group("none"), "x.yaml", "["), Ok(false));
    assert_eq!(inventory.add_file(Owner::Host("none"), "x.yaml", "["), Ok(false));
    assert_eq!(inventory.add_file(Owner::Host("h"), "h.json", r#"{"a": 1}"#), Ok(true));
    assert_eq!(inventory.add_file(Owner::Host("h"), "empty.yml", "---\n"), Ok(true));
    let errors = inventory.add_file(Owner::Host("h"), "h.yml", "- a\n").expect_err("a list");
    assert_eq!(told(&errors), ["1:1 file is a list where variables belong"]);
    let vault = "$ANSIBLE_VAULT;1.1;AES256\n3133";
    let errors = inventory.add_file(Owner::Host("h"), "vault.yml", vault).expect_err("a vault");
    assert!(errors[0].message.contains("Ansible Vault"));
    let secret = "ansible_become_password: hunter2\n";
    assert_eq!(inventory.add_file(Owner::Host("h"), "s.yml", secret), Ok(true));
    assert!(inventory.warnings()[0].to_string().starts_with("s.yml:1:"));
    assert_eq!(whole(&inventory)["h"]["vars"], json!({ "a": 1 }));
}
