//! Hosts that cannot be reached, or should not be.

use windlass_testing::{SshdOptions, generate_key};

use super::fixture::{Fleet, Kind, states};

#[test]
fn an_unknown_key_is_refused_and_nothing_is_sent() {
    let fleet = Fleet::new(Kind::Ssh, 1);
    fleet.server().write_known_hosts("");
    fleet.run(&["deploy", "prod"]).code(1).says("h1").says("ssh-keyscan");
    assert_eq!((fleet.logins(), fleet.text(1, "motd")), (0, None));
}

#[test]
fn an_unknown_key_is_remembered_where_that_is_wanted() {
    let fleet = Fleet::over_with(SshdOptions::new(), 1, "accept_new = true");
    fleet.server().write_known_hosts("");
    fleet.run(&["deploy", "prod"]).success();
    let key = fleet.server().host_key("ed25519");
    assert!(fleet.server().known_hosts().contains(&key));
}

#[test]
fn a_changed_key_is_refused_even_so() {
    let fleet = Fleet::over_with(SshdOptions::new(), 1, "accept_new = true");
    let other = fleet.project.at("other");
    generate_key(&other, "ed25519");
    let other = std::fs::read_to_string(other.with_extension("pub")).expect("a key");
    let server = fleet.server();
    server.write_known_hosts(&format!("[127.1.0.1]:{} {other}", server.port()));
    fleet.run(&["deploy", "prod"]).code(1).says("somebody is in between").says("known_hosts:1");
    assert_eq!((fleet.logins(), fleet.text(1, "motd")), (0, None));
}

#[test]
fn a_server_that_wants_a_password_is_an_error() {
    let options = SshdOptions::new().without_authorized_key().line("PasswordAuthentication yes");
    let fleet = Fleet::over(options, 1);
    fleet.run(&["deploy", "prod"]).code(1).says("nobody could be logged in").says("client");
}

#[test]
fn addresses_that_hold_commands_are_no_addresses() {
    let fleet = Fleet::new(Kind::Ssh, 1);
    for hostile in ["ssh://-oProxyCommand=touch pwned", "ssh://a;touch pwned", "ssh://$(id)@h"] {
        let mut text = fleet.project.read("windlass.toml");
        text = text.replace(&fleet.address(1), hostile);
        fleet.project.write("hostile.toml", text);
        let output = fleet.run(&["--project", "hostile.toml", "deploy", "prod"]).code(1);
        assert!(output.stderr.contains("address"), "{output}");
    }
    assert!(!fleet.project.at("pwned").exists());
}

#[test]
fn two_names_of_one_host_are_an_error_before_anything_changes() {
    let fleet = Fleet::new(Kind::Ssh, 2);
    let other_name = fleet.address(1).replace("127.1.0.1", "127.1.0.9");
    fleet.project.edit("windlass.toml", &fleet.address(2), &other_name);
    let output = fleet.run(&["deploy", "prod"]).code(1);
    output.says("targets h1 and h2 are the same directory of the same machine");
    assert_eq!(fleet.text(1, "motd"), None);
}

#[test]
fn hosts_that_cannot_be_reached_are_all_named_and_nothing_changes() {
    let fleet = Fleet::over_with(SshdOptions::new(), 4, "connect_timeout = \"4s\"");
    let port = fleet.server().port();
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let silent = listener.local_addr().expect("bound").port();
    fleet.project.edit("windlass.toml", "ssh://127.1.0.2?", "ssh://127.1.0.2:1?");
    let hangs = format!("ssh://127.0.0.1:{silent}?");
    fleet.project.edit("windlass.toml", "ssh://127.1.0.3?", &hangs);
    let other = fleet.project.at("other");
    generate_key(&other, "ed25519");
    let other = std::fs::read_to_string(other.with_extension("pub")).expect("a key");
    let known = fleet.server().known_hosts();
    fleet.server().write_known_hosts(&format!(
        "[127.1.0.4]:{port} {other}{}",
        known.replace("[127.*]", "[127.1.0.1]")
    ));
    let output = fleet.run(&["deploy", "prod"]).code(1);
    let output = output.says("h2").says("refuses connections").says("h3").says("no answer within");
    output.says("h4").says("somebody is in between");
    assert_eq!(fleet.text(1, "motd"), None);
    let status = fleet.run(&["status", "prod", "--output", "json"]).success().json();
    assert_eq!(states(&status), ["empty", "unreachable", "unreachable", "unreachable"]);
    let why = status["targets"][1]["error"].as_str().expect("a reason");
    assert!(why.contains("refuses connections"), "{why}");
}
