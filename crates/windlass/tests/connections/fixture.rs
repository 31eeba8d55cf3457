//! A target behind agents, releases for it, and connectors that watch or play agents.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, Command as Process};
use windlass::clock::SystemClock;
use windlass::events::{Events, Recorded};
use windlass::host::remote::{Connection, Connector, Patience};
use windlass::host::{HostError, Reach, RemoteHost};
use windlass::objects::Objects;
use windlass_agent::work::Assignment;
use windlass_core::command::Command;
use windlass_core::event::Event;
use windlass_core::name::{EnvironmentName, ServiceName};
use windlass_core::path::RelativePath;
use windlass_core::record::DeploymentId;
use windlass_core::release::{FileEntry, Layout, Manifest, Mode, Release, ServiceRelease};
use windlass_core::target::{Address, Target, TargetId};

use super::agent_process;

pub(crate) struct Fixture {
    temp: tempfile::TempDir,
    objects: Objects,
    events: Recorded,
}

impl Fixture {
    pub(crate) fn new() -> Self {
        let temp = tempfile::tempdir().expect("a directory");
        let objects = Objects::open(temp.path().join("objects")).expect("a store");
        Self { temp, objects, events: Recorded::default() }
    }

    /// Returns the target in the directory `root`, behind agents that `connector` starts.
    pub(crate) fn host_at(
        &self,
        root: &str,
        connector: Arc<dyn Connector>,
        patience: Patience,
    ) -> RemoteHost {
        let reach = Reach {
            base: self.temp.path().into(),
            objects: self.objects.clone(),
            confirm: None,
            events: Events::new(Arc::new(SystemClock), vec![Box::new(self.events.clone())]),
        };
        let root = self.path(root);
        let root = root.to_str().expect("UTF-8");
        let address = Address::Local { root: root.to_owned() };
        let target = Target::at(TargetId::new("web-1"), address);
        let host = RemoteHost::new(&target, root, "/etc", connector, &reach).expect("a host");
        host.with_patience(patience)
    }

    pub(crate) fn host(&self, connector: Arc<dyn Connector>, patience: Patience) -> RemoteHost {
        self.host_at("root", connector, patience)
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.temp.path().join(path)
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.events()
    }

    pub(crate) fn plain(&self, files: &[(&str, &str)]) -> Arc<Assignment> {
        self.release(files, ServiceRelease::default())
    }

    /// Returns a release whose service has a check.
    pub(crate) fn checked(&self, files: &[(&str, &str)], check: &str) -> Arc<Assignment> {
        let check = Some(Command::Shell(check.to_owned()));
        self.release(files, ServiceRelease { check, ..ServiceRelease::default() })
    }

    fn release(&self, files: &[(&str, &str)], web: ServiceRelease) -> Arc<Assignment> {
        let batch = self.objects.batch();
        let service = ServiceName::new("web").expect("a name");
        let entries = files.iter().map(|(path, text)| FileEntry {
            path: RelativePath::new(*path).expect("a path"),
            mode: Mode::from_bits(0o640),
            size: text.len() as u64,
            digest: batch.put(text.as_bytes()).expect("put"),
            service: service.clone(),
            layout: if path.ends_with(".plain") { Layout::Plain } else { Layout::Linked },
            shown: None,
            secret: false,
            key: None,
        });
        let manifest = Manifest::new(entries.collect()).expect("no conflict");
        drop(batch.commit().expect("stored"));
        let release = Release {
            project: "shop".to_owned(),
            environment: EnvironmentName::new("test").expect("a name"),
            config_path: "/etc".to_owned(),
            services: [(service, web)].into(),
            variables: BTreeMap::new(),
            target_variables: BTreeMap::new(),
            targets: [(TargetId::new("web-1"), manifest.id())].into(),
        };
        Arc::new(Assignment { id: release.id(), release, manifest })
    }
}

pub(crate) fn deployment() -> DeploymentId {
    DeploymentId::new("deploy_test_1").expect("an id")
}

/// Starts an agent in a process of its own, and returns it with its pipes.
pub(crate) fn agent() -> (Child, tokio::process::ChildStdin, tokio::process::ChildStdout) {
    let mut command = Process::new("env");
    command.args(agent_process::arguments()).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::null()).spawn().expect("an agent");
    let (input, output) = (child.stdin.take(), child.stdout.take());
    (child, input.expect("a pipe"), output.expect("a pipe"))
}

/// Starts agents, and watches them.
#[derive(Default)]
pub(crate) struct OnlyOnce {
    agents: Mutex<Vec<Child>>,
    opened: Mutex<usize>,
}

impl OnlyOnce {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Returns how many agents were started.
    pub(crate) fn opened(&self) -> usize {
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for all agents to end; tells whether all did so without an error.
    pub(crate) async fn agents_end(&self) -> bool {
        let mut good = true;
        for mut agent in self.take() {
            good &= agent.wait().await.expect("it ends").success();
        }
        good
    }

    /// Kills all agents, and returns when they are gone.
    pub(crate) async fn kill_agents(&self) {
        for mut agent in self.take() {
            agent.kill().await.expect("killed");
        }
    }

    /// Returns the most bytes that the first agent had in memory so far.
    pub(crate) fn peak_memory(&self) -> u64 {
        let agents = self.agents.lock().unwrap_or_else(PoisonError::into_inner);
        let id = agents[0].id().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{id}/status")).expect("it runs");
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let kib = peak.and_then(|peak| peak.trim().strip_suffix(" kB")).expect("a figure in kB");
        kib.parse::<u64>().expect("a number") * 1024
    }

    fn take(&self) -> Vec<Child> {
        std::mem::take(&mut *self.agents.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

#[async_trait]
impl Connector for OnlyOnce {
    async fn open(&self) -> Result<Connection, HostError> {
        let (child, input, output) = agent();
        self.agents.lock().unwrap_or_else(PoisonError::into_inner).push(child);
        *self.opened.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        Ok(Connection::new(tokio::io::join(output, input)))
    }
}

/// An agent that says something, whatever it is asked.
pub(crate) struct Scripted {
    script: Vec<u8>,
    ends: bool,
}

impl Scripted {
    /// Returns an agent that falls silent after `script`.
    pub(crate) fn new(script: Vec<u8>) -> Self {
        Self { script, ends: false }
    }

    /// Returns an agent that hangs up after `script`.
    pub(crate) fn ending(script: Vec<u8>) -> Self {
        Self { script, ends: true }
    }
}

#[async_trait]
impl Connector for Scripted {
    async fn open(&self) -> Result<Connection, HostError> {
        let (ours, theirs) = tokio::io::duplex(1 << 20);
        let (mut from, mut to) = tokio::io::split(theirs);
        let (script, ends) = (self.script.clone(), self.ends);
        tokio::spawn(async move {
            to.write_all(&script).await.expect("taken");
            if ends {
                to.shutdown().await.expect("taken");
            }
            tokio::io::copy(&mut from, &mut tokio::io::sink()).await
        });
        Ok(Connection::new(ours))
    }
}
