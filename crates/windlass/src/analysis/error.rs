//! Why there are no numbers.

use std::time::Duration;

use windlass_agent::run::{Exit, RunError};
use windlass_core::analysis::InvalidReading;
use windlass_core::prometheus::InvalidAnswer;

/// Why a source has no numbers. It quotes no URL, which may hold a password.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    /// There was no full answer in time.
    #[error("gave no full answer within {0:?}")]
    Timeout(Duration),
    /// The server answered with another status than 200.
    #[error("answered with status {0}")]
    Status(u16),
    /// The answer does not end, or is far too long.
    #[error("answered with more than {0} bytes")]
    TooLarge(usize),
    /// The server could not be asked.
    #[error("cannot be asked: {0}")]
    Unreachable(String),
    /// Prometheus did not answer as it does, or not to this query.
    #[error(transparent)]
    Prometheus(#[from] InvalidAnswer),
    /// What was said are no numbers.
    #[error("what it says {0}")]
    Reading(#[from] InvalidReading),
    /// The command could not be run.
    #[error("command failed")]
    Run(#[from] RunError),
    /// The command ended badly.
    #[error("command {exit}{said}")]
    Command {
        /// How it ended.
        exit: Exit,
        /// `: ` and the last line of what it printed, or nothing.
        said: String,
    },
}
