use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use tempfile::TempDir;

use super::super::conformance::{self, Pair, environment, holder, id, name, record};
use super::*;

fn workspace() -> (TempDir, FileStore) {
    let dir = tempfile::tempdir().expect("a directory");
    let store = FileStore::open(dir.path()).expect("opens");
    (dir, store)
}

/// Returns two handles on a new state, in memory where there is such a file system.
fn pair(keep: &std::sync::Mutex<Vec<TempDir>>) -> Pair {
    let memory = Path::new("/dev/shm");
    let dir = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
    let dir = dir.expect("a directory");
    let open = || FileStore::open(dir.path()).expect("opens");
    let pair: Pair = [Arc::new(open()), Arc::new(open())];
    keep.lock().expect("no panic").push(dir);
    pair
}

#[tokio::test(flavor = "multi_thread")]
async fn conforms() {
    let keep = std::sync::Mutex::default();
    conformance::all(|| pair(&keep)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_ids_in_one_second_are_all_different() {
    let keep = std::sync::Mutex::default();
    conformance::numbers_are_given_once(pair(&keep), 4, 2500).await;
}

#[tokio::test]
async fn a_new_process_knows_what_an_earlier_one_saved() {
    let (dir, store) = workspace();
    store.save_environment(&environment("a")).await.expect("saved");
    store.create_record(&record("deploy_a_1", "a", 1)).await.expect("created");
    drop(store);
    let store = FileStore::open(dir.path()).expect("opens");
    assert_eq!(store.environment(&name("a")).await.expect("read"), Some(environment("a")));
    let found = store.record(&id("deploy_a_1")).await.expect("read");
    assert_eq!(found, Some(record("deploy_a_1", "a", 1)));
}

#[tokio::test]
async fn files_are_readable_json_and_private() {
    let (dir, store) = workspace();
    store.save_environment(&environment("a")).await.expect("saved");
    let path = dir.path().join("environments/a.json");
    let text = fs::read_to_string(&path).expect("there");
    assert!(text.contains("\n  \"schema\": 1,\n  \"name\": \"a\",\n"), "{text}");
    let mode = |path: &Path| fs::metadata(path).expect("there").permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    assert_eq!(mode(&dir.path().join("environments")), 0o700);
}

#[tokio::test]
async fn a_newer_schema_is_refused_and_never_rewritten() {
    let (dir, store) = workspace();
    store.save_environment(&environment("a")).await.expect("saved");
    store.create_record(&record("deploy_a_1", "a", 1)).await.expect("created");
    for file in ["environments/a.json", "config_deployments/deploy_a_1.json"] {
        let path = dir.path().join(file);
        let text = fs::read_to_string(&path).expect("there");
        fs::write(&path, text.replace("\"schema\": 1", "\"schema\": 2")).expect("written");
    }
    let before = fs::read(dir.path().join("environments/a.json")).expect("there");
    let errors = [
        store.environment(&name("a")).await.expect_err("newer"),
        store.save_environment(&environment("a")).await.expect_err("newer"),
        store.record(&id("deploy_a_1")).await.expect_err("newer"),
        store.update_record(&record("deploy_a_1", "a", 1)).await.expect_err("newer"),
    ];
    for error in errors {
        assert!(matches!(error, StoreError::Newer { schema: 2, known: 1, .. }), "{error}");
        assert!(error.to_string().contains(".json was written by a newer version"), "{error}");
    }
    assert_eq!(fs::read(dir.path().join("environments/a.json")).expect("there"), before);
}

#[tokio::test]
async fn a_damaged_record_is_named_and_hides_no_other() {
    let (dir, store) = workspace();
    for deployment in ["deploy_a_1", "deploy_a_2", "deploy_a_3"] {
        store.create_record(&record(deployment, "a", 1)).await.expect("created");
    }
    let path = dir.path().join("config_deployments/deploy_a_2.json");
    let text = fs::read_to_string(&path).expect("there");
    let damages =
        [text.replace("alice", "alicf"), text[..text.len() / 2].to_owned(), String::new()];
    for damage in damages {
        fs::write(&path, damage).expect("written");
        let listing = store.records(Some(&name("a"))).await.expect("lists");
        let ids: Vec<_> = listing.items.iter().map(|r| r.deployment_id.as_str()).collect();
        assert_eq!(ids, ["deploy_a_3", "deploy_a_1"]);
        let [StoreError::Corrupt { path: named, .. }] = &listing.problems[..] else {
            panic!("{:?}", listing.problems)
        };
        assert_eq!(*named, path);
        let error = listing.complete().expect_err("not complete");
        assert!(error.to_string().contains("deploy_a_2.json is damaged: "), "{error}");
        let update = store.update_record(&record("deploy_a_2", "a", 1)).await;
        assert!(matches!(update, Err(StoreError::Corrupt { .. })));
    }
}

#[tokio::test]
async fn a_file_must_hold_what_its_name_says() {
    let (dir, store) = workspace();
    store.save_environment(&environment("a")).await.expect("saved");
    store.create_record(&record("deploy_a_1", "a", 1)).await.expect("created");
    let copy = |from: &str, to: &str| {
        fs::copy(dir.path().join(from), dir.path().join(to)).expect("copied");
    };
    copy("environments/a.json", "environments/b.json");
    copy("config_deployments/deploy_a_1.json", "config_deployments/deploy_a_2.json");
    copy("config_deployments/deploy_a_1.json", "config_deployments/other.json");
    let error = store.environment(&name("b")).await.expect_err("a copy");
    assert!(error.to_string().ends_with("b.json is damaged: it holds environment `a`"), "{error}");
    assert_eq!(store.environments().await.expect("lists").problems.len(), 1);
    let listing = store.records(None).await.expect("lists");
    assert_eq!((listing.items.len(), listing.problems.len()), (1, 2));
}

#[tokio::test]
async fn what_is_no_file_of_sane_size_is_not_read() {
    let (dir, store) = workspace();
    let records = dir.path().join("config_deployments");
    fs::create_dir(records.join("deploy_a_1.json")).expect("made");
    let huge = File::create(records.join("deploy_a_2.json")).expect("made");
    huge.set_len(MAX_FILE + 1).expect("sparse");
    let fifo = Command::new("mkfifo").arg(records.join("deploy_a_3.json")).status();
    assert!(fifo.expect("mkfifo runs").success());
    fs::write(records.join("notes.txt"), "not ours").expect("written");
    let listing = store.records(None).await.expect("lists");
    let mut reasons: Vec<_> = listing.problems.iter().map(ToString::to_string).collect();
    reasons.sort_unstable();
    let ends = ["it is not a file", "it has more than 67108864 bytes", "it is not a file"];
    assert_eq!(reasons.len(), 3);
    for (reason, end) in reasons.iter().zip(ends) {
        assert!(reason.ends_with(end), "{reason}");
    }
}

#[tokio::test]
async fn what_could_not_be_read_again_is_not_written() {
    let (dir, store) = workspace();
    let mut deep = record("deploy_a_1", "a", 1);
    let value = (0..200).fold(serde_json::Value::Null, |inner, _| serde_json::json!([inner]));
    let settings = deep.changes.settings_changed.get_mut("app.yaml").expect("there");
    settings.get_mut("limits").expect("there").new = Some(value);
    let error = store.create_record(&deep).await.expect_err("too deep");
    assert!(matches!(error, StoreError::Unwritable { .. }), "{error}");
    let newer = ConfigDeployment { schema: 2, ..record("deploy_a_1", "a", 1) };
    let error = store.create_record(&newer).await.expect_err("not our schema");
    assert!(error.to_string().ends_with("cannot be written: its schema is 2"), "{error}");
    let records = fs::read_dir(dir.path().join("config_deployments")).expect("there");
    assert_eq!(records.count(), 0);
}

#[tokio::test]
async fn a_directory_that_cannot_be_written_is_named_with_the_cause() {
    let dir = tempfile::tempdir().expect("a directory");
    fs::write(dir.path().join("environments"), "").expect("written");
    let error = FileStore::open(dir.path()).expect_err("a file is in the way");
    assert!(error.to_string().contains("/environments"), "{error}");
    assert!(std::error::Error::source(&error).is_some());
}

/// Starts a process that locks `path` as another `windlass` would, and returns once it has.
fn locker(path: &Path) -> Child {
    let mut child = Command::new("flock")
        .args(["--no-fork"])
        .arg(path)
        .args(["sh", "-c", "echo locked; exec cat"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("flock runs");
    let mut line = String::new();
    let stdout = child.stdout.as_mut().expect("piped");
    BufReader::new(stdout).read_line(&mut line).expect("readable");
    assert_eq!(line, "locked\n");
    child
}

#[tokio::test]
async fn the_lock_of_another_process_holds_until_it_is_killed() {
    let (dir, store) = workspace();
    let path = dir.path().join("locks/a.lock");
    fs::write(&path, serde_json::to_vec(&holder("carol")).expect("JSON")).expect("written");
    let mut other = locker(&path);
    let error = store.lock(&name("a"), &holder("alice"), None).await.expect_err("held");
    assert!(error.to_string().contains("locked by carol on "), "{error}");

    other.kill().expect("killed");
    other.wait().expect("reaped");
    let lock = store.lock(&name("a"), &holder("alice"), None).await.expect("free");
    let written: Holder =
        serde_json::from_slice(&fs::read(&path).expect("there")).expect("a holder");
    assert_eq!(written, holder("alice"));
    drop(lock);
    assert_eq!(fs::read(&path).expect("never removed"), b"");
}

#[tokio::test]
async fn a_holder_without_a_name_is_still_a_holder() {
    let (dir, store) = workspace();
    let path = dir.path().join("locks/a.lock");
    fs::write(&path, "{\"who\": \"ca").expect("written");
    let mut other = locker(&path);
    let error = store.lock(&name("a"), &holder("alice"), None).await.expect_err("held");
    assert!(matches!(error, StoreError::Held { holder: None, .. }), "{error}");
    assert!(error.to_string().ends_with("locked by somebody who has left no name"), "{error}");
    other.kill().expect("killed");
    other.wait().expect("reaped");
}
