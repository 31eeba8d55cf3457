//! Calls that fail: the process lives, so it says what happened, and leaves each target old or new.

use super::{Swept, numbers};

/// What calls are told, and at which of them. Not `read` and `write`: threads wake each other with them, and
/// no disk fails those. Full disks and limits of size are tried in `faults`.
const POINTS: [(&str, &str, &[usize]); 16] = [
    ("fsync", "error=EIO", &[1, 2, 3, 5, 7, 9]),
    ("fsync", "error=ENOSPC", &[4, 8]),
    ("syncfs", "error=EIO", &[1]),
    ("renameat", "error=EIO", &[1, 2, 3, 4, 5, 6, 7]),
    ("renameat", "error=ENOSPC", &[5]),
    ("renameat2", "error=EIO", &[1]),
    ("linkat", "error=EIO", &[1]),
    ("symlinkat", "error=EDQUOT", &[1, 2]),
    ("unlinkat", "error=EIO", &[1, 2, 3, 4]),
    ("mkdirat", "error=ENOSPC", &[1, 2, 3]),
    ("mkdirat", "error=EROFS", &[1]),
    ("openat", "error=EMFILE", &[40, 70, 100, 130]),
    ("openat", "error=EIO", &[50, 90]),
    ("openat", "error=EINTR", &[60]),
    ("flock", "error=EINTR", &[1, 2]),
    ("fchmod", "error=EIO", &[1]),
];

/// Fails unless what the exit code promises is so: everything new, or everything as before. A 5 promises
/// nothing; calls are counted in each thread, so that several may fail.
fn assert_honest(swept: &Swept, code: Option<i32>, old: usize) {
    match code {
        Some(0) => swept.assert_all(swept.version),
        Some(1 | 4) => swept.assert_all(old),
        Some(5) => {}
        other => panic!("it ended with {other:?}"),
    }
}

/// Tries every point on a deployment; with `persisting`, every later call fails as well.
fn sweep(mut swept: Swept, persisting: bool) {
    let plus = if persisting { "+" } else { "" };
    let mut failed = 0;
    // What is interrupted is tried again, for as long as it is.
    let able = |what: &str| !(persisting && what.ends_with("EINTR"));
    for (name, what, sample) in POINTS.into_iter().filter(|(_, what, _)| able(what)) {
        // Which thread is the first to fail for good decides how much of the way back is left; all of it is
        // tried by `scripts/sweep`.
        let sample = if persisting { &sample[..1] } else { sample };
        for nth in numbers(sample) {
            let old = swept.version;
            swept.next();
            let inject = format!("{what}:when={nth}{plus}");
            let code = swept.run_with(&["deploy", "staging"], name, &inject);
            failed += usize::from(code != Some(0));
            swept.assert_whole("linked", old, swept.version);
            if !persisting {
                assert_honest(&swept, code, old);
            }
            let _ = swept.json(&["deploy", "staging"]);
            swept.assert_all(swept.version);
        }
    }
    assert!(failed >= 8, "only {failed} of the points were reached");
}

#[test]
fn a_deployment_with_an_error_at_any_call_is_old_or_new() {
    sweep(Swept::new(), false);
}

#[test]
fn a_deployment_whose_calls_fail_from_some_point_on_is_old_or_new() {
    sweep(Swept::new(), true);
}
