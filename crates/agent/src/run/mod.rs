//! Commands, with a time limit and all their children.
//!
//! A command gets a process group of its own, an empty standard input, a small environment and one
//! pipe for both of its outputs. When it is done, or its time is over, the whole group is killed:
//! what it left in the background does not outlive it. Only a process that made a session of its
//! own (a daemon started by its init system) goes on.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, PipeReader};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use windlass_core::command::Command;

mod environment;
mod group;
mod tail;

pub use tail::visible;

use crate::interrupt::Interrupt;
use group::Group;
pub(crate) use tail::readable;
use tail::{Ready, Tail};

/// How long output may still come after the command itself is gone.
const DRAIN: Duration = Duration::from_millis(100);
/// How long a killed command may take to go: one stuck in the kernel is not waited for.
const KILLED: Duration = Duration::from_secs(2);
/// A timeout beyond this is this: the sum with a point in time must not overflow.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3600);

/// Where, with what and for how long a command runs.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The working directory; that of this process if there is none.
    pub directory: Option<&'a Path>,
    /// Environment variables, besides the few that every command gets; `${NAME}` in an argument
    /// list. Never secrets.
    pub variables: &'a BTreeMap<String, String>,
    /// How long it may take before its process group is killed.
    pub timeout: Duration,
    /// Kills it at once when it is raised.
    pub interrupt: Option<&'a Interrupt>,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Exit {
    /// By itself, with this status.
    Code(i32),
    /// By this signal.
    Signal(i32),
    /// Its time was over and it was killed.
    TimedOut,
    /// Nobody waited for it any more, and it was killed.
    Interrupted,
}

impl Exit {
    /// Returns whether the command ended with status 0.
    #[must_use]
    pub const fn is_success(self) -> bool {
        matches!(self, Self::Code(0))
    }
}

impl fmt::Display for Exit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with status {code}"),
            Self::Signal(signal) => write!(f, "was killed by signal {signal}"),
            Self::TimedOut => f.write_str("timed out and was killed"),
            Self::Interrupted => f.write_str("was interrupted and killed"),
        }
    }
}

/// A command that ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finished {
    /// How it ended.
    pub exit: Exit,
    /// The last 64 KiB of what it wrote to standard output and standard error, in the order in
    /// which it was written; control characters other than newline and tab are shown as symbols.
    pub output: String,
    /// Bytes of earlier output that were let go.
    pub omitted: u64,
    /// How long it took.
    pub duration: Duration,
}

/// Why a command did not run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The argument list is empty.
    #[error("the command is empty")]
    Empty,
    /// There is no such program.
    #[error("program `{program}` was not found")]
    NotFound {
        /// The program, as the command names it.
        program: String,
    },
    /// The working directory is not there.
    #[error("working directory {} is not a directory", directory.display())]
    Directory {
        /// The directory.
        directory: PathBuf,
    },
    /// A variable cannot be an environment variable.
    #[error("variable {name:?} cannot be passed to a command: it holds a NUL or its name an `=`")]
    Variable {
        /// Its name; the value is not shown.
        name: String,
    },
    /// The program is there, and could not be started.
    #[error("cannot start program `{program}`")]
    Start {
        /// The program, as the command names it.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Its output or its end could not be followed.
    #[error("lost track of program `{program}`")]
    Follow {
        /// The program, as the command names it.
        program: String,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// Runs `command` and returns how it ended and what it wrote; a non-zero status is no error.
///
/// It returns when the command itself is gone and its output has ended or stood still for a
/// moment: a background process that holds the pipe does not keep it.
///
/// # Errors
/// [`RunError`] when the command could not be started or followed.
pub fn run(command: &Command, context: &Context<'_>) -> Result<Finished, RunError> {
    let argv = command.argv(context.variables);
    let program = argv.first().filter(|word| !word.is_empty()).ok_or(RunError::Empty)?;
    environment::check(context.variables)?;
    let started = Instant::now();
    let (mut group, output) = Group::start(&argv, context)?;
    let until =
        Until { deadline: started + context.timeout.min(LONGEST), interrupt: context.interrupt };
    let (exit, tail) = follow(&mut group, output, &until)
        .map_err(|source| RunError::Follow { program: program.clone(), source })?;
    let (output, omitted) = tail.into_text();
    Ok(Finished { exit, output, omitted, duration: started.elapsed() })
}

/// How long a command is waited for.
struct Until<'a> {
    deadline: Instant,
    interrupt: Option<&'a Interrupt>,
}

/// Why a command is no longer waited for.
#[derive(Clone, Copy)]
enum End {
    Gone,
    Deadline,
    Interrupt,
}

fn follow(group: &mut Group, output: PipeReader, until: &Until<'_>) -> io::Result<(Exit, Tail)> {
    let mut tail = Tail::new(output);
    let end = until_gone(group, &mut tail, until)?;
    if matches!(end, End::Gone) {
        drain(&mut tail)?;
    }
    group.kill();
    drain(&mut tail)?;
    let exit = match end {
        End::Gone => return Ok((group.reap()?, tail)),
        End::Deadline => Exit::TimedOut,
        End::Interrupt => Exit::Interrupted,
    };
    if group.wait_until(Instant::now() + KILLED)? {
        group.reap()?;
    }
    Ok((exit, tail))
}

/// Returns once the command itself is gone, or is not waited for; takes its output meanwhile.
fn until_gone(group: &Group, tail: &mut Tail, until: &Until<'_>) -> io::Result<End> {
    loop {
        let left = until.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Ok(End::Deadline);
        }
        let Ready { output, gone, interrupted } =
            tail.wait(Some(group.gone()), until.interrupt, left)?;
        if output {
            tail.take()?;
        }
        if gone {
            return Ok(End::Gone);
        }
        if interrupted {
            return Ok(End::Interrupt);
        }
    }
}

/// Takes what is left, until the end of the output or for a moment.
fn drain(tail: &mut Tail) -> io::Result<()> {
    let deadline = Instant::now() + DRAIN;
    while tail.is_open() {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() || !tail.wait(None, None, left)?.output {
            break;
        }
        tail.take()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
