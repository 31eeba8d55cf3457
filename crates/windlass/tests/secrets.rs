//! Secrets on their way through the engine: they reach the target's file and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use windlass::events::Recorded;
use windlass::objects::ObjectKey;
use windlass::project::LoadedProject;
use windlass::secrets::{SealingKeys, SecretSource, Unlocked};
use windlass::{Engine, Environment, Error, Input, Options, Subject};
use windlass_core::diagnostic::Diagnostic;
use windlass_core::fingerprint::FingerprintKey;
use windlass_core::name::EnvironmentName;
use windlass_core::secret::{Secret, SecretName, Secrets};
use windlass_testing::TestProject;

const PROJECT: &str = r#"
[project]
name = "shop"

[config.app]
layers = ["app.yaml"]

[services.web]
files = [
  { config = "app", path = "app.yaml", format = "yaml" },
  { source = "nginx.conf", path = "nginx.conf" },
  { source = "app.env.j2", path = "app.env" },
  { source = "switch.j2", path = "switch" },
  { source = "open.conf", path = "open.conf" },
]
check = "cat $STAGED/nginx.conf; test ! -e $TARGET_ROOT/refuse"
on_change = "cat $CONFIG_PATH/nginx.conf; test ! -e $TARGET_ROOT/broken"

[environments.staging]
type = "staging"
config_path = "/etc"
targets = ["local:state"]
"#;

/// What an environment keeps secret, for tests to change.
struct Vault {
    secrets: Mutex<BTreeMap<&'static str, String>>,
    keys: Mutex<Option<SealingKeys>>,
}

impl SecretSource for Vault {
    fn unlock(&self, _: &Environment) -> Result<Unlocked, Error> {
        let keys = self.keys.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let locked = || Error::invalid(Diagnostic::error("the secrets are locked"));
        let secrets = self.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        let named = secrets.iter().map(|(name, value)| {
            (SecretName::new(*name).expect("a name"), Secret::new(value.as_str()))
        });
        let secrets = Secrets::new(named).expect("told apart");
        Ok(Unlocked::new(Arc::new(secrets), keys.ok_or_else(locked)?))
    }
}

fn keys(seed: u8, earlier: &[u8]) -> SealingKeys {
    SealingKeys {
        fingerprints: FingerprintKey::derive(b"outlives the others"),
        objects: ObjectKey::derive(&[seed; 32]),
        earlier: earlier.iter().map(|seed| ObjectKey::derive(&[*seed; 32])).collect(),
    }
}

const PASSWORD: &str = "correct-horse-battery";
const TOKEN: &str = "staple/\"quoted\" & more";

struct Place {
    project: TestProject,
    vault: Arc<Vault>,
    events: Recorded,
}

impl Place {
    fn new() -> Self {
        let project = TestProject::new();
        project
            .write("windlass.toml", PROJECT)
            .write("app.yaml", "database:\n  host: db\n  password: ${database__password}\n")
            .write("nginx.conf", "host db;\ntoken ${API_TOKEN};\n")
            .write(
                "app.env.j2",
                "PASSWORD={{ config.database.password }}\nB={{ API_TOKEN | b64encode }}\n",
            )
            .write("switch.j2", "{% if API_TOKEN == 'x' %}on{% else %}off{% endif %}\n")
            .write("open.conf", "host db;\n$host stays\n");
        fs::create_dir(project.at("state")).expect("made");
        let secrets = [("database.password", PASSWORD), ("API_TOKEN", TOKEN)];
        let secrets = secrets.map(|(name, value)| (name, value.to_owned()));
        let vault =
            Vault { secrets: Mutex::new(secrets.into()), keys: Mutex::new(Some(keys(1, &[]))) };
        Self { project, vault: Arc::new(vault), events: Recorded::default() }
    }

    /// Returns an engine as a new process would have it.
    fn engine(&self) -> Engine {
        self.engine_in(".windlass")
    }

    /// Returns an engine as somebody has it whose workspace is `workspace`.
    fn engine_in(&self, workspace: &str) -> Engine {
        let mut loaded = LoadedProject::find(&self.project.path()).expect("a project");
        for environment in loaded.project.environments.values_mut() {
            environment.secrets = Some("secrets/staging.yaml".to_owned());
        }
        let options = Options {
            project: Some(loaded),
            workspace: Some(self.project.at(workspace)),
            sinks: vec![Box::new(self.events.clone())],
            secrets: Some(Arc::clone(&self.vault) as _),
            ..Options::default()
        };
        Engine::open(options).expect("a workspace")
    }

    fn set(&self, name: &'static str, value: &str) {
        let mut secrets = self.vault.secrets.lock().unwrap_or_else(PoisonError::into_inner);
        secrets.insert(name, value.to_owned());
    }

    fn with_keys(&self, keys: Option<SealingKeys>) {
        *self.vault.keys.lock().unwrap_or_else(PoisonError::into_inner) = keys;
    }

    fn mode(&self, path: &str) -> u32 {
        let path = self.project.at("state/etc").join(path);
        path.metadata().expect("deployed").permissions().mode() & 0o7777
    }

    /// Returns every file below the project but those of the target, with what is in it.
    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        walk(&self.project.at(".windlass"), &mut found);
        found
    }
}

fn walk(directory: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(directory).expect("lists") {
        let path = entry.expect("listed").path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push((path.clone(), fs::read(&path).expect("reads")));
        }
    }
}

fn never(text: &str) {
    let base64 = ["c3RhcGxlLyJxdW90ZWQi", "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5"];
    for canary in [PASSWORD, "staple/", "quoted", "rotated-value"].into_iter().chain(base64) {
        assert!(!text.contains(canary), "{canary} in {text}");
    }
}

#[tokio::test]
async fn secrets_reach_the_files_that_ask_for_them_and_nothing_else() {
    let place = Place::new();
    let record = place.engine().deploy("staging", &Input::Project, "me").await.expect("deployed");
    let live = |path: &str| place.project.read(Path::new("state/etc").join(path));
    assert!(live("app.yaml").contains(PASSWORD));
    assert_eq!(live("nginx.conf"), format!("host db;\ntoken {TOKEN};\n"));
    assert!(live("app.env").contains("B=c3RhcGxlLyJxdW90ZWQi"));
    assert_eq!(live("switch"), "off");
    for path in ["app.yaml", "nginx.conf", "app.env", "switch"] {
        assert_eq!(place.mode(path), 0o600, "{path}");
    }
    assert_eq!(place.mode("open.conf"), 0o644);
    never(&serde_json::to_string(&record).expect("serializes"));
    never(&format!("{record:?} {:?}", place.events.events()));
    let said = format!("{:?}", place.events.events());
    assert!(said.contains("[secret API_TOKEN]"), "the hook printed it: {said}");
    for (path, bytes) in place.files() {
        never(&path.display().to_string());
        never(&String::from_utf8_lossy(&bytes));
        if let Ok(content) = zstd::stream::decode_all(bytes.as_slice()) {
            never(&String::from_utf8_lossy(&content));
        }
    }
}

#[tokio::test]
async fn no_name_or_record_is_an_oracle_for_the_content() {
    let place = Place::new();
    let record = place.engine().deploy("staging", &Input::Project, "me").await.expect("deployed");
    let content = place.project.read("state/etc/nginx.conf");
    let digest = windlass_core::digest::Digest::of(content.as_bytes()).to_string();
    assert!(!serde_json::to_string(&record).expect("serializes").contains(&digest));
    for (path, bytes) in place.files() {
        let text = zstd::stream::decode_all(bytes.as_slice()).unwrap_or(bytes);
        let all = format!("{} {}", path.display(), String::from_utf8_lossy(&text));
        assert!(!all.contains(&digest), "{}", path.display());
        assert!(!all.contains("\"key\""), "a key of digests in the clear: {}", path.display());
    }
    let manifests = place.project.at("state/etc/.windlass/manifests");
    for entry in fs::read_dir(manifests).expect("lists") {
        let mode = entry.expect("listed").metadata().expect("there").permissions().mode();
        assert_eq!(mode & 0o7777, 0o600, "it holds the key of digests");
    }
}

#[tokio::test]
async fn a_plan_says_only_that_a_secret_changes_and_two_people_see_the_same_fingerprint() {
    let place = Place::new();
    place.engine().deploy("staging", &Input::Project, "me").await.expect("deployed");
    place.set("database.password", "rotated-value");
    let plan = place.engine().plan("staging", &Input::Project).await.expect("planned");
    let json = serde_json::to_value(&plan).expect("serializes");
    never(&json.to_string());
    let setting = &json["changes"]["settings_changed"]["app.yaml"]["database.password"];
    assert_eq!((&setting["old"], &setting["new"]), (&"changed".into(), &"changed".into()));
    let key = keys(1, &[]).fingerprints;
    let prints = &setting["fingerprints"];
    assert_eq!(prints["old"], key.fingerprint(PASSWORD.as_bytes()).to_string());
    assert_eq!(prints["new"], key.fingerprint(b"rotated-value").to_string());
    let files = json["changes"]["secrets_changed"].as_object().expect("files with secrets");
    assert_eq!(files.keys().collect::<Vec<_>>(), ["app.env", "app.yaml"]);
    let again = place.engine().plan("staging", &Input::Project).await.expect("planned");
    assert_eq!(plan, again, "the same inputs give the same plan");
    place.engine().apply(plan, "me").await.expect("applied by another process");
    assert!(place.project.read("state/etc/app.yaml").contains("rotated-value"));
}

#[tokio::test]
async fn a_rollback_restores_the_secret_as_it_was_with_new_keys_too() {
    let place = Place::new();
    let first = place.engine().deploy("staging", &Input::Project, "me").await.expect("deployed");
    for (seed, value) in [(2, "second-value"), (3, "third-value")] {
        place.set("database.password", value);
        place.with_keys(Some(keys(seed, &(1..seed).collect::<Vec<_>>())));
        place.engine().deploy("staging", &Input::Project, "me").await.expect("deployed");
    }
    let back = Subject::Return(first.deployment_id);
    let locked = place.engine();
    place.with_keys(None);
    let error = locked.rollback(&back, "me").await.expect_err("the target let it go");
    assert!(error.to_string().contains("locked"), "{error}");
    place.with_keys(Some(keys(3, &[])));
    let error = place.engine().rollback(&back, "me").await.expect_err("the old key is missing");
    assert!(windlass::error::describe(&error).contains("sealed with the key"), "{error}");
    place.with_keys(Some(keys(3, &[2, 1])));
    place.engine().rollback(&back, "me").await.expect("restored");
    assert!(place.project.read("state/etc/app.yaml").contains(PASSWORD));
    assert_eq!(place.mode("app.yaml"), 0o600);
}

#[tokio::test]
async fn going_one_back_needs_no_key() {
    let place = Place::new();
    place.engine().deploy("staging", &Input::Project, "me").await.expect("deployed");
    place.set("database.password", "rotated-value");
    place.engine().deploy("staging", &Input::Project, "me").await.expect("deployed");
    place.with_keys(None);
    let latest = Subject::Latest(EnvironmentName::new("staging").expect("a name"));
    place.engine().rollback(&latest, "me").await.expect("the target keeps it");
    assert!(place.project.read("state/etc/app.yaml").contains(PASSWORD));
    let said = format!("{:?}", place.events.events());
    never(&said);
    assert!(said.contains("withheld"), "nobody knows what the commands printed: {said}");
}

/// Returns a place where somebody else deployed, and the token was rotated since.
async fn deployed_from_elsewhere() -> Place {
    let place = Place::new();
    let theirs = place.engine_in("theirs");
    theirs.deploy("staging", &Input::Project, "somebody").await.expect("deployed");
    place.set("API_TOKEN", "rotated-value");
    place
}

#[tokio::test]
async fn a_rollback_to_what_others_deployed_shows_nothing_that_nobody_here_knows() {
    let place = deployed_from_elsewhere().await;
    let engine = place.engine();
    engine.deploy("staging", &Input::Project, "me").await.expect("deployed");
    let shown = format!("{:?}", place.events.events());
    assert!(!shown.contains("withheld"), "what was rendered here is known: {shown}");
    let latest = Subject::Latest(EnvironmentName::new("staging").expect("a name"));
    place.engine().rollback(&latest, "me").await.expect("the target keeps it");
    assert!(place.project.read("state/etc/nginx.conf").contains(TOKEN));
    let said = format!("{:?}", place.events.events());
    never(&said);
    assert!(said.contains("withheld") && said.contains("elsewhere"), "{said}");
}

#[tokio::test]
async fn a_failure_that_goes_back_to_what_others_deployed_shows_nothing_of_it() {
    let place = deployed_from_elsewhere().await;
    place.project.write("state/broken", "");
    let engine = place.engine();
    let error = engine.deploy("staging", &Input::Project, "me").await.expect_err("it fails");
    assert!(place.project.read("state/etc/nginx.conf").contains(TOKEN), "it was taken back");
    never(&format!("{error:?}"));
    let said = format!("{:?}", place.events.events());
    never(&said);
    assert!(said.contains("withheld"), "{said}");
    assert!(said.contains("[secret API_TOKEN]"), "until then everything is shown: {said}");
}

#[tokio::test]
async fn a_failing_hook_leaks_nothing_into_error_record_or_events() {
    for (broken, long) in [("refuse", false), ("broken", false), ("refuse", true)] {
        let place = Place::new();
        if long {
            // The excerpt in the error is made of the last lines; the tail begins within a value.
            let lines = format!("{}\n", "x".repeat(5000)).repeat(14);
            place.project.edit("nginx.conf", "host db;", &lines);
            place.project.edit(
                "windlass.toml",
                "cat $STAGED/nginx.conf;",
                "cat $STAGED/nginx.conf $STAGED/nginx.conf | tr -d '\\n';",
            );
        }
        place.project.write(Path::new("state").join(broken), "");
        let engine = place.engine();
        let error = engine.deploy("staging", &Input::Project, "me").await.expect_err("it fails");
        let said = windlass::error::describe(&error);
        assert!(said.contains("[secret API_TOKEN]"), "{broken}: {said}");
        never(&said);
        never(&format!("{error:?}"));
        let records = engine.history(None).await.expect("listed");
        never(&serde_json::to_string(&records).expect("serializes"));
        never(&format!("{:?}", place.events.events()));
    }
}

#[tokio::test]
async fn errors_of_templates_layers_and_names_quote_nothing() {
    for (file, text, expected) in [
        ("app.env.j2", "{{ API_TOKEN + 1 }}", "app.env.j2:1:"),
        ("app.env.j2", "{{ API_TOKE }}", "`API_TOKE` is not defined"),
        ("nginx.conf", "${API_TOKEN} ${API_TOKE}", "variable `API_TOKE` is not set"),
        ("app.yaml", "a: [${API_TOKEN}", "app.yaml:"),
        ("windlass.toml", "SEE BELOW", "secret `API_TOKEN` has no place here"),
    ] {
        let place = Place::new();
        if file == "windlass.toml" {
            place.project.edit(file, "\"open.conf\", path", "\"open-${API_TOKEN}.conf\", path");
        } else {
            place.project.write(file, text);
        }
        let error = place.engine().plan("staging", &Input::Project).await.expect_err(file);
        assert!(error.to_string().contains(expected), "{error}");
        never(&format!("{error} {error:?}"));
    }
    let place = Place::new();
    place.project.edit(
        "windlass.toml",
        "type = \"staging\"",
        "type = \"staging\"\nvariables = { API_TOKEN = \"x\" }",
    );
    let error = place.engine().plan("staging", &Input::Project).await.expect_err("both");
    let said = error.to_string();
    assert!(
        said.contains("`${API_TOKEN}` is both a variable and the secret `API_TOKEN`"),
        "{said}"
    );
}

#[tokio::test]
async fn a_schema_error_about_a_secret_quotes_nothing() {
    let place = Place::new();
    let schema =
        r#"{"properties": {"database": {"properties": {"password": {"type": "integer"}}}}}"#;
    place.project.write("schema.json", schema);
    place.project.edit(
        "windlass.toml",
        "layers = [\"app.yaml\"]",
        "layers = [\"app.yaml\"]\nschema = \"schema.json\"",
    );
    let error = place.engine().plan("staging", &Input::Project).await.expect_err("a string");
    assert!(error.to_string().contains("app.yaml:3:"), "{error}");
    never(&format!("{error} {error:?}"));
}

#[tokio::test]
async fn a_mode_of_the_project_wins_and_is_warned_of() {
    let place = Place::new();
    place.project.edit(
        "windlass.toml",
        "path = \"nginx.conf\"",
        "path = \"nginx.conf\", mode = \"0640\"",
    );
    place.project.edit(
        "windlass.toml",
        "path = \"app.env\"",
        "path = \"app.env\", mode = \"0644\"",
    );
    let plan = place.engine().plan("staging", &Input::Project).await.expect("planned");
    let warning = "app.env holds a secret, and its mode 0644 lets everybody read it";
    assert_eq!(plan.warnings, [warning]);
    place.engine().apply(plan, "me").await.expect("applied");
    assert_eq!((place.mode("nginx.conf"), place.mode("app.env")), (0o640, 0o644));
}

#[tokio::test]
async fn without_anything_to_unlock_them_nothing_is_deployed() {
    let place = Place::new();
    place.with_keys(None);
    let error = place.engine().deploy("staging", &Input::Project, "me").await.expect_err("locked");
    assert!(error.to_string().contains("locked"), "{error}");
    assert!(!place.project.at("state/etc/app.yaml").exists());
    let mut loaded = LoadedProject::find(&place.project.path()).expect("a project");
    for environment in loaded.project.environments.values_mut() {
        environment.secrets = Some("secrets/staging.yaml".to_owned());
    }
    let options = Options { project: Some(loaded), ..Options::default() };
    let engine = Engine::open(options).expect("a workspace");
    let error = engine.plan("staging", &Input::Project).await.expect_err("no source");
    assert!(error.to_string().contains("secrets/staging.yaml"), "{error}");
}

#[tokio::test]
async fn the_same_secrets_give_the_same_release_on_every_machine() {
    let plan = |place: &Place| {
        let engine = place.engine();
        async move { engine.plan("staging", &Input::Project).await.expect("planned") }
    };
    let (one, two) = (Place::new(), Place::new());
    let other_objects = keys(9, &[]);
    two.with_keys(Some(other_objects));
    assert_eq!(plan(&one).await.release, plan(&two).await.release);
}

#[tokio::test]
async fn a_render_into_a_directory_has_the_modes_from_the_start() {
    let place = Place::new();
    let out = place.project.at("out");
    let files = place.engine().render_to("staging", None, &out).await.expect("rendered");
    let mode = |path: &str| out.join(path).metadata().expect("there").permissions().mode() & 0o777;
    assert_eq!((mode("nginx.conf"), mode("open.conf")), (0o600, 0o644));
    let shown = serde_json::to_string(&files).expect("serializes");
    let digest =
        windlass_core::digest::Digest::of(&fs::read(out.join("nginx.conf")).expect("read"));
    assert!(!shown.contains(&digest.to_string()), "{shown}");
}
