//! Ids in the same second: the first number that is free.

use windlass_core::record::{ConfigDeployment, DeploymentId};

use super::{StateStore, StoreError};

/// Far more than one second can hold; beyond it `make` is not making different ids.
const MOST: u64 = 1 << 40;

/// Persists `record` under the first free id of `make(1)`, `make(2)`….
///
/// Asking which ids are free is only to be quick: what makes an id one's own is that creating its
/// record succeeds.
pub(super) async fn create(
    store: &(impl StateStore + ?Sized),
    make: &(dyn Fn(u64) -> DeploymentId + Sync),
    mut record: ConfigDeployment,
) -> Result<ConfigDeployment, StoreError> {
    let mut taken = 0;
    loop {
        let nth = first_free_after(store, make, taken).await?;
        record.deployment_id = make(nth);
        match store.create_record(&record).await {
            Ok(()) => return Ok(record),
            Err(StoreError::Exists { .. }) => taken = nth,
            Err(error) => return Err(error),
        }
    }
}

/// Returns a number that is free while the one before it is not, in steps that double and then
/// halve: 10,000 ids in a second ask 28 times for the last, not 10,000 times.
async fn first_free_after(
    store: &(impl StateStore + ?Sized),
    make: &(dyn Fn(u64) -> DeploymentId + Sync),
    taken: u64,
) -> Result<u64, StoreError> {
    let (mut low, mut step) = (taken, 1);
    while store.has_record(&make(low + step)).await? {
        low += step;
        step *= 2;
        if low > MOST {
            return Err(StoreError::Exists { id: make(low) });
        }
    }
    let mut high = low + step;
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        if store.has_record(&make(middle)).await? {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(high)
}
