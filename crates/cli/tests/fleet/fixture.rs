//! A project with targets of one kind, each with a directory of its own.

use std::path::PathBuf;

use windlass_testing::{Output, Sshd, SshdOptions, TestProject, Windlass, agent_binary};

const BINARY: &str = env!("CARGO_BIN_EXE_windlass");

const PROJECT: &str = r#"
[project]
name = "fleet"

[services.web]
version = "1.0"
files = [{ source = "motd" }, { source = "conf", path = "web.conf" }]
check = 'test -s "$STAGED/motd"'
on_change = 'cp "$CONFIG_PATH/motd" "$CONFIG_PATH/../reloaded"'
health = [{ command = '! grep -q broken "$CONFIG_PATH/motd"', interval = "1ms", failures = 1 }]
"#;

/// What targets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Local,
    Ssh,
}

/// A project with targets `h1`, `h2`…
pub(crate) struct Fleet {
    pub(crate) project: TestProject,
    pub(crate) sshd: Option<Sshd>,
    count: usize,
}

impl Fleet {
    /// Returns a fleet of `count` targets of a kind.
    pub(crate) fn new(kind: Kind, count: usize) -> Self {
        match kind {
            Kind::Local => Self::with(None, count, "", ""),
            Kind::Ssh => Self::over(SshdOptions::new(), count),
        }
    }

    /// Returns a fleet of `count` hosts behind a server with these options.
    pub(crate) fn over(options: SshdOptions, count: usize) -> Self {
        Self::over_with(options, count, "")
    }

    /// Returns the same, with more lines in `[ssh]`.
    pub(crate) fn over_with(options: SshdOptions, count: usize, ssh: &str) -> Self {
        let sshd = Sshd::start(&options.listen("0.0.0.0"));
        sshd.write_known_hosts(&format!("[127.*]:{} {}\n", sshd.port(), sshd.host_key("ed25519")));
        Self::with(Some(sshd), count, "", ssh)
    }

    fn with(sshd: Option<Sshd>, count: usize, environment: &str, ssh: &str) -> Self {
        let fleet = Self { project: TestProject::new(), sshd, count };
        let targets: Vec<_> = (1..=count)
            .map(|n| format!("{{ name = \"h{n}\", address = \"{}\" }}", fleet.address(n)))
            .collect();
        let targets = targets.join(", ");
        let text = format!(
            "{PROJECT}\n[environments.prod]\ntype = \"production\"\nconfig_path = \"/etc/web\"\n\
             targets = [{targets}]\nvariables = {{ GREETING = \"hello\" }}\n{environment}\n\
             [ssh]\nconfig = \"ssh_config\"\n{ssh}\n"
        );
        fleet.project.write("windlass.toml", text);
        fleet.project.write("motd", "${GREETING}\n").write("conf", "one\n");
        let config = fleet.sshd.as_ref().map(|sshd| std::fs::read(sshd.path("config")));
        fleet.project.write("ssh_config", config.transpose().expect("read").unwrap_or_default());
        fleet
    }

    /// Returns the address of target `n`, from 1.
    pub(crate) fn address(&self, n: usize) -> String {
        let root = self.root(n);
        match &self.sshd {
            Some(_) => format!("ssh://127.1.0.{n}?root={}", root.display()),
            None => format!("local:{}", root.display()),
        }
    }

    /// Returns the root of target `n`.
    pub(crate) fn root(&self, n: usize) -> PathBuf {
        self.project.home().join(format!("hosts/h{n}"))
    }

    /// Returns the text of a file on target `n`.
    pub(crate) fn text(&self, n: usize, path: &str) -> Option<String> {
        std::fs::read_to_string(self.root(n).join("etc/web").join(path)).ok()
    }

    /// Returns the text of a file on every target.
    pub(crate) fn texts(&self, path: &str) -> Vec<Option<String>> {
        (1..=self.count).map(|n| self.text(n, path)).collect()
    }

    /// Returns what runs the binary.
    pub(crate) fn windlass(&self) -> Windlass {
        let windlass = self.project.windlass(BINARY);
        match &self.sshd {
            Some(_) => windlass.env("WINDLASS_AGENT", agent_binary(BINARY)),
            None => windlass,
        }
    }

    /// Runs the binary.
    #[track_caller]
    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.windlass().run(arguments)
    }

    /// Returns the server.
    pub(crate) fn server(&self) -> &Sshd {
        self.sshd.as_ref().expect("a fleet over SSH")
    }

    /// Returns how many times somebody logged in.
    pub(crate) fn logins(&self) -> usize {
        self.server().log().matches("Accepted publickey").count()
    }

    /// Returns what is in the directory of the agents on the hosts.
    pub(crate) fn agents(&self) -> Vec<PathBuf> {
        let directory = self.server().path("home").join(".cache/windlass");
        let entries = std::fs::read_dir(directory).into_iter().flatten();
        entries.map(|entry| entry.expect("an entry").path()).collect()
    }
}

/// Returns what `windlass status` calls the states of the targets.
pub(crate) fn states(status: &serde_json::Value) -> Vec<String> {
    let targets = status["targets"].as_array().expect("targets");
    targets.iter().map(|target| target["state"].as_str().expect("a state").to_owned()).collect()
}
