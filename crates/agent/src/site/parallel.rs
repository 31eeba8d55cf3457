//! The same work on many files, on a few threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use super::SiteError;

const MOST_THREADS: usize = 4;

/// Returns what `work` gives for each of `items`, in no particular order; `start` makes what each
/// thread keeps to itself. After a failure no further item is begun.
///
/// # Errors
/// The failure of the item that comes first in `items`, whichever thread was faster: an item that
/// was taken is worked on, and they are taken in order.
pub(super) fn each<T: Sync, S, R: Send>(
    items: &[T],
    start: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, &T) -> Result<R, SiteError> + Sync,
) -> Result<Vec<R>, SiteError> {
    let next = AtomicUsize::new(0);
    let failed = AtomicBool::new(false);
    let worker = || {
        let mut share = Share { results: Vec::new(), failure: None };
        let mut own = start();
        while !failed.load(Ordering::Relaxed) {
            let index = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(index) else { break };
            match work(&mut own, item) {
                Ok(result) => share.results.push(result),
                Err(error) => {
                    failed.store(true, Ordering::Relaxed);
                    share.failure = Some((index, error));
                }
            }
        }
        share
    };
    let others = items.len().min(threads()).saturating_sub(1);
    let gathered = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..others {
            scope.spawn(|| keep(&gathered, worker()));
        }
        keep(&gathered, worker());
    });
    first_failure(gathered.into_inner().expect("no worker panics while it holds the results"))
}

/// What one thread did.
struct Share<R> {
    results: Vec<R>,
    /// The failure that ended it, with the index of its item.
    failure: Option<(usize, SiteError)>,
}

fn first_failure<R>(shares: Vec<Share<R>>) -> Result<Vec<R>, SiteError> {
    let mut results = Vec::new();
    let mut failures = Vec::new();
    for share in shares {
        results.extend(share.results);
        failures.extend(share.failure);
    }
    match failures.into_iter().min_by_key(|(index, _)| *index) {
        Some((_, error)) => Err(error),
        None => Ok(results),
    }
}

fn keep<R>(gathered: &Mutex<Vec<R>>, result: R) {
    gathered.lock().expect("no worker panics while it holds the results").push(result);
}

fn threads() -> usize {
    std::thread::available_parallelism().map_or(2, std::num::NonZero::get).clamp(2, MOST_THREADS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once() {
        let items: Vec<usize> = (0..1000).collect();
        let mut doubled = each(&items, || (), |(), n| Ok(n * 2)).expect("no failure");
        doubled.sort_unstable();
        assert_eq!(doubled, (0..1000).map(|n| n * 2).collect::<Vec<_>>());
    }

    #[test]
    fn a_failure_is_returned() {
        let fail = |(): &mut (), n: &usize| match n {
            7 => Err(SiteError::NotADirectory("seven".into())),
            _ => Ok(()),
        };
        let items: Vec<usize> = (0..100).collect();
        assert!(matches!(each(&items, || (), fail), Err(SiteError::NotADirectory(_))));
        assert!(each(&[], || (), fail).expect("nothing to do").is_empty());
    }

    #[test]
    fn of_two_failures_the_one_of_the_earlier_item_is_returned() {
        let both = std::sync::Barrier::new(2);
        let fail = |(): &mut (), n: &usize| -> Result<(), SiteError> {
            both.wait();
            Err(SiteError::NotADirectory(n.to_string().into()))
        };
        for _ in 0..50 {
            let Err(SiteError::NotADirectory(path)) = each(&[0, 1], || (), fail) else {
                panic!("no failure")
            };
            assert_eq!(path, std::path::Path::new("0"));
        }
    }
}
