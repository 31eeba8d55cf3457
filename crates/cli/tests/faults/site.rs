//! A project with one local target, and what must hold when a deployment to it is refused.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use windlass_testing::{Output, TestProject, Tree, Windlass, assert_same_tree};

/// What lies outside the project and must never be shown.
pub(crate) const SECRET: &str = "hunter2-of-somebody-else";

const PROJECT: &str = r#"[project]
name = "demo"

[config.app]
layers = ["config/app.yaml"]

[services.web]
files = [
  { source = "templates/a.conf", path = "a.conf" },
  { source = "templates/b.env.j2", path = "b.env" },
  { config = "app", path = "app.yaml", format = "yaml" },
]

[environments.dev]
type = "development"
config_path = "/etc/demo"
variables = { HOST = "h1" }
targets = ["local:./state"]
"#;

/// A project, its target, and a secret beside both.
pub(crate) struct Site(TestProject);

impl Site {
    /// Returns a project that was not deployed yet.
    pub(crate) fn fresh() -> Self {
        let project = TestProject::new();
        project
            .write("windlass.toml", PROJECT)
            .write("config/app.yaml", "host: ${HOST}\nport: 80\n")
            .write("templates/a.conf", "host ${HOST} $uri\n")
            .write("templates/b.env.j2", "PORT={{ port }}\n")
            .write("../secret", SECRET);
        Self(project)
    }

    /// Returns a project that was deployed once, so that there is something to lose.
    pub(crate) fn deployed() -> Self {
        let site = Self::fresh();
        let _ = site.deploy().success();
        site
    }

    pub(crate) fn windlass(&self) -> Windlass {
        self.0.windlass(env!("CARGO_BIN_EXE_windlass"))
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.windlass().run(arguments)
    }

    pub(crate) fn deploy(&self) -> Output {
        self.run(&["deploy", "dev"])
    }

    /// Returns what the readers on the target see.
    pub(crate) fn tree(&self) -> Tree {
        let root = self.at("state");
        if root.is_file() { Tree::default() } else { Tree::read(root) }
    }

    /// Deploys, which must be refused with all of `says` on standard error, the target as it was,
    /// and a record of the failure that holds the first of them.
    #[track_caller]
    pub(crate) fn refused(&self, says: &[&str]) -> Output {
        let records = self.records();
        let output = self.unchanged_by(|| self.deploy(), says);
        let new: Vec<_> = self.records().difference(&records).cloned().collect();
        let [record] = new.as_slice() else { panic!("not one record more but {new:?}: {output}") };
        let record = self.json(record);
        assert_eq!(record["status"], "failed", "{record}");
        let error = record["error"].as_str().unwrap_or_default();
        assert!(error.contains(says[0]), "the record's error {error:?} lacks {:?}", says[0]);
        assert!(!record.to_string().contains(SECRET), "{record}");
        output
    }

    /// Deploys, which must fail before there is an environment to record it for.
    #[track_caller]
    pub(crate) fn refused_at_load(&self, says: &[&str]) -> Output {
        let records = self.records();
        let output = self.unchanged_by(|| self.deploy(), says);
        assert_eq!(self.records(), records);
        output
    }

    /// Runs `command`, which must exit 1 with all of `says` and leave the target as it is.
    #[track_caller]
    pub(crate) fn unchanged_by(&self, command: impl FnOnce() -> Output, says: &[&str]) -> Output {
        let (tree, staged) = (self.tree(), self.staged());
        let mut output = command().code(1);
        for text in says {
            output = output.says(text);
        }
        assert!(!output.stderr.contains("panicked"), "{output}");
        assert!(!format!("{output}").contains(SECRET), "{output}");
        assert_same_tree(&tree, &self.tree());
        assert_eq!(staged, self.staged(), "something was left on the target: {output}");
        assert_eq!(names(&self.at(".windlass/objects/tmp"), "batch-"), BTreeSet::new());
        output
    }

    /// Returns the names of the releases on the target, and of what is being made there.
    fn staged(&self) -> BTreeSet<String> {
        names(&self.at("state/etc/demo/.windlass/releases"), "")
    }

    /// Returns the files of the records.
    pub(crate) fn records(&self) -> BTreeSet<String> {
        let directory = ".windlass/config_deployments";
        names(&self.at(directory), "").iter().map(|name| format!("{directory}/{name}")).collect()
    }

    /// Returns the id of the only record.
    #[track_caller]
    pub(crate) fn only_id(&self) -> String {
        let records = self.records();
        let first = records.first().filter(|_| records.len() == 1).expect("there is one record");
        self.json(first)["deployment_id"].as_str().expect("it has an id").to_owned()
    }

    pub(crate) fn json(&self, file: impl AsRef<Path>) -> Value {
        serde_json::from_str(&self.read(file)).expect("a state file is JSON")
    }
}

impl std::ops::Deref for Site {
    type Target = TestProject;

    fn deref(&self) -> &TestProject {
        &self.0
    }
}

/// Returns the names in `directory` that begin with `prefix`; none where it is missing.
pub(crate) fn names(directory: &Path, prefix: &str) -> BTreeSet<String> {
    let entries = fs::read_dir(directory).into_iter().flatten();
    let names = entries.map(|entry| entry.expect("the directory is listed").file_name());
    let names = names.map(|name| name.to_string_lossy().into_owned());
    names.filter(|name| name.starts_with(prefix)).collect()
}

/// Returns the objects of a site's store.
pub(crate) fn objects(site: &Site) -> Vec<PathBuf> {
    let directory = site.at(".windlass/objects");
    let names = names(&directory, "");
    names.iter().filter(|name| name.len() == 64).map(|name| directory.join(name)).collect()
}

/// Runs a deployment with at most 256 MiB of data and 20 s of processor time.
#[track_caller]
pub(crate) fn deploy_capped(site: &Site) -> Output {
    let limits = ["prlimit", "--data=268435456", "--cpu=20"];
    let output = site.windlass().wrapped(&limits, &["deploy", "dev"]).output();
    Output::new(&["deploy", "dev"], &output.expect("prlimit runs"))
}
