//! What can happen between the operator and a host: the connection ends at any byte, nothing comes any
//! more, or one of the processes is killed. The host is on one release at once, and the next run heals.
//!
//! The points are spread over all bytes of a deployment, in both directions. `WINDLASS_TEST_POINTS`
//! says how many there are of each kind: 200 for the long form.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use windlass_testing::{Direction, Fault, FaultPoint, Proxy};

use super::fixture::{Fleet, Kind};

/// How long an agent that lost its operator may take to notice.
const NOTICING: Duration = Duration::from_secs(60);

/// One host behind a proxy, with an agent there.
struct Wire {
    fleet: Arc<Fleet>,
    proxy: Proxy,
    /// The text of every file: another one for each deployment.
    generation: u64,
    /// How many bytes a deployment takes, up and down.
    length: [u64; 2],
}

impl Wire {
    fn new() -> Self {
        let fleet = Fleet::new(Kind::Ssh, 1);
        let server = fleet.server();
        let proxy = Proxy::to(server.port());
        let known = format!("[127.*]:{} {}\n", proxy.port(), server.host_key("ed25519"));
        server.write_known_hosts(&known);
        let port = format!("Port {}\n", server.port());
        let proxied = format!(
            "Port {}\n  ConnectTimeout 2\n  ServerAliveInterval 1\n  ServerAliveCountMax 2\n",
            proxy.port()
        );
        fleet.project.edit("ssh_config", &port, &proxied);
        let mut wire = Self { fleet: Arc::new(fleet), proxy, generation: 0, length: [0; 2] };
        wire.next(None);
        wire.heal();
        wire.next(None);
        wire.heal_counting();
        wire
    }

    /// Writes the next generation, and has `point` happen when it is deployed.
    fn next(&mut self, point: Option<FaultPoint>) {
        self.generation += 1;
        let text = format!("generation {}\n", self.generation);
        self.fleet.project.write("motd", &text).write("conf", &text);
        self.proxy.arm(point);
    }

    fn heal_counting(&mut self) {
        self.heal();
        let passed = |direction| self.proxy.passed(direction);
        self.length = [passed(Direction::Up), passed(Direction::Down)];
    }

    /// Deploys with nothing in the way, and finds the host as after any other deployment.
    #[track_caller]
    fn heal(&self) {
        self.fleet.run(&["deploy", "prod"]).success();
        assert_eq!(self.live(), self.generation);
        assert_eq!(self.fleet.agents().len(), 1, "{:?}", self.fleet.agents());
        let state = self.fleet.root(1).join("etc/web/.windlass");
        assert!(!state.join("journal").exists());
    }

    /// Deploys once more, and finds no more on the host than the live release and the one before.
    #[track_caller]
    fn settle(&mut self) {
        self.next(None);
        self.heal();
        let state = self.fleet.root(1).join("etc/web/.windlass");
        for kept in ["releases", "manifests"] {
            let entries = fs::read_dir(state.join(kept)).expect("listed").count();
            assert_eq!(entries, 2, "{kept}");
        }
    }

    /// Returns the generation that is live: both files are of the same one.
    #[track_caller]
    fn live(&self) -> u64 {
        let text = |path| self.fleet.text(1, path).expect("deployed before");
        let (motd, conf) = (text("motd"), text("web.conf"));
        assert_eq!(motd, conf, "two releases at once");
        let number = motd.strip_prefix("generation ").and_then(|rest| rest.strip_suffix('\n'));
        number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{motd:?}"))
    }

    /// Deploys the next generation with a fault, and finds the host whole before and after healing.
    #[track_caller]
    fn fail_at(&mut self, point: FaultPoint, operator: &Operator) {
        let what = format!("{point:?}");
        self.next(Some(point));
        operator.deploy(&self.fleet);
        let at_once = self.live();
        assert!([self.generation - 1, self.generation].contains(&at_once), "{at_once}: {what}");
        // What the network does with a connection that nobody answers on.
        self.proxy.arm(None);
        self.no_agent_is_left(&what);
        let later = self.live();
        assert!([self.generation - 1, self.generation].contains(&later), "{later}: {what}");
        self.heal();
    }

    #[track_caller]
    fn no_agent_is_left(&self, what: &str) {
        let start = Instant::now();
        while !agents(&self.fleet).is_empty() {
            assert!(start.elapsed() < NOTICING, "an agent is left: {what}");
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// Has `fault` happen at `count` bytes that are spread over a deployment.
    #[track_caller]
    fn sweep(&mut self, count: u64, operator: &Operator, fault: impl Fn() -> Fault) {
        for nth in 0..count {
            let direction = if nth % 2 == 0 { Direction::Up } else { Direction::Down };
            let after = (2 * nth + 1) * self.length[direction as usize] / (2 * count);
            self.fail_at(FaultPoint { direction, after, fault: fault() }, operator);
        }
        self.settle();
    }
}

/// The process of the operator.
#[derive(Clone, Default)]
struct Operator(Arc<AtomicI32>);

impl Operator {
    /// Deploys; that may go well, or not.
    fn deploy(&self, fleet: &Fleet) {
        let mut command: Command = fleet.windlass().command(&["deploy", "prod"]);
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let mut child = child.expect("it can be started");
        let pid = i32::try_from(child.id()).expect("small");
        self.0.store(pid, Ordering::SeqCst);
        child.wait().expect("it ends");
    }

    fn kill(&self) {
        if let Some(pid) = Pid::from_raw(self.0.load(Ordering::SeqCst)) {
            kill_process(pid, Signal::KILL).expect("it is waited for");
        }
    }
}

/// Returns the agents that run on the hosts of a fleet.
fn agents(fleet: &Fleet) -> Vec<i32> {
    let kept = fleet.server().path("home").join(".cache/windlass");
    running().filter(|(_, program)| program.starts_with(&kept)).map(|(pid, _)| pid).collect()
}

/// Returns the processes of the server that serve a connection.
fn sessions(fleet: &Fleet) -> Vec<i32> {
    let children = fleet.server().children();
    let of_server = |pid: &i32| children.iter().any(|child| i32::try_from(*child) == Ok(*pid));
    let named = |program: &PathBuf| {
        program.file_name().is_some_and(|name| name.to_string_lossy().starts_with("sshd"))
    };
    running()
        .filter(|(pid, program)| of_server(pid) && named(program))
        .map(|(pid, _)| pid)
        .collect()
}

fn running() -> impl Iterator<Item = (i32, PathBuf)> {
    let processes = fs::read_dir("/proc").expect("/proc").filter_map(Result::ok);
    processes.filter_map(|entry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        Some((pid, fs::read_link(entry.path().join("exe")).ok()?))
    })
}

fn kill_all(pids: &[i32]) {
    for pid in pids.iter().filter_map(|pid| Pid::from_raw(*pid)) {
        // It may have ended by itself.
        let _ = kill_process(pid, Signal::KILL);
    }
}

fn points(short: u64) -> u64 {
    let wanted = std::env::var("WINDLASS_TEST_POINTS").ok();
    wanted.and_then(|count| count.parse().ok()).unwrap_or(short)
}

#[test]
fn a_connection_that_is_lost_at_any_byte_leaves_one_release() {
    Wire::new().sweep(points(12), &Operator::default(), || Fault::Drop);
}

#[test]
fn a_connection_on_which_nothing_comes_any_more_leaves_one_release() {
    Wire::new().sweep(points(40).div_ceil(20), &Operator::default(), || Fault::BlackHole);
}

#[test]
fn an_operator_who_is_killed_leaves_one_release() {
    let operator = Operator::default();
    let kill = || {
        let operator = operator.clone();
        Fault::Call(Box::new(move || operator.kill()))
    };
    Wire::new().sweep(points(6), &operator, kill);
}

#[test]
fn an_agent_that_is_killed_leaves_one_release() {
    let mut wire = Wire::new();
    let fleet = Arc::downgrade(&wire.fleet);
    let kill = || {
        let fleet = fleet.clone();
        Fault::Call(Box::new(move || {
            fleet.upgrade().into_iter().for_each(|fleet| kill_all(&agents(&fleet)));
        }))
    };
    wire.sweep(points(6), &Operator::default(), kill);
}

#[test]
fn a_server_whose_session_is_killed_leaves_one_release() {
    let mut wire = Wire::new();
    let fleet = Arc::downgrade(&wire.fleet);
    let kill = || {
        let fleet = fleet.clone();
        Fault::Call(Box::new(move || {
            fleet.upgrade().into_iter().for_each(|fleet| kill_all(&sessions(&fleet)));
        }))
    };
    wire.sweep(points(6), &Operator::default(), kill);
}
