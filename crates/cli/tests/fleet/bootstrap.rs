//! How the agent gets to a host, and what is said where it cannot.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use windlass_testing::SshdOptions;

use super::fixture::{Fleet, Kind};

#[test]
fn the_agent_is_sent_once_and_kept_for_the_user_alone() {
    let fleet = Fleet::new(Kind::Ssh, 2);
    fleet.run(&["deploy", "prod"]).success();
    let agents = fleet.agents();
    assert_eq!(agents.len(), 1, "{agents:?}");
    let sent = agents[0].metadata().expect("there");
    assert_eq!(sent.permissions().mode() & 0o777, 0o700);
    let directory = agents[0].parent().expect("a directory").metadata().expect("there");
    assert_eq!(directory.permissions().mode() & 0o777, 0o700);
    fleet.project.write("conf", "two\n");
    fleet.run(&["deploy", "prod"]).success();
    let kept = fleet.agents()[0].metadata().expect("there");
    assert_eq!((sent.ino(), sent.mtime_nsec()), (kept.ino(), kept.mtime_nsec()));
}

#[test]
fn a_command_logs_in_once_on_each_host() {
    let fleet = Fleet::new(Kind::Ssh, 2);
    let other = fleet.address(1).replace("hosts/h1", "hosts/other");
    fleet.project.edit(
        "windlass.toml",
        "targets = [",
        &format!("targets = [{{ name = \"other\", address = \"{other}\" }}, "),
    );
    fleet.run(&["deploy", "prod"]).success();
    assert_eq!(fleet.logins(), 2, "{}", fleet.server().log());
}

#[test]
fn a_server_with_one_session_a_connection_gets_more_connections() {
    let fleet = Fleet::over(SshdOptions::new().line("MaxSessions 1"), 1);
    let other = fleet.address(1).replace("hosts/h1", "hosts/other");
    let targets = format!("targets = [{{ name = \"other\", address = \"{other}\" }}, ");
    fleet.project.edit("windlass.toml", "targets = [", &targets);
    fleet.run(&["deploy", "prod"]).success();
    assert_eq!(fleet.text(1, "motd").as_deref(), Some("hello\n"));
}

#[test]
fn what_is_no_agent_in_its_place_is_replaced() {
    let fleet = Fleet::new(Kind::Ssh, 1);
    fleet.run(&["deploy", "prod"]).success();
    let agent = fleet.agents().remove(0);
    for impostor in ["garbage \u{1}", "#!/bin/sh\necho nonsense, at some length\n", ""] {
        // The agent before may not have ended yet: a program that runs cannot be written to.
        std::fs::remove_file(&agent).expect("removed");
        std::fs::write(&agent, impostor).expect("written");
        std::fs::set_permissions(&agent, std::fs::Permissions::from_mode(0o700)).expect("set");
        let status = fleet.run(&["status", "prod", "--output", "json"]).success().json();
        assert_eq!(status["targets"][0]["state"], "in_sync", "{impostor:?}: {status}");
        assert_eq!(fleet.agents(), std::slice::from_ref(&agent));
    }
}

#[test]
fn a_profile_may_print_what_it_likes() {
    let fleet = Fleet::over(SshdOptions::new().line("Banner /etc/hostname"), 1);
    for profile in [".bashrc", ".profile", ".zshenv"] {
        std::fs::write(
            fleet.server().path("home").join(profile),
            "echo hello; printf no-newline\n",
        )
        .expect("written");
    }
    fleet.run(&["deploy", "prod"]).success();
    assert_eq!(fleet.text(1, "motd").as_deref(), Some("hello\n"));
}

#[test]
fn a_forced_command_is_quoted() {
    let fleet =
        Fleet::over(SshdOptions::new().line("ForceCommand echo only backups here; exit 9"), 1);
    let output = fleet.run(&["deploy", "prod"]).code(1);
    output.says("h1").says("only backups here").says("exit code 9");
    assert_eq!(fleet.text(1, "motd"), None);
}

#[test]
fn a_host_without_a_place_for_the_agent_says_so() {
    let fleet = Fleet::over_with(SshdOptions::new(), 1, "agent_dir = \"/proc/windlass\"");
    let output = fleet.run(&["deploy", "prod"]).code(1);
    output.says("no directory on the host can hold the agent").says("agent_dir");
}

#[test]
fn a_host_that_cannot_hold_the_agent_says_why_and_keeps_no_part_of_it() {
    let full = r#"ForceCommand trap "" XFSZ; ulimit -f 64; eval "$SSH_ORIGINAL_COMMAND""#;
    let fleet = Fleet::over(SshdOptions::new().line(full), 1);
    let output = fleet.run(&["deploy", "prod"]).code(1);
    output.says("the agent could not be written on the host").says("File too large");
    assert!(fleet.agents().is_empty(), "{:?}", fleet.agents());
    assert_eq!(fleet.text(1, "motd"), None);
}

#[test]
fn the_agent_goes_where_it_is_told_to() {
    let fleet = Fleet::new(Kind::Ssh, 1);
    let place = fleet.project.home().join("agents");
    let line = format!("config = \"ssh_config\"\nagent_dir = \"{}\"", place.display());
    fleet.project.edit("windlass.toml", "config = \"ssh_config\"", &line);
    fleet.run(&["deploy", "prod"]).success();
    assert_eq!(std::fs::read_dir(place).expect("made").count(), 1);
    assert!(fleet.agents().is_empty());
}

#[test]
fn a_directory_that_others_can_write_to_is_not_used() {
    let fleet = Fleet::new(Kind::Ssh, 1);
    let place = fleet.project.home().join("agents");
    std::fs::create_dir(&place).expect("made");
    std::fs::set_permissions(&place, std::fs::Permissions::from_mode(0o777)).expect("set");
    let line = format!("config = \"ssh_config\"\nagent_dir = \"{}\"", place.display());
    fleet.project.edit("windlass.toml", "config = \"ssh_config\"", &line);
    fleet.run(&["deploy", "prod"]).code(1).says("not a directory of the user alone");
}

#[test]
fn a_missing_agent_is_said_with_where_it_was_looked_for() {
    let fleet = Fleet::new(Kind::Ssh, 1);
    let missing = fleet.project.at("no-such-agent");
    let windlass = fleet.windlass().env("WINDLASS_AGENT", missing);
    windlass.run(&["deploy", "prod"]).code(1).says("h1").says("no-such-agent");
}

#[test]
#[ignore = "takes a release with the agent inside: scripts/build-release --test"]
fn a_release_deploys_over_ssh_with_no_agent_beside_it() {
    let release = std::env::var_os("WINDLASS_TEST_RELEASE").expect("scripts/build-release sets it");
    let fleet = Fleet::new(Kind::Ssh, 2);
    let alone = fleet.project.home().join("bin/windlass");
    std::fs::create_dir(alone.with_file_name("")).expect("made");
    std::fs::copy(release, &alone).expect("copied");
    fleet.project.windlass(&alone).run(&["deploy", "prod"]).success();
    assert_eq!(fleet.texts("motd"), vec![Some("hello\n".to_owned()); 2]);
    assert_eq!(fleet.agents().len(), 1);
    let entries = std::fs::read_dir(alone.with_file_name("")).expect("listed");
    assert_eq!(entries.count(), 1, "nothing but the program");
}
