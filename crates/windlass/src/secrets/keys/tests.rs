use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use windlass_sops::{Format, KeyPair, Rules, SystemEntropy, encrypt};

use super::*;

struct World {
    dir: tempfile::TempDir,
    variables: BTreeMap<String, OsString>,
    pair: KeyPair,
}

impl World {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let home = dir.path().join("home");
        let variables = BTreeMap::from([("HOME".to_owned(), home.into_os_string())]);
        Self { dir, variables, pair: KeyPair::generate() }
    }

    fn set(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.variables.insert(name.to_owned(), value.into());
        self
    }

    fn write(&self, path: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.dir.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(&path, text).expect("written");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("set");
        path
    }

    fn keys(&self) -> Keys {
        Keys::of_environment(&|name| self.variables.get(name).cloned())
    }

    fn file(&self) -> EncryptedFile {
        let rules = Rules::for_recipients(vec![self.pair.recipient().clone()]);
        let now = "2026-11-20T12:00:00Z".parse().expect("a time");
        let text = encrypt(b"a: b\n", Format::Yaml, &rules, now, &mut SystemEntropy);
        EncryptedFile::parse(text.expect("encrypted").as_bytes(), Format::Yaml).expect("a file")
    }

    fn opens(&self, keys: &Keys) -> Result<(), String> {
        keys.open(&self.file(), Path::new("x.yaml")).map(drop).map_err(|error| error.to_string())
    }
}

#[test]
fn each_place_is_looked_at() {
    let world = World::new();
    let secret = world.pair.secret().to_owned();
    let file = world.write("key", &secret, 0o600);
    world.write("credentials/windlass-age-key", &secret, 0o400);
    world.write("config/sops/age/keys.txt", &format!("# mine\n{secret}\n"), 0o600);
    let directory = |name: &str| world.dir.path().join(name).into_os_string();
    let line = format!("cat '{}'", file.display());
    for (name, value) in [
        ("SOPS_AGE_KEY", OsString::from(&secret)),
        ("SOPS_AGE_KEY_FILE", file.clone().into_os_string()),
        ("CREDENTIALS_DIRECTORY", directory("credentials")),
        ("XDG_CONFIG_HOME", directory("config")),
        ("SOPS_AGE_KEY_CMD", line.into()),
    ] {
        let keys = Keys::of_environment(&|asked| (asked == name).then(|| value.clone()));
        assert_eq!(world.opens(&keys), Ok(()), "{name}");
        assert_eq!(keys.warnings(), Vec::<String>::new());
    }
    world.write("home/.config/sops/age/keys.txt", &secret, 0o600);
    assert_eq!(world.opens(&world.keys()), Ok(()));
    let argv = ["cat".to_owned(), file.display().to_string()];
    assert_eq!(world.opens(&Keys::none().with_command(&argv)), Ok(()));
}

#[test]
fn without_a_key_every_place_is_named_with_why_it_gave_nothing() {
    let other = KeyPair::generate();
    let world = World::new();
    let own = world.write("own", other.secret(), 0o600);
    let world = world
        .set("SOPS_AGE_KEY", "hunter2")
        .set("SOPS_AGE_KEY_FILE", own.clone())
        .set("SOPS_AGE_SSH_PRIVATE_KEY_FILE", "/nowhere/id")
        .set("SOPS_AGE_KEY_CMD", "sh -c 'echo not found >&2; exit 3'");
    let keys = world.keys().with_command(&["windlass-no-such-program".to_owned()]);
    let error = world.opens(&keys).expect_err("no key");
    for part in [
        "SOPS_AGE_KEY (SOPS_AGE_KEY, line 1: not an age key (AGE-SECRET-KEY-1…))".to_owned(),
        format!("SOPS_AGE_KEY_FILE={} (has {})", own.display(), other.recipient()),
        "SOPS_AGE_SSH_PRIVATE_KEY_FILE=/nowhere/id (not there)".to_owned(),
        "home/.config/sops/age/keys.txt (not there)".to_owned(),
        "home/.ssh/id_ed25519 (not there)".to_owned(),
        "SOPS_AGE_KEY_CMD sh (exited with 3: not found)".to_owned(),
        "key_command windlass-no-such-program (cannot be started".to_owned(),
        world.pair.recipient().to_string(),
    ] {
        assert!(error.contains(&part), "{part}: {error}");
    }
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn a_passphrase_is_said_to_be_in_the_way() {
    let world = World::new();
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "a passphrase", "-f"])
        .arg(world.dir.path().join("id"))
        .status();
    if !made.is_ok_and(|status| status.success()) {
        panic!("ssh-keygen is needed: apt install openssh-client");
    }
    let path = world.dir.path().join("id");
    let world = world.set("SOPS_AGE_SSH_PRIVATE_KEY_FILE", path);
    let error = world.opens(&world.keys()).expect_err("no key");
    assert!(error.contains("is protected by a passphrase"), "{error}");
}

#[test]
fn a_key_that_others_can_read_works_and_is_warned_of() {
    let world = World::new();
    world.write("home/.config/sops/age/keys.txt", world.pair.secret(), 0o644);
    let keys = world.keys();
    assert_eq!(world.opens(&keys), Ok(()));
    let warnings = keys.warnings();
    assert!(warnings.len() == 1 && warnings[0].contains("0644"), "{warnings:?}");
}

#[test]
fn a_command_is_asked_last_and_once() {
    let world = World::new();
    world.write("home/.config/sops/age/keys.txt", world.pair.secret(), 0o600);
    let log = world.dir.path().join("log");
    let script = format!("echo >> '{}'; exit 1", log.display());
    let argv = ["sh", "-c", &script].map(str::to_owned);
    assert_eq!(world.opens(&world.keys().with_command(&argv)), Ok(()));
    assert!(!log.exists());
    let keys = Keys::none().with_command(&argv);
    assert!(world.opens(&keys).is_err() && world.opens(&keys).is_err());
    assert_eq!(fs::read_to_string(log).expect("it was run"), "\n");
}

#[test]
fn a_command_without_end_and_one_that_prints_too_much_are_stopped() {
    let run = |argv: &[&str], timeout| {
        let argv = argv.iter().map(|word| (*word).to_owned()).collect();
        CommandKey::new("x", argv).with_timeout(timeout).keys().expect_err("no keys")
    };
    assert_eq!(run(&["sleep", "1000"], Duration::from_millis(50)), "took too long");
    assert_eq!(run(&["yes"], Duration::from_secs(600)), "prints more than 1 MiB");
    let leaky = run(&["sh", "-c", "echo AGE-SECRET-KEY-1ABC >&2; false"], Duration::from_secs(600));
    assert_eq!(leaky, "exited with 1");
}

#[test]
fn keys_are_never_shown() {
    let world = World::new();
    let secret = world.pair.secret().to_owned();
    let world = world.set("SOPS_AGE_KEY", &secret);
    let keys = world.keys();
    assert_eq!(world.opens(&keys), Ok(()));
    assert!(!format!("{keys:?}").contains(&secret[..20]));
}
