//! Moving a site from one release to another.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use windlass_core::name::ServiceName;
use windlass_core::path::RelativePath;
use windlass_core::record::DeploymentId;
use windlass_core::release::{Layout, Manifest, ReleaseId};

use super::dir::{Cursor, Dir};
use super::executor::{Executor, Removal};
use super::journal::{Journal, Phase};
use super::lock::LockedSite;
use super::record::{self, RELEASES, Record};
use super::steps::{Step, directories, steps};
use super::{Activated, Found, SiteError, preflight};

impl LockedSite<'_> {
    /// Makes `to` the live release; with nothing, every file, link and empty directory of ours
    /// goes. What a person changed by hand at our paths is replaced; where `to` is live already,
    /// that is all that happens. `reloads` are queued until [`LockedSite::reloads_done`].
    ///
    /// Linked files change together, in one rename. Plain files change one by one just before it. A
    /// path that turns from a file into a directory, or back, changes just after it, and is absent
    /// for a moment.
    ///
    /// # Errors
    /// When `to` is not staged, something is in the way, or the system refuses; the earlier release
    /// is then live as before, unless the error is [`SiteError::Stuck`]. Services that may have read
    /// new bytes in between stay queued for a reload, and [`LockedSite::recover`] tells them. An
    /// earlier interrupted activation is refused until it is recovered.
    pub fn activate(
        &mut self,
        to: Option<ReleaseId>,
        deployment: &DeploymentId,
        reloads: Vec<ServiceName>,
    ) -> Result<Activated, SiteError> {
        let carried = self.check_settled()?.map(|journal| journal.due()).unwrap_or_default();
        self.sweep()?;
        let mut ends = Ends { from: record::live(&self.state)?, to: self.staged(to)? };
        if ends.from.is_none() && ends.to.is_none() {
            return Ok(Activated { from: None, reloads: carried });
        }
        ends.check(&self.config)?;
        self.record_activation(&mut ends, deployment)?;
        let journal = ends.journal(deployment.clone(), reloads, carried);
        let done = self.begin(&journal).and_then(|()| self.forward(&journal, &ends));
        match done {
            Ok(()) => Ok(Activated { from: journal.from, reloads: journal.due() }),
            Err(failure) => Err(match self.take_back(&journal, &ends) {
                Ok(()) => failure,
                Err(source) => SiteError::stuck(failure, source),
            }),
        }
    }

    /// Notes that the queued reloads have run, or need not.
    ///
    /// # Errors
    /// When an activation is neither finished nor undone, or the system refuses.
    pub fn reloads_done(&mut self) -> Result<(), SiteError> {
        self.check_settled()?;
        Journal::clear(&self.state)
    }

    fn staged(&self, release: Option<ReleaseId>) -> Result<Option<Record>, SiteError> {
        let Some(release) = release else { return Ok(None) };
        let record = record::read(&self.state, &release)?;
        let files = match self.state.child(RELEASES)? {
            Some(releases) => releases.child(&release.to_string())?,
            None => None,
        };
        match record {
            Some(record) if files.is_some() => Ok(Some(record)),
            _ => Err(SiteError::NotStaged { config: self.config.path().to_owned(), release }),
        }
    }

    /// Writes down who activates the new release and which directories it will own: harmless
    /// before it is live.
    fn record_activation(
        &self,
        ends: &mut Ends,
        deployment: &DeploymentId,
    ) -> Result<(), SiteError> {
        let Some(to) = &mut ends.to else { return Ok(()) };
        let needed = directories(&to.manifest);
        let mut directories = missing_directories(&self.config, &needed)?;
        let owned = ends.from.iter().flat_map(|from| &from.directories);
        directories.extend(owned.filter(|path| needed.contains(path)).cloned());
        if to.deployment == *deployment && to.directories == directories {
            return Ok(());
        }
        to.deployment = deployment.clone();
        to.directories = directories;
        record::write(&self.state, to)
    }

    fn begin(&self, journal: &Journal) -> Result<(), SiteError> {
        self.tick()?;
        journal.write(&self.state)
    }

    /// Carries out what the journal says, from wherever it was interrupted.
    pub(super) fn forward(&self, journal: &Journal, ends: &Ends) -> Result<(), SiteError> {
        let (old, new) = ends.manifests();
        let steps = steps(old, new, &ends.owned());
        self.take(&steps, journal.to, Removal::Anything)?;
        self.settle(journal, journal.due())
    }

    /// Restores what was live before, from wherever the journal was interrupted.
    pub(super) fn undo(&self, journal: &Journal, ends: &Ends) -> Result<(), SiteError> {
        let due = self.due_after_undo(journal, ends)?;
        let (old, new) = ends.manifests();
        let steps = steps(new, old, &ends.owned());
        self.take(&steps, journal.from, Removal::OnlyOurs)?;
        self.settle(journal, due)
    }

    /// Returns the reloads of services that may have read new bytes: all of them once the release
    /// was switched, before that those with plain files.
    fn due_after_undo(
        &self,
        journal: &Journal,
        ends: &Ends,
    ) -> Result<Vec<ServiceName>, SiteError> {
        if record::current(&self.state)? == journal.to {
            return Ok(journal.due());
        }
        let (old, new) = ends.manifests();
        let plain: BTreeSet<_> = old
            .files()
            .iter()
            .chain(new.files())
            .filter(|entry| entry.layout == Layout::Plain)
            .map(|entry| &entry.service)
            .collect();
        let mut due = journal.due();
        due.retain(|service| journal.carried.contains(service) || plain.contains(service));
        Ok(due)
    }

    /// Sweeps up and undoes what an activation of this process began.
    pub(super) fn take_back(&self, journal: &Journal, ends: &Ends) -> Result<(), SiteError> {
        self.sweep()?;
        self.undo(journal, ends)
    }

    fn take(
        &self,
        steps: &[Step<'_>],
        release: Option<ReleaseId>,
        removal: Removal,
    ) -> Result<(), SiteError> {
        let mut executor = Executor::new(self, release, removal);
        for step in steps {
            self.tick()?;
            executor.take(step)?;
        }
        Ok(())
    }

    /// Closes the journal, or leaves in it the reloads that are due.
    fn settle(&self, journal: &Journal, due: Vec<ServiceName>) -> Result<(), SiteError> {
        self.tick()?;
        if due.is_empty() {
            return Journal::clear(&self.state);
        }
        let settled = Journal {
            phase: Phase::Activated,
            reloads: due,
            carried: Vec::new(),
            ..journal.clone()
        };
        settled.write(&self.state)
    }

    /// Tests pull the plug here.
    #[cfg(test)]
    fn tick(&self) -> Result<(), SiteError> {
        match self.fuse.get().checked_sub(1) {
            Some(left) => self.fuse.set(left),
            None => return Err(SiteError::Interrupted("the test pulled the plug".into())),
        }
        Ok(())
    }

    #[cfg(not(test))]
    fn tick(&self) -> Result<(), SiteError> {
        Ok(())
    }
}

/// Both ends of an activation.
pub(super) struct Ends {
    pub(super) from: Option<Record>,
    pub(super) to: Option<Record>,
}

static NOTHING: LazyLock<Manifest> = LazyLock::new(Manifest::default);

impl Ends {
    fn manifests(&self) -> (&Manifest, &Manifest) {
        (files(self.from.as_ref()), files(self.to.as_ref()))
    }

    /// Returns the directories that Windlass made or makes, and may remove where they are not
    /// needed.
    fn owned(&self) -> BTreeSet<RelativePath> {
        let records = self.from.iter().chain(&self.to);
        records.flat_map(|record| &record.directories).cloned().collect()
    }

    fn check(&self, config: &Dir) -> Result<(), SiteError> {
        if let Some(to) = &self.to {
            preflight::check_owner(config, self.from.as_ref(), &to.owner)?;
        }
        preflight::check(config, self.from.as_ref(), self.to.as_ref().map(|to| &to.manifest))
    }

    fn journal(
        &self,
        deployment: DeploymentId,
        reloads: Vec<ServiceName>,
        carried: Vec<ServiceName>,
    ) -> Journal {
        Journal {
            deployment,
            phase: Phase::Activating,
            from: self.from.as_ref().map(|record| record.release),
            to: self.to.as_ref().map(|record| record.release),
            reloads,
            carried,
        }
    }
}

fn files(record: Option<&Record>) -> &Manifest {
    record.map_or(&NOTHING, |record| &record.manifest)
}

fn missing_directories(
    config: &Dir,
    needed: &BTreeSet<RelativePath>,
) -> Result<BTreeSet<RelativePath>, SiteError> {
    let mut cursor = Cursor::new(config);
    let mut missing = BTreeSet::new();
    for path in needed {
        let found = match cursor.holding_if_any(path)? {
            Some(dir) => dir.look(path.file_name())?,
            None => None,
        };
        if found != Some(Found::Directory) {
            missing.insert(path.clone());
        }
    }
    Ok(missing)
}
