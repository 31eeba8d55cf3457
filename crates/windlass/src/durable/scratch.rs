//! Directories for what is not finished yet, cleaned of what will never be.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// A directory for unfinished files. Whoever has some in it holds its lock, shared; whoever gets
/// the lock alone therefore knows that everything in it was left by processes that died.
#[derive(Debug)]
pub(crate) struct Scratch {
    dir: PathBuf,
}

/// A lock that is given back when this is dropped, or when the process dies.
#[derive(Debug)]
pub(crate) struct Guard(File);

impl Drop for Guard {
    fn drop(&mut self) {
        // Closing alone would leave it to a child that was forked but has not called exec yet.
        let _ = self.0.unlock();
    }
}

impl Scratch {
    /// Opens the directory, makes it where it is missing, and cleans it where nobody uses it.
    pub(crate) fn open(dir: PathBuf) -> io::Result<Self> {
        Self::open_after(dir, || Ok(()))
    }

    /// As [`Self::open`], and where there is anything in it calls `settle` before it is cleaned.
    pub(crate) fn open_after(
        dir: PathBuf,
        settle: impl FnOnce() -> io::Result<()>,
    ) -> io::Result<Self> {
        super::create_dir(&dir)?;
        let scratch = Self { dir };
        if !scratch.entries()?.is_empty() {
            settle()?;
        }
        if let Err(error) = scratch.sweep() {
            // Nothing depends on it: the next one to open it tries again.
            tracing::debug!(dir = %scratch.dir.display(), %error, "leftovers stay for now");
        }
        Ok(scratch)
    }

    /// Returns the directory.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Returns the right to have unfinished files in it; waits for one who is alone in it.
    pub(crate) fn enter(&self) -> io::Result<Guard> {
        let file = self.lock_file()?;
        file.lock_shared()?;
        Ok(Guard(file))
    }

    /// Returns the right to be alone in it; `None` while anybody else is in it.
    pub(crate) fn alone(&self) -> io::Result<Option<Guard>> {
        let file = self.lock_file()?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Guard(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }

    /// Removes what dead processes left, unless somebody is in it.
    fn sweep(&self) -> io::Result<()> {
        if self.entries()?.is_empty() {
            return Ok(());
        }
        if let Some(_alone) = self.alone()? {
            for path in self.entries()? {
                remove(&path)?;
            }
        }
        Ok(())
    }

    fn entries(&self) -> io::Result<Vec<PathBuf>> {
        let paths = fs::read_dir(&self.dir)?.map(|entry| Ok(entry?.path()));
        let lock = self.lock_path();
        paths.filter(|path| path.as_ref().map_or(true, |path| *path != lock)).collect()
    }

    fn lock_path(&self) -> PathBuf {
        self.dir.join(".lock")
    }

    fn lock_file(&self) -> io::Result<File> {
        File::options().read(true).write(true).create(true).truncate(false).open(self.lock_path())
    }
}

fn remove(path: &Path) -> io::Result<()> {
    if fs::symlink_metadata(path)?.is_dir() {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leftovers_of_the_dead_are_removed_and_files_of_the_living_are_not() {
        let dir = tempfile::tempdir().expect("a directory");
        let scratch = Scratch::open(dir.path().join("tmp")).expect("opens");
        fs::write(scratch.dir().join("file"), "half").expect("written");
        fs::create_dir(scratch.dir().join("batch")).expect("made");
        fs::write(scratch.dir().join("batch/1"), "half").expect("written");

        let living = scratch.enter().expect("enters");
        Scratch::open(scratch.dir().to_owned()).expect("opens");
        assert_eq!(scratch.entries().expect("readable").len(), 2);

        drop(living);
        Scratch::open(scratch.dir().to_owned()).expect("opens");
        assert_eq!(scratch.entries().expect("readable"), Vec::<PathBuf>::new());
    }

    #[test]
    fn what_the_dead_began_is_settled_before_their_traces_are_removed() {
        let dir = tempfile::tempdir().expect("a directory");
        let tmp = dir.path().join("tmp");
        let unused = || panic!("there is nothing to settle");
        let scratch = Scratch::open_after(tmp.clone(), unused).expect("opens");
        let left = tmp.join("file");
        fs::write(&left, "half").expect("written");
        let failing = || Err(io::Error::other("no"));
        Scratch::open_after(tmp.clone(), failing).expect_err("not settled");
        assert_eq!(scratch.entries().expect("readable"), vec![left.clone()]);
        let settle = || left.try_exists().map(|there| assert!(there));
        Scratch::open_after(tmp, settle).expect("opens");
        assert_eq!(scratch.entries().expect("readable"), Vec::<PathBuf>::new());
    }

    #[test]
    fn many_may_enter_and_only_one_be_alone() {
        let dir = tempfile::tempdir().expect("a directory");
        let scratch = Scratch::open(dir.path().join("tmp")).expect("opens");
        let first = scratch.enter().expect("enters");
        let second = scratch.enter().expect("enters");
        assert!(scratch.alone().expect("answers").is_none());
        drop((first, second));
        let alone = scratch.alone().expect("answers").expect("nobody else");
        assert!(scratch.alone().expect("answers").is_none());
        drop(alone);
    }
}
