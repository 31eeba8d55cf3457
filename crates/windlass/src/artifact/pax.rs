//! Extended headers, read strictly: `LENGTH KEY=VALUE\n`, each record as long as it says.

use super::ArtifactError;

/// What the extended header before an entry says about it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Extended {
    /// Its name.
    pub(super) path: Option<Vec<u8>>,
    /// Its size.
    pub(super) size: Option<u64>,
    /// Attributes that would give the file rights of its own.
    pub(super) privileges: Vec<String>,
    /// Whether it is a sparse file.
    pub(super) sparse: bool,
}

impl Extended {
    /// Reads the extended header `bytes`. Keys without a meaning for a release are let go: times,
    /// owners, and attributes that give no rights.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ArtifactError> {
        let mut extended = Self::default();
        let mut seen = Vec::new();
        for record in records(bytes) {
            let (key, value) = record.ok_or_else(|| odd("a record is malformed"))?;
            if seen.contains(&key) {
                return Err(odd("a key comes twice"));
            }
            seen.push(key);
            extended.set(key, value)?;
        }
        Ok(extended)
    }

    /// Returns whether it says nothing about names, sizes or rights: a global header may not, since
    /// hardly two programs agree on what it would mean.
    pub(super) fn is_harmless(&self) -> bool {
        *self == Self::default()
    }

    fn set(&mut self, key: &str, value: &[u8]) -> Result<(), ArtifactError> {
        match key {
            "path" => self.path = Some(value.to_vec()),
            "size" => self.size = Some(decimal(value).ok_or_else(|| odd("the size is no number"))?),
            _ if key.starts_with("GNU.sparse.") => self.sparse = true,
            _ if is_privilege(key) => self.privileges.push(key.to_owned()),
            _ => {}
        }
        Ok(())
    }
}

fn odd(what: &str) -> ArtifactError {
    ArtifactError::ambiguous("(extended header)", what)
}

fn is_privilege(key: &str) -> bool {
    let attribute = key.strip_prefix("SCHILY.xattr.").or(key.strip_prefix("LIBARCHIVE.xattr."));
    key.starts_with("SCHILY.acl.")
        || matches!(
            attribute,
            Some("security.capability" | "system.posix_acl_access" | "system.nfs4_acl")
        )
}

/// Returns the records of `bytes`; the last is nothing where one is malformed.
fn records(mut bytes: &[u8]) -> impl Iterator<Item = Option<(&str, &[u8])>> {
    std::iter::from_fn(move || {
        if bytes.is_empty() {
            return None;
        }
        let Some((record, rest)) = record(bytes) else {
            bytes = &[];
            return Some(None);
        };
        bytes = rest;
        Some(Some(record))
    })
}

type Record<'b> = (&'b str, &'b [u8]);

fn record(bytes: &[u8]) -> Option<(Record<'_>, &[u8])> {
    let space = bytes.iter().take(20).position(|byte| *byte == b' ')?;
    let length = usize::try_from(decimal(&bytes[..space])?).ok()?;
    let (record, rest) = bytes.split_at_checked(length)?;
    let body = record.get(space + 1..)?.strip_suffix(b"\n")?;
    let equals = body.iter().position(|byte| *byte == b'=')?;
    let key = str::from_utf8(&body[..equals]).ok().filter(|key| !key.is_empty())?;
    Some(((key, &body[equals + 1..]), rest))
}

/// Returns the number that `digits` are; nothing but digits will do.
fn decimal(digits: &[u8]) -> Option<u64> {
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_sizes_and_lets_the_rest_go() {
        let extended = Extended::parse(b"12 path=a/b\n30 mtime=1700000000.123456789\n10 size=7\n");
        let extended = extended.expect("sound");
        assert_eq!((extended.path.as_deref(), extended.size), (Some(&b"a/b"[..]), Some(7)));
        assert_eq!(Extended::parse(b"").expect("sound"), Extended::default());
    }

    #[test]
    fn a_newline_in_a_value_is_not_the_end_of_a_record() {
        let extended = Extended::parse(b"26 comment=x\n13 path=evil\n").expect("sound");
        assert_eq!(extended.path, None);
        assert!(extended.is_harmless());
    }

    #[test]
    fn rights_and_holes_are_noticed() {
        let extended = Extended::parse(b"37 SCHILY.xattr.security.capability=\n").expect("sound");
        assert_eq!(extended.privileges, ["SCHILY.xattr.security.capability"]);
        assert!(Extended::parse(b"22 GNU.sparse.major=1\n").expect("sound").sparse);
    }

    #[test]
    fn what_is_not_exact_is_refused() {
        let bad: [&[u8]; 12] = [
            b"12 path=a/b",
            b"11 path=a/b\n",
            b"13 path=a/b\n",
            b"99999999999999999999 path=a\n",
            b"+12 path=ab\n",
            b"-1 path=a\n",
            b" path=a\n",
            b"0 \n",
            b"4 =\n",
            b"7 path\n",
            b"11 size=-1\n",
            b"8 size=\n",
        ];
        for bytes in bad {
            assert!(Extended::parse(bytes).is_err(), "{}", bytes.escape_ascii());
        }
        assert!(Extended::parse(b"9 path=a\n9 path=b\n").is_err());
    }
}
