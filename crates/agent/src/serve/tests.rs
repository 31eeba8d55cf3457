//! An agent, asked over pipes in memory.

use std::collections::BTreeMap;
use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use proptest::prelude::*;
use windlass_core::command::Command;
use windlass_core::digest::Digest;
use windlass_core::event::CommandRole;
use windlass_core::name::{EnvironmentName, ServiceName};
use windlass_core::path::RelativePath;
use windlass_core::record::DeploymentId;
use windlass_core::release::{
    FileEntry, Layout, Manifest, Mode, Release, ReleaseId, ServiceRelease,
};
use windlass_core::target::{Address, TargetId};

use super::*;
use crate::protocol::{Answer, Ask, Failure, Header, Place, Reply, Wanted, frame};
use crate::run::Exit;
use crate::work::Assignment;

/// An operator, and the agent that works for it.
struct Operator {
    to: Option<PipeWriter>,
    from: PipeReader,
    agent: JoinHandle<Result<(), ServeError>>,
    given_up: Receiver<()>,
    root: tempfile::TempDir,
}

fn patience() -> Patience {
    Patience { ending: Duration::from_secs(3600), ..Patience::default() }
}

impl Operator {
    fn new(patience: Patience) -> Self {
        let mut operator = Self::silent(patience);
        let mut greeting = vec![0; greeting::of_agent().len()];
        operator.from.read_exact(&mut greeting).expect("a greeting");
        assert_eq!(greeting, greeting::of_agent());
        operator.write(&greeting::of_operator());
        operator
    }

    /// Returns an operator who has not said a word.
    fn silent(patience: Patience) -> Self {
        let (input, to) = io::pipe().expect("a pipe");
        let (from, output) = io::pipe().expect("a pipe");
        let (tell, given_up) = mpsc::channel();
        let give_up = move || tell.send(()).expect("heard");
        let agent = thread::spawn(move || serve(input, output, patience, give_up));
        let root = crate::site::scratch_directory();
        Self { to: Some(to), from, agent, given_up, root }
    }

    fn write(&mut self, bytes: &[u8]) {
        self.to.as_mut().expect("not hung up").write_all(bytes).expect("written");
    }

    fn ask(&mut self, ask: Ask) {
        let place = place_at(self.root.path());
        let frame = Frame::json(Kind::Request, &Request { place, ask }).expect("small");
        self.write(&frame.encode().expect("small"));
    }

    /// Returns the next frame that is neither an event nor a tick.
    fn hear(&mut self) -> Option<Frame> {
        loop {
            let frame = frame::read(&mut self.from).expect("frames");
            let passing = |frame: &Frame| matches!(frame.kind, Kind::Event | Kind::Tick);
            if !frame.as_ref().is_some_and(passing) {
                return frame;
            }
        }
    }

    fn answer(&mut self) -> Answer {
        let frame = self.hear().expect("an answer");
        assert_eq!(frame.kind, Kind::Answer);
        frame.parse().expect("an answer")
    }

    fn wanted(&mut self) -> Vec<Digest> {
        let frame = self.hear().expect("an answer");
        assert_eq!(frame.kind, Kind::Wanted, "{}", String::from_utf8_lossy(&frame.payload));
        frame.parse::<Wanted>().expect("wanted").digests
    }

    fn prepare(&mut self, release: &Sent) {
        let to = Arc::clone(&release.assignment);
        self.ask(Ask::Prepare { deployment: deployment(), to, checked: true });
    }

    /// Sends what is wanted of `release`, and returns how much that was and the answer.
    fn feed(&mut self, release: &Sent) -> (usize, Answer) {
        let wanted = self.wanted();
        for digest in &wanted {
            self.blob(&release.blobs[digest]);
        }
        (wanted.len(), self.answer())
    }

    fn blob(&mut self, content: &[u8]) {
        let compressed = zstd::bulk::compress(content, 1).expect("compressed");
        let (first, last) = compressed.split_at(compressed.len() / 2);
        for (kind, part) in [(Kind::BlobPart, first), (Kind::BlobEnd, last)] {
            let mut bytes = Vec::new();
            frame::put(&mut bytes, kind, part).expect("small");
            self.write(&bytes);
        }
    }

    fn deploy(&mut self, release: &Sent) -> usize {
        self.prepare(release);
        let (sent, answer) = self.feed(release);
        assert_eq!(answer, Ok(Reply::Prepared));
        assert_eq!(self.switch(release), Ok(Reply::Activated { checked: false }));
        sent
    }

    fn switch(&mut self, release: &Sent) -> Answer {
        let live = self.live();
        let to = Some(release.assignment.id);
        self.ask(Ask::Activate { deployment: deployment(), over: vec![live], to });
        self.answer()
    }

    fn live(&mut self) -> Option<ReleaseId> {
        self.ask(Ask::Inspect { wanted: None });
        match self.answer() {
            Ok(Reply::Inspected(seen)) => seen.live.map(|live| live.release),
            other => panic!("{other:?}"),
        }
    }

    fn path(&self, path: &str) -> std::path::PathBuf {
        self.root.path().join("etc").join(path)
    }

    /// Hangs up and returns how the agent ended.
    fn hang_up(mut self) -> (Result<(), ServeError>, tempfile::TempDir) {
        self.to = None;
        let ended = self.agent.join().expect("no panic");
        (ended, self.root)
    }
}

/// A release, and its content.
struct Sent {
    assignment: Arc<Assignment>,
    blobs: BTreeMap<Digest, Vec<u8>>,
}

fn deployment() -> DeploymentId {
    DeploymentId::new("deploy_test_1").expect("an id")
}

fn release(files: &[(&str, &[u8])], web: ServiceRelease) -> Sent {
    let name = ServiceName::new("web").expect("a name");
    let entry = |(path, content): &(&str, &[u8])| FileEntry {
        path: RelativePath::new(*path).expect("a path"),
        mode: Mode::from_bits(0o640),
        size: content.len() as u64,
        digest: Digest::of(content),
        service: name.clone(),
        layout: Layout::Linked,
        shown: None,
        secret: false,
        key: None,
    };
    let manifest = Manifest::new(files.iter().map(entry).collect()).expect("no conflict");
    let release = Release {
        project: "shop".to_owned(),
        environment: EnvironmentName::new("test").expect("a name"),
        config_path: "/etc".to_owned(),
        services: [(name.clone(), web)].into(),
        variables: BTreeMap::new(),
        target_variables: BTreeMap::new(),
        targets: [(TargetId::new("web-1"), manifest.id())].into(),
    };
    let blobs = files.iter().map(|(_, content)| (Digest::of(content), content.to_vec())).collect();
    let assignment = Arc::new(Assignment { id: release.id(), release, manifest });
    Sent { assignment, blobs }
}

fn plain(files: &[(&str, &[u8])]) -> Sent {
    release(files, ServiceRelease::default())
}

fn shell(script: &str) -> Option<Command> {
    Some(Command::Shell(script.to_owned()))
}

#[test]
fn a_release_is_staged_and_made_live_and_only_what_is_missing_moves() {
    let mut operator = Operator::new(patience());
    let large = vec![b'x'; 700 << 10];
    let one = plain(&[("a", b"1"), ("b/c", &large), ("copy", b"1")]);
    assert_eq!(operator.deploy(&one), 2);
    assert_eq!(std::fs::read(operator.path("b/c")).expect("there"), large);
    let two = plain(&[("a", b"2"), ("moved", &large), ("new", b"1")]);
    assert_eq!(operator.deploy(&two), 1);
    assert_eq!(std::fs::read(operator.path("moved")).expect("there"), large);
    let mode = std::fs::metadata(operator.path("new")).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o640);
    // Everything of the first release is still kept: nothing is asked for.
    operator.prepare(&one);
    assert_eq!(operator.answer(), Ok(Reply::Prepared));
    assert_eq!(operator.switch(&one), Ok(Reply::Activated { checked: false }));
    operator.ask(Ask::Prune { keep: Vec::new() });
    assert_eq!(operator.answer(), Ok(Reply::Pruned));
    operator.ask(Ask::Recall { release: two.assignment.id });
    assert_eq!(operator.answer(), Ok(Reply::Recalled(None)));
    operator.ask(Ask::Recall { release: one.assignment.id });
    assert_eq!(operator.answer(), Ok(Reply::Recalled(Some(Arc::clone(&one.assignment)))));
    operator.ask(Ask::Probe { live: one.assignment.id });
    assert_eq!(operator.answer(), Ok(Reply::Probed(None)));
    assert!(operator.hang_up().0.is_ok());
}

#[test]
fn content_that_was_changed_on_the_host_is_asked_for() {
    let mut operator = Operator::new(patience());
    let one = plain(&[("a", b"same"), ("b", b"1")]);
    operator.deploy(&one);
    std::fs::write(operator.path("a"), "by hand").expect("through the link");
    let two = plain(&[("a", b"same"), ("b", b"2")]);
    assert_eq!(operator.deploy(&two), 2);
    assert_eq!(std::fs::read(operator.path("a")).expect("there"), b"same");
}

#[test]
fn wrong_content_is_refused_and_the_connection_goes_on() {
    let mut operator = Operator::new(patience());
    let one = plain(&[("a", b"right"), ("b", b"also")]);
    let bomb = vec![0; 8 << 20];
    for wrong in [&b"wrong"[..], b"", b"right and more", &bomb] {
        operator.prepare(&one);
        assert_eq!(operator.wanted().len(), 2);
        operator.blob(wrong);
        operator.blob(b"also");
        let Err(Failure::Site { content, .. }) = operator.answer() else { panic!("taken") };
        assert_eq!(content, Some(Digest::of(b"right")));
    }
    operator.prepare(&one);
    operator.wanted();
    let mut garbage = Vec::new();
    frame::put(&mut garbage, Kind::BlobEnd, b"no zstd at all").expect("small");
    operator.write(&garbage);
    operator.blob(b"also");
    let Err(Failure::Site { message, content }) = operator.answer() else { panic!("taken") };
    assert_eq!(content, Some(Digest::of(b"right")));
    assert!(message.starts_with("the content of a is not that of its release"), "{message}");
    assert_eq!(operator.live(), None);
    operator.deploy(&one);
    let names = std::fs::read_dir(operator.path(".windlass/releases")).expect("listed");
    assert_eq!(names.count(), 1);
}

#[test]
fn content_that_the_operator_does_not_have_ends_the_request() {
    let mut operator = Operator::new(patience());
    let one = plain(&[("a", b"1"), ("b", b"2")]);
    operator.prepare(&one);
    operator.wanted();
    operator.write(&Frame { kind: Kind::NoBlob, payload: Vec::new() }.encode().expect("small"));
    let Err(Failure::Site { message, .. }) = operator.answer() else { panic!("staged") };
    assert_eq!(message, "cannot read the content of a: the operator does not have it");
    operator.deploy(&one);
}

#[test]
fn failures_are_answers() {
    let mut operator = Operator::new(patience());
    operator
        .write(&Frame { kind: Kind::Request, payload: b"{}".to_vec() }.encode().expect("small"));
    assert!(matches!(operator.answer(), Err(Failure::Request { .. })));
    let check = ServiceRelease { check: shell("echo no; false"), ..ServiceRelease::default() };
    let refused = release(&[("a", b"1")], check);
    operator.prepare(&refused);
    let (_, answer) = operator.feed(&refused);
    let Err(Failure::Refused { role, exit, output, .. }) = answer else { panic!("{answer:?}") };
    assert_eq!((role, exit, output.as_str()), (CommandRole::Check, Exit::Code(1), "no\n"));
    let one = plain(&[("a", b"2")]);
    let missing = operator.switch(&one);
    assert!(matches!(missing, Err(Failure::Site { .. })), "{missing:?}");
    operator.deploy(&one);
    operator.ask(Ask::Activate { deployment: deployment(), over: vec![None], to: None });
    assert_eq!(operator.answer(), Err(Failure::Moved { live: Some(one.assignment.id) }));
}

#[test]
fn an_agent_at_work_shows_that_it_is_there_and_an_idle_one_goes() {
    let quick = Patience { tick: Duration::from_millis(1), ..patience() };
    let mut operator = Operator::new(quick);
    let go = operator.root.path().join("go");
    let script = format!("while test ! -e {}; do sleep 0.01; done", go.display());
    let slow = ServiceRelease { check: shell(&script), ..ServiceRelease::default() };
    let slow = release(&[("a", b"1")], slow);
    operator.prepare(&slow);
    operator.wanted();
    operator.blob(b"1");
    while frame::read(&mut operator.from).expect("frames").expect("more").kind != Kind::Tick {}
    std::fs::write(go, "").expect("written");
    assert_eq!(operator.answer(), Ok(Reply::Prepared));

    let idle = Patience { idle: Duration::from_millis(1), ..patience() };
    let operator = Operator::new(idle);
    assert!(operator.agent.join().expect("no panic").is_ok());
}

#[test]
fn an_operator_who_goes_while_a_command_runs_ends_it() {
    let mut operator = Operator::new(patience());
    let pid = operator.root.path().join("pid");
    let script = format!("echo $$ > {0}.new && mv {0}.new {0} && sleep 3600", pid.display());
    let endless = ServiceRelease { check: shell(&script), ..ServiceRelease::default() };
    let endless = release(&[("a", b"1")], endless);
    operator.prepare(&endless);
    operator.wanted();
    operator.blob(b"1");
    while !pid.exists() {
        thread::yield_now();
    }
    let number = std::fs::read_to_string(&pid).expect("read");
    let (_, _root) = operator.hang_up();
    assert!(!Path::new(&format!("/proc/{}", number.trim())).exists());
}

#[test]
fn an_operator_who_goes_while_content_comes_leaves_nothing_behind() {
    let mut operator = Operator::new(patience());
    let one = plain(&[("a", b"1"), ("b", b"2")]);
    operator.prepare(&one);
    operator.wanted();
    operator.blob(b"1");
    let (ended, root) = operator.hang_up();
    assert!(ended.is_err());
    let state = std::fs::read_dir(root.path().join("etc/.windlass")).expect("listed");
    let names: Vec<_> = state.map(|name| name.expect("listed").file_name()).collect();
    assert_eq!(names, ["lock"]);
}

#[test]
fn work_that_does_not_end_is_given_up() {
    let impatient = Patience { ending: Duration::ZERO, ..patience() };
    let activity = Arc::new(Activity::default());
    let (tell, given_up) = mpsc::channel();
    let ended = inbox::Ended {
        interrupt: Interrupt::new().expect("a pipe"),
        activity: Arc::clone(&activity),
        patience: impatient.ending,
        give_up: move || tell.send(()).expect("heard"),
    };
    let _busy = activity.begin();
    let _inbox = Inbox::open(io::empty(), ended).expect("a thread");
    given_up.recv().expect("given up");
}

#[test]
fn who_is_no_operator_is_not_served() {
    let mut stranger = Operator::silent(patience());
    stranger.write(b"GET / HTTP/1.1\r\n");
    assert!(matches!(stranger.hang_up().0, Err(ServeError::Greeting(_))));
    assert!(Operator::silent(patience()).hang_up().0.is_ok());
    let mut lost = Operator::new(patience());
    lost.write(b"ls -la\n");
    let ended = lost.agent.join().expect("no panic").expect_err("no frame");
    assert!(ended.to_string().starts_with("got \"ls -l\""), "{ended}");
    assert!(lost.given_up.try_recv().is_err());
}

/// All that an operator sends to stage and activate a release on a new host.
struct Exchange {
    bytes: Vec<u8>,
    /// Where it may end without anything missing.
    ends: Vec<usize>,
    /// Where it says which directory to work in.
    places: Vec<std::ops::Range<usize>>,
}

impl Exchange {
    fn new(root: &Path) -> Self {
        let one = plain(&[("a", b"1"), ("b", b"2")]);
        let (id, to) = (one.assignment.id, Arc::clone(&one.assignment));
        let bytes = greeting::of_operator();
        let mut exchange = Self { ends: vec![bytes.len()], bytes, places: Vec::new() };
        exchange.add(root, Ask::Prepare { deployment: deployment(), to, checked: true });
        for file in one.assignment.manifest.files() {
            let compressed = zstd::bulk::compress(&one.blobs[&file.digest], 1).expect("compressed");
            frame::put(&mut exchange.bytes, Kind::BlobEnd, &compressed).expect("small");
        }
        exchange.ends.push(exchange.bytes.len());
        let (deployment, over) = (deployment(), vec![None]);
        exchange.add(root, Ask::Activate { deployment, over, to: Some(id) });
        exchange.ends.push(exchange.bytes.len());
        exchange
    }

    fn add(&mut self, root: &Path, ask: Ask) {
        let place = place_at(root);
        let start = self.bytes.len() + Header::BYTES;
        self.places.push(start..start + serde_json::to_vec(&place).expect("JSON").len() + 10);
        let frame = Frame::json(Kind::Request, &Request { place, ask }).expect("small");
        self.bytes.extend(frame.encode().expect("small"));
    }
}

fn place_at(root: &Path) -> Place {
    Place {
        root: root.to_str().expect("UTF-8").to_owned(),
        config_path: "/etc".to_owned(),
        target: TargetId::new("web-1"),
        address: Address::Local { root: "/".to_owned() },
    }
}

fn serve_bytes(bytes: Vec<u8>) -> Result<(), ServeError> {
    serve(io::Cursor::new(bytes), io::sink(), patience(), || panic!("given up"))
}

#[test]
fn an_exchange_that_is_cut_anywhere_leaves_the_host_whole() {
    let probe = crate::site::scratch_directory();
    let length = Exchange::new(probe.path()).bytes.len();
    for cut in 0..=length {
        let root = crate::site::scratch_directory();
        let exchange = Exchange::new(root.path());
        let served = serve_bytes(exchange.bytes[..cut].to_vec());
        assert!(served.is_ok() == (cut == 0 || exchange.ends.contains(&cut)), "{cut} {served:?}");
        assert_eq!(root.path().join("etc/a").exists(), cut == length, "{cut}");
        let site = crate::site::Site::new(root.path(), "/etc").expect("a path");
        let left = std::fs::read_dir(root.path().join("etc/.windlass/releases"));
        let staged = left.into_iter().flatten().count();
        assert_eq!(staged, usize::from(cut >= exchange.ends[1]), "{cut}");
        assert!(site.inspect(None).expect("whole").interrupted.is_none(), "{cut}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..Default::default() })]

    #[test]
    fn no_bytes_confuse_an_agent(
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        noise in prop::collection::vec(any::<u8>(), 0..64),
    ) {
        let root = crate::site::scratch_directory();
        let Exchange { mut bytes, places, .. } = Exchange::new(root.path());
        for (at, byte) in &changes {
            let at = at.index(bytes.len());
            // Another directory is no confusion, and this test has only its own.
            if !places.iter().any(|place| place.contains(&at)) {
                bytes[at] = *byte;
            }
        }
        bytes.extend(&noise);
        let _ = serve_bytes(bytes);
        let _ = serve_bytes([greeting::of_operator(), noise].concat());
        let site = crate::site::Site::new(root.path(), "/etc").expect("a path");
        site.lock().expect("free").recover().expect("whole");
        prop_assert!(site.inspect(None).is_ok());
    }
}
