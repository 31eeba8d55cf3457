//! Bringing together the content of a release: what the host keeps, and what it is sent.

use std::collections::BTreeSet;
use std::io::{self, BufRead, ErrorKind, Read};

use windlass_core::digest::Digest;
use windlass_core::release::{FileEntry, Manifest};

use super::Line;
use super::spool::Spool;
use crate::protocol::{Frame, FrameError, Kind, Wanted};
use crate::site::{BlobSource, Kept, LockedSite, SiteError};

/// The content of a release.
struct Gathered {
    kept: Kept,
    spool: Spool,
}

impl BlobSource for Gathered {
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        if let Some(content) = self.spool.open(digest) {
            return Ok(content);
        }
        match self.kept.open(digest).map_err(io::Error::other)? {
            Some(file) => Ok(Box::new(file)),
            None => Err(ErrorKind::NotFound.into()),
        }
    }
}

/// Returns the content of `manifest`, after asking for what the site does not keep.
pub(super) fn gather<'a>(
    line: &Line,
    site: &LockedSite<'_>,
    manifest: &Manifest,
) -> Result<Box<dyn BlobSource + 'a>, SiteError> {
    let kept = site.kept(manifest)?;
    let missing = missing(manifest, &kept);
    let mut spool = Spool::default();
    if let Some(first) = missing.first() {
        ask(line, &missing).map_err(|error| lost(first, error))?;
        receive_all(line, site, &missing, &mut spool)?;
    }
    Ok(Box::new(Gathered { kept, spool }))
}

/// Returns one file for each content that is missing, in order of their paths.
fn missing<'m>(manifest: &'m Manifest, kept: &Kept) -> Vec<&'m FileEntry> {
    let mut seen = BTreeSet::new();
    let files = manifest.files().iter();
    files.filter(|entry| !kept.has(&entry.digest) && seen.insert(entry.digest)).collect()
}

fn ask(line: &Line, missing: &[&FileEntry]) -> Result<(), FrameError> {
    let digests = missing.iter().map(|entry| entry.digest).collect();
    line.outbox.send(&Frame::json(Kind::Wanted, &Wanted { digests })?)
}

/// Receives every blob. After one that is wrong, or that there is no space for, the others are let
/// pass: whoever sends them is not listening before the last.
fn receive_all(
    line: &Line,
    site: &LockedSite<'_>,
    missing: &[&FileEntry],
    spool: &mut Spool,
) -> Result<(), SiteError> {
    let mut taken = Ok(());
    for entry in missing {
        let mut incoming = Incoming { line, part: Vec::new(), at: 0, state: State::More };
        if taken.is_ok() {
            taken = spool.take(entry, &mut incoming, site);
        }
        if let Err(source) = incoming.pass() {
            let lost = SiteError::Blob { file: entry.path.clone(), source };
            return taken.and(Err(lost));
        }
    }
    taken
}

fn lost(entry: &FileEntry, error: FrameError) -> SiteError {
    SiteError::Blob { file: entry.path.clone(), source: io::Error::other(error) }
}

/// A compressed blob, as it comes.
struct Incoming<'a> {
    line: &'a Line,
    part: Vec<u8>,
    at: usize,
    state: State,
}

#[derive(PartialEq, Eq)]
enum State {
    More,
    Ended,
    Lost,
}

impl Incoming<'_> {
    /// Lets pass what is left of it.
    fn pass(&mut self) -> io::Result<()> {
        loop {
            let count = self.fill_buf()?.len();
            if count == 0 {
                return Ok(());
            }
            self.consume(count);
        }
    }

    fn receive(&mut self) -> io::Result<()> {
        let aborted = |error: FrameError| io::Error::new(ErrorKind::ConnectionAborted, error);
        let frame = self.line.content().map_err(aborted)?;
        self.state = match frame.kind {
            Kind::BlobPart => State::More,
            Kind::BlobEnd => State::Ended,
            Kind::NoBlob => {
                return Err(io::Error::new(ErrorKind::NotFound, "the operator does not have it"));
            }
            other => return Err(aborted(FrameError::OutOfTurn(other))),
        };
        (self.part, self.at) = (frame.payload, 0);
        Ok(())
    }
}

impl BufRead for Incoming<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        while self.at == self.part.len() && self.state == State::More {
            self.receive().inspect_err(|_| self.state = State::Lost)?;
        }
        if self.state == State::Lost {
            return Err(ErrorKind::ConnectionAborted.into());
        }
        Ok(&self.part[self.at..])
    }

    fn consume(&mut self, count: usize) {
        self.at += count;
    }
}

impl Read for Incoming<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(buffer)?;
        self.consume(count);
        Ok(count)
    }
}
