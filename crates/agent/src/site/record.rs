//! What Windlass keeps about the releases on a site.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use windlass_core::digest::Digest;
use windlass_core::path::RelativePath;
use windlass_core::record::DeploymentId;
use windlass_core::release::{Manifest, Release, ReleaseId};

use super::dir::Dir;
use super::durable::{read_sealed, write_sealed};
use super::{Owner, SiteError};

/// The link whose rename switches releases.
pub(super) const CURRENT: &str = "current";
/// The directory of the releases' files.
pub(super) const RELEASES: &str = "releases";
/// The directory of the releases' records.
pub(super) const MANIFESTS: &str = "manifests";

const MOST_BYTES: u64 = 256 << 20;

/// What is in a release, and who deployed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The release.
    pub(super) release: ReleaseId,
    /// The deployment that staged it, or after an activation the one that activated it.
    pub(super) deployment: DeploymentId,
    /// Who manages the site.
    pub(super) owner: Owner,
    /// The directories that Windlass made and that the release needs; valid while it is live.
    pub(super) directories: BTreeSet<RelativePath>,
    /// What belongs to the release besides files.
    pub(super) content: Release,
    /// The files.
    pub(super) manifest: Manifest,
}

/// Returns the record of `release`, or nothing where there is none.
pub(super) fn read(state: &Dir, release: &ReleaseId) -> Result<Option<Record>, SiteError> {
    let Some(dir) = state.child(MANIFESTS)? else { return Ok(None) };
    let name = file_name(release);
    let Some(record) = read_sealed::<Record>(&dir, &name, MOST_BYTES)? else { return Ok(None) };
    if record.release != *release {
        let reason = "it is the record of another release".to_owned();
        return Err(SiteError::Damaged { path: dir.at(&name), reason });
    }
    Ok(Some(record))
}

/// Writes `record`: afterwards it is on the disk.
pub(super) fn write(state: &Dir, record: &Record) -> Result<(), SiteError> {
    let (dir, made) = state.ensure_child(MANIFESTS)?;
    if made {
        state.sync()?;
    }
    write_sealed(state, &dir, &file_name(&record.release), record)
}

/// Returns the name of the file that holds the record of `release`.
pub(super) fn file_name(release: &ReleaseId) -> String {
    format!("{release}.json")
}

/// Returns the release that a name in `releases/` or `manifests/` belongs to, if it is one.
pub(super) fn release_of(name: &str) -> Option<ReleaseId> {
    name.strip_suffix(".json").unwrap_or(name).parse::<Digest>().ok().map(ReleaseId)
}

/// Returns the release that the site shows, or nothing where none is live.
pub(super) fn current(state: &Dir) -> Result<Option<ReleaseId>, SiteError> {
    let Some(found) = state.look(CURRENT)? else { return Ok(None) };
    let damaged = |reason| SiteError::Damaged { path: state.at(CURRENT), reason };
    let super::Found::Link(target) = found else {
        return Err(damaged(format!("it is {found}, not a link")));
    };
    let release = target.strip_prefix("releases/").and_then(release_of);
    release.map(Some).ok_or_else(|| damaged(format!("it leads to {target:?}")))
}

/// Returns the record of the release that the site shows.
///
/// # Errors
/// When a release is live and its record is missing or damaged.
pub(super) fn live(state: &Dir) -> Result<Option<Record>, SiteError> {
    let Some(release) = current(state)? else { return Ok(None) };
    match read(state, &release)? {
        Some(record) => Ok(Some(record)),
        None => Err(SiteError::Damaged {
            path: state.at(MANIFESTS).join(file_name(&release)),
            reason: "the record of the live release is missing".to_owned(),
        }),
    }
}
