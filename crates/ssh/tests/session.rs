//! Commands on a real server.

mod support;

use support::{connect, refused, run};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use windlass_ssh::{Class, Error, ExitStatus};
use windlass_testing::{Sshd, SshdOptions};

#[tokio::test]
async fn a_command_says_what_it_says_and_how_it_ended() {
    let server = Sshd::start(&SshdOptions::new());
    let connection = connect(&server).await.unwrap();
    let finished = run(&connection, "echo out; echo err >&2; exit 7").await;
    assert_eq!(finished.status, ExitStatus::Code(7));
    assert_eq!(
        (finished.stdout.as_slice(), finished.stderr.as_slice()),
        (&b"out\n"[..], &b"err\n"[..])
    );
    assert_eq!(run(&connection, "true").await.status, ExitStatus::Code(0));
    let killed = run(&connection, "kill -TERM $$").await.status;
    assert_eq!(killed, ExitStatus::Signal("TERM".to_owned()));
}

#[tokio::test]
async fn a_megabyte_goes_both_ways() {
    let server = Sshd::start(&SshdOptions::new());
    let connection = connect(&server).await.unwrap();
    let sent: Vec<u8> = (0..3_000_000_u32).map(|number| (number % 251) as u8).collect();
    let mut exec = connection.exec("cat").await.unwrap();
    let mut received = Vec::new();
    let (written, read) = tokio::join!(
        async {
            exec.stdin.write_all(&sent).await?;
            exec.stdin.shutdown().await
        },
        exec.stdout.read_to_end(&mut received)
    );
    written.unwrap();
    read.unwrap();
    assert!(received == sent, "{} bytes came back", received.len());
    assert!(exec.exit.status().await.unwrap().is_success());
}

#[tokio::test]
async fn dropping_the_input_is_its_end() {
    let server = Sshd::start(&SshdOptions::new());
    let connection = connect(&server).await.unwrap();
    let finished = run(&connection, "cat; echo done").await;
    assert_eq!(finished.stdout, b"done\n");
}

#[tokio::test]
async fn input_that_nobody_takes_is_a_broken_pipe() {
    let server = Sshd::start(&SshdOptions::new());
    let connection = connect(&server).await.unwrap();
    let mut exec = connection.exec("exit 3").await.unwrap();
    let bytes = vec![0; 64 * 1024];
    let error = loop {
        if let Err(error) = exec.stdin.write_all(&bytes).await {
            break error;
        }
    };
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
    assert_eq!(exec.exit.status().await.unwrap(), ExitStatus::Code(3));
}

#[tokio::test]
async fn commands_run_side_by_side_on_one_connection() {
    let server = Sshd::start(&SshdOptions::new());
    let connection = connect(&server).await.unwrap();
    let (one, two, three) = tokio::join!(
        run(&connection, "echo 1"),
        run(&connection, "echo 2"),
        run(&connection, "echo 3")
    );
    assert_eq!([one.stdout, two.stdout, three.stdout].concat(), b"1\n2\n3\n");
}

#[tokio::test]
async fn more_sessions_than_the_server_has_are_an_error_and_one_that_ends_makes_room() {
    let server = Sshd::start(&SshdOptions::new().line("MaxSessions 1"));
    let connection = connect(&server).await.unwrap();
    let first = connection.exec("cat").await.unwrap();
    let error = connection.exec("true").await.unwrap_err();
    assert!(matches!(error, Error::NoMoreSessions { .. }), "{error}");
    assert!(error.may_pass());
    drop(first.stdin);
    assert!(first.exit.status().await.unwrap().is_success());
    let finished = loop {
        match connection.exec("echo again").await {
            Ok(exec) => break exec.finish(100).await.unwrap(),
            Err(Error::NoMoreSessions { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    };
    assert_eq!(finished.stdout, b"again\n");
}

#[tokio::test]
async fn a_forced_command_answers_in_place_of_what_was_asked_for() {
    let server = Sshd::start(&SshdOptions::new().line("ForceCommand echo only backups; exit 9"));
    let connection = connect(&server).await.unwrap();
    let finished = run(&connection, "windlass-agent").await;
    assert_eq!(finished.stdout, b"only backups\n");
    assert_eq!(finished.status, ExitStatus::Code(9));
}

#[tokio::test]
async fn agent_forwarding_is_not_there() {
    let server = Sshd::start(&SshdOptions::new().line("AllowAgentForwarding yes"));
    server.configure_client("ForwardAgent yes");
    let connection = connect(&server).await.unwrap();
    let finished = run(&connection, "echo \"agent=$SSH_AUTH_SOCK\"").await;
    assert_eq!(finished.stdout, b"agent=\n");
}

#[tokio::test]
async fn a_command_that_was_let_go_loses_its_channel() {
    let server = Sshd::start(&SshdOptions::new().line("MaxSessions 1"));
    let connection = connect(&server).await.unwrap();
    drop(connection.exec("cat > /dev/null").await.unwrap());
    loop {
        match connection.exec("true").await {
            Ok(exec) => break assert!(exec.finish(0).await.unwrap().status.is_success()),
            Err(Error::NoMoreSessions { .. }) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

/// sshd passes signals on only for users whose sessions it has separated from root's.
#[tokio::test]
async fn a_signal_reaches_the_server_and_the_command_of_a_user_who_is_not_root() {
    let server = Sshd::start(&SshdOptions::new());
    let connection = connect(&server).await.unwrap();
    let mut exec = connection.exec("echo $(id -u); exec cat").await.unwrap();
    let mut first = [0];
    exec.stdout.read_exact(&mut first).await.unwrap();
    exec.exit.signal("TERM").await.unwrap();
    if &first == b"0" {
        while !server.log().contains("session signalling requires privilege separation") {
            tokio::task::yield_now().await;
        }
    } else {
        let status = exec.exit.status().await.unwrap();
        assert_eq!(status, ExitStatus::Signal("TERM".to_owned()));
    }
}

#[tokio::test]
async fn a_connection_that_the_server_ends_is_lost_with_its_commands() {
    let server = Sshd::start(&SshdOptions::new());
    let connection = connect(&server).await.unwrap();
    let mut exec = connection.exec("echo ready; cat").await.unwrap();
    let mut ready = [0; 6];
    exec.stdout.read_exact(&mut ready).await.unwrap();
    server.drop_connections();
    let error = exec.exit.status().await.unwrap_err();
    assert_eq!(error.class(), Class::Lost, "{error}");
    let error = connection.exec("true").await.unwrap_err();
    assert_eq!(error.class(), Class::Lost, "{error}");
    assert!(connection.is_closed());
}

#[tokio::test]
async fn the_text_before_the_login_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("banner");
    std::fs::write(&file, "Authorised\nusers \u{1b}[31monly\n").unwrap();
    let server = Sshd::start(&SshdOptions::new().line(format!("Banner {}", file.display())));
    let connection = connect(&server).await.unwrap();
    let banner = connection.banner().unwrap();
    assert!(banner.starts_with("Authorised / users"), "{banner:?}");
    assert!(!banner.contains('\u{1b}'), "{banner:?}");
    let refusing = SshdOptions::new().line(format!("Banner {}", file.display()));
    let server = Sshd::start(&refusing.without_authorized_key());
    let error = refused(&server, Class::Authentication).await;
    assert!(error.to_string().contains("Authorised"), "{error}");
}

#[tokio::test]
async fn closing_ends_the_connection_on_the_server_too() {
    let server = Sshd::start(&SshdOptions::new());
    let connection = connect(&server).await.unwrap();
    run(&connection, "true").await;
    connection.close().await;
    while !server.children().is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(server.log().contains("disconnect"), "{}", server.log());
}
