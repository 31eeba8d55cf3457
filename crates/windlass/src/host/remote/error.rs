//! What an agent's failures and a lost connection mean to the engine.

use windlass_agent::protocol::{Failure, FrameError, GreetingError};
use windlass_agent::work::WorkError;

use crate::error::describe;
use crate::host::{HostError, RemoteClass};

/// Why an exchange had no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    /// No agent answered.
    #[error(transparent)]
    Greeting(#[from] GreetingError),
    /// The stream failed, or what came is not the protocol.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// The request was not wholly sent: nobody acted on it.
    #[error("the request could not be sent")]
    Unsent(#[source] Box<Broken>),
    /// The agent hung up before its answer.
    #[error("the agent hung up")]
    HungUp,
    /// The agent gave no sign of life.
    #[error("no sign of life from the agent for {0} s")]
    Silent(u64),
    /// The agent asked for content that is not in the release.
    #[error("the agent asked for content that is not in the release")]
    Greedy,
    /// The agent answered another question.
    #[error("the agent answered another question")]
    Unasked,
}

impl Broken {
    /// Returns the error for a request that was not wholly sent.
    pub(super) fn unsent(self) -> Self {
        Self::Unsent(Box::new(self))
    }

    /// Tells whether the request cannot have been acted on.
    pub(super) const fn is_before_the_request(&self) -> bool {
        matches!(self, Self::Greeting(_) | Self::Unsent(_))
    }

    /// Returns the error of a host behind such a connection; `aside` is what came on the side.
    pub(super) fn into_host_error(self, aside: &str) -> HostError {
        let unsent = self.is_before_the_request();
        let mut message = describe(&self);
        if !aside.is_empty() {
            message = format!("{message}; on the side the host said: {aside}");
        }
        if unsent { HostError::Unreachable(message) } else { HostError::Lost(message) }
    }
}

/// Returns the error that an agent's failure is here.
pub(super) fn host_error(failure: Failure) -> HostError {
    match failure.tamed() {
        Failure::Moved { live } => WorkError::Moved(live).into(),
        Failure::Unconfirmed { message } => HostError::Unconfirmed(message),
        Failure::Unhealthy { failures } => WorkError::Unhealthy(failures).into(),
        Failure::Site { message, content: Some(_) } => {
            HostError::Remote { class: RemoteClass::Content, message }
        }
        Failure::Request { message } | Failure::Site { message, content: None } => {
            HostError::Remote { class: RemoteClass::Files, message }
        }
        Failure::Command { message } => HostError::Remote { class: RemoteClass::Command, message },
        Failure::Refused { service, role, exit, output } => {
            WorkError::Refused { service, role, exit, output }.into()
        }
    }
}
