//! Content that has come and waits for its place: small pieces in memory, large ones in a file
//! without a name, which nobody else can open and which goes with the process.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::os::unix::fs::FileExt;

use windlass_core::digest::Digest;
use windlass_core::release::FileEntry;
use zstd::stream::read::Decoder;

use crate::site::{LockedSite, SiteError};

/// The most bytes of one content that is kept in memory.
const SMALL: u64 = 256 << 10;

/// The most bytes that are kept in memory at all.
const MOST_MEMORY: u64 = 16 << 20;

/// Decompressing may take 2 to the power of this in memory: what objects are compressed with needs
/// less.
const WINDOW_LOG: u32 = 23;

const BUFFER: usize = 64 << 10;

/// Content by its digest, which was compared.
#[derive(Default)]
pub(super) struct Spool {
    places: BTreeMap<Digest, Place>,
    in_memory: u64,
    file: Option<File>,
    /// The bytes in the file.
    end: u64,
}

enum Place {
    Memory(Vec<u8>),
    File { at: u64, size: u64 },
}

impl Spool {
    /// Returns the content, if it has come.
    pub(super) fn open(&self, digest: &Digest) -> Option<Box<dyn Read + Send + '_>> {
        match (self.places.get(digest)?, &self.file) {
            (Place::Memory(bytes), _) => Some(Box::new(&bytes[..])),
            (Place::File { at, size }, Some(file)) => {
                Some(Box::new(Piece { file, at: *at, end: at + size }))
            }
            (Place::File { .. }, None) => None,
        }
    }

    /// Takes the content of `entry` from `compressed`.
    ///
    /// # Errors
    /// When it is something else, or there is no space for it.
    pub(super) fn take(
        &mut self,
        entry: &FileEntry,
        compressed: &mut impl BufRead,
        site: &LockedSite<'_>,
    ) -> Result<(), SiteError> {
        let place = if entry.size <= SMALL && self.in_memory + entry.size <= MOST_MEMORY {
            let mut bytes = Vec::new();
            unpack(entry, compressed, &mut bytes)?;
            self.in_memory += entry.size;
            Place::Memory(bytes)
        } else {
            self.take_into_file(entry, compressed, site)?
        };
        self.places.insert(entry.digest, place);
        Ok(())
    }

    fn take_into_file(
        &mut self,
        entry: &FileEntry,
        compressed: &mut impl BufRead,
        site: &LockedSite<'_>,
    ) -> Result<Place, SiteError> {
        let file = match &mut self.file {
            Some(file) => file,
            none => none.insert(site.scratch_file()?),
        };
        unpack(entry, compressed, file)?;
        let (at, size) = (self.end, entry.size);
        self.end += size;
        Ok(Place::File { at, size })
    }
}

/// Writes the content of `entry` to `to`, from its compressed form.
fn unpack(
    entry: &FileEntry,
    compressed: &mut impl BufRead,
    to: &mut impl Write,
) -> Result<(), SiteError> {
    let failed = |source| SiteError::Blob { file: entry.path.clone(), source };
    let mut decoder = Decoder::with_buffer(compressed).map_err(failed)?;
    decoder.window_log_max(WINDOW_LOG).map_err(failed)?;
    // One byte more than there should be tells content that is too long.
    let mut content = decoder.take(entry.size.saturating_add(1));
    let mut buffer = vec![0; BUFFER];
    let (mut hasher, mut size) = (entry.hasher(), 0);
    loop {
        let count = match content.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if did_not_come(&error) => return Err(failed(error)),
            // What cannot be unpacked is not what the release says, as far as it goes.
            Err(_) => return Err(wrong(entry, size, hasher.finish())),
        };
        hasher.update(&buffer[..count]);
        size += count as u64;
        to.write_all(&buffer[..count]).map_err(|error| no_space(entry, error))?;
    }
    check(entry, size, hasher.finish())
}

/// Tells whether content is missing, from content that is wrong.
fn did_not_come(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::NotFound)
}

fn no_space(entry: &FileEntry, source: io::Error) -> SiteError {
    SiteError::Io { action: "write", path: entry.path.as_str().into(), source }
}

fn check(entry: &FileEntry, size: u64, digest: Digest) -> Result<(), SiteError> {
    if size == entry.size && digest == entry.digest {
        return Ok(());
    }
    Err(wrong(entry, size, digest))
}

fn wrong(entry: &FileEntry, size: u64, digest: Digest) -> SiteError {
    SiteError::Content {
        file: entry.path.clone(),
        expected_size: entry.size,
        actual_size: size,
        expected: entry.digest,
        actual: digest,
    }
}

/// A part of a file.
struct Piece<'a> {
    file: &'a File,
    at: u64,
    end: u64,
}

impl Read for Piece<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let most = buffer.len().min(left);
        let count = self.file.read_at(&mut buffer[..most], self.at)?;
        self.at += count as u64;
        Ok(count)
    }
}
