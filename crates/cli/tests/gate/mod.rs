//! A project whose commands wait at a gate, so that a test knows where the binary is without
//! sleeping, and lets it go on when it has looked.

use std::fs::{self, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use serde_json::Value;
use windlass_testing::{Output, TestProject, Tree, Windlass};

/// How long a run may take to come to the gate before the test fails.
const PATIENCE: Duration = Duration::from_secs(30);

/// The first command of this role on this target says that it is here and waits.
const SCRIPT: &str = r#"
if mv "$GATE/$1-$TARGET_ID" "$GATE/passed" 2> /dev/null; then
  echo here > "$GATE/reached"
  read -r _ < "$GATE/go"
fi
true
"#;

/// A project with three targets, moved one after the other.
pub(crate) struct Gated {
    pub(crate) project: TestProject,
    pub(crate) windlass: Windlass,
    reached: mpsc::Receiver<()>,
    /// Commands that outlive the binary end with it.
    #[allow(dead_code, reason = "it is held open")]
    go: File,
}

impl Gated {
    pub(crate) fn new() -> Self {
        let project = TestProject::new();
        project.directory("gate").fifo("gate/reached").fifo("gate/go");
        project.write("gate/gate.sh", SCRIPT);
        let gate = project.at("gate");
        project.write("windlass.toml", project_file(&gate.display().to_string()));
        let both_ways = |name: &str| {
            let opened = OpenOptions::new().read(true).write(true).open(gate.join(name));
            opened.expect("a FIFO can be opened both ways")
        };
        let (reached, go) = (listen(both_ways("reached")), both_ways("go"));
        let windlass = project.windlass(env!("CARGO_BIN_EXE_windlass"));
        Self { project, windlass, reached, go }.version(1)
    }

    /// Makes the project be at version `version`.
    pub(crate) fn version(self, version: u32) -> Self {
        self.project.write("web.conf", format!("version {version}\n"));
        self.project.write("plain.conf", format!("plain {version}\n"));
        self
    }

    /// Returns the project with version 1 deployed, and version 2 to be.
    pub(crate) fn deployed() -> Self {
        let gated = Self::new();
        let _ = gated.windlass.run(&["deploy", "staging"]).success();
        gated.version(2)
    }

    /// Starts the binary and returns when its command of `role` on `target` waits at the gate.
    pub(crate) fn start(&self, arguments: &[&str], role: &str, target: &str) -> Running {
        self.project.write(format!("gate/{role}-{target}"), "");
        let mut command = self.windlass.command(arguments);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let running = Running {
            arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
            child: child.expect("the binary can be started"),
        };
        self.reached.recv_timeout(PATIENCE).expect("the command comes to the gate");
        running
    }

    /// Lets the command at the gate go on.
    #[allow(dead_code, reason = "a crash never lets it")]
    pub(crate) fn open(&self) {
        (&self.go).write_all(b"\n").expect("the FIFO is open");
    }

    /// Returns which version each target shows; all files of one target are of one version.
    #[track_caller]
    pub(crate) fn versions(&self) -> [u32; 3] {
        [1, 2, 3].map(|nth| {
            let tree = Tree::read(self.config_path(nth));
            let version = |path, word: &str| {
                let text = tree.text(path)?.trim().strip_prefix(word)?.trim();
                text.parse::<u32>().ok()
            };
            let (web, plain) = (version("web.conf", "version"), version("plain.conf", "plain"));
            assert_eq!(web, plain, "target {nth} shows two versions");
            web.unwrap_or(0)
        })
    }

    /// Returns the versions that were live when the service of a target was reloaded.
    pub(crate) fn reloads(&self, nth: u32) -> Vec<u32> {
        let log = fs::read_to_string(self.project.at(format!("state/{nth}/reloads.log")));
        let number = |line: &str| line.trim_start_matches("version ").parse().expect("a number");
        log.unwrap_or_default().lines().map(number).collect()
    }

    /// Returns the records, newest first.
    #[track_caller]
    pub(crate) fn history(&self) -> Vec<Value> {
        let history = self.json(&["history", "staging"]);
        history["deployments"].as_array().expect("a list").clone()
    }

    /// Runs a command that must succeed, and returns the object that it prints.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        let all: Vec<_> = arguments.iter().copied().chain(["--output", "json"]).collect();
        self.windlass.run(&all).success().json()
    }

    fn config_path(&self, nth: u32) -> PathBuf {
        self.project.at(format!("state/{nth}/etc/web"))
    }
}

/// The binary, at work.
pub(crate) struct Running {
    arguments: Vec<String>,
    pub(crate) child: Child,
}

impl Running {
    /// Waits until it ends.
    pub(crate) fn wait(self) -> Output {
        let output = self.child.wait_with_output().expect("it can be waited for");
        let arguments: Vec<_> = self.arguments.iter().map(String::as_str).collect();
        Output::new(&arguments, &output)
    }

    /// Ends it as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("it can be killed");
        let _ = self.wait().code(137);
    }
}

fn listen(fifo: File) -> mpsc::Receiver<()> {
    let (say, hear) = mpsc::channel();
    std::thread::spawn(move || {
        for _ in BufReader::new(fifo).lines() {
            if say.send(()).is_err() {
                return;
            }
        }
    });
    hear
}

fn project_file(gate: &str) -> String {
    let target = |nth| format!(r#"{{ name = "t{nth}", address = "local:state/{nth}" }}"#);
    let targets = [1, 2, 3].map(target).join(", ");
    format!(
        r#"[project]
name = "gated"

[services.web]
files = [
  {{ source = "web.conf", path = "web.conf" }},
  {{ source = "plain.conf", path = "plain.conf", layout = "plain" }},
]
check = 'sh "$GATE/gate.sh" check'
on_change = 'sh "$GATE/gate.sh" on_change; cat "$CONFIG_PATH/web.conf" >> "$TARGET_ROOT/reloads.log"'
health = [{{ command = 'sh "$GATE/gate.sh" health', timeout = "60s", interval = "50ms" }}]

[environments.staging]
type = "staging"
config_path = "/etc/web"
variables = {{ GATE = "{gate}" }}
targets = [{targets}]
strategy = {{ rolling = {{ parallel = 1 }} }}
"#
    )
}
