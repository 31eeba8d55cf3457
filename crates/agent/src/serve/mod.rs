//! An agent at work for an operator elsewhere: it reads requests and writes answers, over any two
//! streams of bytes, until the operator hangs up.
//!
//! Two threads help: one reads ahead, so that a lost connection is noticed while a command runs, and
//! one shows that the agent is there while it works. When the connection is lost, commands and
//! probes are ended, files are left whole, and what had come of a release is removed.

mod activity;
mod answer;
mod gather;
mod inbox;
mod outbox;
mod spool;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

use crate::guard::Guard;
use crate::interrupt::Interrupt;
use crate::protocol::{Frame, FrameError, GreetingError, Kind, Request, TICK_SECONDS, greeting};
use crate::site::random_name;

use activity::Activity;
use inbox::Inbox;
use outbox::Outbox;

/// How long an agent waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// For the next request: an operator who comes later connects again.
    pub idle: Duration,
    /// For the next piece of content.
    pub content: Duration,
    /// For its own work to end when nobody waits for it any more.
    pub ending: Duration,
    /// Between two signs of life while it works.
    pub tick: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(600),
            content: Duration::from_secs(60),
            ending: Duration::from_secs(5),
            tick: Duration::from_secs(TICK_SECONDS),
        }
    }
}

/// Why an agent stopped before the operator hung up.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Whoever is there is no operator, or one of another version.
    #[error("whoever started this agent is no windlass that it can work for")]
    Greeting(#[from] GreetingError),
    /// What came is not the protocol, or the connection failed.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The system has no pipe or thread left.
    #[error("cannot start to work")]
    Start(#[source] io::Error),
}

/// Serves requests from `input` with answers on `output`, and returns when the operator has hung up
/// between two of them, or sent none for long. When the operator is gone and work does not end in
/// time, `give_up` is called on another thread: it should end the process.
///
/// # Errors
/// When the connection is lost in the middle of a message or of content, or what comes is not the
/// protocol.
pub fn serve(
    input: impl Read + Send + 'static,
    output: impl Write + Send + 'static,
    patience: Patience,
    give_up: impl FnOnce() + Send + 'static,
) -> Result<(), ServeError> {
    let line = Line::open(input, output, patience, give_up)?;
    let served = line.serve();
    line.activity.end();
    served
}

/// Both directions of a connection.
struct Line {
    inbox: Inbox,
    outbox: Arc<Outbox>,
    activity: Arc<Activity>,
    interrupt: Interrupt,
    patience: Patience,
    /// Content did not come, and nothing more can.
    lost: Cell<bool>,
    /// What tells this connection from others.
    session: String,
    /// Arms targets, if this program knows where it is.
    guard: io::Result<Guard>,
}

impl Line {
    fn open(
        mut input: impl Read + Send + 'static,
        output: impl Write + Send + 'static,
        patience: Patience,
        give_up: impl FnOnce() + Send + 'static,
    ) -> Result<Self, ServeError> {
        let interrupt = Interrupt::new().map_err(ServeError::Start)?;
        let outbox = Arc::new(Outbox::new(output, interrupt.clone()));
        outbox.raw(&greeting::of_agent())?;
        if inbox::greeting(&mut input)?.is_none() {
            return Ok(Self::hung_up(outbox, interrupt, patience));
        }
        let activity = Arc::new(Activity::default());
        let ended = inbox::Ended {
            interrupt: interrupt.clone(),
            activity: Arc::clone(&activity),
            patience: patience.ending,
            give_up,
        };
        let inbox = Inbox::open(input, ended).map_err(ServeError::Start)?;
        activity::tick(&activity, &outbox, patience.tick).map_err(ServeError::Start)?;
        Ok(Self::new(inbox, outbox, activity, interrupt, patience))
    }

    /// Returns the line to an operator who hung up at once.
    fn hung_up(outbox: Arc<Outbox>, interrupt: Interrupt, patience: Patience) -> Self {
        let (inbox, activity) = (Inbox::closed(), Arc::default());
        Self::new(inbox, outbox, activity, interrupt, patience)
    }

    fn new(
        inbox: Inbox,
        outbox: Arc<Outbox>,
        activity: Arc<Activity>,
        interrupt: Interrupt,
        patience: Patience,
    ) -> Self {
        let (session, guard) = (random_name("session-"), Guard::here());
        Self { inbox, outbox, activity, interrupt, patience, lost: Cell::default(), session, guard }
    }

    fn serve(&self) -> Result<(), ServeError> {
        while let Some(frame) = self.inbox.next(self.patience.idle)? {
            if frame.kind != Kind::Request {
                return Err(FrameError::OutOfTurn(frame.kind).into());
            }
            let busy = self.activity.begin();
            let answer = match frame.parse::<Request>() {
                Ok(request) => answer::answer(self, request),
                Err(error) => Err(answer::not_understood(&error)),
            };
            drop(busy);
            self.outbox.send(&answer::frame(&answer)?)?;
            if self.lost.get() {
                return Err(FrameError::Cut.into());
            }
        }
        Ok(())
    }

    /// Returns the next frame of content.
    fn content(&self) -> Result<Frame, FrameError> {
        let next = self.inbox.next(self.patience.content);
        let next = next.and_then(|frame| frame.ok_or(FrameError::Cut));
        next.inspect_err(|_| self.lost.set(true))
    }
}
