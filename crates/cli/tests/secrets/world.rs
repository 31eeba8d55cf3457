//! A project with secrets, and somebody who can read them.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use windlass_testing::{Output, TestProject, Windlass};

pub(crate) const BINARY: &str = env!("CARGO_BIN_EXE_windlass");

const PROJECT: &str = r#"[project]
name = "shop"

[secrets]
max_age = "90d"

[environments.staging]
type = "staging"
config_path = "/etc/shop"
targets = ["local:./state/staging"]
secrets = "secrets/staging.yaml"

[environments.production]
type = "production"
config_path = "/etc/shop"
targets = ["local:./state/production"]
secrets = "secrets/production.yaml"
"#;

pub(crate) struct World {
    pub(crate) project: TestProject,
    pub(crate) windlass: Windlass,
    /// The public key of whoever runs the tests.
    pub(crate) recipient: String,
}

impl World {
    /// Returns a project after `secrets init`.
    pub(crate) fn new() -> Self {
        let project = TestProject::new();
        project.write("windlass.toml", PROJECT);
        let windlass = project.windlass(BINARY).env("PATH", path());
        let made = windlass.run(&["secrets", "init", "--output", "json"]).success().json();
        let recipient = made["recipient"].as_str().expect("a public key").to_owned();
        Self { project, windlass, recipient }
    }

    /// Returns a project with `DB_PASSWORD` in staging.
    pub(crate) fn with_secret(value: &str) -> Self {
        let world = Self::new();
        world.set("staging", "DB_PASSWORD", value);
        world
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        let all: Vec<&str> = ["secrets"].iter().chain(arguments).copied().collect();
        self.windlass.run(&all)
    }

    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let all: Vec<&str> = arguments.iter().copied().chain(["--output", "json"]).collect();
        self.run(&all).success().json()
    }

    #[track_caller]
    pub(crate) fn set(&self, subject: &str, name: &str, value: &str) {
        let arguments = ["secrets", "set", subject, name];
        let _ = self.windlass.run_with_input(&arguments, value).success();
    }

    #[track_caller]
    pub(crate) fn get(&self, subject: &str, name: &str) -> String {
        self.run(&["get", subject, name]).success().stdout
    }

    /// Runs a shell script in the project, with the binary in its path.
    pub(crate) fn shell(&self, script: &str) -> Output {
        let git = "export GIT_CONFIG_NOSYSTEM=1 GIT_AUTHOR_NAME=a GIT_AUTHOR_EMAIL=a@b \
                   GIT_COMMITTER_NAME=a GIT_COMMITTER_EMAIL=a@b";
        let script = format!("{git}; set -e; {script}");
        self.project.windlass("/bin/sh").env("PATH", path()).run(&["-c", &script])
    }

    /// Returns the files below the project and the home that hold `text`.
    pub(crate) fn holders(&self, text: &str) -> Vec<String> {
        let mut found = Vec::new();
        for directory in [self.project.path(), self.project.home()] {
            search(&directory, text.as_bytes(), &mut found);
        }
        found
    }
}

fn search(directory: &Path, text: &[u8], found: &mut Vec<String>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            search(&path, text, found);
        } else if fs::read(&path).is_ok_and(|bytes| bytes.windows(text.len()).any(|it| it == text))
        {
            found.push(path.display().to_string());
        }
    }
}

/// Returns the path of the test with the binary before all else.
pub(crate) fn path() -> String {
    let directory = Path::new(BINARY).parent().expect("it is in a directory");
    format!("{}:{}", directory.display(), std::env::var("PATH").unwrap_or_default())
}

/// Returns a new key pair: secret and public.
pub(crate) fn key_pair() -> (String, String) {
    let pair = windlass::sops::KeyPair::generate();
    (pair.secret().to_owned(), pair.recipient().to_string())
}

/// Returns whether the program called `name` is there.
#[track_caller]
pub(crate) fn needs(name: &str) {
    let found = Command::new("sh").args(["-c", &format!("command -v {name}")]).output();
    assert!(found.is_ok_and(|found| found.status.success()), "the test needs `{name}`");
}
