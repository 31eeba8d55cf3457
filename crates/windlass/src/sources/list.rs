//! Everything below a directory.

use rustix::fs::{Dir, DirEntry, FileType, Mode, OFlags, fstat, openat};
use windlass_core::path::RelativePath;

use super::walk::{Found, Walk};
use super::{Directory, SourceError, SourceErrorKind, Sources};

/// How deep a directory may be.
const LEVELS: usize = 64;
/// How many entries it may have, at all levels together.
const ENTRIES: usize = 100_000;

/// Returns the files below the last directory of `stack`, which the project calls `named`.
pub(super) fn files_below(
    sources: &Sources,
    named: &str,
    stack: &[Directory],
) -> Result<Vec<String>, SourceError> {
    let mut listing = Listing { sources, named, files: Vec::new(), entries: 0, above: Vec::new() };
    listing.add(stack, "")?;
    listing.files.sort_unstable();
    Ok(listing.files)
}

struct Listing<'s> {
    sources: &'s Sources,
    named: &'s str,
    files: Vec<String>,
    entries: usize,
    /// Device and inode of each directory that the present one is in, to notice a circle.
    above: Vec<(u64, u64)>,
}

impl Listing<'_> {
    /// Adds what is in the last directory of `stack`, which lies at `prefix` in the listing.
    fn add(&mut self, stack: &[Directory], prefix: &str) -> Result<(), SourceError> {
        let shown = self.shown(prefix);
        let cannot = |errno: rustix::io::Errno| SourceError::read(&shown, errno.into());
        let directory = stack.last().unwrap_or(&self.sources.root);
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = openat(&directory.fd, ".", flags, Mode::empty()).map_err(cannot)?;
        let stat = fstat(&fd).map_err(cannot)?;
        self.descend((stat.st_dev, stat.st_ino), &shown)?;
        for entry in Dir::new(fd).map_err(cannot)? {
            self.add_entry(stack, prefix, &entry.map_err(cannot)?)?;
        }
        self.above.pop();
        Ok(())
    }

    fn descend(&mut self, identity: (u64, u64), shown: &str) -> Result<(), SourceError> {
        if self.above.contains(&identity) {
            let message = format!("{shown} is a link to a directory that it lies in");
            return Err(SourceError::new(SourceErrorKind::Loop, message));
        }
        if self.above.len() == LEVELS {
            let message = format!("{} is more than {LEVELS} levels deep", self.named);
            return Err(SourceError::new(SourceErrorKind::TooLarge, message));
        }
        self.above.push(identity);
        Ok(())
    }

    fn add_entry(
        &mut self,
        stack: &[Directory],
        prefix: &str,
        entry: &DirEntry,
    ) -> Result<(), SourceError> {
        let raw = entry.file_name();
        let name = raw.to_str().map_err(|_| self.not_text(prefix, &raw.to_string_lossy()))?;
        if matches!(name, "." | "..") {
            return Ok(());
        }
        self.count()?;
        let path = below(prefix, name);
        RelativePath::new(self.shown(&path)).map_err(SourceError::invalid)?;
        if entry.file_type() == FileType::RegularFile {
            self.files.push(path);
            return Ok(());
        }
        let named = self.shown(&path);
        match Walk::from(self.sources, &named, stack.to_vec()).find(name)? {
            Found::File(_) => self.files.push(path),
            Found::Directory(inner) => self.add(&inner, &path)?,
        }
        Ok(())
    }

    fn count(&mut self) -> Result<(), SourceError> {
        self.entries += 1;
        if self.entries > ENTRIES {
            let message = format!("{} has more than {ENTRIES} entries", self.named);
            return Err(SourceError::new(SourceErrorKind::TooLarge, message));
        }
        Ok(())
    }

    fn not_text(&self, prefix: &str, name: &str) -> SourceError {
        let path = self.shown(&below(prefix, name));
        SourceError::new(SourceErrorKind::Path, format!("the name of {path:?} is not UTF-8"))
    }

    fn shown(&self, path: &str) -> String {
        if path.is_empty() { self.named.to_owned() } else { below(self.named, path) }
    }
}

fn below(prefix: &str, name: &str) -> String {
    if prefix.is_empty() { name.to_owned() } else { format!("{prefix}/{name}") }
}
