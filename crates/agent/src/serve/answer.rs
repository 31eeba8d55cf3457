//! Carrying requests out.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use windlass_core::event::Event;
use windlass_core::record::{DeploymentId, TargetState};
use windlass_core::release::{Manifest, ReleaseId};

use super::Line;
use super::gather::gather;
use super::outbox::Outbox;
use crate::guard::{Arm, GuardError};
use crate::protocol::failure::describe;
use crate::protocol::{Answer, Ask, Failure, Frame, FrameError, Kind, Reply, Request, Said};
use crate::site::{LockedSite, Site, SiteError};
use crate::work::{Activation, Assignment, WorkError, Worker};

/// How much time passes between two words on how far staging is.
const PROGRESS: Duration = Duration::from_millis(100);

/// Returns the answer to a request.
pub(super) fn answer(line: &Line, request: Request) -> Answer {
    let place = request.place;
    let site = Site::new(&place.root, &place.config_path).map_err(WorkError::from);
    let site = site.map_err(|error| Failure::from(&error))?;
    let teller = Teller::new(&line.outbox);
    let events = |event| teller.tell(event);
    let worker = Worker {
        site: &site,
        target: &place.target,
        address: &place.address,
        events: &events,
        interrupt: Some(&line.interrupt),
        guard: line.guard.as_ref().ok(),
    };
    carry_out(line, &worker, request.ask).map_err(|error| Failure::from(&error))
}

fn carry_out(line: &Line, worker: &Worker<'_>, ask: Ask) -> Result<Reply, WorkError> {
    Ok(match ask {
        Ask::Ping => Reply::Pong,
        Ask::Survey => Reply::Surveyed(Box::new(worker.site.survey())),
        Ask::Inspect { wanted } => Reply::Inspected(Box::new(worker.inspect(wanted.as_deref())?)),
        Ask::Recall { release } => Reply::Recalled(worker.recall(&release)?.map(Arc::new)),
        Ask::Prepare { deployment, to, checked } => {
            let mut gather =
                |site: &LockedSite<'_>, manifest: &Manifest| gather(line, site, manifest);
            worker.prepare_with(&deployment, &to, &mut gather, checked)?;
            Reply::Prepared
        }
        Ask::Activate { deployment, over, to } => activate(worker, &deployment, &over, to)?,
        Ask::ActivateArmed { deployment, over, to, arm } => {
            let to = to.map(|release| kept_after_a_look(worker, &over, release)).transpose()?;
            activate_armed(line, worker, &arm, (&deployment, &over, to.as_ref()))?
        }
        Ask::Confirm { nonce } => activated(worker.confirm(&nonce, &line.session)?),
        Ask::Probe { live } => Reply::Probed(worker.probe_now(&kept(worker, live)?)),
        Ask::Prune { keep } => {
            worker.prune(&keep)?;
            Reply::Pruned
        }
    })
}

fn activate(
    worker: &Worker<'_>,
    deployment: &DeploymentId,
    over: &[Option<ReleaseId>],
    to: Option<ReleaseId>,
) -> Result<Reply, WorkError> {
    let to = to.map(|release| kept_after_a_look(worker, over, release)).transpose()?;
    Ok(activated(worker.activate(deployment, over, to.as_ref())?))
}

fn activate_armed(
    line: &Line,
    worker: &Worker<'_>,
    arm: &Arm,
    (deployment, over, to): (&DeploymentId, &[Option<ReleaseId>], Option<&Assignment>),
) -> Result<Reply, WorkError> {
    let unable = |error: &std::io::Error| GuardError::Watcher(error.kind().into());
    let guard = line.guard.as_ref().map_err(unable)?;
    let armed = (arm, line.session.as_str());
    Ok(match worker.activate_armed(guard, armed, deployment, over, to)? {
        Activation::Armed { hook } => Reply::Armed { outlives_restart: hook.is_some() },
        Activation::Settled(state) => activated(state),
    })
}

fn activated(state: TargetState) -> Reply {
    Reply::Activated { checked: state == TargetState::Healthy }
}

/// Returns the release to activate. Whoever moved the target meanwhile may have removed it, and is then
/// the reason to tell.
fn kept_after_a_look(
    worker: &Worker<'_>,
    over: &[Option<ReleaseId>],
    release: ReleaseId,
) -> Result<Assignment, WorkError> {
    kept(worker, release).or_else(|missing| {
        let live = worker.inspect(None)?.live.map(|live| live.release);
        Err(if over.contains(&live) { missing } else { WorkError::Moved(live) })
    })
}

/// Returns a release as the target keeps it: what it was given when the release was staged.
fn kept(worker: &Worker<'_>, release: ReleaseId) -> Result<Assignment, WorkError> {
    let config = || worker.site.config_dir();
    let missing = || SiteError::NotStaged { config: config(), release };
    worker.recall(&release)?.ok_or_else(|| missing().into())
}

/// Returns the answer to a request that makes no sense.
pub(super) fn not_understood(error: &FrameError) -> Failure {
    Failure::Request { message: describe(error) }
}

/// Returns an answer as it is sent; one that is too long is answered by saying so.
pub(super) fn frame(answer: &Answer) -> Result<Frame, FrameError> {
    match Frame::json(Kind::Answer, answer) {
        Err(error @ FrameError::TooLarge { .. }) => {
            let failure: Answer = Err(Failure::Site { message: describe(&error), content: None });
            Frame::json(Kind::Answer, &failure)
        }
        framed => framed,
    }
}

/// Tells the operator what happens, and not too often how far it is.
struct Teller<'a> {
    outbox: &'a Outbox,
    progress: Mutex<Option<Instant>>,
}

impl<'a> Teller<'a> {
    fn new(outbox: &'a Outbox) -> Self {
        Self { outbox, progress: Mutex::new(None) }
    }

    fn tell(&self, event: Event) {
        let Some(said) = Said::of(event).filter(|said| self.is_news(said)) else { return };
        if let Ok(frame) = Frame::json(Kind::Event, &said) {
            // A connection that is lost raises the interrupt; there is nobody to tell of it.
            let _ = self.outbox.send(&frame);
        }
    }

    fn is_news(&self, said: &Said) -> bool {
        let Said::Staging { done, total } = said else { return true };
        let mut last = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let due = done >= total || last.is_none_or(|last| last.elapsed() >= PROGRESS);
        if due {
            *last = Some(Instant::now());
        }
        due
    }
}
