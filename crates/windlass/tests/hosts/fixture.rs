//! A target on this machine, reached in process or through an agent, and releases for it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use windlass::clock::SystemClock;
use windlass::events::{Events, Recorded};
use windlass::host::{Host, LocalHost, Reach, RemoteHost};
use windlass::objects::Objects;
use windlass_agent::work::Assignment;
use windlass_core::command::Command;
use windlass_core::event::Event;
use windlass_core::name::{EnvironmentName, ServiceName};
use windlass_core::path::RelativePath;
use windlass_core::record::DeploymentId;
use windlass_core::release::{
    FileEntry, Layout, Manifest, Mode, Release, ReleaseId, ServiceRelease,
};
use windlass_core::target::{Address, Target, TargetId};
use windlass_testing::Tree;

use super::agent_process;

pub(crate) struct Fixture {
    pub(crate) temp: tempfile::TempDir,
    pub(crate) objects: Objects,
    pub(crate) host: Arc<dyn Host>,
    events: Recorded,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let temp = tempfile::tempdir().expect("a directory");
        let objects = Objects::open(temp.path().join("objects")).expect("a store");
        let events = Recorded::default();
        let reach = Reach {
            base: temp.path().into(),
            objects: objects.clone(),
            confirm: None,
            events: Events::new(Arc::new(SystemClock), vec![Box::new(events.clone())]),
        };
        let host = host(&temp.path().join("root"), &reach);
        Self { temp, objects, host, events }
    }

    /// Puts the files of a release in the object store. `web` has the files, and these commands.
    pub(crate) fn release(&self, files: &[(&str, &str)], web: ServiceRelease) -> Arc<Assignment> {
        let batch = self.objects.batch();
        let entries = files.iter().map(|(path, text)| {
            let digest = batch.put(text.as_bytes()).expect("put");
            let layout = if path.ends_with(".plain") { Layout::Plain } else { Layout::Linked };
            FileEntry {
                path: RelativePath::new(*path).expect("a path"),
                mode: Mode::from_bits(0o640),
                size: text.len() as u64,
                digest,
                service: web_name(),
                layout,
                shown: None,
                secret: false,
                key: None,
            }
        });
        let manifest = Manifest::new(entries.collect()).expect("no conflict");
        drop(batch.commit().expect("stored"));
        assignment(manifest, web)
    }

    pub(crate) fn plain(&self, files: &[(&str, &str)]) -> Arc<Assignment> {
        self.release(files, ServiceRelease::default())
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.temp.path().join("root/etc").join(path)
    }

    pub(crate) fn tree(&self) -> BTreeMap<String, String> {
        let tree = Tree::read(self.path(""));
        let text = |path: &str| tree.text(path).expect("text").to_owned();
        tree.paths().map(|path| (path.to_owned(), text(path))).collect()
    }

    /// Returns the events so far.
    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.events()
    }

    pub(crate) async fn live(&self) -> Option<ReleaseId> {
        let seen = self.host.inspect(None).await.expect("inspected");
        seen.live.map(|live| live.release)
    }

    /// Stages, checks and activates a release over what is live.
    pub(crate) async fn deploy(&self, to: &Arc<Assignment>) {
        let over = vec![self.live().await];
        self.host.prepare(&deployment(), Arc::clone(to), true).await.expect("prepared");
        let to = Some(Arc::clone(to));
        self.host.activate(&deployment(), over, to).await.expect("activated");
    }
}

fn host(root: &std::path::Path, reach: &Reach) -> Arc<dyn Host> {
    let root = root.to_str().expect("UTF-8");
    let target = Target::at(target(), Address::Local { root: root.to_owned() });
    if agent_process::is_wanted() {
        let connector = Arc::new(agent_process::connector());
        Arc::new(RemoteHost::new(&target, root, "/etc", connector, reach).expect("a host"))
    } else {
        Arc::new(LocalHost::new(&target, root, "/etc", reach).expect("a host"))
    }
}

pub(crate) fn target() -> TargetId {
    TargetId::new("web-1")
}

pub(crate) fn deployment() -> DeploymentId {
    DeploymentId::new("deploy_test_1").expect("an id")
}

pub(crate) fn web_name() -> ServiceName {
    ServiceName::new("web").expect("a name")
}

pub(crate) fn shell(script: &str) -> Option<Command> {
    Some(Command::Shell(script.to_owned()))
}

pub(crate) fn assignment(manifest: Manifest, web: ServiceRelease) -> Arc<Assignment> {
    let release = Release {
        project: "shop".to_owned(),
        environment: EnvironmentName::new("test").expect("a name"),
        config_path: "/etc".to_owned(),
        services: [(web_name(), web)].into(),
        variables: BTreeMap::new(),
        target_variables: BTreeMap::new(),
        targets: [(target(), manifest.id())].into(),
    };
    Arc::new(Assignment { id: release.id(), release, manifest })
}
