//! From the encrypted file onto the target, rotated, and back.

use crate::shop::{SECRETS, Shop};

const PROJECT: &str = r#"
[project]
name = "shop"

[services.web]
files = [
  { source = "nginx.conf", path = "nginx.conf" },
  { source = "app.env.j2", path = "app.env" },
  { source = "open.conf", path = "open.conf" },
]

[environments.staging]
type = "staging"
config_path = "/etc"
secrets = "secrets/staging.yaml"
targets = ["local:state"]
"#;

fn shop(password: &str) -> Shop {
    let shop = Shop::new(PROJECT);
    shop.project
        .directory("state")
        .write("nginx.conf", "token ${API_TOKEN};\n")
        .write("app.env.j2", "PASSWORD={{ secrets.database.password }}\n")
        .write("open.conf", "host db;\n");
    set(&shop, password);
    shop
}

fn set(shop: &Shop, password: &str) {
    shop.keep(&format!("API_TOKEN: staple-battery\ndatabase:\n  password: {password}\n"));
}

#[track_caller]
fn never(text: &str) {
    for value in ["staple-battery", "first-password", "second-password", "third-password"] {
        assert!(!text.contains(value), "{value} in {text}");
    }
}

#[test]
fn a_deployment_decrypts_and_nobody_else_reads() {
    let shop = shop("first-password");
    let said = shop.run(&["deploy", "staging"]).success();
    never(&said.to_string());
    assert_eq!(shop.live("nginx.conf"), "token staple-battery;\n");
    assert_eq!(shop.live("app.env"), "PASSWORD=first-password\n");
    let modes = ["nginx.conf", "app.env", "open.conf"].map(|path| shop.mode(path));
    assert_eq!(modes, [0o600, 0o600, 0o644]);
    for (path, bytes) in shop.files() {
        never(&format!("{}: {}", path.display(), String::from_utf8_lossy(&bytes)));
    }
    let key = shop.project.read(".windlass/keys/staging/1.json");
    assert!(
        key.contains("ENC[AES256_GCM") && key.contains(shop.pair.recipient().as_str()),
        "{key}"
    );
}

#[test]
fn a_plan_shows_that_it_changed_and_by_which_fingerprint() {
    let shop = shop("first-password");
    let _ = shop.run(&["deploy", "staging"]).success();
    set(&shop, "second-password");
    let text = shop.run(&["plan", "staging"]);
    never(&text.to_string());
    assert!(text.stdout.contains("app.env"), "{text}");
    let plan = || shop.run(&["plan", "staging", "--output", "json"]);
    let json = plan();
    never(&json.to_string());
    let changed = &json.json()["changes"]["secrets_changed"]["app.env"];
    let digits = |side: &str| changed[side].as_str().map(str::len);
    assert_eq!((digits("old"), digits("new")), (Some(16), Some(16)), "{json}");
    assert_ne!(changed["old"], changed["new"]);
    assert_eq!(plan().json()["changes"], json.json()["changes"], "it is the same for everybody");
}

#[test]
fn a_rollback_restores_the_secret_as_it_was_after_rotations_of_all_kinds() {
    let shop = shop("first-password");
    let first = shop.run(&["deploy", "staging", "--output", "json"]).success().json();
    let first = first["deployment_id"].as_str().expect("an id").to_owned();
    for password in ["second-password", "third-password"] {
        set(&shop, password);
        shop.rotate_data_key();
        let _ = shop.run(&["deploy", "staging"]).success();
        assert_eq!(shop.live("app.env"), format!("PASSWORD={password}\n"));
    }
    let back = shop.run(&["rollback", "staging", "--to", &first]).success();
    never(&back.to_string());
    assert_eq!(shop.live("app.env"), "PASSWORD=first-password\n");
    assert_eq!(shop.mode("app.env"), 0o600);
}

#[test]
fn explaining_a_file_masks_what_secrets_fill() {
    let shop = shop("first-password");
    let said = shop.run(&["config", "explain", "staging", "--file", "nginx.conf"]).success();
    never(&said.to_string());
    assert!(said.stdout.contains("API_TOKEN"), "{said}");
    assert!(said.stdout.contains("secrets/staging.yaml"), "{said}");
}

#[test]
fn a_key_in_the_environment_or_from_a_command_will_do() {
    let shop = shop("first-password");
    shop.hold_key("# no key any more");
    let with_key = shop.windlass().env("SOPS_AGE_KEY", shop.pair.secret());
    let _ = with_key.run(&["deploy", "staging"]).success();
    let key = shop.project.home().join("age.key");
    std::fs::write(&key, shop.pair.secret()).expect("written");
    let command = format!("[secrets]\nkey_command = [\"cat\", \"{}\"]\n", key.display());
    shop.project.write("windlass.toml", format!("{PROJECT}\n{command}"));
    set(&shop, "second-password");
    let _ = shop.run(&["deploy", "staging"]).success();
    assert_eq!(shop.live("app.env"), "PASSWORD=second-password\n");
}

#[test]
fn another_data_key_changes_nothing_that_is_deployed() {
    let shop = shop("first-password");
    let windlass = shop.windlass();
    let set = ["secrets", "set", "staging", "API_TOKEN"];
    let _ = windlass.run_with_input(&set, "staple-battery\n").success();
    let _ = shop.run(&["deploy", "staging"]).success();
    let before = shop.project.read(SECRETS);
    let _ = shop.run(&["secrets", "rotate-key", "staging"]).success();
    assert_ne!(shop.project.read(SECRETS), before);
    let _ = shop.run(&["plan", "staging", "--exit-code"]).success();
}
