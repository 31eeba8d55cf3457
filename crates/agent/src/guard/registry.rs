//! Which sites of a host are armed: what is looked at after a restart.

use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use windlass_core::digest::Digest;

use crate::site::Site;

const ARMED: &str = "armed";

/// How many digits of its digest name a site.
const DIGITS: usize = 32;

#[derive(Serialize, Deserialize)]
struct Entry {
    root: PathBuf,
    config_path: String,
}

fn path(state: &Path, site: &Site) -> PathBuf {
    let digest = Digest::of(site.config_dir().as_os_str().as_encoded_bytes()).to_string();
    state.join(ARMED).join(&digest[..DIGITS])
}

/// Writes down that `site` is armed: afterwards it is on the disk.
pub(super) fn add(state: &Path, site: &Site) -> io::Result<()> {
    let directory = state.join(ARMED);
    DirBuilder::new().recursive(true).mode(0o700).create(&directory)?;
    let entry = Entry { root: site.root().to_owned(), config_path: site.config_path() };
    let path = path(state, site);
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let mut file = File::create(&beside)?;
    file.write_all(&serde_json::to_vec(&entry)?)?;
    file.sync_all()?;
    fs::rename(&beside, &path)?;
    File::open(&directory)?.sync_all()?;
    File::open(state)?.sync_all()
}

/// Forgets that `site` was armed.
pub(super) fn remove(state: &Path, site: &Site) {
    // One that stays costs a look after the next restart.
    let _ = fs::remove_file(path(state, site));
}

/// Returns the sites that were armed; what cannot be read is passed over, since it names none.
pub(super) fn sites(state: &Path) -> Vec<Site> {
    let Ok(entries) = fs::read_dir(state.join(ARMED)) else { return Vec::new() };
    let read = |path: PathBuf| {
        let entry: Entry = serde_json::from_slice(&fs::read(path).ok()?).ok()?;
        Site::new(entry.root, &entry.config_path).ok()
    };
    let whole = |path: &PathBuf| path.extension().is_none();
    entries.flatten().map(|entry| entry.path()).filter(whole).filter_map(read).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sites_are_remembered_until_they_are_removed() {
        let temp = tempfile::tempdir().expect("a directory");
        let state = temp.path().join("state/windlass");
        let site = |path| Site::new(temp.path(), path).expect("a path");
        assert!(sites(&state).is_empty());
        for path in ["/etc/a", "/", "/etc/a"] {
            add(&state, &site(path)).expect("written");
        }
        fs::write(state.join("armed/damaged"), "{").expect("written");
        let mut known = sites(&state);
        known.sort_by_key(Site::config_dir);
        assert_eq!(known, [site("/"), site("/etc/a")]);
        remove(&state, &site("/"));
        remove(&state, &site("/"));
        assert_eq!(sites(&state), [site("/etc/a")]);
    }
}
