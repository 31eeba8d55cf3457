//! Logging in, and not being able to.

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use support::{chain, connect, destination, options, refused, run};
use windlass_ssh::{Class, Client, Connection, Error};
use windlass_testing::{Sshd, SshdOptions, generate_key};

/// An agent of the test's own, which ends with it.
struct TestAgent {
    process: Child,
    socket: PathBuf,
}

impl TestAgent {
    fn start(server: &Sshd) -> Self {
        let socket = server.path("agent.sock");
        let mut command = Command::new("ssh-agent");
        command.arg("-D").arg("-a").arg(&socket).stdout(Stdio::null());
        let process = command.spawn().unwrap();
        while !socket.exists() {
            std::thread::yield_now();
        }
        Self { process, socket }
    }

    fn add(&self, key: &std::path::Path, arguments: &[&str]) {
        let mut command = Command::new("ssh-add");
        command.env("SSH_AUTH_SOCK", &self.socket).args(arguments).arg(key);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for TestAgent {
    fn drop(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// Puts another key of the client where the server looks.
fn authorize(server: &Sshd, key: &str) {
    fs::copy(server.path(&format!("{key}.pub")), server.path("authorized_keys")).unwrap();
}

async fn connect_with_agent(server: &Sshd, agent: &TestAgent) -> Result<Connection, Error> {
    let mut options = options(server);
    options.agent = Some(agent.socket.clone());
    Client::new(options).connect(&destination(server)).await
}

/// Lets the agent in, in place of the `none` of the server's own configuration.
const AGENT: &str = "Host *\n  IdentityAgent SSH_AUTH_SOCK\n";

#[tokio::test]
async fn keys_of_every_kind_open_the_door() {
    let server = Sshd::start(&SshdOptions::new());
    for kind in ["ed25519", "ecdsa", "rsa"] {
        generate_key(&server.path(kind), kind);
        authorize(&server, kind);
        let key = format!("Host *\n  IdentityFile {}\n", server.path(kind).display());
        server.configure_client(&key);
        let connection = connect(&server).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
        assert!(run(&connection, "true").await.status.is_success());
    }
    assert!(!server.log().contains("ssh-rsa SHA1"), "{}", server.log());
}

#[tokio::test]
async fn keys_of_the_agent_open_it_too() {
    let server = Sshd::start(&SshdOptions::new());
    let agent = TestAgent::start(&server);
    server.configure_client(&format!("{AGENT}\n  IdentityFile none\n  IdentitiesOnly no\n"));
    for kind in ["ed25519", "ecdsa", "rsa"] {
        generate_key(&server.path(kind), kind);
        authorize(&server, kind);
        agent.add(&server.path(kind), &[]);
        connect_with_agent(&server, &agent)
            .await
            .unwrap_or_else(|error| panic!("{}", chain(&error)));
    }
}

#[tokio::test]
async fn with_identities_only_the_agent_has_just_the_keys_that_are_named() {
    let server = Sshd::start(&SshdOptions::new());
    let agent = TestAgent::start(&server);
    agent.add(&server.path("client"), &[]);
    generate_key(&server.path("other"), "ed25519");
    let other = server.path("other").display().to_string();
    server.configure_client(&format!("{AGENT}\n  IdentityFile {other}.pub\n"));
    fs::rename(server.path("client"), server.path("hidden")).unwrap();
    fs::remove_file(server.path("client.pub")).unwrap();
    let error = connect_with_agent(&server, &agent).await.unwrap_err();
    assert_eq!(error.class(), Class::Authentication, "{}", chain(&error));
    agent.add(&server.path("other"), &[]);
    authorize(&server, "other");
    connect_with_agent(&server, &agent).await.unwrap();
}

#[tokio::test]
async fn a_key_with_a_passphrase_needs_the_agent_and_the_error_says_so() {
    let server = Sshd::start(&SshdOptions::new());
    let mut lock = Command::new("ssh-keygen");
    lock.args(["-q", "-p", "-P", "", "-N", "correct horse", "-f"]).arg(server.path("client"));
    assert!(lock.status().unwrap().success());
    let text = refused(&server, Class::Authentication).await.to_string();
    assert!(text.contains("has a passphrase") && text.contains("ssh-add"), "{text}");
}

#[tokio::test]
async fn an_agent_that_is_gone_does_not_keep_a_key_file_from_working() {
    let server = Sshd::start(&SshdOptions::new());
    let gone = format!("IdentityAgent {}", server.path("nobody.sock").display());
    server.configure_client(&gone);
    connect(&server).await.unwrap();
    fs::write(server.path("authorized_keys"), "").unwrap();
    let text = refused(&server, Class::Authentication).await.to_string();
    assert!(text.contains("nobody.sock"), "{text}");
}

#[tokio::test]
async fn a_certificate_opens_it_from_a_file_and_from_the_agent() {
    let server = Sshd::start(&SshdOptions::new());
    let authority = server.path("ca");
    generate_key(&authority, "ed25519");
    let public = fs::read_to_string(server.path("ca.pub")).unwrap();
    let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let rule = format!("cert-authority,principals=\"{}\" {public}", user.trim());
    fs::write(server.path("authorized_keys"), rule).unwrap();
    for kind in ["ed25519", "rsa"] {
        let key = server.path(&format!("certified_{kind}"));
        generate_key(&key, kind);
        let mut sign = Command::new("ssh-keygen");
        sign.args(["-q", "-I", "me", "-n", user.trim(), "-s"]).arg(&authority);
        assert!(sign.arg(format!("{}.pub", key.display())).status().unwrap().success());
        server.configure_client(&format!("Host *\n  IdentityFile {}\n", key.display()));
        connect(&server).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
        let agent = TestAgent::start(&server);
        agent.add(&key, &[]);
        server.configure_client(&format!("{AGENT}  IdentityFile none\n  IdentitiesOnly no\n"));
        let connected = connect_with_agent(&server, &agent).await;
        connected.unwrap_or_else(|error| panic!("{}", chain(&error)));
        drop(agent);
        fs::remove_file(server.path("agent.sock")).ok();
    }
}

#[tokio::test]
async fn too_many_keys_are_an_error_that_says_which_and_what_helps() {
    let server = Sshd::start(&SshdOptions::new().line("MaxAuthTries 2").without_authorized_key());
    let names: Vec<_> = (0..4).map(|number| format!("key{number}")).collect();
    let mut lines = "Host *\n".to_owned();
    for name in &names {
        generate_key(&server.path(name), "ed25519");
        lines.push_str(&format!("  IdentityFile {}\n", server.path(name).display()));
    }
    server.configure_client(&lines);
    let text = refused(&server, Class::Authentication).await.to_string();
    assert!(text.contains("Too many authentication failures"), "{text}");
    assert!(text.contains("key0") && text.contains("IdentitiesOnly"), "{text}");
}

#[tokio::test]
async fn a_server_that_wants_a_password_is_an_error_within_five_seconds() {
    let options = SshdOptions::new()
        .line("PasswordAuthentication yes")
        .line("PubkeyAuthentication no")
        .line("KbdInteractiveAuthentication yes");
    let server = Sshd::start(&options);
    let start = Instant::now();
    let text = refused(&server, Class::Authentication).await.to_string();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    assert!(text.contains("password") && text.contains("nobody is asked"), "{text}");
    server.configure_client("Host *\n  PubkeyAuthentication no\n");
    let text = refused(&server, Class::Authentication).await.to_string();
    assert!(text.contains("no key to try") && text.contains("password"), "{text}");
}

#[tokio::test]
async fn a_key_that_is_not_enough_is_said_to_be_accepted() {
    let options = SshdOptions::new()
        .line("PasswordAuthentication yes")
        .line("AuthenticationMethods publickey,password");
    let server = Sshd::start(&options);
    let text = refused(&server, Class::Authentication).await.to_string();
    assert!(text.contains("accepted, and not enough") && text.contains("password"), "{text}");
}

#[tokio::test]
async fn two_keys_are_given_where_two_are_wanted() {
    let server = Sshd::start(&SshdOptions::new().line("AuthenticationMethods publickey,publickey"));
    generate_key(&server.path("second"), "ed25519");
    let both =
        ["client.pub", "second.pub"].map(|name| fs::read_to_string(server.path(name)).unwrap());
    fs::write(server.path("authorized_keys"), both.concat()).unwrap();
    server
        .configure_client(&format!("Host *\n  IdentityFile {}\n", server.path("second").display()));
    connect(&server).await.unwrap_or_else(|error| panic!("{}", chain(&error)));
}
