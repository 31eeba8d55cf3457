//! Asking a server.

use std::io::Read;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use ureq::http::{HeaderMap, Response};
use ureq::{Agent, Body, config::Config};
use windlass_core::digest::Digest;
use windlass_core::project::{HttpSource, check_url};

use super::cache::Entry;
use super::{RemoteError, location, tls};

/// How many redirects are followed.
const REDIRECTS: usize = 5;
/// How much is read at once.
const PORTION: usize = 16 * 1024;

/// What a server said.
pub(super) enum Answer {
    /// There is nothing.
    Nothing,
    /// What was kept is still so.
    Unchanged,
    /// A text.
    Text(Entry),
}

/// Asks servers; one agent that speaks TLS, made when it is needed.
#[derive(Default)]
pub(super) struct Client {
    secure: OnceLock<Result<Agent, String>>,
    plain: OnceLock<Agent>,
}

impl Client {
    /// Asks for `url`, all redirects included, until `deadline`.
    pub(super) fn get(
        &self,
        source: &HttpSource,
        url: &str,
        kept: Option<&Entry>,
        deadline: Instant,
    ) -> Result<Answer, RemoteError> {
        let mut url = url.to_owned();
        for _ in 0..=REDIRECTS {
            let request = Request { source, url: &url, deadline };
            let answered = Digest::of(url.as_bytes());
            let kept = kept.filter(|entry| entry.answered == answered);
            let response = self.send(&request, kept)?;
            match response.status().as_u16() {
                200 => return request.text(response, answered).map(Answer::Text),
                304 if kept.is_some() => return Ok(Answer::Unchanged),
                404 | 410 => return Ok(Answer::Nothing),
                301 | 302 | 303 | 307 | 308 => url = request.redirected(&response)?,
                status => return Err(RemoteError::Status(status)),
            }
        }
        Err(RemoteError::Redirects(REDIRECTS))
    }

    fn send(
        &self,
        request: &Request<'_>,
        kept: Option<&Entry>,
    ) -> Result<Response<Body>, RemoteError> {
        let left = request.left()?;
        let mut call = self.agent(request.url)?.get(request.url);
        if let Some(etag) = kept.and_then(|entry| entry.etag.as_deref()) {
            call = call.header("If-None-Match", etag);
        }
        if let Some(date) = kept.and_then(|entry| entry.last_modified.as_deref()) {
            call = call.header("If-Modified-Since", date);
        }
        let call = call.config().timeout_global(Some(left)).build();
        call.call().map_err(|error| RemoteError::of(error, request.source.timeout_ms))
    }

    fn agent(&self, url: &str) -> Result<&Agent, RemoteError> {
        if !url.starts_with("https://") {
            return Ok(self.plain.get_or_init(|| builder().proxy(None).build().new_agent()));
        }
        let secure = || {
            let tls = tls::config()?;
            Ok(builder().https_only(true).tls_config(tls).build().new_agent())
        };
        let agent = self.secure.get_or_init(secure).as_ref();
        agent.map_err(|error| RemoteError::Roots(error.clone()))
    }
}

/// Returns what all requests have in common: redirects and statuses are looked at here, and nothing
/// is sent along but who asks.
fn builder() -> ureq::config::ConfigBuilder<ureq::typestate::AgentScope> {
    Config::builder()
        .max_redirects(0)
        .max_redirects_will_error(false)
        .http_status_as_error(false)
        .max_idle_connections(0)
        .user_agent(concat!("windlass/", env!("CARGO_PKG_VERSION")))
        .accept("application/yaml, application/json, application/toml, text/plain, */*;q=0.1")
}

/// One request of the chain.
struct Request<'r> {
    source: &'r HttpSource,
    url: &'r str,
    deadline: Instant,
}

impl Request<'_> {
    /// Returns the time that is left.
    fn left(&self) -> Result<Duration, RemoteError> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() { Err(RemoteError::Timeout(self.source.timeout_ms)) } else { Ok(left) }
    }

    /// Returns where a redirect leads, if it may lead there.
    fn redirected(&self, response: &Response<Body>) -> Result<String, RemoteError> {
        let location = header(response.headers(), "location").ok_or(RemoteError::NoLocation)?;
        let next = location::resolve(self.url, &location);
        let allow_http = self.source.allow_http;
        check_url(&next, allow_http).map_err(RemoteError::RedirectsTo)?;
        if self.url.starts_with("https://") && !next.starts_with("https://") && !allow_http {
            return Err(RemoteError::Downgrade);
        }
        Ok(next)
    }

    /// Returns the text of an answer.
    fn text(&self, response: Response<Body>, answered: Digest) -> Result<Entry, RemoteError> {
        let headers = response.headers();
        let kind = header(headers, "content-type").unwrap_or_default().to_ascii_lowercase();
        if ["text/html", "application/xhtml+xml"].iter().any(|page| kind.starts_with(page)) {
            return Err(RemoteError::WebPage);
        }
        match header(headers, "content-encoding") {
            Some(encoding) if !encoding.eq_ignore_ascii_case("identity") => {
                return Err(RemoteError::Encoded(encoding.chars().take(20).collect()));
            }
            _ => {}
        }
        let (etag, last_modified) = (header(headers, "etag"), header(headers, "last-modified"));
        let body = self.body(response)?;
        Ok(Entry { answered, etag, last_modified, body })
    }

    /// Reads the body to its end; one that trickles ends with the time that is left.
    fn body(&self, mut response: Response<Body>) -> Result<Vec<u8>, RemoteError> {
        let max = self.source.max_size;
        let mut reader = response.body_mut().as_reader();
        let (mut body, mut portion) = (Vec::new(), vec![0; PORTION]);
        loop {
            self.left()?;
            let read = reader.read(&mut portion);
            let read = read.map_err(|error| RemoteError::of_io(&error, self.source.timeout_ms))?;
            if read == 0 {
                return Ok(body);
            }
            body.extend_from_slice(&portion[..read]);
            if body.len() > max {
                return Err(RemoteError::TooLarge(max));
            }
        }
    }
}

fn header(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}
