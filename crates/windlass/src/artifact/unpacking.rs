//! From headers to files.

use std::collections::BTreeSet;
use std::io::{self, Read};

use tar::Entry;
use windlass_core::path::RelativePath;

use super::member::{self, Kind};
use super::meter::Meter;
use super::pax::Extended;
use super::{ArtifactEntry, ArtifactError, Limits, Summary};

/// The most that is read of an extended header: 1 MiB.
const EXTENSION: u64 = 1024 * 1024;

type Visit<'v> = &'v mut dyn FnMut(ArtifactEntry, &mut dyn Read) -> io::Result<()>;

/// An archive on its way: what has been seen, and what was said about the entry to come.
pub(super) struct Unpacking<'v> {
    meter: &'v Meter,
    limits: &'v Limits,
    visit: Visit<'v>,
    long_name: Option<Vec<u8>>,
    extended: Option<Extended>,
    entries: u64,
    files: BTreeSet<RelativePath>,
    directories: BTreeSet<RelativePath>,
    summary: Summary,
}

impl<'v> Unpacking<'v> {
    pub(super) fn new(meter: &'v Meter, limits: &'v Limits, visit: Visit<'v>) -> Self {
        Self {
            meter,
            limits,
            visit,
            long_name: None,
            extended: None,
            entries: 0,
            files: BTreeSet::new(),
            directories: BTreeSet::new(),
            summary: Summary::default(),
        }
    }

    /// Takes the next header and what belongs to it.
    pub(super) fn add<R: Read>(&mut self, entry: Entry<'_, R>) -> Result<(), ArtifactError> {
        let size = member::size(entry.header())?;
        match member::kind(entry.header())? {
            Kind::LongName => {
                let name = self.extension(entry, size)?;
                self.set_long_name(name)
            }
            Kind::Extended => {
                let bytes = self.extension(entry, size)?;
                self.set_extended(&bytes)
            }
            Kind::Global => {
                let bytes = self.extension(entry, size)?;
                check_global(&bytes)
            }
            Kind::LongLink => self.extension(entry, size).map(drop),
            kind => self.member(entry, kind, size),
        }
    }

    /// Returns what was in the archive, if it could be so.
    pub(super) fn finish(self) -> Result<Summary, ArtifactError> {
        if self.long_name.is_some() || self.extended.is_some() {
            return Err(ArtifactError::Truncated);
        }
        match self.files.iter().find(|file| self.is_also_a_directory(file)) {
            Some(path) => Err(ArtifactError::Conflict { path: path.clone() }),
            None => Ok(self.summary),
        }
    }

    fn is_also_a_directory(&self, file: &RelativePath) -> bool {
        self.directories.contains(file) || self.has_files_below(file)
    }

    fn has_files_below(&self, file: &RelativePath) -> bool {
        // A space is the first character that a name can have. Where even that is too long a path,
        // nothing can be below.
        let Ok(first) = RelativePath::new(format!("{file}/ ")) else { return false };
        let next = self.files.range(first..).next();
        next.and_then(|path| path.as_str().strip_prefix(file.as_str()))
            .is_some_and(|rest| rest.starts_with('/'))
    }

    fn extension<R: Read>(&self, entry: Entry<'_, R>, size: u64) -> Result<Vec<u8>, ArtifactError> {
        if size > EXTENSION {
            let what = "its extended header is larger than 1 MiB";
            return Err(ArtifactError::ambiguous(&member::name(entry.header()), what));
        }
        let mut bytes = Vec::new();
        let mut data = Exact { inner: entry, left: size, meter: self.meter };
        data.read_to_end(&mut bytes).map_err(|error| self.meter.explain(error))?;
        Ok(bytes)
    }

    fn set_long_name(&mut self, name: Vec<u8>) -> Result<(), ArtifactError> {
        // One NUL ends it; another is a control character and will be refused as such.
        let name = name.strip_suffix(b"\0").map(<[u8]>::to_vec).unwrap_or(name);
        match self.long_name.replace(name) {
            Some(first) => Err(twice(&first, "it has two long names")),
            None => Ok(()),
        }
    }

    fn set_extended(&mut self, bytes: &[u8]) -> Result<(), ArtifactError> {
        match self.extended.replace(Extended::parse(bytes)?) {
            Some(first) => {
                Err(twice(&first.path.unwrap_or_default(), "it has two extended headers"))
            }
            None => Ok(()),
        }
    }

    fn member<R: Read>(
        &mut self,
        entry: Entry<'_, R>,
        kind: Kind,
        size: u64,
    ) -> Result<(), ArtifactError> {
        self.entries += 1;
        if self.entries > self.limits.files {
            return Err(ArtifactError::TooManyFiles { limit: self.limits.files });
        }
        let extended = self.extended.take().unwrap_or_default();
        let name = self.name(&entry, &extended)?;
        let shown = String::from_utf8_lossy(&name);
        check_extended(&extended, &shown, size)?;
        match (member::path(&name, kind)?, kind) {
            (Some(path), Kind::File) => self.file(entry, path, size),
            _ if size > 0 => Err(ArtifactError::ambiguous(&shown, "a directory with contents")),
            (Some(path), _) => {
                self.directories.insert(path);
                Ok(())
            }
            (None, _) => Ok(()),
        }
    }

    /// Returns the name of `entry`: from what was said before it, or from its own header.
    fn name<R: Read>(
        &mut self,
        entry: &Entry<'_, R>,
        extended: &Extended,
    ) -> Result<Vec<u8>, ArtifactError> {
        match (self.long_name.take(), extended.path.clone()) {
            (Some(long), Some(path)) if long != path => Err(twice(&path, "it has two names")),
            (Some(name), _) | (None, Some(name)) => Ok(name),
            (None, None) => Ok(entry.header().path_bytes().into_owned()),
        }
    }

    fn file<R: Read>(
        &mut self,
        entry: Entry<'_, R>,
        path: RelativePath,
        size: u64,
    ) -> Result<(), ArtifactError> {
        let limit = self.limits.file_bytes;
        if size > limit {
            return Err(ArtifactError::FileTooLarge { path, size, limit });
        }
        let mode = member::mode(entry.header(), &path)?;
        if !self.files.insert(path.clone()) {
            return Err(ArtifactError::Conflict { path });
        }
        self.summary.files += 1;
        self.summary.bytes += size;
        let data = Exact { inner: entry, left: size, meter: self.meter };
        self.show(ArtifactEntry { path, mode, size }, data)
    }

    fn show<R: Read>(
        &mut self,
        entry: ArtifactEntry,
        mut data: Exact<'_, R>,
    ) -> Result<(), ArtifactError> {
        let path = entry.path.clone();
        let visited = (self.visit)(entry, &mut data);
        if let Some(fault) = self.meter.fault() {
            return Err(fault);
        }
        visited.map_err(|source| ArtifactError::Visit { path, source })?;
        io::copy(&mut data, &mut io::sink()).map_err(|error| self.meter.explain(error))?;
        Ok(())
    }
}

fn twice(name: &[u8], what: &str) -> ArtifactError {
    ArtifactError::ambiguous(&String::from_utf8_lossy(name), what)
}

fn check_global(bytes: &[u8]) -> Result<(), ArtifactError> {
    if Extended::parse(bytes)?.is_harmless() {
        return Ok(());
    }
    let what = "a global header sets the name, size or rights of all entries";
    Err(ArtifactError::ambiguous("(global header)", what))
}

fn check_extended(extended: &Extended, name: &str, size: u64) -> Result<(), ArtifactError> {
    if extended.sparse {
        return Err(ArtifactError::unsupported(name, "a sparse file"));
    }
    if let Some(attribute) = extended.privileges.first() {
        return Err(ArtifactError::privileged(name, format!("the attribute {attribute}")));
    }
    match extended.size {
        Some(other) if other != size => {
            let what = format!("its size is {size} in one header and {other} in another");
            Err(ArtifactError::ambiguous(name, what))
        }
        _ => Ok(()),
    }
}

/// A reader of exactly as many bytes as were promised: fewer are an error, not an early end.
struct Exact<'m, R> {
    inner: R,
    left: u64,
    meter: &'m Meter,
}

impl<R: Read> Read for Exact<'_, R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(into)?;
        self.left = self.left.saturating_sub(count as u64);
        if count == 0 && self.left > 0 && !into.is_empty() {
            return Err(self.meter.fail(ArtifactError::Truncated));
        }
        Ok(count)
    }
}
