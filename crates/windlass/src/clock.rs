//! Clocks: where the engine learns what time it is.

use std::fmt;
use std::pin::Pin;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use tokio::sync::Notify;

/// A wait for a clock.
pub type Sleep<'c> = Pin<Box<dyn Future<Output = ()> + Send + 'c>>;

/// Tells the time.
pub trait Clock: Send + Sync + fmt::Debug {
    /// Returns the time of day, for records and ids; it may jump, also backwards.
    fn now(&self) -> Timestamp;

    /// Returns the time since some fixed moment, for measuring; it never goes backwards.
    fn monotonic(&self) -> Duration;

    /// Returns once `by` has passed on this clock.
    fn sleep(&self, by: Duration) -> Sleep<'_>;
}

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

static STARTED: LazyLock<Instant> = LazyLock::new(Instant::now);

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "this is the clock that the others ask")]
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        STARTED.elapsed()
    }

    fn sleep(&self, by: Duration) -> Sleep<'_> {
        Box::pin(tokio::time::sleep(by))
    }
}

/// A clock that stands still until it is told otherwise.
#[derive(Debug)]
pub struct FixedClock {
    time: Mutex<Fixed>,
    changed: Notify,
}

#[derive(Debug, Clone, Copy)]
struct Fixed {
    now: Timestamp,
    monotonic: Duration,
}

impl FixedClock {
    /// Returns a clock that stands at `now`.
    #[must_use]
    pub fn at(now: Timestamp) -> Self {
        let time = Mutex::new(Fixed { now, monotonic: Duration::ZERO });
        Self { time, changed: Notify::new() }
    }

    /// Sets the time of day, as an administrator does: what is measured is not affected.
    pub fn set(&self, now: Timestamp) {
        self.change(|time| time.now = now);
    }

    /// Lets `by` pass; the time of day stops at the latest that there is.
    pub fn advance(&self, by: Duration) {
        self.change(|time| {
            time.now = time.now.saturating_add(by).unwrap_or(Timestamp::MAX);
            time.monotonic = time.monotonic.saturating_add(by);
        });
    }

    fn read(&self) -> Fixed {
        *self.time.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Fixed)) {
        change(&mut self.time.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_waiters();
    }

    async fn reaches(&self, monotonic: Duration) {
        loop {
            let changed = self.changed.notified();
            if self.read().monotonic >= monotonic {
                return;
            }
            changed.await;
        }
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        self.read().now
    }

    fn monotonic(&self) -> Duration {
        self.read().monotonic
    }

    fn sleep(&self, by: Duration) -> Sleep<'_> {
        Box::pin(self.reaches(self.read().monotonic.saturating_add(by)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fixed_clock_moves_only_when_told() {
        let start = Timestamp::from_second(1_700_000_000).expect("in range");
        let clock = FixedClock::at(start);
        assert_eq!((clock.now(), clock.monotonic()), (start, Duration::ZERO));
        clock.advance(Duration::from_secs(5));
        assert_eq!(clock.now().as_second(), 1_700_000_005);
        assert_eq!(clock.monotonic(), Duration::from_secs(5));
    }

    #[tokio::test]
    async fn a_sleep_ends_when_its_clock_gets_there() {
        let clock = FixedClock::at(Timestamp::UNIX_EPOCH);
        let mut sleep = clock.sleep(Duration::from_secs(5));
        let mut is_over = async || {
            tokio::select! {
                biased;
                () = &mut sleep => true,
                () = std::future::ready(()) => false,
            }
        };
        assert!(!is_over().await);
        clock.advance(Duration::from_secs(4));
        assert!(!is_over().await);
        clock.advance(Duration::from_secs(1));
        assert!(is_over().await);
    }

    #[test]
    fn setting_the_time_of_day_back_does_not_turn_measured_time_back() {
        let clock = FixedClock::at(Timestamp::from_second(1_700_000_000).expect("in range"));
        clock.advance(Duration::from_secs(5));
        clock.set(Timestamp::UNIX_EPOCH);
        assert_eq!(clock.now(), Timestamp::UNIX_EPOCH);
        assert_eq!(clock.monotonic(), Duration::from_secs(5));
    }

    #[test]
    fn the_end_of_time_is_where_advancing_stops() {
        let clock = FixedClock::at(Timestamp::MAX);
        clock.advance(Duration::MAX);
        assert_eq!(clock.now(), Timestamp::MAX);
    }

    #[test]
    fn the_system_clock_measures_forwards() {
        let before = SystemClock.monotonic();
        assert!(SystemClock.monotonic() >= before);
        assert!(SystemClock.now() > Timestamp::from_second(1_700_000_000).expect("in range"));
    }
}
