//! Whether an agent works, and telling the operator so.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use super::outbox::Outbox;
use crate::protocol::Kind;

/// Whether an agent works.
#[derive(Debug, Default)]
pub(super) struct Activity {
    now: Mutex<Now>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Now {
    busy: bool,
    over: bool,
}

/// Work, until it is dropped.
pub(super) struct Busy<'a>(&'a Activity);

impl Activity {
    /// Notes that work begins.
    pub(super) fn begin(&self) -> Busy<'_> {
        self.lock().busy = true;
        Busy(self)
    }

    /// Notes that there will be no more.
    pub(super) fn end(&self) {
        self.lock().over = true;
        self.changed.notify_all();
    }

    /// Waits for work to end; tells whether it did within `patience`.
    pub(super) fn ends_within(&self, patience: Duration) -> bool {
        let works = |now: &mut Now| now.busy && !now.over;
        let waited = self.changed.wait_timeout_while(self.lock(), patience, works);
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// Waits for `time`; tells whether there is work then, or nothing where all is over.
    fn after(&self, time: Duration) -> Option<bool> {
        let waited = self.changed.wait_timeout_while(self.lock(), time, |now| !now.over);
        let now = waited.unwrap_or_else(PoisonError::into_inner).0;
        (!now.over).then_some(now.busy)
    }

    fn lock(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Busy<'_> {
    fn drop(&mut self) {
        self.0.lock().busy = false;
        self.0.changed.notify_all();
    }
}

/// Shows every `time`, while there is work, that the agent is there.
pub(super) fn tick(
    activity: &Arc<Activity>,
    outbox: &Arc<Outbox>,
    time: Duration,
) -> io::Result<()> {
    let (activity, outbox) = (Arc::clone(activity), Arc::clone(outbox));
    let work = move || {
        while let Some(busy) = activity.after(time) {
            if busy && outbox.put(Kind::Tick, &[]).is_err() {
                break;
            }
        }
    };
    thread::Builder::new().name("tick".to_owned()).spawn(work).map(drop)
}
