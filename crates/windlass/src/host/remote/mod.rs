//! A target behind an agent on its host, over any stream of bytes.
//!
//! | read | for |
//! |---|---|
//! | [`Connector`] | starting an agent: what SSH, a process or a test implements |
//! | [`RemoteHost`] | the host that the engine asks |
//! | [`ProcessConnector`] | an agent that is a child process of this one |

mod confirm;
mod connection;
mod error;
mod feed;
mod frames;
mod line;
mod process;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{Mutex, MutexGuard};
use windlass_agent::protocol::{Ask, Frame, Kind, Place, Reply, Request, Said};
use windlass_agent::site::{Inspection, Site, Survey};
use windlass_agent::work::{Assignment, WorkError};
use windlass_core::record::{DeploymentId, TargetState};
use windlass_core::release::{Manifest, ReleaseId};
use windlass_core::target::Target;

pub use connection::{Aside, AsideWriter, Connection, Connector, Stream};
pub use process::ProcessConnector;

use super::{Host, HostError, Reach, RemoteClass};
use crate::error::describe;
use crate::events::Events;
use crate::objects::Objects;
use error::{Broken, host_error};
use feed::Supply;
use line::Line;

/// How long an agent is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For its greeting.
    pub greeting: Duration,
    /// For a sign of life while it works (it shows one every 5 s), and for it to take what it is sent.
    pub silence: Duration,
    /// How old a connection may be, since it was last used, to be trusted without asking.
    pub fresh: Duration,
    /// For the answer to one request, with the connection to ask on, where that is bounded.
    pub answer: Option<Duration>,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            greeting: Duration::from_secs(30),
            silence: Duration::from_secs(30),
            fresh: Duration::from_secs(1),
            answer: None,
        }
    }
}

/// A target behind an agent. One connection is kept and used for one call after another; one that
/// was lost in between is made anew.
pub struct RemoteHost {
    connector: Arc<dyn Connector>,
    place: Place,
    objects: Objects,
    events: Events,
    patience: Patience,
    line: Mutex<Option<Line>>,
    /// How long the target waits to be confirmed.
    confirm: Option<Duration>,
    /// The deployment that has activated a release here: what it activates next is the way back.
    activated: std::sync::Mutex<Option<DeploymentId>>,
}

impl RemoteHost {
    /// Returns the host for the directory `config_path` below `root`, where `connector` starts agents.
    ///
    /// # Errors
    /// When `config_path` is not a place below a root.
    pub fn new(
        target: &Target,
        root: &str,
        config_path: &str,
        connector: Arc<dyn Connector>,
        reach: &Reach,
    ) -> Result<Self, HostError> {
        Site::new(root, config_path).map_err(WorkError::from)?;
        let place = Place {
            root: root.to_owned(),
            config_path: config_path.to_owned(),
            target: target.id.clone(),
            address: target.address.clone(),
        };
        let (objects, events) = (reach.objects.clone(), reach.events.clone());
        let (patience, line) = (Patience::default(), Mutex::default());
        let (confirm, activated) = (reach.confirm, std::sync::Mutex::default());
        Ok(Self { connector, place, objects, events, patience, line, confirm, activated })
    }

    /// Returns the same, with another patience.
    #[must_use]
    pub fn with_patience(mut self, patience: Patience) -> Self {
        self.patience = patience;
        self
    }

    async fn ask(&self, ask: Ask) -> Result<Reply, HostError> {
        self.call(ask, None).await
    }

    /// Returns the reply of the agent, if it comes in time. One that is hung up on leaves its target
    /// wholly on one release by itself.
    async fn call(&self, ask: Ask, supply: Option<&Supply>) -> Result<Reply, HostError> {
        let Some(limit) = self.patience.answer else {
            return self.call_for_ever(ask, supply).await;
        };
        let harmless = ask.is_harmless();
        match tokio::time::timeout(limit, self.call_for_ever(ask, supply)).await {
            Ok(reply) => reply,
            Err(_) => {
                let seconds = limit.as_secs_f64();
                let why = format!("no answer within {seconds} s (`host_timeout` in [ssh])");
                Err(if harmless { HostError::Unreachable(why) } else { HostError::Lost(why) })
            }
        }
    }

    /// Returns the reply of the agent. Where the connection is lost before it, the request is sent
    /// again only if nobody can have acted on it, or acting on it twice makes no difference.
    async fn call_for_ever(&self, ask: Ask, supply: Option<&Supply>) -> Result<Reply, HostError> {
        let harmless = ask.is_harmless();
        let request = encode(Request { place: self.place.clone(), ask })?;
        let mut kept = self.line.lock().await;
        let (mut line, fresh) = self.usable(&mut kept).await?;
        let mut answer = line.exchange(&request, supply, &self.teller()).await;
        if let Err(broken) = &answer
            && !fresh
            && (harmless || broken.is_before_the_request())
        {
            line = self.connect().await?;
            answer = line.exchange(&request, supply, &self.teller()).await;
        }
        match answer {
            Ok(answer) => {
                *kept = Some(line);
                answer.map_err(host_error)
            }
            Err(broken) => Err(broken.into_host_error(&line.hang_up().text().await)),
        }
    }

    /// Returns the kept connection if the agent is still there, or else a new one, and whether it is
    /// new. Until it is put back it is not kept: a call that is given up hangs up.
    async fn usable(
        &self,
        kept: &mut MutexGuard<'_, Option<Line>>,
    ) -> Result<(Line, bool), HostError> {
        if let Some(mut line) = kept.take()
            && self.is_there(&mut line).await
        {
            return Ok((line, false));
        }
        Ok((self.connect().await?, true))
    }

    async fn is_there(&self, line: &mut Line) -> bool {
        if line.is_fresh() {
            return true;
        }
        let ping = Request { place: self.place.clone(), ask: Ask::Ping };
        let Ok(ping) = encode(ping) else { return false };
        let answer = line.exchange(&ping, None, &|_| {}).await;
        matches!(answer, Ok(Ok(Reply::Pong)))
    }

    async fn connect(&self) -> Result<Line, HostError> {
        Line::open(self.connector.open().await?, self.patience).await
    }

    fn teller(&self) -> impl Fn(Said) + Sync {
        |said| self.events.emit(said.into_event(self.place.target.clone()))
    }
}

fn encode(request: Request) -> Result<Vec<u8>, HostError> {
    let frame = Frame::json(Kind::Request, &request).and_then(|frame| frame.encode());
    frame.map_err(|error| HostError::Remote {
        class: RemoteClass::Files,
        message: format!("the release cannot be sent: {}", describe(&error)),
    })
}

/// Returns the state of a target that was activated.
fn activated(reply: Reply) -> Result<TargetState, HostError> {
    match reply {
        Reply::Activated { checked: true } => Ok(TargetState::Healthy),
        Reply::Activated { checked: false } => Ok(TargetState::NotChecked),
        _ => Err(unasked()),
    }
}

/// Returns the error for the answer to another question.
fn unasked() -> HostError {
    Broken::Unasked.into_host_error("")
}

#[async_trait]
impl Host for RemoteHost {
    async fn inspect(&self, wanted: Option<Arc<Manifest>>) -> Result<Inspection, HostError> {
        match self.ask(Ask::Inspect { wanted }).await? {
            Reply::Inspected(seen) => Ok(tamed(*seen)),
            _ => Err(unasked()),
        }
    }

    async fn survey(&self) -> Result<Survey, HostError> {
        match self.ask(Ask::Survey).await? {
            Reply::Surveyed(seen) => Ok(tamed_survey(*seen)),
            _ => Err(unasked()),
        }
    }

    async fn recall(&self, release: ReleaseId) -> Result<Option<Arc<Assignment>>, HostError> {
        match self.ask(Ask::Recall { release }).await? {
            Reply::Recalled(kept) if kept.as_ref().is_none_or(|kept| kept.id == release) => {
                Ok(kept)
            }
            _ => Err(unasked()),
        }
    }

    async fn prepare(
        &self,
        deployment: &DeploymentId,
        to: Arc<Assignment>,
        checked: bool,
    ) -> Result<(), HostError> {
        let supply = Supply::new(self.objects.clone(), Arc::clone(&to));
        let ask = Ask::Prepare { deployment: deployment.clone(), to, checked };
        let answer = self.call(ask, Some(&supply)).await;
        match supply.judge(answer).await? {
            Reply::Prepared => Ok(()),
            _ => Err(unasked()),
        }
    }

    async fn activate(
        &self,
        deployment: &DeploymentId,
        over: Vec<Option<ReleaseId>>,
        to: Option<Arc<Assignment>>,
    ) -> Result<TargetState, HostError> {
        let way_back = self.is_way_back(deployment);
        let (deployment, to) = (deployment.clone(), to.map(|to| to.id));
        match self.confirm {
            Some(time) if !way_back => self.activate_armed(deployment, over, to, time).await,
            _ => activated(self.ask(Ask::Activate { deployment, over, to }).await?),
        }
    }

    async fn probe(&self, live: Arc<Assignment>) -> Result<Option<bool>, HostError> {
        match self.ask(Ask::Probe { live: live.id }).await? {
            Reply::Probed(found) => Ok(found),
            _ => Err(unasked()),
        }
    }

    async fn forget(&self) -> Result<Vec<String>, HostError> {
        self.connector.forget().await
    }

    async fn prune(&self, keep: Vec<ReleaseId>) -> Result<(), HostError> {
        match self.ask(Ask::Prune { keep }).await? {
            Reply::Pruned => Ok(()),
            _ => Err(unasked()),
        }
    }
}

/// Returns a survey with its texts harmless for terminals.
fn tamed_survey(mut seen: Survey) -> Survey {
    use windlass_agent::run::visible;
    seen.directory = visible(&seen.directory.to_string_lossy()).into();
    let texts = [&mut seen.version, &mut seen.machine];
    for text in texts.into_iter().chain(&mut seen.boot_id).chain(&mut seen.problems) {
        *text = visible(text);
    }
    seen
}

/// Returns what was seen, with the texts that name files harmless for terminals.
fn tamed(mut seen: Inspection) -> Inspection {
    use windlass_agent::run::visible;
    use windlass_agent::site::Found;
    for drift in &mut seen.drift {
        for text in [&mut drift.path, &mut drift.expected, &mut drift.actual] {
            *text = visible(text);
        }
    }
    for conflict in &mut seen.conflicts {
        if let Found::Link(target) = &mut conflict.found {
            *target = visible(target);
        }
    }
    if let Some(reverted) = &mut seen.reverted {
        reverted.why = visible(&reverted.why);
        reverted.failure = reverted.failure.as_deref().map(visible);
    }
    seen
}
