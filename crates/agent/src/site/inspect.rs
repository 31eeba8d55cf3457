//! Looking at a site without touching it.

use std::collections::BTreeMap;

use serde::Serialize;
use windlass_core::digest::Digest;
use windlass_core::path::{RESERVED, RelativePath};
use windlass_core::plan::{Drift, DriftIssue};
use windlass_core::release::{FileEntry, Layout, Manifest, ReleaseId};

use super::content::{Sight, buffer, examine, link_target};
use super::dir::{Cursor, Dir};
use super::journal::Journal;
use super::record::{self, RELEASES, Record};
use super::runtime::GONE;
use super::{
    Armed, Conflict, Inspection, Interrupted, Live, Reverted, Site, SiteError, parallel, place,
    preflight,
};

impl Site {
    /// Returns what is on the site, and what is in the way of `wanted`; it changes nothing, makes
    /// nothing and waits for nobody. While another process activates, the answer may be of the
    /// moment in between, and says [`Inspection::interrupted`].
    ///
    /// # Errors
    /// When a directory on the way is a link or no directory, a file of ours is damaged or of a
    /// newer version, or the system refuses.
    pub fn inspect(&self, wanted: Option<&Manifest>) -> Result<Inspection, SiteError> {
        let mut all = Seen { place: place::of(&self.config_dir()), ..Seen::default() };
        let Some(config) = self.open_config()? else { return Ok(seen(all)) };
        if let Some(state) = config.child(RESERVED)? {
            all.interrupted = Journal::read(&state)?.map(Interrupted::from);
            all.live = record::live(&state)?;
            (all.armed, all.reverted) = (self.armed()?, self.reverted()?);
            if let Some(live) = &all.live {
                all.drift = self.drift(&config, &state, live)?;
            }
        }
        if let Some(wanted) = wanted {
            if wanted.files().iter().any(FileEntry::is_runtime) {
                self.runtime().check()?;
            }
            all.conflicts = preflight::conflicts(&config, all.live.as_ref(), wanted)?;
        }
        Ok(seen(all))
    }
}

#[derive(Default)]
struct Seen {
    live: Option<Record>,
    drift: Vec<Drift>,
    conflicts: Vec<Conflict>,
    interrupted: Option<Interrupted>,
    place: Option<String>,
    armed: Option<Armed>,
    reverted: Option<Reverted>,
}

#[derive(Serialize)]
struct Fingerprint<'a> {
    release: Option<ReleaseId>,
    drift: &'a [Drift],
    conflicts: &'a [Conflict],
    interrupted: &'a Option<Interrupted>,
}

fn seen(all: Seen) -> Inspection {
    let fingerprint = Digest::of_json(&Fingerprint {
        release: all.live.as_ref().map(|live| live.release),
        drift: &all.drift,
        conflicts: &all.conflicts,
        interrupted: &all.interrupted,
    });
    Inspection {
        live: all.live.map(Live::from),
        drift: all.drift,
        conflicts: all.conflicts,
        interrupted: all.interrupted,
        fingerprint,
        place: all.place,
        armed: all.armed,
        reverted: all.reverted,
    }
}

impl Site {
    /// Returns how the files on the site differ from those of its live release.
    pub(super) fn drift(
        &self,
        config: &Dir,
        state: &Dir,
        live: &Record,
    ) -> Result<Vec<Drift>, SiteError> {
        let files = match state.child(RELEASES)? {
            Some(releases) => releases.child(&live.release.to_string())?,
            None => None,
        };
        let runtime = self.runtime();
        let in_memory = runtime.release(&live.release)?;
        let links = runtime.links(&live.release, &live.manifest);
        let start = || Looker {
            visible: Cursor::new(config),
            staged: files.as_ref().map(Cursor::new),
            in_memory: in_memory.as_ref().map(Cursor::new),
            links: &links,
            buffer: buffer(),
        };
        let found = parallel::each(live.manifest.files(), start, Looker::look)?;
        let mut drift: Vec<_> = found.into_iter().flatten().collect();
        drift.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(drift)
    }
}

struct Looker<'a> {
    visible: Cursor<'a>,
    staged: Option<Cursor<'a>>,
    in_memory: Option<Cursor<'a>>,
    /// Where runtime files lead.
    links: &'a BTreeMap<RelativePath, String>,
    buffer: Vec<u8>,
}

impl Looker<'_> {
    /// Returns how the file of `entry` differs: its place first, then what is in it.
    fn look(&mut self, entry: &FileEntry) -> Result<Vec<Drift>, SiteError> {
        if entry.layout == Layout::Plain {
            let sight = sight(Some(&mut self.visible), entry, &mut self.buffer)?;
            return Ok(compare(entry, &sight));
        }
        let target = link_target(&entry.path);
        if let Some(drift) = link_drift(Some(&mut self.visible), &entry.path, &target)? {
            return Ok(vec![drift]);
        }
        let Some(target) = self.links.get(&entry.path) else {
            let sight = sight(self.staged.as_mut(), entry, &mut self.buffer)?;
            return Ok(compare(entry, &sight));
        };
        if let Some(drift) = link_drift(self.staged.as_mut(), &entry.path, target)? {
            return Ok(vec![drift]);
        }
        let sight = sight(self.in_memory.as_mut(), entry, &mut self.buffer)?;
        Ok(compare(entry, &sight))
    }
}

fn link_drift(
    cursor: Option<&mut Cursor<'_>>,
    path: &RelativePath,
    target: &str,
) -> Result<Option<Drift>, SiteError> {
    let dir = cursor.map(|cursor| cursor.holding_if_any(path)).transpose()?.flatten();
    let name = path.file_name();
    if let Some(dir) = dir
        && dir.link(name)?.as_deref() == Some(target)
    {
        return Ok(None);
    }
    let found = dir.map(|dir| dir.look(name)).transpose()?.flatten();
    let expected = format!("a link to {target:?}");
    Ok(Some(match found {
        None => differs(path, DriftIssue::Missing, expected, "nothing".to_owned()),
        Some(found) => differs(path, DriftIssue::Replaced, expected, found.to_string()),
    }))
}

fn sight(
    cursor: Option<&mut Cursor<'_>>,
    entry: &FileEntry,
    buffer: &mut [u8],
) -> Result<Sight, SiteError> {
    let Some(cursor) = cursor else { return Ok(Sight::Missing) };
    match cursor.holding_if_any(&entry.path)? {
        Some(dir) => examine(dir, entry.path.file_name(), entry, buffer),
        None => Ok(Sight::Missing),
    }
}

fn compare(entry: &FileEntry, sight: &Sight) -> Vec<Drift> {
    let path = &entry.path;
    let expected = entry.digest.to_string();
    let (digest, mode) = match sight {
        Sight::Missing => {
            let nothing = if entry.is_runtime() { GONE } else { "nothing" };
            return vec![differs(path, DriftIssue::Missing, expected, nothing.to_owned())];
        }
        Sight::Other(found) => {
            return vec![differs(path, DriftIssue::Replaced, expected, found.to_string())];
        }
        Sight::File { digest, mode } => (*digest, *mode),
    };
    let mut drift = Vec::new();
    if digest != entry.digest {
        drift.push(differs(path, DriftIssue::Modified, expected, digest.to_string()));
    }
    if mode != entry.mode {
        let expected = entry.mode.to_string();
        drift.push(differs(path, DriftIssue::Mode, expected, mode.to_string()));
    }
    drift
}

fn differs(path: &RelativePath, issue: DriftIssue, expected: String, actual: String) -> Drift {
    Drift { path: path.to_string(), issue, expected, actual }
}
