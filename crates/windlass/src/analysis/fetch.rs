//! Asking a server for numbers, within bounds.

use std::io::Read;
use std::time::{Duration, Instant};

use ureq::{Agent, Error};

use super::SourceError;
use crate::health::secure_agent;

/// How much of an answer is read: a range of a day by the minute for some hundred targets.
pub(super) const MOST: usize = 8 * 1024 * 1024;
/// How many redirects are followed.
const REDIRECTS: u32 = 5;

/// Returns the body that `url` answers with; that of a refusal too where `refusals` are wanted.
pub(super) fn get(url: &str, timeout: Duration, refusals: bool) -> Result<Vec<u8>, SourceError> {
    let deadline = Instant::now() + timeout;
    let explained = |error| explain(error, timeout);
    let request = agent(url)?.get(url).config().timeout_global(Some(timeout));
    let request = request.max_redirects(REDIRECTS).max_redirects_will_error(true);
    let answer = request.http_status_as_error(false).proxy(None).build().call();
    let mut response = answer.map_err(explained)?;
    let status = response.status().as_u16();
    if status != 200 && !refusals {
        return Err(SourceError::Status(status));
    }
    let body = read(response.body_mut().as_reader(), deadline).map_err(explained)?;
    // What Prometheus refuses it explains in JSON; a proxy before it does not.
    let explains = body.first() == Some(&b'{');
    if status == 200 || explains { Ok(body) } else { Err(SourceError::Status(status)) }
}

fn agent(url: &str) -> Result<Agent, SourceError> {
    if url.starts_with("https://") {
        return secure_agent().map_err(SourceError::Unreachable);
    }
    Ok(Agent::config_builder().max_idle_connections(0).build().new_agent())
}

fn read(mut reader: impl Read, deadline: Instant) -> Result<Vec<u8>, Error> {
    let (mut body, mut portion) = (Vec::new(), vec![0; 16 * 1024]);
    loop {
        let count = reader.read(&mut portion)?;
        body.extend_from_slice(&portion[..count]);
        if count == 0 {
            return Ok(body);
        }
        if body.len() > MOST {
            return Err(Error::BodyExceedsLimit(MOST as u64));
        }
        if Instant::now() >= deadline {
            return Err(Error::Timeout(ureq::Timeout::Global));
        }
    }
}

fn explain(error: Error, timeout: Duration) -> SourceError {
    match error {
        Error::Timeout(_) => SourceError::Timeout(timeout),
        Error::BodyExceedsLimit(_) => SourceError::TooLarge(MOST),
        Error::TooManyRedirects => {
            SourceError::Unreachable(format!("redirects more than {REDIRECTS} times"))
        }
        Error::HostNotFound => SourceError::Unreachable("host not found".to_owned()),
        Error::BadUri(_) => SourceError::Unreachable("the URL is none".to_owned()),
        Error::Io(error) => SourceError::Unreachable(error.to_string().to_lowercase()),
        other => SourceError::Unreachable(other.to_string()),
    }
}
