use std::fs;

use windlass_sops::{Identities, KeyPair};

use super::*;
use crate::secrets::{Secret, SecretDetails, SecretManager, SecretName};

struct World {
    dir: tempfile::TempDir,
    pair: KeyPair,
    keys: Keys,
}

const YEAR: Duration = Duration::from_secs(365 * 86_400);

impl World {
    fn new() -> Self {
        let pair = KeyPair::generate();
        let keys = Keys::from(Identities::parse(pair.secret(), "a test").expect("a key"));
        let world = Self { dir: tempfile::tempdir().expect("a directory"), pair, keys };
        world.rules(&[&world.pair]);
        let keys = Keys::from(Identities::parse(world.pair.secret(), "a test").expect("a key"));
        let manager = SecretManager::new(world.path("secrets/a.yaml"), keys);
        let name = SecretName::new("A").expect("a name");
        manager.store(&name, &Secret::new("hunter2"), &SecretDetails::default()).expect("stored");
        world
    }

    fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    fn rules(&self, pairs: &[&KeyPair]) {
        let names: Vec<String> = pairs.iter().map(|pair| pair.recipient().to_string()).collect();
        let rule = format!("  - path_regex: ^secrets/\n    age: {}\n", names.join(","));
        self.write(".sops.yaml", &format!("creation_rules:\n{rule}"));
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    }

    fn run(&self, later: Duration, keys: &Keys, allow: &[&str]) -> CheckReport {
        use crate::clock::{Clock, SystemClock};
        let allow: Vec<String> = allow.iter().map(|&pattern| pattern.to_owned()).collect();
        let checks = Checks {
            root: self.dir.path(),
            files: vec!["secrets/a.yaml".into()],
            max_age: Some(Duration::from_secs(90 * 86_400)),
            allow: &allow,
            keys,
            now: SystemClock.now() + later,
        };
        checks.run().expect("checked")
    }

    fn found(&self) -> Vec<(String, FindingKind)> {
        let report = self.run(Duration::ZERO, &self.keys, &["testdata/"]);
        report.findings.into_iter().map(|one| (one.file, one.kind)).collect()
    }
}

#[test]
fn nothing_is_wrong_with_what_is_right() {
    let world = World::new();
    world.write("app.yaml", "password: ${DB_PASSWORD}\n");
    let report = world.run(Duration::ZERO, &world.keys, &[]);
    assert_eq!(report.findings, []);
    let files: Vec<_> = report.files.iter().map(|one| (one.file.as_str(), one.verified)).collect();
    assert_eq!(files, [("secrets/a.yaml", true), ("secrets/a.yaml.meta.json", true)]);
    assert_eq!(report.searched, 2);
}

#[test]
fn ages_are_checked_with_and_without_a_key() {
    let world = World::new();
    for keys in [&world.keys, &Keys::none()] {
        let report = world.run(YEAR, keys, &[]);
        assert_eq!(report.findings.len(), 1, "{report:?}");
        assert_eq!(
            (report.findings[0].kind, report.findings[0].name.as_deref()),
            (FindingKind::Overdue, Some("A"))
        );
        assert_eq!(
            report.findings[0].hint.as_deref(),
            Some("windlass secrets rotate secrets/a.yaml A")
        );
    }
    fs::remove_file(world.path("secrets/a.yaml.meta.json")).expect("removed");
    let kinds = |later| {
        let report = world.run(later, &world.keys, &[]);
        report.findings.into_iter().map(|one| one.kind).collect::<Vec<_>>()
    };
    assert_eq!(kinds(Duration::ZERO), [FindingKind::UnknownAge]);
    assert_eq!(kinds(YEAR), [FindingKind::Overdue]);
}

#[test]
fn recipients_are_held_against_the_rules() {
    let world = World::new();
    let other = KeyPair::generate();
    world.rules(&[&other]);
    let expected: Vec<_> = ["secrets/a.yaml", "secrets/a.yaml.meta.json"]
        .into_iter()
        .flat_map(|file| {
            [FindingKind::MissingRecipient, FindingKind::ExtraRecipient]
                .map(|kind| (file.to_owned(), kind))
        })
        .collect();
    assert_eq!(world.found(), expected);
    world.write(".sops.yaml", "creation_rules: []\n");
    assert!(world.found().iter().all(|(_, kind)| *kind == FindingKind::NoRule));
}

#[test]
fn the_nearest_rules_decide() {
    let world = World::new();
    let rules = format!("creation_rules:\n  - age: {}\n", world.pair.recipient());
    world.rules(&[&KeyPair::generate()]);
    world.write("secrets/.sops.yaml", &rules);
    assert_eq!(world.found(), []);
}

#[test]
fn what_was_tampered_with_is_named() {
    let world = World::new();
    let text = fs::read_to_string(world.path("secrets/a.yaml")).expect("there");
    world.write("secrets/a.yaml", &format!("B: hunter3\n{text}"));
    let report = world.run(Duration::ZERO, &world.keys, &[]);
    let damaged: Vec<_> =
        report.findings.iter().filter(|one| one.kind == FindingKind::Damaged).collect();
    assert_eq!(damaged.len(), 1, "{report:?}");
    assert!(!format!("{report:?}").contains("hunter3"));
}

#[test]
fn plain_text_is_found_but_for_what_is_allowed() {
    let world = World::new();
    world.write(".gitignore", "local/\n");
    for path in ["config/app.yaml", "testdata/app.yaml", "local/app.yaml", ".git/config"] {
        world.write(path, "a: b\npassword: Tr0ub4dor&3x\n");
    }
    world.write("allowed.yaml", "password: Tr0ub4dor&3x # windlass:allow-secret\n");
    world.write("secrets/b.yaml", "A: 1\n");
    let report = world.run(Duration::ZERO, &world.keys, &["testdata/"]);
    let found: Vec<_> =
        report.findings.iter().map(|one| (one.file.as_str(), one.kind, one.line)).collect();
    assert_eq!(
        found,
        [
            ("config/app.yaml", FindingKind::PlainText, Some(2)),
            ("secrets/b.yaml", FindingKind::NotEncrypted, None),
        ]
    );
    assert!(!format!("{report:?}").contains("Tr0ub4dor"));
}

#[test]
fn a_file_that_is_not_there_is_a_finding() {
    let world = World::new();
    fs::remove_dir_all(world.path("secrets")).expect("removed");
    assert_eq!(world.found(), [("secrets/a.yaml".to_owned(), FindingKind::NotEncrypted)]);
}
