//! What would stop a release from taking its place, looked for before anything is changed.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use windlass_core::path::RelativePath;
use windlass_core::release::{FileEntry, Manifest};

use super::content::link_target;
use super::dir::{Cursor, Dir};
use super::record::Record;
use super::steps::directories;
use super::{Owner, SiteError};

/// What a name turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Found {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link, and where it leads.
    Link(String),
    /// A pipe, a socket or a device.
    Special,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => f.write_str("a file"),
            Self::Directory => f.write_str("a directory"),
            Self::Link(target) => write!(f, "a link to {target:?}"),
            Self::Special => f.write_str("a pipe, socket or device"),
        }
    }
}

/// What a release needs in a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wanted {
    /// A file of its own.
    File,
    /// A directory that holds one.
    Directory,
}

/// Something that Windlass did not put there, where a release needs to be.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Conflict {
    /// The place, below `config_path`.
    pub path: RelativePath,
    /// What is there.
    pub found: Found,
    /// What the release needs there.
    pub wanted: Wanted,
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is {} ", self.path, self.found)?;
        match self.wanted {
            Wanted::File => f.write_str("that windlass did not put there"),
            Wanted::Directory => f.write_str("where a directory is needed"),
        }
    }
}

/// Refuses a site that somebody else manages.
pub(super) fn check_owner(
    config: &Dir,
    live: Option<&Record>,
    owner: &Owner,
) -> Result<(), SiteError> {
    match live {
        Some(live) if live.owner != *owner => Err(SiteError::Owned {
            config: config.path().to_owned(),
            theirs: live.owner.clone(),
            ours: owner.clone(),
        }),
        _ => Ok(()),
    }
}

/// Refuses what could not be carried through: something in the way, a directory that cannot be
/// written.
pub(super) fn check(
    config: &Dir,
    live: Option<&Record>,
    wanted: Option<&Manifest>,
) -> Result<(), SiteError> {
    let conflicts = conflicts(config, live, wanted.unwrap_or(&Manifest::default()))?;
    if !conflicts.is_empty() {
        return Err(SiteError::Conflicts { config: config.path().to_owned(), conflicts });
    }
    check_writable(config, live.map(|live| &live.manifest), wanted)
}

fn check_writable(
    config: &Dir,
    from: Option<&Manifest>,
    to: Option<&Manifest>,
) -> Result<(), SiteError> {
    config.check_writable()?;
    let mut cursor = Cursor::new(config);
    let needed: BTreeSet<_> = from.into_iter().chain(to).flat_map(directories).collect();
    for path in needed {
        match cursor.open(Some(&path)) {
            Ok(Some(dir)) => dir.check_writable()?,
            Ok(None) => {}
            // A file of the live release that becomes a directory, or the reverse.
            Err(error) if error.is_not_a_directory() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Returns what is in the way of `wanted`, in order of the paths.
pub(super) fn conflicts(
    config: &Dir,
    live: Option<&Record>,
    wanted: &Manifest,
) -> Result<Vec<Conflict>, SiteError> {
    let mut look = Lookout { cursor: Cursor::new(config), live, found: Vec::new() };
    for path in directories(wanted) {
        look.directory(path)?;
    }
    for entry in wanted.files() {
        look.file(entry)?;
    }
    look.found.sort();
    Ok(look.found)
}

struct Lookout<'a> {
    cursor: Cursor<'a>,
    live: Option<&'a Record>,
    found: Vec<Conflict>,
}

impl Lookout<'_> {
    fn is_live(&self, path: &RelativePath) -> bool {
        self.live.is_some_and(|live| live.manifest.get(path).is_some())
    }

    fn look(&mut self, path: &RelativePath) -> Result<Option<Found>, SiteError> {
        match self.cursor.holding_if_any(path)? {
            Some(dir) => dir.look(path.file_name()),
            None => Ok(None),
        }
    }

    fn directory(&mut self, path: RelativePath) -> Result<(), SiteError> {
        match self.look(&path)? {
            None | Some(Found::Directory) => Ok(()),
            Some(_) if self.is_live(&path) => Ok(()),
            Some(found) => self.report(path, found, Wanted::Directory),
        }
    }

    fn file(&mut self, entry: &FileEntry) -> Result<(), SiteError> {
        let path = &entry.path;
        match self.look(path)? {
            None => Ok(()),
            Some(Found::Directory) if self.can_vanish(path)? => Ok(()),
            Some(Found::Directory) => self.report(path.clone(), Found::Directory, Wanted::File),
            Some(_) if self.is_live(path) => Ok(()),
            // Left by an activation that nobody recorded; it shows nothing but our own files.
            Some(Found::Link(target)) if target == link_target(path) => Ok(()),
            Some(found) => self.report(path.clone(), found, Wanted::File),
        }
    }

    fn report(
        &mut self,
        path: RelativePath,
        found: Found,
        wanted: Wanted,
    ) -> Result<(), SiteError> {
        self.found.push(Conflict { path, found, wanted });
        Ok(())
    }

    /// Tells whether the directory at `path` and all in it are ours.
    fn can_vanish(&mut self, path: &RelativePath) -> Result<bool, SiteError> {
        let Some(live) = self.live.filter(|live| live.directories.contains(path)) else {
            return Ok(false);
        };
        match self.cursor.open(Some(path))? {
            Some(dir) => only_ours(dir, path, live),
            None => Ok(true),
        }
    }
}

fn only_ours(dir: &Dir, path: &RelativePath, live: &Record) -> Result<bool, SiteError> {
    for name in dir.names()? {
        let Ok(name) = name.into_string() else { return Ok(false) };
        let Ok(inner) = RelativePath::new(format!("{path}/{name}")) else { return Ok(false) };
        let ours = match dir.look(&name)? {
            None => true,
            Some(Found::Directory) if live.directories.contains(&inner) => {
                match dir.child(&name)? {
                    Some(child) => only_ours(&child, &inner, live)?,
                    None => true,
                }
            }
            Some(Found::Directory) => false,
            Some(_) => live.manifest.get(&inner).is_some(),
        };
        if !ours {
            return Ok(false);
        }
    }
    Ok(true)
}
