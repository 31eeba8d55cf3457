//! Writing so that a power cut leaves the old file or the new one.

use std::hash::{BuildHasher, RandomState};
use std::io::{Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use windlass_core::digest::Digest;

use super::SiteError;
use super::dir::Dir;

/// How names of temporary files begin; what a crash leaves of them is swept up later.
pub(super) const TEMPORARY: &str = "tmp-";

/// Up to this many files or directories are synced one by one; more of them with their whole
/// file system, which then takes fewer waits for the disk.
pub(super) const SYNCED_SINGLY: usize = 16;

/// The version of the files that Windlass keeps on a target; a newer one is refused.
const SCHEMA: u32 = 1;

/// Returns `stem` with 16 digits that nobody can guess.
pub(crate) fn random_name(stem: &str) -> String {
    // The standard library seeds the keys of a RandomState from the system's random source.
    format!("{stem}{:016x}", RandomState::new().hash_one(stem))
}

#[derive(Serialize)]
struct Sealing<'a, T> {
    schema: u32,
    checksum: Digest,
    content: &'a T,
}

#[derive(Deserialize)]
struct Sealed<T> {
    schema: u32,
    checksum: Digest,
    content: T,
}

#[derive(Deserialize)]
struct Header {
    schema: u32,
}

/// Writes `content` with its schema and checksum to `name` in `dir`, by way of a temporary file in
/// `temporaries` on the same file system: afterwards it is on the disk.
pub(super) fn write_sealed<T: Serialize>(
    temporaries: &Dir,
    dir: &Dir,
    name: &str,
    content: &T,
) -> Result<(), SiteError> {
    let sealing = Sealing { schema: SCHEMA, checksum: Digest::of_json(content), content };
    let mut bytes = serde_json::to_vec_pretty(&sealing)
        .map_err(|error| SiteError::io("write", dir.at(name))(std::io::Error::from(error)))?;
    bytes.push(b'\n');
    let temporary = random_name(TEMPORARY);
    let written = write_synced(temporaries, &temporary, &bytes)
        .and_then(|()| temporaries.rename(&temporary, dir, name));
    if let Err(error) = written {
        // The first error is the one to tell; what stays is swept up later.
        let _ = temporaries.unlink(&temporary);
        return Err(error);
    }
    dir.sync()
}

fn write_synced(dir: &Dir, name: &str, bytes: &[u8]) -> Result<(), SiteError> {
    let mut file = dir.create_file(name)?;
    file.write_all(bytes).map_err(SiteError::io("write", dir.at(name)))?;
    file.sync_all().map_err(SiteError::io("sync", dir.at(name)))
}

/// Returns what [`write_sealed`] wrote to `name`, or nothing where there is no such file.
///
/// # Errors
/// When the file has more than `most` bytes, is damaged, or was written by a newer version.
pub(super) fn read_sealed<T: Serialize + DeserializeOwned>(
    dir: &Dir,
    name: &str,
    most: u64,
) -> Result<Option<T>, SiteError> {
    let Some(file) = dir.open_file(name)? else { return Ok(None) };
    let damaged = |reason: String| SiteError::Damaged { path: dir.at(name), reason };
    let mut bytes = Vec::new();
    file.take(most + 1).read_to_end(&mut bytes).map_err(SiteError::io("read", dir.at(name)))?;
    if bytes.len() as u64 > most {
        return Err(damaged(format!("more than {most} bytes")));
    }
    if let Ok(Header { schema }) = serde_json::from_slice(&bytes)
        && schema > SCHEMA
    {
        return Err(SiteError::Newer { path: dir.at(name), schema, known: SCHEMA });
    }
    let sealed: Sealed<T> =
        serde_json::from_slice(&bytes).map_err(|error| damaged(error.to_string()))?;
    if sealed.schema != SCHEMA || sealed.checksum != Digest::of_json(&sealed.content) {
        return Err(damaged("its checksum is wrong".to_owned()));
    }
    Ok(Some(sealed.content))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::tests::scratch;

    fn sealed(bytes: &str) -> Result<Option<Vec<u32>>, SiteError> {
        let temp = scratch();
        std::fs::write(temp.path().join("file"), bytes).expect("written");
        let dir = Dir::root(temp.path()).expect("opens").expect("exists");
        read_sealed(&dir, "file", 1000)
    }

    #[test]
    fn what_was_written_is_read() {
        let temp = scratch();
        let dir = Dir::root(temp.path()).expect("opens").expect("exists");
        write_sealed(&dir, &dir, "file", &vec![1_u32, 2]).expect("written");
        assert_eq!(read_sealed(&dir, "file", 1000).expect("reads"), Some(vec![1_u32, 2]));
        assert_eq!(read_sealed::<Vec<u32>>(&dir, "none", 1000).expect("reads"), None);
        assert_eq!(dir.names().expect("lists"), [c"file".to_owned()]);
        assert!(matches!(
            read_sealed::<Vec<u32>>(&dir, "file", 10),
            Err(SiteError::Damaged { .. })
        ));
    }

    #[test]
    fn damage_and_newer_schemas_are_refused() {
        let sum = Digest::of_json(&vec![1_u32]);
        let good = format!(r#"{{"schema":1,"checksum":"{sum}","content":[1]}}"#);
        assert_eq!(sealed(&good).expect("reads"), Some(vec![1]));
        for bad in [good.replace("[1]", "[2]"), good[..20].to_owned(), String::new()] {
            assert!(matches!(sealed(&bad), Err(SiteError::Damaged { .. })), "{bad}");
        }
        let newer = r#"{"schema":2,"other":{}}"#;
        assert!(matches!(sealed(newer), Err(SiteError::Newer { schema: 2, .. })));
    }

    #[test]
    fn random_names_differ() {
        assert_ne!(random_name(TEMPORARY), random_name(TEMPORARY));
    }
}
