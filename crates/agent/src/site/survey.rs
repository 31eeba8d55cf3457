//! What a host is like where a site is, for whoever wants to know before deploying to it.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::fs::{Access, StatVfsMountFlags, access, statvfs};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::{Site, place};

/// What a host is like where a site is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Survey {
    /// The version of the agent, such as `0.1.0`.
    pub version: String,
    /// The kind of machine, as `uname -m` prints it.
    pub machine: String,
    /// The id of the user that the work is done as.
    pub uid: u32,
    /// What the kernel calls the time since it started, where it tells.
    pub boot_id: Option<String>,
    /// The time of day there, in milliseconds since 1970-01-01 00:00 UTC.
    pub clock_ms: i64,
    /// The directory that was looked at: that of the site, or the nearest above it that is there.
    pub directory: PathBuf,
    /// What is free there, where the file system tells.
    pub space: Option<Space>,
    /// What a deployment would not get past, in words.
    pub problems: Vec<String>,
}

/// What is free on a file system, for the user that the work is done as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Space {
    /// Bytes that can be written.
    pub free_bytes: u64,
    /// Bytes in all.
    pub total_bytes: u64,
    /// Files that can be made.
    pub free_inodes: u64,
    /// Files in all; 0 where the file system does not count them.
    pub total_inodes: u64,
}

/// The fewest bytes that a release takes: a block for its manifest, one for its record, its links.
const LEAST_BYTES: u64 = 64 << 10;

/// The fewest files that a release takes: directories, its manifest, the journal, a link and a file.
const LEAST_INODES: u64 = 16;

impl Site {
    /// Returns what the host is like where the site is. It changes nothing.
    #[must_use]
    pub fn survey(&self) -> Survey {
        let config = self.config_dir();
        let directory = config.ancestors().find(|path| path.is_dir()).unwrap_or(Path::new("/"));
        let mut problems = Vec::new();
        problems.extend(not_writable(directory));
        let space = space(directory);
        problems.extend(space.as_ref().and_then(|space| space.too_little(directory)));
        Survey {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            machine: rustix::system::uname().machine().to_string_lossy().into_owned(),
            uid: rustix::process::geteuid().as_raw(),
            boot_id: place::boot_id(),
            clock_ms: now(),
            directory: directory.to_owned(),
            space,
            problems,
        }
    }
}

impl Space {
    fn too_little(self, directory: &Path) -> Option<String> {
        let directory = directory.display();
        if self.free_bytes < LEAST_BYTES {
            return Some(format!("{directory} has only {} bytes left", self.free_bytes));
        }
        let counted = self.total_inodes > 0;
        (counted && self.free_inodes < LEAST_INODES)
            .then(|| format!("{directory} has room for only {} more files", self.free_inodes))
    }
}

fn not_writable(directory: &Path) -> Option<String> {
    let shown = directory.display();
    match access(directory, Access::WRITE_OK | Access::EXEC_OK) {
        Ok(()) => None,
        Err(Errno::ROFS) => Some(format!("{shown} is on a file system that is mounted read-only")),
        Err(Errno::ACCESS) => Some(format!(
            "{shown} cannot be written by the user that the work is done as: log in as another, or use \
             `become`"
        )),
        Err(errno) => Some(format!("{shown} cannot be written: {errno}")),
    }
}

fn space(directory: &Path) -> Option<Space> {
    let seen = statvfs(directory).ok()?;
    // Nothing is free for whoever may not write.
    let free = |count| if seen.f_flag.contains(StatVfsMountFlags::RDONLY) { 0 } else { count };
    Some(Space {
        free_bytes: free(seen.f_bavail.saturating_mul(seen.f_frsize)),
        total_bytes: seen.f_blocks.saturating_mul(seen.f_frsize),
        free_inodes: free(seen.f_favail),
        total_inodes: seen.f_files,
    })
}

/// Returns the time of day, before 1970 too.
fn now() -> i64 {
    let milliseconds = |duration: std::time::Duration| i64::try_from(duration.as_millis());
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(after) => milliseconds(after).unwrap_or(i64::MAX),
        Err(before) => milliseconds(before.duration()).map_or(i64::MIN, |before| -before),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn survey(root: &Path) -> Survey {
        Site::new(root, "/etc/app").expect("a place").survey()
    }

    #[test]
    fn the_nearest_directory_that_is_there_is_looked_at() {
        let temp = tempfile::tempdir().expect("a directory");
        let seen = survey(temp.path());
        assert_eq!(seen.directory, temp.path());
        assert!(seen.problems.is_empty(), "{:?}", seen.problems);
        let space = seen.space.expect("a file system");
        assert!(space.free_bytes > 0 && space.free_bytes <= space.total_bytes);
        fs::create_dir_all(temp.path().join("etc/app")).expect("made");
        assert_eq!(survey(temp.path()).directory, temp.path().join("etc/app"));
        assert!(!temp.path().join("etc/app/.windlass").exists());
        assert!(seen.clock_ms > 1_700_000_000_000);
    }

    #[test]
    fn what_cannot_be_written_is_a_problem() {
        let problem = not_writable(Path::new("/nonexistent")).expect("not there");
        assert!(problem.starts_with("/nonexistent cannot be written: "), "{problem}");
    }

    #[test]
    fn too_little_space_is_a_problem() {
        let space =
            Space { free_bytes: 1 << 30, total_bytes: 1 << 30, free_inodes: 0, total_inodes: 0 };
        let said = |space: Space| space.too_little(Path::new("/srv"));
        assert_eq!(said(space), None);
        let said_bytes = said(Space { free_bytes: 4096, ..space }).expect("full");
        assert_eq!(said_bytes, "/srv has only 4096 bytes left");
        let inodes = said(Space { total_inodes: 64, free_inodes: 3, ..space }).expect("full");
        assert_eq!(inodes, "/srv has room for only 3 more files");
    }
}
