//! How much memory is left.

use windlass_core::health::{Limit, Usage};

use super::{ProbeFailure, unhealthy, unknown};

const MEMINFO: &str = "/proc/meminfo";

/// Returns when as much memory is left as `limit` wants.
pub(super) fn probe(limit: Limit) -> Result<(), ProbeFailure> {
    let text = std::fs::read_to_string(MEMINFO)
        .map_err(|error| unknown(format!("cannot read {MEMINFO}: {error}")))?;
    let usage = usage(&text)
        .ok_or_else(|| unknown(format!("{MEMINFO} has no MemTotal and MemAvailable")))?;
    limit.exceeded(usage).map_or(Ok(()), |fault| Err(unhealthy(fault)))
}

/// Returns what `/proc/meminfo` says, in bytes: the kernel writes KiB as `kB`.
fn usage(meminfo: &str) -> Option<Usage> {
    let read = |key: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))?;
        let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
        kib.checked_mul(1024)
    };
    Some(Usage { total: read("MemTotal")?, available: read("MemAvailable")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kernel_is_understood() {
        let text = "MemTotal:       16000 kB\nMemFree: 1 kB\nMemAvailable:    4000 kB\n";
        let usage = usage(text).expect("usage");
        assert_eq!((usage.total, usage.available), (16_000 << 10, 4_000 << 10));
        assert_eq!(usage.used_percent(), 75);
        for bad in ["", "MemTotal: 5 kB\n", "MemTotal: x kB\nMemAvailable: 1 kB\n"] {
            assert!(super::usage(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn this_machine_has_some_memory_and_not_all_there_could_be() {
        assert_eq!(probe(Limit::MinAvailable(1)), Ok(()));
        let failure = probe(Limit::MinAvailable(1 << 60)).expect_err("nobody has an exbibyte");
        assert!(failure.message.contains("less than 1.0 EiB"), "{failure}");
    }
}
