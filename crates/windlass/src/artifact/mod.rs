//! Artifacts: archives unpacked into a release.
//!
//! An archive is read once, as a stream of files; nothing is written here. A release holds regular
//! files and nothing else, so that an archive with anything else is refused: symbolic and hard
//! links, devices, FIFOs, sparse files, set-user-ID bits, capabilities and access control lists.
//! Left out on purpose are owners, times, other extended attributes, and directories as such: their
//! modes are the target's, and an empty one does not arrive. What two tar programs would read
//! differently is refused too.

use std::io::{self, Read};

use flate2::read::MultiGzDecoder;
use tar::Archive;
use windlass_core::path::RelativePath;
use windlass_core::release::Mode;

mod error;
mod member;
mod meter;
mod pax;
mod unpacking;

pub use error::ArtifactError;

use meter::Meter;
use unpacking::Unpacking;

/// The window that a zstd archive may ask memory for, as a power of two: 128 MiB, what `zstd`
/// itself takes without `--long`.
const WINDOW_LOG: u32 = 27;

/// How an archive is packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArchiveKind {
    /// `.tar`
    Tar,
    /// `.tar.gz` or `.tgz`
    TarGzip,
    /// `.tar.zst`
    TarZstd,
}

/// Returns how the artifact at `path` is packed, by its name; nothing for a single file.
#[must_use]
pub fn kind_of(path: &str) -> Option<ArchiveKind> {
    let name = path.to_ascii_lowercase();
    let kinds = [
        (".tar", ArchiveKind::Tar),
        (".tar.gz", ArchiveKind::TarGzip),
        (".tgz", ArchiveKind::TarGzip),
        (".tar.zst", ArchiveKind::TarZstd),
    ];
    kinds.into_iter().find(|(ending, _)| name.ends_with(ending)).map(|(_, kind)| kind)
}

/// What an archive may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Files and directories.
    pub files: u64,
    /// Bytes of the archive when decompressed, headers and padding included.
    pub bytes: u64,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// How many times larger than the packed archive it may become, beyond the first 64 MiB. Text
    /// packs 20 times at best; a gzip bomb 1,000 times, a zstd bomb 30,000 times.
    pub ratio: u64,
}

impl Default for Limits {
    /// Returns 100,000 files, 4 GiB in all and in one file, and a ratio of 250.
    fn default() -> Self {
        let gib = 1024 * 1024 * 1024;
        Self { files: 100_000, bytes: 4 * gib, file_bytes: 4 * gib, ratio: 250 }
    }
}

/// One file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArtifactEntry {
    /// Where it lies in the archive, without `./` in front.
    pub path: RelativePath,
    /// Its permission bits, always with read permission for its owner: a file that nobody can read
    /// cannot be compared or restored.
    pub mode: Mode,
    /// Its size in bytes.
    pub size: u64,
}

/// What was in an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Files.
    pub files: u64,
    /// Bytes of all files together.
    pub bytes: u64,
}

/// Shows each file of the archive in `reader` to `visit`, in the order of the archive, and returns
/// how many there were.
///
/// `visit` may read less than the whole file. An error can come after files were visited, at the
/// latest at the end of the archive: what was visited counts only when this returns `Ok`. No path
/// is visited twice.
///
/// # Errors
/// [`ArtifactError`] when the archive is damaged, ambiguous, too large, or holds what a release
/// cannot; or with the error of `visit`.
pub fn unpack(
    reader: impl Read,
    kind: ArchiveKind,
    limits: &Limits,
    visit: &mut dyn FnMut(ArtifactEntry, &mut dyn Read) -> io::Result<()>,
) -> Result<Summary, ArtifactError> {
    let meter = Meter::new(*limits);
    let stream = decoder(meter.packed(reader), kind).map_err(ArtifactError::Read)?;
    let mut archive = Archive::new(meter.unpacked(stream));
    let mut unpacking = Unpacking::new(&meter, limits, visit);
    for entry in archive.entries().map_err(|error| meter.explain(error))?.raw(true) {
        unpacking.add(entry.map_err(|error| meter.explain(error))?)?;
    }
    let summary = unpacking.finish()?;
    finish(archive.into_inner(), &meter)?;
    Ok(summary)
}

fn decoder<'r>(reader: impl Read + 'r, kind: ArchiveKind) -> io::Result<Box<dyn Read + 'r>> {
    Ok(match kind {
        ArchiveKind::Tar => Box::new(reader),
        ArchiveKind::TarGzip => Box::new(MultiGzDecoder::new(reader)),
        ArchiveKind::TarZstd => {
            let mut decoder = zstd::Decoder::new(reader)?;
            decoder.window_log_max(WINDOW_LOG)?;
            Box::new(decoder)
        }
    })
}

/// Checks that nothing but the end of the archive is left: it has two blocks of zeros, the first
/// of which has been read, and any number of zeros after them. Reading to the end also checks the
/// checksum of what was compressed.
fn finish(mut stream: impl Read, meter: &Meter) -> Result<(), ArtifactError> {
    if meter.has_ended() {
        return Err(ArtifactError::Truncated);
    }
    let mut portion = [0; 8 * 1024];
    let mut zeros = 0;
    loop {
        let count = match stream.read(&mut portion) {
            Ok(0) if zeros < 512 => return Err(ArtifactError::Truncated),
            Ok(0) => return Ok(()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(meter.explain(error)),
        };
        if portion[..count].iter().any(|byte| *byte != 0) {
            return Err(ArtifactError::TrailingData);
        }
        zeros += count;
    }
}

#[cfg(test)]
mod tests;
