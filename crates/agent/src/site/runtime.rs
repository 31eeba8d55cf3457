//! Files that are on no disk: their content is on a file system in memory, and the release has links
//! to it.
//!
//! ```text
//! BASE/<digits of the config_path>/<release id>/…   the content, with its modes
//! ```
//!
//! A release keeps its runtime files as long as its others: they are made when it is staged and
//! removed with it. Only a restart of the host takes them away before, and nothing here fails then:
//! they are missing, as files that somebody removed are, and staging again brings them back.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

use rustix::fs::{self, MemfdFlags, Mode};
use rustix::process::geteuid;
use windlass_core::digest::Digest;
use windlass_core::path::RelativePath;
use windlass_core::release::{FileEntry, Manifest, ReleaseId};

use super::dir::Dir;
use super::lock::LockedSite;
use super::record::{self, RELEASES};
use super::{Site, SiteError};

/// Others may pass through to files whose modes let them read, and see no names.
const SEARCHABLE: Mode = Mode::from_raw_mode(0o711);

/// What is written may be changed by nobody but its owner.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// `TMPFS_MAGIC` and `RAMFS_MAGIC` of `linux/magic.h`.
const IN_MEMORY: [i128; 2] = [0x0102_1994, 0x8584_58f6];

/// How many digits of its digest name a site.
const DIGITS: usize = 16;

/// What is said of a runtime file that is not there.
pub(super) const GONE: &str =
    "nothing: it is kept in memory and goes with a restart of the host, deploy again";

/// Returns where runtime files are kept unless something else is asked for: below `/run`, where only
/// this user can make anything.
pub(super) fn default_base() -> PathBuf {
    match geteuid() {
        user if user.is_root() => PathBuf::from("/run/windlass"),
        user => PathBuf::from(format!("/run/user/{}/windlass", user.as_raw())),
    }
}

/// Where the runtime files of one site are.
#[derive(Debug)]
pub(super) struct Runtime {
    base: PathBuf,
    /// The name of the site in it.
    name: String,
}

impl Site {
    /// Returns where the runtime files of the site are. The name of its directory decides, whichever
    /// links led there.
    pub(super) fn runtime(&self) -> Runtime {
        let config = self.config_dir();
        let real = std::fs::canonicalize(&config).unwrap_or(config);
        let digest = Digest::of(real.as_os_str().as_encoded_bytes()).to_string();
        Runtime { base: self.runtime_base.clone(), name: digest[..DIGITS].to_owned() }
    }
}

impl Runtime {
    /// Returns where the link to the content of `path` in `release` leads.
    pub(super) fn target(&self, release: &ReleaseId, path: &RelativePath) -> String {
        let content = self.base.join(&self.name).join(release.to_string()).join(path.as_str());
        content.to_string_lossy().into_owned()
    }

    /// Returns where the links of `manifest` lead.
    pub(super) fn links(
        &self,
        release: &ReleaseId,
        manifest: &Manifest,
    ) -> BTreeMap<RelativePath, String> {
        let entries = manifest.files().iter().filter(|entry| entry.is_runtime());
        entries.map(|entry| (entry.path.clone(), self.target(release, &entry.path))).collect()
    }

    /// Returns the directory of the site's releases, or nothing where there is none.
    pub(super) fn releases(&self) -> Result<Option<Dir>, SiteError> {
        match Dir::root(&self.base)? {
            Some(base) => base.child(&self.name),
            None => Ok(None),
        }
    }

    /// Returns the directory of one release, or nothing where there is none.
    pub(super) fn release(&self, release: &ReleaseId) -> Result<Option<Dir>, SiteError> {
        match self.releases()? {
            Some(releases) => releases.child(&release.to_string()),
            None => Ok(None),
        }
    }

    /// Checks that files can be kept there. Changes nothing.
    ///
    /// # Errors
    /// When the place is on a disk, is missing, or is somebody else's.
    pub(super) fn check(&self) -> Result<(), SiteError> {
        match Dir::root(&self.base)? {
            Some(base) => check_private(&base),
            None => self.above().map(drop),
        }
    }

    /// Returns the directory that the base is made in.
    fn above(&self) -> Result<Dir, SiteError> {
        let above = self.base.parent().unwrap_or(Path::new("/"));
        let missing = || SiteError::NoMemory(above.to_owned());
        let above = Dir::root(above)?.ok_or_else(missing)?;
        check_in_memory(&above)?;
        Ok(above)
    }

    /// Returns the directory of `release`, made where it was missing.
    fn make(&self, release: &ReleaseId) -> Result<Dir, SiteError> {
        let base = match (Dir::root(&self.base)?, self.base.file_name()) {
            (None, Some(name)) => {
                self.above()?.ensure_child_as(&name.to_string_lossy(), SEARCHABLE)?.0
            }
            (base, _) => base.ok_or_else(|| SiteError::NoMemory(self.base.clone()))?,
        };
        check_private(&base)?;
        let (releases, _) = base.ensure_child_as(&self.name, SEARCHABLE)?;
        Ok(releases.ensure_child_as(&release.to_string(), SEARCHABLE)?.0)
    }
}

fn check_private(base: &Dir) -> Result<(), SiteError> {
    check_in_memory(base)?;
    let stat = fs::fstat(base).map_err(SiteError::io("look at", base.path()))?;
    if stat.st_uid != geteuid().as_raw() || stat.st_mode & WRITABLE_BY_OTHERS != 0 {
        return Err(SiteError::NotPrivate(base.path().to_owned()));
    }
    Ok(())
}

fn check_in_memory(dir: &Dir) -> Result<(), SiteError> {
    let stat = fs::fstatfs(dir).map_err(SiteError::io("look at", dir.path()))?;
    // Where the kernel's word has 32 bits, it is negative for half of the numbers.
    let magic = i128::from(stat.f_type) & 0xffff_ffff;
    if IN_MEMORY.contains(&magic) {
        return Ok(());
    }
    Err(SiteError::NotInMemory(dir.path().to_owned()))
}

impl LockedSite<'_> {
    /// Returns the directory of the runtime files of `release`, made where it was missing; nothing
    /// where it has no such files.
    pub(super) fn make_runtime(
        &self,
        release: &ReleaseId,
        manifest: &Manifest,
    ) -> Result<Option<Dir>, SiteError> {
        if !manifest.files().iter().any(FileEntry::is_runtime) {
            return Ok(None);
        }
        self.site.runtime().make(release).map(Some)
    }

    /// Removes the runtime files of releases that are not here any more, or were not staged wholly.
    pub(super) fn sweep_runtime(&self) -> Result<(), SiteError> {
        let Some(kept) = self.site.runtime().releases()? else { return Ok(()) };
        let releases = self.state.child(RELEASES)?;
        for name in kept.names()? {
            let Ok(name) = name.into_string() else { continue };
            let staged = match &releases {
                Some(releases) => releases.look(&name)?.is_some(),
                None => false,
            };
            if !staged && record::release_of(&name).is_some() {
                kept.remove_all(&name)?;
            }
        }
        Ok(())
    }

    /// Returns a file in memory, for content on its way that may not be on a disk.
    ///
    /// # Errors
    /// What the system refuses.
    pub fn memory_file(&self) -> Result<File, SiteError> {
        let name = "content of runtime files";
        let made = fs::memfd_create(name, MemfdFlags::CLOEXEC);
        made.map(File::from).map_err(SiteError::io("create", name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::site::tests::scratch;
    use std::os::unix::fs::PermissionsExt;

    fn runtime(base: &Path) -> Runtime {
        Runtime { base: base.to_owned(), name: "0123456789abcdef".to_owned() }
    }

    fn release() -> ReleaseId {
        ReleaseId(Digest::of(b"release"))
    }

    #[test]
    fn what_is_no_memory_is_refused_before_anything_is_made() {
        let (elsewhere, proc) = (runtime(Path::new("/proc/windlass")), Path::new("/proc"));
        let refused = elsewhere.check().expect_err("no tmpfs");
        assert!(matches!(refused, SiteError::NotInMemory(path) if path == proc));
        assert!(matches!(elsewhere.make(&release()), Err(SiteError::NotInMemory(_))));
        let nowhere = runtime(Path::new("/nonexistent/run/windlass"));
        assert!(matches!(nowhere.check(), Err(SiteError::NoMemory(_))));
    }

    #[test]
    fn others_see_no_names_and_can_change_nothing() {
        let temp = scratch();
        let base = temp.path().join("windlass");
        let made = runtime(&base);
        made.check().expect("in memory");
        assert!(!base.exists(), "checking makes nothing");
        let dir = made.make(&release()).expect("made");
        for path in dir.path().ancestors().take(3) {
            let mode = path.metadata().expect("there").permissions().mode();
            assert_eq!(mode & 0o7777, 0o711, "{}", path.display());
        }
        std::fs::set_permissions(&base, PermissionsExt::from_mode(0o777)).expect("opened");
        assert!(matches!(made.check(), Err(SiteError::NotPrivate(path)) if path == base));
        assert!(matches!(made.make(&release()), Err(SiteError::NotPrivate(_))));
    }
}
