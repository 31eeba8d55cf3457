//! Content that has come and waits for its place: small pieces in memory, large ones in a file
//! without a name, which nobody else can open and which goes with the process. What may be on no disk
//! is in a file in memory.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, ErrorKind, Read, Write};
use std::os::unix::fs::FileExt;
use std::sync::Arc;

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
    on_disk: Option<Spill>,
    off_disk: Option<Spill>,
}

/// A file without a name.
struct Spill {
    file: Arc<File>,
    /// The bytes in it.
    end: u64,
}

enum Place {
    Memory(Vec<u8>),
    File { file: Arc<File>, at: u64, size: u64 },
}

impl Spool {
    /// Returns the content, if it has come.
    pub(super) fn open(&self, digest: &Digest) -> Option<Box<dyn Read + Send + '_>> {
        Some(match self.places.get(digest)? {
            Place::Memory(bytes) => Box::new(&bytes[..]),
            Place::File { file, at, size } => Box::new(Piece { file, at: *at, end: at + size }),
        })
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
        let spill = if entry.is_runtime() { &mut self.off_disk } else { &mut self.on_disk };
        let spill = match spill {
            Some(spill) => spill,
            none if entry.is_runtime() => none.insert(Spill::new(site.memory_file()?)),
            none => none.insert(Spill::new(site.scratch_file()?)),
        };
        unpack(entry, compressed, &mut &*spill.file)?;
        let (at, size) = (spill.end, entry.size);
        spill.end += size;
        Ok(Place::File { file: Arc::clone(&spill.file), at, size })
    }
}

impl Spill {
    fn new(file: File) -> Self {
        Self { file: Arc::new(file), end: 0 }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::{Site, scratch_directory};
    use windlass_core::name::ServiceName;
    use windlass_core::path::RelativePath;
    use windlass_core::release::{Layout, Mode};

    fn taken(spool: &mut Spool, site: &LockedSite<'_>, content: &[u8], layout: Layout) {
        let entry = FileEntry {
            path: RelativePath::new("large").expect("a path"),
            mode: Mode::FILE,
            size: content.len() as u64,
            digest: Digest::of(content),
            service: ServiceName::new("web").expect("a name"),
            layout,
            shown: None,
            secret: false,
            key: None,
        };
        let compressed = zstd::encode_all(content, 1).expect("compressed");
        spool.take(&entry, &mut &compressed[..], site).expect("taken");
        let mut back = Vec::new();
        let mut open = spool.open(&entry.digest).expect("has come");
        open.read_to_end(&mut back).expect("reads");
        assert!(back == content, "what was taken is given back");
    }

    #[test]
    fn large_content_is_in_a_file_and_in_memory_where_it_may_be_on_no_disk() {
        let temp = scratch_directory();
        let site = Site::new(temp.path(), "etc").expect("a path");
        let (site, mut spool) = (site.lock().expect("locked"), Spool::default());
        let large = |byte: u8| vec![byte; usize::try_from(SMALL).expect("fits") + 1];
        taken(&mut spool, &site, &large(b'r'), Layout::Runtime);
        taken(&mut spool, &site, &large(b's'), Layout::Runtime);
        assert!(spool.on_disk.is_none() && spool.off_disk.is_some());
        taken(&mut spool, &site, &large(b'l'), Layout::Linked);
        taken(&mut spool, &site, &large(b't'), Layout::Runtime);
        let length = |spill: &Option<Spill>| spill.as_ref().map(|spill| spill.end);
        assert_eq!(length(&spool.on_disk), Some(SMALL + 1));
        assert_eq!(length(&spool.off_disk), Some(3 * (SMALL + 1)));
    }
}
