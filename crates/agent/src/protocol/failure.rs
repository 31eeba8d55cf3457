//! Errors that cross the wire: what they say, and what they mean for the target.

use serde::{Deserialize, Serialize};
use windlass_core::digest::Digest;
use windlass_core::event::CommandRole;
use windlass_core::name::ServiceName;
use windlass_core::release::ReleaseId;

use crate::run::{Exit, visible};
use crate::site::SiteError;
use crate::work::WorkError;

/// How many characters of a message are taken over from the other side.
const MOST_MESSAGE: usize = 64 << 10;

/// Why an agent did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "class", rename_all = "snake_case")]
pub enum Failure {
    /// It did not understand, and did nothing.
    Request {
        /// Why not.
        message: String,
    },
    /// Files could not be inspected, staged or switched ([`WorkError::Site`]).
    Site {
        /// Why not.
        message: String,
        /// The content that came and was not what it should be.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content: Option<Digest>,
    },
    /// Somebody else moved the target ([`WorkError::Moved`]).
    Moved {
        /// What it holds.
        live: Option<ReleaseId>,
    },
    /// A command could not be started ([`WorkError::Command`]).
    Command {
        /// Which, and why not.
        message: String,
    },
    /// A command ended badly ([`WorkError::Refused`]). All that is kept of what it printed crosses:
    /// an excerpt could cut through a secret that only the other side knows.
    Refused {
        /// Whose command.
        service: ServiceName,
        /// Which command.
        role: CommandRole,
        /// How it ended.
        exit: Exit,
        /// The end of what it printed.
        output: String,
    },
    /// A service did not become healthy ([`WorkError::Unhealthy`]).
    Unhealthy {
        /// What each check found.
        failures: Vec<String>,
    },
    /// There is nothing to confirm any more ([`WorkError::WentBack`], [`WorkError::NotArmed`]).
    Unconfirmed {
        /// Why not.
        message: String,
    },
}

impl From<&WorkError> for Failure {
    fn from(error: &WorkError) -> Self {
        match error {
            WorkError::Site(site) => {
                Self::Site { message: describe(error), content: content_of(site) }
            }
            WorkError::Moved(live) => Self::Moved { live: *live },
            WorkError::Command { .. } => Self::Command { message: describe(error) },
            WorkError::Refused { service, role, exit, output } => Self::Refused {
                service: service.clone(),
                role: *role,
                exit: *exit,
                output: output.clone(),
            },
            WorkError::Unhealthy(failures) => Self::Unhealthy { failures: failures.clone() },
            WorkError::Guard(_) | WorkError::SameConnection => {
                Self::Site { message: describe(error), content: None }
            }
            WorkError::WentBack(_) | WorkError::NotArmed => {
                Self::Unconfirmed { message: describe(error) }
            }
        }
    }
}

impl Failure {
    /// Returns the failure with its text made harmless for terminals and of bearable length.
    #[must_use]
    pub fn tamed(self) -> Self {
        match self {
            Self::Request { message } => Self::Request { message: tame(&message) },
            Self::Site { message, content } => Self::Site { message: tame(&message), content },
            Self::Moved { live } => Self::Moved { live },
            Self::Unconfirmed { message } => Self::Unconfirmed { message: tame(&message) },
            Self::Command { message } => Self::Command { message: tame(&message) },
            Self::Refused { service, role, exit, output } => {
                Self::Refused { service, role, exit, output: tame(&output) }
            }
            Self::Unhealthy { failures } => {
                Self::Unhealthy { failures: failures.iter().map(|failure| tame(failure)).collect() }
            }
        }
    }
}

fn tame(text: &str) -> String {
    visible(&text.chars().take(MOST_MESSAGE).collect::<String>())
}

const fn content_of(error: &SiteError) -> Option<Digest> {
    match error {
        SiteError::Content { expected, .. } => Some(*expected),
        _ => None,
    }
}

/// Returns an error and its causes in one line.
#[must_use]
pub fn describe(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        if !text.ends_with(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
