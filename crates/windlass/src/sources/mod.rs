//! Project files, read without leaving the project.
//!
//! Every path is walked component by component from the open project directory, and links are
//! followed by hand, so that there is no moment between the check of a path and its use: what was
//! judged is what is open. A link may point anywhere inside the project, and nowhere else.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::{self, Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::fs::{Mode, OFlags};
use windlass_core::path::RelativePath;

mod error;
mod list;
mod walk;

pub use error::{SourceError, SourceErrorKind};

use walk::{Found, Walk};

/// The largest file that [`Sources::read`] takes unless told otherwise: 64 MiB.
pub const READ_LIMIT: u64 = 64 * 1024 * 1024;

/// How many directories are held open to find the next file faster.
const HELD: usize = 256;

/// The files of one project, for one run: directories stay open, so that one that is replaced in
/// the meantime is not noticed.
#[derive(Debug)]
pub struct Sources {
    root: Directory,
    /// The names of the root: as given, and without links. An absolute link may use either.
    roots: Vec<PathBuf>,
    read_limit: u64,
    held: Mutex<HashMap<String, Directory>>,
}

/// A directory of the project, held open.
#[derive(Debug, Clone)]
struct Directory {
    /// Its path below the root, without links; empty for the root.
    path: String,
    fd: Arc<OwnedFd>,
}

/// A regular file of the project, open for reading.
#[derive(Debug)]
pub struct SourceFile {
    /// The open file.
    pub file: File,
    /// Its size in bytes when it was opened.
    pub size: u64,
    /// Whether its owner may execute it.
    pub mode_is_executable: bool,
    /// Its path below the project, without links: equal for two names of one file.
    pub path: String,
}

impl Sources {
    /// Returns the files of the project at `project_root`.
    ///
    /// # Errors
    /// When it cannot be opened as a directory.
    pub fn open(project_root: &Path) -> io::Result<Self> {
        let real = project_root.canonicalize()?;
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = rustix::fs::open(&real, flags, Mode::empty())?;
        let mut roots = vec![path::absolute(project_root)?, real];
        roots.dedup();
        let root = Directory { path: String::new(), fd: Arc::new(fd) };
        Ok(Self { root, roots, read_limit: READ_LIMIT, held: Mutex::default() })
    }

    /// Changes how many bytes [`Sources::read`] takes at most.
    #[must_use]
    pub fn with_read_limit(mut self, bytes: u64) -> Self {
        self.read_limit = bytes;
        self
    }

    /// Opens the regular file at `relative`, below the project. It never blocks.
    ///
    /// # Errors
    /// [`SourceError`] when the path leaves the project, by itself or through a link, or when there
    /// is no regular file.
    pub fn open_file(&self, relative: &str) -> Result<SourceFile, SourceError> {
        let relative = checked(relative)?;
        match Walk::new(self, relative).find(relative)? {
            Found::File(file) => Ok(file),
            Found::Directory(_) => Err(SourceError::is_directory(relative)),
        }
    }

    /// Returns what is in the regular file at `relative`.
    ///
    /// # Errors
    /// As [`Sources::open_file`], and when the file is larger than the limit.
    pub fn read(&self, relative: &str) -> Result<Vec<u8>, SourceError> {
        self.read_opened(relative, self.open_file(relative)?)
    }

    /// Returns what is in `source`, which was opened as `relative`.
    ///
    /// # Errors
    /// When it cannot be read, or is larger than the limit.
    pub fn read_opened(&self, relative: &str, source: SourceFile) -> Result<Vec<u8>, SourceError> {
        if source.size > self.read_limit {
            return Err(SourceError::too_large(relative, self.read_limit));
        }
        // The size fits: it is at most the limit, or the limit is what memory can hold.
        let mut bytes = Vec::with_capacity(usize::try_from(source.size).unwrap_or(0) + 1);
        // It may grow while it is read.
        let mut capped = source.file.take(self.read_limit.saturating_add(1));
        capped.read_to_end(&mut bytes).map_err(|cause| SourceError::read(relative, cause))?;
        if bytes.len() as u64 > self.read_limit {
            return Err(SourceError::too_large(relative, self.read_limit));
        }
        Ok(bytes)
    }

    /// Returns the files below the directory at `relative`, at any depth, hidden ones too, as paths
    /// below that directory in the order of their bytes. A link counts as what it points to.
    ///
    /// # Errors
    /// [`SourceError`] when it is no directory, when anything in it is neither file nor directory,
    /// leaves the project, has a name that cannot be a target's, or when there is too much of it:
    /// 64 levels and 100,000 entries are the most.
    pub fn list_directory(&self, relative: &str) -> Result<Vec<String>, SourceError> {
        let relative = checked(relative.strip_suffix('/').unwrap_or(relative))?;
        match Walk::new(self, relative).find(relative)? {
            Found::File(_) => Err(SourceError::not_a_directory(relative)),
            Found::Directory(stack) => list::files_below(self, relative, &stack),
        }
    }

    fn held(&self, path: &str) -> Option<Directory> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    fn hold(&self, directory: &Directory) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if held.len() < HELD {
            held.insert(directory.path.clone(), directory.clone());
        }
    }
}

/// Returns `path`, without `./` in front, if it is a path that cannot leave by itself.
fn checked(path: &str) -> Result<&str, SourceError> {
    let bare = path.strip_prefix("./").unwrap_or(path);
    RelativePath::new(bare).map(|_| bare).map_err(SourceError::invalid)
}

#[cfg(test)]
mod tests;
