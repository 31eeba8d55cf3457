//! Which directory of which machine a site is, whatever it is called.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// The kernel's name for the time since it started: machines that are copies of each other, names and
/// all, have different ones.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Returns the kernel's name for the time since it started, where it tells.
pub(super) fn boot_id() -> Option<String> {
    Some(fs::read_to_string(BOOT_ID).ok()?.trim().to_owned())
}

/// Returns a text that is the same for two paths only if they are one directory of one running machine,
/// also where it is not there yet; nothing where that cannot be told.
pub(super) fn of(path: &Path) -> Option<String> {
    let machine = boot_id()?;
    let (there, metadata) = path
        .ancestors()
        .find_map(|ancestor| fs::metadata(ancestor).ok().map(|metadata| (ancestor, metadata)))?;
    let rest = path.strip_prefix(there).ok()?;
    let (device, node) = (metadata.dev(), metadata.ino());
    Some(format!("{} {device}:{node} {}", machine, rest.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_directory_is_one_place_over_links_too_and_before_it_is_there() {
        let temp = tempfile::tempdir().expect("a directory");
        let (root, link) = (temp.path().join("root"), temp.path().join("link"));
        fs::create_dir(&root).expect("made");
        std::os::unix::fs::symlink(&root, &link).expect("linked");
        assert!(of(&root).is_some());
        assert_eq!(of(&root.join("etc/app")), of(&link.join("etc/app")));
        assert_ne!(of(&root.join("etc/app")), of(&root.join("etc/other")));
        fs::create_dir_all(root.join("etc/app")).expect("made");
        assert_eq!(of(&root.join("etc/app")), of(&link.join("etc/app")));
        assert_ne!(of(&root.join("etc/app")), of(&root));
    }
}
