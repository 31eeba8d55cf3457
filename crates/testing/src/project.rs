//! Projects in temporary directories.

use std::fmt::Display;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, Mode, mkfifoat};
use tempfile::TempDir;

use crate::windlass::Windlass;

/// What running an example leaves behind, which no copy of it takes along.
const LEFTOVERS: [&str; 3] = ["state", "rendered", ".windlass"];

/// A project directory of its own, beside an empty home; both go when it is dropped.
///
/// Paths are relative to the project; directories on the way to a file are made.
#[derive(Debug)]
pub struct TestProject {
    root: TempDir,
}

impl TestProject {
    /// Returns an empty project.
    #[must_use]
    #[track_caller]
    pub fn new() -> Self {
        let root = tempfile::Builder::new().prefix("windlass-").tempdir();
        let project = Self { root: done("make a temporary directory", Path::new("."), root) };
        for directory in [project.path(), project.home()] {
            done("make", &directory, fs::create_dir(&directory));
        }
        project
    }

    /// Returns a copy of `examples/NAME` of this repository, without what running it left there.
    #[must_use]
    #[track_caller]
    pub fn copy_example(name: &str) -> Self {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        let project = Self::new();
        copy_directory(&examples.join(name), &project.path(), &LEFTOVERS);
        project
    }

    /// Returns the project's directory.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.root.path().join("project")
    }

    /// Returns the home directory that [`Windlass`] runs with.
    #[must_use]
    pub fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    /// Returns where `relative` is.
    #[must_use]
    pub fn at(&self, relative: impl AsRef<Path>) -> PathBuf {
        self.path().join(relative)
    }

    /// Returns what runs `binary` in this project.
    #[must_use]
    pub fn windlass(&self, binary: impl Into<PathBuf>) -> Windlass {
        Windlass::new(binary, self.path(), self.home())
    }

    /// Returns the text of a file.
    #[must_use]
    #[track_caller]
    pub fn read(&self, relative: impl AsRef<Path>) -> String {
        let path = self.at(relative);
        done("read", &path, fs::read_to_string(&path))
    }

    /// Writes a file, new or not, and returns the project for the next one.
    #[track_caller]
    pub fn write(&self, relative: impl AsRef<Path>, content: impl AsRef<[u8]>) -> &Self {
        let path = self.prepare(relative);
        done("write", &path, fs::write(&path, content));
        self
    }

    /// Replaces `from`, which must be in the file exactly once, by `to`.
    #[track_caller]
    pub fn edit(&self, relative: impl AsRef<Path>, from: &str, to: &str) -> &Self {
        let text = self.read(&relative);
        let found = text.matches(from).count();
        let path = relative.as_ref().display();
        assert!(found == 1, "{path} holds {from:?} {found} times, not once");
        self.write(&relative, text.replacen(from, to, 1))
    }

    /// Removes a file, a link, or a directory with all that is in it.
    #[track_caller]
    pub fn remove(&self, relative: impl AsRef<Path>) -> &Self {
        let path = self.at(relative);
        let kind = done("look at", &path, fs::symlink_metadata(&path));
        let removed =
            if kind.is_dir() { fs::remove_dir_all(&path) } else { fs::remove_file(&path) };
        done("remove", &path, removed);
        self
    }

    /// Sets the permission bits of a file or directory.
    #[track_caller]
    pub fn chmod(&self, relative: impl AsRef<Path>, mode: u32) -> &Self {
        let path = self.at(relative);
        done("chmod", &path, fs::set_permissions(&path, fs::Permissions::from_mode(mode)));
        self
    }

    /// Makes a symbolic link that points to `to`, as written.
    #[track_caller]
    pub fn symlink(&self, relative: impl AsRef<Path>, to: impl AsRef<Path>) -> &Self {
        let path = self.prepare(relative);
        done("link", &path, symlink(to, &path));
        self
    }

    /// Makes a FIFO, which whoever opens it carelessly waits on for ever.
    #[track_caller]
    pub fn fifo(&self, relative: impl AsRef<Path>) -> &Self {
        let path = self.prepare(relative);
        done("make the FIFO", &path, mkfifoat(CWD, &path, Mode::RUSR | Mode::WUSR));
        self
    }

    /// Makes a directory.
    #[track_caller]
    pub fn directory(&self, relative: impl AsRef<Path>) -> &Self {
        let path = self.at(relative);
        done("make", &path, fs::create_dir_all(&path));
        self
    }

    #[track_caller]
    fn prepare(&self, relative: impl AsRef<Path>) -> PathBuf {
        let path = self.at(relative);
        let parent = path.parent().expect("a path in the project is below it");
        done("make", parent, fs::create_dir_all(parent));
        path
    }
}

impl Default for TestProject {
    fn default() -> Self {
        Self::new()
    }
}

/// Copies files with their modes and links as they are, but none of `leave_out` at the top.
#[track_caller]
fn copy_directory(from: &Path, to: &Path, leave_out: &[&str]) {
    done("make", to, fs::create_dir_all(to));
    for entry in done("list", from, fs::read_dir(from)) {
        let entry = done("list", from, entry);
        if !leave_out.iter().any(|name| entry.file_name() == *name) {
            copy_entry(&entry.path(), &to.join(entry.file_name()));
        }
    }
}

#[track_caller]
fn copy_entry(from: &Path, to: &Path) {
    let kind = done("look at", from, fs::symlink_metadata(from)).file_type();
    if kind.is_dir() {
        copy_directory(from, to, &[]);
    } else if kind.is_symlink() {
        done("link", to, symlink(done("read the link", from, fs::read_link(from)), to));
    } else {
        done("copy", from, fs::copy(from, to));
    }
}

/// Returns what `result` holds, or fails the test with what could not be done to which path.
#[track_caller]
pub(crate) fn done<T, E: Display>(what: &str, path: &Path, result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("cannot {what} {}: {error}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::FileTypeExt;

    use super::*;

    #[test]
    fn files_are_written_edited_and_removed() {
        let project = TestProject::new();
        project.write("a/b.txt", "one two").edit("a/b.txt", "two", "three");
        assert_eq!(project.read("a/b.txt"), "one three");
        project.remove("a/b.txt");
        assert!(!project.at("a/b.txt").exists());
        project.remove("a");
        assert!(!project.at("a").exists());
    }

    #[test]
    #[should_panic(expected = "holds \"x\" 2 times, not once")]
    fn an_edit_that_could_mean_two_places_fails() {
        TestProject::new().write("f", "x x").edit("f", "x", "y");
    }

    #[test]
    #[should_panic(expected = "cannot read")]
    fn a_missing_file_is_named() {
        let _ = TestProject::new().read("absent");
    }

    #[test]
    fn modes_links_and_fifos_are_as_asked() {
        let project = TestProject::new();
        project.write("f", "").chmod("f", 0o640).symlink("l", "../elsewhere").fifo("d/p");
        let mode = fs::metadata(project.at("f")).expect("it was written").permissions().mode();
        assert_eq!(mode & 0o7777, 0o640);
        let link = fs::read_link(project.at("l")).expect("it was linked");
        assert_eq!(link, Path::new("../elsewhere"));
        let fifo = fs::metadata(project.at("d/p")).expect("it was made");
        assert!(fifo.file_type().is_fifo());
    }

    #[test]
    fn an_example_is_copied_without_what_running_it_left() {
        let source = TestProject::new();
        source.write("windlass.toml", "").write("state/1/f", "").write("src/state", "kept");
        source.write("bin/run", "").chmod("bin/run", 0o755).symlink("link", "windlass.toml");
        let copy = TestProject::new();
        copy_directory(&source.path(), &copy.path(), &LEFTOVERS);
        assert!(!copy.at("state").exists());
        assert_eq!(copy.read("src/state"), "kept");
        assert!(copy.at("link").is_symlink());
        let mode = fs::metadata(copy.at("bin/run")).expect("it was copied").permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
    }

    #[test]
    fn the_shop_is_an_example() {
        let shop = TestProject::copy_example("shop");
        assert!(shop.read("windlass.toml").contains("name = \"shop\""));
        assert!(shop.at("dist/web-1.4.2.tar.gz").is_file());
    }

    #[test]
    fn the_directory_goes_with_the_project() {
        let project = TestProject::new();
        let (path, home) = (project.path(), project.home());
        assert!(path.is_dir() && home.is_dir());
        drop(project);
        assert!(!path.exists() && !home.exists());
    }
}
