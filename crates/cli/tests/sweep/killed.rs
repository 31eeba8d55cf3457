//! SIGKILL, after which whoever comes next finishes or takes back.

use super::{Swept, numbers};

/// Calls that change something, or come just before one that does, and at which of each it ends.
const POINTS: [(&str, &[usize]); 10] = [
    ("renameat", &[1, 2, 3, 4, 5, 6]),
    ("renameat2", &[1]),
    ("symlinkat", &[1, 2, 3]),
    ("unlinkat", &[1, 2, 3]),
    ("fsync", &[1, 4, 7, 10]),
    ("syncfs", &[1]),
    ("mkdirat", &[1, 3]),
    ("ftruncate", &[1]),
    ("write", &[3, 7]),
    ("openat", &[60, 110]),
];

/// Calls `at` with every point, skipping the later ones of a call that is not made so often.
fn sweep(mut at: impl FnMut(&str, usize) -> bool) {
    for (name, sample) in POINTS {
        for nth in numbers(sample) {
            if !at(name, nth) {
                break;
            }
        }
    }
}

/// Tells whether the binary was killed at its `nth` call of `name`, or did not come that far.
fn killed_at(swept: &Swept, arguments: &[&str], name: &str, nth: usize) -> bool {
    swept.run_with(arguments, name, &format!("signal=KILL:when={nth}")) != Some(0)
}

#[test]
fn a_deployment_killed_at_any_call_is_taken_back_and_done_again() {
    let mut swept = Swept::new();
    let mut kills = 0;
    sweep(|name, nth| {
        let old = swept.version;
        swept.next();
        let killed = killed_at(&swept, &["deploy", "staging"], name, nth);
        kills += usize::from(killed);
        if killed {
            swept.assert_whole("linked", old, swept.version);
            let interrupted = swept.history()[0]["status"] == "in_progress";
            if interrupted && nth % 2 == 1 {
                let _ = swept.json(&["rollback", "staging"]);
                swept.assert_all(old);
            }
            let _ = swept.json(&["deploy", "staging"]);
            assert!(swept.history().iter().all(|record| record["status"] != "in_progress"));
        }
        swept.assert_all(swept.version);
        killed
    });
    assert!(kills >= 15, "only {kills} of the points were reached");
}

#[test]
fn a_rollback_killed_at_any_call_is_finished() {
    let mut swept = Swept::new();
    let mut kills = 0;
    sweep(|name, nth| {
        let old = swept.version;
        swept.next();
        let deployed = swept.json(&["deploy", "staging"])["deployment_id"].clone();
        let id = deployed.as_str().expect("an id");
        let killed = killed_at(&swept, &["rollback", id], name, nth);
        kills += usize::from(killed);
        if killed {
            swept.assert_whole("linked", old, swept.version);
        }
        if swept.json(&["show", id])["status"] != "rolled_back"
            || swept.history()[0]["status"] == "in_progress"
        {
            let _ = swept.json(&["rollback", "staging"]);
        }
        swept.assert_all(old);
        let undone = swept.json(&["show", id]);
        assert_eq!(undone["status"], "rolled_back", "{name} {nth}");
        assert!(undone["rollback_info"]["rolled_back_by"].is_string(), "{name} {nth}");
        swept.version = old;
        killed
    });
    assert!(kills >= 15, "only {kills} of the points were reached");
}
