//! What the tests against a real server share.
#![allow(dead_code, reason = "each test binary uses its part")]

pub(crate) mod hole;

use std::time::Duration;

use windlass_ssh::{Class, Client, Connection, Destination, Error, Finished, Options, Retry};
use windlass_testing::Sshd;

/// Options for the configuration that comes with the server, and nothing of the developer's.
pub(crate) fn options(server: &Sshd) -> Options {
    Options {
        config_file: Some(server.path("config")),
        home: server.path("home"),
        local_user: "nobody".to_owned(),
        ..Options::default()
    }
}

pub(crate) fn destination(server: &Sshd) -> Destination {
    format!("ssh://127.0.0.1:{}", server.port()).parse().unwrap()
}

pub(crate) async fn connect(server: &Sshd) -> Result<Connection, Error> {
    Client::new(options(server)).connect(&destination(server)).await
}

/// The error of a connection that must not come up, which must be of `class`.
pub(crate) async fn refused(server: &Sshd, class: Class) -> Error {
    let error = connect(server).await.expect_err("no connection");
    assert_eq!(error.class(), class, "{}", chain(&error));
    error
}

pub(crate) async fn run(connection: &Connection, command: &str) -> Finished {
    connection.exec(command).await.unwrap().finish(1 << 20).await.unwrap()
}

/// The text of an error with those behind it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text
}

pub(crate) const fn impatient() -> Retry {
    Retry { times: 2, first: Duration::from_millis(1), longest: Duration::from_millis(5) }
}
