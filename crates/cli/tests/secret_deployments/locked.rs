//! Secrets that cannot be had: nothing changes, and not one byte of them is seen.

use std::path::Path;

use windlass::sops::KeyPair;
use windlass_testing::Tree;

use crate::shop::{SECRETS, Shop};

const PROJECT: &str = r#"
[project]
name = "shop"

[services.web]
files = [{ source = "app.env", path = "app.env" }]
check = "mkfifo $TARGET_ROOT/../reached && read -r _ < $TARGET_ROOT/../reached"

[environments.staging]
type = "staging"
config_path = "/etc"
secrets = "secrets/staging.yaml"
targets = ["local:state"]
"#;

const PASSWORD: &str = "correct-horse-battery-staple";

/// Returns a project whose secrets were deployed, with others to be.
fn deployed() -> Shop {
    let shop = Shop::new(&without_check());
    shop.project.directory("state").write("app.env", "PASSWORD=${PASSWORD}\n");
    shop.keep("PASSWORD: the-one-before-it\n");
    let _ = shop.run(&["deploy", "staging"]).success();
    shop.keep(&format!("PASSWORD: {PASSWORD}\nOTHER: {PASSWORD}-too\n"));
    shop
}

fn without_check() -> String {
    PROJECT
        .lines()
        .filter(|line| !line.starts_with("check"))
        .map(|line| format!("{line}\n"))
        .collect()
}

/// Returns what is said when it fails with the target as it was, and every file but the target's without
/// the value.
#[track_caller]
fn refused(shop: &Shop, words: &[&str]) -> String {
    let before = Tree::read(shop.project.at("state"));
    let said = shop.run(words).code(1).to_string();
    assert!(Tree::read(shop.project.at("state")) == before, "the target changed: {said}");
    assert!(!said.contains(PASSWORD), "{said}");
    for (path, bytes) in shop.files().into_iter().chain(shop.on_target()) {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(PASSWORD), "{} holds it", path.display());
    }
    said
}

#[test]
fn another_key_no_key_or_a_broken_one_are_told_apart() {
    let shop = deployed();
    let other = KeyPair::generate();
    shop.hold_key(other.secret());
    for words in
        [&["deploy", "staging"][..], &["plan", "staging"], &["render", "staging", "--out", "out"]]
    {
        let said = refused(&shop, words);
        assert!(said.contains(SECRETS) && said.contains(other.recipient().as_str()), "{said}");
        assert!(said.contains("recipients add"), "what to do about it: {said}");
    }
    shop.hold_key("AGE-SECRET-KEY-1NONSENSE");
    let said = refused(&shop, &["deploy", "staging"]);
    assert!(said.contains("keys.txt") && !said.contains("1NONSENSE"), "{said}");
    shop.hold_key("AGE-PLUGIN-YUBIKEY-1QGPWYQ");
    let said = refused(&shop, &["deploy", "staging"]);
    assert!(said.contains("plugins are not supported"), "nothing is run: {said}");
    shop.hold_key("");
    let said = refused(&shop, &["deploy", "staging"]);
    assert!(said.contains("no key"), "{said}");
}

#[test]
fn a_file_that_was_tampered_with_is_refused_whole() {
    let shop = deployed();
    let text = shop.project.read(SECRETS);
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(name)).expect("a line");
        line.split_once(": ").expect("a value").1.to_owned()
    };
    let (password, other) = (value("PASSWORD"), value("OTHER"));
    let moved = text.replace(&other, &password);
    let flipped = text.replacen("data:", "data:A", 1);
    let cut = text[..text.len() / 2].to_owned();
    let plain = text.replacen(&other, "in-the-clear", 1);
    let without_mac: String = text
        .lines()
        .filter(|line| !line.trim_start().starts_with("mac:"))
        .fold(String::new(), |all, line| all + line + "\n");
    for (what, damaged) in [
        ("moved", moved),
        ("flipped", flipped),
        ("cut", cut),
        ("plain", plain),
        ("mac", without_mac),
    ] {
        assert_ne!(damaged, text, "{what}");
        shop.project.write(SECRETS, &damaged);
        let said = refused(&shop, &["deploy", "staging"]);
        assert!(said.contains(SECRETS), "{what}: {said}");
    }
    shop.project.remove(SECRETS);
    assert!(refused(&shop, &["deploy", "staging"]).contains(SECRETS));
    shop.project.write(SECRETS, text);
    let _ = shop.run(&["deploy", "staging"]).success();
    assert_eq!(shop.live("app.env"), format!("PASSWORD={PASSWORD}\n"));
}

#[test]
fn a_link_that_leads_out_of_the_project_is_refused() {
    let shop = deployed();
    let outside = shop.project.home().join("secrets.yaml");
    std::fs::write(&outside, shop.project.read(SECRETS)).expect("written");
    shop.project.remove(SECRETS).symlink(SECRETS, &outside);
    let said = refused(&shop, &["deploy", "staging"]);
    assert!(said.contains("leads out of the project"), "{said}");
}

#[test]
fn a_damaged_key_of_the_workspace_is_named() {
    let shop = deployed();
    let path = Path::new(".windlass/keys/staging/1.json");
    let text = shop.project.read(path);
    shop.project.write(path, &text[..text.len() / 2]);
    let said = refused(&shop, &["deploy", "staging"]);
    assert!(said.contains("keys/staging/1.json"), "{said}");
}

#[test]
fn a_kill_in_the_middle_leaves_nothing_in_the_clear_but_the_files_of_the_target() {
    let shop = deployed();
    shop.project.write("windlass.toml", PROJECT);
    let mut child = shop.windlass().command(&["deploy", "staging"]).spawn().expect("started");
    // Opening the pipe waits for the check, which waits for the test.
    let pipe = shop.project.at("reached");
    while !pipe.exists() {
        std::thread::yield_now();
        assert!(child.try_wait().expect("asked").is_none(), "it ended before its check");
    }
    child.kill().expect("killed");
    let _ = child.wait().expect("waited for");
    drop(std::fs::File::options().read(true).write(true).open(&pipe).expect("lets the check end"));
    for (path, bytes) in shop.files() {
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains(PASSWORD), "{} holds it", path.display());
    }
    let mut staged = 0;
    for (path, bytes) in shop.on_target() {
        use std::os::unix::fs::PermissionsExt;
        if String::from_utf8_lossy(&bytes).contains(PASSWORD) {
            let mode = path.metadata().expect("there").permissions().mode() & 0o7777;
            assert_eq!(mode, 0o600, "{}", path.display());
            staged += 1;
        }
    }
    assert!(staged > 0, "it was killed before it had staged anything");
    shop.project.write("windlass.toml", without_check());
    let _ = shop.run(&["deploy", "staging"]).success();
    assert_eq!(shop.live("app.env"), format!("PASSWORD={PASSWORD}\n"));
}
