//! Environments, records and locks, persisted.
//!
//! | read | for |
//! |---|---|
//! | [`StateStore`] | what every store does |
//! | [`FileStore`] | the one in a workspace directory |
//! | [`StoreError`] | what a store refuses, and what goes wrong in it |
//! | [`Holder`], [`LockGuard`] | the lock of an environment |
//! | [`SavedRollout`] | where a rollout stands, for whoever goes on with it |
//! | [`Flaw`] | what an examination finds |

mod envelope;
mod error;
mod files;
mod holder;
mod numbering;
mod order;
mod saved;

#[cfg(test)]
mod conformance;

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use windlass_core::environment::Environment;
use windlass_core::name::EnvironmentName;
use windlass_core::record::{ConfigDeployment, DeploymentId};

pub use error::StoreError;
pub use files::FileStore;
pub use holder::{Holder, LockGuard};
pub use order::newest_first;
pub use saved::SavedRollout;

/// Keeps environments and records, and locks environments, for any number of processes at once.
///
/// What is written is there after a power cut. What a newer version wrote, or what is damaged, is
/// an error and never written over.
#[async_trait]
pub trait StateStore: Send + Sync + fmt::Debug {
    /// Persists `environment`, in place of the one of its name.
    async fn save_environment(&self, environment: &Environment) -> Result<(), StoreError>;

    /// Returns the environment, if there is one of that name.
    async fn environment(&self, name: &EnvironmentName) -> Result<Option<Environment>, StoreError>;

    /// Returns all environments, by name.
    async fn environments(&self) -> Result<Listing<Environment>, StoreError>;

    /// Persists a record that is new. [`StoreError::Exists`] when its id is taken.
    async fn create_record(&self, record: &ConfigDeployment) -> Result<(), StoreError>;

    /// Persists `record` in place of what was known of it. [`StoreError::Unknown`] when nothing was.
    async fn update_record(&self, record: &ConfigDeployment) -> Result<(), StoreError>;

    /// Tells whether the id is taken, by whatever is there.
    async fn has_record(&self, id: &DeploymentId) -> Result<bool, StoreError>;

    /// Returns the record, if there is one.
    async fn record(&self, id: &DeploymentId) -> Result<Option<ConfigDeployment>, StoreError>;

    /// Returns the records of `environment`, or all, newest first. A record that cannot be read is
    /// among the problems whichever environment is asked for: nobody knows whose it is.
    async fn records(
        &self,
        environment: Option<&EnvironmentName>,
    ) -> Result<Listing<ConfigDeployment>, StoreError>;

    /// Persists `record` under the first free id of `make(1)`, `make(2)`…, and returns it with that
    /// id. Any number of processes may do so at once: no id is given twice.
    async fn create_numbered(
        &self,
        make: &(dyn Fn(u64) -> DeploymentId + Sync),
        record: ConfigDeployment,
    ) -> Result<ConfigDeployment, StoreError> {
        numbering::create(self, make, record).await
    }

    /// Persists where a rollout stands, in place of what was known of it.
    async fn save_rollout(&self, saved: &SavedRollout) -> Result<(), StoreError>;

    /// Returns where the rollout of a deployment stood when its driver last wrote it down.
    async fn rollout(&self, id: &DeploymentId) -> Result<Option<SavedRollout>, StoreError>;

    /// Removes what was written down of a rollout, if anything was.
    async fn forget_rollout(&self, id: &DeploymentId) -> Result<(), StoreError>;

    /// Locks `environment` for `holder`. Where it is locked, waits as long as `wait` for it, and
    /// then is [`StoreError::Held`].
    async fn lock(
        &self,
        environment: &EnvironmentName,
        holder: &Holder,
        wait: Option<Duration>,
    ) -> Result<Box<dyn LockGuard>, StoreError>;

    /// Reads everything, and returns what is wrong with it; with `fix` it is mended where the store
    /// knows how. What is damaged is set aside, not removed.
    async fn examine(&self, fix: bool) -> Result<Vec<Flaw>, StoreError>;
}

/// Something that a store keeps and that is not as it was written.
#[derive(Debug)]
pub struct Flaw {
    /// The deployment or the environment that it is about.
    pub subject: String,
    /// What is wrong with it.
    pub problem: StoreError,
    /// What mends it, where the store can.
    pub repair: Option<String>,
    /// Whether that was done.
    pub repaired: bool,
}

/// What could be read, and what could not: one damaged file does not hide the others.
#[derive(Debug)]
#[must_use]
pub struct Listing<T> {
    /// What could be read, in order.
    pub items: Vec<T>,
    /// One error for each file that could not.
    pub problems: Vec<StoreError>,
}

impl<T> Listing<T> {
    /// Returns what was read, if that is everything there is.
    ///
    /// # Errors
    /// The first of the problems.
    pub fn complete(self) -> Result<Vec<T>, StoreError> {
        match self.problems.into_iter().next() {
            Some(problem) => Err(problem),
            None => Ok(self.items),
        }
    }
}

impl<T> FromIterator<Result<T, StoreError>> for Listing<T> {
    fn from_iter<I: IntoIterator<Item = Result<T, StoreError>>>(results: I) -> Self {
        let mut listing = Self { items: Vec::new(), problems: Vec::new() };
        for result in results {
            match result {
                Ok(item) => listing.items.push(item),
                Err(problem) => listing.problems.push(problem),
            }
        }
        listing
    }
}
