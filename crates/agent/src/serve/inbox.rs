//! What the operator sends, read ahead.

use std::io::{self, ErrorKind, Read};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::thread;
use std::time::Duration;

use super::activity::Activity;
use crate::interrupt::Interrupt;
use crate::protocol::{Frame, FrameError, Greeting, GreetingError, frame, greeting};

/// How many frames may be read before they are wanted.
const AHEAD: usize = 2;

/// Frames of the operator.
pub(super) struct Inbox(Receiver<Result<Frame, FrameError>>);

/// What happens when no more can come.
pub(super) struct Ended<F> {
    /// Raised at once.
    pub(super) interrupt: Interrupt,
    /// Should end soon.
    pub(super) activity: Arc<Activity>,
    /// How soon.
    pub(super) patience: Duration,
    /// Called if it does not.
    pub(super) give_up: F,
}

impl Inbox {
    /// Returns the inbox that a thread of its own fills from `input`.
    pub(super) fn open<F: FnOnce() + Send + 'static>(
        mut input: impl Read + Send + 'static,
        ended: Ended<F>,
    ) -> io::Result<Self> {
        let (sender, receiver) = mpsc::sync_channel(AHEAD);
        let listen = move || {
            listen(&mut input, sender, &ended.interrupt);
            if !ended.activity.ends_within(ended.patience) {
                (ended.give_up)();
            }
        };
        thread::Builder::new().name("listen".to_owned()).spawn(listen)?;
        Ok(Self(receiver))
    }

    /// Returns the inbox that nothing will come to.
    pub(super) fn closed() -> Self {
        Self(mpsc::sync_channel(0).1)
    }

    /// Returns the next frame, or nothing where the operator hung up or none came in time.
    pub(super) fn next(&self, patience: Duration) -> Result<Option<Frame>, FrameError> {
        match self.0.recv_timeout(patience) {
            Ok(frame) => frame.map(Some),
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => Ok(None),
        }
    }
}

/// Passes frames on until no more can come, and raises `interrupt` then.
fn listen(
    input: &mut impl Read,
    sender: SyncSender<Result<Frame, FrameError>>,
    interrupt: &Interrupt,
) {
    loop {
        let read = frame::read(input).transpose();
        let last = !matches!(read, Some(Ok(_)));
        if last {
            interrupt.raise();
        }
        let passed_on = read.is_none_or(|frame| sender.send(frame).is_ok());
        if last || !passed_on {
            return;
        }
    }
}

/// Reads the operator's greeting, or nothing where it hung up before.
pub(super) fn greeting(input: &mut impl Read) -> Result<Option<Greeting>, GreetingError> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        match input.read(&mut byte) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Ok(0) | Err(_) if line.is_empty() => return Ok(None),
            Ok(1) if byte == *b"\n" => return greeting::read_operator(&line).map(Some),
            Ok(1) if line.len() < greeting::MOST_LINE => line.push(byte[0]),
            _ => return Err(greeting::no_operator(&line)),
        }
    }
}
