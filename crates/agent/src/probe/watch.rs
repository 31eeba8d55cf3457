//! Checks side by side, until each is believed.

use std::thread;
use std::time::{Duration, Instant};

use windlass_core::health::HealthCheck;

use super::{Failure, LONGEST, ProbeContext, ProbeFailure, probe_within};
use crate::interrupt::Interrupt;

/// Returns when every check has seen its number of successes in a row; without checks at once. What it
/// returns are the checks that are not critical and did not pass: the target is degraded for them.
///
/// All are probed side by side, each at its own interval. As soon as a critical one has seen its
/// number of failures in a row, the others stop too.
///
/// # Errors
/// The checks that were found unhealthy, and those not known to be healthy at the `deadline`, in
/// the order of `checks`, one critical one among them at least. Nothing that is unknown counts as
/// healthy.
pub fn await_healthy(
    checks: &[HealthCheck],
    context: &ProbeContext<'_>,
    deadline: Duration,
) -> Result<Vec<Failure>, Vec<Failure>> {
    if checks.is_empty() {
        return Ok(Vec::new());
    }
    let until = Instant::now() + deadline.min(LONGEST);
    let failures = match Interrupt::new() {
        Ok(stop) => watch_all(checks, context, until, &stop),
        Err(error) => all_lost(checks, context, &error),
    };
    if failures.iter().any(|failure| failure.critical) { Err(failures) } else { Ok(failures) }
}

fn watch_all(
    checks: &[HealthCheck],
    context: &ProbeContext<'_>,
    until: Instant,
    stop: &Interrupt,
) -> Vec<Failure> {
    thread::scope(|scope| {
        let start = |check| {
            thread::Builder::new()
                .name("probe".to_owned())
                .spawn_scoped(scope, move || watch(check, context, until, stop))
        };
        let watches: Vec<_> = checks.iter().map(|check| (check, start(check))).collect();
        let ended = watches.into_iter().map(|(check, watch)| {
            let verdict = match watch {
                Ok(watch) => watch.join().unwrap_or_else(|_| lost("the probe broke down")),
                Err(error) => lost(&format!("the probe could not be started: {error}")),
            };
            (check, verdict)
        });
        let described = |(check, verdict): (&HealthCheck, Verdict)| {
            let message = verdict?;
            Some(failed(check, context, message))
        };
        ended.filter_map(described).collect()
    })
}

fn all_lost(
    checks: &[HealthCheck],
    context: &ProbeContext<'_>,
    error: &std::io::Error,
) -> Vec<Failure> {
    let message = format!("the probe could not be started: {error}");
    checks.iter().map(|check| failed(check, context, message.clone())).collect()
}

fn failed(check: &HealthCheck, context: &ProbeContext<'_>, message: String) -> Failure {
    Failure { probe: context.describe(&check.probe), message, critical: check.critical }
}

/// Why a check is not healthy; nothing where it is, or where another failure stopped it.
type Verdict = Option<String>;

fn lost(message: &str) -> Verdict {
    Some(message.to_owned())
}

fn watch(
    check: &HealthCheck,
    context: &ProbeContext<'_>,
    until: Instant,
    stop: &Interrupt,
) -> Verdict {
    let mut seen = Seen::default();
    loop {
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            if check.critical {
                stop.raise();
            }
            return Some(seen.undecided(check));
        }
        seen.add(probe_within(&check.probe, context, check.timeout().min(left)).map(drop));
        if seen.is_healthy(check) {
            return None;
        }
        if let Some(message) = seen.unhealthy(check) {
            if check.critical {
                stop.raise();
            }
            return Some(message);
        }
        let pause = check.interval().min(until.saturating_duration_since(Instant::now()));
        if stop.wait(context.interrupt, pause) {
            return seen.failing().or_else(|| interrupted(context));
        }
    }
}

/// Returns the verdict on a check that was given up before it was decided.
fn interrupted(context: &ProbeContext<'_>) -> Verdict {
    context.interrupt.is_some_and(Interrupt::is_raised).then(|| "interrupted".to_owned())
}

/// What the probes of one check have found.
#[derive(Default)]
struct Seen {
    successes: u32,
    failures: u32,
    last_failure: Option<String>,
}

impl Seen {
    fn add(&mut self, outcome: Result<(), ProbeFailure>) {
        match outcome {
            Ok(()) => {
                self.successes = self.successes.saturating_add(1);
                self.failures = 0;
            }
            Err(failure) => {
                self.failures = self.failures.saturating_add(1);
                self.successes = 0;
                self.last_failure = Some(failure.message);
            }
        }
    }

    fn is_healthy(&self, check: &HealthCheck) -> bool {
        self.successes >= check.successes.max(1)
    }

    fn unhealthy(&self, check: &HealthCheck) -> Option<String> {
        if self.failures < check.failures.max(1) { None } else { self.failing() }
    }

    /// Returns what the latest probe found wrong, if it did.
    fn failing(&self) -> Option<String> {
        let last = self.last_failure.as_ref().filter(|_| self.failures > 0)?;
        Some(match self.failures {
            1 => last.clone(),
            times => format!("{last} ({times} times in a row)"),
        })
    }

    fn undecided(&self, check: &HealthCheck) -> String {
        let wanted = check.successes.max(1);
        let reached = format!("{} of {wanted} successes in a row at the deadline", self.successes);
        match &self.last_failure {
            Some(last) => format!("{reached}; last failure: {last}"),
            None => reached,
        }
    }
}

#[cfg(test)]
mod tests {
    use windlass_core::health::Probe;

    use super::*;

    fn check(failures: u32, successes: u32) -> HealthCheck {
        let probe = Probe::Tcp("80".to_owned());
        HealthCheck { failures, successes, ..HealthCheck::new(probe) }
    }

    fn seen(outcomes: &[bool]) -> Seen {
        let mut seen = Seen::default();
        for &good in outcomes {
            seen.add(if good { Ok(()) } else { Err(super::super::unhealthy("refused")) });
        }
        seen
    }

    #[test]
    fn only_a_row_counts() {
        assert!(seen(&[false, true, true]).is_healthy(&check(3, 2)));
        assert!(!seen(&[true, false, true]).is_healthy(&check(3, 2)));
        let row = seen(&[true, false, false]).unhealthy(&check(2, 1));
        assert_eq!(row.as_deref(), Some("refused (2 times in a row)"));
        assert_eq!(seen(&[false, true, false]).unhealthy(&check(2, 2)), None);
    }

    #[test]
    fn a_threshold_of_zero_is_never_reached_without_a_probe() {
        assert!(!seen(&[]).is_healthy(&check(0, 0)));
        assert_eq!(seen(&[]).unhealthy(&check(0, 0)), None);
    }

    #[test]
    fn the_undecided_say_how_far_they_came() {
        let message = seen(&[false, true]).undecided(&check(3, 2));
        assert_eq!(message, "1 of 2 successes in a row at the deadline; last failure: refused");
    }
}
