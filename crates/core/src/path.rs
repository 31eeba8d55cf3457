//! Paths that cannot leave the directory they are relative to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// The directory in which Windlass keeps what it needs on a target; no release may write there.
pub const RESERVED: &str = ".windlass";

/// A path below some root: UTF-8, `/`-separated, without `.` or `..` components, without control
/// characters, each component at most 255 bytes, 1,024 bytes in all.
///
/// Joining it to a directory stays in that directory as long as no component is a symbolic link;
/// whoever opens it checks that.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct RelativePath(String);

/// Why a text is not a [`RelativePath`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPath {
    /// Nothing, or nothing between two slashes.
    #[error("path {0:?} has an empty component")]
    EmptyComponent(String),
    /// It starts at the root.
    #[error("path {0:?} is absolute where a relative one belongs")]
    Absolute(String),
    /// It is a URL.
    #[error("path {0:?} is a URL where a relative path belongs")]
    Url(String),
    /// It has a `.` or `..` component.
    #[error("path {0:?} may not contain `.` or `..`")]
    Dots(String),
    /// It holds a NUL, a newline or another control character.
    #[error("path {0:?} contains a control character")]
    Control(String),
    /// A component or the whole is longer than file systems take.
    #[error(
        "path {path:?} is too long: a component has {longest} bytes (255 at most), the whole {whole} (1024 at most)"
    )]
    TooLong {
        /// The path, cut to 64 characters.
        path: String,
        /// Bytes in the longest component.
        longest: usize,
        /// Bytes in all.
        whole: usize,
    },
    /// It is where Windlass keeps its own state.
    #[error("path {0:?} is reserved: windlass keeps its own state in {RESERVED}")]
    Reserved(String),
}

impl RelativePath {
    /// Checks `text` and returns it as a path.
    ///
    /// # Errors
    /// [`InvalidPath`] says which rule it breaks.
    pub fn new(text: impl Into<String>) -> Result<Self, InvalidPath> {
        let text = text.into();
        check(&text)?;
        Ok(Self(text))
    }

    /// Returns the path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the components, outermost first; there is at least one.
    pub fn components(&self) -> impl DoubleEndedIterator<Item = &str> {
        self.0.split('/')
    }

    /// Returns the last component.
    #[must_use]
    pub fn file_name(&self) -> &str {
        self.components().next_back().expect("a path has at least one component")
    }

    /// Returns the directory that holds it, or nothing at the top.
    #[must_use]
    pub fn parent(&self) -> Option<RelativePath> {
        self.0.rsplit_once('/').map(|(parent, _)| Self(parent.to_owned()))
    }

    /// Returns every directory above it, outermost first.
    pub fn ancestors(&self) -> impl Iterator<Item = RelativePath> {
        self.0.match_indices('/').map(|(at, _)| Self(self.0[..at].to_owned()))
    }

    /// Returns `other` below this path.
    ///
    /// # Errors
    /// When the two together are too long.
    pub fn join(&self, other: &RelativePath) -> Result<RelativePath, InvalidPath> {
        Self::new(format!("{}/{}", self.0, other.0))
    }
}

fn check(text: &str) -> Result<(), InvalidPath> {
    let shown = || text.chars().take(64).collect::<String>();
    if text.contains("://") {
        return Err(InvalidPath::Url(shown()));
    }
    if text.starts_with('/') {
        return Err(InvalidPath::Absolute(shown()));
    }
    if text.chars().any(char::is_control) {
        return Err(InvalidPath::Control(shown()));
    }
    if text.split('/').any(str::is_empty) {
        return Err(InvalidPath::EmptyComponent(shown()));
    }
    if text.split('/').any(|part| part == "." || part == "..") {
        return Err(InvalidPath::Dots(shown()));
    }
    let longest = text.split('/').map(str::len).max().unwrap_or(0);
    if longest > 255 || text.len() > 1024 {
        return Err(InvalidPath::TooLong { path: shown(), longest, whole: text.len() });
    }
    if text.split('/').any(|part| part == RESERVED) {
        return Err(InvalidPath::Reserved(shown()));
    }
    Ok(())
}

impl fmt::Display for RelativePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for RelativePath {
    type Err = InvalidPath;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::new(text)
    }
}

impl<'de> Deserialize<'de> for RelativePath {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::new(text).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_ordinary_paths_exactly() {
        for text in ["a", "conf.d/a b.conf", "..a/b..", "ünï/コード", "-rf", "a\\b"] {
            assert_eq!(RelativePath::new(text).map(|p| p.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn refuses_what_could_leave_or_confuse() {
        use InvalidPath as E;
        let refused = |text: &str| RelativePath::new(text).expect_err(text);
        assert!(matches!(refused("../../etc/x"), E::Dots(_)));
        assert!(matches!(refused("a/./b"), E::Dots(_)));
        assert!(matches!(refused("/etc/passwd"), E::Absolute(_)));
        assert!(matches!(refused("https://x/y"), E::Url(_)));
        assert!(matches!(refused("a\nb"), E::Control(_)));
        assert!(matches!(refused("a\0b"), E::Control(_)));
        assert!(matches!(refused(""), E::EmptyComponent(_)));
        assert!(matches!(refused("a//b"), E::EmptyComponent(_)));
        assert!(matches!(refused("a/"), E::EmptyComponent(_)));
        assert!(matches!(refused(&"x".repeat(256)), E::TooLong { longest: 256, .. }));
        assert!(matches!(refused(".windlass/journal"), E::Reserved(_)));
    }

    #[test]
    fn ancestors_are_outermost_first() {
        let path = RelativePath::new("a/b/c").expect("valid");
        let above: Vec<_> = path.ancestors().map(|p| p.to_string()).collect();
        assert_eq!(above, ["a", "a/b"]);
        assert_eq!(path.parent().map(|p| p.to_string()).as_deref(), Some("a/b"));
        assert_eq!(path.file_name(), "c");
    }
}
