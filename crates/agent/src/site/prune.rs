//! Removing releases that nobody returns to.

use std::collections::BTreeSet;

use windlass_core::release::ReleaseId;

use super::SiteError;
use super::journal::Journal;
use super::lock::LockedSite;
use super::record::{self, MANIFESTS, RELEASES};

impl LockedSite<'_> {
    /// Removes every staged release but those in `keep`, the live one, and those that an
    /// interrupted activation or a revert that waits needs.
    ///
    /// # Errors
    /// When the system refuses; it can be tried again.
    pub fn prune(&mut self, keep: &[ReleaseId]) -> Result<(), SiteError> {
        self.sweep()?;
        let journal = Journal::read(&self.state)?;
        let needed = journal.iter().flat_map(|journal| [journal.from, journal.to]).flatten();
        let mut kept: BTreeSet<_> = keep.iter().copied().chain(needed).collect();
        kept.extend(record::current(&self.state)?);
        kept.extend(self.needed_to_revert()?);
        // The records first: files without a record are not taken for a release.
        for directory in [MANIFESTS, RELEASES] {
            self.remove_releases(directory, &kept)?;
        }
        self.sweep_runtime()
    }

    fn remove_releases(
        &self,
        directory: &str,
        kept: &BTreeSet<ReleaseId>,
    ) -> Result<(), SiteError> {
        let Some(dir) = self.state.child(directory)? else { return Ok(()) };
        let mut removed = false;
        for name in dir.names()? {
            let Ok(name) = name.into_string() else { continue };
            if record::release_of(&name).is_some_and(|release| !kept.contains(&release)) {
                dir.remove_all(&name)?;
                removed = true;
            }
        }
        if removed { dir.sync() } else { Ok(()) }
    }
}
