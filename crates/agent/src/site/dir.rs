//! Directories as handles: nothing below the root is reached through a link.

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{self, Access, AtFlags, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;
use windlass_core::path::RelativePath;

use super::SiteError;
use super::preflight::Found;

/// An open directory. `path` serves messages only.
#[derive(Debug)]
pub(super) struct Dir {
    fd: OwnedFd,
    path: PathBuf,
}

const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Readers must be able to pass through, whatever the umask.
const TRAVERSABLE: Mode = Mode::from_raw_mode(0o755);

impl Dir {
    /// Returns the directory at `path`, following links: the operator named it.
    pub(super) fn root(path: &Path) -> Result<Option<Self>, SiteError> {
        match fs::open(path, DIRECTORY.difference(OFlags::NOFOLLOW), Mode::empty()) {
            Ok(fd) => Ok(Some(Self { fd, path: path.to_owned() })),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::NOTDIR) => Err(SiteError::NotADirectory(path.to_owned())),
            Err(errno) => Err(SiteError::io("open", path)(errno)),
        }
    }

    /// Returns the path of the directory, for messages.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the path of `name` in it, for messages.
    pub(super) fn at(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Returns a second handle on the same directory.
    pub(super) fn again(&self) -> Result<Self, SiteError> {
        let fd = self.fd.try_clone().map_err(SiteError::io("open", &self.path))?;
        Ok(Self { fd, path: self.path.clone() })
    }

    /// Returns the directory `name` in it, or nothing where there is nothing of that name.
    pub(super) fn child(&self, name: &str) -> Result<Option<Self>, SiteError> {
        match fs::openat(&self.fd, name, DIRECTORY, Mode::empty()) {
            Ok(fd) => Ok(Some(Self { fd, path: self.at(name) })),
            Err(Errno::NOENT) => Ok(None),
            Err(Errno::NOTDIR | Errno::LOOP) => Err(self.no_directory(name)),
            Err(errno) => Err(SiteError::io("open", self.at(name))(errno)),
        }
    }

    fn no_directory(&self, name: &str) -> SiteError {
        match self.look(name) {
            Ok(Some(Found::Link(_))) => SiteError::LinkedDirectory(self.at(name)),
            _ => SiteError::NotADirectory(self.at(name)),
        }
    }

    /// Returns the directory `name` in it, made if it was missing, and whether it was made.
    pub(super) fn ensure_child(&self, name: &str) -> Result<(Self, bool), SiteError> {
        self.ensure_child_as(name, TRAVERSABLE)
    }

    /// As [`Dir::ensure_child`], with `mode` for one that is made.
    pub(super) fn ensure_child_as(
        &self,
        name: &str,
        mode: Mode,
    ) -> Result<(Self, bool), SiteError> {
        if let Some(child) = self.child(name)? {
            return Ok((child, false));
        }
        let made = match fs::mkdirat(&self.fd, name, mode) {
            Ok(()) => true,
            Err(Errno::EXIST) => false,
            Err(errno) => return Err(SiteError::io("create directory", self.at(name))(errno)),
        };
        let child = self.child(name)?.ok_or_else(|| self.vanished(name))?;
        if made {
            fs::fchmod(&child.fd, mode).map_err(SiteError::io("set mode of", &child.path))?;
        }
        Ok((child, made))
    }

    fn vanished(&self, name: &str) -> SiteError {
        SiteError::io("open", self.at(name))(Errno::NOENT)
    }

    /// Returns the directory at `path` below it (or itself), or nothing where there is none.
    pub(super) fn descend(&self, path: Option<&RelativePath>) -> Result<Option<Self>, SiteError> {
        let mut at = self.again()?;
        for name in path.into_iter().flat_map(RelativePath::components) {
            match at.child(name)? {
                Some(child) => at = child,
                None => return Ok(None),
            }
        }
        Ok(Some(at))
    }

    /// Returns what `name` is in it, not following a link.
    pub(super) fn look(&self, name: &str) -> Result<Option<Found>, SiteError> {
        let stat = match fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => stat,
            Err(Errno::NOENT) => return Ok(None),
            Err(errno) => return Err(SiteError::io("look at", self.at(name))(errno)),
        };
        Ok(Some(match FileType::from_raw_mode(stat.st_mode) {
            FileType::RegularFile => Found::File,
            FileType::Directory => Found::Directory,
            FileType::Symlink => Found::Link(self.link(name)?.unwrap_or_default()),
            _ => Found::Special,
        }))
    }

    /// Returns where the link `name` leads, or nothing where it is missing or no link.
    pub(super) fn link(&self, name: &str) -> Result<Option<String>, SiteError> {
        match fs::readlinkat(&self.fd, name, Vec::new()) {
            Ok(target) => Ok(Some(target.to_string_lossy().into_owned())),
            Err(Errno::NOENT | Errno::INVAL) => Ok(None),
            Err(errno) => Err(SiteError::io("read link", self.at(name))(errno)),
        }
    }

    /// Returns the file `name` opened for reading, or nothing where it is missing. A link is an
    /// error; a pipe does not block.
    pub(super) fn open_file(&self, name: &str) -> Result<Option<File>, SiteError> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY;
        match fs::openat(&self.fd, name, flags | OFlags::CLOEXEC, Mode::empty()) {
            Ok(fd) => Ok(Some(File::from(fd))),
            Err(Errno::NOENT) => Ok(None),
            Err(errno) => Err(SiteError::io("open", self.at(name))(errno)),
        }
    }

    /// Returns the new file `name`, which nobody else can read yet.
    pub(super) fn create_file(&self, name: &str) -> Result<File, SiteError> {
        self.create(name, OFlags::WRONLY)
    }

    /// As [`Dir::create_file`], for reading too.
    pub(super) fn create_scratch(&self, name: &str) -> Result<File, SiteError> {
        self.create(name, OFlags::RDWR)
    }

    fn create(&self, name: &str, access: OFlags) -> Result<File, SiteError> {
        let flags = access | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW;
        fs::openat(&self.fd, name, flags | OFlags::CLOEXEC, Mode::from_raw_mode(0o600))
            .map(File::from)
            .map_err(SiteError::io("create", self.at(name)))
    }

    /// Returns the file `name`, made if it was missing, opened for locking.
    pub(super) fn open_lock(&self, name: &str) -> Result<File, SiteError> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK;
        fs::openat(&self.fd, name, flags | OFlags::CLOEXEC, Mode::from_raw_mode(0o600))
            .map(File::from)
            .map_err(SiteError::io("open", self.at(name)))
    }

    /// Makes the link `name`, which must not exist.
    pub(super) fn make_link(&self, name: &str, target: &str) -> io::Result<()> {
        Ok(fs::symlinkat(target, &self.fd, name)?)
    }

    /// Puts `name` of this directory at `new` in `to`, replacing a file or a link there.
    pub(super) fn rename(&self, name: &str, to: &Self, new: &str) -> Result<(), SiteError> {
        match fs::renameat(&self.fd, name, &to.fd, new) {
            Ok(()) => Ok(()),
            Err(Errno::ISDIR) => Err(SiteError::IsADirectory(to.at(new))),
            Err(errno) => Err(SiteError::io("replace", to.at(new))(errno)),
        }
    }

    /// Removes the file or link `name`; tells whether there was one.
    pub(super) fn unlink(&self, name: &str) -> Result<bool, SiteError> {
        match fs::unlinkat(&self.fd, name, AtFlags::empty()) {
            Ok(()) => Ok(true),
            Err(Errno::NOENT) => Ok(false),
            Err(errno) => Err(SiteError::io("remove", self.at(name))(errno)),
        }
    }

    /// Removes the directory `name` if it is one and empty; tells whether it did.
    pub(super) fn remove_empty(&self, name: &str) -> Result<bool, SiteError> {
        match fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR) {
            Ok(()) => Ok(true),
            // BUSY: somebody mounted something there; then it is no longer ours.
            Err(Errno::NOENT | Errno::NOTEMPTY | Errno::EXIST | Errno::NOTDIR | Errno::BUSY) => {
                Ok(false)
            }
            Err(errno) => Err(SiteError::io("remove directory", self.at(name))(errno)),
        }
    }

    /// Removes `name` and everything below it, following no link.
    pub(super) fn remove_all(&self, name: &str) -> Result<(), SiteError> {
        match self.look(name)? {
            None => Ok(()),
            Some(Found::Directory) => {
                if let Some(child) = self.child(name)? {
                    for inner in child.names()? {
                        child.remove_all_raw(&inner)?;
                    }
                }
                match fs::unlinkat(&self.fd, name, AtFlags::REMOVEDIR) {
                    Ok(()) | Err(Errno::NOENT) => Ok(()),
                    Err(errno) => Err(SiteError::io("remove directory", self.at(name))(errno)),
                }
            }
            Some(_) => self.unlink(name).map(drop),
        }
    }

    /// As [`Dir::remove_all`], for names that need not be UTF-8.
    pub(super) fn remove_all_raw(&self, name: &CStr) -> Result<(), SiteError> {
        if let Ok(name) = name.to_str() {
            return self.remove_all(name);
        }
        let shown = self.at(&name.to_string_lossy());
        fs::unlinkat(&self.fd, name, AtFlags::empty()).map_err(SiteError::io("remove", shown))
    }

    /// Returns the names in it, without `.` and `..`, in no particular order.
    pub(super) fn names(&self) -> Result<Vec<CString>, SiteError> {
        let fd = fs::openat(&self.fd, c".", DIRECTORY, Mode::empty())
            .map_err(SiteError::io("list", &self.path))?;
        let mut buffer = [MaybeUninit::uninit(); 8192];
        let mut entries = RawDir::new(&fd, &mut buffer);
        let mut names = Vec::new();
        while let Some(entry) = entries.next() {
            let entry = entry.map_err(SiteError::io("list", &self.path))?;
            if entry.file_name() != c"." && entry.file_name() != c".." {
                names.push(entry.file_name().to_owned());
            }
        }
        Ok(names)
    }

    /// Checks that names can be added to it and removed from it.
    ///
    /// # Errors
    /// Names the directory when they cannot.
    pub(super) fn check_writable(&self) -> Result<(), SiteError> {
        fs::accessat(&self.fd, c".", Access::WRITE_OK | Access::EXEC_OK, AtFlags::empty())
            .map_err(SiteError::io("write to", &self.path))
    }

    /// Makes its names durable.
    pub(super) fn sync(&self) -> Result<(), SiteError> {
        fs::fsync(&self.fd).map_err(SiteError::io("sync", &self.path))
    }

    /// Makes everything on its file system durable: one call where there would be many.
    pub(super) fn sync_file_system(&self) -> Result<(), SiteError> {
        fs::syncfs(&self.fd).map_err(SiteError::io("sync", &self.path))
    }
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// The directories below a base, one open at a time: paths in order mostly share their parents.
pub(super) struct Cursor<'a> {
    base: &'a Dir,
    at: Option<(RelativePath, Option<Dir>)>,
}

impl<'a> Cursor<'a> {
    /// Returns a cursor at `base`.
    pub(super) fn new(base: &'a Dir) -> Self {
        Self { base, at: None }
    }

    /// Returns the directory at `path` below the base, or nothing where there is none.
    pub(super) fn open(&mut self, path: Option<&RelativePath>) -> Result<Option<&Dir>, SiteError> {
        let Some(path) = path else { return Ok(Some(self.base)) };
        if self.at.as_ref().is_none_or(|(at, _)| at != path) {
            self.at = None;
            self.at = Some((path.clone(), self.base.descend(Some(path))?));
        }
        Ok(self.at.as_ref().and_then(|(_, dir)| dir.as_ref()))
    }

    /// Returns the directory that holds `path`, or nothing where there is none.
    pub(super) fn holding(&mut self, path: &RelativePath) -> Result<Option<&Dir>, SiteError> {
        self.open(path.parent().as_ref())
    }

    /// As [`Cursor::holding`], and nothing too where something else is in the place of a directory.
    pub(super) fn holding_if_any(
        &mut self,
        path: &RelativePath,
    ) -> Result<Option<&Dir>, SiteError> {
        match self.open(path.parent().as_ref()) {
            Err(error) if error.is_not_a_directory() => Ok(None),
            other => other,
        }
    }

    /// As [`Cursor::holding`], where there must be one.
    pub(super) fn existing(&mut self, path: &RelativePath) -> Result<&Dir, SiteError> {
        let missing = self.base.at(path.parent().as_ref().map_or("", RelativePath::as_str));
        self.holding(path)?.ok_or_else(|| SiteError::io("open", missing)(Errno::NOENT))
    }

    /// Forgets what it has open, because directories were made or removed.
    pub(super) fn forget(&mut self) {
        self.at = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::tests::scratch;

    #[test]
    fn a_link_on_the_way_is_refused_and_named() {
        let temp = scratch();
        std::fs::create_dir(temp.path().join("real")).expect("made");
        std::os::unix::fs::symlink("real", temp.path().join("link")).expect("made");
        std::fs::write(temp.path().join("file"), "x").expect("written");
        let dir = Dir::root(temp.path()).expect("opens").expect("exists");
        assert!(dir.child("real").expect("opens").is_some());
        let refused = dir.child("link").expect_err("a link");
        assert!(matches!(refused, SiteError::LinkedDirectory(path) if path.ends_with("link")));
        assert!(matches!(dir.child("file"), Err(SiteError::NotADirectory(_))));
        assert!(dir.child("none").expect("no error").is_none());
    }

    #[test]
    fn removing_a_tree_follows_no_link() {
        let temp = scratch();
        std::fs::create_dir_all(temp.path().join("tree/deep")).expect("made");
        std::fs::create_dir(temp.path().join("other")).expect("made");
        std::fs::write(temp.path().join("other/kept"), "x").expect("written");
        std::os::unix::fs::symlink("../../other", temp.path().join("tree/deep/link"))
            .expect("made");
        let dir = Dir::root(temp.path()).expect("opens").expect("exists");
        dir.remove_all("tree").expect("removed");
        assert!(!temp.path().join("tree").exists());
        assert!(temp.path().join("other/kept").exists());
    }

    #[test]
    fn directories_are_traversable_whatever_the_umask() {
        use std::os::unix::fs::PermissionsExt;
        let temp = scratch();
        let dir = Dir::root(temp.path()).expect("opens").expect("exists");
        let (_, made) = dir.ensure_child("new").expect("made");
        assert!(made && !dir.ensure_child("new").expect("there").1);
        let mode = temp.path().join("new").metadata().expect("exists").permissions().mode();
        assert_eq!(mode & 0o7777, 0o755);
    }
}
