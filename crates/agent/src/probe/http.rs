//! `GET`, and what counts as a good answer.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::TcpConnector;
use ureq::{Agent, Body, Error};

use super::ProbeFailure;

/// How much of a body is read.
const BODY: u64 = 64 * 1024;
/// How many redirects are followed.
const REDIRECTS: u32 = 5;
/// The agent speaks no TLS, to stay small.
const HTTPS: &str = "https cannot be probed from the target: probe http, tcp or a command";

/// Returns when `url` answered with a status of 200 to 399 and a body that ended, all of it within
/// `timeout`, redirects included.
pub(super) fn probe(url: &str, timeout: Duration) -> Result<(), ProbeFailure> {
    let deadline = Instant::now() + timeout;
    if url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://")) {
        return Err(ProbeFailure(HTTPS.to_owned()));
    }
    let mut response = agent(timeout).get(url).call().map_err(|error| explain(error, timeout))?;
    let status = response.status();
    if !(200..400).contains(&status.as_u16()) {
        return Err(ProbeFailure(format!("answered with status {status}")));
    }
    read(response.body_mut(), deadline).map_err(|error| explain(error, timeout))
}

/// Returns an agent on sockets alone, also where another crate has the client built with TLS.
fn agent(timeout: Duration) -> Agent {
    let config = Agent::config_builder()
        .timeout_global(Some(timeout))
        .max_redirects(REDIRECTS)
        .max_redirects_will_error(true)
        .http_status_as_error(false)
        .proxy(None)
        .max_idle_connections(0)
        .user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")))
        .build();
    Agent::with_parts(config, TcpConnector::default(), DefaultResolver::default())
}

/// Reads the body to its end. One that goes on beyond [`BODY`] may never end, and is a failure.
fn read(body: &mut Body, deadline: Instant) -> Result<(), Error> {
    let mut reader = body.as_reader();
    let mut portion = [0; 8 * 1024];
    let mut total = 0;
    loop {
        let count = reader.read(&mut portion)?;
        total += count as u64;
        if count == 0 {
            return Ok(());
        }
        if total > BODY {
            return Err(Error::BodyExceedsLimit(BODY));
        }
        // The agent's own limit is renewed in one corner: a read that begins just at its end.
        if Instant::now() >= deadline {
            return Err(Error::Timeout(ureq::Timeout::Global));
        }
    }
}

fn explain(error: Error, timeout: Duration) -> ProbeFailure {
    ProbeFailure(match error {
        Error::Timeout(_) => format!("no full answer within {timeout:?}"),
        Error::TooManyRedirects => format!("redirected more than {REDIRECTS} times"),
        Error::BodyExceedsLimit(limit) => {
            format!("sent more than {} KiB: probe something that answers briefly", limit / 1024)
        }
        Error::HostNotFound => "host not found".to_owned(),
        Error::Tls(_) | Error::TlsRequired => HTTPS.to_owned(),
        Error::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            "closed the connection before the answer was complete".to_owned()
        }
        Error::Io(error) => error.to_string().to_lowercase(),
        other => other.to_string(),
    })
}

/// Returns `url` without `user:password@`.
pub(super) fn without_credentials(url: &str) -> String {
    let start = url.find("://").map_or(0, |at| at + 3);
    let end = url[start..].find(['/', '?', '#']).map_or(url.len(), |at| start + at);
    match url[start..end].rfind('@') {
        Some(at) => format!("{}{}", &url[..start], &url[start + at + 1..]),
        None => url.to_owned(),
    }
}
