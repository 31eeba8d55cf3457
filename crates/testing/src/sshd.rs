//! OpenSSH's server on loopback, with keys and a configuration of its own.

use std::fmt::Write as _;
use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Where Debian and most others have the server.
const PROGRAM: &str = "/usr/sbin/sshd";

/// How long a server may take to listen, on the busiest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What a test server is like.
#[derive(Debug, Clone, Default)]
pub struct SshdOptions {
    lines: Vec<String>,
    host_keys: Vec<String>,
    listen: Option<String>,
    without_authorized_key: bool,
}

impl SshdOptions {
    /// Returns a server with an Ed25519 key, on 127.0.0.1, that takes one key for the user who runs
    /// the test.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns the same with a line of sshd_config, which goes before all others: the first counts.
    #[must_use]
    pub fn line(mut self, line: impl Into<String>) -> Self {
        self.lines.push(line.into());
        self
    }

    /// Returns the same with host keys of these types, in place of the Ed25519 one.
    #[must_use]
    pub fn host_keys(mut self, kinds: &[&str]) -> Self {
        self.host_keys = kinds.iter().map(|kind| (*kind).to_owned()).collect();
        self
    }

    /// Returns the same, listening at another address: 0.0.0.0 for all of 127.0.0.0/8.
    #[must_use]
    pub fn listen(mut self, address: impl Into<String>) -> Self {
        self.listen = Some(address.into());
        self
    }

    /// Returns the same, without any key that opens it.
    #[must_use]
    pub const fn without_authorized_key(mut self) -> Self {
        self.without_authorized_key = true;
        self
    }
}

/// A running server. It ends, with all that it started, when it is dropped.
#[derive(Debug)]
pub struct Sshd {
    directory: TempDir,
    child: Child,
    port: u16,
    host_keys: Vec<String>,
}

impl Sshd {
    /// Starts a server and returns when it listens.
    ///
    /// # Panics
    ///
    /// When it cannot: `apt-get install openssh-server openssh-client` helps.
    #[must_use]
    pub fn start(options: &SshdOptions) -> Self {
        let directory = private_directory();
        let kinds = match options.host_keys.is_empty() {
            true => vec!["ed25519".to_owned()],
            false => options.host_keys.clone(),
        };
        for kind in &kinds {
            generate_key(&directory.path().join(format!("host_{kind}")), kind);
        }
        generate_key(&directory.path().join("client"), "ed25519");
        fs::create_dir(directory.path().join("home")).expect("the directory is new");
        let authorized = match options.without_authorized_key {
            true => String::new(),
            false => read(&directory.path().join("client.pub")),
        };
        write(&directory.path().join("authorized_keys"), &authorized);
        let (child, port) = launch(directory.path(), options, &kinds);
        let server = Self { directory, child, port, host_keys: kinds };
        server.write_client_files();
        server
    }

    /// Returns the port that it listens at.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// Returns the process id of the listening server.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Returns a path in the server's own directory: `client` is the key that it takes, `config` a
    /// configuration for `ssh -F`, `known_hosts` what that one uses, `log` what the server says, `home`
    /// the home of those who log in (unless a line of the test has a `SetEnv` of its own).
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Returns the public key of the server, type and base64, by the type that was asked for.
    #[must_use]
    pub fn host_key(&self, kind: &str) -> String {
        let line = read(&self.path(&format!("host_{kind}.pub")));
        line.split_ascii_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    /// Replaces the lines of the client's known hosts file.
    pub fn write_known_hosts(&self, text: &str) {
        write(&self.path("known_hosts"), text);
    }

    /// Returns the client's known hosts file.
    #[must_use]
    pub fn known_hosts(&self) -> String {
        read(&self.path("known_hosts"))
    }

    /// Puts lines before the client's configuration; of each option the first counts.
    pub fn configure_client(&self, lines: &str) {
        write(&self.path("config"), &format!("{lines}\n{}", self.client_config()));
    }

    /// Returns what the server has said so far.
    #[must_use]
    pub fn log(&self) -> String {
        read(&self.path("log"))
    }

    /// Returns the command `ssh` with the same configuration, for 127.0.0.1 and `arguments`.
    #[must_use]
    pub fn ssh(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("ssh");
        command.arg("-F").arg(self.path("config")).args(["-o", "BatchMode=yes"]);
        command.env_remove("SSH_AUTH_SOCK").stdin(Stdio::null());
        command.args(arguments);
        command
    }

    /// Ends the connections that are open, and leaves the server listening.
    pub fn drop_connections(&self) {
        descendants(self.child.id()).into_iter().for_each(end);
    }

    /// Returns the processes that the server started and that are still there.
    #[must_use]
    pub fn children(&self) -> Vec<u32> {
        descendants(self.child.id())
    }

    fn write_client_files(&self) {
        let lines: Vec<_> = self
            .host_keys
            .iter()
            .map(|kind| format!("[127.0.0.1]:{} {}\n", self.port, self.host_key(kind)))
            .collect();
        self.write_known_hosts(&lines.concat());
        write(&self.path("config"), &self.client_config());
    }

    fn client_config(&self) -> String {
        format!(
            "Host *\n  Port {}\n  IdentityFile {}\n  IdentitiesOnly yes\n  IdentityAgent none\n  \
             UserKnownHostsFile {}\n  GlobalKnownHostsFile none\n",
            self.port,
            self.path("client").display(),
            self.path("known_hosts").display()
        )
    }
}

impl Drop for Sshd {
    fn drop(&mut self) {
        let children = descendants(self.child.id());
        // It has ended already when a test ended it.
        let _ = self.child.kill();
        let _ = self.child.wait();
        children.into_iter().for_each(end);
    }
}

/// Makes a key of one type with `ssh-keygen`, without a passphrase.
///
/// # Panics
///
/// When it cannot.
pub fn generate_key(path: &Path, kind: &str) {
    let mut command = Command::new("ssh-keygen");
    command.args(["-q", "-N", "", "-C", "test", "-t", kind, "-f"]).arg(path);
    let output = command.output().expect("ssh-keygen comes with openssh-client");
    assert!(output.status.success(), "ssh-keygen: {}", String::from_utf8_lossy(&output.stderr));
}

/// Makes a directory that the server accepts files in: nobody else can write above them.
fn private_directory() -> TempDir {
    if rustix::process::geteuid().is_root() {
        let made = fs::DirBuilder::new().mode(0o755).recursive(true).create("/run/sshd");
        made.expect("root makes what the server separates its privileges in");
    }
    tempfile::Builder::new()
        .prefix("windlass-sshd-")
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in("/tmp")
        .expect("a directory in /tmp")
}

fn launch(directory: &Path, options: &SshdOptions, kinds: &[String]) -> (Child, u16) {
    for _ in 0..10 {
        let port = free_port();
        write(&directory.join("sshd_config"), &server_config(directory, options, kinds, port));
        write(&directory.join("log"), "");
        let mut command = Command::new(PROGRAM);
        command.arg("-D").arg("-E").arg(directory.join("log"));
        command.arg("-f").arg(directory.join("sshd_config")).stdin(Stdio::null());
        let child = command.spawn().expect("apt-get install openssh-server");
        if let Some(child) = listening(child, directory) {
            return (child, port);
        }
    }
    panic!("sshd does not listen: {}", read(&directory.join("log")));
}

/// Returns the server once it listens, or nothing when another process was faster at its port.
fn listening(mut child: Child, directory: &Path) -> Option<Child> {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let log = read(&directory.join("log"));
        if log.contains("Server listening on") {
            return Some(child);
        }
        if child.try_wait().expect("the server is a child").is_some() {
            assert!(log.contains("Address already in use"), "sshd ended: {log}");
            return None;
        }
        thread::sleep(Duration::from_millis(2));
    }
    panic!("sshd does not listen: {}", read(&directory.join("log")));
}

fn server_config(directory: &Path, options: &SshdOptions, kinds: &[String], port: u16) -> String {
    let mut text = String::new();
    let mut line = |line: &str| writeln!(text, "{line}").expect("a string takes all");
    options.lines.iter().for_each(|own| line(own));
    line(&format!("Port {port}"));
    line(&format!("ListenAddress {}", options.listen.as_deref().unwrap_or("127.0.0.1")));
    for kind in kinds {
        line(&format!("HostKey {}", directory.join(format!("host_{kind}")).display()));
    }
    // A shell that sshd starts reads its profile: not the developer's, which may take its time.
    line(&format!("SetEnv HOME={}", directory.join("home").display()));
    line(&format!("AuthorizedKeysFile {}", directory.join("authorized_keys").display()));
    for fixed in [
        "PidFile none",
        "StrictModes no",
        "UsePAM no",
        "UseDNS no",
        "PasswordAuthentication no",
        "KbdInteractiveAuthentication no",
        "PermitRootLogin yes",
        "MaxStartups 1000:30:1000",
        "PrintMotd no",
        "PrintLastLog no",
        "LogLevel VERBOSE",
    ] {
        line(fixed);
    }
    text
}

fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound address").port()
}

/// Returns the processes below `parent`, the nearest first.
fn descendants(parent: u32) -> Vec<u32> {
    let processes = processes();
    let mut found = vec![parent];
    let mut next = 0;
    while let Some(above) = found.get(next).copied() {
        found.extend(processes.iter().filter(|(_, of)| *of == above).map(|(pid, _)| *pid));
        next += 1;
    }
    found.split_off(1)
}

/// Returns all processes with their parents.
fn processes() -> Vec<(u32, u32)> {
    let entries = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    entries
        .filter_map(|entry| {
            let pid = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            let parent = stat.rsplit_once(')')?.1.split_ascii_whitespace().nth(1)?.parse().ok()?;
            Some((pid, parent))
        })
        .collect()
}

fn end(pid: u32) {
    if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
        // It may have ended by itself.
        let _ = kill_process(pid, Signal::KILL);
    }
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn write(path: &Path, text: &str) {
    fs::write(path, text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
