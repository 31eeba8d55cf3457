//! Made-up hosts, which do at once what they are told, and a clock that jumps to the next time anybody
//! waits for as soon as nobody has anything else to do.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use windlass_agent::site::{Inspection, Live, Owner, Survey};
use windlass_agent::work::{Assignment, WorkError};
use windlass_core::change::ChangeSet;
use windlass_core::digest::Digest;
use windlass_core::event::Event;
use windlass_core::health::{HealthCheck, Probe};
use windlass_core::name::{EnvironmentName, ServiceName};
use windlass_core::plan::{Intent, Plan, TargetPlan};
use windlass_core::record::{
    self, ConfigDeployment, DeploymentId, DeploymentStatus, TargetRecord, TargetState,
};
use windlass_core::release::{Manifest, Release, ReleaseId, ServiceRelease};
use windlass_core::rollout::{Command, Setup};
use windlass_core::strategy::{DeploymentStrategy, Member, StageError};
use windlass_core::target::{Address, Connection, Target, TargetId};

use crate::clock::{Clock, Sleep};
use crate::events::{Events, Recorded};
use crate::executor::inbox::{Asked, Inbox, Question, Reply};
use crate::executor::{Execution, Keeper, Move, Start, StopFlag};
use crate::fleet::Fleet;
use crate::host::{Host, HostError, Reach, Reacher};
use crate::objects::Objects;
use crate::store::{FileStore, SavedRollout, StateStore};

/// What goes wrong on a host when it is given the new release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// Its checks fail once it is switched.
    Unhealthy,
    /// Probes are bad in a span of time, in milliseconds from the beginning.
    BadProbes { from_ms: u64, to_ms: u64 },
    /// It never answers.
    Hangs,
    /// Asking it panics.
    Panics,
}

/// How often everybody else gets a turn before time passes: more often than any of them needs.
const TURNS: usize = 200;

/// A clock that jumps to the earliest time that is waited for.
#[derive(Debug, Default)]
struct JumpingClock {
    now_ms: Mutex<u64>,
    waiting: Mutex<BTreeMap<u64, usize>>,
    stop: Mutex<Option<(u64, StopFlag)>>,
}

impl JumpingClock {
    fn elapsed_ms(&self) -> u64 {
        *self.now_ms.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn earliest(&self) -> Option<u64> {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.keys().next().copied()
    }

    /// Lets time pass, and stops what is to be stopped by then.
    fn jump(&self, to: u64) {
        let mut stop = self.stop.lock().unwrap_or_else(PoisonError::into_inner);
        let mut now = self.now_ms.lock().unwrap_or_else(PoisonError::into_inner);
        match stop.take_if(|(at, _)| *at <= to) {
            Some((at, flag)) => {
                *now = at.max(*now);
                flag.stop();
            }
            None => *now = to.max(*now),
        }
    }

    async fn wait(&self, until: u64) {
        let _waiting = Waiting::new(self, until);
        while self.elapsed_ms() < until {
            let since = self.elapsed_ms();
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
            if self.elapsed_ms() == since && self.earliest() == Some(until) {
                self.jump(until);
            }
        }
    }
}

/// Somebody who waits, until they no longer do.
struct Waiting<'c> {
    clock: &'c JumpingClock,
    until: u64,
}

impl<'c> Waiting<'c> {
    fn new(clock: &'c JumpingClock, until: u64) -> Self {
        let mut waiting = clock.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        *waiting.entry(until).or_default() += 1;
        Self { clock, until }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiting = self.clock.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = waiting.get_mut(&self.until) {
            *count -= 1;
        }
        waiting.retain(|_, count| *count > 0);
    }
}

impl Clock for JumpingClock {
    fn now(&self) -> Timestamp {
        let ms = i64::try_from(self.elapsed_ms()).expect("a test takes no ages");
        Timestamp::from_millisecond(ms).expect("in range")
    }

    fn monotonic(&self) -> Duration {
        Duration::from_millis(self.elapsed_ms())
    }

    fn sleep(&self, by: Duration) -> Sleep<'_> {
        let by = u64::try_from(by.as_millis()).unwrap_or(u64::MAX);
        Box::pin(self.wait(self.elapsed_ms().saturating_add(by)))
    }
}

/// A host in memory.
struct MadeUp {
    live: Mutex<Option<Arc<Assignment>>>,
    fault: Option<Fault>,
    prepare_takes_ms: u64,
    clock: Arc<JumpingClock>,
    busy: Arc<Busy>,
}

/// How many hosts are being switched now, and were at most.
#[derive(Debug, Default)]
struct Busy {
    now: AtomicUsize,
    most: AtomicUsize,
}

impl MadeUp {
    fn live(&self) -> Option<Arc<Assignment>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn go_wrong(&self) -> Result<(), HostError> {
        match self.fault {
            Some(Fault::Unhealthy) => Err(WorkError::Unhealthy(vec!["ill".to_owned()]).into()),
            Some(Fault::Hangs) => std::future::pending().await,
            Some(Fault::Panics) => panic!("a host that panics"),
            Some(Fault::BadProbes { .. }) | None => Ok(()),
        }
    }
}

#[async_trait]
impl Host for MadeUp {
    async fn inspect(&self, _: Option<Arc<Manifest>>) -> Result<Inspection, HostError> {
        let live = self.live().map(|live| Live {
            release: live.id,
            deployment: deployment(),
            owner: Owner { project: "shop".to_owned(), environment: environment() },
            content: live.release.clone(),
            manifest: live.manifest.clone(),
        });
        let (drift, conflicts) = (Vec::new(), Vec::new());
        let fingerprint = Digest::of(b"");
        Ok(Inspection {
            live,
            drift,
            conflicts,
            interrupted: None,
            fingerprint,
            place: None,
            armed: None,
            reverted: None,
        })
    }

    async fn survey(&self) -> Result<Survey, HostError> {
        Err(HostError::Unreachable("nobody asks that during a rollout".to_owned()))
    }

    async fn recall(&self, _: ReleaseId) -> Result<Option<Arc<Assignment>>, HostError> {
        Ok(None)
    }

    async fn prepare(
        &self,
        _: &DeploymentId,
        _: Arc<Assignment>,
        _: bool,
    ) -> Result<(), HostError> {
        self.clock.wait(self.clock.elapsed_ms() + self.prepare_takes_ms).await;
        Ok(())
    }

    async fn activate(
        &self,
        _: &DeploymentId,
        over: Vec<Option<ReleaseId>>,
        to: Option<Arc<Assignment>>,
    ) -> Result<TargetState, HostError> {
        let live = self.live().map(|live| live.id);
        if !over.contains(&live) {
            return Err(WorkError::Moved(live).into());
        }
        let now = self.busy.now.fetch_add(1, Ordering::SeqCst) + 1;
        self.busy.most.fetch_max(now, Ordering::SeqCst);
        tokio::task::yield_now().await;
        self.busy.now.fetch_sub(1, Ordering::SeqCst);
        let is_new = to.as_ref().is_some_and(|to| to.id == release("2").id);
        *self.live.lock().unwrap_or_else(PoisonError::into_inner) = to;
        if is_new {
            self.go_wrong().await?;
        }
        Ok(TargetState::Healthy)
    }

    async fn probe(&self, _: Arc<Assignment>) -> Result<Option<bool>, HostError> {
        let now = self.clock.elapsed_ms();
        let bad = match self.fault {
            Some(Fault::BadProbes { from_ms, to_ms }) => (from_ms..to_ms).contains(&now),
            _ => false,
        };
        Ok(Some(!bad))
    }

    async fn prune(&self, _: Vec<ReleaseId>) -> Result<(), HostError> {
        Ok(())
    }
}

struct MadeUpReacher(BTreeMap<TargetId, Arc<MadeUp>>);

impl Reacher for MadeUpReacher {
    fn reach(&self, target: &Target, _: &str, _: &Reach) -> Result<Arc<dyn Host>, HostError> {
        Ok(Arc::clone(&self.0[&target.id]) as Arc<dyn Host>)
    }
}

fn environment() -> EnvironmentName {
    EnvironmentName::new("staging").expect("a name")
}

fn deployment() -> DeploymentId {
    DeploymentId::new("deploy_staging_2").expect("an id")
}

fn address() -> Address {
    Address::Local { root: "x".to_owned() }
}

fn release(version: &str) -> Arc<Assignment> {
    let check = HealthCheck::new(Probe::Tcp("80".to_owned()));
    let web = ServiceRelease {
        version: Some(version.to_owned()),
        health: vec![check],
        ..ServiceRelease::default()
    };
    let name = ServiceName::new("web").expect("a name");
    let release = Release {
        project: "shop".to_owned(),
        environment: environment(),
        config_path: "/etc".to_owned(),
        services: BTreeMap::from([(name, web)]),
        variables: BTreeMap::new(),
        target_variables: BTreeMap::new(),
        targets: BTreeMap::new(),
    };
    Arc::new(Assignment { id: release.id(), release, manifest: Manifest::default() })
}

/// A fleet whose hosts hold release 1 and are given release 2.
pub(super) struct World {
    pub(super) plan: Plan,
    pub(super) setup: Setup,
    pub(super) stop: StopFlag,
    faults: BTreeMap<usize, Fault>,
    prepare_takes_ms: u64,
    clock: Arc<JumpingClock>,
    busy: Arc<Busy>,
    recorded: Recorded,
    store: FileStore,
    hosts: BTreeMap<TargetId, Arc<MadeUp>>,
    workspace: tempfile::TempDir,
}

impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("World").field("faults", &self.faults).finish_non_exhaustive()
    }
}

impl World {
    pub(super) fn new(strategy: &dyn DeploymentStrategy, total: usize) -> Self {
        let zone = |n: usize| ["eu", "us"][n % 2];
        let member =
            |n: usize| Member::new(TargetId::new(format!("h{n}"))).labelled("zone", zone(n));
        let setup = Setup::of(strategy, (0..total).map(member).collect());
        let workspace = tempfile::tempdir().expect("a directory");
        Self {
            plan: plan(&setup),
            setup,
            stop: StopFlag::default(),
            faults: BTreeMap::new(),
            prepare_takes_ms: 0,
            clock: Arc::default(),
            busy: Arc::default(),
            recorded: Recorded::default(),
            store: FileStore::open(workspace.path()).expect("opened"),
            hosts: BTreeMap::new(),
            workspace,
        }
    }

    pub(super) fn fault(&mut self, nth: usize, fault: Fault) {
        self.faults.insert(nth, fault);
    }

    /// Lets each preparation take its time, in milliseconds.
    pub(super) fn prepare_takes(&mut self, ms: u64) {
        self.prepare_takes_ms = ms;
    }

    /// Asks for a stop at a time, in milliseconds from the beginning.
    pub(super) fn stop_at(&self, at_ms: u64) {
        let mut stop = self.clock.stop.lock().unwrap_or_else(PoisonError::into_inner);
        *stop = Some((at_ms, self.stop.clone()));
    }

    pub(super) fn elapsed_ms(&self) -> u64 {
        self.clock.elapsed_ms()
    }

    /// Lets time pass while nobody does anything.
    pub(super) fn pass(&self, by_ms: u64) {
        self.clock.jump(self.clock.elapsed_ms() + by_ms);
    }

    pub(super) fn most_at_once(&self) -> usize {
        self.busy.most.load(Ordering::SeqCst)
    }

    pub(super) fn events(&self) -> Vec<Event> {
        self.recorded.events()
    }

    pub(super) async fn run(&mut self) -> ConfigDeployment {
        self.try_run().await.expect("sound stages")
    }

    pub(super) async fn try_run(&mut self) -> Result<ConfigDeployment, Vec<StageError>> {
        self.make_hosts();
        self.drive(Start::New(Box::new(self.setup.clone()))).await
    }

    /// Lets the process die at a time, in milliseconds from the beginning.
    pub(super) async fn die_at(&mut self, at_ms: u64) {
        self.make_hosts();
        let start = Start::New(Box::new(self.setup.clone()));
        tokio::select! {
            biased;
            record = self.drive(start) => panic!("it ended before: {record:?}"),
            () = self.clock.wait(at_ms) => {}
        }
    }

    /// Runs it while somebody asks it for things, each at its time, in milliseconds from the beginning,
    /// and returns the answers too.
    pub(super) async fn run_asked(
        &mut self,
        asked: &[(u64, Command)],
    ) -> (ConfigDeployment, Vec<Reply>) {
        self.make_hosts();
        let start = Start::New(Box::new(self.setup.clone()));
        let ask = async {
            let mut replies = Vec::new();
            for (at, command) in asked {
                self.clock.wait(*at).await;
                let question = Question { command: *command, by: "tester".to_owned() };
                let asked =
                    Asked::ask(self.workspace.path(), &deployment(), &question, &at.to_string());
                let asked = asked.expect("asked").expect("it is under way");
                let reply = loop {
                    match asked.answer() {
                        Some(reply) => break reply,
                        None => tokio::task::yield_now().await,
                    }
                };
                replies.push(reply);
            }
            replies
        };
        let (record, replies) = tokio::join!(self.drive(start), ask);
        (record.expect("sound stages"), replies)
    }

    /// Lets another process go on, from what was written down.
    pub(super) async fn resume(&mut self) -> ConfigDeployment {
        let saved = self.saved().await.expect("it was written down");
        self.drive(Start::Saved(Box::new(saved))).await.expect("sound stages")
    }

    pub(super) async fn saved(&self) -> Option<SavedRollout> {
        self.store.rollout(&deployment()).await.expect("read")
    }

    async fn drive(&self, start: Start) -> Result<ConfigDeployment, Vec<StageError>> {
        let clock: Arc<dyn Clock> = Arc::clone(&self.clock) as _;
        let events = Events::new(Arc::clone(&clock), vec![Box::new(self.recorded.clone())]);
        let fleet = self.fleet(&events);
        let one =
            |id: &TargetId| (id.clone(), Move { from: Some(release("1")), to: Some(release("2")) });
        let execution = Execution {
            start,
            checked: self.plan.intent == Intent::Deploy,
            keeper: Keeper::new(&self.store),
            inbox: Some(Inbox::open(self.workspace.path(), &deployment()).expect("opened")),
            fleet: &fleet,
            moves: self.plan.targets.iter().map(|target| one(&target.id)).collect(),
            events: &events,
            clock: &clock,
            stop: &self.stop,
            record: record_of(&self.plan),
            strangers: std::collections::BTreeSet::new(),
            withhold: &|| {},
        };
        execution.run().await
    }

    fn make_hosts(&mut self) {
        let targets = self.plan.targets.iter().enumerate();
        let made_up = targets.map(|(nth, target)| {
            let host = MadeUp {
                live: Mutex::new(Some(release("1"))),
                fault: self.faults.get(&nth).copied(),
                prepare_takes_ms: self.prepare_takes_ms,
                clock: Arc::clone(&self.clock),
                busy: Arc::clone(&self.busy),
            };
            (target.id.clone(), Arc::new(host))
        });
        self.hosts = made_up.collect();
    }

    fn fleet(&self, events: &Events) -> Fleet {
        let targets: Vec<Target> = self.plan.targets.iter().map(target_of).collect();
        let reacher = MadeUpReacher(self.hosts.clone());
        let objects = Objects::open(self.workspace.path().join("objects")).expect("opened");
        let base = Arc::from(self.workspace.path());
        let how = Reach { base, objects, events: events.clone(), confirm: None };
        Fleet::reach(&targets, "/etc", &reacher, &how).expect("reached")
    }
}

fn target_of(planned: &TargetPlan) -> Target {
    Target {
        id: planned.id.clone(),
        address: planned.address.clone(),
        services: None,
        variables: BTreeMap::new(),
        groups: Vec::new(),
        connection: Connection::default(),
    }
}

fn plan(setup: &Setup) -> Plan {
    let (from, to) = (Some(release("1").id), Some(release("2").id));
    let targets = setup.members.iter().map(|member| TargetPlan {
        id: member.id.clone(),
        address: address(),
        from,
        to,
        fingerprint: Digest::of(b""),
        drift: Vec::new(),
        interrupted: false,
    });
    Plan {
        schema: windlass_core::plan::SCHEMA,
        plan_id: String::new(),
        environment: environment(),
        config_path: "/etc".to_owned(),
        intent: Intent::Deploy,
        release: to,
        config_files: Vec::new(),
        changes: ChangeSet::default(),
        diffs: Vec::new(),
        targets: targets.collect(),
        stages: setup.stages.clone(),
        pace: setup.pace.clone(),
        budget: setup.budget.clone(),
        cutover: setup.cutover,
        warnings: Vec::new(),
    }
}

fn record_of(plan: &Plan) -> ConfigDeployment {
    let targets = plan.targets.iter().map(|target| TargetRecord {
        id: target.id.clone(),
        address: target.address.clone(),
        state: TargetState::Pending,
        from: target.from,
        to: target.to,
        release: target.from,
        error: None,
    });
    ConfigDeployment {
        schema: record::SCHEMA,
        deployment_id: deployment(),
        environment: plan.environment.clone(),
        config_path: plan.config_path.clone(),
        status: DeploymentStatus::InProgress,
        config_version: String::new(),
        release: plan.release,
        deployed_at: Timestamp::UNIX_EPOCH,
        deployed_by: "tester".to_owned(),
        config_files: Vec::new(),
        changes: ChangeSet::default(),
        targets: targets.collect(),
        rollback_info: None,
        duration_ms: 0,
        error: None,
        pinned: None,
    }
}
