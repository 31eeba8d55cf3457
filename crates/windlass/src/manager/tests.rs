use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use super::*;

fn directory(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    for (name, text) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("made");
        fs::write(path, text).expect("written");
    }
    dir
}

fn manager(dir: &tempfile::TempDir, variables: &[(&str, &str)]) -> ConfigurationManager {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    ConfigurationManager::new(dir.path()).with_variables(variables.iter().map(own))
}

const SCHEMA: &str = r#"{"properties": {
    "port": {"type": "integer"}, "level": {"default": "info"}, "password": {"x-secret": true}
}}"#;

#[test]
fn layers_win_in_order_and_all_are_listed() {
    let dir = directory(&[
        ("web-app.yaml", "version: 2\nport: 1\nhost: ${HOST:-local}\n"),
        ("environments/qa/web-app.json", "{\"port\": 2}"),
    ]);
    let schema = Schema::compile("s.json", SCHEMA).expect("a schema");
    let manager = manager(&dir, &[("WEB_APP_PORT", "3"), ("HOST", "h")])
        .with_defaults(json!({"port": 0, "extra": true}))
        .with_schema(schema);
    let c = manager.load("web-app", Some("qa")).expect("loads");
    let expected = json!({"level": "info", "port": 3, "extra": true, "version": 2, "host": "h"});
    assert_eq!(c.to_json(), expected);
    assert_eq!((c.version().as_deref(), c.environment()), (Some("2"), Some("qa")));
    let kinds: Vec<_> = c.sources().iter().map(|source| source.kind).collect();
    use LayerKind::{Defaults, File, SchemaDefaults, Variables};
    assert_eq!(kinds, [SchemaDefaults, Defaults, File, File, Variables]);
    let layers: Vec<_> = c.origins("port").iter().map(|origin| origin.layer).collect();
    assert_eq!(layers, [1, 2, 3, 4]);
    assert_eq!(manager.load("web-app", None).expect("loads").get::<u8>("port"), Ok(3));
}

#[test]
fn all_errors_are_returned_and_none_quotes_a_secret() {
    let dir = directory(&[("a.yaml", "port: x\npassword: {a: hunter2}\n"), ("b.yaml", "a: [\n")]);
    let schema = r#"{"properties": {"port": {"type": "integer"},
        "password": {"type": "string", "x-secret": true}}}"#;
    let manager =
        manager(&dir, &[]).with_schema(Schema::compile("s.json", schema).expect("a schema"));
    let Err(Error::Invalid(problems)) = manager.load("a", None) else { panic!("it is valid") };
    assert_eq!(problems.len(), 2);
    assert!(!format!("{problems:?}").contains("hunter2"));
    assert!(matches!(manager.load("b", None), Err(Error::Invalid(_))));
    for none in ["none", "../a", "", "a/b"] {
        assert!(manager.load(none, None).is_err(), "{none}");
    }
    assert!(manager.load("a", Some("../x")).is_err());
    assert_eq!(manager.list().expect("listed"), ["a", "b"]);
}

#[test]
fn a_reload_sees_what_changed_and_keeps_the_old_where_it_is_broken() {
    let dir = directory(&[("a.yaml", "port: 1\n")]);
    let manager = manager(&dir, &[]);
    let metadata = BTreeMap::from([("owner".to_owned(), json!("ops"))]);
    let mut c = manager.load("a", None).expect("loads").with_metadata(metadata);
    assert!(!manager.reload(&mut c).expect("loads"));
    fs::write(dir.path().join("a.yaml"), "port: 2\n").expect("written");
    assert!(manager.reload(&mut c).expect("loads"));
    assert_eq!((c.get::<u8>("port"), &c.metadata()["owner"]), (Ok(2), &json!("ops")));
    fs::write(dir.path().join("a.yaml"), "port: [\n").expect("written");
    assert!(manager.reload(&mut c).is_err());
    assert_eq!(c.get::<u8>("port"), Ok(2));
}

#[test]
fn values_are_set_typed_and_saved() {
    let dir = directory(&[("a.yaml", "port: 1\n")]);
    let manager = manager(&dir, &[]);
    let mut c = manager.load("a", None).expect("loads");
    c.set("log.level", &json!("debug")).expect("set");
    manager.save(&c, Path::new("environments/qa/a.toml")).expect("saved");
    let text = fs::read_to_string(dir.path().join("environments/qa/a.toml")).expect("there");
    assert!(text.contains("level = \"debug\""), "{text}");
    let unfit = c.get::<u8>("log").expect_err("a map");
    assert!(unfit.message.starts_with("`log` does not fit"), "{unfit}");
    let typo = c.get::<u8>("prot").expect_err("missing");
    assert_eq!(typo.hint.as_deref(), Some("did you mean `port`?"));
    assert!(manager.save(&c, Path::new("a.txt")).is_err());
}

#[test]
fn a_template_comes_from_a_schema() {
    let schema = Schema::compile("s.json", SCHEMA).expect("a schema");
    let text = ConfigurationManager::template(&schema, Format::Yaml).expect("written");
    assert!(text.contains("#port:"), "{text}");
}

/// Returns the permission bits of a file.
fn mode(dir: &tempfile::TempDir, name: &str) -> u32 {
    let found = fs::metadata(dir.path().join(name)).expect("there");
    found.permissions().mode() & 0o7777
}

#[test]
fn what_holds_a_secret_is_saved_for_its_owner_alone() {
    let dir = directory(&[("a.yaml", "port: 1\n"), ("open.json", "{}"), ("shared.json", "{}")]);
    let set = |name: &str, mode| {
        fs::set_permissions(dir.path().join(name), fs::Permissions::from_mode(mode)).expect("set");
    };
    set("open.json", 0o644);
    set("shared.json", 0o660);
    let schema = Schema::compile("s.json", SCHEMA).expect("a schema");
    let manager = manager(&dir, &[]).with_schema(schema);
    let mut c = manager.load("a", None).expect("loads");
    manager.save(&c, Path::new("shared.json")).expect("saved");
    assert!(!c.has_secrets());
    assert_eq!(mode(&dir, "shared.json"), 0o660, "a mode that somebody chose stays");

    c.set("password", &json!("hunter2")).expect("set");
    assert!(c.has_secrets());
    for name in ["open.json", "shared.json", "new/a.toml"] {
        manager.save(&c, Path::new(name)).expect("saved");
        assert_eq!(mode(&dir, name), 0o600, "{name}");
    }
}

#[test]
fn a_new_file_without_secrets_is_as_the_umask_allows() {
    let dir = directory(&[("a.yaml", "port: 1\n")]);
    let manager = manager(&dir, &[]);
    let c = manager.load("a", None).expect("loads");
    manager.save(&c, Path::new("b.yaml")).expect("saved");
    let usual = mode(&dir, "a.yaml");
    assert_eq!(mode(&dir, "b.yaml"), usual & 0o644);
}

#[test]
fn a_failed_save_leaves_what_was_there_and_nothing_else() {
    let dir = directory(&[("a.yaml", "port: null\n"), ("b.toml", "port = 1\n")]);
    let manager = manager(&dir, &[]);
    let c = manager.load("a", None).expect("loads");
    assert!(manager.save(&c, Path::new("b.toml")).is_err(), "TOML has no null");
    assert_eq!(fs::read_to_string(dir.path().join("b.toml")).expect("there"), "port = 1\n");
    for outside in ["../b.yaml", "/tmp/b.yaml", "x/../../b.yaml", ""] {
        let error = manager.save(&c, Path::new(outside)).expect_err(outside);
        assert!(matches!(error, Error::Invalid(_)), "{outside}: {error}");
    }
    assert_eq!(fs::read_dir(dir.path()).expect("listed").count(), 2);
}

#[test]
fn a_secret_is_quoted_by_no_error() {
    let dir = directory(&[("a.yaml", "db: {password: hunter2, host: h}\n")]);
    let schema = r#"{"properties": {"db": {"properties": {"password": {"x-secret": true}}}}}"#;
    let schema = Schema::compile("s.json", schema).expect("a schema");
    let mut c = manager(&dir, &[]).with_schema(schema).load("a", None).expect("loads");
    let told = |c: &Configuration| {
        let one = c.get::<u8>("db.password").expect_err("text");
        let all = c.get::<BTreeMap<String, u8>>("db").expect_err("text");
        let whole = c.deserialize::<BTreeMap<String, BTreeMap<String, u8>>>().expect_err("text");
        format!("{one:?} {all:?} {whole:?} {c:?}")
    };
    assert!(!told(&c).contains("hunter2"), "{}", told(&c));
    assert_eq!(c.get::<u8>("db.password").expect_err("text").position.map(|at| at.line), Some(1));
    c.set("db.password", &json!("hunter3")).expect("set");
    assert!(!told(&c).contains("hunter"), "{}", told(&c));
}
