//! What can go wrong on a site.

use std::io;
use std::path::PathBuf;

use windlass_core::digest::Digest;
use windlass_core::path::{InvalidPath, RelativePath};
use windlass_core::release::ReleaseId;

use super::{Conflict, Owner};

/// Why a site could not be read or changed.
#[derive(Debug, thiserror::Error)]
pub enum SiteError {
    /// `config_path` is no path below the root.
    #[error("config_path is not a path below the root of the target")]
    ConfigPath(#[source] InvalidPath),
    /// The system refused.
    #[error("cannot {action} {}", path.display())]
    Io {
        /// What was tried, such as `write`.
        action: &'static str,
        /// On which file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A directory on the way is a symbolic link.
    #[error("{} is a symbolic link where a directory belongs, and is not followed", .0.display())]
    LinkedDirectory(PathBuf),
    /// A directory on the way is something else.
    #[error("{} is not a directory", .0.display())]
    NotADirectory(PathBuf),
    /// A directory is where a file belongs.
    #[error("{} is a directory where a file belongs", .0.display())]
    IsADirectory(PathBuf),
    /// Files that Windlass did not put there are where the release needs to be.
    #[error("{}", in_the_way(config, conflicts))]
    Conflicts {
        /// The directory of the files.
        config: PathBuf,
        /// All that is in the way; at least one.
        conflicts: Vec<Conflict>,
    },
    /// Another process is changing the site.
    #[error("{} is held by another process that is changing this target", .0.display())]
    Busy(PathBuf),
    /// Somebody else manages the site.
    #[error("{} is managed by {theirs}, not by {ours}", config.display())]
    Owned {
        /// The directory of the files.
        config: PathBuf,
        /// Who manages it.
        theirs: Owner,
        /// Who wanted to.
        ours: Owner,
    },
    /// The same release was staged here with other files: two targets share the directory.
    #[error(
        "release {release} is already in {} with other files: two targets share this directory",
        config.display()
    )]
    Shared {
        /// The directory of the files.
        config: PathBuf,
        /// The first digits of the release.
        release: String,
    },
    /// The release is not on the site.
    #[error("release {} is not staged in {}", release.short(), config.display())]
    NotStaged {
        /// The directory of the files.
        config: PathBuf,
        /// The release.
        release: ReleaseId,
    },
    /// An activation was interrupted and has to be recovered first.
    #[error("an interrupted activation has to be recovered first: {}", .0.display())]
    Interrupted(PathBuf),
    /// A file of Windlass's own is not what Windlass wrote.
    #[error("{} is damaged ({reason}); nothing was changed", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// A file of Windlass's own was written by a newer version.
    #[error(
        "{} has schema {schema}, and this version knows {known} at most: use a newer windlass",
        path.display()
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its schema.
        schema: u32,
        /// The newest known schema.
        known: u32,
    },
    /// What is to be on no disk would be on one.
    #[error(
        "{} is not on a file system in memory (tmpfs or ramfs), where files with `runtime = true` \
         belong; nothing was changed",
        .0.display()
    )]
    NotInMemory(PathBuf),
    /// There is no place for what is to be on no disk.
    #[error(
        "{} does not exist, and files with `runtime = true` need a file system in memory there; \
         nothing was changed",
        .0.display()
    )]
    NoMemory(PathBuf),
    /// Others could replace what is kept in memory.
    #[error(
        "{} belongs to another user or can be written by others, so no secret is put there",
        .0.display()
    )]
    NotPrivate(PathBuf),
    /// The content of a file could not be read.
    #[error("cannot read the content of {file}")]
    Blob {
        /// The file, below `config_path`.
        file: RelativePath,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The content of a file is not what its release says.
    #[error(
        "the content of {file} is not that of its release: expected {expected_size} bytes \
         with digest {}, got {actual_size} bytes with digest {}",
        expected.short(),
        actual.short()
    )]
    Content {
        /// The file, below `config_path`.
        file: RelativePath,
        /// The bytes that it should have.
        expected_size: u64,
        /// The bytes that it has, or one more than expected where reading stopped.
        actual_size: u64,
        /// The digest that it should have.
        expected: Digest,
        /// The digest of what was read.
        actual: Digest,
    },
    /// An activation failed and could not be taken back either; the journal says what is left to do.
    #[error("activation failed ({failure}), and the earlier release could not be restored")]
    Stuck {
        /// Why the activation failed.
        failure: Box<SiteError>,
        /// Why it could not be taken back.
        #[source]
        source: Box<SiteError>,
    },
}

impl SiteError {
    /// Returns a closure that makes an [`SiteError::Io`], for `map_err`.
    pub(super) fn io<E: Into<io::Error>>(
        action: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(E) -> Self {
        let path = path.into();
        move |source| Self::Io { action, path, source: source.into() }
    }

    /// Returns the error of an activation that failed and could not be taken back.
    pub(super) fn stuck(failure: Self, source: Self) -> Self {
        Self::Stuck { failure: Box::new(failure), source: Box::new(source) }
    }

    /// Tells whether a directory on the way turned out to be something else.
    pub(super) fn is_not_a_directory(&self) -> bool {
        matches!(self, Self::LinkedDirectory(_) | Self::NotADirectory(_))
    }
}

fn in_the_way(config: &std::path::Path, conflicts: &[Conflict]) -> String {
    let Some(first) = conflicts.first() else {
        return format!("something is in the way in {}", config.display());
    };
    let more = match conflicts.len() {
        1 => String::new(),
        n => format!(", and {} more in the way", n - 1),
    };
    format!("{}/{first}{more}", config.display())
}
