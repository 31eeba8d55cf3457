//! Trees of files, as programs on a target see them.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::project::done;

/// The directory in which Windlass keeps its own state on a target.
const RESERVED: &str = ".windlass";
/// The bits of `st_mode` that say what kind of file it is, and those of a regular one and a link.
const KIND: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;
const LINK: u32 = 0o120_000;

/// The files below a directory: path → permission bits and bytes.
///
/// A link to a file is that file, as its readers see it. What a reader could not open as a file is
/// kept apart by the kind in its mode (`0o120777` for a link to nothing or to a directory, with where
/// it points as the bytes; others are empty), so that a tree that holds such a thing equals none
/// without it. Directories count by what is in them, and `.windlass` is left out at every depth.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree(BTreeMap<String, (u32, Vec<u8>)>);

impl Tree {
    /// Reads what is below `directory`; a missing directory is an empty tree.
    #[must_use]
    #[track_caller]
    pub fn read(directory: impl AsRef<Path>) -> Self {
        let mut tree = Self::default();
        let directory = directory.as_ref();
        if directory.exists() {
            tree.read_directory(directory, "");
        }
        tree
    }

    /// Returns the files by path.
    #[must_use]
    pub const fn files(&self) -> &BTreeMap<String, (u32, Vec<u8>)> {
        &self.0
    }

    /// Returns the paths, in order.
    pub fn paths(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns the text of a file, or nothing where there is none or it is not UTF-8.
    #[must_use]
    pub fn text(&self, path: &str) -> Option<&str> {
        self.0.get(path).and_then(|(_, bytes)| std::str::from_utf8(bytes).ok())
    }

    /// Returns the permission bits of a file, or nothing where there is none.
    #[must_use]
    pub fn mode(&self, path: &str) -> Option<u32> {
        self.0.get(path).map(|(mode, _)| *mode)
    }

    /// Adds a file, or replaces it.
    pub fn insert(&mut self, path: impl Into<String>, mode: u32, bytes: impl Into<Vec<u8>>) {
        self.0.insert(path.into(), (mode, bytes.into()));
    }

    /// Takes a file out.
    pub fn remove(&mut self, path: &str) {
        self.0.remove(path);
    }

    /// Returns how `other` differs, a line for each path and what is wrong with it; nothing where
    /// both are the same.
    #[must_use]
    pub fn difference(&self, other: &Self) -> String {
        let mut lines = String::new();
        for path in self.0.keys().chain(other.0.keys().filter(|path| !self.0.contains_key(*path))) {
            describe(&mut lines, path, self.0.get(path), other.0.get(path));
        }
        lines
    }

    #[track_caller]
    fn read_directory(&mut self, directory: &Path, prefix: &str) {
        for entry in done("list", directory, fs::read_dir(directory)) {
            let entry = done("list", directory, entry);
            if entry.file_name() == RESERVED {
                continue;
            }
            let name = entry.file_name().as_bytes().escape_ascii().to_string();
            let path = entry.path();
            if done("look at", &path, entry.file_type()).is_dir() {
                self.read_directory(&path, &format!("{prefix}{name}/"));
            } else {
                self.0.insert(format!("{prefix}{name}"), read_entry(&path));
            }
        }
    }
}

impl FromIterator<(String, (u32, Vec<u8>))> for Tree {
    fn from_iter<I: IntoIterator<Item = (String, (u32, Vec<u8>))>>(files: I) -> Self {
        Self(files.into_iter().collect())
    }
}

#[track_caller]
fn read_entry(path: &Path) -> (u32, Vec<u8>) {
    match fs::metadata(path) {
        Ok(file) if file.is_file() => (file.mode() & 0o7777, done("read", path, fs::read(path))),
        Ok(other) if !path.is_symlink() => (other.mode(), Vec::new()),
        // A link that leads nowhere, to itself, or to something that is no file.
        _ => {
            let to: PathBuf = done("read the link", path, fs::read_link(path));
            (LINK | 0o777, to.as_os_str().as_bytes().to_vec())
        }
    }
}

type File = (u32, Vec<u8>);

fn describe(lines: &mut String, path: &str, left: Option<&File>, right: Option<&File>) {
    let line = match (left, right) {
        (Some(left), None) => format!("- {path} ({})", summary(left)),
        (None, Some(right)) => format!("+ {path} ({})", summary(right)),
        (Some(left), Some(right)) if left != right => format!("~ {path}{}", change(left, right)),
        _ => return,
    };
    writeln!(lines, "{line}").expect("writing to a string cannot fail");
}

fn summary((mode, bytes): &File) -> String {
    match mode & KIND {
        0 | REGULAR => format!("{:04o}, {} bytes", mode & 0o7777, bytes.len()),
        LINK => format!("link to {:?}", String::from_utf8_lossy(bytes)),
        _ => format!("no regular file: mode {mode:o}"),
    }
}

fn change(left: &File, right: &File) -> String {
    let mut text = String::new();
    if left.0 != right.0 {
        text += &format!(": {} became {}", summary(left), summary(right));
    }
    if left.1 != right.1 {
        text += &first_difference(&left.1, &right.1);
    }
    text
}

/// Returns the first line in which two contents differ, as both have it.
fn first_difference(left: &[u8], right: &[u8]) -> String {
    let (left, right): (Vec<_>, Vec<_>) = (lines(left), lines(right));
    let same = left.iter().zip(&right).take_while(|(left, right)| left == right).count();
    let shown = |lines: &[&[u8]]| match lines.get(same) {
        Some(line) => line[..line.len().min(200)].escape_ascii().to_string(),
        None => "(end of file)".to_owned(),
    };
    format!("\n    line {}:\n    - {}\n    + {}", same + 1, shown(&left), shown(&right))
}

fn lines(bytes: &[u8]) -> Vec<&[u8]> {
    bytes.split_inclusive(|byte| *byte == b'\n').collect()
}

/// Fails the test with what differs, path by path, unless both trees are the same: `-` is only on
/// the left, `+` only on the right, `~` on both and different.
#[track_caller]
pub fn assert_same_tree(left: &Tree, right: &Tree) {
    let difference = left.difference(right);
    assert!(difference.is_empty(), "the trees differ:\n{difference}");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TestProject;

    #[test]
    fn links_are_read_as_their_readers_do_and_own_state_is_left_out() {
        let project = TestProject::new();
        project
            .write(".windlass/releases/1/app.yaml", "a: 1\n")
            .chmod(".windlass/releases/1/app.yaml", 0o640)
            .symlink(".windlass/current", "releases/1")
            .symlink("app.yaml", ".windlass/current/app.yaml")
            .write("conf.d/x", "x")
            .chmod("conf.d/x", 0o600);
        let mut expected = Tree::default();
        expected.insert("app.yaml", 0o640, "a: 1\n");
        expected.insert("conf.d/x", 0o600, "x");
        assert_same_tree(&expected, &Tree::read(project.path()));
    }

    #[test]
    fn what_is_no_file_equals_no_file() {
        let project = TestProject::new();
        project.symlink("gone", "nowhere").symlink("self", "self").fifo("pipe").directory("d");
        project.symlink("to-directory", "d");
        let tree = Tree::read(project.path());
        assert_eq!(tree.paths().collect::<Vec<_>>(), ["gone", "pipe", "self", "to-directory"]);
        assert_eq!(tree.files()["gone"], (0o120_777, b"nowhere".to_vec()));
        assert_eq!(tree.files()["to-directory"], (0o120_777, b"d".to_vec()));
        assert_eq!(tree.files()["pipe"].0 & KIND, 0o010_000);
        let difference = Tree::default().difference(&tree);
        assert!(difference.contains("+ gone (link to \"nowhere\")"), "{difference}");
        assert!(difference.contains("+ pipe (no regular file"), "{difference}");
    }

    #[test]
    fn a_missing_directory_is_empty() {
        assert_eq!(Tree::read("/nonexistent/directory"), Tree::default());
    }

    #[test]
    fn a_difference_names_each_path_and_the_first_line() {
        let mut left = Tree::default();
        left.insert("both", 0o644, "same\nold\n");
        left.insert("left", 0o644, "four");
        left.insert("mode", 0o644, "");
        let mut right = Tree::default();
        right.insert("both", 0o644, "same\nnew\n");
        right.insert("mode", 0o600, "");
        right.insert("right", 0o755, "");
        assert_eq!(
            left.difference(&right),
            "~ both\n    line 2:\n    - old\\n\n    + new\\n\n\
             - left (0644, 4 bytes)\n\
             ~ mode: 0644, 0 bytes became 0600, 0 bytes\n\
             + right (0755, 0 bytes)\n"
        );
        assert_eq!(left.difference(&left), "");
    }

    #[test]
    fn a_missing_last_line_is_said() {
        assert_eq!(
            first_difference(b"a\nb\n", b"a\n"),
            "\n    line 2:\n    - b\\n\n    + (end of file)"
        );
    }

    #[test]
    #[should_panic(expected = "+ extra (0644, 1 bytes)")]
    fn trees_that_differ_fail_the_test() {
        let mut right = Tree::default();
        right.insert("extra", 0o644, "x");
        assert_same_tree(&Tree::default(), &right);
    }
}
