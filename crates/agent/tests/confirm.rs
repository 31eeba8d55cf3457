//! Targets that go back by themselves: agents, watchers and restarts as processes of their own.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use windlass_agent::guard::Arm;
use windlass_agent::guard::clock::Now;
use windlass_agent::protocol::{
    Answer, Ask, Failure, Frame, Kind, Place, Reply, Request, frame, greeting,
};
use windlass_agent::site::{BlobSource, Inspection, Site};
use windlass_agent::work::{Assignment, Worker};
use windlass_core::digest::Digest;
use windlass_core::name::{EnvironmentName, ServiceName};
use windlass_core::path::RelativePath;
use windlass_core::record::DeploymentId;
use windlass_core::release::{FileEntry, Layout, Manifest, Mode, Release, ServiceRelease};
use windlass_core::target::{Address, TargetId};

const BINARY: &str = env!("CARGO_BIN_EXE_windlass-agent");
const SHORT: u64 = 1_000;
const LONG: u64 = 3_600_000;

/// Keeps the crontab in a file.
const CRONTAB: &str = "#!/bin/sh\nif [ \"$1\" = -l ]; then cat \"$TABLE\" 2>/dev/null || \
    { echo no crontab for me >&2; exit 1; }; else cat >\"$TABLE\"; fi\n";

struct Texts(BTreeMap<Digest, String>);

impl BlobSource for Texts {
    fn open(&self, digest: &Digest) -> io::Result<Box<dyn Read + Send + '_>> {
        Ok(Box::new(self.0[digest].as_bytes()))
    }
}

/// A host with one target, on the release `old`; `new` is staged.
struct Host {
    temp: tempfile::TempDir,
    site: Site,
    old: Assignment,
    new: Assignment,
}

impl Host {
    fn new(on_change: &str) -> Self {
        let temp = tempfile::tempdir().expect("a directory");
        let bin = temp.path().join("bin");
        fs::create_dir(&bin).expect("made");
        fs::write(bin.join("crontab"), CRONTAB).expect("written");
        fs::set_permissions(bin.join("crontab"), fs::Permissions::from_mode(0o755)).expect("set");
        let site = Site::new(temp.path().join("root"), "/etc/web").expect("a path");
        let old = assignment("old", "cp \"$CONFIG_PATH/app\" \"$TARGET_ROOT/reloaded\"");
        let new = assignment("new", on_change);
        let host = Self { temp, site, old, new };
        for (number, text) in ["old", "new"].iter().enumerate() {
            host.stage(number, text);
        }
        host
    }

    fn stage(&self, number: usize, text: &str) {
        let blobs = Texts(BTreeMap::from([(Digest::of(text.as_bytes()), text.to_owned())]));
        let assignment = if number == 0 { &self.old } else { &self.new };
        let (target, address) = place();
        let worker = Worker {
            site: &self.site,
            target: &target,
            address: &address,
            events: &|_| (),
            interrupt: None,
            guard: None,
        };
        worker.prepare(&deployment(number), assignment, &blobs, false).expect("staged");
        if number == 0 {
            worker.activate(&deployment(0), &[None], Some(assignment)).expect("live");
        }
    }

    fn command(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let path = std::env::var("PATH").expect("a path");
        command.env("PATH", format!("{}:{path}", self.temp.path().join("bin").display()));
        command.env("XDG_STATE_HOME", self.temp.path().join("state"));
        command.env("TABLE", self.temp.path().join("table"));
        command
    }

    fn connect(&self) -> Agent {
        let mut command = self.command(BINARY);
        command.arg("serve").stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = command.spawn().expect("it runs");
        let (mut to, mut from) =
            (process.stdin.take().expect("a pipe"), process.stdout.take().expect("a pipe"));
        from.read_exact(&mut vec![0; greeting::of_agent().len()]).expect("a greeting");
        to.write_all(&greeting::of_operator()).expect("written");
        let root = self.site.root().to_str().expect("UTF-8").to_owned();
        Agent { process, to: Some(to), from, root }
    }

    /// Activates the new release, armed, and returns the agent that did it.
    fn arm(&self, confirm_ms: u64) -> Agent {
        let mut agent = self.connect();
        match agent.ask(self.armed(confirm_ms)) {
            Ok(Reply::Armed { outlives_restart: true }) => agent,
            other => panic!("{other:?}"),
        }
    }

    fn armed(&self, confirm_ms: u64) -> Ask {
        Ask::ActivateArmed {
            deployment: deployment(1),
            over: vec![Some(self.old.id)],
            to: Some(self.new.id),
            arm: Arm { nonce: "n1".to_owned(), confirm_ms },
        }
    }

    fn text(&self) -> String {
        fs::read_to_string(self.site.config_dir().join("app")).expect("there")
    }

    fn reloaded(&self) -> Option<String> {
        fs::read_to_string(self.site.root().join("reloaded")).ok()
    }

    fn watchers(&self) -> Vec<Pid> {
        let root = self.site.root().to_str().expect("UTF-8").to_owned();
        let watches = |pid: &i32| {
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let words: Vec<_> = words.split(|byte| *byte == 0).collect();
            words.contains(&b"watch".as_slice()) && words.contains(&root.as_bytes())
        };
        let processes = fs::read_dir("/proc").expect("processes").flatten();
        let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        pids.filter(watches).filter_map(Pid::from_raw).collect()
    }

    fn kill_watcher(&self) {
        let [watcher] = self.watchers()[..] else { panic!("{:?}", self.watchers()) };
        kill_process(watcher, Signal::KILL).expect("ours");
        until("the watcher is gone", || self.watchers().is_empty());
    }

    fn until_expired(&self) {
        let left = || {
            self.site.armed().expect("read").map_or(Duration::ZERO, |a| a.remaining(&Now::read()))
        };
        until("the deadline is over", || left().is_zero());
    }

    fn until_back(&self) {
        until("the target is back", || self.site.reverted().expect("read").is_some());
        assert_eq!(self.text(), "old");
        until("nobody watches", || self.watchers().is_empty());
        assert!(self.site.armed().expect("read").is_none());
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // A test that failed leaves no process behind.
        for watcher in self.watchers() {
            let _ = kill_process(watcher, Signal::KILL);
        }
    }
}

struct Agent {
    process: Child,
    to: Option<ChildStdin>,
    from: ChildStdout,
    root: String,
}

impl Agent {
    fn send(&mut self, ask: Ask) {
        let (target, address) = place();
        let config_path = "/etc/web".to_owned();
        let place = Place { root: self.root.clone(), config_path, target, address };
        let request = Frame::json(Kind::Request, &Request { place, ask });
        let request = request.and_then(|frame| frame.encode()).expect("small");
        self.to.as_mut().expect("not hung up").write_all(&request).expect("written");
    }

    fn ask(&mut self, ask: Ask) -> Answer {
        self.send(ask);
        loop {
            let frame = frame::read(&mut self.from).expect("frames").expect("an answer");
            if frame.kind == Kind::Answer {
                return frame.parse().expect("an answer");
            }
        }
    }

    fn confirm(&mut self) -> Answer {
        self.ask(Ask::Confirm { nonce: "n1".to_owned() })
    }

    fn inspect(&mut self) -> Inspection {
        match self.ask(Ask::Inspect { wanted: None }) {
            Ok(Reply::Inspected(seen)) => *seen,
            other => panic!("{other:?}"),
        }
    }

    fn hang_up(&mut self) {
        self.to = None;
    }

    fn kill(mut self) {
        self.process.kill().expect("ours");
        self.process.wait().expect("ended");
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn place() -> (TargetId, Address) {
    (TargetId::new("web-1"), Address::Local { root: "/".to_owned() })
}

fn deployment(number: usize) -> DeploymentId {
    DeploymentId::new(format!("deploy_prod_{number}")).expect("an id")
}

fn assignment(text: &str, on_change: &str) -> Assignment {
    let service: ServiceName = ServiceName::new("web").expect("a name");
    let entry = FileEntry {
        path: RelativePath::new("app").expect("a path"),
        mode: Mode::from_bits(0o644),
        size: text.len() as u64,
        digest: Digest::of(text.as_bytes()),
        service: service.clone(),
        layout: Layout::Linked,
        shown: None,
        secret: false,
        key: None,
    };
    let manifest = Manifest::new(vec![entry]).expect("no conflict");
    let on_change = Some(windlass_core::command::Command::Shell(on_change.to_owned()));
    let commands = ServiceRelease { on_change, ..ServiceRelease::default() };
    let release = Release {
        project: "shop".to_owned(),
        environment: EnvironmentName::new("prod").expect("a name"),
        config_path: "/etc/web".to_owned(),
        services: BTreeMap::from([(service, commands)]),
        variables: BTreeMap::new(),
        target_variables: BTreeMap::new(),
        targets: BTreeMap::from([(place().0, manifest.id())]),
    };
    Assignment { id: release.id(), release, manifest }
}

/// Returns once it is so; the runner's time limit is the only one.
#[track_caller]
fn until(what: &str, is_so: impl Fn() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < Duration::from_secs(300), "not in five minutes: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

fn is_unconfirmed(answer: &Answer, text: &str) -> bool {
    matches!(answer, Err(Failure::Unconfirmed { message }) if message.contains(text))
}

#[test]
fn who_confirms_over_another_connection_keeps_the_release() {
    let host = Host::new("true");
    let mut first = host.arm(LONG);
    assert_eq!(host.text(), "new");
    assert_eq!(host.watchers().len(), 1);
    let same = first.confirm();
    assert!(matches!(&same, Err(Failure::Site { message, .. }) if message.contains("armed it")));
    assert!(host.site.armed().expect("read").is_some());
    let mut second = host.connect();
    let other = second.ask(Ask::Confirm { nonce: "other".to_owned() });
    assert!(is_unconfirmed(&other, "somebody else"), "{other:?}");
    for _ in 0..2 {
        assert_eq!(second.confirm(), Ok(Reply::Activated { checked: false }));
    }
    until("nobody watches", || host.watchers().is_empty());
    let seen = second.inspect();
    assert_eq!((seen.armed, seen.reverted), (None, None));
    assert_eq!(host.text(), "new");
    assert_eq!(fs::read_dir(host.temp.path().join("state/windlass/armed")).expect("it").count(), 0);
}

#[test]
fn an_agent_that_is_killed_once_it_has_armed_leaves_a_target_that_goes_back() {
    let host = Host::new("true");
    let agent = host.arm(SHORT);
    let began = Instant::now();
    agent.kill();
    assert_eq!(host.text(), "new");
    host.until_back();
    println!("back {:?} after it was armed for {SHORT} ms", began.elapsed());
    assert_eq!(host.reloaded().as_deref(), Some("old"));
    let late = host.connect().confirm();
    assert!(is_unconfirmed(&late, "went back to release"), "{late:?}");
    let reverted = host.connect().inspect().reverted.expect("said");
    assert_eq!((reverted.deployment, reverted.to), (deployment(1), Some(host.old.id)));
    assert_eq!(reverted.failure, None);
}

#[test]
fn an_agent_that_is_killed_while_a_command_runs_leaves_a_target_that_goes_back() {
    let host = Host::new("touch \"$TARGET_ROOT/begun\"; cat \"$TARGET_ROOT/pipe\"");
    let pipe = host.site.root().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().expect("it runs").success());
    let mut agent = host.connect();
    agent.send(host.armed(SHORT));
    until("the command runs", || host.site.root().join("begun").exists());
    agent.kill();
    host.until_back();
    // The command was not the watcher's to end.
    fs::write(&pipe, "").expect("its reader is there");
    assert_eq!(host.reloaded().as_deref(), Some("old"));
}

#[test]
fn an_agent_whose_connection_is_lost_leaves_a_target_that_goes_back() {
    let host = Host::new("true");
    let mut agent = host.arm(SHORT);
    agent.hang_up();
    assert!(agent.process.wait().expect("it ends").success());
    host.until_back();
}

#[test]
fn the_next_contact_takes_back_what_nobody_watched() {
    let host = Host::new("true");
    host.arm(SHORT).kill();
    host.kill_watcher();
    host.until_expired();
    assert_eq!(host.text(), "new", "nobody was there");
    let seen = host.connect().inspect();
    assert_eq!(seen.live.expect("live").release, host.old.id);
    assert_eq!(seen.reverted.expect("said").deployment, deployment(1));
    host.until_back();
}

#[test]
fn who_confirms_too_late_is_told_though_nobody_watched() {
    let host = Host::new("true");
    host.arm(SHORT).kill();
    host.kill_watcher();
    host.until_expired();
    let late = host.connect().confirm();
    assert!(is_unconfirmed(&late, "nobody confirmed it over a new connection within"), "{late:?}");
    host.until_back();
}

#[test]
fn a_contact_in_time_starts_the_watcher_that_was_killed() {
    let host = Host::new("true");
    host.arm(LONG).kill();
    host.kill_watcher();
    let mut agent = host.connect();
    assert!(agent.inspect().armed.is_some());
    assert_eq!(host.watchers().len(), 1);
    agent.inspect();
    assert_eq!(host.watchers().len(), 1);
    assert_eq!(agent.confirm(), Ok(Reply::Activated { checked: false }));
    until("nobody watches", || host.watchers().is_empty());
}

#[test]
fn a_restart_runs_what_takes_the_target_back() {
    let host = Host::new("true");
    fs::write(host.temp.path().join("table"), "0 1 * * * mine\n").expect("written");
    host.arm(SHORT).kill();
    host.kill_watcher();
    let table = fs::read_to_string(host.temp.path().join("table")).expect("written");
    let [mine, ours] = table.lines().collect::<Vec<_>>()[..] else { panic!("{table}") };
    assert_eq!(mine, "0 1 * * * mine");
    let line = ours.strip_prefix("@reboot ").expect("after a restart");
    // Cron gives a small environment: what is needed has to stand in the line.
    let mut restart = Command::new("/bin/sh");
    restart.args(["-c", line]).env_clear().env("PATH", "/usr/bin:/bin");
    assert!(restart.status().expect("it runs").success());
    assert_eq!(host.text(), "old");
    host.until_back();
}

#[test]
fn what_is_kept_for_restarts_can_be_removed_but_not_while_it_is_needed() {
    let host = Host::new("true");
    fs::write(host.temp.path().join("table"), "0 1 * * * mine\n").expect("written");
    drop(host.arm(LONG));
    let forget = || host.command(BINARY).arg("forget").output().expect("it runs");
    let refused = forget();
    assert_eq!(refused.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&refused.stderr).contains("waits to be confirmed"));
    assert_eq!(host.connect().confirm(), Ok(Reply::Activated { checked: false }));
    let removed = forget();
    assert!(removed.status.success());
    let table = fs::read_to_string(host.temp.path().join("table")).expect("there");
    assert_eq!(table, "0 1 * * * mine\n");
    let state: PathBuf = host.temp.path().join("state/windlass");
    assert!(!Path::new(&state).exists());
    assert!(forget().stdout.is_empty());
}

#[test]
fn another_activation_ends_the_watch() {
    let host = Host::new("true");
    let mut agent = host.arm(LONG);
    let over = vec![Some(host.new.id)];
    let back = Ask::Activate { deployment: deployment(1), over, to: Some(host.old.id) };
    assert_eq!(agent.ask(back), Ok(Reply::Activated { checked: false }));
    until("nobody watches", || host.watchers().is_empty());
    assert_eq!(host.connect().inspect().reverted, None);
    assert!(is_unconfirmed(&host.connect().confirm(), "somebody else"));
}

#[test]
fn a_watcher_that_cannot_be_started_leaves_everything_as_it_was() {
    let host = Host::new("true");
    // The list of armed sites has no place.
    fs::create_dir(host.temp.path().join("state")).expect("made");
    fs::write(host.temp.path().join("state/windlass"), "").expect("written");
    let refused = host.connect().ask(host.armed(LONG));
    assert!(matches!(&refused, Err(Failure::Site { message, .. }) if message.contains("is armed")));
    assert_eq!(host.text(), "old");
    assert!(host.site.armed().expect("read").is_none() && host.watchers().is_empty());
}

#[test]
fn confirming_at_the_deadline_has_one_winner() {
    for round in 0..12 {
        let host = Host::new("true");
        let armed = host.arm(300);
        let mut other = host.connect();
        let mut left = host.site.armed().expect("read").map(|a| a.remaining(&Now::read()));
        // From a little before the deadline to a little after it.
        while left.is_some_and(|left| left > Duration::from_millis(60 - 10 * (round % 7))) {
            thread::sleep(Duration::from_millis(1));
            left = host.site.armed().expect("read").map(|a| a.remaining(&Now::read()));
        }
        let answer = other.confirm();
        until("it is decided", || host.watchers().is_empty());
        let reverted = host.site.reverted().expect("read").is_some();
        match &answer {
            Ok(_) => assert_eq!((host.text().as_str(), reverted), ("new", false)),
            Err(_) => assert_eq!((host.text().as_str(), reverted), ("old", true), "{answer:?}"),
        }
        drop(armed);
    }
}

#[test]
fn wherever_an_agent_is_killed_the_target_ends_on_the_old_release() {
    let (mut moved, mut latest) = (0, Duration::ZERO);
    for point in 0..40 {
        let host = Host::new("true");
        let mut agent = host.connect();
        agent.send(host.armed(250));
        thread::sleep(Duration::from_millis(point));
        agent.kill();
        let killed = Instant::now();
        until("nobody watches", || host.watchers().is_empty());
        if host.site.reverted().expect("read").is_some() {
            (moved, latest) = (moved + 1, latest.max(killed.elapsed()));
        } else {
            // Killed before its watcher was there, it has switched nothing.
            assert_eq!(host.text(), "old");
            host.until_expired();
        }
        let seen = host.connect().inspect();
        assert_eq!(seen.live.expect("live").release, host.old.id, "point {point}");
        assert_eq!((seen.interrupted, seen.armed, host.text()), (None, None, "old".to_owned()));
    }
    assert!(moved > 0, "no point was late enough");
    println!("{moved} of 40 went back, at most {latest:?} after the kill, with 250 ms to confirm");
}
