//! The steps from one set of files to another: decided here, taken in [`super::executor`].

use std::collections::BTreeSet;

use windlass_core::path::RelativePath;
use windlass_core::release::{FileEntry, Layout, Manifest};

/// One step of an activation. Each can be taken again after a crash: what is already so, stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step<'a> {
    /// There is a directory.
    MakeDirectory(RelativePath),
    /// There is a link into the current release.
    Link(&'a FileEntry),
    /// Where the visible file differs, a copy of the new one is ready.
    Copy(&'a FileEntry),
    /// The copy, if one was made, is the visible file.
    Place(&'a FileEntry),
    /// Everything so far is on the disk.
    Sync,
    /// The new release is the current one.
    Switch,
    /// A file that the new release does not have is gone.
    Remove(&'a FileEntry),
    /// A directory that the new release does not need is gone, if it is empty.
    RemoveDirectory(RelativePath),
}

/// Returns the directories below `config_path` that hold files of `manifest`, outer ones first.
pub(super) fn directories(manifest: &Manifest) -> BTreeSet<RelativePath> {
    let mut all = BTreeSet::new();
    for entry in manifest.files() {
        let mut above = entry.path.parent();
        while let Some(path) = above {
            above = path.parent();
            if !all.insert(path) {
                break;
            }
        }
    }
    all
}

/// Returns the steps from `old` to `new`; `owned` are the directories that Windlass made and may
/// remove.
///
/// Before the switch, new links dangle and plain files are replaced one by one. A path that is a
/// file on one side and a directory on the other is late: it changes after the switch, and readers
/// may find nothing there for the moment in between.
pub(super) fn steps<'a>(
    old: &'a Manifest,
    new: &'a Manifest,
    owned: &BTreeSet<RelativePath>,
) -> Vec<Step<'a>> {
    let (before, needed) = (directories(old), directories(new));
    let under_a_file = |path: &RelativePath| path.ancestors().any(|dir| old.get(&dir).is_some());
    let late_directory = |path: &RelativePath| old.get(path).is_some() || under_a_file(path);
    let late_file = |entry: &&FileEntry| before.contains(&entry.path) || under_a_file(&entry.path);
    let (late_directories, early_directories): (Vec<_>, Vec<_>) =
        needed.iter().cloned().partition(late_directory);
    let (late, early): (Vec<_>, Vec<_>) = new.files().iter().partition(late_file);
    let stale = old.files().iter().filter(|entry| new.get(&entry.path).is_none());
    let unneeded = owned.iter().rev().filter(|path| !needed.contains(path)).cloned();

    let mut steps: Vec<_> = early_directories.into_iter().map(Step::MakeDirectory).collect();
    steps.extend(linked(&early));
    steps.extend(plain(new.files()).map(Step::Copy));
    steps.push(Step::Sync);
    steps.extend(plain(early).map(Step::Place));
    steps.extend([Step::Sync, Step::Switch]);
    steps.extend(stale.map(Step::Remove));
    steps.extend(unneeded.map(Step::RemoveDirectory));
    steps.extend(late_directories.into_iter().map(Step::MakeDirectory));
    steps.extend(linked(&late));
    steps.extend(plain(late).map(Step::Place));
    steps.push(Step::Sync);
    steps
}

fn linked<'a>(entries: &[&'a FileEntry]) -> impl Iterator<Item = Step<'a>> {
    entries.iter().filter(|entry| entry.layout != Layout::Plain).map(|entry| Step::Link(entry))
}

fn plain<'a>(
    entries: impl IntoIterator<Item = &'a FileEntry>,
) -> impl Iterator<Item = &'a FileEntry> {
    entries.into_iter().filter(|entry| entry.layout == Layout::Plain)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::tests::entry;

    fn manifest(files: &[(&str, Layout)]) -> Manifest {
        let files = files.iter().map(|(path, layout)| entry(path, b"x", 0o644, *layout));
        Manifest::new(files.collect()).expect("no conflict")
    }

    fn paths(paths: &[&str]) -> BTreeSet<RelativePath> {
        paths.iter().map(|path| RelativePath::new(*path).expect("valid")).collect()
    }

    fn told(old: &Manifest, new: &Manifest, owned: &[&str]) -> Vec<String> {
        let steps = steps(old, new, &paths(owned));
        steps
            .iter()
            .map(|step| match step {
                Step::MakeDirectory(path) => format!("mkdir {path}"),
                Step::Link(entry) => format!("link {}", entry.path),
                Step::Copy(entry) => format!("copy {}", entry.path),
                Step::Place(entry) => format!("place {}", entry.path),
                Step::Sync => "sync".to_owned(),
                Step::Switch => "switch".to_owned(),
                Step::Remove(entry) => format!("remove {}", entry.path),
                Step::RemoveDirectory(path) => format!("rmdir {path}"),
            })
            .collect()
    }

    #[test]
    fn new_files_come_before_the_switch_and_stale_ones_go_after_it() {
        let old = manifest(&[("gone", Layout::Linked), ("old/gone", Layout::Plain)]);
        let new = manifest(&[("new/dir/a", Layout::Linked), ("b", Layout::Plain)]);
        let expected = [
            "mkdir new",
            "mkdir new/dir",
            "link new/dir/a",
            "copy b",
            "sync",
            "place b",
            "sync",
            "switch",
            "remove gone",
            "remove old/gone",
            "rmdir old",
            "sync",
        ];
        assert_eq!(told(&old, &new, &["old"]), expected);
    }

    #[test]
    fn only_owned_directories_go_and_inner_ones_first() {
        let old = manifest(&[("a/b/c", Layout::Linked), ("d/e", Layout::Linked)]);
        let expected = [
            "sync",
            "sync",
            "switch",
            "remove a/b/c",
            "remove d/e",
            "rmdir a/b",
            "rmdir a",
            "sync",
        ];
        assert_eq!(told(&old, &Manifest::default(), &["a", "a/b"]), expected);
    }

    #[test]
    fn a_file_that_becomes_a_directory_is_late() {
        let old = manifest(&[("a", Layout::Linked)]);
        let new = manifest(&[("a/b", Layout::Linked), ("a/c/d", Layout::Plain)]);
        let expected = [
            "copy a/c/d",
            "sync",
            "sync",
            "switch",
            "remove a",
            "mkdir a",
            "mkdir a/c",
            "link a/b",
            "place a/c/d",
            "sync",
        ];
        assert_eq!(told(&old, &new, &[]), expected);
    }

    #[test]
    fn a_directory_that_becomes_a_file_is_late() {
        let old = manifest(&[("a/b", Layout::Linked)]);
        let new = manifest(&[("a", Layout::Linked)]);
        let expected = ["sync", "sync", "switch", "remove a/b", "rmdir a", "link a", "sync"];
        assert_eq!(told(&old, &new, &["a"]), expected);
    }

    #[test]
    fn a_changed_layout_replaces_in_place() {
        let old = manifest(&[("a", Layout::Linked), ("b", Layout::Plain)]);
        let new = manifest(&[("a", Layout::Plain), ("b", Layout::Linked)]);
        let expected = ["link b", "copy a", "sync", "place a", "sync", "switch", "sync"];
        assert_eq!(told(&old, &new, &[]), expected);
    }
}
