//! Finishing or undoing what a crash interrupted.

use super::activate::Ends;
use super::journal::{Journal, Phase};
use super::lock::LockedSite;
use super::record::{self, Record};
use super::{Recovered, SiteError};
use windlass_core::release::ReleaseId;

impl LockedSite<'_> {
    /// Makes the site be wholly on one release, and tells which; returns nothing where nothing was
    /// interrupted. What had been switched is finished (or undone, where that fails); what had not
    /// is undone. Queued reloads are reported and stay queued.
    ///
    /// # Errors
    /// When the journal is damaged (nothing is changed then) or the system refuses; it can be tried
    /// again.
    pub fn recover(&mut self) -> Result<Option<Recovered>, SiteError> {
        let Some(journal) = Journal::read(&self.state)? else {
            self.sweep()?;
            return Ok(None);
        };
        self.sweep()?;
        if journal.phase == Phase::Activating {
            self.settle_interrupted(&journal)?;
        }
        let live = record::current(&self.state)?;
        let reloads = Journal::read(&self.state)?.map(|left| left.due()).unwrap_or_default();
        let undone = live != journal.to;
        Ok(Some(Recovered { deployment: journal.deployment, live, undone, reloads }))
    }

    fn settle_interrupted(&self, journal: &Journal) -> Result<(), SiteError> {
        let ends = Ends { from: self.recorded(journal.from)?, to: self.recorded(journal.to)? };
        if record::current(&self.state)? != journal.to {
            return self.undo(journal, &ends);
        }
        let Err(failure) = self.forward(journal, &ends) else { return Ok(()) };
        self.take_back(journal, &ends).map_err(|source| SiteError::stuck(failure, source))
    }

    fn recorded(&self, release: Option<ReleaseId>) -> Result<Option<Record>, SiteError> {
        let Some(release) = release else { return Ok(None) };
        match record::read(&self.state, &release)? {
            Some(record) => Ok(Some(record)),
            None => Err(SiteError::NotStaged { config: self.config.path().to_owned(), release }),
        }
    }
}
