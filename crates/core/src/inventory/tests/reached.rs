//! Targets: addresses, ways in, and strings.

use super::*;
use crate::target::Target;

fn targets(text: &str) -> Targets {
    ini(text).targets().unwrap_or_else(|errors| panic!("{errors:?}"))
}

fn only(text: &str) -> Target {
    let mut targets = targets(text).targets;
    assert_eq!(targets.len(), 1);
    targets.remove(0)
}

fn refused(text: &str) -> Vec<String> {
    told(&ini(text).targets().expect_err("refused"))
}

#[test]
fn every_host_is_a_target() {
    let text = "[web]\nweb[1:2] NODE=7 http_port=80 on=True ratio=1.10 pair=1,2 none=None\n\
                [eu:children]\nweb\n[all:vars]\nDB_HOST=db.internal\nansible_user=deploy\n";
    let Targets { targets, warnings } = targets(text);
    assert_eq!(warnings, []);
    assert_eq!(targets.len(), 2);
    let json = serde_json::to_value(&targets[0]).expect("serializes");
    let expected = json!({
        "id": "web1",
        "address": "ssh://deploy@web1",
        "groups": ["eu", "web"],
        "variables": {
            "DB_HOST": "db.internal", "NODE": "7", "http_port": "80", "on": "true", "ratio": "1.1",
        },
    });
    assert_eq!(json, expected);
    let again: Target = serde_json::from_value(json).expect("reads back");
    assert_eq!(again, targets[0]);
}

#[test]
fn connection_variables_make_the_address() {
    for (text, address) in [
        ("web1", "ssh://web1"),
        ("web1:2222", "ssh://web1:2222"),
        ("web1 ansible_host=10.0.0.1", "ssh://10.0.0.1"),
        ("web1 ansible_host=10.0.0.1 ansible_ssh_host=10.0.0.2", "ssh://10.0.0.2"),
        ("web1 ansible_port=22 ansible_user=deploy", "ssh://deploy@web1:22"),
        ("web1 ansible_port=\"'22'\" ansible_ssh_user=a ansible_user=b", "ssh://a@web1:22"),
        ("[2001:db8::1]:22 x=1", "ssh://[2001:db8::1]:22"),
        ("::1", "ssh://[::1]"),
        ("web1 ansible_host=fe80::1%eth0", "ssh://[fe80::1%eth0]"),
        ("web1 windlass_root=/srv/web1", "ssh://web1?root=/srv/web1"),
        ("web1 ansible_user= ansible_port=None", "ssh://web1"),
        ("web1 ansible_connection=ssh", "ssh://web1"),
        ("web1 ansible_connection=ansible.builtin.paramiko_ssh", "ssh://web1"),
        ("localhost ansible_connection=local", "local:/"),
        ("here ansible_connection=local windlass_root=./state", "local:./state"),
    ] {
        assert_eq!(only(text).address.to_string(), address, "{text}");
    }
}

#[test]
fn the_way_in_is_understood() {
    let connection = |text: &str| only(&format!("h {text}")).connection;
    assert!(connection("").is_default());
    let full = connection(
        "ansible_become=yes ansible_become_user=app ansible_ssh_private_key_file=~/.ssh/k \
         ansible_ssh_common_args='-o ProxyCommand=\"ssh -W %h:%p -q me@bastion\"'",
    );
    let expected = json!({
        "identity_file": "~/.ssh/k", "jump": ["ssh://me@bastion"], "become": true,
        "become_user": "app",
    });
    assert_eq!(serde_json::to_value(full).expect("serializes"), expected);
    let becomes = |text| {
        let connection = connection(text);
        (connection.becomes, connection.become_user)
    };
    assert_eq!(becomes("ansible_become=True"), (Some(true), None));
    assert_eq!(becomes("ansible_become=1 ansible_become_method=sudo"), (Some(true), None));
    assert_eq!(becomes("ansible_become=no ansible_become_user=app"), (Some(false), None));
    assert_eq!(becomes("ansible_become_user=app"), (None, Some("app".to_owned())));
    let address = |text: &str| only(&format!("h {text}")).address.to_string();
    assert_eq!(address("ansible_ssh_args='-p 23 -l me'"), "ssh://me@h:23");
    assert_eq!(address("ansible_ssh_args='-p 23 -l me' ansible_user=u"), "ssh://u@h:23");
    let jump = |text| connection(text).jump.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(jump("ansible_ssh_extra_args='-J a,b:22'"), ["ssh://a", "ssh://b:22"]);
    assert_eq!(jump("ansible_ssh_extra_args='-J a' ansible_ssh_args='-J b'"), ["ssh://b"]);
    let key = |text| connection(text).identity_file;
    assert_eq!(key("ansible_ssh_args='-i /a' ansible_private_key_file=/b").as_deref(), Some("/b"));
}

#[test]
fn options_that_are_not_used_are_warned_of() {
    let targets = targets("h[1:3] ansible_ssh_common_args='-o StrictHostKeyChecking=no -C'\n");
    assert_eq!(
        told(&targets.warnings),
        [
            "1:32 `ansible_ssh_common_args` has options that are not used: `-o StrictHostKeyChecking`, `-C` \
          (put what is needed into `~/.ssh/config`, which is honoured)"
        ]
    );
}

#[test]
fn ways_that_are_not_supported_are_refused_all_at_once() {
    let text = "\
a ansible_connection=docker
b ansible_port=0
c ansible_port=70000
d ansible_host=-oProxyCommand=id
e ansible_user='a;b'
f_(g)
h ansible_become=maybe
i ansible_become=yes ansible_become_method=su
j ansible_ssh_common_args='-o ProxyCommand=\"nc %h %p\"'
k ansible_host='{{ inventory_hostname }}.x'
l ansible_host=[1,2]
m windlass_root=srv
n ansible_become=yes ansible_become_user=-i
";
    assert_eq!(
        refused(text),
        [
            "1:22 `ansible_connection` is a way to hosts that is not supported (known are `ssh` and `local`)",
            "2:16 address by `ansible_port` has a port that is not a number from 1 to 65535",
            "3:16 `ansible_port` is not a number from 1 to 65535",
            "4:16 address by `ansible_host` has a host that begins with `-`",
            "5:16 address by `ansible_user` has a user with ';' in it",
            "6:1 host `f_(g)` is no address: it has a host with '(' in it (say where it is with `ansible_host`)",
            "7:18 `ansible_become` is neither `true` nor `false`",
            "8:44 `ansible_become_method` is not supported (known is `sudo`)",
            "9:27 `ansible_ssh_common_args` has a `ProxyCommand` other than `ssh -W %h:%p HOST` \
             (put it into `~/.ssh/config`, which is honoured)",
            "10:16 `ansible_host` is a Jinja expression, which is not evaluated \
             (write down what it stands for)",
            "11:16 `ansible_host` is a list where text belongs",
            "12:17 address by `windlass_root` has a root that is not a directory from `/` on, without \
             `..`, `%`, `?`, `&` and `#`",
            "13:42 `ansible_become_user` has a user that begins with `-`",
        ]
    );
}

#[test]
fn what_many_hosts_share_is_told_once() {
    let errors = refused("h[1:1000]\n[all:vars]\nansible_connection=winrm\n");
    assert_eq!(errors.len(), 1, "{errors:?}");
}

#[test]
fn two_names_of_one_place_are_refused() {
    let errors = refused("a ansible_host=10.0.0.1\nb ansible_host=10.0.0.1 ansible_port=22\n");
    assert_eq!(
        errors,
        [
            "2:1 hosts `a` and `b` are the same: ssh://10.0.0.1:22 (remove one of them, or give each a \
          `windlass_root` of its own)"
        ]
    );
    let apart = "a ansible_host=10.0.0.1\nb ansible_host=10.0.0.1 windlass_root=/srv/b\n\
                 c ansible_host=10.0.0.1 ansible_ssh_common_args='-J gate'\nd ansible_host=10.0.0.1:2\n";
    let apart = apart.replace(":2\n", " ansible_port=2\n");
    assert_eq!(targets(&apart).targets.len(), 4);
}

#[test]
fn passwords_are_warned_of_and_nowhere() {
    let text = "h ansible_password=hunter2 ansible_become_pass=hunter2 ok=1\n\
                [all:vars]\nansible_ssh_pass=hunter2\n";
    let inventory = ini(text);
    let Targets { targets, warnings } = inventory.targets().expect("valid");
    let names: Vec<&str> = warnings.iter().map(|warning| warning.message.as_str()).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    let all = format!("{inventory:?} {targets:?} {warnings:?} {}", whole(&inventory));
    assert!(!all.contains("hunter2"));
    assert_eq!(targets[0].variables.keys().collect::<Vec<_>>(), ["ok"]);
}

#[test]
fn names_that_no_template_can_say_are_left_out_with_a_warning() {
    let targets = targets("h my-var=1 ok=2\n");
    assert_eq!(targets.targets[0].variables.keys().collect::<Vec<_>>(), ["ok"]);
    assert_eq!(
        told(&targets.warnings),
        [
            "1:10 `my-var` is not the name of a variable (`${KEY}` has letters, digits and `_`: this one \
          cannot be used)"
        ]
    );
}

#[test]
fn values_are_never_expanded() {
    let targets = targets("h a='{{ b }}' b='${c}'\n");
    let variables = &targets.targets[0].variables;
    assert_eq!((variables["a"].as_str(), variables["b"].as_str()), ("{{ b }}", "${c}"));
    assert_eq!(
        told(&targets.warnings),
        [
            "1:5 `a` holds a Jinja expression, which is taken as it is (write down what it stands for)"
        ]
    );
}
