//! [`ConfigurationDeployer`] as a program uses it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};
use windlass::clock::FixedClock;
use windlass::{
    ConfigDeployment, ConfigurationDeployer, DeploymentStatus, Engine, Environment,
    EnvironmentType, Error, Options,
};
use windlass_testing::{TestProject, Tree};

const NOW: i64 = 1_700_000_000;

/// Counts what is logged at error level.
#[derive(Clone, Default)]
struct Errors(Arc<AtomicUsize>);

impl Subscriber for Errors {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::ERROR
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// A directory with a workspace, files to deploy, and where they go.
struct Place {
    project: TestProject,
    clock: Arc<FixedClock>,
}

impl Place {
    fn new() -> Self {
        let now = Timestamp::from_second(NOW).expect("in range");
        Self { project: TestProject::new(), clock: Arc::new(FixedClock::at(now)) }
    }

    /// Returns a deployer as a new process would have it.
    fn deployer(&self) -> ConfigurationDeployer {
        let options = Options {
            workspace: Some(self.project.at("workspace")),
            clock: Some(Arc::clone(&self.clock) as _),
            ..Options::default()
        };
        ConfigurationDeployer::with_engine(Engine::open(options).expect("a workspace"))
    }

    async fn staging(&self) -> ConfigurationDeployer {
        let deployer = self.deployer();
        let variables = [("KEY", "one"), ("KEY2", "two")];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let live = self.project.at("live");
        let created =
            deployer.create_environment("staging", EnvironmentType::Staging, &live, variables);
        let _ = created.await.expect("it is new");
        deployer
    }

    fn files(&self, names: &[&str]) -> Vec<PathBuf> {
        names.iter().map(|name| self.project.at(name)).collect()
    }

    /// Deploys the files of these names to `staging`, as `ann`.
    async fn deploy(
        &self,
        deployer: &ConfigurationDeployer,
        names: &[&str],
    ) -> Result<ConfigDeployment, Error> {
        deployer.deploy_configuration("staging", &self.files(names), "ann").await
    }

    fn live(&self) -> Tree {
        Tree::read(self.project.at("live"))
    }

    fn saved(&self, record: &ConfigDeployment) -> Value {
        let path = format!("workspace/config_deployments/{}.json", record.deployment_id);
        serde_json::from_str(&self.project.read(path)).expect("a record is JSON")
    }
}

/// Returns how many failures `work` logged, and what it gave.
async fn counting<T>(work: impl Future<Output = T>) -> (usize, T) {
    let errors = Errors::default();
    let guard = tracing::subscriber::set_default(errors.clone());
    let outcome = work.await;
    drop(guard);
    (errors.0.load(Ordering::SeqCst), outcome)
}

#[tokio::test]
async fn an_environment_is_persisted_and_a_new_process_knows_it() {
    let place = Place::new();
    let deployer = ConfigurationDeployer::new(Some(&place.project.at("workspace")));
    let deployer = deployer.expect("a workspace can be made");
    for made in ["workspace/config_deployments", "workspace/environments"] {
        assert!(place.project.at(made).is_dir(), "{made}");
    }
    let variables = BTreeMap::from([("A".to_owned(), "1".to_owned())]);
    let live = place.project.at("live");
    let kinds = [
        ("development", EnvironmentType::Development),
        ("production", EnvironmentType::Production),
        ("staging", EnvironmentType::Staging),
        ("testing", EnvironmentType::Testing),
    ];
    for (name, kind) in kinds {
        let created = deployer.create_environment(name, kind, &live, variables.clone()).await;
        let created = created.expect("it is new");
        assert_eq!((created.name.as_str(), created.environment_type), (name, kind));
        assert_eq!(created.config_path, live.to_str().expect("UTF-8"));
        assert_eq!((&created.variables, &created.secrets), (&variables, &None));
        assert!(created.created_at.is_some());
        let saved = place.project.read(format!("workspace/environments/{name}.json"));
        assert!(saved.contains(&format!("\"type\": \"{name}\"")), "{saved}");
    }
    let again = place.deployer();
    let known = again.list_environments().await.expect("readable");
    let names: Vec<_> = known.iter().map(|environment| environment.name.as_str()).collect();
    assert_eq!(names, kinds.map(|(name, _)| name));
    let one: Option<Environment> = again.get_environment_config("testing").await.expect("readable");
    assert_eq!(one.as_ref(), known.last());
    assert_eq!(again.get_environment_config("absent").await.expect("readable"), None);
}

#[tokio::test]
async fn an_environment_that_cannot_be_is_refused_and_logged() {
    let place = Place::new();
    let deployer = place.staging().await;
    let live = place.project.at("other");
    for (name, says) in [("staging", "exists already"), ("no/name", "no/name"), ("", "name")] {
        let create =
            deployer.create_environment(name, EnvironmentType::Testing, &live, BTreeMap::new());
        let (logged, outcome) = counting(create).await;
        let refused = outcome.expect_err("it cannot be").to_string();
        assert!(refused.contains(says), "{name:?}: {refused}");
        assert_eq!(logged, 1, "{name:?}");
    }
    assert_eq!(deployer.list_environments().await.expect("readable").len(), 1);
}

#[tokio::test]
async fn files_are_substituted_deployed_and_recorded() {
    let place = Place::new();
    let deployer = place.staging().await;
    place.project.write("app.yaml", "a: ${KEY}\nb: $KEY2\nc: $KEY\n").write("x.txt", "x\n");
    let record = place.deploy(&deployer, &["app.yaml", "x.txt"]).await;
    let record = record.expect("it can be deployed");
    assert_eq!(place.live().text("app.yaml"), Some("a: one\nb: two\nc: one\n"));
    assert_eq!(place.live().text("x.txt"), Some("x\n"));

    assert_eq!(record.deployment_id.as_str(), format!("deploy_staging_{NOW}"));
    assert_eq!((record.environment.as_str(), record.deployed_by.as_str()), ("staging", "ann"));
    assert_eq!(record.status, DeploymentStatus::Success);
    assert_eq!(record.deployed_at.as_second(), NOW);
    assert_eq!((record.config_files.len(), &record.rollback_info), (2, &None));
    let added: Vec<_> = record.changes.files_added.iter().map(ToString::to_string).collect();
    assert_eq!(added, ["app.yaml", "x.txt"]);
    let saved = place.saved(&record);
    assert_eq!(saved["deployment_id"], record.deployment_id.as_str());
    assert_eq!(saved["status"], "success");

    let found = place.deployer().get_deployment_status(record.deployment_id.as_str()).await;
    assert_eq!(found.expect("readable"), Some(record));
    for unknown in ["deploy_staging_1", "no id at all"] {
        assert_eq!(deployer.get_deployment_status(unknown).await.expect("readable"), None);
    }
}

#[tokio::test]
async fn changes_are_found_file_by_file_and_setting_by_setting() {
    let place = Place::new();
    let deployer = place.staging().await;
    place.project.write("app.yaml", "db:\n  host: a\n  port: 1\n").write("old.txt", "old\n");
    let first = place.deploy(&deployer, &["app.yaml", "old.txt"]).await;
    let first = first.expect("it can be deployed");
    place.project.write("app.yaml", "db:\n  host: b\n  port: 1\n").write("new.txt", "new\n");
    let second = place.deploy(&deployer, &["app.yaml", "new.txt"]).await;
    let second = second.expect("it can be deployed");
    let changes = serde_json::to_value(&second.changes).expect("a value");
    assert_eq!(changes["files_added"], json!(["new.txt"]));
    assert_eq!(changes["files_removed"], json!(["old.txt"]));
    assert_eq!(changes["files_modified"], json!(["app.yaml"]));
    let settings = json!({ "app.yaml": { "db.host": { "old": "a", "new": "b" } } });
    assert_eq!(changes["settings_changed"], settings);
    assert_eq!(place.live().paths().collect::<Vec<_>>(), ["app.yaml", "new.txt"]);
    assert_ne!(first.config_version, second.config_version, "it is no constant");

    let undone = deployer.rollback_deployment(second.deployment_id.as_str()).await;
    assert_eq!(undone.expect("it can be undone").config_version, first.config_version);
}

#[tokio::test]
async fn a_rollback_restores_bytes_and_modes_and_is_recorded_itself() {
    let place = Place::new();
    let deployer = place.staging().await;
    place.project.write("app.yaml", "v: 1 $KEY\n").write("run", "#!/bin/sh\n").chmod("run", 0o755);
    let deploy = || place.deploy(&deployer, &["app.yaml", "run"]);
    let first = deploy().await.expect("it can be deployed");
    let before = place.live();
    place.project.write("app.yaml", "v: 2 $KEY2\n").write("run", "exit 1\n").chmod("run", 0o644);
    place.clock.advance(Duration::from_secs(5));
    let second = deploy().await.expect("it can be deployed");
    assert_ne!(place.live(), before);
    // What is in the project now is not what was deployed then.
    place.project.write("app.yaml", "v: 3\n").remove("run");

    let deployer = place.deployer();
    let back = deployer.rollback_deployment(second.deployment_id.as_str()).await;
    let back = back.expect("it can be undone");
    assert_eq!(place.live(), before);
    let id = format!("rollback_{}_{}", second.deployment_id, NOW + 5);
    assert_eq!(
        (back.deployment_id.as_str(), back.status),
        (id.as_str(), DeploymentStatus::Success)
    );
    let info = back.rollback_info.as_ref().expect("it is a rollback");
    assert_eq!(info.deployment.as_ref(), Some(&second.deployment_id));
    assert_eq!(place.saved(&back)["status"], "success");
    let undone = deployer.get_deployment_status(second.deployment_id.as_str()).await;
    let undone = undone.expect("readable").expect("it is there");
    assert_eq!(undone.status, DeploymentStatus::RolledBack);
    let by = undone.rollback_info.expect("it was rolled back").rolled_back_by;
    assert_eq!(by.as_ref(), Some(&back.deployment_id));

    let first = deployer.rollback_deployment(first.deployment_id.as_str()).await;
    let _ = first.expect("the first one can be undone too");
    assert_eq!(place.live(), Tree::default());
}

#[tokio::test]
async fn records_are_listed_newest_first_and_ids_of_one_second_differ() {
    let place = Place::new();
    let deployer = place.staging().await;
    let live = place.project.at("elsewhere");
    let other =
        deployer.create_environment("other", EnvironmentType::Testing, &live, BTreeMap::new());
    let other = other.await.expect("it is new");
    let mut ids = Vec::new();
    for version in 0..12 {
        place.project.write("app.yaml", format!("v: {version}\n"));
        let environment = if version % 4 == 3 { "other" } else { "staging" };
        let files = place.files(&["app.yaml"]);
        let record = deployer.deploy_configuration(environment, &files, "ann").await;
        ids.push(record.expect("it can be deployed").deployment_id);
        place.clock.advance(Duration::from_millis(1));
    }
    assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), 12, "{ids:?}");
    ids.reverse();
    let listed = |records: Vec<ConfigDeployment>| -> Vec<_> {
        records.into_iter().map(|record| record.deployment_id).collect()
    };
    assert_eq!(listed(deployer.list_deployments(None).await.expect("readable")), ids);
    let of_other = deployer.list_deployments(Some(&other.name)).await.expect("readable");
    assert!(of_other.iter().all(|record| record.environment == other.name));
    assert_eq!(of_other.len(), 3);
}

#[tokio::test]
async fn a_missing_source_fails_the_whole_deployment_which_is_saved_and_logged() {
    let place = Place::new();
    let deployer = place.staging().await;
    place.project.write("app.yaml", "v: 1\n");
    let _ = place.deploy(&deployer, &["app.yaml"]).await.expect("it can be deployed");
    let before = place.live();
    place.project.write("app.yaml", "v: 2\n").write("bad.yaml", "v: ${UNSET}\n");
    for bad in ["absent.yaml", "bad.yaml"] {
        let (logged, outcome) = counting(place.deploy(&deployer, &["app.yaml", bad])).await;
        let error = outcome.expect_err("a file cannot be rendered").to_string();
        assert!(error.contains(bad) || error.contains("UNSET"), "{error}");
        assert_eq!(logged, 1, "{bad}");
        assert_eq!(place.live(), before, "{bad}");
        let records = place.deployer().list_deployments(None).await.expect("readable");
        assert_eq!(records[0].status, DeploymentStatus::Failed);
        assert_eq!(place.saved(&records[0])["status"], "failed");
        let saved = records[0].error.as_deref().unwrap_or_default();
        assert!(saved.contains(bad) || saved.contains("UNSET"), "{saved}");

        let undo = deployer.rollback_deployment(records[0].deployment_id.as_str());
        let (logged, outcome) = counting(undo).await;
        assert!(matches!(outcome, Err(Error::NotReversible { .. })), "{outcome:?}");
        assert_eq!(logged, 1, "{bad}");
    }
}

#[tokio::test]
async fn what_is_unknown_is_named_and_logged() {
    let place = Place::new();
    let deployer = place.staging().await;
    place.project.write("app.yaml", "v: 1\n");
    let files = place.files(&["app.yaml"]);
    let (logged, outcome) = counting(deployer.deploy_configuration("stagin", &files, "ann")).await;
    assert_eq!(outcome.expect_err("there is none").to_string(), "unknown environment `stagin`");
    assert_eq!(logged, 1);
    for id in ["deploy_staging_1", "../../etc/passwd"] {
        let (logged, outcome) = counting(deployer.rollback_deployment(id)).await;
        let error = outcome.expect_err("there is none").to_string();
        assert_eq!(error, format!("unknown deployment `{id}`"));
        assert_eq!(logged, 1, "{id}");
    }
}

#[tokio::test]
async fn state_that_cannot_be_read_is_an_error_and_is_logged() {
    let place = Place::new();
    let deployer = place.staging().await;
    place.project.write("workspace/environments/bad.json", "{");
    place.project.write("workspace/config_deployments/deploy_staging_1.json", "{");
    let (logged, outcome) = counting(deployer.list_environments()).await;
    assert!(outcome.expect_err("it is damaged").to_string().contains("bad.json"));
    assert_eq!(logged, 1);
    let (logged, outcome) = counting(deployer.list_deployments(None)).await;
    assert!(outcome.expect_err("it is damaged").to_string().contains("deploy_staging_1.json"));
    assert_eq!(logged, 1);
    let (logged, outcome) = counting(deployer.get_deployment_status("deploy_staging_1")).await;
    assert!(outcome.is_err());
    assert_eq!(logged, 1);
}
