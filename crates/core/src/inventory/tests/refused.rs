//! What is no inventory, and where.

use super::*;

fn refused(format: Format, text: &str) -> Vec<String> {
    match parse(text, format, "hosts") {
        Ok(_) => panic!("accepted: {text}"),
        Err(errors) => {
            assert!(errors.iter().all(|error| error.file.as_deref() == Some("hosts")));
            told(&errors)
        }
    }
}

#[test]
fn everything_wrong_with_an_ini_inventory_is_told() {
    let text = "\
web[1:x] a=1
web[3:1]
web[1:999999999] b
ok key
ok 'open
ok end\\
-oProxyCommand=id
--- x=1
web:0
web:
[a b]
[web:kids]
[webs]
web1
[web:vars]
no equals
[app:children]
wbes
two words
x:y
[x]; comment
[ungrouped]
é ü[9:1] ä[9:1]
[webs:vars]
ansible_group_priority=high
VERSION=1
";
    let errors = refused(Format::AnsibleIni, text);
    let expected = [
        "1:4 host `web[1:x]` has a range whose ends are neither whole numbers of up to 18 digits nor single letters",
        "2:4 host `web[3:1]` has a range that ends before it begins",
        "3:1 host `web[1:999999999]` stands for more than 100000 names",
        "3:18 word is not `KEY=VALUE` (behind a host there are variables; quote values with spaces)",
        "4:4 word is not `KEY=VALUE` (behind a host there are variables; quote values with spaces)",
        "5:4 quote is not closed (write `\\` before a quote that is meant)",
        "6:7 backslash has nothing to escape (write `\\\\` for a backslash)",
        "7:1 host `-oProxyCommand=id` begins with '-'",
        "8:1 host `---` `---` begins a YAML document, and this is an INI inventory (give the file the extension `.yaml`)",
        "9:1 host `web:0` has a port that is not a number from 1 to 65535",
        "10:1 host `web:` ends in `:` without a port",
        "11:1 header is not `[GROUP]`, `[GROUP:children]` or `[GROUP:vars]` (names of groups have no spaces, `:` and `]`)",
        "12:1 header of unknown kind `kids` (known are `hosts`, `children` and `vars`)",
        "15:1 variables of group `web`, which has no header of its own (did you mean `webs`?)",
        "16:1 line is not `KEY=VALUE`",
        "18:1 child is group `wbes`, which has no header of its own (did you mean `webs`?)",
        "19:1 line is not the name of a group (write one group a line, without variables)",
        "20:1 line is not the name of a group (write one group a line, without variables)",
        "21:1 header is not `[GROUP]`, `[GROUP:children]` or `[GROUP:vars]` (names of groups have no spaces, `:` and `]`)",
        "23:3 word is not `KEY=VALUE` (behind a host there are variables; quote values with spaces)",
        "23:10 word is not `KEY=VALUE` (behind a host there are variables; quote values with spaces)",
        "25:24 `ansible_group_priority` is no whole number",
        "26:9 `VERSION` cannot differ from target to target (set it for the environment: a release has one version of each service)",
    ];
    assert_eq!(errors, expected);
}

#[test]
fn control_characters_are_refused() {
    for (text, expected) in [
        ("a\0b", "1:2 line contains '\\0'"),
        ("h x='\u{1b}[2J'", "1:6 line contains '\\u{1b}'"),
        ("h\rg", "1:2 line contains '\\r'"),
        ("# \u{2028}h", "1:3 line contains '\\u{2028}'"),
    ] {
        assert_eq!(refused(Format::AnsibleIni, text), [expected]);
    }
}

#[test]
fn groups_within_themselves_are_told_once_each() {
    let text =
        "[a:children]\nb\n[b:children]\nc\n[c:children]\na\n[d:children]\nd\n[e:children]\na\n";
    assert_eq!(
        refused(Format::AnsibleIni, text),
        [
            "2:1 group `b` is within itself: `b` → `c` → `a` → `b` (take one of these out of the children of the other)",
            "8:1 group `d` is within itself: `d` → `d` (take one of these out of the children of the other)",
        ]
    );
    let text = "[a:children]\nall\n";
    let errors = refused(Format::AnsibleIni, text);
    assert!(errors[0].contains("is within itself"), "{errors:?}");
    let yaml = "a:\n  children:\n    b:\n      children:\n        a:\n";
    assert_eq!(refused(Format::AnsibleYaml, yaml).len(), 1);
}

#[test]
fn long_ways_are_shortened() {
    let chain: String =
        (0..500).map(|n| format!("[g{n}:children]\ng{}\n", (n + 1) % 500)).collect();
    let errors = refused(Format::AnsibleIni, &chain);
    assert_eq!(errors.len(), 1);
    assert!(errors[0].contains("495 more") && errors[0].len() < 300, "{errors:?}");
}

#[test]
fn everything_wrong_with_a_yaml_inventory_is_told() {
    let text = "\
all:
  hosts:
    - web1
  vars: [1]
  children:
    web:
      hosts:
        \"web[3:1]\":
        web1: 5
        web2:
          VERSION: 1
list:
  - a
";
    assert_eq!(
        refused(Format::AnsibleYaml, text),
        [
            "2:3 `hosts` is a list where a map belongs (write `NAME:` without `-` before it)",
            "4:9 `vars` is a list where a map belongs (write `NAME:` without `-` before it)",
            "8:9 host `web[3:1]` has a range that ends before it begins",
            "9:15 host is an integer where a map belongs",
            "11:20 `VERSION` cannot differ from target to target (set it for the environment: a release has one version of each service)",
            "12:1 group is a list where a map belongs (write `NAME:` without `-` before it)",
        ]
    );
    assert_eq!(
        refused(Format::AnsibleYaml, "plugin: amazon.aws.aws_ec2\nregions: [eu]\n"),
        [
            "1:9 file configures an inventory plugin, which is not run (save what `ansible-inventory --list` prints, and name that file)"
        ]
    );
    assert_eq!(
        refused(Format::AnsibleYaml, "just text\n"),
        ["1:1 document is a string where a map belongs"]
    );
    assert!(refused(Format::AnsibleYaml, "a: [\n")[0].starts_with("2:"));
}

#[test]
fn strange_fields_of_yaml_groups_are_warned_of() {
    let text = "web:\n  host:\n    web1:\n  x-shared: 1\n  hosts:\n    web2:\n";
    let inventory = parse(text, Format::AnsibleYaml, "hosts").expect("valid");
    assert_eq!(
        told(inventory.warnings()),
        [
            "2:3 `host` is not read: it is no field of a group (did you mean `hosts`?)",
            "4:3 `x-shared` is not read: it is no field of a group (known are `hosts`, `children` and `vars`)",
        ]
    );
}

#[test]
fn everything_wrong_with_a_listing_is_told() {
    let text = r#"{"_meta": {"hostvars": {"h": 5, "gone": {}}},
"web": {"hosts": ["h", 5, "", "a b"], "children": {"x": 1}, "more": 1}, "n": 7}"#;
    assert_eq!(
        refused(Format::Json, text),
        [
            "1:30 host is an integer where a map belongs",
            "2:24 `hosts` has an integer where a name belongs",
            "2:27 host `` is empty",
            "2:31 host `a b` contains ' '",
            "2:51 `children` is a map where a list belongs",
            "2:61 `more` is no field of a group (known are `hosts`, `children` and `vars`)",
            "2:78 group is an integer where a map belongs",
        ]
    );
}

#[test]
fn a_listing_may_be_strange_without_being_wrong() {
    let text = r#"{"web": {"hosts": ["h"]}}"#;
    let inventory = parse(text, Format::Json, "hosts").expect("valid");
    assert!(told(inventory.warnings())[0].starts_with("1:1 hosts have no variables"));
    let text = r#"{"_meta": {"hostvars": {"h": {}}}, "web": {"hosts": []}}"#;
    let inventory = parse(text, Format::Json, "hosts").expect("valid");
    assert_eq!(told(inventory.warnings()), ["1:25 host `h` is in no group, and left out"]);
}

#[test]
fn vaults_are_refused_wherever_they_are() {
    let hint = "(decrypt it with `ansible-vault`, and keep secrets out of the inventory)";
    let vault = "$ANSIBLE_VAULT;1.1;AES256\n6162";
    for format in [Format::AnsibleIni, Format::AnsibleYaml, Format::Json] {
        let expected =
            format!("1:1 file is encrypted with Ansible Vault, which is not read {hint}");
        assert_eq!(refused(format, vault), [expected]);
    }
    let value = |place: &str| {
        format!("{place} `db` is encrypted with Ansible Vault, which is not read {hint}")
    };
    let ini = "h db='$ANSIBLE_VAULT;1.1;AES256'\n";
    assert_eq!(refused(Format::AnsibleIni, ini), [value("1:6")]);
    let json = r#"{"_meta": {"hostvars": {"h": {"db": {"__ansible_vault": "x"}}}}, "w": ["h"]}"#;
    assert_eq!(refused(Format::Json, json), [value("1:37")]);
    let yaml = "all:\n  vars:\n    db: !vault |\n      $ANSIBLE_VAULT;1.1;AES256\n      6162\n";
    let errors = refused(Format::AnsibleYaml, yaml);
    assert_eq!(
        errors,
        [format!("3:9 value is encrypted with Ansible Vault, which is not read {hint}")]
    );
    let unsafe_tag = "all:\n  vars:\n    a: !unsafe '{{ x }}'\n";
    assert!(refused(Format::AnsibleYaml, unsafe_tag)[0].contains("Windlass never expands"));
}
