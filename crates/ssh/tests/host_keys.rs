//! Hosts that are unknown, changed, revoked or new.

mod support;

use std::fs;

use support::{chain, connect, destination, options, refused, run};
use windlass_ssh::{Class, Client, HostKeyPolicy};
use windlass_testing::{Sshd, SshdOptions, generate_key};

/// The server saw that somebody came, and not that anybody tried to log in.
fn assert_nothing_was_sent(server: &Sshd) {
    let log = server.log();
    assert!(!log.contains("Postponed") && !log.contains("Accepted"), "{log}");
    assert!(!log.contains("Failed"), "{log}");
}

#[tokio::test]
async fn an_unknown_host_is_refused_with_its_fingerprint_and_the_files() {
    let server = Sshd::start(&SshdOptions::new());
    server.write_known_hosts("");
    let error = refused(&server, Class::HostKey).await;
    let text = chain(&error);
    assert!(
        text.contains("SHA256:") && text.contains("ED25519") | text.contains("ed25519"),
        "{text}"
    );
    assert!(text.contains(&server.path("known_hosts").display().to_string()), "{text}");
    assert!(text.contains(&format!("[127.0.0.1]:{}", server.port())), "{text}");
    assert_nothing_was_sent(&server);
    assert_eq!(server.known_hosts(), "");
}

#[tokio::test]
async fn a_changed_key_is_refused_with_its_place_and_the_way_out_that_works() {
    let server = Sshd::start(&SshdOptions::new());
    generate_key(&server.path("other"), "ed25519");
    let other = fs::read_to_string(server.path("other.pub")).unwrap();
    let name = format!("[127.0.0.1]:{}", server.port());
    server.write_known_hosts(&format!("# mine\n{name} {other}"));
    server.configure_client("Host *\n  StrictHostKeyChecking no\n");
    let text = chain(&refused(&server, Class::HostKey).await);
    assert!(text.contains(&format!("{}:2", server.path("known_hosts").display())), "{text}");
    let advice = text.split("run ").nth(1).unwrap();
    let done = std::process::Command::new("sh").arg("-c").arg(advice).output().unwrap();
    assert!(done.status.success(), "{advice}: {done:?}");
    assert!(!server.known_hosts().contains(&name));
    assert_nothing_was_sent(&server);
}

#[tokio::test]
async fn a_revoked_key_is_refused_though_it_is_known() {
    let server = Sshd::start(&SshdOptions::new());
    let key = server.host_key("ed25519");
    server.write_known_hosts(&format!("{}@revoked * {key}\n", server.known_hosts()));
    let text = chain(&refused(&server, Class::HostKey).await);
    assert!(text.contains("revokes") && text.contains("known_hosts:2"), "{text}");
}

#[tokio::test]
async fn a_list_of_revoked_keys_counts_in_both_of_its_forms() {
    let server = Sshd::start(&SshdOptions::new());
    let list = server.path("revoked");
    server.configure_client(&format!("RevokedHostKeys {}", list.display()));
    let text = chain(&refused(&server, Class::HostKey).await);
    assert!(text.contains("does not tell"), "a list that is missing: {text}");
    fs::write(&list, "# none\n").unwrap();
    assert!(connect(&server).await.is_ok());
    fs::write(&list, server.host_key("ed25519")).unwrap();
    assert!(chain(&refused(&server, Class::HostKey).await).contains("revokes"));
    for (key, is_refused) in [("client.pub", false), ("host_ed25519.pub", true)] {
        let mut make = std::process::Command::new("ssh-keygen");
        make.args(["-q", "-k", "-f"]).arg(&list).arg(server.path(key));
        assert!(make.status().unwrap().success());
        assert_eq!(connect(&server).await.is_err(), is_refused, "{key}");
    }
}

#[tokio::test]
async fn a_new_host_is_remembered_where_that_is_wanted_and_must_then_stay_the_same() {
    let server = Sshd::start(&SshdOptions::new());
    server.write_known_hosts("# no end of line");
    server.configure_client("Host *\n  StrictHostKeyChecking accept-new\n  HashKnownHosts yes\n");
    connect(&server).await.unwrap();
    let remembered = server.known_hosts();
    assert!(remembered.starts_with("# no end of line\n|1|"), "{remembered}");
    server.configure_client("Host *\n  StrictHostKeyChecking yes\n");
    connect(&server).await.unwrap();
    assert!(server.ssh(&["127.0.0.1", "true"]).status().unwrap().success());
    assert_eq!(server.known_hosts(), remembered);
}

#[tokio::test]
async fn a_hundred_connections_at_once_remember_a_host_once() {
    let server = Sshd::start(&SshdOptions::new());
    server.write_known_hosts("");
    let mut options = options(&server);
    options.host_keys = Some(HostKeyPolicy::AcceptNew);
    let client = Client::new(options);
    let connecting = (0..20).map(|_| {
        let (client, destination) = (client.clone(), destination(&server));
        tokio::spawn(async move { client.connect(&destination).await })
    });
    for connection in connecting.collect::<Vec<_>>() {
        connection.await.unwrap().unwrap();
    }
    assert_eq!(server.known_hosts().lines().count(), 1, "{}", server.known_hosts());
}

#[tokio::test]
async fn a_new_host_that_cannot_be_remembered_is_refused() {
    let server = Sshd::start(&SshdOptions::new());
    let nowhere = "Host *\n  StrictHostKeyChecking accept-new\n  UserKnownHostsFile none\n";
    server.configure_client(nowhere);
    let text = chain(&refused(&server, Class::HostKey).await);
    assert!(text.contains("cannot be remembered"), "{text}");
    let path = server.path("config").join("below");
    let unwritable = format!(
        "Host *\n  StrictHostKeyChecking accept-new\n  UserKnownHostsFile {}\n",
        path.display()
    );
    server.configure_client(&unwritable);
    let text = chain(&refused(&server, Class::HostKey).await);
    assert!(text.contains("cannot be added"), "{text}");
}

#[tokio::test]
async fn a_server_with_several_keys_is_asked_for_the_one_that_is_known() {
    let server = Sshd::start(&SshdOptions::new().host_keys(&["ed25519", "ecdsa", "rsa"]));
    let name = format!("[127.0.0.1]:{}", server.port());
    for kind in ["ecdsa", "rsa", "ed25519"] {
        server.write_known_hosts(&format!("{name} {}\n", server.host_key(kind)));
        let connection = connect(&server).await.unwrap();
        assert!(run(&connection, "true").await.status.is_success(), "{kind}");
    }
}

#[tokio::test]
async fn an_alias_is_looked_up_in_place_of_the_name() {
    let server = Sshd::start(&SshdOptions::new());
    server.write_known_hosts(&format!("production-web {}\n", server.host_key("ed25519")));
    server.configure_client("HostKeyAlias production-web");
    connect(&server).await.unwrap();
    server.configure_client("HostKeyAlias staging-web");
    assert!(chain(&refused(&server, Class::HostKey).await).contains("`staging-web`"));
}

#[tokio::test]
async fn an_alias_that_is_a_pattern_is_never_remembered() {
    let server = Sshd::start(&SshdOptions::new());
    server.write_known_hosts("");
    server.configure_client("Host *\n  HostKeyAlias *\n  StrictHostKeyChecking accept-new\n");
    refused(&server, Class::HostKey).await;
    assert_eq!(server.known_hosts(), "");
}
