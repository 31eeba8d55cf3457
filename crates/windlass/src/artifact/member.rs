//! What one header of an archive says.

use tar::Header;
use windlass_core::path::RelativePath;
use windlass_core::release::Mode;

use super::ArtifactError;

/// What follows a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A regular file.
    File,
    /// Nothing: a directory.
    Directory,
    /// The long name of the next entry (GNU).
    LongName,
    /// The long target of the next entry, which is a link and will be refused (GNU).
    LongLink,
    /// Something about the next entry.
    Extended,
    /// Something about all entries that follow.
    Global,
}

/// Returns what follows `header`.
pub(super) fn kind(header: &Header) -> Result<Kind, ArtifactError> {
    let modern = header.as_ustar().is_some() || header.as_gnu().is_some();
    Ok(match header.entry_type().as_byte() {
        b'0' | b'\0' => Kind::File,
        b'5' => Kind::Directory,
        b'L' if modern => Kind::LongName,
        b'K' if modern => Kind::LongLink,
        b'x' if modern => Kind::Extended,
        b'g' if modern => Kind::Global,
        other => return Err(ArtifactError::unsupported(&name(header), what(other))),
    })
}

fn what(kind: u8) -> String {
    let known = match kind {
        b'1' => "a hard link",
        b'2' => "a symbolic link",
        b'3' | b'4' => "a device",
        b'6' => "a FIFO",
        b'S' => "a sparse file",
        _ => return format!("of unknown type '{}'", kind.escape_ascii()),
    };
    known.to_owned()
}

/// Returns the name in `header` for messages.
pub(super) fn name(header: &Header) -> String {
    String::from_utf8_lossy(&header.path_bytes()).into_owned()
}

/// Returns the size in `header`. The tar reader lets go what does not fit into 64 bits, and takes a
/// sign; others would read on somewhere else.
pub(super) fn size(header: &Header) -> Result<u64, ArtifactError> {
    let field = header.as_old().size;
    let exact = if field[0] & 0x80 == 0 {
        field.iter().all(|byte| matches!(byte, b'0'..=b'7' | b' ' | b'\0'))
    } else {
        field[..4] == [0x80, 0, 0, 0]
    };
    if !exact {
        return Err(ArtifactError::ambiguous(&name(header), "its size is no sound number"));
    }
    header.entry_size().map_err(ArtifactError::Malformed)
}

/// Returns the mode of the file at `path`, with read permission for its owner.
pub(super) fn mode(header: &Header, path: &RelativePath) -> Result<Mode, ArtifactError> {
    let bits = header.mode().map_err(ArtifactError::Malformed)?;
    let special = [
        (0o4000, "the set-user-ID bit"),
        (0o2000, "the set-group-ID bit"),
        (0o1000, "the sticky bit"),
    ];
    if let Some((_, what)) = special.into_iter().find(|(bit, _)| bits & bit != 0) {
        return Err(ArtifactError::privileged(path.as_str(), what));
    }
    Ok(Mode::from_bits(bits | 0o400))
}

/// Returns `name` as a path; nothing for the top of the archive itself. `./` in front is let go,
/// and `/` behind the name of a directory.
pub(super) fn path(name: &[u8], kind: Kind) -> Result<Option<RelativePath>, ArtifactError> {
    let Ok(mut text) = str::from_utf8(name) else {
        return Err(ArtifactError::NotUtf8(String::from_utf8_lossy(name).into_owned()));
    };
    while let Some(rest) = text.strip_prefix("./") {
        text = rest;
    }
    if kind == Kind::Directory {
        text = text.strip_suffix('/').unwrap_or(text);
        if name.starts_with(b".") && matches!(text, "" | ".") {
            return Ok(None);
        }
    }
    RelativePath::new(text).map(Some).map_err(ArtifactError::Path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, kind: Kind) -> Option<String> {
        path(name.as_bytes(), kind).expect(name).map(|path| path.to_string())
    }

    #[test]
    fn names_lose_what_does_not_matter() {
        assert_eq!(read("./a/b", Kind::File).as_deref(), Some("a/b"));
        assert_eq!(read("././a", Kind::File).as_deref(), Some("a"));
        assert_eq!(read("./d/", Kind::Directory).as_deref(), Some("d"));
        assert_eq!(read("./", Kind::Directory), None);
        assert_eq!(read(".", Kind::Directory), None);
    }

    #[test]
    fn names_that_could_leave_or_confuse_are_refused() {
        for name in ["../a", "a/../b", "/a", ".//a", "a/./b", "a//b", "a/", "", "./", ".", "a\n"] {
            assert!(path(name.as_bytes(), Kind::File).is_err(), "{name:?}");
        }
        for name in ["/", "", "..", "../", "a//", "./.."] {
            assert!(path(name.as_bytes(), Kind::Directory).is_err(), "{name:?}");
        }
    }

    #[test]
    fn sizes_that_programs_read_differently_are_refused() {
        let mut header = Header::new_gnu();
        header.set_size(1 << 40);
        assert_eq!(size(&header).expect("in base 256"), 1 << 40);
        for bad in
            [[0xff; 12], *b"\x80\x01\0\0\0\0\0\0\0\0\0\x01", *b"+0000000012\0", *b"00000000009\0"]
        {
            header.as_old_mut().size = bad;
            assert!(size(&header).is_err(), "{bad:?}");
        }
    }
}
