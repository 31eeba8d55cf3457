use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::time::Instant;

use rustix::fs::{CWD, mkfifoat};
use tempfile::TempDir;

use super::*;

/// A project in a temporary directory that also holds what lies outside.
struct Project {
    _outer: TempDir,
    root: PathBuf,
}

impl Project {
    fn new(files: &[&str]) -> Self {
        let outer = tempfile::tempdir().expect("temporary directory");
        let root = outer.path().join("project");
        fs::create_dir(&root).expect("fresh");
        fs::write(outer.path().join("secret"), "s3cret").expect("written");
        let project = Self { root, _outer: outer };
        files.iter().for_each(|file| project.write(file, file.as_bytes()));
        project
    }

    fn write(&self, path: &str, bytes: &[u8]) {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("below the root")).expect("made");
        fs::write(path, bytes).expect("written");
    }

    fn link(&self, path: &str, target: impl AsRef<Path>) {
        symlink(target, self.root.join(path)).expect("linked");
    }

    fn sources(&self) -> Sources {
        Sources::open(&self.root).expect("a directory")
    }

    fn refused(&self, path: &str) -> SourceError {
        let error = self.sources().open_file(path).expect_err(path);
        assert!(!error.diagnostic().to_string().contains("s3cret"));
        error
    }
}

#[test]
fn reads_files_and_says_what_they_are() {
    let project = Project::new(&["templates/nginx.conf", "bin/run"]);
    let mode = fs::Permissions::from_mode(0o755);
    fs::set_permissions(project.root.join("bin/run"), mode).expect("changed");
    let sources = project.sources();
    assert_eq!(sources.read("templates/nginx.conf").expect("read"), b"templates/nginx.conf");
    assert_eq!(sources.read("./templates/nginx.conf").expect("read"), b"templates/nginx.conf");
    let file = sources.open_file("bin/run").expect("opened");
    assert_eq!((file.size, file.mode_is_executable, file.path.as_str()), (7, true, "bin/run"));
    assert!(!sources.open_file("templates/nginx.conf").expect("opened").mode_is_executable);
}

#[test]
fn paths_that_leave_by_themselves_are_refused() {
    let project = Project::new(&["a"]);
    for path in ["../secret", "a/../../secret", "/etc/passwd", "https://host/x", "", "a\n", "a//b"]
    {
        assert_eq!(project.refused(path).kind, SourceErrorKind::Path, "{path:?}");
    }
    assert_eq!(project.refused(".windlass/locks").kind, SourceErrorKind::Path);
}

#[test]
fn links_inside_the_project_work() {
    let project = Project::new(&["shared/base/app.yaml"]);
    fs::create_dir(project.root.join("env")).expect("made");
    project.link("env/file", "../shared/base/app.yaml");
    project.link("env/directory", "../shared/./base/");
    project.link("env/absolute", project.root.join("shared/base/app.yaml"));
    project.link("env/twice", "directory/../base/app.yaml");
    project.link("rooted", project.root.join("env/../shared"));
    for path in
        ["env/file", "env/directory/app.yaml", "env/absolute", "env/twice", "rooted/base/app.yaml"]
    {
        let file = project.sources().open_file(path).expect(path);
        assert_eq!(file.path, "shared/base/app.yaml", "{path}");
    }
}

#[test]
fn a_project_reached_through_a_link_knows_both_of_its_names() {
    let project = Project::new(&["a"]);
    let alias = project.root.with_file_name("alias");
    symlink(&project.root, &alias).expect("linked");
    project.link("by-alias", alias.join("a"));
    project.link("by-name", project.root.join("a"));
    let sources = Sources::open(&alias).expect("a directory");
    assert_eq!(sources.read("by-alias").expect("read"), b"a");
    assert_eq!(sources.read("by-name").expect("read"), b"a");
}

#[test]
fn a_link_that_leaves_is_refused_and_named_with_its_target() {
    let project = Project::new(&["conf/a"]);
    let outside = project.root.with_file_name("secret");
    project.link("conf/up", "../../secret");
    project.link("conf/absolute", &outside);
    project.link("conf/sibling", project.root.with_file_name("project-b"));
    project.link("conf/sneaky", project.root.join("../secret"));
    project.link("parent", "..");
    project.link("conf/second", "up");
    project.link("conf/round", "../../project/conf/a");
    for path in ["up", "absolute", "sibling", "sneaky", "second", "round"] {
        let error = project.refused(&format!("conf/{path}"));
        assert_eq!(error.kind, SourceErrorKind::Outside, "{path}: {error}");
    }
    let error = project.refused("parent/secret");
    assert_eq!(error.to_string(), "link parent leaves the project: it points to \"..\"");
    let second = project.refused("conf/second").to_string();
    assert_eq!(second, "link conf/up leaves the project: it points to \"../../secret\"");
}

#[test]
fn a_link_into_windlass_own_state_is_refused() {
    let project = Project::new(&[".windlass/objects/x"]);
    project.link("state", ".windlass/objects/x");
    assert_eq!(project.refused("state").kind, SourceErrorKind::Path);
}

#[test]
fn a_link_to_a_name_that_no_target_takes_is_refused() {
    let project = Project::new(&[]);
    project.link("control", "a\x1b[2J");
    project.link("bytes", OsStr::from_bytes(b"\xff"));
    for path in ["control", "bytes"] {
        let error = project.refused(path);
        assert_eq!(error.kind, SourceErrorKind::Path);
        assert!(!error.to_string().contains('\x1b'), "{error}");
    }
}

#[test]
fn circles_end() {
    let project = Project::new(&[]);
    project.link("a", "b");
    project.link("b", "a");
    project.link("self", "self/x");
    assert_eq!(project.refused("a").kind, SourceErrorKind::Loop);
    assert_eq!(project.refused("self").kind, SourceErrorKind::Loop);
    assert_eq!(project.refused("a/x").kind, SourceErrorKind::Loop);
}

#[test]
fn forty_links_in_a_row_work_and_one_more_does_not() {
    let project = Project::new(&["0"]);
    (1..=41).for_each(|n| project.link(&n.to_string(), (n - 1).to_string()));
    assert_eq!(project.sources().read("40").expect("read"), b"0");
    assert_eq!(project.refused("41").kind, SourceErrorKind::Loop);
}

#[test]
fn a_missing_file_hints_at_the_nearest_name() {
    let project = Project::new(&["templates/nginx.conf"]);
    let hint = |path: &str| {
        let error = project.refused(path);
        assert_eq!(error.kind, SourceErrorKind::Missing);
        (error.message, error.hint.unwrap_or_default())
    };
    let (message, near) = hint("templates/ngnix.conf");
    assert_eq!(message, "templates/ngnix.conf does not exist");
    assert_eq!(near, "did you mean `templates/nginx.conf`?");
    assert_eq!(hint("template/nginx.conf").1, "did you mean `templates`?");
    assert_eq!(hint("x").1, "paths are relative to the project directory");
    project.link("dangling", "templates/gone");
    let dangling = "link dangling points to templates/gone, which does not exist";
    assert_eq!(hint("dangling").0, dangling);
}

#[test]
fn directories_and_files_are_not_each_other() {
    let project = Project::new(&["conf.d/a", "file"]);
    project.link("here", ".");
    let error = project.refused("conf.d");
    assert_eq!(error.kind, SourceErrorKind::Directory);
    assert!(error.hint.is_some_and(|hint| hint.contains("directory = \"conf.d\"")));
    assert_eq!(project.refused("here").kind, SourceErrorKind::Directory);
    assert_eq!(project.refused("file/x").to_string(), "file is not a directory");
    let error = project.sources().list_directory("file").expect_err("a file");
    assert_eq!(error.kind, SourceErrorKind::NotADirectory);
}

#[test]
fn what_is_no_regular_file_is_refused_at_once() {
    let project = Project::new(&["d/a"]);
    mkfifoat(CWD, project.root.join("fifo"), Mode::RUSR).expect("made");
    mkfifoat(CWD, project.root.join("d/fifo"), Mode::RUSR).expect("made");
    let _socket = UnixListener::bind(project.root.join("socket")).expect("bound");
    let error = project.refused("fifo");
    assert_eq!(error.kind, SourceErrorKind::NotRegular);
    assert_eq!(error.to_string(), "fifo is a FIFO, not a regular file");
    assert_eq!(project.refused("socket").kind, SourceErrorKind::NotRegular);
    let error = project.sources().list_directory("d").expect_err("a FIFO in it");
    assert_eq!(error.to_string(), "d/fifo is a FIFO, not a regular file");
}

#[test]
fn a_file_above_the_limit_is_not_read() {
    let project = Project::new(&["12345"]);
    let read = |limit| project.sources().with_read_limit(limit).read("12345");
    assert_eq!(read(5).expect("fits"), b"12345");
    assert_eq!(read(4).expect_err("too large").kind, SourceErrorKind::TooLarge);
    assert!(read(u64::MAX).is_ok());
}

#[test]
fn a_file_that_only_seems_small_is_not_read_beyond_the_limit() {
    let sources = Sources::open(Path::new("/proc/self")).expect("a directory");
    assert_eq!(sources.open_file("status").expect("opened").size, 0);
    let error = sources.with_read_limit(100).read("status").expect_err("longer than it says");
    assert_eq!(error.kind, SourceErrorKind::TooLarge);
}

#[test]
fn lists_everything_below_in_order() {
    let project = Project::new(&["c/b", "c/a/z", "c/.hidden", "c/a-", "c/ü/x", "else/linked/y"]);
    project.link("c/link", "../else/linked");
    project.link("c/to-file", "b");
    fs::create_dir(project.root.join("c/empty")).expect("made");
    let expected = [".hidden", "a-", "a/z", "b", "link/y", "to-file", "ü/x"];
    assert_eq!(project.sources().list_directory("c").expect("listed"), expected);
    assert_eq!(project.sources().list_directory("c/").expect("listed"), expected);
    assert_eq!(project.sources().list_directory("c/empty").expect("listed"), [""; 0]);
}

#[test]
fn a_listing_judges_each_link_as_a_file_would_be() {
    let project = Project::new(&["c/a"]);
    project.link("c/out", "../../secret");
    let error = project.sources().list_directory("c").expect_err("it leaves");
    assert_eq!(error.kind, SourceErrorKind::Outside);
    assert!(error.to_string().contains("link c/out leaves the project"), "{error}");
    assert_eq!(
        project.sources().list_directory("missing").expect_err("missing").kind,
        SourceErrorKind::Missing
    );
}

#[test]
fn a_directory_inside_itself_is_noticed() {
    let project = Project::new(&["c/d/a"]);
    project.link("c/d/up", "..");
    let error = project.sources().list_directory("c").expect_err("a circle");
    assert_eq!(error.kind, SourceErrorKind::Loop);
    assert_eq!(error.to_string(), "c/d/up is a link to a directory that it lies in");
}

#[test]
fn names_that_no_target_takes_are_refused() {
    for (name, shown) in
        [(&b"a\nb"[..], "c/a\\nb"), (b"\xff", "c/\u{fffd}"), (b"\x1b[2J", "\\u{1b}")]
    {
        let project = Project::new(&["c/good"]);
        fs::write(project.root.join("c").join(OsStr::from_bytes(name)), "").expect("written");
        let error = project.sources().list_directory("c").expect_err("a bad name");
        assert_eq!(error.kind, SourceErrorKind::Path, "{error}");
        assert!(error.to_string().contains(shown), "{error}");
    }
}

#[test]
fn depth_is_bounded() {
    let project = Project::new(&[&format!("c/{}f", "d/".repeat(63))]);
    assert_eq!(project.sources().list_directory("c").expect("64 levels").len(), 1);
    project.write(&format!("c/{}f", "d/".repeat(64)), b"");
    let error = project.sources().list_directory("c").expect_err("65 levels");
    assert_eq!(error.kind, SourceErrorKind::TooLarge);
}

#[test]
fn a_link_put_in_the_place_of_a_held_directory_is_not_followed() {
    let project = Project::new(&["conf/a"]);
    let sources = project.sources();
    sources.read("conf/a").expect("read");
    fs::rename(project.root.join("conf"), project.root.join("old")).expect("renamed");
    project.link("conf", project.root.with_file_name(""));
    assert!(sources.read("conf/secret").is_err());
    assert_eq!(project.refused("conf/secret").kind, SourceErrorKind::Outside);
}

#[test]
fn a_root_that_is_no_directory_cannot_be_opened() {
    let project = Project::new(&["file"]);
    assert!(Sources::open(&project.root.join("file")).is_err());
    assert!(Sources::open(&project.root.join("missing")).is_err());
}

#[test]
fn a_thousand_small_files_are_quick() {
    let names: Vec<String> = (0..1_000).map(|n| format!("a/b{}/c/{n}.conf", n % 10)).collect();
    let project = Project::new(&names.iter().map(String::as_str).collect::<Vec<_>>());
    let sources = project.sources();
    let started = Instant::now();
    names.iter().for_each(|name| drop(sources.read(name).expect("read")));
    // About 10 ms when optimised; the bound only notices what grows with the square.
    assert!(started.elapsed().as_secs() < 2, "{:?}", started.elapsed());
}
