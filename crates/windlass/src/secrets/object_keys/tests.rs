use std::os::unix::fs::PermissionsExt;
use std::thread;

use windlass_sops::{Identities, KeyPair};

use super::*;

struct World {
    dir: tempfile::TempDir,
    alice: KeyPair,
    bob: KeyPair,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        Self { dir, alice: KeyPair::generate(), bob: KeyPair::generate() }
    }

    fn open(&self, who: &KeyPair, recipients: &[&KeyPair]) -> Result<Opened, SecretsError> {
        let keys = Keys::from(Identities::parse(who.secret(), "a test").expect("a key"));
        let recipients: Vec<_> = recipients.iter().map(|pair| pair.recipient().clone()).collect();
        let now = "2026-11-20T12:00:00Z".parse().expect("a time");
        self.object_keys().open(&recipients, &keys, now)
    }

    fn object_keys(&self) -> ObjectKeys {
        let environment = EnvironmentName::new("staging").expect("a name");
        ObjectKeys::new(self.dir.path(), &environment)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.dir.path().join("keys/staging").join(name)
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.file("")).expect("lists");
        let name = |entry: io::Result<fs::DirEntry>| entry.expect("listed").file_name();
        let mut names: Vec<_> =
            entries.map(|entry| name(entry).into_string().expect("UTF-8")).collect();
        names.sort();
        names
    }
}

#[test]
fn the_key_is_made_once_and_lies_encrypted_and_private() {
    let world = World::new();
    let made = world.open(&world.alice, &[&world.alice]).expect("made");
    let again = world.open(&world.alice, &[&world.alice]).expect("opened");
    assert_eq!((made.current, made.earlier), (again.current, again.earlier));
    assert_eq!(world.names(), ["1.json"]);
    let mode = fs::metadata(world.file("1.json")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let text = fs::read_to_string(world.file("1.json")).expect("text");
    assert!(text.contains("\"key\": \"ENC[AES256_GCM"), "{text}");
}

#[test]
fn a_new_recipient_opens_the_same_key_once_somebody_who_can_was_there() {
    let world = World::new();
    let made = world.open(&world.alice, &[&world.alice]).expect("made");
    let both = [&world.alice, &world.bob];
    assert_eq!(world.open(&world.alice, &both).expect("wrapped").current, made.current);
    assert_eq!(world.open(&world.bob, &both).expect("for bob").current, made.current);
    assert_eq!(world.names(), ["1.json"]);
}

#[test]
fn who_was_removed_does_not_have_what_seals_from_then_on() {
    let world = World::new();
    let both = world.open(&world.alice, &[&world.alice, &world.bob]).expect("made");
    let alone = world.open(&world.alice, &[&world.alice]).expect("made anew");
    assert_ne!(alone.current, both.current);
    assert_eq!(alone.earlier, [both.current]);
    assert_eq!(world.names(), ["1.json", "2.json"]);
    let text = fs::read_to_string(world.file("1.json")).expect("text");
    assert!(!text.contains(world.bob.recipient().as_str()), "the earlier one is wrapped anew too");
}

#[test]
fn a_key_for_somebody_else_stays_and_one_of_ones_own_is_made() {
    let world = World::new();
    let first = world.open(&world.alice, &[&world.alice]).expect("made");
    let both = [&world.alice, &world.bob];
    let second = world.open(&world.bob, &both).expect("made by bob");
    assert_ne!(second.current, first.current);
    assert!(second.earlier.is_empty());
    let all = world.open(&world.alice, &both).expect("opened");
    assert_eq!((all.current, all.earlier), (second.current.clone(), vec![first.current.clone()]));
    let all = world.open(&world.bob, &both).expect("wrapped for bob by now");
    assert_eq!((all.current, all.earlier), (second.current, vec![first.current]));
}

#[test]
fn processes_at_the_same_time_get_the_same_key() {
    let world = World::new();
    let open = || world.open(&world.alice, &[&world.alice]).expect("opened").current;
    let all: Vec<ObjectKey> = thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().expect("no panic")).collect()
    });
    assert!(all.iter().all(|key| *key == all[0]), "several keys seal");
    assert_eq!(world.names(), ["1.json"]);
}

#[test]
fn a_damaged_file_is_named_and_left_alone() {
    let world = World::new();
    let _ = world.open(&world.alice, &[&world.alice]).expect("made");
    let path = world.file("1.json");
    let text = fs::read_to_string(&path).expect("text");
    for damaged in [&text[..text.len() / 2], &text.replace("data:", "data:AAAA"), "{}", ""] {
        fs::write(&path, damaged).expect("written");
        let error = world.open(&world.alice, &[&world.alice]).expect_err("damaged");
        assert!(error.to_string().contains("1.json"), "{error}");
        assert_eq!(fs::read_to_string(&path).expect("text"), damaged);
    }
    assert_eq!(world.names(), ["1.json"]);
}
