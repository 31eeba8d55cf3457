//! A process group: the command and everything it starts.

use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{self, Child, ExitStatus, Stdio};
use std::thread;
use std::time::Instant;

use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};

use super::tail::readable;
use super::{Context, Exit, RunError, environment};

/// A running command that leads its own process group; dropping it kills the group.
pub(super) struct Group {
    leader: Child,
    pid: Pid,
    /// Ends when the leader is gone.
    gone: PipeReader,
    reaped: bool,
}

impl Group {
    /// Starts `argv` and returns its group and the read end of its output.
    pub(super) fn start(
        argv: &[String],
        context: &Context<'_>,
    ) -> Result<(Self, PipeReader), RunError> {
        let program = || argv[0].clone();
        let cannot = |source| RunError::Start { program: program(), source };
        let (output, sink) = io::pipe().map_err(cannot)?;
        let (gone, announce) = io::pipe().map_err(cannot)?;
        let leader = spawn(argv, context, sink).map_err(|source| why(source, argv, context))?;
        let pid = Pid::from_child(&leader);
        let group = Self { leader, pid, gone, reaped: false };
        announce_end(pid, announce)
            .map_err(|source| RunError::Follow { program: program(), source })?;
        Ok((group, output))
    }

    /// Returns what becomes readable when the leader is gone.
    pub(super) fn gone(&self) -> BorrowedFd<'_> {
        self.gone.as_fd()
    }

    /// Returns whether the leader is gone, after waiting for that until `deadline`.
    pub(super) fn wait_until(&self, deadline: Instant) -> io::Result<bool> {
        readable(&[self.gone()], deadline.saturating_duration_since(Instant::now()))
            .map(|ready| ready[0])
    }

    /// Kills every process of the group. Until the leader is reaped no other group can have its
    /// number.
    pub(super) fn kill(&self) {
        if !self.reaped {
            // The only failure is that nobody is left.
            let _ = kill_process_group(self.pid, Signal::KILL);
        }
    }

    /// Returns how the leader ended; it must be gone.
    pub(super) fn reap(&mut self) -> io::Result<Exit> {
        let status = self.leader.wait()?;
        self.reaped = true;
        Ok(exit_of(status))
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        let _ = self.leader.try_wait();
    }
}

fn spawn(argv: &[String], context: &Context<'_>, sink: PipeWriter) -> io::Result<Child> {
    let mut command = process::Command::new(&argv[0]);
    command.args(&argv[1..]).process_group(0).stdin(Stdio::null());
    environment::set(&mut command, context.variables);
    if let Some(directory) = context.directory {
        command.current_dir(directory);
    }
    command.stdout(sink.try_clone()?).stderr(sink);
    command.spawn()
}

fn why(source: io::Error, argv: &[String], context: &Context<'_>) -> RunError {
    let program = argv[0].clone();
    match context.directory {
        Some(directory) if !directory.is_dir() => {
            RunError::Directory { directory: directory.to_owned() }
        }
        _ if source.kind() == io::ErrorKind::NotFound => RunError::NotFound { program },
        _ => RunError::Start { program, source },
    }
}

/// Closes `announce` once `pid` has ended. It is left unreaped, so that its group keeps its number
/// until it has been killed. (A pidfd would do, but the kernels of older hosts have none.)
fn announce_end(pid: Pid, announce: PipeWriter) -> io::Result<()> {
    let wait = move || {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let _ = rustix::io::retry_on_intr(|| waitid(WaitId::Pid(pid), options));
        drop(announce);
    };
    thread::Builder::new().name("wait".to_owned()).spawn(wait).map(drop)
}

fn exit_of(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Code(-1),
    }
}
