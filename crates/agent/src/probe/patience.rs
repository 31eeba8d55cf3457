//! Calls of the system that know no timeout, given one.

use std::io;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Returns what `call` returns within `timeout`, and nothing where it does not.
///
/// It runs on a thread of its own: one that is late ends with the system's own patience, and nobody
/// listens to it any more.
pub(super) fn within<T: Send + 'static>(
    timeout: Duration,
    call: impl FnOnce() -> T + Send + 'static,
) -> io::Result<Option<T>> {
    let (answer, answered) = mpsc::channel();
    let call = move || drop(answer.send(call()));
    thread::Builder::new().name("patience".to_owned()).spawn(call)?;
    Ok(answered.recv_timeout(timeout).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_late_is_not_waited_for() {
        let (_keep, kept) = mpsc::channel::<()>();
        let late = within(Duration::from_millis(1), move || kept.recv());
        assert!(late.is_ok_and(|late| late.is_none()));
        assert_eq!(within(Duration::from_secs(60), || 7).ok().flatten(), Some(7));
    }
}
