//! Killed at one system call after the other, and told of an error by one after the other.
//!
//! `WINDLASS_SWEEP=400` takes every call up to the 400th of its name instead of a sample;
//! `scripts/sweep` does so and counts.

mod errors;
mod killed;

use std::collections::BTreeSet;
use std::fs;
use std::process::Stdio;

use serde_json::Value;
use windlass_testing::{TestProject, Tree, Windlass};

/// A target of each layout, whose files change, come and go with every version.
struct Swept {
    project: TestProject,
    windlass: Windlass,
    version: usize,
}

impl Swept {
    fn new() -> Self {
        let project = TestProject::new();
        let windlass = project.windlass(env!("CARGO_BIN_EXE_windlass"));
        let mut swept = Self { project, windlass, version: 0 };
        for _ in 0..2 {
            swept.next();
            let _ = swept.windlass.run(&["deploy", "staging"]).success();
        }
        swept.assert_all(swept.version);
        swept
    }

    fn next(&mut self) {
        self.version += 1;
        self.project.write("a.conf", self.content());
        self.project.write("windlass.toml", project_file(self.version));
    }

    fn content(&self) -> String {
        content(self.version)
    }

    /// Runs the binary, with what `inject` says happening to its calls of `name`, and returns its exit code;
    /// nothing when it was killed.
    fn run_with(&self, arguments: &[&str], name: &str, inject: &str) -> Option<i32> {
        let (inject, trace) = (format!("inject={name}:{inject}"), format!("trace={name}"));
        let strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &inject];
        let mut command = self.windlass.wrapped(&strace, arguments);
        let ended = command.stdin(Stdio::null()).output().expect("strace is installed");
        // Shown where the test fails.
        eprintln!("{inject}: {}", ended.status);
        eprint!(
            "{}{}",
            String::from_utf8_lossy(&ended.stdout),
            String::from_utf8_lossy(&ended.stderr)
        );
        ended.status.code()
    }

    /// Returns which version a target shows: one of `old` and `new`, wholly.
    #[track_caller]
    fn assert_whole(&self, target: &str, old: usize, new: usize) {
        let tree = Tree::read(self.config_path(target));
        let seen: BTreeSet<_> = ["a.conf", "same/b.conf"].map(|path| tree.text(path)).into();
        let whole = [old, new]
            .iter()
            .any(|version| seen.len() == 1 && seen.contains(&Some(content(*version).as_str())));
        assert!(whole, "{target} shows {seen:?}, not {old} or {new}");
    }

    #[track_caller]
    fn assert_all(&self, version: usize) {
        for target in ["linked", "plain"] {
            let tree = Tree::read(self.config_path(target));
            let difference = wanted(version).difference(&tree);
            assert!(difference.is_empty(), "{target} is not at {version}:\n{difference}");
            let log = self.project.at(format!("state/{target}/reloads.log"));
            let log = fs::read_to_string(log).unwrap_or_default();
            let last = log.lines().last().unwrap_or_default();
            assert_eq!(last, content(version).trim(), "the last reload of {target}");
            let directories =
                ["odd", "even"].map(|name| self.config_path(target).join(name).exists());
            assert_eq!(
                directories,
                [parity(version) == "odd", parity(version) == "even"],
                "{target}"
            );
        }
        let status = self.json(&["status", "staging"]);
        let in_sync = |target: &Value| target["state"] == "in_sync";
        assert!(status["targets"].as_array().expect("a list").iter().all(in_sync), "{status}");
    }

    fn config_path(&self, target: &str) -> std::path::PathBuf {
        self.project.at(format!("state/{target}/etc/swept"))
    }

    #[track_caller]
    fn json(&self, arguments: &[&str]) -> Value {
        let all: Vec<_> = arguments.iter().copied().chain(["--output", "json"]).collect();
        self.windlass.run(&all).success().json()
    }

    /// Returns the records, newest first.
    #[track_caller]
    fn history(&self) -> Vec<Value> {
        self.json(&["history", "staging"])["deployments"].as_array().expect("a list").clone()
    }
}

fn content(version: usize) -> String {
    format!("version {version}\n")
}

fn parity(version: usize) -> &'static str {
    if version.is_multiple_of(2) { "even" } else { "odd" }
}

fn wanted(version: usize) -> Tree {
    let paths =
        ["a.conf".to_owned(), "same/b.conf".to_owned(), format!("{}/c.conf", parity(version))];
    paths.map(|path| (path, (0o644, content(version).into_bytes()))).into_iter().collect()
}

fn project_file(version: usize) -> String {
    let service = |layout: &str| {
        format!(
            r#"[services.{layout}]
layout = "{layout}"
files = [
  {{ source = "a.conf", path = "a.conf" }},
  {{ source = "a.conf", path = "same/b.conf" }},
  {{ source = "a.conf", path = "{}/c.conf" }},
]
on_change = 'cat "$CONFIG_PATH/a.conf" >> "$TARGET_ROOT/reloads.log"'
"#,
            parity(version)
        )
    };
    let (linked, plain) = (service("linked"), service("plain"));
    format!(
        r#"project = {{ name = "swept", retain = 1000 }}
{linked}
{plain}
[environments.staging]
type = "staging"
config_path = "/etc/swept"
targets = [
  {{ name = "linked", address = "local:state/linked", services = ["linked"] }},
  {{ name = "plain", address = "local:state/plain", services = ["plain"] }},
]
"#
    )
}

/// Returns every number up to that of `WINDLASS_SWEEP`, or else `sample`.
fn numbers(sample: &[usize]) -> Vec<usize> {
    let most = std::env::var("WINDLASS_SWEEP").ok().and_then(|text| text.parse::<usize>().ok());
    most.map_or_else(|| sample.to_vec(), |most| (1..=most).collect())
}
