//! The bytes and modes of files: reading them, comparing them, copying them.

use std::fs::File;
use std::io::{ErrorKind, Read, Write};

use rustix::fs::{self, FileType};
use windlass_core::digest::{Digest, Hasher};
use windlass_core::path::RelativePath;
use windlass_core::release::{FileEntry, Mode};

use super::dir::Dir;
use super::{Found, SiteError};

const BUFFER: usize = 128 << 10;

/// Returns a buffer for [`examine`] and [`copy`].
pub(super) fn buffer() -> Vec<u8> {
    vec![0; BUFFER]
}

/// What a name stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sight {
    /// Nothing.
    Missing,
    /// A regular file.
    File { digest: Digest, mode: Mode },
    /// Something else.
    Other(Found),
}

impl Sight {
    /// Tells whether it is a file with the bytes and the mode of `entry`.
    pub(super) fn is(&self, entry: &FileEntry) -> bool {
        *self == Self::File { digest: entry.digest, mode: entry.mode }
    }
}

/// Returns what `name` in `dir` is, with the digest of what is in it, as it is compared with that of
/// `entry`.
pub(super) fn examine(
    dir: &Dir,
    name: &str,
    entry: &FileEntry,
    buffer: &mut [u8],
) -> Result<Sight, SiteError> {
    let file = match dir.open_file(name) {
        Ok(Some(file)) => file,
        Ok(None) => return Ok(Sight::Missing),
        // A link, a socket, a device without a driver: looking at it tells.
        Err(error) => {
            return match dir.look(name)? {
                Some(Found::File) => Err(error),
                Some(found) => Ok(Sight::Other(found)),
                None => Ok(Sight::Missing),
            };
        }
    };
    let stat = fs::fstat(&file).map_err(SiteError::io("look at", dir.at(name)))?;
    match FileType::from_raw_mode(stat.st_mode) {
        FileType::RegularFile => {
            let digest = digest(&file, entry.hasher(), buffer)
                .map_err(SiteError::io("read", dir.at(name)))?;
            Ok(Sight::File { digest, mode: Mode::from_bits(stat.st_mode) })
        }
        FileType::Directory => Ok(Sight::Other(Found::Directory)),
        _ => Ok(Sight::Other(Found::Special)),
    }
}

fn digest(mut file: &File, mut hasher: Hasher, buffer: &mut [u8]) -> std::io::Result<Digest> {
    loop {
        match file.read(buffer) {
            Ok(0) => return Ok(hasher.finish()),
            Ok(count) => hasher.update(&buffer[..count]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Makes the new file `name` in `dir`, with the bytes that `from` gives and the mode of `entry`;
/// `on_bytes` hears of each piece. It is not durable yet.
///
/// # Errors
/// When size or digest are not those of `entry`; the file is then removed again.
pub(super) fn copy(
    from: &mut dyn Read,
    dir: &Dir,
    name: &str,
    entry: &FileEntry,
    buffer: &mut [u8],
    on_bytes: &dyn Fn(u64),
) -> Result<(), SiteError> {
    let file = dir.create_file(name)?;
    let copied = copy_into(from, &file, &dir.at(name), entry, buffer, on_bytes).and_then(|()| {
        // After the last write, which would take away a set-user-id bit.
        let mode = fs::Mode::from_raw_mode(entry.mode.bits());
        fs::fchmod(&file, mode).map_err(SiteError::io("set mode of", dir.at(name)))
    });
    copied.inspect_err(|_| {
        // The first error is the one to tell; what stays is swept up later.
        let _ = dir.unlink(name);
    })
}

fn copy_into(
    from: &mut dyn Read,
    mut to: &File,
    path: &std::path::Path,
    entry: &FileEntry,
    buffer: &mut [u8],
    on_bytes: &dyn Fn(u64),
) -> Result<(), SiteError> {
    let mut hasher = entry.hasher();
    let mut size = 0;
    while size <= entry.size {
        let count = read_some(from, buffer, &entry.path)?;
        if count == 0 {
            break;
        }
        hasher.update(&buffer[..count]);
        size += count as u64;
        if size <= entry.size {
            to.write_all(&buffer[..count]).map_err(SiteError::io("write", path))?;
            on_bytes(count as u64);
        }
    }
    check(entry, size, hasher.finish())
}

fn read_some(
    from: &mut dyn Read,
    buffer: &mut [u8],
    file: &RelativePath,
) -> Result<usize, SiteError> {
    loop {
        match from.read(buffer) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            other => {
                return other.map_err(|source| SiteError::Blob { file: file.clone(), source });
            }
        }
    }
}

fn check(entry: &FileEntry, size: u64, digest: Digest) -> Result<(), SiteError> {
    if size == entry.size && digest == entry.digest {
        return Ok(());
    }
    Err(SiteError::Content {
        file: entry.path.clone(),
        expected_size: entry.size,
        actual_size: size,
        expected: entry.digest,
        actual: digest,
    })
}

/// Returns where the stable link at `path` leads: into the current release, relative to itself.
pub(super) fn link_target(path: &RelativePath) -> String {
    let up = "../".repeat(path.components().count() - 1);
    format!("{up}{}/{}/{path}", windlass_core::path::RESERVED, super::record::CURRENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::tests::{entry, scratch};
    use windlass_core::release::Layout;

    fn copied(content: &[u8], wanted: &[u8]) -> (Result<(), SiteError>, Option<Vec<u8>>) {
        let temp = scratch();
        let dir = Dir::root(temp.path()).expect("opens").expect("exists");
        let wanted = entry("f", wanted, 0o4711, Layout::Linked);
        let result = copy(&mut &*content, &dir, "f", &wanted, &mut [0; 4], &|_| {});
        if result.is_ok() {
            assert!(examine(&dir, "f", &wanted, &mut [0; 3]).expect("reads").is(&wanted));
        }
        (result, std::fs::read(temp.path().join("f")).ok())
    }

    #[test]
    fn a_copy_has_the_bytes_and_the_mode() {
        let (result, bytes) = copied(b"windlass", b"windlass");
        result.expect("copied");
        assert_eq!(bytes.as_deref(), Some(&b"windlass"[..]));
        copied(b"", b"").0.expect("copied");
    }

    #[test]
    fn other_bytes_are_refused_and_nothing_is_left() {
        for content in [&b"windlasS"[..], b"windlas", b"windlass and more of it", b""] {
            let (result, bytes) = copied(content, b"windlass");
            let error = result.expect_err("other bytes");
            assert!(matches!(&error, SiteError::Content { file, .. } if file.as_str() == "f"));
            assert_eq!(bytes, None);
        }
    }

    #[test]
    fn a_file_with_a_secret_is_its_owners_from_the_first_byte_and_compared_by_its_key() {
        let temp = scratch();
        let dir = Dir::root(temp.path()).expect("opens").expect("exists");
        let key = windlass_core::digest::DigestKey::from_bytes([7; 32]);
        let digest = key.digest(b"hunter2");
        let plain = entry("f", b"hunter2", 0o600, Layout::Linked);
        let wanted = FileEntry { digest, secret: true, key: Some(key), ..plain.clone() };
        let file = temp.path().join("f");
        let mode = |_| {
            let found = std::os::unix::fs::PermissionsExt::mode(
                &file.metadata().expect("exists").permissions(),
            );
            assert_eq!(found & 0o7777, 0o600);
        };
        copy(&mut &b"hunter2"[..], &dir, "f", &wanted, &mut [0; 4], &mode).expect("copied");
        assert!(examine(&dir, "f", &wanted, &mut [0; 4]).expect("reads").is(&wanted));
        assert!(!examine(&dir, "f", &plain, &mut [0; 4]).expect("reads").is(&wanted));
        std::fs::write(&file, "hunter3").expect("written");
        assert!(!examine(&dir, "f", &wanted, &mut [0; 4]).expect("reads").is(&wanted));
    }

    #[test]
    fn a_pipe_does_not_block() {
        let temp = scratch();
        let dir = Dir::root(temp.path()).expect("opens").expect("exists");
        let mode = fs::Mode::from_raw_mode(0o600);
        fs::mkfifoat(&dir, "pipe", mode).expect("made");
        let wanted = entry("pipe", b"", 0o644, Layout::Linked);
        let sight = examine(&dir, "pipe", &wanted, &mut [0; 4]).expect("looks");
        assert_eq!(sight, Sight::Other(Found::Special));
    }

    #[test]
    fn links_lead_into_the_current_release() {
        let target = |path| link_target(&RelativePath::new(path).expect("valid"));
        assert_eq!(target("app.yaml"), ".windlass/current/app.yaml");
        assert_eq!(target("a/b/c"), "../../.windlass/current/a/b/c");
    }
}
