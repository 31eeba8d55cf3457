//! How much of a file system is left.

use std::io;
use std::time::Duration;

use rustix::fs::{StatVfs, statvfs};
use windlass_core::health::{Limit, Usage};

use super::patience::within;
use super::{ProbeFailure, unhealthy, unknown};

/// Returns when as much is left on the file system of `path` as `limit` wants. A file system that
/// does not answer, such as one of a server that is gone, has failed at the `timeout`.
pub(super) fn probe(path: &str, limit: Limit, timeout: Duration) -> Result<(), ProbeFailure> {
    let asked = path.to_owned();
    let cannot = |error: io::Error| unknown(format!("cannot look at {path}: {error}"));
    let answer = within(timeout, move || statvfs(asked)).map_err(cannot)?;
    let answer = answer.ok_or_else(|| unhealthy(format!("no answer within {timeout:?}")))?;
    let stat = answer.map_err(|error| cannot(error.into()))?;
    match fault(&stat, limit) {
        Some(fault) => Err(unhealthy(fault)),
        None => Ok(()),
    }
}

fn fault(stat: &StatVfs, limit: Limit) -> Option<String> {
    limit.exceeded(bytes(stat)).or_else(|| {
        let inodes = inodes(stat)?;
        limit.share()?.exceeded(inodes).map(|fault| format!("inodes: {fault}"))
    })
}

/// Returns the bytes that are not kept for root, as `df` counts them.
fn bytes(stat: &StatVfs) -> Usage {
    let used = stat.f_blocks.saturating_sub(stat.f_bfree);
    let size = |blocks: u64| blocks.saturating_mul(stat.f_frsize);
    Usage { total: size(used.saturating_add(stat.f_bavail)), available: size(stat.f_bavail) }
}

/// Returns the inodes; a file system that makes them as it needs them has none to run out of.
fn inodes(stat: &StatVfs) -> Option<Usage> {
    let used = stat.f_files.saturating_sub(stat.f_ffree);
    let total = used.saturating_add(stat.f_favail);
    (stat.f_files > 0).then_some(Usage { total, available: stat.f_favail })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn this_machine_has_a_disk() {
        assert_eq!(probe("/", Limit::MinAvailable(1), MINUTE), Ok(()));
        let failure = probe("/", Limit::MinAvailable(1 << 60), MINUTE).expect_err("too much");
        assert!(failure.message.contains("left, less than 1.0 EiB"), "{failure}");
    }

    #[test]
    fn a_path_that_is_not_there_is_unknown() {
        let failure = probe("/no/such/path", Limit::MaxUsed(99), MINUTE).expect_err("unknown");
        assert!(failure.message.starts_with("cannot look at /no/such/path: "), "{failure}");
        assert_eq!(failure.status, windlass_core::health::HealthStatus::Unknown);
    }

    #[test]
    fn inodes_run_out_too() {
        let mut stat = statvfs("/").expect("the root");
        (stat.f_blocks, stat.f_bfree, stat.f_bavail) = (1000, 900, 850);
        (stat.f_files, stat.f_ffree, stat.f_favail) = (100, 4, 4);
        let shortage = fault(&stat, Limit::MaxUsed(90));
        assert_eq!(shortage.as_deref(), Some("inodes: 96 % used, more than 90 %"));
        assert_eq!(fault(&stat, Limit::MinAvailable(1)), None, "bytes alone");
        stat.f_files = 0;
        assert_eq!(fault(&stat, Limit::MaxUsed(90)), None);
        stat.f_bavail = 10;
        assert_eq!(fault(&stat, Limit::MaxUsed(90)).as_deref(), Some("91 % used, more than 90 %"));
    }
}
