//! Which keys a host is known by: the files of the user and of the system, by the rules of `ssh`.
//!
//! The rules are those of sshd(8) and of what OpenSSH does: `tests/known_hosts.rs` compares the two
//! on thousands of generated files.

mod certificate;
mod learn;
mod line;
mod pattern;
mod verdict;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use russh::keys::ssh_key::PublicKey;

pub use certificate::CertificateProblem;
pub(crate) use learn::remember;
pub(crate) use line::Marker;
pub use verdict::{Presented, Verdict, judge};

use line::Line;

/// The most that is read of one file: 64 MiB are half a million hosts.
const LARGEST_FILE: u64 = 64 * 1024 * 1024;

/// The name under which a host stands in known hosts files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostName {
    /// The name of the host, or its address.
    host: String,
    /// The port: another one than 22 is part of the name.
    port: u16,
    /// `HostKeyAlias`, which stands for both.
    alias: Option<String>,
}

impl HostName {
    /// Returns the name of `host` at `port`; `alias` is `HostKeyAlias`, which is looked up instead.
    #[must_use]
    pub fn new(host: &str, port: u16, alias: Option<&str>) -> Self {
        Self { host: host.to_ascii_lowercase(), port, alias: alias.map(str::to_owned) }
    }

    /// Returns what is looked up and written: `host`, `[host]:port` or the alias.
    #[must_use]
    pub fn recorded(&self) -> String {
        match &self.alias {
            Some(alias) => alias.clone(),
            None if self.port == 22 => self.host.clone(),
            None => format!("[{}]:{}", self.host, self.port),
        }
    }

    /// Returns the name without its port, which is looked up where the name with it is unknown.
    pub(crate) fn without_port(&self) -> Option<&str> {
        (self.alias.is_none() && self.port != 22).then_some(self.host.as_str())
    }

    /// Returns the name that a certificate must be for.
    pub(crate) fn principal(&self) -> &str {
        self.alias.as_deref().unwrap_or(&self.host)
    }
}

/// A key that a file has for a host, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub(crate) file: PathBuf,
    pub(crate) line: usize,
    pub(crate) marker: Marker,
    pub(crate) key: PublicKey,
}

impl Entry {
    /// Returns the file that has the key.
    #[must_use]
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Returns the line of the file, from 1.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }

    /// Returns the key.
    #[must_use]
    pub const fn key(&self) -> &PublicKey {
        &self.key
    }
}

/// The known hosts of several files, in their order.
#[derive(Debug, Clone, Default)]
pub struct KnownHosts {
    files: Vec<Arc<File>>,
}

impl KnownHosts {
    /// Returns what `files` hold; one that is not there holds nothing.
    ///
    /// # Errors
    ///
    /// The error of the first file that is there and cannot be read. `ssh` passes over it, and
    /// with it over what it revokes.
    pub fn read(files: &[PathBuf]) -> io::Result<Self> {
        let files = files.iter().map(|path| File::read(path).map(Arc::new));
        Ok(Self { files: files.collect::<io::Result<_>>()? })
    }

    /// Returns the entries for exactly this name, in the order of files and lines.
    #[must_use]
    pub fn entries(&self, name: &str) -> Vec<Entry> {
        self.files.iter().flat_map(|file| file.entries(name)).collect()
    }
}

/// One file as it was when it was read.
#[derive(Debug)]
struct File {
    path: PathBuf,
    version: Version,
    lines: Vec<Line>,
}

/// What tells that a file has changed: its length and when it was last written.
type Version = Option<(u64, SystemTime)>;

impl File {
    fn read(path: &Path) -> io::Result<Self> {
        let version = version_of(path)?;
        let length = version.map_or(0, |(length, _)| length);
        if length > LARGEST_FILE {
            let error = format!("{length} bytes; {LARGEST_FILE} are the most that are read");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, error));
        }
        let text = match version {
            Some(_) => std::fs::read(path).map_err(|error| named(path, &error))?,
            None => Vec::new(),
        };
        let lines = String::from_utf8_lossy(&text)
            .split('\n')
            .enumerate()
            .filter_map(|(index, line)| Line::parse(index + 1, line.trim_end_matches('\r')))
            .collect();
        Ok(Self { path: path.to_owned(), version, lines })
    }

    fn entries(&self, name: &str) -> impl Iterator<Item = Entry> {
        let about = self.lines.iter().filter(move |line| line.is_about(name));
        about.filter_map(|line| {
            let (file, number, marker) = (self.path.clone(), line.number, line.marker);
            line.key().map(|key| Entry { file, line: number, marker, key })
        })
    }
}

fn version_of(path: &Path) -> io::Result<Version> {
    match std::fs::metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(Some((metadata.len(), metadata.modified()?))),
        Ok(metadata) if metadata.is_dir() => Err(named(path, &io::ErrorKind::IsADirectory.into())),
        Ok(_) => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::NotADirectory => Ok(None),
        Err(error) => Err(named(path, &error)),
    }
}

fn named(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// Files that were read once, and are read again only when they have changed.
///
/// A file that changes within the resolution of its time stamp and keeps its length is missed:
/// this program's own additions are not, as they make it longer.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    files: Mutex<HashMap<PathBuf, Arc<File>>>,
}

impl Cache {
    /// Returns what `paths` hold now.
    pub(crate) fn read(&self, paths: &[PathBuf]) -> io::Result<KnownHosts> {
        let files = paths.iter().map(|path| self.file(path));
        Ok(KnownHosts { files: files.collect::<io::Result<_>>()? })
    }

    fn file(&self, path: &Path) -> io::Result<Arc<File>> {
        let version = version_of(path)?;
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = files.get(path).filter(|file| file.version == version) {
            return Ok(Arc::clone(file));
        }
        let file = Arc::new(File::read(path)?);
        files.insert(path.to_owned(), Arc::clone(&file));
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_recorded_with_a_port_that_is_not_22_and_an_alias_stands_for_both() {
        assert_eq!(HostName::new("WEB", 22, None).recorded(), "web");
        assert_eq!(HostName::new("web", 2222, None).recorded(), "[web]:2222");
        assert_eq!(HostName::new("::1", 22, None).recorded(), "::1");
        let aliased = HostName::new("10.0.0.1", 2222, Some("web"));
        assert_eq!(aliased.recorded(), "web");
        assert_eq!(aliased.without_port(), None);
        assert_eq!(aliased.principal(), "web");
    }

    #[test]
    fn a_file_that_grew_is_read_again() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        let cache = Cache::default();
        let paths = [path.clone()];
        assert!(cache.read(&paths).unwrap().entries("web").is_empty());
        let key =
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
        std::fs::write(&path, format!("web {key}\r\n")).unwrap();
        assert_eq!(cache.read(&paths).unwrap().entries("web").len(), 1);
        std::fs::write(&path, format!("web {key}\n\n# and\ndb {key}")).unwrap();
        assert_eq!(cache.read(&paths).unwrap().entries("db")[0].line(), 4);
    }

    #[test]
    fn a_file_that_cannot_be_read_is_an_error_that_names_it() {
        let directory = tempfile::tempdir().unwrap();
        let error = KnownHosts::read(&[directory.path().to_owned()]).unwrap_err();
        assert!(error.to_string().contains(&directory.path().display().to_string()), "{error}");
        let below = directory.path().join("file");
        std::fs::write(&below, "").unwrap();
        assert!(KnownHosts::read(&[below.join("x"), PathBuf::from("/dev/null")]).is_ok());
    }
}
