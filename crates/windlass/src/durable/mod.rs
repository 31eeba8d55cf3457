//! Files that are wholly there or not at all, whenever the plug is pulled.

mod scratch;

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use tempfile::NamedTempFile;

pub(crate) use scratch::{Guard, Scratch};

/// What was being done when an operation of the system failed.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
struct Context {
    what: String,
    source: io::Error,
}

/// Returns `source` with its kind, saying `what` first.
pub(crate) fn context(what: String, source: impl Into<io::Error>) -> io::Error {
    let source = source.into();
    io::Error::new(source.kind(), Context { what, source })
}

/// Puts `bytes` at `path` for good, in place of what was there. A reader, also one after a power
/// cut, sees the old file or the new one. The file grows in `scratch`, on the same file system.
pub(crate) fn replace(scratch: &Scratch, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (file, _guard) = write(scratch, bytes)?;
    file.persist(path).map_err(|error| error.error)?;
    sync_parent(path)
}

/// Puts `bytes` at `path` for good.
///
/// # Errors
/// `AlreadyExists` when something is there: it is never overwritten, whoever races for the name.
pub(crate) fn create_new(scratch: &Scratch, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (file, _guard) = write(scratch, bytes)?;
    file.persist_noclobber(path).map_err(|error| error.error)?;
    sync_parent(path)
}

/// Puts `bytes` at `path` in place of what was there. A reader sees the old file or the new one; after
/// a power cut it may be neither.
pub(crate) fn replace_unflushed(scratch: &Scratch, path: &Path, bytes: &[u8]) -> io::Result<()> {
    let (file, _guard) = write_unflushed(scratch, bytes)?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

fn write(scratch: &Scratch, bytes: &[u8]) -> io::Result<(NamedTempFile, Guard)> {
    let (file, guard) = write_unflushed(scratch, bytes)?;
    file.as_file().sync_all()?;
    Ok((file, guard))
}

fn write_unflushed(scratch: &Scratch, bytes: &[u8]) -> io::Result<(NamedTempFile, Guard)> {
    let guard = scratch.enter()?;
    let mut file = tempfile::Builder::new().prefix("file-").tempfile_in(scratch.dir())?;
    file.write_all(bytes)?;
    Ok((file, guard))
}

/// Makes the directory `path`, and those above it, readable by their owner alone; one that exists
/// stays as it is.
pub(crate) fn create_dir(path: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(path) {
        Ok(()) => sync_parent(path),
        Err(_) if fs::metadata(path).is_ok_and(|found| found.is_dir()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let above = path.parent().filter(|above| !above.as_os_str().is_empty()).ok_or(error)?;
            create_dir(above)?;
            // Whoever made it in the meantime will do.
            match DirBuilder::new().mode(0o700).create(path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
                _ => sync_parent(path),
            }
        }
        Err(error) => Err(error),
    }
}

/// Makes the names in the directory of `path` last.
fn sync_parent(path: &Path) -> io::Result<()> {
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn workspace() -> (tempfile::TempDir, Scratch) {
        let dir = tempfile::tempdir().expect("a directory");
        let scratch = Scratch::open(dir.path().join("tmp")).expect("opens");
        (dir, scratch)
    }

    fn names(dir: &Path) -> Vec<String> {
        let entries = fs::read_dir(dir).expect("readable");
        entries.map(|e| e.expect("entry").file_name().into_string().expect("UTF-8")).collect()
    }

    #[test]
    fn replaces_what_was_there_and_leaves_nothing_behind() {
        let (dir, scratch) = workspace();
        let path = dir.path().join("file");
        replace(&scratch, &path, b"old").expect("written");
        replace(&scratch, &path, b"new").expect("written");
        assert_eq!(fs::read(&path).expect("readable"), b"new");
        assert_eq!(names(scratch.dir()), [".lock"]);
    }

    #[test]
    fn a_new_file_never_takes_the_place_of_another() {
        let (dir, scratch) = workspace();
        let path = dir.path().join("file");
        create_new(&scratch, &path, b"first").expect("written");
        let error = create_new(&scratch, &path, b"second").expect_err("taken");
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read(&path).expect("readable"), b"first");
        assert_eq!(names(scratch.dir()), [".lock"]);
    }

    #[test]
    fn replacing_a_link_leaves_the_file_it_led_to_alone() {
        let (dir, scratch) = workspace();
        let victim = dir.path().join("victim");
        fs::write(&victim, "precious").expect("written");
        let path = dir.path().join("link");
        symlink(&victim, &path).expect("linked");
        replace(&scratch, &path, b"new").expect("written");
        assert_eq!(fs::read(&victim).expect("readable"), b"precious");
        assert_eq!(fs::read(&path).expect("readable"), b"new");
    }

    #[test]
    fn directories_are_private_and_made_with_those_above() {
        let (dir, _scratch) = workspace();
        let deep = dir.path().join("a/b/c");
        create_dir(&deep).expect("made");
        create_dir(&deep).expect("there already");
        let mode = fs::metadata(dir.path().join("a/b")).expect("there").permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
    }

    #[test]
    fn a_file_where_a_directory_belongs_is_an_error() {
        let (dir, _scratch) = workspace();
        fs::write(dir.path().join("a"), "").expect("written");
        assert!(create_dir(&dir.path().join("a")).is_err());
        assert!(create_dir(&dir.path().join("a/b")).is_err());
    }

    #[test]
    fn context_keeps_kind_and_cause() {
        let error = context("cannot write x".to_owned(), io::Error::from_raw_os_error(28));
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(error.to_string(), "cannot write x");
        let cause = std::error::Error::source(&error).expect("a cause");
        assert!(cause.to_string().contains("No space left"));
    }
}
