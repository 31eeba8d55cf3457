//! `GET`, and what counts as a good answer.

use std::io::{self, Read};
use std::time::{Duration, Instant};

use ureq::http::{Response, StatusCode};
use ureq::unversioned::resolver::DefaultResolver;
use ureq::unversioned::transport::TcpConnector;
use ureq::{Agent, Body, Error};
use windlass_core::command;
use windlass_core::health::HttpProbe;

use super::{ProbeContext, ProbeFailure, unhealthy};

/// How much of a body is read.
const BODY: usize = 64 * 1024;
/// How many redirects are followed.
const REDIRECTS: u32 = 5;
/// The agent speaks no TLS, to stay small.
const HTTPS: &str = "https cannot be probed from the target: probe http, tcp or a command";

/// Returns when the server answered as `probe` expects with a body that ended, all of it within
/// `timeout`, redirects included.
pub(super) fn probe(
    probe: &HttpProbe,
    context: &ProbeContext<'_>,
    timeout: Duration,
) -> Result<(), ProbeFailure> {
    let url = command::expand(&probe.url, &context.for_url());
    let (status, body) = get(&url, context, timeout)?;
    if !probe.accepts(status.as_u16()) {
        return Err(unhealthy(format!("answered with status {status}")));
    }
    match &probe.contains {
        Some(text) if !String::from_utf8_lossy(&body).contains(text) => {
            Err(unhealthy(format!("answered without {text:?}")))
        }
        _ => Ok(()),
    }
}

/// Returns the status and the body that `url` answers with.
pub(super) fn get(
    url: &str,
    context: &ProbeContext<'_>,
    timeout: Duration,
) -> Result<(StatusCode, Vec<u8>), ProbeFailure> {
    let deadline = Instant::now() + timeout;
    let secure = url.get(..8).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https://"));
    if secure && context.client.is_none() {
        return Err(unhealthy(HTTPS));
    }
    let explained = |error| explain(error, timeout);
    let mut response = call(url, context, timeout).map_err(explained)?;
    let body = read(response.body_mut(), deadline).map_err(explained)?;
    Ok((response.status(), body))
}

fn call(url: &str, context: &ProbeContext<'_>, timeout: Duration) -> Result<Response<Body>, Error> {
    let sockets = context.client.is_none().then(sockets);
    let Some(agent) = context.client.or(sockets.as_ref()) else {
        return Err(Error::TlsRequired);
    };
    let request = agent.get(url).config().timeout_global(Some(timeout));
    let request = request.max_redirects(REDIRECTS).max_redirects_will_error(true);
    request.http_status_as_error(false).proxy(None).https_only(false).build().call()
}

/// Returns an agent on sockets alone, also where another crate has the client built with TLS.
fn sockets() -> Agent {
    let config = Agent::config_builder()
        .max_idle_connections(0)
        .user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")))
        .build();
    Agent::with_parts(config, TcpConnector::default(), DefaultResolver::default())
}

/// Returns the body, read to its end. One that goes on beyond [`BODY`] may never end, and is a failure.
fn read(body: &mut Body, deadline: Instant) -> Result<Vec<u8>, Error> {
    let mut reader = body.as_reader();
    let mut portion = [0; 8 * 1024];
    let mut whole = Vec::new();
    loop {
        let count = reader.read(&mut portion)?;
        whole.extend_from_slice(&portion[..count]);
        if count == 0 {
            return Ok(whole);
        }
        if whole.len() > BODY {
            return Err(Error::BodyExceedsLimit(BODY as u64));
        }
        // The agent's own limit is renewed in one corner: a read that begins just at its end.
        if Instant::now() >= deadline {
            return Err(Error::Timeout(ureq::Timeout::Global));
        }
    }
}

fn explain(error: Error, timeout: Duration) -> ProbeFailure {
    unhealthy(match error {
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
