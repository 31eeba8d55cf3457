//! Texts of servers, kept.
//!
//! A file for each URL, named by its digest: one line of JSON about the text, and the text.

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use windlass_core::digest::Digest;

/// The largest file that is read: a text of 16 MiB and its line.
const MAX: u64 = (16 << 20) + (64 << 10);

/// A text, and what to say when asking for it again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Entry {
    /// The digest of the URL that answered with it, which may be another than was asked for.
    pub(super) answered: Digest,
    pub(super) etag: Option<String>,
    pub(super) last_modified: Option<String>,
    pub(super) body: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    answered: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    etag: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    last_modified: Option<String>,
    body: Digest,
}

#[derive(Debug)]
pub(super) struct Cache {
    directory: PathBuf,
}

impl Cache {
    pub(super) fn new(directory: PathBuf) -> Self {
        Self { directory }
    }

    fn path(&self, url: &str) -> PathBuf {
        self.directory.join(Digest::of(url.as_bytes()).to_string())
    }

    /// Returns what was kept of `url`; nothing where there is nothing, or it is damaged.
    pub(super) fn read(&self, url: &str) -> Option<Entry> {
        let path = self.path(url);
        if fs::metadata(&path).ok()?.len() > MAX {
            return None;
        }
        let bytes = fs::read(path).ok()?;
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let Head { answered, etag, last_modified, body: digest } =
            serde_json::from_slice(&bytes[..end]).ok()?;
        let body = bytes[end + 1..].to_vec();
        (Digest::of(&body) == digest).then_some(Entry { answered, etag, last_modified, body })
    }

    /// Keeps `entry` for `url`, in one rename, readable by its owner alone.
    pub(super) fn write(&self, url: &str, entry: &Entry) -> io::Result<()> {
        let Entry { answered, etag, last_modified, body } = entry.clone();
        let head = Head { answered, etag, last_modified, body: Digest::of(&body) };
        crate::durable::create_dir(&self.directory)?;
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        serde_json::to_writer(&mut file, &head)?;
        file.write_all(b"\n")?;
        file.write_all(&body)?;
        file.persist(self.path(url)).map(drop).map_err(|error| error.error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_whole_or_not_used() {
        let dir = tempfile::tempdir().expect("a directory");
        let cache = Cache::new(dir.path().join("http"));
        let entry = Entry {
            answered: Digest::of(b"url"),
            etag: Some("\"1\"".to_owned()),
            last_modified: None,
            body: b"a: 1\nb: 2\n".to_vec(),
        };
        assert_eq!(cache.read("https://x/"), None);
        cache.write("https://x/", &entry).expect("written");
        assert_eq!(cache.read("https://x/"), Some(entry));
        assert_eq!(cache.read("https://y/"), None);
        let path = cache.path("https://x/");
        let damaged = fs::read_to_string(&path).expect("there").replace("a: 1", "a: 2");
        fs::write(&path, damaged).expect("written");
        assert_eq!(cache.read("https://x/"), None);
    }
}
