//! Servers that are busy, silent, elsewhere or not what they seem.

mod support;

use std::time::Duration;

use support::hole::Hole;
use support::{chain, connect, destination, impatient, options, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use windlass_ssh::{Class, Client, Connection, Destination, Error, Keepalive, Options, Phase};
use windlass_testing::{Sshd, SshdOptions};

/// The server as seen through another port: the key is that of 127.0.0.1.
fn at(server: &Sshd, port: u16) -> Destination {
    server.write_known_hosts(&format!("[127.0.0.1]:{port} {}\n", server.host_key("ed25519")));
    format!("ssh://127.0.0.1:{port}").parse().unwrap()
}

fn alert(server: &Sshd) -> Options {
    let keepalive = Keepalive { interval: Duration::from_millis(400), count: 3 };
    Options { keepalive, ..options(server) }
}

async fn through(server: &Sshd, hole: &Hole) -> Connection {
    Client::new(alert(server)).connect(&at(server, hole.port())).await.unwrap()
}

#[tokio::test]
async fn a_black_hole_ends_a_command_that_waits() {
    let server = Sshd::start(&SshdOptions::new());
    let hole = Hole::before(server.port()).await;
    let connection = through(&server, &hole).await;
    let mut exec = connection.exec("echo ready; cat").await.unwrap();
    let mut ready = [0; 6];
    exec.stdout.read_exact(&mut ready).await.unwrap();
    hole.swallow();
    let error = exec.exit.status().await.unwrap_err();
    assert_eq!(error.class(), Class::Lost);
    assert!(error.to_string().contains("no sign of life"), "{error}");
    let error = connection.exec("true").await.unwrap_err();
    assert_eq!(error.class(), Class::Lost, "{error}");
}

#[tokio::test]
async fn a_black_hole_ends_a_transfer_too() {
    let server = Sshd::start(&SshdOptions::new());
    let hole = Hole::before(server.port()).await;
    let connection = through(&server, &hole).await;
    let mut exec = connection.exec("cat > /dev/null").await.unwrap();
    let bytes = vec![0; 256 * 1024];
    exec.stdin.write_all(&bytes).await.unwrap();
    hole.swallow();
    while exec.stdin.write_all(&bytes).await.is_ok() {}
    let error = exec.exit.status().await.unwrap_err();
    assert_eq!(error.class(), Class::Lost, "{error}");
}

#[tokio::test]
async fn a_quiet_command_is_no_black_hole() {
    let server = Sshd::start(&SshdOptions::new());
    let keepalive = Keepalive { interval: Duration::from_millis(100), count: 20 };
    let client = Client::new(Options { keepalive, ..options(&server) });
    let connection = client.connect(&destination(&server)).await.unwrap();
    let finished = run(&connection, "sleep 2.5; echo done").await;
    assert_eq!(finished.stdout, b"done\n");
}

#[tokio::test]
async fn connections_that_the_server_drops_are_tried_again_until_all_are_there() {
    let server = Sshd::start(&SshdOptions::new().line("MaxStartups 2:50:3"));
    let client = Client::new(options(&server));
    let connecting = (0..12).map(|_| {
        let (client, destination) = (client.clone(), destination(&server));
        tokio::spawn(async move {
            let connection = client.connect(&destination).await?;
            Ok::<_, Error>(run(&connection, "true").await)
        })
    });
    for task in connecting.collect::<Vec<_>>() {
        let finished = task.await.unwrap().unwrap_or_else(|error| panic!("{}", chain(&error)));
        assert!(finished.status.is_success());
    }
}

#[tokio::test]
async fn a_server_that_always_drops_is_an_error_that_says_how_often() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let _ = stream.write_all(b"Exceeded MaxStartups\r\n").await;
        }
    });
    let error = from_nobody(port).await;
    assert_eq!(error.class(), Class::Busy);
    let text = error.to_string();
    assert!(text.contains("3 times") && text.contains("Exceeded MaxStartups"), "{text}");
}

/// The error of a connection to something on loopback that is no SSH server.
async fn from_nobody(port: u16) -> Error {
    let options = Options {
        config_file: Some("/dev/null".into()),
        retry: impatient(),
        handshake_timeout: Duration::from_millis(700),
        ..Options::default()
    };
    let destination = format!("ssh://me@127.0.0.1:{port}").parse().unwrap();
    Client::new(options).connect(&destination).await.expect_err("there is no server")
}

/// Something that says `words` and then waits.
async fn saying(words: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        let mut kept: Vec<TcpStream> = Vec::new();
        while let Ok((mut stream, _)) = listener.accept().await {
            stream.write_all(words).await.unwrap();
            kept.push(stream);
        }
    });
    port
}

#[tokio::test]
async fn a_server_that_says_nothing_has_its_limit() {
    let error = from_nobody(saying(b"").await).await;
    let is_greeting = matches!(error, Error::TimedOut { phase: Phase::Greeting, .. });
    assert!(is_greeting, "{error}");
    let error = from_nobody(saying(b"SSH-2.0-slow\r\n").await).await;
    let is_exchange = matches!(error, Error::TimedOut { phase: Phase::KeyExchange, .. });
    assert!(is_exchange, "{error}");
}

#[tokio::test]
async fn something_else_is_quoted() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut request = [0; 100];
            let _ = stream.read(&mut request).await;
            let _ = stream.write_all(b"HTTP/1.1 400 Bad\x1b[2J Request\r\n").await;
        }
    });
    let error = from_nobody(port).await;
    assert_eq!(error.class(), Class::Protocol);
    let text = error.to_string();
    assert!(text.contains("HTTP/1.1 400 Bad") && !text.contains('\u{1b}'), "{text}");
}

#[tokio::test]
async fn a_packet_without_end_is_refused_and_not_kept() {
    let error = from_nobody(saying(b"SSH-2.0-big\r\n\xff\xff\xff\xff\0\0\0\0\0\0\0\0").await).await;
    assert_eq!(error.class(), Class::Protocol, "{error}");
    let error = from_nobody(saying(&[b'x'; 70_000]).await).await;
    assert!(matches!(error.class(), Class::Protocol), "{error}");
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_an_error_at_once() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let error = from_nobody(port).await;
    assert!(matches!(error, Error::Refused { .. }), "{error}");
    assert!(error.to_string().contains(&format!("127.0.0.1:{port}")), "{error}");
}

#[tokio::test]
async fn a_name_without_an_address_is_named() {
    let options = Options { config_file: Some("/dev/null".into()), ..Options::default() };
    let destination = "me@no-such-host.invalid".parse().unwrap();
    let error = Client::new(options).connect(&destination).await.unwrap_err();
    assert_eq!(error.class(), Class::Unreachable);
    assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
}

/// A configuration in which `target` is behind `outer`, and that behind `inner`: all the same
/// server.
fn behind(server: &Sshd) {
    server.configure_client(
        "Host target\n  HostName 127.0.0.1\n  ProxyJump inner,outer\n\
         Host inner outer\n  HostName 127.0.0.1\n\
         Host circle\n  HostName 127.0.0.1\n  ProxyJump round\n\
         Host round\n  HostName 127.0.0.1\n  ProxyJump circle\n\
         Host nowhere\n  HostName 127.0.0.1\n  Port 1\n  ProxyJump inner\n",
    );
}

#[tokio::test]
async fn hosts_behind_hosts_are_reached_over_one_connection_to_each() {
    let server = Sshd::start(&SshdOptions::new());
    behind(&server);
    let client = Client::new(options(&server));
    let one = client.connect(&"target".parse().unwrap()).await.unwrap();
    let two = client.connect(&"target".parse().unwrap()).await.unwrap();
    assert_eq!(run(&one, "echo 1").await.stdout, b"1\n");
    assert_eq!(run(&two, "echo 2").await.stdout, b"2\n");
    let accepted = server.log().matches("Accepted publickey").count();
    assert_eq!(accepted, 4, "inner, outer, and target twice");
}

#[tokio::test]
async fn much_is_sent_to_a_host_behind_others() {
    let server = Sshd::start(&SshdOptions::new());
    behind(&server);
    let client = Client::new(options(&server));
    let connection = client.connect(&"target".parse().unwrap()).await.unwrap();
    let mut exec = connection.exec("wc -c").await.unwrap();
    let sent = vec![7; 24 << 20];
    exec.stdin.write_all(&sent).await.unwrap();
    exec.stdin.shutdown().await.unwrap();
    let mut counted = String::new();
    exec.stdout.read_to_string(&mut counted).await.unwrap();
    assert_eq!(counted.trim(), sent.len().to_string());
}

#[tokio::test]
async fn a_jump_host_that_cannot_go_on_is_named() {
    let server = Sshd::start(&SshdOptions::new());
    behind(&server);
    let client = Client::new(options(&server));
    let error = client.connect(&"nowhere".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::Tunnel { .. }), "{error}");
    assert!(error.to_string().contains("inner") && error.to_string().contains("127.0.0.1:1"));
    let error = client.connect(&"circle".parse().unwrap()).await.unwrap_err();
    assert!(chain(&error).contains("circle"), "{}", chain(&error));
    server.write_known_hosts("");
    let client = Client::new(options(&server));
    let error = client.connect(&"target".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.class(), Class::HostKey, "{}", chain(&error));
    assert!(chain(&error).contains("no way through"), "{}", chain(&error));
}

#[tokio::test]
async fn a_command_can_be_the_way() {
    let server = Sshd::start(&SshdOptions::new());
    let way = format!(
        "Host command\n  HostName 127.0.0.1\n  ProxyCommand ssh -F {} -W %h:%p way\nHost way\n  \
         HostName 127.0.0.1\n",
        server.path("config").display()
    );
    server.configure_client(&way);
    let client = Client::new(options(&server));
    let connection = client.connect(&"command".parse().unwrap()).await.unwrap();
    assert_eq!(run(&connection, "echo there").await.stdout, b"there\n");
}

#[tokio::test]
async fn a_command_that_fails_is_quoted() {
    let server = Sshd::start(&SshdOptions::new());
    server.configure_client("Host *\n  ProxyCommand sh -c 'echo no route to %h >&2; exit 3'\n");
    let error = connect(&server).await.unwrap_err();
    assert!(matches!(error, Error::ProxyCommand { .. }), "{error}");
    assert!(error.to_string().contains("no route to 127.0.0.1"), "{error}");
}

#[tokio::test]
async fn nothing_of_a_hostile_name_is_run() {
    let directory = tempfile::tempdir().unwrap();
    let marker = directory.path().join("was-run");
    let shown = marker.display();
    for text in [
        format!("-oProxyCommand=touch {shown}"),
        format!("ssh://-oProxyCommand=touch${{IFS}}{shown}/x"),
        format!("a;touch {shown}"),
        format!("$(touch {shown})@host"),
    ] {
        assert!(text.parse::<Destination>().is_err(), "{text}");
    }
    let config = directory.path().join("config");
    std::fs::write(
        &config,
        format!("Host *\n  HostName a`touch${{IFS}}{shown}`\n  ProxyCommand echo %h\n"),
    )
    .unwrap();
    let options = Options { config_file: Some(config), ..Options::default() };
    let error = Client::new(options).connect(&"web".parse().unwrap()).await.unwrap_err();
    assert_eq!(error.class(), Class::Configuration, "{}", chain(&error));
    assert!(!marker.exists());
}
