use std::fs;
use std::thread;

use windlass_sops::{Identities, KeyPair};

use super::*;
use crate::clock::FixedClock;
use crate::secrets::{AgeState, Snapshot, load, open};

struct World {
    dir: tempfile::TempDir,
    pair: KeyPair,
    clock: Arc<FixedClock>,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let pair = KeyPair::generate();
        let start = "2026-11-20T12:00:00Z".parse().expect("a time");
        let world = Self { dir, pair, clock: Arc::new(FixedClock::at(start)) };
        world.rules(&[&world.pair]);
        world
    }

    fn rules(&self, pairs: &[&KeyPair]) {
        let names: Vec<String> = pairs.iter().map(|pair| pair.recipient().to_string()).collect();
        let text =
            format!("creation_rules:\n  - path_regex: ^secrets/\n    age: {}\n", names.join(","));
        fs::write(self.dir.path().join(".sops.yaml"), text).expect("written");
    }

    fn path(&self, name: &str) -> PathBuf {
        self.dir.path().join("secrets").join(name)
    }

    fn keys_of(pair: &KeyPair) -> Keys {
        Keys::from(Identities::parse(pair.secret(), "a test").expect("a key"))
    }

    fn keys(&self) -> Keys {
        Self::keys_of(&self.pair)
    }

    fn manager(&self, name: &str) -> SecretManager {
        SecretManager::new(self.path(name), self.keys())
            .with_root(self.dir.path())
            .with_actor("alice@desk")
            .with_clock(self.clock.clone())
    }

    fn pass_days(&self, days: u64) {
        self.clock.advance(Duration::from_secs(days * 86_400));
    }
}

fn name(text: &str) -> SecretName {
    SecretName::new(text).expect("a name")
}

fn store(manager: &SecretManager, key: &str, value: &str) -> SecretId {
    let details = SecretDetails::default();
    manager.store(&name(key), &Secret::new(value), &details).expect("stored")
}

fn get(manager: &SecretManager, key: &str) -> String {
    let value = manager.get(key).expect("there");
    value.expose_text().expect("UTF-8").to_owned()
}

#[test]
fn every_format_is_made_by_its_rules_and_read_back() {
    let world = World::new();
    for (file, keys) in [
        ("a.yaml", ["DB_PASSWORD", "database.password"]),
        ("a.json", ["DB_PASSWORD", "database.password"]),
        ("a.env", ["DB_PASSWORD", "OTHER"]),
        ("a.ini", ["db.password", "smtp.password"]),
    ] {
        let manager = world.manager(file);
        for key in keys {
            store(&manager, key, &format!("value of {key}"));
        }
        for key in keys {
            assert_eq!(get(&manager, key), format!("value of {key}"), "{file}");
        }
        let text = fs::read_to_string(world.path(file)).expect("there");
        assert!(!text.contains("value of"), "{text}");
        assert_eq!(load(&world.path(file), &world.keys()).expect("loaded").len(), 2);
    }
    let binary = world.manager("server.key");
    let bytes = Secret::new(vec![0, 159, 146, 150, 255]);
    binary.store(&name("data"), &bytes, &SecretDetails::default()).expect("stored");
    assert_eq!(binary.get("data").expect("there"), bytes);
    let other = Secret::new(vec![1, 159]);
    binary.rotate(&name("data"), &other, Keep::Value).expect("rotated");
    assert_eq!(binary.get("data").expect("there"), other);
    assert_eq!(binary.kept("data").expect("kept"), [bytes]);
    let error = binary.store(&name("x"), &other, &SecretDetails::default()).expect_err("refused");
    assert!(error.to_string().contains("is one secret"), "{error}");
}

#[test]
fn ids_stay_and_lead_to_values() {
    let world = World::new();
    let manager = world.manager("a.yaml");
    let id = store(&manager, "A", "1");
    assert_eq!(store(&manager, "A", "2"), id);
    assert_eq!(get(&manager, id.as_str()), "2");
    assert_ne!(store(&manager, "B", "2"), id);
    assert_eq!(manager.delete(id.as_str()).expect("deleted"), name("A"));
    assert!(matches!(manager.get("A"), Err(SecretsError::Unknown { .. })));
    assert!(matches!(manager.get(id.as_str()), Err(SecretsError::Unknown { .. })));
    assert_ne!(store(&manager, "A", "3"), id);
}

#[test]
fn rotations_are_remembered_without_values_unless_asked() {
    let world = World::new();
    let manager = world.manager("a.yaml").with_max_age(Some(Duration::from_secs(90 * 86_400)));
    store(&manager, "A", "first");
    world.pass_days(91);
    assert_eq!(manager.age("A").expect("known").as_secs(), 91 * 86_400);
    assert_eq!(manager.info("A").expect("known").state, AgeState::Overdue);
    manager.rotate(&name("A"), &Secret::new("second"), Keep::Fingerprint).expect("rotated");
    world.pass_days(1);
    manager.rotate(&name("A"), &Secret::new("third"), Keep::Value).expect("rotated");
    let info = manager.info("A").expect("known");
    assert_eq!((info.state, info.age_seconds), (AgeState::Fresh, Some(0)));
    let kept: Vec<bool> = info.rotations.iter().map(|one| one.kept).collect();
    assert_eq!(kept, [false, true]);
    assert_eq!(info.rotated_by.as_deref(), Some("alice@desk"));
    assert_eq!(manager.kept("A").expect("kept"), [Secret::new("second")]);
    let history = fs::read_to_string(world.path("a.yaml.meta.json")).expect("there");
    assert!(!history.contains("second") && history.contains("alice@desk"), "{history}");
    assert!(!history.contains("c2Vjb25k"), "the kept value is only encoded: {history}");
}

#[test]
fn a_rotation_needs_a_secret_and_another_value() {
    let world = World::new();
    let manager = world.manager("a.yaml");
    let rotate =
        |key, value: &str| manager.rotate(&name(key), &Secret::new(value), Keep::default());
    assert!(matches!(rotate("A", "1"), Err(SecretsError::NoFile { .. })));
    store(&manager, "A", "1");
    let error = rotate("B", "1").expect_err("unknown");
    assert!(error.to_string().ends_with("there is no secret `B`"), "{error}");
    let error = rotate("A", "1").expect_err("the same");
    assert_eq!(error.to_string(), "`A` has this value already");
    store(&manager, "db.user", "x");
    let error = rotate("db", "1").expect_err("several");
    assert!(error.to_string().contains("not one value"), "{error}");
}

#[test]
fn a_policy_of_its_own_goes_before_that_of_the_project() {
    let world = World::new();
    let manager = world.manager("a.yaml").with_max_age(Some(Duration::from_secs(86_400)));
    let details = SecretDetails {
        max_age: Some("30d".to_owned()),
        note: Some("of the payment provider".to_owned()),
        labels: [("owner".to_owned(), "alice".to_owned())].into(),
    };
    manager.store(&name("A"), &Secret::new("1"), &details).expect("stored");
    world.pass_days(2);
    let info = manager.info("A").expect("known");
    assert_eq!((info.state, info.max_age_seconds), (AgeState::Fresh, Some(30 * 86_400)));
    assert_eq!(info.note.as_deref(), Some("of the payment provider"));
    store(&manager, "A", "2");
    assert_eq!(manager.info("A").expect("known").labels["owner"], "alice");
    let wrong = SecretDetails { max_age: Some("soon".to_owned()), ..SecretDetails::default() };
    assert!(manager.store(&name("A"), &Secret::new("1"), &wrong).is_err());
}

#[test]
fn what_another_program_wrote_is_noticed() {
    let world = World::new();
    let manager = world.manager("a.yaml");
    store(&manager, "A", "1");
    store(&manager, "B", "1");
    world.pass_days(10);
    let path = world.path("a.yaml");
    let file = Stored::read(&path, Format::Yaml).expect("read").expect("there");
    let now = world.clock.now();
    let key = world.keys().open(&file.file, &path).expect("opens");
    let plain = b"A: other\nC: new\n";
    let text = file.file.reencrypt(plain, &key, now, &mut windlass_sops::SystemEntropy);
    fs::write(&path, text.expect("encrypted")).expect("written");
    world.pass_days(5);
    for _ in 0..2 {
        let ages: Vec<_> = manager.list().expect("listed").secrets;
        let ages: Vec<_> = ages
            .iter()
            .map(|one| (one.name.as_str(), one.age_seconds.map(|age| age / 86_400)))
            .collect();
        assert_eq!(ages, [("A", Some(5)), ("C", Some(5))]);
        manager.settle().expect("settled");
    }
}

#[test]
fn without_a_key_ages_are_listed_and_nothing_is_vouched_for() {
    let world = World::new();
    store(&world.manager("a.yaml"), "A", "1");
    world.pass_days(3);
    let stranger =
        SecretManager::new(world.path("a.yaml"), Keys::none()).with_clock(world.clock.clone());
    let listed = stranger.list().expect("listed");
    assert!(!listed.verified);
    assert_eq!(listed.secrets[0].age_seconds, Some(3 * 86_400));
    let error = stranger.get("A").expect_err("no key");
    assert!(matches!(error, SecretsError::NoKey { .. }), "{error}");
}

#[test]
fn a_history_that_was_changed_without_a_key_is_an_error() {
    let world = World::new();
    let manager = world.manager("a.yaml");
    store(&manager, "A", "1");
    let path = world.path("a.yaml.meta.json");
    let text = fs::read_to_string(&path).expect("there");
    fs::write(&path, text.replace("alice@desk", "eve@desk")).expect("written");
    for error in [manager.list().map(drop), manager.settle()] {
        let error = crate::error::describe(&error.expect_err("tampered with"));
        assert!(error.contains("a.yaml.meta.json") && error.contains("sops.mac"), "{error}");
    }
}

#[test]
fn a_new_key_keeps_values_histories_and_fingerprints() {
    let world = World::new();
    let manager = world.manager("a.yaml");
    store(&manager, "A", "1");
    store(&manager, "B", "");
    let before = (manager.list().expect("listed"), fs::read(world.path("a.yaml")).expect("there"));
    let print = |opened: crate::secrets::Opened| opened.fingerprint_key.fingerprint(b"x");
    let printed = print(open(&world.path("a.yaml"), &world.keys()).expect("opened"));
    manager.rotate_key().expect("rotated");
    assert_eq!(manager.list().expect("listed"), before.0);
    assert_ne!(fs::read(world.path("a.yaml")).expect("there"), before.1);
    assert_eq!(print(open(&world.path("a.yaml"), &world.keys()).expect("opened")), printed);
    assert_eq!((get(&manager, "A"), get(&manager, "B")), ("1".to_owned(), String::new()));
}

#[test]
fn recipients_come_and_go_with_the_history() {
    let world = World::new();
    let manager = world.manager("a.yaml");
    store(&manager, "A", "1");
    let other = KeyPair::generate();
    let add = RecipientChange { added: vec![other.recipient().clone()], removed: Vec::new() };
    assert!(manager.change_recipients(&add).expect("added"));
    assert!(!manager.change_recipients(&add).expect("added already"));
    let theirs = SecretManager::new(world.path("a.yaml"), World::keys_of(&other));
    assert!(theirs.list().expect("listed").verified);
    // Whoever leaves may take themselves out.
    let remove =
        RecipientChange { added: Vec::new(), removed: vec![world.pair.recipient().clone()] };
    assert!(manager.change_recipients(&remove).expect("removed"));
    assert!(matches!(manager.get("A"), Err(SecretsError::NoKey { .. })));
    assert_eq!(get(&theirs, "A"), "1");
    assert!(theirs.list().expect("listed").verified);
    let last = RecipientChange { added: Vec::new(), removed: vec![other.recipient().clone()] };
    assert!(theirs.change_recipients(&last).is_err());
}

#[test]
fn an_edit_keeps_what_others_did_in_the_meantime() {
    let world = World::new();
    let manager = world.manager("a.yaml");
    store(&manager, "A", "1");
    store(&manager, "B", "1");
    let base = Snapshot::open(&world.path("a.yaml"), &world.keys()).expect("opened");
    store(&manager, "B", "2");
    manager.save_edit(&base, b"A: edited\nB: \"1\"\n").expect("saved");
    assert_eq!((get(&manager, "A"), get(&manager, "B")), ("edited".to_owned(), "2".to_owned()));
    let error = manager.save_edit(&base, b"A: \"1\"\nB: edited\n").expect_err("a conflict");
    let told = error.diagnostics();
    assert!(told[0].message.starts_with("B: ") && !told[0].message.contains("edited"), "{told:?}");
    assert_eq!(get(&manager, "B"), "2");
}

#[test]
fn without_a_rule_nothing_is_made() {
    let world = World::new();
    fs::remove_file(world.dir.path().join(".sops.yaml")).expect("removed");
    let manager = world.manager("a.yaml");
    let error = manager.store(&name("A"), &Secret::new("1"), &SecretDetails::default());
    assert!(matches!(error, Err(SecretsError::NoRule { rules: None, .. })), "{error:?}");
    fs::write(world.dir.path().join(".sops.yaml"), "creation_rules: []\n").expect("written");
    let error = manager.store(&name("A"), &Secret::new("1"), &SecretDetails::default());
    assert!(matches!(error, Err(SecretsError::NoRule { rules: Some(_), .. })), "{error:?}");
    assert!(!world.path("a.yaml").exists());
}

#[test]
fn writers_side_by_side_lose_nothing_and_readers_see_no_error() {
    let world = World::new();
    let manager = world.manager("a.yaml");
    store(&manager, "K0", "start");
    thread::scope(|scope| {
        for at in 0..8 {
            let world = &world;
            scope.spawn(move || {
                let manager = world.manager("a.yaml");
                for round in 0..3 {
                    store(&manager, &format!("K{at}"), &format!("{at}-{round}"));
                }
            });
        }
        scope.spawn(|| {
            let manager = world.manager("a.yaml");
            for _ in 0..5 {
                manager.rotate_key().expect("rotated");
            }
        });
        scope.spawn(|| {
            let manager = world.manager("a.yaml");
            for _ in 0..50 {
                manager.get("K0").expect("read");
                manager.list().expect("listed");
            }
        });
    });
    for at in 0..8 {
        assert_eq!(get(&manager, &format!("K{at}")), format!("{at}-2"));
    }
    let left: Vec<_> = fs::read_dir(world.dir.path().join("secrets")).expect("there").collect();
    assert_eq!(left.len(), 2);
}

#[test]
fn values_in_the_clear_are_values_and_no_secrets() {
    let world = World::new();
    let manager = world.manager("a.yaml");
    for (key, value) in [("A", "1"), ("empty", ""), ("region_unencrypted", "eu")] {
        store(&manager, key, value);
    }
    let opened = open(&world.path("a.yaml"), &world.keys()).expect("opened");
    let names: Vec<_> = opened.secrets.iter().map(|(name, _)| name.as_str().to_owned()).collect();
    assert_eq!(names, ["A", "empty"]);
    assert_eq!(opened.in_the_clear[&name("region_unencrypted")], "eu");
}

#[test]
fn lists_and_keys_with_dots_have_names() {
    let world = World::new();
    let manager = world.manager("a.yaml");
    store(&manager, "first", "x");
    let base = Snapshot::open(&world.path("a.yaml"), &world.keys()).expect("opened");
    manager.save_edit(&base, b"tokens: [a, b]\n\"server.key\": c\nflag: true\n").expect("saved");
    for (key, value) in [("tokens.1", "b"), ("\"server.key\"", "c"), ("flag", "true")] {
        assert_eq!(get(&manager, key), value);
    }
    store(&manager, "tokens.1", "z");
    assert_eq!((get(&manager, "tokens.0"), get(&manager, "tokens.1")), ("a".into(), "z".into()));
}
