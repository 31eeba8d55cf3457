//! Content that a site has already, in the releases that it keeps.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;

use windlass_core::digest::Digest;
use windlass_core::path::RelativePath;
use windlass_core::release::{FileEntry, Manifest, ReleaseId};

use super::content::{Sight, buffer, examine};
use super::dir::{Cursor, Dir};
use super::lock::LockedSite;
use super::record::{self, MANIFESTS, RELEASES};
use super::{SiteError, parallel};

/// Files of kept releases, by the digest of their content, which was compared.
#[derive(Debug, Default)]
pub struct Kept {
    releases: Option<Dir>,
    /// The releases in memory.
    runtime: Option<Dir>,
    files: BTreeMap<Digest, Place>,
}

/// Where content is.
#[derive(Debug)]
struct Place {
    release: ReleaseId,
    path: RelativePath,
    in_memory: bool,
}

impl Kept {
    /// Tells whether the site has content with this digest.
    #[must_use]
    pub fn has(&self, digest: &Digest) -> bool {
        self.files.contains_key(digest)
    }

    /// Returns a file that had this content when it was looked at, or nothing where there is none.
    /// Whoever reads it compares again: it may have been changed since.
    ///
    /// # Errors
    /// When it cannot be opened.
    pub fn open(&self, digest: &Digest) -> Result<Option<File>, SiteError> {
        let Some(place) = self.files.get(digest) else { return Ok(None) };
        let releases = if place.in_memory { &self.runtime } else { &self.releases };
        let Some(releases) = releases else { return Ok(None) };
        let Some(files) = releases.child(&place.release.to_string())? else { return Ok(None) };
        match files.descend(place.path.parent().as_ref())? {
            Some(dir) => dir.open_file(place.path.file_name()),
            None => Ok(None),
        }
    }
}

impl LockedSite<'_> {
    /// Returns what of the content of `wanted` is in the releases that the site keeps. Files that were
    /// changed there, and releases whose records are damaged, are passed over.
    ///
    /// # Errors
    /// When the directories of Windlass cannot be read.
    pub fn kept(&self, wanted: &Manifest) -> Result<Kept, SiteError> {
        let mut missing: BTreeSet<_> = wanted.files().iter().map(content).collect();
        let Some(releases) = self.state.child(RELEASES)? else { return Ok(Kept::default()) };
        let runtime = self.site.runtime().releases()?;
        let mut files = BTreeMap::new();
        for release in self.kept_releases()? {
            if missing.is_empty() {
                break;
            }
            let found = self.found_in([Some(&releases), runtime.as_ref()], release, &missing);
            for (content, place) in found {
                missing.remove(&content);
                files.insert(content.0, place);
            }
        }
        Ok(Kept { releases: Some(releases), runtime, files })
    }

    /// Returns the releases on the site, the live one first: it has most in common with the next.
    fn kept_releases(&self) -> Result<Vec<ReleaseId>, SiteError> {
        let live = record::current(&self.state)?;
        let Some(records) = self.state.child(MANIFESTS)? else { return Ok(Vec::new()) };
        let names = records.names()?;
        let all = names.iter().filter_map(|name| record::release_of(name.to_str().ok()?));
        let mut all: Vec<_> = all.collect();
        all.sort_by_key(|release| (Some(*release) != live, release.0));
        Ok(all)
    }

    /// Returns the files of one release whose content is missing, looked for on the disk and in
    /// memory. A release that cannot be read has none: the content then comes from elsewhere.
    fn found_in(
        &self,
        releases: [Option<&Dir>; 2],
        release: ReleaseId,
        missing: &BTreeSet<Content>,
    ) -> Vec<(Content, Place)> {
        let Ok(Some(record)) = record::read(&self.state, &release) else { return Vec::new() };
        let name = release.to_string();
        let dirs = releases.map(|releases| releases?.child(&name).ok().flatten());
        let mut candidates = BTreeMap::new();
        for entry in
            record.manifest.files().iter().filter(|entry| missing.contains(&content(entry)))
        {
            candidates.entry(content(entry)).or_insert(entry);
        }
        let candidates: Vec<_> = candidates.into_values().collect();
        let start = || (dirs.each_ref().map(|dir| dir.as_ref().map(Cursor::new)), buffer());
        let looked = parallel::each(&candidates, start, |(cursors, buffer), entry| {
            let (path, in_memory) = (entry.path.clone(), entry.is_runtime());
            let cursor = cursors[usize::from(in_memory)].as_mut();
            let whole = cursor.is_some_and(|cursor| is_whole(cursor, entry, buffer));
            Ok(whole.then(|| (content(entry), Place { release, path, in_memory })))
        });
        looked.unwrap_or_default().into_iter().flatten().collect()
    }
}

/// What makes two files the same but for their names and modes.
type Content = (Digest, u64);

fn content(entry: &FileEntry) -> Content {
    (entry.digest, entry.size)
}

fn is_whole(cursor: &mut Cursor<'_>, entry: &FileEntry, buffer: &mut [u8]) -> bool {
    let Ok(Some(dir)) = cursor.holding_if_any(&entry.path) else { return false };
    let sight = examine(dir, entry.path.file_name(), entry, buffer);
    matches!(sight, Ok(Sight::File { digest, .. }) if digest == entry.digest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::Site;
    use crate::site::tests::{entry, scratch, staged};
    use windlass_core::release::Layout::{Linked, Plain};

    #[test]
    fn what_is_kept_whole_is_found_and_what_was_changed_is_not() {
        let temp = scratch();
        let site = Site::new(temp.path(), "etc").expect("a path");
        let one =
            staged(&site, &[("a", "same", Linked), ("b/c", "plain", Plain), ("d", "d", Linked)]);
        std::fs::write(site.release_dir(&one).join("d"), "e").expect("changed by hand");
        let wanted = ["same", "plain", "d", "new"];
        let entries = wanted
            .iter()
            .enumerate()
            .map(|(n, text)| entry(&format!("other-{n}"), text.as_bytes(), 0o600, Linked));
        let manifest = Manifest::new(entries.collect()).expect("no conflict");
        let kept = site.lock().expect("locked").kept(&manifest).expect("read");
        let has = wanted.map(|text| kept.has(&Digest::of(text.as_bytes())));
        assert_eq!(has, [true, true, false, false]);
        let mut file = kept.open(&Digest::of(b"plain")).expect("opens").expect("there");
        assert_eq!(std::io::read_to_string(&mut file).expect("reads"), "plain");
        assert!(kept.open(&Digest::of(b"new")).expect("no error").is_none());
    }

    #[test]
    fn a_damaged_record_is_passed_over() {
        let temp = scratch();
        let site = Site::new(temp.path(), "etc").expect("a path");
        let one = staged(&site, &[("a", "same", Linked)]);
        let record = temp.path().join(format!("etc/.windlass/manifests/{one}.json"));
        std::fs::write(record, "{").expect("damaged");
        let manifest = Manifest::new(vec![entry("a", b"same", 0o600, Linked)]).expect("fits");
        let kept = site.lock().expect("locked").kept(&manifest).expect("read");
        assert!(!kept.has(&Digest::of(b"same")));
    }

    #[test]
    fn a_scratch_file_has_no_name() {
        let temp = scratch();
        let site = Site::new(temp.path(), "etc").expect("a path");
        let locked = site.lock().expect("locked");
        let _file = locked.scratch_file().expect("made");
        let names = locked.state.names().expect("listed");
        assert_eq!(names, [c"lock".to_owned()]);
    }
}
