//! Texts from servers: configuration layers that are not files.
//!
//! What a server answers is bounded in time and size, and is refused where it is a web page, or other
//! than its checksum. A text is kept with its `ETag`, so that it is not sent twice; one whose checksum
//! is written down is not even asked for again.

mod cache;
mod client;
mod error;
mod location;
pub(crate) mod tls;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use windlass_core::project::{Checksum, HttpSource, check_url};

pub(crate) use self::error::RemoteError;

use self::cache::{Cache, Entry};
use self::client::{Answer, Client};

/// What servers say, asked once each.
pub(crate) struct Remote {
    cache: Cache,
    client: Client,
    known: Mutex<HashMap<String, Option<Vec<u8>>>>,
}

impl Remote {
    /// Returns a reader of servers that keeps texts in the directory `cache`.
    pub(crate) fn new(cache: PathBuf) -> Self {
        Self { cache: Cache::new(cache), client: Client::default(), known: Mutex::default() }
    }

    /// Returns what is at `url`, which is that of `source` with its variables substituted; nothing
    /// where the server says that there is nothing.
    ///
    /// # Errors
    /// When there is no answer, or one that is not used.
    pub(crate) fn fetch(
        &self,
        source: &HttpSource,
        url: &str,
    ) -> Result<Option<Vec<u8>>, RemoteError> {
        check_url(url, source.allow_http)?;
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(url).cloned();
        let bytes = match known {
            Some(bytes) => bytes,
            None => self.ask(source, url)?,
        };
        if let Some(bytes) = &bytes {
            check(bytes, source.checksum.as_ref(), source.max_size)?;
        }
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(url.to_owned(), bytes.clone());
        Ok(bytes)
    }

    fn ask(&self, source: &HttpSource, url: &str) -> Result<Option<Vec<u8>>, RemoteError> {
        let kept = self.cache.read(url);
        if let (Some(entry), Some(checksum)) = (&kept, &source.checksum)
            && checksum.matches(&entry.body)
        {
            return Ok(kept.map(|entry| entry.body));
        }
        let deadline = Instant::now() + Duration::from_millis(source.timeout_ms);
        match self.client.get(source, url, kept.as_ref(), deadline)? {
            Answer::Nothing => Ok(None),
            Answer::Unchanged => Ok(kept.map(|entry| entry.body)),
            Answer::Text(entry) => {
                check(&entry.body, source.checksum.as_ref(), source.max_size)?;
                self.keep(url, &entry);
                Ok(Some(entry.body))
            }
        }
    }

    /// Keeps a text for the next time; without it the server is asked again.
    fn keep(&self, url: &str, entry: &Entry) {
        if let Err(error) = self.cache.write(url, entry) {
            tracing::debug!(%error, "text of a server not kept");
        }
    }
}

fn check(bytes: &[u8], checksum: Option<&Checksum>, max: usize) -> Result<(), RemoteError> {
    if bytes.len() > max {
        return Err(RemoteError::TooLarge(max));
    }
    match checksum {
        Some(expected) if !expected.matches(bytes) => {
            Err(RemoteError::Checksum { expected: *expected, actual: expected.of_same_kind(bytes) })
        }
        _ => Ok(()),
    }
}

/// Returns `url` as it may be shown: without what is asked of the server, which may hold a token.
pub(crate) fn shown(url: &str) -> &str {
    url.split(['?', '#']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests;
