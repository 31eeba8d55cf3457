//! Why an archive is refused.

use std::io;

use windlass_core::path::{InvalidPath, RelativePath};

/// Why an archive is refused. Names from the archive are shown quoted.
#[derive(Debug, thiserror::Error)]
pub enum ArtifactError {
    /// The archive could not be read.
    #[error("cannot read the archive")]
    Read(#[source] io::Error),
    /// What was compressed is damaged, or something else follows it.
    #[error("the archive cannot be decompressed")]
    Compression(#[source] io::Error),
    /// It is no tar archive, or a header is damaged.
    #[error("the archive is not a sound tar archive")]
    Malformed(#[source] io::Error),
    /// It ends too early.
    #[error("the archive is truncated")]
    Truncated,
    /// Something follows its end.
    #[error("the archive has data after its end")]
    TrailingData,
    /// The name of an entry is no path below the release.
    #[error("the archive has an entry with a name that is refused")]
    Path(#[source] InvalidPath),
    /// The name of an entry is not UTF-8.
    #[error("the archive has an entry whose name is not UTF-8: {0:?}")]
    NotUtf8(String),
    /// An entry is something that a release cannot hold.
    #[error("archive entry {path:?} is {what}: a release holds regular files only")]
    Unsupported {
        /// The name of the entry.
        path: String,
        /// What it is, with its article.
        what: String,
    },
    /// A file would run with rights of its own.
    #[error("archive entry {path:?} has {what}, which a release does not carry")]
    Privileged {
        /// The name of the entry.
        path: String,
        /// The bits or the attribute.
        what: String,
    },
    /// The headers of an entry say different things, or nonsense.
    #[error("archive entry {path:?} is ambiguous: {what}")]
    Ambiguous {
        /// The name of the entry, as far as it is known.
        path: String,
        /// What does not fit together.
        what: String,
    },
    /// The same path twice, or a file where another needs a directory.
    #[error("archive entry {path} comes twice, or as a file and as a directory")]
    Conflict {
        /// The path.
        path: RelativePath,
    },
    /// It has too many entries.
    #[error("the archive has more than {limit} entries")]
    TooManyFiles {
        /// The limit.
        limit: u64,
    },
    /// One file is too large.
    #[error("archive entry {path} has {size} bytes, more than the limit of {limit}")]
    FileTooLarge {
        /// Its path.
        path: RelativePath,
        /// Its size.
        size: u64,
        /// The limit.
        limit: u64,
    },
    /// All of it is too large.
    #[error("the archive has more than {limit} bytes when decompressed")]
    TooLarge {
        /// The limit.
        limit: u64,
    },
    /// It grows so much that it is more likely an attack than an artifact.
    #[error("the archive becomes more than {limit} times as large when decompressed")]
    Bomb {
        /// The limit.
        limit: u64,
    },
    /// Whoever takes the files failed.
    #[error("cannot take archive entry {path}")]
    Visit {
        /// The file.
        path: RelativePath,
        /// The error.
        #[source]
        source: io::Error,
    },
}

impl ArtifactError {
    pub(super) fn unsupported(path: &str, what: impl Into<String>) -> Self {
        Self::Unsupported { path: path.to_owned(), what: what.into() }
    }

    pub(super) fn ambiguous(path: &str, what: impl Into<String>) -> Self {
        Self::Ambiguous { path: path.to_owned(), what: what.into() }
    }

    pub(super) fn privileged(path: &str, what: impl Into<String>) -> Self {
        Self::Privileged { path: path.to_owned(), what: what.into() }
    }
}
