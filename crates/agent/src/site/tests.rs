//! What holds for a site as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use proptest::prelude::*;
use windlass_core::digest::Digest;
use windlass_core::name::{EnvironmentName, ServiceName};
use windlass_core::path::RelativePath;
use windlass_core::plan::DriftIssue;
use windlass_core::record::DeploymentId;
use windlass_core::release::{FileEntry, Layout, Manifest, Mode, Release, ReleaseId};

use super::{BlobSource, Found, LockedSite, Owner, Phase, Site, SiteError, StagedRelease, Wanted};

mod runtime;

use Layout::{Linked, Plain, Runtime};

/// Returns an empty directory, in memory where the machine has such a file system.
pub(crate) fn scratch() -> tempfile::TempDir {
    let shm = Path::new("/dev/shm");
    let made = if shm.is_dir() { tempfile::tempdir_in(shm) } else { tempfile::tempdir() };
    made.expect("a temporary directory can be made")
}

/// Returns the entry of a file of service `web`.
pub(super) fn entry(path: &str, content: &[u8], mode: u32, layout: Layout) -> FileEntry {
    FileEntry {
        path: RelativePath::new(path).expect("a valid path"),
        mode: Mode::from_bits(mode),
        size: content.len() as u64,
        digest: Digest::of(content),
        service: service("web"),
        layout,
        shown: None,
        secret: false,
        key: None,
    }
}

/// Stages a release of these files, and returns its name.
pub(super) fn staged(site: &Site, files: &[(&str, &str, Layout)]) -> ReleaseId {
    let entries =
        files.iter().map(|(path, text, layout)| entry(path, text.as_bytes(), 0o644, *layout));
    let manifest = Manifest::new(entries.collect()).expect("no conflict");
    let blobs =
        files.iter().map(|(_, text, _)| (Digest::of(text.as_bytes()), text.as_bytes().to_vec()));
    let (id, owner) = (ReleaseId(manifest.id()), owner("shop"));
    let content = content(&owner);
    let release = StagedRelease { id, deployment: deployment(0), owner, content, manifest };
    let mut locked = site.lock().expect("locked");
    locked.stage(&release, &Blobs(blobs.collect()), &|_, _| {}).expect("staged");
    id
}

/// As [`staged`], and makes it live.
pub(crate) fn staged_and_live(site: &Site, files: &[(&str, &str, Layout)]) -> ReleaseId {
    let release = staged(site, files);
    let mut locked = site.lock().expect("locked");
    locked.activate(Some(release), &deployment(0), Vec::new()).expect("live");
    release
}

fn service(name: &str) -> ServiceName {
    ServiceName::new(name).expect("a valid name")
}

fn deployment(n: usize) -> DeploymentId {
    DeploymentId::new(format!("deploy_test_{n}")).expect("an id")
}

fn owner(project: &str) -> Owner {
    let environment = EnvironmentName::new("test").expect("a name");
    Owner { project: project.to_owned(), environment }
}

fn content(owner: &Owner) -> Release {
    Release {
        project: owner.project.clone(),
        environment: owner.environment.clone(),
        config_path: "/etc/shop".to_owned(),
        services: BTreeMap::new(),
        variables: BTreeMap::new(),
        target_variables: BTreeMap::new(),
        targets: BTreeMap::new(),
    }
}

#[derive(Default)]
struct Blobs(BTreeMap<Digest, Vec<u8>>);

impl BlobSource for Blobs {
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        let bytes = self.0.get(digest).ok_or(io::ErrorKind::NotFound)?;
        Ok(Box::new(&bytes[..]))
    }
}

type File = (&'static str, &'static str, u32, Layout);
/// Paths with bytes and mode; directories with nothing.
type Tree = BTreeMap<String, Option<(Vec<u8>, u32)>>;

/// A site in a directory of its own, and what a test puts on it.
struct Fixture {
    temp: tempfile::TempDir,
    /// Where runtime files are kept.
    memory: tempfile::TempDir,
    site: Site,
    blobs: Blobs,
}

impl Fixture {
    fn new() -> Self {
        let (temp, memory) = (scratch(), scratch());
        let site = Site::new(temp.path(), "/etc/shop").expect("a valid path");
        let site = site.with_runtime_base(memory.path().join("windlass"));
        Self { temp, memory, site, blobs: Blobs::default() }
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.temp.path().join("etc/shop").join(path)
    }

    fn write(&self, path: &str, content: &str) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("below the site")).expect("made");
        std::fs::write(path, content).expect("written");
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).expect("readable")
    }

    fn release(&mut self, files: &[File]) -> StagedRelease {
        let entries = files.iter().map(|(path, content, mode, layout)| {
            let content = content.as_bytes();
            self.blobs.0.insert(Digest::of(content), content.to_vec());
            entry(path, content, *mode, *layout)
        });
        let manifest = Manifest::new(entries.collect()).expect("no conflict");
        let id = ReleaseId(manifest.id());
        let owner = owner("shop");
        let content = content(&owner);
        StagedRelease { id, deployment: deployment(0), owner, content, manifest }
    }

    fn stage(&self, locked: &mut LockedSite<'_>, release: &StagedRelease) -> Result<(), SiteError> {
        locked.stage(release, &self.blobs, &|_, _| {}).map(drop)
    }

    fn go(&self, release: &StagedRelease) -> Result<(), SiteError> {
        let mut locked = self.site.lock()?;
        self.stage(&mut locked, release)?;
        locked.activate(Some(release.id), &deployment(1), Vec::new()).map(drop)
    }

    /// Stages and activates, pulling the plug after `steps`; tells whether it came to the end.
    fn go_until(&self, release: Option<&StagedRelease>, steps: usize) -> bool {
        let mut locked = self.site.lock().expect("locked");
        if let Some(release) = release {
            self.stage(&mut locked, release).expect("staged");
        }
        locked.fuse.set(steps);
        let to = release.map(|release| release.id);
        locked.activate(to, &deployment(2), vec![service("web")]).is_ok()
    }

    /// Recovers, pulling the plug after `steps`.
    fn recover_until(&self, steps: usize) -> Result<Option<super::Recovered>, SiteError> {
        let mut locked = self.site.lock().expect("locked");
        locked.fuse.set(steps);
        locked.recover()
    }

    fn recover(&self) -> Option<super::Recovered> {
        self.recover_until(usize::MAX).expect("recovered")
    }

    fn conflicts(&self, release: &StagedRelease) -> Vec<(String, Found, Wanted)> {
        let seen = self.site.inspect(Some(&release.manifest)).expect("inspected");
        let plain = |c: super::Conflict| (c.path.to_string(), c.found, c.wanted);
        seen.conflicts.into_iter().map(plain).collect()
    }

    fn drift(&self) -> Vec<(String, DriftIssue)> {
        let seen = self.site.inspect(None).expect("inspected");
        seen.drift.into_iter().map(|drift| (drift.path, drift.issue)).collect()
    }

    fn tree(&self) -> Tree {
        let mut tree = Tree::new();
        collect(&self.path(""), "", &mut tree);
        tree
    }
}

/// Gathers what a reader of `dir` sees, links followed and dangling ones not seen.
fn collect(dir: &Path, prefix: &str, tree: &mut Tree) {
    let Ok(entries) = std::fs::read_dir(dir) else { return };
    for found in entries {
        let found = found.expect("listed");
        let name = found.file_name().into_string().expect("UTF-8");
        let Ok(metadata) = std::fs::metadata(found.path()) else { continue };
        let path = format!("{prefix}{name}");
        if name == ".windlass" {
            continue;
        } else if metadata.is_dir() {
            tree.insert(path.clone(), None);
            collect(&found.path(), &format!("{path}/"), tree);
        } else {
            let bytes = std::fs::read(found.path()).expect("readable");
            tree.insert(path, Some((bytes, metadata.permissions().mode() & 0o7777)));
        }
    }
}

fn expected(base: &Tree, files: &[File]) -> Tree {
    let mut tree = base.clone();
    for (path, content, mode, _) in files {
        for (at, _) in path.match_indices('/') {
            tree.insert(path[..at].to_owned(), None);
        }
        tree.insert((*path).to_owned(), Some((content.as_bytes().to_vec(), *mode)));
    }
    tree
}

fn files_only(tree: &Tree) -> BTreeMap<&String, &(Vec<u8>, u32)> {
    tree.iter().filter_map(|(path, file)| Some((path, file.as_ref()?))).collect()
}

const ONE: &[File] = &[
    ("app.yaml", "one", 0o644, Linked),
    ("app.ini", "ini one", 0o600, Plain),
    ("conf.d/a.conf", "a", 0o640, Linked),
    ("same", "same", 0o644, Linked),
    ("swap", "file", 0o644, Linked),
    ("back/inner", "in a directory", 0o644, Plain),
    ("layout", "linked", 0o644, Linked),
    ("gone/deep/er", "x", 0o755, Plain),
    ("secret.env", "secret one", 0o600, Runtime),
    ("secrets.d/key", "secret key", 0o640, Runtime),
    ("to-memory", "linked", 0o644, Linked),
    ("from-memory", "secret", 0o600, Runtime),
];

const TWO: &[File] = &[
    ("app.yaml", "two", 0o600, Linked),
    ("app.ini", "ini two", 0o644, Plain),
    ("conf.d/b/c.conf", "c", 0o644, Linked),
    ("same", "same", 0o644, Linked),
    ("swap/now/dir", "directory", 0o644, Linked),
    ("swap/plain", "plain", 0o644, Plain),
    ("back", "a file again", 0o644, Linked),
    ("layout", "plain", 0o644, Plain),
    ("secret.env", "secret two", 0o600, Runtime),
    ("to-memory", "secret now", 0o600, Runtime),
    ("from-memory", "plain", 0o644, Plain),
];

#[test]
fn config_paths_stay_below_the_root() {
    for good in ["/etc/shop", "etc/shop", "etc/shop/", "/etc/shop/"] {
        let site = Site::new("/r", good).expect("valid");
        assert_eq!(site.config_dir(), Path::new("/r/etc/shop"), "{good}");
    }
    assert_eq!(Site::new("/r", "/").expect("valid").config_dir(), Path::new("/r"));
    for bad in ["", "..", "/etc/../..", "//etc", "a/./b", ".windlass", "/a/.windlass/b", "a\nb"] {
        assert!(matches!(Site::new("/r", bad), Err(SiteError::ConfigPath(_))), "{bad:?}");
    }
}

#[test]
fn looking_makes_nothing() {
    let temp = scratch();
    let site = Site::new(temp.path().join("none"), "etc").expect("valid");
    let seen = site.inspect(Some(&Manifest::default())).expect("inspected");
    assert_eq!((seen.live, seen.interrupted), (None, None));
    assert!(!temp.path().join("none").exists());
}

#[test]
fn a_release_goes_live_and_comes_back_byte_for_byte() {
    let mut fixture = Fixture::new();
    fixture.write("theirs", "not ours");
    let base = fixture.tree();
    let (one, two) = (fixture.release(ONE), fixture.release(TWO));
    fixture.go(&one).expect("activated");
    assert_eq!(fixture.tree(), expected(&base, ONE));
    assert_eq!(fixture.path("conf.d/a.conf").read_link().expect("a link"), {
        Path::new("../.windlass/current/conf.d/a.conf")
    });
    assert!(fixture.path("app.ini").symlink_metadata().expect("there").is_file());
    fixture.go(&two).expect("activated");
    assert_eq!(fixture.tree(), expected(&base, TWO));
    fixture.go(&one).expect("activated");
    assert_eq!(fixture.tree(), expected(&base, ONE));
    let live = fixture.site.inspect(None).expect("inspected").live.expect("live");
    assert_eq!((live.release, live.deployment), (one.id, deployment(1)));
    let mut locked = fixture.site.lock().expect("locked");
    let activated = locked.activate(None, &deployment(3), Vec::new()).expect("activated");
    assert_eq!(activated.from, Some(one.id));
    assert_eq!(fixture.tree(), base);
    locked.prune(&[]).expect("pruned");
    assert_eq!(fixture.site.release_manifest(&one.id).expect("reads"), None);
}

#[test]
fn directories_of_others_stay_when_they_are_empty() {
    let mut fixture = Fixture::new();
    std::fs::create_dir_all(fixture.path("theirs")).expect("made");
    let one = fixture.release(&[("theirs/a", "a", 0o644, Linked), ("ours/a", "a", 0o644, Linked)]);
    fixture.go(&one).expect("activated");
    let none = fixture.release(&[]);
    fixture.go(&none).expect("activated");
    assert!(fixture.path("theirs").is_dir());
    assert!(!fixture.path("ours").exists());
}

#[test]
fn unchanged_links_are_left_alone() {
    let mut fixture = Fixture::new();
    let (one, two) = (fixture.release(ONE), fixture.release(TWO));
    fixture.go(&one).expect("activated");
    let inode = |fixture: &Fixture| {
        let metadata = fixture.path("same").symlink_metadata().expect("there");
        std::os::unix::fs::MetadataExt::ino(&metadata)
    };
    let before = inode(&fixture);
    fixture.go(&two).expect("activated");
    assert_eq!(inode(&fixture), before);
}

#[test]
fn what_is_not_ours_is_in_the_way() {
    let mut fixture = Fixture::new();
    fixture.write("file", "theirs");
    fixture.write("dir/inner", "theirs");
    fixture.write("blocked", "theirs");
    symlink("/etc", fixture.path("evil")).expect("made");
    symlink("/etc/passwd", fixture.path("link")).expect("made");
    let release = fixture.release(&[
        ("file", "x", 0o644, Linked),
        ("dir", "x", 0o644, Plain),
        ("link", "x", 0o644, Linked),
        ("blocked/x", "x", 0o644, Linked),
        ("evil/x", "x", 0o644, Plain),
        ("fine", "x", 0o644, Linked),
    ]);
    let passwd = || Found::Link("/etc/passwd".to_owned());
    assert_eq!(
        fixture.conflicts(&release),
        [
            ("blocked".to_owned(), Found::File, Wanted::Directory),
            ("dir".to_owned(), Found::Directory, Wanted::File),
            ("evil".to_owned(), Found::Link("/etc".to_owned()), Wanted::Directory),
            ("file".to_owned(), Found::File, Wanted::File),
            ("link".to_owned(), passwd(), Wanted::File),
        ]
    );
    let before = fixture.tree();
    let error = fixture.go(&release).expect_err("in the way");
    let first = "blocked is a file where a directory is needed, and 4 more in the way";
    assert!(error.to_string().ends_with(first), "{error}");
    assert_eq!(fixture.tree(), before);
    assert!(!fixture.path("fine").is_symlink());
}

#[test]
fn what_came_after_staging_is_still_in_the_way() {
    let mut fixture = Fixture::new();
    let release = fixture.release(&[("file", "x", 0o644, Linked)]);
    let mut locked = fixture.site.lock().expect("locked");
    fixture.stage(&mut locked, &release).expect("staged");
    fixture.write("file", "theirs");
    let refused = locked.activate(Some(release.id), &deployment(1), Vec::new());
    assert!(matches!(refused, Err(SiteError::Conflicts { .. })));
    assert_eq!(fixture.read("file"), "theirs");
}

#[test]
fn a_directory_of_ours_with_something_in_it_does_not_become_a_file() {
    let mut fixture = Fixture::new();
    let one = fixture.release(&[("a/b", "x", 0o644, Linked)]);
    let two = fixture.release(&[("a", "x", 0o644, Linked)]);
    fixture.go(&one).expect("activated");
    fixture.write("a/theirs", "kept");
    assert!(matches!(fixture.go(&two), Err(SiteError::Conflicts { .. })));
    assert_eq!((fixture.read("a/b"), fixture.read("a/theirs")), ("x".into(), "kept".into()));
}

#[test]
fn a_link_above_the_site_is_named() {
    let mut fixture = Fixture::new();
    let outside = scratch();
    symlink(outside.path(), fixture.temp.path().join("etc")).expect("made");
    let release = fixture.release(ONE);
    let refused = fixture.go(&release).expect_err("a link on the way");
    assert!(matches!(&refused, SiteError::LinkedDirectory(path) if path.ends_with("etc")));
    assert!(matches!(fixture.site.inspect(None), Err(SiteError::LinkedDirectory(_))));
    assert_eq!(std::fs::read_dir(outside.path()).expect("listed").count(), 0);
}

#[test]
fn a_file_as_config_path_is_named() {
    let fixture = Fixture::new();
    std::fs::create_dir(fixture.temp.path().join("etc")).expect("made");
    std::fs::write(fixture.temp.path().join("etc/shop"), "a file").expect("written");
    let refused = fixture.site.lock().expect_err("a file");
    assert!(matches!(refused, SiteError::NotADirectory(path) if path.ends_with("etc/shop")));
}

#[test]
fn the_lock_has_one_holder() {
    let fixture = Fixture::new();
    let held = fixture.site.lock().expect("locked");
    assert!(matches!(fixture.site.lock(), Err(SiteError::Busy(_))));
    drop(held);
    fixture.site.lock().expect("free again");
}

#[test]
fn a_site_of_somebody_else_is_refused() {
    let mut fixture = Fixture::new();
    let one = fixture.release(ONE);
    fixture.go(&one).expect("activated");
    let mut other = fixture.release(TWO);
    other.owner = owner("other");
    let refused = fixture.go(&other).expect_err("somebody else's");
    assert!(refused.to_string().contains("project `shop`, not by"), "{refused}");
}

#[test]
fn a_release_with_other_files_under_the_same_name_is_refused() {
    let mut fixture = Fixture::new();
    let one = fixture.release(ONE);
    fixture.go(&one).expect("activated");
    let mut other = fixture.release(TWO);
    other.id = one.id;
    assert!(matches!(fixture.go(&other), Err(SiteError::Shared { .. })));
}

/// Content that ends in an error.
struct Broken;

impl BlobSource for Broken {
    fn open(&self, _: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        let reset = io::Error::from(io::ErrorKind::ConnectionReset);
        Ok(Box::new((&b"ini "[..]).chain(Failing(Some(reset)))))
    }
}

struct Failing(Option<io::Error>);

impl Read for Failing {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        self.0.take().map_or(Ok(0), Err)
    }
}

#[test]
fn staging_that_breaks_leaves_nothing() {
    let mut fixture = Fixture::new();
    let one = fixture.release(ONE);
    let mut locked = fixture.site.lock().expect("locked");
    let error = locked.stage(&one, &Broken, &|_, _| {}).expect_err("broken");
    assert!(matches!(error, SiteError::Blob { .. }));
    let error = locked.stage(&one, &Blobs::default(), &|_, _| {}).expect_err("no content");
    assert!(matches!(error, SiteError::Blob { .. }));
    let left = std::fs::read_dir(fixture.path(".windlass/releases")).expect("listed").count();
    assert_eq!(left, 0);
    let refused = locked.activate(Some(one.id), &deployment(1), Vec::new());
    assert!(matches!(refused, Err(SiteError::NotStaged { .. })));
}

#[test]
fn leftovers_are_swept_and_other_files_are_not() {
    let mut fixture = Fixture::new();
    let one = fixture.release(ONE);
    fixture.go(&one).expect("activated");
    let partial = format!(".windlass/releases/{}.partial-0123", one.id);
    std::fs::create_dir(fixture.path(&partial)).expect("made");
    fixture.write(".windlass/tmp-0123", "half");
    fixture.write(".windlass/releases/notes.partial-1", "kept");
    assert_eq!(fixture.recover(), None);
    assert!(!fixture.path(&partial).exists() && !fixture.path(".windlass/tmp-0123").exists());
    assert_eq!(fixture.read(".windlass/releases/notes.partial-1"), "kept");
}

#[test]
fn progress_ends_at_the_total() {
    let mut fixture = Fixture::new();
    let one = fixture.release(ONE);
    let most = std::sync::atomic::AtomicU64::new(0);
    for _ in 0..2 {
        most.store(0, std::sync::atomic::Ordering::SeqCst);
        let mut locked = fixture.site.lock().expect("locked");
        let heard = |done, total| {
            assert_eq!(total, one.manifest.total_bytes());
            most.fetch_max(done, std::sync::atomic::Ordering::SeqCst);
        };
        locked.stage(&one, &fixture.blobs, &heard).expect("staged");
        assert_eq!(most.load(std::sync::atomic::Ordering::SeqCst), one.manifest.total_bytes());
    }
}

#[test]
fn a_damaged_staged_release_is_mended() {
    let mut fixture = Fixture::new();
    let one = fixture.release(ONE);
    let mut locked = fixture.site.lock().expect("locked");
    fixture.stage(&mut locked, &one).expect("staged");
    let staged = fixture.site.release_dir(&one.id);
    std::fs::write(staged.join("app.yaml"), "evil").expect("written");
    std::fs::write(staged.join("extra"), "evil").expect("written");
    std::fs::remove_dir_all(staged.join("gone")).expect("removed");
    std::fs::remove_file(staged.join("same")).expect("removed");
    std::fs::create_dir_all(staged.join("same/inner")).expect("made");
    std::fs::set_permissions(staged.join("swap"), PermissionsExt::from_mode(0o666)).expect("set");
    fixture.stage(&mut locked, &one).expect("mended");
    let mut tree = Tree::new();
    collect(&staged, "", &mut tree);
    assert_eq!(tree, expected(&Tree::new(), ONE));
}

#[test]
fn drift_is_told_and_healed() {
    let mut fixture = Fixture::new();
    let one = fixture.release(ONE);
    fixture.go(&one).expect("activated");
    let clean = fixture.site.inspect(None).expect("inspected");
    assert_eq!(clean.drift, []);
    fixture.write("app.yaml", "through the link");
    fixture.write("app.ini", "by hand");
    std::fs::remove_file(fixture.path("same")).expect("removed");
    fixture.write("same", "a file instead of a link");
    std::fs::remove_file(fixture.path("layout")).expect("removed");
    let mode = PermissionsExt::from_mode(0o777);
    std::fs::set_permissions(fixture.path("back/inner"), mode).expect("set");
    std::fs::remove_dir_all(fixture.path("conf.d")).expect("removed");
    assert_eq!(
        fixture.drift(),
        [
            ("app.ini".to_owned(), DriftIssue::Modified),
            ("app.yaml".to_owned(), DriftIssue::Modified),
            ("back/inner".to_owned(), DriftIssue::Mode),
            ("conf.d/a.conf".to_owned(), DriftIssue::Missing),
            ("layout".to_owned(), DriftIssue::Missing),
            ("same".to_owned(), DriftIssue::Replaced),
        ]
    );
    let drifted = fixture.site.inspect(None).expect("inspected");
    assert_ne!(drifted.fingerprint, clean.fingerprint);
    fixture.go(&one).expect("repaired");
    assert_eq!(fixture.tree(), expected(&Tree::new(), ONE));
    let mended = fixture.site.inspect(None).expect("inspected").interrupted;
    assert_eq!(mended.expect("it was mended in place").reloads, [service("web")]);
    fixture.site.lock().expect("locked").reloads_done().expect("noted");
    let healed = fixture.site.inspect(None).expect("inspected");
    assert_eq!(healed, clean);
}

#[test]
fn a_directory_in_place_of_a_live_file_is_refused() {
    let mut fixture = Fixture::new();
    let one = fixture.release(ONE);
    fixture.go(&one).expect("activated");
    std::fs::remove_file(fixture.path("same")).expect("removed");
    fixture.write("same/theirs", "kept");
    assert_eq!(fixture.drift(), [("same".to_owned(), DriftIssue::Replaced)]);
    assert!(matches!(fixture.go(&one), Err(SiteError::Conflicts { .. })));
    assert_eq!(fixture.read("same/theirs"), "kept");
}

#[test]
fn queued_reloads_survive_until_they_are_done() {
    let mut fixture = Fixture::new();
    let (one, two) = (fixture.release(ONE), fixture.release(TWO));
    assert!(fixture.go_until(Some(&one), usize::MAX));
    let left = fixture.site.inspect(None).expect("inspected").interrupted.expect("queued");
    assert_eq!((left.phase, left.reloads), (Phase::Activated, vec![service("web")]));
    let recovered = fixture.recover().expect("queued");
    assert_eq!((recovered.undone, recovered.live), (false, Some(one.id)));
    let mut locked = fixture.site.lock().expect("locked");
    fixture.stage(&mut locked, &two).expect("staged");
    let both = locked.activate(Some(two.id), &deployment(3), vec![service("db")]);
    assert_eq!(both.expect("activated").reloads, [service("web"), service("db")]);
    locked.reloads_done().expect("noted");
    assert_eq!(locked.recover().expect("nothing to do"), None);
}

#[test]
fn damaged_state_is_told_and_nothing_changes() {
    let mut fixture = Fixture::new();
    let (one, two) = (fixture.release(ONE), fixture.release(TWO));
    fixture.go(&one).expect("activated");
    fixture.write(".windlass/journal", "{\"schema\":1,");
    assert!(matches!(fixture.site.inspect(None), Err(SiteError::Damaged { .. })));
    assert!(matches!(fixture.go(&two), Err(SiteError::Damaged { .. })));
    fixture.write(".windlass/journal", "{\"schema\":9}");
    assert!(matches!(fixture.recover_until(99), Err(SiteError::Newer { schema: 9, .. })));
    std::fs::remove_file(fixture.path(".windlass/journal")).expect("removed");
    let record = format!(".windlass/manifests/{}.json", one.id);
    let text = fixture.read(&record);
    fixture.write(&record, &text.replace("\"app.ini\"", "\"app.ino\""));
    assert!(matches!(fixture.go(&two), Err(SiteError::Damaged { .. })));
    fixture.write(&record, &text);
    assert_eq!(fixture.tree(), expected(&Tree::new(), ONE));
    std::fs::remove_file(fixture.path(".windlass/current")).expect("removed");
    symlink("../../..", fixture.path(".windlass/current")).expect("made");
    assert!(matches!(fixture.site.inspect(None), Err(SiteError::Damaged { .. })));
}

#[test]
fn what_cannot_be_carried_through_is_taken_back() {
    let mut fixture = Fixture::new();
    let (one, two) = (fixture.release(ONE), fixture.release(TWO));
    fixture.go(&one).expect("activated");
    let mut locked = fixture.site.lock().expect("locked");
    fixture.stage(&mut locked, &two).expect("staged");
    // Only placing the plain file, after links were made, comes upon the damage.
    std::fs::write(fixture.site.release_dir(&two.id).join("app.ini"), "xxx").expect("written");
    let failed = locked.activate(Some(two.id), &deployment(2), Vec::new());
    assert!(matches!(failed, Err(SiteError::Content { .. })));
    assert_eq!(fixture.tree(), expected(&Tree::new(), ONE));
    assert_eq!(locked.recover().expect("nothing to do"), None);
}

#[test]
fn what_cannot_be_finished_is_undone_and_everything_reloaded() {
    let between = |fixture: &Fixture, to: &StagedRelease| {
        let seen = fixture.site.inspect(None).expect("inspected");
        seen.live.is_some_and(|live| live.release == to.id)
            && seen.interrupted.is_some_and(|left| left.phase == Phase::Activating)
    };
    let fixture = (0..100).find_map(|k| {
        let mut fixture = Fixture::new();
        let (one, two) = (fixture.release(LINKED_ONE), fixture.release(LINKED_TWO));
        fixture.go(&one).expect("activated");
        fixture.go_until(Some(&two), k);
        between(&fixture, &two).then_some(fixture)
    });
    let fixture = fixture.expect("some step is between the switch and the end");
    std::fs::remove_file(fixture.path("new/c")).expect("removed");
    fixture.write("new/c/theirs", "kept");
    let recovered = fixture.recover().expect("interrupted");
    assert_eq!((recovered.undone, recovered.reloads), (true, vec![service("web")]));
    let mut tree = expected(&Tree::new(), LINKED_ONE);
    tree.extend(expected(&Tree::new(), &[("new/c/theirs", "kept", 0o644, Plain)]));
    assert_eq!(fixture.tree(), tree);
}

#[test]
fn a_crash_before_the_switch_is_undone_and_after_it_finished() {
    let mut outcomes = Vec::new();
    for k in 1.. {
        let mut fixture = Fixture::new();
        let (one, two) = (fixture.release(ONE), fixture.release(TWO));
        fixture.go(&one).expect("activated");
        let finished = fixture.go_until(Some(&two), k);
        let switched = fixture.site.inspect(None).expect("inspected").live;
        let recovered = fixture.recover().expect("interrupted");
        assert_eq!(recovered.live, switched.map(|live| live.release), "{k}");
        outcomes.push(recovered.undone);
        if finished {
            break;
        }
    }
    assert!(outcomes.is_sorted_by(|a, b| a >= b), "{outcomes:?}");
    assert!(outcomes.contains(&true) && outcomes.contains(&false));
}

#[test]
fn pruning_spares_what_is_live_and_what_is_kept() {
    let mut fixture = Fixture::new();
    let (one, two) = (fixture.release(ONE), fixture.release(TWO));
    let three = fixture.release(&[("x", "x", 0o644, Linked)]);
    for release in [&three, &one, &two] {
        fixture.go(release).expect("activated");
    }
    fixture.site.lock().expect("locked").prune(&[one.id]).expect("pruned");
    let known = |id| fixture.site.release_manifest(id).expect("reads").is_some();
    assert_eq!([&one.id, &two.id, &three.id].map(known), [true, true, false]);
    assert!(!fixture.site.release_dir(&three.id).exists());
    assert_eq!(fixture.drift(), []);
}

/// Pulls the plug at every step of every move between `sides`, and at every step of the recovery.
fn crash_everywhere(sides: [Option<&[File]>; 2]) {
    for k in 0.. {
        let mut finished = false;
        for j in [0, 1, 3, 6, 10, 15, 21, usize::MAX] {
            let mut fixture = Fixture::new();
            fixture.write("theirs", "not ours");
            let base = fixture.tree();
            let [from, to] = sides.map(|files| files.map(|files| fixture.release(files)));
            if let Some(from) = &from {
                fixture.go(from).expect("activated");
            }
            finished = fixture.go_until(to.as_ref(), k);
            // Whether this one succeeds or not, the next one heals.
            let _ = fixture.recover_until(j);
            let recovered = fixture.recover();
            let live = fixture.site.inspect(None).expect("inspected").live.map(|l| l.release);
            let is_new = live == to.as_ref().map(|release| release.id);
            let side = if is_new { sides[1] } else { sides[0] };
            assert_eq!(fixture.tree(), expected(&base, side.unwrap_or_default()), "{k} {j}");
            assert_eq!(fixture.drift(), [], "{k} {j}");
            if let Some(recovered) = recovered {
                assert_eq!((recovered.live, recovered.undone), (live, !is_new));
                assert!(!is_new || recovered.reloads == [service("web")], "{k} {j}");
            }
            let left = fixture.path(".windlass");
            let names = std::fs::read_dir(left).expect("listed");
            let strange = names.filter(|name| {
                name.as_ref().expect("listed").file_name().to_string_lossy().starts_with("tmp-")
            });
            assert_eq!(strange.count(), 0, "{k} {j}");
        }
        if finished {
            assert!(k > 3, "the plug was pulled at several steps");
            return;
        }
    }
}

#[test]
fn a_crash_leaves_the_old_release_or_the_new_one() {
    crash_everywhere([Some(ONE), Some(TWO)]);
    crash_everywhere([Some(TWO), Some(ONE)]);
    crash_everywhere([None, Some(ONE)]);
    crash_everywhere([Some(TWO), None]);
}

const LINKED_ONE: &[File] = &[("a", "1", 0o644, Linked), ("old/b", "1", 0o600, Linked)];
const LINKED_TWO: &[File] = &[("a", "2", 0o600, Linked), ("new/c", "2", 0o644, Linked)];

#[test]
fn readers_of_linked_files_never_see_a_mix() {
    let one = expected(&Tree::new(), LINKED_ONE);
    let two = expected(&Tree::new(), LINKED_TWO);
    let mut switched = BTreeSet::new();
    for k in 0.. {
        let mut fixture = Fixture::new();
        let (from, to) = (fixture.release(LINKED_ONE), fixture.release(LINKED_TWO));
        fixture.go(&from).expect("activated");
        let finished = fixture.go_until(Some(&to), k);
        let seen = fixture.tree();
        let is_new = files_only(&seen) == files_only(&two);
        assert!(is_new || files_only(&seen) == files_only(&one), "{k}: {seen:?}");
        switched.insert(is_new);
        if finished {
            break;
        }
    }
    assert_eq!(switched.len(), 2, "both sides of the switch were seen");
}

#[test]
fn recovery_spares_what_somebody_put_there_after_the_crash() {
    let mut fixture = Fixture::new();
    let one = fixture.release(&[("a", "1", 0o644, Linked), ("b", "1", 0o644, Plain)]);
    assert!(!fixture.go_until(Some(&one), 1), "the journal is written and nothing else");
    fixture.write("a", "theirs");
    fixture.write("b", "theirs");
    assert!(fixture.recover().expect("interrupted").undone);
    assert_eq!((fixture.read("a"), fixture.read("b")), ("theirs".into(), "theirs".into()));
}

/// One step of a history.
#[derive(Debug, Clone)]
enum Move {
    To(Vec<File>),
    Back(prop::sample::Index),
    Nothing,
}

const PATHS: &[&str] =
    &["a", "a/b", "a/b/c", "a/d", "e", "e/f/g", "theirs.d/h", "theirs.d/i/j", "k-1", "ünï cøde"];

fn release_files() -> impl Strategy<Value = Vec<File>> {
    let file = (
        prop::sample::select(PATHS),
        prop::sample::select(&["", "x", "y", "longer content\n"][..]),
        prop::sample::select(&[0o644, 0o600, 0o755, 0o4755][..]),
        prop::sample::select(&[Linked, Plain, Runtime][..]),
    );
    prop::collection::vec(file, 0..8).prop_map(compatible)
}

/// Returns the files that do not stand in the way of earlier ones.
fn compatible(files: Vec<File>) -> Vec<File> {
    let mut kept: Vec<File> = Vec::new();
    for file in files {
        let within = |a: &str, b: &str| a == b || a.starts_with(&format!("{b}/"));
        if !kept.iter().any(|other| within(file.0, other.0) || within(other.0, file.0)) {
            kept.push(file);
        }
    }
    kept
}

fn moves() -> impl Strategy<Value = Vec<(Move, usize)>> {
    let step = prop_oneof![
        6 => release_files().prop_map(Move::To),
        3 => any::<prop::sample::Index>().prop_map(Move::Back),
        1 => Just(Move::Nothing),
    ];
    // Half of the moves are cut off somewhere.
    prop::collection::vec((step, prop_oneof![Just(usize::MAX), 0..40_usize]), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_history_ends_on_exactly_one_release(moves in moves()) {
        let mut fixture = Fixture::new();
        fixture.write("theirs.d/kept", "not ours");
        let base = fixture.tree();
        let mut seen: Vec<Vec<File>> = vec![Vec::new()];
        let mut live: Option<Vec<File>> = None;
        for (step, plug) in moves {
            let next = match step {
                Move::To(files) => Some(files),
                Move::Back(index) => Some(index.get(&seen).clone()),
                Move::Nothing => None,
            };
            let release = next.as_ref().map(|files| fixture.release(files));
            fixture.go_until(release.as_ref(), plug);
            fixture.recover();
            fixture.site.lock().expect("locked").reloads_done().expect("noted");
            let now = fixture.site.inspect(None).expect("inspected");
            if now.live.map(|live| live.release) == release.map(|release| release.id) {
                live = next.clone();
            }
            prop_assert!(plug < usize::MAX || live == next);
            let files = live.clone().unwrap_or_default();
            prop_assert_eq!(fixture.tree(), expected(&base, &files));
            prop_assert!(now.drift.is_empty() && now.interrupted.is_none());
            seen.extend(next);
        }
    }
}
