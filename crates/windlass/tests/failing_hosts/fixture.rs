//! A project with two targets, and hosts that fail when they are told to.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use windlass::host::{ByAddress, Host, HostError, Reach, Reacher, RemoteHost};
use windlass::project::LoadedProject;
use windlass::store::{FileStore, StateStore};
use windlass::{ConfigDeployment, DeploymentStatus, Engine, Error, Input, Options, Subject};
use windlass_agent::site::{Inspection, Survey};
use windlass_agent::work::{Assignment, WorkError};
use windlass_core::name::EnvironmentName;
use windlass_core::plan::Plan;
use windlass_core::record::{DeploymentId, TargetRecord, TargetState};
use windlass_core::release::{Manifest, ReleaseId};
use windlass_core::target::{Address, Target, TargetId};
use windlass_testing::TestProject;

use super::agent_process;

const PROJECT: &str = r#"
[project]
name = "shop"

[services.web]
files = [{ source = "app.conf", path = "app.conf" }]
on_change = "cat $CONFIG_PATH/app.conf >> $TARGET_ROOT/reloads && test ! -e $TARGET_ROOT/broken"

[environments.staging]
type = "staging"
config_path = "/etc"
targets = ["local:a", "local:b"]

[environments.other]
type = "testing"
config_path = "/etc"
targets = ["local:a"]
"#;

/// What a host is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Call {
    Inspect,
    Prepare,
    Activate,
}

/// How a call goes wrong.
#[derive(Clone)]
pub(crate) enum Fault {
    /// It is not carried out.
    Refused,
    /// It is carried out, and a probe fails afterwards.
    Unhealthy,
    /// Another engine deploys just before it.
    Overtaken(Arc<Engine>),
}

/// The faults to come: of a target, a call, and which of those calls, from 1.
#[derive(Default)]
pub(crate) struct Faults {
    planned: Mutex<BTreeMap<(String, Call, usize), Fault>>,
    calls: Mutex<BTreeMap<(String, Call), usize>>,
}

impl Faults {
    fn next(&self, target: &TargetId, call: Call) -> Option<Fault> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let nth = calls.entry((target.to_string(), call)).or_default();
        *nth += 1;
        let planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        planned.get(&(target.to_string(), call, *nth)).cloned()
    }

    /// Lets the `nth` such call from now fail.
    pub(crate) fn add(&self, target: &str, call: Call, nth: usize, fault: Fault) {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let so_far = calls.get(&(target.to_owned(), call)).copied().unwrap_or_default();
        let mut planned = self.planned.lock().unwrap_or_else(PoisonError::into_inner);
        planned.insert((target.to_owned(), call, so_far + nth), fault);
    }
}

struct FailingReacher(Arc<Faults>);

impl Reacher for FailingReacher {
    fn reach(
        &self,
        target: &Target,
        config_path: &str,
        how: &Reach,
    ) -> Result<Arc<dyn Host>, HostError> {
        let host = reach(target, config_path, how)?;
        Ok(Arc::new(FailingHost { target: target.id.clone(), host, faults: Arc::clone(&self.0) }))
    }
}

/// Reaches a target in process, or in the second build of these tests through an agent.
fn reach(target: &Target, config_path: &str, how: &Reach) -> Result<Arc<dyn Host>, HostError> {
    if !agent_process::is_wanted() {
        return ByAddress::default().reach(target, config_path, how);
    }
    let Address::Local { root } = &target.address else { panic!("a local target") };
    let root = how.base.join(root);
    let root = root.to_str().expect("UTF-8");
    let connector = Arc::new(agent_process::connector());
    Ok(Arc::new(RemoteHost::new(target, root, config_path, connector, how)?))
}

struct FailingHost {
    target: TargetId,
    host: Arc<dyn Host>,
    faults: Arc<Faults>,
}

impl FailingHost {
    async fn call<T>(
        &self,
        call: Call,
        work: impl Future<Output = Result<T, HostError>>,
    ) -> Result<T, HostError> {
        match self.faults.next(&self.target, call) {
            None => work.await,
            Some(Fault::Refused) => Err(HostError::Lost("injected".to_owned())),
            Some(Fault::Unhealthy) => {
                work.await?;
                Err(WorkError::Unhealthy(vec!["injected".to_owned()]).into())
            }
            Some(Fault::Overtaken(other)) => {
                other.deploy("staging", &Input::Project, "somebody else").await.expect("deployed");
                work.await
            }
        }
    }
}

#[async_trait]
impl Host for FailingHost {
    async fn inspect(&self, wanted: Option<Arc<Manifest>>) -> Result<Inspection, HostError> {
        self.call(Call::Inspect, self.host.inspect(wanted)).await
    }

    async fn survey(&self) -> Result<Survey, HostError> {
        self.host.survey().await
    }

    async fn recall(&self, release: ReleaseId) -> Result<Option<Arc<Assignment>>, HostError> {
        self.host.recall(release).await
    }

    async fn prepare(
        &self,
        deployment: &DeploymentId,
        to: Arc<Assignment>,
        checked: bool,
    ) -> Result<(), HostError> {
        self.call(Call::Prepare, self.host.prepare(deployment, to, checked)).await
    }

    async fn activate(
        &self,
        deployment: &DeploymentId,
        over: Vec<Option<ReleaseId>>,
        to: Option<Arc<Assignment>>,
    ) -> Result<TargetState, HostError> {
        self.call(Call::Activate, self.host.activate(deployment, over, to)).await
    }

    async fn probe(&self, live: Arc<Assignment>) -> Result<Option<bool>, HostError> {
        self.host.probe(live).await
    }

    async fn prune(&self, keep: Vec<ReleaseId>) -> Result<(), HostError> {
        self.host.prune(keep).await
    }
}

/// The project, an engine on it, and the faults of its hosts.
pub(crate) struct Shop {
    pub(crate) project: TestProject,
    pub(crate) faults: Arc<Faults>,
    pub(crate) engine: Engine,
}

impl Shop {
    pub(crate) fn new() -> Self {
        let project = TestProject::new();
        fs::write(project.path().join("windlass.toml"), PROJECT).expect("written");
        let faults = Arc::new(Faults::default());
        let engine = engine(&project, ".windlass", &faults);
        Self { project, faults, engine }
    }

    /// Returns an engine on another workspace, as another operator has one.
    pub(crate) fn elsewhere(&self) -> Engine {
        engine(&self.project, "elsewhere", &Arc::new(Faults::default()))
    }

    /// Returns an engine on the same workspace, after the project file was changed.
    pub(crate) fn reopened(&self) -> Engine {
        engine(&self.project, ".windlass", &self.faults)
    }

    pub(crate) fn write(&self, content: &str) {
        fs::write(self.project.path().join("app.conf"), content).expect("written");
    }

    /// Changes a text of the project file.
    pub(crate) fn edit(&self, from: &str, to: &str) {
        let file = self.project.path().join("windlass.toml");
        let text = fs::read_to_string(&file).expect("read");
        assert!(text.contains(from), "{from}");
        fs::write(&file, text.replace(from, to)).expect("written");
    }

    pub(crate) async fn deploy(&self, content: &str) -> Result<ConfigDeployment, Error> {
        self.write(content);
        self.engine.deploy("staging", &Input::Project, "tester").await
    }

    pub(crate) async fn plan(&self, content: &str) -> Plan {
        self.write(content);
        self.engine.plan("staging", &Input::Project).await.expect("planned")
    }

    pub(crate) async fn roll_back(&self) -> Result<ConfigDeployment, Error> {
        let environment = EnvironmentName::new("staging").expect("a name");
        self.engine.rollback(&Subject::Latest(environment), "tester").await
    }

    pub(crate) fn path(&self, relative: &str) -> PathBuf {
        self.project.path().join(relative)
    }

    /// Returns what is live on both targets.
    pub(crate) fn live(&self) -> [String; 2] {
        ["a", "b"].map(|target| {
            fs::read_to_string(self.path(&format!("{target}/etc/app.conf"))).unwrap_or_default()
        })
    }

    /// Lets the record of a deployment look as if its process had been killed at its end.
    pub(crate) async fn interrupt(&self, record: &ConfigDeployment) {
        let store = FileStore::open(&self.path(".windlass")).expect("opened");
        let status = DeploymentStatus::InProgress;
        let record = ConfigDeployment { status, ..record.clone() };
        store.update_record(&record).await.expect("updated");
    }

    pub(crate) async fn record(&self, id: &DeploymentId) -> ConfigDeployment {
        self.engine.deployment(id.as_str()).await.expect("recorded")
    }
}

fn engine(project: &TestProject, workspace: &str, faults: &Arc<Faults>) -> Engine {
    let loaded = LoadedProject::find(&project.path()).expect("a project");
    let options = Options {
        project: Some(loaded),
        workspace: Some(project.path().join(workspace)),
        reacher: Some(Arc::new(FailingReacher(Arc::clone(faults)))),
        ..Options::default()
    };
    Engine::open(options).expect("opened")
}

/// Returns the record of a deployment that was carried out and failed.
pub(crate) fn failed(outcome: Result<ConfigDeployment, Error>) -> ConfigDeployment {
    match outcome {
        Err(Error::Failed(record)) => *record,
        other => panic!("not a failed deployment: {other:?}"),
    }
}

pub(crate) fn target<'r>(record: &'r ConfigDeployment, id: &str) -> &'r TargetRecord {
    record.targets.iter().find(|target| target.id.as_str() == id).expect("a target of the record")
}
