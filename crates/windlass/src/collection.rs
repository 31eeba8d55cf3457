//! Collection: what nothing can return to any more is removed from the workspace.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::io;
use std::time::SystemTime;

use serde::Serialize;
use windlass_core::digest::Digest;
use windlass_core::name::EnvironmentName;
use windlass_core::project::DEFAULT_RETAIN;
use windlass_core::record::{ConfigDeployment, DeploymentId, Pin};
use windlass_core::release::{Manifest, Release, ReleaseId};
use windlass_core::retention::{Retained, retained};

use crate::engine::Engine;
use crate::error::{Error, describe};
use crate::objects::{Collector, is_locked};

/// How a collection is done.
#[derive(Debug, Clone, Copy, Default)]
pub struct Collect {
    /// Only tell what would be removed.
    pub dry_run: bool,
    /// The bytes that objects should take on disk at most: older releases go until they do, but
    /// never one that is live, was live before, or is pinned.
    pub max_bytes: Option<u64>,
}

/// What a collection did, or would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Collected {
    /// Releases that are kept.
    pub releases: u64,
    /// Objects that are kept.
    pub objects_kept: u64,
    /// The bytes that they take on disk.
    pub bytes_kept: u64,
    /// Objects that are removed.
    pub objects_removed: u64,
    /// The bytes that they took on disk.
    pub bytes_removed: u64,
}

/// The objects of some releases, and what they take.
struct Kept<'s> {
    stored: &'s HashMap<Digest, u64>,
    releases: u64,
    objects: HashSet<Digest>,
    bytes: u64,
}

impl Engine {
    /// Removes the objects that no record within `retain`, no pin and no plan of the last
    /// days needs, from all environments.
    ///
    /// # Errors
    /// [`Error::Busy`] while anything is being deployed or planned. When a record cannot be read, or a
    /// release has secrets that cannot be unlocked here, nothing is removed: nobody knows what
    /// they need.
    pub async fn collect(&self, how: Collect) -> Result<Collected, Error> {
        let collector = self.objects.collector().map_err(self.in_objects("collect in"))?;
        let collector = collector.ok_or(Error::Busy)?;
        let records = self.history(None).await?;
        self.unlock_all(&records);
        let retain = self.project.as_ref().map_or(DEFAULT_RETAIN, |loaded| loaded.project.retain);
        let retained = retained(&records, retain as usize);
        let stored = collector.stored().map_err(self.in_objects("list"))?;
        let mut kept = Kept { stored: &stored, releases: 0, objects: HashSet::new(), bytes: 0 };
        self.keep_within(&mut kept, &retained, how.max_bytes)?;
        let gone: Vec<_> = stored.keys().filter(|digest| !kept.objects.contains(digest)).collect();
        if !how.dry_run {
            self.remove(&collector, &gone)?;
        }
        Ok(Collected {
            releases: kept.releases,
            objects_kept: kept.objects.len() as u64,
            bytes_kept: kept.bytes,
            objects_removed: gone.len() as u64,
            bytes_removed: gone.iter().map(|digest| stored[*digest]).sum(),
        })
    }

    /// Collects, once a day, after a deployment. What keeps it from doing so is logged: the next day, or
    /// `windlass gc`, will do.
    pub(crate) async fn collect_when_due(&self) {
        let due = self.objects.collection_is_due(SystemTime::from(self.clock.now()));
        let collected = match due {
            Ok(false) => return,
            Ok(true) => self.collect(Collect::default()).await,
            Err(error) => Err(self.in_objects("note a collection in")(error)),
        };
        match collected {
            Ok(Collected { objects_removed, bytes_removed, .. }) => {
                tracing::info!(objects_removed, bytes_removed, "collected");
            }
            Err(error) => tracing::warn!(error = describe(&error), "nothing was collected"),
        }
    }

    fn remove(&self, collector: &Collector, gone: &[&Digest]) -> Result<(), Error> {
        collector.remove(gone.iter().copied()).map_err(self.in_objects("collect in"))
    }

    /// Adds what has to be kept, and of the rest as much as there is room for.
    fn keep_within(
        &self,
        kept: &mut Kept<'_>,
        retained: &Retained,
        max_bytes: Option<u64>,
    ) -> Result<(), Error> {
        let now = SystemTime::from(self.clock.now());
        let planned = self.objects.planned(now).map_err(self.in_objects("list plans in"))?;
        let planned = planned.into_iter().map(ReleaseId);
        let required: BTreeSet<_> = retained.required.iter().copied().chain(planned).collect();
        for release in required {
            kept.add(release, self.objects_of(release)?);
        }
        for release in &retained.optional {
            let objects = self.objects_of(*release)?;
            if max_bytes.is_some_and(|max| kept.bytes + kept.cost(&objects) > max) {
                break;
            }
            kept.add(*release, objects);
        }
        Ok(())
    }

    /// Returns the names of a release, of its manifests and of their files, as far as they are there.
    pub(crate) fn objects_of(&self, release: ReleaseId) -> Result<HashSet<Digest>, Error> {
        let mut names = HashSet::from([release.0]);
        let Some(content) = self.read_kept::<Release>(release, &release.0)? else {
            return Ok(names);
        };
        for manifest in content.targets.values().collect::<BTreeSet<_>>() {
            names.insert(*manifest);
            let Some(files) = self.read_kept::<Manifest>(release, manifest)? else { continue };
            let digests =
                files.files().iter().flat_map(|file| [Some(file.digest), file.shown]).flatten();
            names.extend(digests);
        }
        Ok(names)
    }

    /// Reads an object; one that is gone or damaged refers to nothing that could be restored.
    fn read_kept<T: serde::de::DeserializeOwned>(
        &self,
        release: ReleaseId,
        digest: &Digest,
    ) -> Result<Option<T>, Error> {
        match self.objects.read_json(digest) {
            Ok(value) => Ok(Some(value)),
            Err(error) if is_locked(&error) => Err(Error::LockedRelease(release)),
            Err(error)
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidData) =>
            {
                Ok(None)
            }
            Err(error) => Err(self.in_objects("read")(error)),
        }
    }

    pub(crate) fn unlock_all(&self, records: &[ConfigDeployment]) {
        let environments: BTreeSet<&EnvironmentName> =
            records.iter().map(|record| &record.environment).collect();
        for environment in environments {
            // What cannot be unlocked is told by the first object that needs it.
            let _ = self.unlock_called(environment);
        }
    }

    fn in_objects(&self, action: &'static str) -> impl FnOnce(io::Error) -> Error {
        Error::io(action, self.objects.path())
    }

    /// Keeps the release of a deployment from being collected, for as long as it is pinned.
    ///
    /// # Errors
    /// When there is no such deployment, it has no release, or objects of the release are gone.
    pub async fn pin(
        &self,
        id: &str,
        by: &str,
        why: Option<String>,
    ) -> Result<ConfigDeployment, Error> {
        let record = self.deployment(id).await?;
        let _lock = self.lock(&record.environment, by, "pin").await?;
        let mut record = self.deployment(id).await?;
        let Some(release) = record.release else {
            return Err(Error::NothingToPin(record.deployment_id));
        };
        let _hold = self.hold_objects()?;
        let _ = self.unlock_called(&record.environment);
        let missing = self.missing_of(release)?;
        if missing > 0 {
            return Err(Error::Collected { release, missing });
        }
        record.pinned = Some(Pin { by: by.to_owned(), at: self.clock.now(), why });
        self.store.update_record(&record).await?;
        Ok(record)
    }

    /// Lets the release of a deployment go when its time comes; one that is not pinned stays so.
    ///
    /// # Errors
    /// When there is no such deployment.
    pub async fn unpin(&self, id: &str, by: &str) -> Result<ConfigDeployment, Error> {
        let record = self.deployment(id).await?;
        let _lock = self.lock(&record.environment, by, "unpin").await?;
        let mut record = self.deployment(id).await?;
        if record.pinned.take().is_some() {
            self.store.update_record(&record).await?;
        }
        Ok(record)
    }

    /// Returns how many objects of a release are not there.
    pub(crate) fn missing_of(&self, release: ReleaseId) -> Result<usize, Error> {
        let mut missing = 0;
        for digest in self.objects_of(release)? {
            let there = self.objects.contains(&digest).map_err(self.in_objects("look in"))?;
            missing += usize::from(!there);
        }
        Ok(missing)
    }

    /// Returns the deployments whose releases the records promise to keep, by release.
    pub(crate) fn promised(
        &self,
        records: &[ConfigDeployment],
    ) -> BTreeMap<ReleaseId, DeploymentId> {
        let retain = self.project.as_ref().map_or(DEFAULT_RETAIN, |loaded| loaded.project.retain);
        let kept: BTreeSet<_> = retained(records, retain as usize).all().collect();
        let of = |record: &ConfigDeployment| {
            let release = record.release.filter(|release| kept.contains(release))?;
            Some((release, record.deployment_id.clone()))
        };
        records.iter().filter_map(of).collect()
    }
}

impl Kept<'_> {
    /// Returns the bytes that `objects` take which are not kept yet.
    fn cost(&self, objects: &HashSet<Digest>) -> u64 {
        let new = objects.difference(&self.objects);
        new.filter_map(|digest| self.stored.get(digest)).sum()
    }

    fn add(&mut self, release: ReleaseId, objects: HashSet<Digest>) {
        self.releases += u64::from(self.stored.contains_key(&release.0));
        self.bytes += self.cost(&objects);
        let stored = self.stored;
        self.objects.extend(objects.into_iter().filter(|digest| stored.contains_key(digest)));
    }
}
