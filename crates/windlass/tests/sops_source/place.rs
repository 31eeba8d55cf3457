//! A project with an encrypted file of secrets, and engines on it.

use std::sync::Arc;

use windlass::clock::SystemClock;
use windlass::events::Recorded;
use windlass::project::LoadedProject;
use windlass::secrets::{Keys, SopsSource};
use windlass::sops::{Format, Identities, KeyPair, Rules, SystemEntropy, encrypt};
use windlass::{Engine, Options};
use windlass_testing::{Canaries, TestProject};

pub(crate) struct Place {
    pub(crate) project: TestProject,
    pub(crate) events: Recorded,
    pair: KeyPair,
}

impl Place {
    /// Returns a project with a file that holds each of `canaries` on a line.
    pub(crate) fn new(toml: &str, canaries: &Canaries) -> Self {
        let (project, pair) = (TestProject::new(), KeyPair::generate());
        let lines: String = canaries.iter().map(|(name, _)| format!("${{{name}}}\n")).collect();
        project.write("windlass.toml", toml).write("all.conf", lines).directory("state");
        let place = Self { project, events: Recorded::default(), pair };
        place.keep(canaries);
        place
    }

    /// Makes `canaries` the secrets.
    pub(crate) fn keep(&self, canaries: &Canaries) {
        let rules = Rules::for_recipients(vec![self.pair.recipient().clone()]);
        let now = "2026-11-20T12:00:00Z".parse().expect("a time");
        let yaml = canaries.to_yaml();
        let text = encrypt(yaml.as_bytes(), Format::Yaml, &rules, now, &mut SystemEntropy);
        self.project.write("secrets/staging.yaml", text.expect("encrypted"));
    }

    /// Returns an engine as a new process would have it, set up as `options` says besides.
    pub(crate) fn engine(&self, options: Options) -> Engine {
        let keys = Identities::parse(self.pair.secret(), "a test").expect("a key");
        let (root, workspace) = (self.project.path(), self.project.at(".windlass"));
        let source = SopsSource::new(root, workspace, Keys::from(keys), Arc::new(SystemClock));
        let engine = Engine::open(Options {
            project: Some(LoadedProject::find(&self.project.path()).expect("a project")),
            sinks: vec![Box::new(self.events.clone())],
            secrets: Some(Arc::new(source)),
            ..options
        });
        engine.expect("a workspace")
    }

    /// Returns the events so far.
    pub(crate) fn said(&self) -> String {
        serde_json::to_string(&self.events.events()).expect("serializes")
    }
}
