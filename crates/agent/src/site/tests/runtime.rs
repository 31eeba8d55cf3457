//! What holds for files that are on no disk.

use super::*;

const CANARY: &str = "CANARY-";

const FIRST: &[File] = &[
    ("app.yaml", "public", 0o644, Linked),
    ("secret.env", "CANARY-first", 0o600, Runtime),
    ("keys/tls.pem", "CANARY-same", 0o640, Runtime),
];

const SECOND: &[File] = &[
    ("app.yaml", "public, too", 0o644, Linked),
    ("secret.env", "CANARY-second", 0o600, Runtime),
    ("keys/tls.pem", "CANARY-same", 0o640, Runtime),
];

/// Returns the files below `dir` that hold a canary, links not followed.
fn canaries(dir: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).expect("listed") {
        let entry = entry.expect("listed");
        let kind = entry.file_type().expect("known");
        if kind.is_dir() {
            found.extend(canaries(&entry.path()));
        } else if kind.is_file() {
            let bytes = std::fs::read(entry.path()).expect("readable");
            if bytes.windows(CANARY.len()).any(|part| part == CANARY.as_bytes()) {
                found.push(entry.path());
            }
        }
    }
    found
}

/// As if the host had restarted.
fn restart(fixture: &Fixture) {
    std::fs::remove_dir_all(fixture.memory.path().join("windlass")).expect("removed");
}

#[test]
fn content_is_in_memory_only_and_reached_by_its_path() {
    let mut fixture = Fixture::new();
    let one = fixture.release(FIRST);
    fixture.go(&one).expect("activated");
    assert_eq!(fixture.tree(), expected(&Tree::new(), FIRST));
    assert_eq!(fixture.drift(), []);
    assert_eq!(canaries(fixture.temp.path()), Vec::<std::path::PathBuf>::new());
    assert_eq!(canaries(fixture.memory.path()).len(), 2, "the search finds what is there");
}

#[test]
fn a_canary_is_on_no_disk_wherever_the_plug_is_pulled() {
    for k in 0.. {
        let mut fixture = Fixture::new();
        let (one, two) = (fixture.release(FIRST), fixture.release(SECOND));
        fixture.go(&one).expect("activated");
        let finished = fixture.go_until(Some(&two), k);
        assert_eq!(canaries(fixture.temp.path()).len(), 0, "{k}");
        fixture.recover();
        assert_eq!(canaries(fixture.temp.path()).len(), 0, "{k}");
        let live = fixture.site.inspect(None).expect("inspected").live.expect("live").release;
        let side = if live == two.id { SECOND } else { FIRST };
        assert_eq!(fixture.tree(), expected(&Tree::new(), side), "{k}");
        if finished {
            return;
        }
    }
}

#[test]
fn going_back_needs_nothing_but_the_host() {
    let mut fixture = Fixture::new();
    let (one, two) = (fixture.release(FIRST), fixture.release(SECOND));
    fixture.go(&one).expect("activated");
    fixture.go(&two).expect("activated");
    fixture.blobs = Blobs::default();
    let kept = fixture.site.lock().expect("locked").kept(&one.manifest).expect("looked");
    assert!(one.manifest.files().iter().all(|entry| kept.has(&entry.digest)));
    let mut content = kept.open(&Digest::of(b"CANARY-first")).expect("opens").expect("there");
    assert_eq!(io::read_to_string(&mut content).expect("reads"), "CANARY-first");
    fixture.go(&one).expect("back");
    assert_eq!(fixture.tree(), expected(&Tree::new(), FIRST));
}

#[test]
fn a_restart_is_told_and_the_next_deployment_heals_it() {
    let mut fixture = Fixture::new();
    let one = fixture.release(FIRST);
    fixture.go(&one).expect("activated");
    restart(&fixture);
    let missing = |path: &str| (path.to_owned(), DriftIssue::Missing);
    assert_eq!(fixture.drift(), [missing("keys/tls.pem"), missing("secret.env")]);
    let seen = fixture.site.inspect(Some(&one.manifest)).expect("inspected");
    assert!(seen.drift.iter().all(|drift| drift.actual.contains("restart")), "{:?}", seen.drift);
    assert_eq!(seen.conflicts, []);
    let mut locked = fixture.site.lock().expect("locked");
    fixture.stage(&mut locked, &one).expect("mended");
    let activated = locked.activate(Some(one.id), &deployment(1), Vec::new()).expect("live");
    assert_eq!(activated.reloads, [service("web")], "who could not read them reads them now");
    drop(locked);
    assert_eq!(fixture.tree(), expected(&Tree::new(), FIRST));
}

#[test]
fn recovery_does_not_miss_what_went_with_a_restart() {
    for k in 0.. {
        let mut fixture = Fixture::new();
        let (one, two) = (fixture.release(FIRST), fixture.release(SECOND));
        fixture.go(&one).expect("activated");
        let finished = fixture.go_until(Some(&two), k);
        restart(&fixture);
        fixture.recover();
        let live = fixture.site.inspect(None).expect("inspected").live.expect("live").release;
        let side = if live == two.id { &two } else { &one };
        fixture.go(side).expect("staged again");
        let files = if live == two.id { SECOND } else { FIRST };
        assert_eq!(fixture.tree(), expected(&Tree::new(), files), "{k}");
        if finished {
            return;
        }
    }
}

#[test]
fn pruning_and_sweeping_reach_memory_too() {
    let mut fixture = Fixture::new();
    let (one, two) = (fixture.release(FIRST), fixture.release(SECOND));
    fixture.go(&one).expect("activated");
    fixture.go(&two).expect("activated");
    assert_eq!(canaries(fixture.memory.path()).len(), 4);
    fixture.site.lock().expect("locked").prune(&[]).expect("pruned");
    assert_eq!(canaries(fixture.memory.path()).len(), 2);
    let site = std::fs::read_dir(fixture.memory.path().join("windlass")).expect("listed");
    let site = site.map(|site| site.expect("listed").path()).next().expect("one site");
    let cut_off = site.join(one.id.to_string());
    std::fs::create_dir(&cut_off).expect("made");
    std::fs::write(cut_off.join("secret.env"), "CANARY-cut off").expect("written");
    fixture.recover();
    assert!(!cut_off.exists(), "staging that was killed leaves nothing for long");
    let mut locked = fixture.site.lock().expect("locked");
    locked.activate(None, &deployment(2), Vec::new()).expect("nothing is live");
    locked.prune(&[]).expect("pruned");
    drop(locked);
    assert_eq!(canaries(fixture.memory.path()).len(), 0);
}

#[test]
fn changes_by_hand_are_told_and_mended() {
    let mut fixture = Fixture::new();
    let one = fixture.release(FIRST);
    fixture.go(&one).expect("activated");
    fixture.write("secret.env", "by hand, through the link");
    let staged = fixture.site.release_dir(&one.id).join("keys/tls.pem");
    std::fs::remove_file(&staged).expect("removed");
    symlink("/etc/passwd", &staged).expect("linked");
    let told = [
        ("keys/tls.pem".to_owned(), DriftIssue::Replaced),
        ("secret.env".to_owned(), DriftIssue::Modified),
    ];
    assert_eq!(fixture.drift(), told);
    fixture.go(&one).expect("mended");
    assert_eq!(fixture.tree(), expected(&Tree::new(), FIRST));
    assert_eq!(fixture.drift(), []);
}

#[test]
fn a_host_without_such_a_place_is_refused_before_anything_changes() {
    let mut fixture = Fixture::new();
    fixture.site = fixture.site.clone().with_runtime_base("/proc/windlass");
    let (one, plain) = (fixture.release(FIRST), fixture.release(LINKED_ONE));
    fixture.go(&plain).expect("needs no such place");
    let before = fixture.tree();
    let planned = fixture.site.inspect(Some(&one.manifest)).expect_err("no tmpfs");
    assert!(planned.to_string().contains("runtime = true"), "{planned}");
    assert!(matches!(fixture.go(&one), Err(SiteError::NotInMemory(_))));
    assert_eq!(fixture.tree(), before);
    assert!(!fixture.site.release_dir(&one.id).exists());
}

#[test]
fn staging_that_breaks_leaves_nothing_in_memory() {
    let mut fixture = Fixture::new();
    let one = fixture.release(FIRST);
    fixture.blobs.0.remove(&Digest::of(b"public"));
    assert!(matches!(fixture.go(&one), Err(SiteError::Blob { .. })));
    assert_eq!(canaries(fixture.memory.path()).len(), 0);
    assert!(!fixture.site.release_dir(&one.id).exists());
}

#[test]
fn content_on_its_way_is_on_no_disk() {
    let fixture = Fixture::new();
    let locked = fixture.site.lock().expect("locked");
    let file = locked.memory_file().expect("made");
    let on = rustix::fs::fstatfs(&file).expect("asked").f_type;
    let tmpfs = rustix::fs::statfs("/dev/shm").expect("asked").f_type;
    assert_eq!(on, tmpfs);
}
