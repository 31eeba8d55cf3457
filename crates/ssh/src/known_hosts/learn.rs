//! Adding a host to the user's file.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use aws_lc_rs::rand;
use russh::keys::ssh_key::PublicKey;

use super::{HostName, pattern};

/// Adds a line for `name` with `key` to the file at `path`, and reports whether `still_unknown`
/// agreed once nobody else could write.
///
/// The line goes in with one write at the end of the file, so that it is never mixed with one that
/// `ssh` adds at the same time; processes of this program wait for each other.
pub(crate) fn remember(
    path: &Path,
    name: &HostName,
    key: &PublicKey,
    hash: bool,
    still_unknown: impl FnOnce() -> io::Result<bool>,
) -> io::Result<bool> {
    make_directory(path)?;
    let mut file =
        OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    file.lock()?;
    if !still_unknown()? {
        return Ok(false);
    }
    let line = line_for(name, key, hash)?;
    let torn = ends_within_a_line(&mut file)?;
    file.write_all(if torn { format!("\n{line}") } else { line }.as_bytes())?;
    if file.metadata()?.is_file() {
        file.sync_data()?;
    }
    file.unlock()?;
    Ok(true)
}

/// Makes the directory of the file as `ssh` does: only for its owner.
fn make_directory(path: &Path) -> io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() && !parent.exists() => {
            std::fs::DirBuilder::new().mode(0o700).create(parent)
        }
        _ => Ok(()),
    }
}

fn line_for(name: &HostName, key: &PublicKey, hash: bool) -> io::Result<String> {
    let name = match hash {
        true => pattern::hashed(&name.recorded(), &salt()?),
        false => name.recorded(),
    };
    let bare = PublicKey::new(key.key_data().clone(), "");
    let key = bare.to_openssh().map_err(io::Error::other)?;
    Ok(format!("{name} {}\n", key.trim_end()))
}

fn salt() -> io::Result<[u8; 20]> {
    let mut salt = [0; 20];
    rand::fill(&mut salt).map_err(|_| io::Error::other("no random numbers from the system"))?;
    Ok(salt)
}

fn ends_within_a_line(file: &mut File) -> io::Result<bool> {
    if !file.metadata()?.is_file() || file.metadata()?.len() == 0 {
        return Ok(false);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last != *b"\n")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::known_hosts::KnownHosts;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ me@home";

    fn key() -> PublicKey {
        PublicKey::from_openssh(KEY).unwrap()
    }

    fn name(host: &str, port: u16) -> HostName {
        HostName::new(host, port, None)
    }

    #[test]
    fn a_host_is_added_to_a_directory_and_a_file_of_its_owner_alone() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join(".ssh/known_hosts");
        assert!(remember(&path, &name("web", 2222), &key(), false, || Ok(true)).unwrap());
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o600, 0o700));
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text, format!("[web]:2222 {}\n", KEY.trim_end_matches(" me@home")));
    }

    #[test]
    fn a_last_line_without_an_end_gets_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "# mine").unwrap();
        remember(file.path(), &name("web", 22), &key(), false, || Ok(true)).unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(text.starts_with("# mine\nweb ssh-ed25519 "), "{text}");
    }

    #[test]
    fn a_hashed_name_can_be_found_and_not_read() {
        let file = tempfile::NamedTempFile::new().unwrap();
        remember(file.path(), &name("web", 22), &key(), true, || Ok(true)).unwrap();
        let text = std::fs::read_to_string(file.path()).unwrap();
        assert!(text.starts_with("|1|") && !text.contains("web"), "{text}");
        let hosts = KnownHosts::read(&[file.path().to_owned()]).unwrap();
        assert_eq!(hosts.entries("web").len(), 1);
    }

    #[test]
    fn nothing_is_added_when_another_was_faster() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(!remember(file.path(), &name("web", 22), &key(), true, || Ok(false)).unwrap());
        assert_eq!(std::fs::read(file.path()).unwrap(), b"");
    }

    #[test]
    fn what_swallows_everything_is_no_reason_to_fail() {
        let null = Path::new("/dev/null");
        assert!(remember(null, &name("web", 22), &key(), true, || Ok(true)).unwrap());
    }
}
