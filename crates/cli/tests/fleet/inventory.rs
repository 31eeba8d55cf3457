//! Targets that an inventory names, and those that are chosen among them.

use std::os::unix::fs::PermissionsExt;

use windlass_testing::TestProject;

use super::fixture::{Fleet, Kind};

/// Returns a fleet whose targets stand in `hosts` in place of the project file.
fn listed_in(kind: Kind, count: usize, file: &str, text: &str) -> Fleet {
    let fleet = Fleet::new(kind, count);
    let project = fleet.project.read("windlass.toml");
    let line = project.lines().find(|line| line.starts_with("targets = ")).expect("targets");
    fleet.project.edit("windlass.toml", line, &format!("inventory = \"{file}\""));
    fleet.project.edit("windlass.toml", "variables = { GREETING = \"hello\" }\n", "");
    fleet.project.write(file, text);
    fleet
}

/// Returns an inventory of hosts over SSH, in two groups.
fn of_hosts(project: &TestProject) -> String {
    let roots = project.home().join("hosts");
    let host = |n| {
        let root = roots.join(format!("h{n}"));
        format!("h{n} ansible_host=127.1.0.{n} windlass_root={}\n", root.display())
    };
    format!(
        "[web]\n{}{}\n[db]\n{}\n[all:vars]\nGREETING=hello\n[db:vars]\nGREETING=db\n",
        host(1),
        host(2),
        host(3)
    )
}

fn fleet() -> Fleet {
    let fleet = listed_in(Kind::Ssh, 3, "inventory/prod.ini", "");
    fleet.project.write("inventory/prod.ini", of_hosts(&fleet.project));
    fleet
}

#[test]
fn hosts_of_an_inventory_are_targets_with_its_variables() {
    let fleet = fleet();
    fleet.project.write("inventory/group_vars/web.yaml", "GREETING: web\n");
    fleet.project.write("inventory/host_vars/h2/own.yml", "GREETING: own\n");
    fleet.run(&["deploy", "prod"]).success();
    let texts: Vec<_> = fleet.texts("motd").into_iter().flatten().collect();
    assert_eq!(texts, ["web\n", "own\n", "db\n"]);
}

#[test]
fn some_targets_are_chosen_by_name_and_group() {
    let fleet = fleet();
    let chosen = |arguments: &[&str]| {
        let arguments = [&["targets", "list", "prod", "--output", "json"], arguments].concat();
        let listed = fleet.run(&arguments).success().json();
        let targets = listed["targets"].as_array().expect("targets").clone();
        targets.iter().map(|t| t["id"].as_str().expect("an id").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(chosen(&[]), ["h1", "h2", "h3"]);
    assert_eq!(chosen(&["--group", "web"]), ["h1", "h2"]);
    assert_eq!(chosen(&["--target", "h*", "--target", "!h2"]), ["h1", "h3"]);
    fleet.run(&["deploy", "prod", "--target", "h9"]).code(1).says("no target matches `h9`");
    fleet.run(&["deploy", "prod", "--group", "wbe"]).code(1).says("did you mean `web`?");
    fleet.run(&["deploy", "prod", "--group", "web"]).success();
    assert_eq!(fleet.text(3, "motd"), None);
    let status = fleet.run(&["status", "prod", "-t", "h3", "--output", "json"]).success().json();
    assert_eq!(status["targets"].as_array().map(Vec::len), Some(1));
    fleet.run(&["deploy", "prod"]).success();
    assert_eq!(fleet.text(3, "motd").as_deref(), Some("db\n"));
    let live = |n| fleet.root(n).join("etc/web/.windlass/current").read_link().expect("live");
    assert_eq!(live(1), live(3), "all of them are on one release");
}

#[test]
fn a_program_may_list_the_hosts() {
    let fleet = fleet();
    let roots = fleet.project.home().join("hosts/h1");
    let listing = format!(
        r#"{{"web": {{"hosts": ["h1"]}}, "_meta": {{"hostvars": {{"h1": {{"ansible_host": "127.1.0.1", "windlass_root": "{}", "GREETING": "listed"}}}}}}}}"#,
        roots.display()
    );
    let script = format!("#!/bin/sh\ntest \"$1\" = --list && cat <<'E'\n{listing}\nE\n");
    fleet.project.write("inventory/prod.ini", script);
    let path = fleet.project.at("inventory/prod.ini");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).expect("set");
    fleet.run(&["deploy", "prod"]).success();
    assert_eq!(fleet.text(1, "motd").as_deref(), Some("listed\n"));
    fleet.project.write("inventory/prod.ini", "#!/bin/sh\necho no cloud >&2\nexit 3\n");
    let failed = fleet.run(&["deploy", "prod"]).code(1);
    failed.says("no cloud").says("windlass.toml:").says("inventory/prod.ini");
}

#[test]
fn what_is_wrong_with_an_inventory_is_told_at_its_place() {
    let fleet = fleet();
    fleet.project.write("inventory/prod.ini", "[web\nh1\n");
    fleet.run(&["plan", "prod"]).code(1).says("inventory/prod.ini:1");
    fleet.project.write("inventory/prod.ini", "h1 ansible_host=-oProxyCommand=id\n");
    fleet.run(&["plan", "prod"]).code(1).says("inventory/prod.ini:1");
    fleet.project.remove("inventory/prod.ini");
    fleet.run(&["plan", "prod"]).code(1).says("windlass.toml:").says("inventory/prod.ini");
}

#[test]
fn a_host_that_is_two_targets_is_an_error() {
    let fleet = fleet();
    let inventory = fleet.project.read("inventory/prod.ini");
    let twice = format!("{inventory}\n[more]\n{}", of_hosts(&fleet.project).replace("h1 ", "x1 "));
    let twice = twice.replacen("[web]", "[first]", 1);
    fleet.project.write("inventory/prod.ini", twice);
    fleet.run(&["deploy", "prod"]).code(1).says("`h1` and `x1` are the same");
    fleet.project.write("inventory/prod.ini", inventory);
    let own = format!("targets = [\"{}\"]\ninventory = ", fleet.address(2));
    fleet.project.edit("windlass.toml", "inventory = ", &own);
    fleet.run(&["deploy", "prod"]).code(1).says("and `h2` are the same");
}

#[test]
fn targets_are_tried_and_forgotten() {
    let fleet = fleet();
    let good = fleet.run(&["targets", "check", "prod"]).code(0);
    assert!(good.stdout.ends_with("3 targets, 3 reached.\n"), "{good}");
    assert_eq!(fleet.agents().len(), 1);
    let checked = fleet.run(&["targets", "check", "prod", "--output", "json"]).success().json();
    let host = &checked["targets"][0]["host"];
    let boot_id = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").expect("read");
    assert_eq!(host["boot_id"], boot_id.trim());
    assert_eq!(host["agent"], env!("CARGO_PKG_VERSION"));
    assert!(host["space"]["free_bytes"].as_u64().is_some_and(|free| free > 0), "{host}");
    let ahead = host["clock_ahead_ms"].as_i64().expect("a number");
    assert!(ahead.abs() < 60_000, "one machine has one clock: {ahead}");
    fleet.server().write_known_hosts("");
    let checked = fleet.run(&["targets", "check", "prod", "--output", "json"]).code(3).json();
    assert_eq!(checked["targets"][0]["reached"], false);
    let why = checked["targets"][0]["problems"][0].as_str().expect("a reason");
    assert!(why.contains("not in"), "{why}");
    let server = fleet.server();
    let key = format!("[127.*]:{} {}\n", server.port(), server.host_key("ed25519"));
    server.write_known_hosts(&key);
    fleet.run(&["deploy", "prod"]).success();
    let forgotten = fleet.run(&["targets", "forget", "prod"]).success();
    assert!(forgotten.stdout.contains("removed"), "{forgotten}");
    assert!(fleet.agents().is_empty());
    assert_eq!(fleet.text(1, "motd").as_deref(), Some("hello\n"));
}

/// Returns a host of an inventory with these variables, of a fleet whose SSH configuration has no key.
fn entered_by(variables: &str) -> Fleet {
    let fleet = listed_in(Kind::Ssh, 1, "inventory/prod.ini", "");
    let root = fleet.root(1);
    let line = format!(
        "h1 ansible_host=127.1.0.1 windlass_root={} GREETING=hello {variables}\n",
        root.display()
    );
    fleet.project.write("inventory/prod.ini", line);
    let config = fleet.project.read("ssh_config");
    let without: Vec<_> = config.lines().filter(|line| !line.contains("IdentityFile ")).collect();
    fleet.project.write("ssh_config", without.join("\n"));
    let key = std::fs::read(fleet.server().path("client")).expect("a key");
    fleet.project.write("keys/deploy", key);
    let mode = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(fleet.project.at("keys/deploy"), mode).expect("set");
    fleet
}

#[test]
fn a_host_has_a_key_of_its_own() {
    let fleet = entered_by("");
    fleet.run(&["deploy", "prod"]).code(1).says("nobody could be logged in");
    let fleet = entered_by("ansible_ssh_private_key_file=keys/deploy");
    fleet.run(&["deploy", "prod"]).success();
    assert_eq!(fleet.text(1, "motd").as_deref(), Some("hello\n"));
    fleet.project.remove("keys/deploy");
    fleet.run(&["deploy", "prod"]).code(1).says("keys/deploy is not there");
}

#[test]
fn a_host_has_a_way_port_and_user_of_its_own() {
    let fleet = entered_by("");
    let port = fleet.server().port();
    let user = std::process::Command::new("id").arg("-un").output().expect("id").stdout;
    let user = String::from_utf8(user).expect("UTF-8");
    let arguments =
        format!("ansible_ssh_common_args='-i keys/deploy -p {port} -l {} -J hop -C'", user.trim());
    fleet.project.edit(
        "inventory/prod.ini",
        "GREETING=hello ",
        &format!("GREETING=hello {arguments}"),
    );
    let config = fleet.project.read("ssh_config").replace(&format!("Port {port}"), "Port 1");
    let hop = format!(
        "Host hop\n  HostName 127.1.0.9\n  Port {port}\n  IdentityFile {}\n{config}",
        fleet.project.at("keys/deploy").display()
    );
    fleet.project.write("ssh_config", hop);
    fleet.run(&["deploy", "prod"]).success();
    assert_eq!(fleet.text(1, "motd").as_deref(), Some("hello\n"));
    assert_eq!(fleet.logins(), 2, "one of them is on the way: {}", fleet.server().log());
}

#[test]
fn arguments_that_cannot_be_followed_are_refused_by_name() {
    let fleet = entered_by("ansible_ssh_extra_args='-F /tmp/other'");
    fleet.run(&["plan", "prod"]).code(1).says("inventory/prod.ini:1").says("`-F`");
    let fleet = entered_by("ansible_become=true ansible_become_method=doas");
    fleet.run(&["plan", "prod"]).code(1).says("ansible_become_method").says("`sudo`");
}
