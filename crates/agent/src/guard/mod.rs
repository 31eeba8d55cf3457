//! The dead man's switch: a site goes back by itself unless somebody confirms in time.
//!
//! Before anything is switched there is a record on the disk that says what to go back to and when
//! (`site/armed.rs`), a process of its own session that watches it, and something that starts a watcher
//! after a restart of the host. Whoever locks a site whose time is over takes it back first, so that a
//! host without any of those is taken back by its next contact.
//!
//! | read | for |
//! |---|---|
//! | [`Guard`] | arming: the list of armed sites, the watcher, the boot hook |
//! | [`watch`](watch()) | what a watcher does |
//! | [`BootPlaces`] | what starts it after a restart |
//! | [`clock`] | deadlines that hold over a restart |

mod boot;
pub mod clock;
mod registry;
mod watch;

use std::env;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use serde::{Deserialize, Serialize};

pub use boot::{BootPlaces, Hook};
pub use watch::{watch, watch_all};

use crate::run::readable;
use crate::site::Site;

/// What a watcher says when it watches.
pub const WATCHING: &[u8] = b"watching\n";

/// How long a watcher is waited for.
const STARTING: Duration = Duration::from_secs(60);

/// How a deployment is to be confirmed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arm {
    /// What tells this revert from others; who confirms has to know it.
    pub nonce: String,
    /// How long somebody has to confirm, in milliseconds.
    pub confirm_ms: u64,
}

/// Why a site could not be armed; nothing was switched.
#[derive(Debug, thiserror::Error)]
pub enum GuardError {
    /// The list of armed sites cannot be written.
    #[error("cannot write down in {} that the target is armed", path.display())]
    Registry {
        /// The directory of the list.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// What starts the agent after a restart cannot be installed.
    #[error("cannot have the host look at its armed targets after a restart")]
    Boot(#[source] io::Error),
    /// The watcher did not start.
    #[error("the process that would take the target back cannot be started")]
    Watcher(#[source] io::Error),
}

/// What arms the sites of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// The agent, to be started as a watcher.
    pub program: PathBuf,
    /// The agent, as it is found after a restart.
    pub installed: PathBuf,
    /// Where the list of armed sites is.
    pub state: PathBuf,
    /// What starts the agent after a restart.
    pub boot: BootPlaces,
}

impl Guard {
    /// Returns what arms sites with this program, as this user.
    ///
    /// # Errors
    /// When the program does not know where it is.
    pub fn here() -> io::Result<Self> {
        let installed = env::current_exe()?;
        // What runs is what watches, also where its file was replaced or removed meanwhile.
        let program = PathBuf::from("/proc/self/exe");
        Ok(Self { program, installed, state: state_directory(), boot: BootPlaces::default() })
    }

    /// Makes all ready for arming `site` but its record, and returns what looks after it when the host
    /// restarts.
    pub(crate) fn prepare(&self, site: &Site) -> Result<Option<Hook>, GuardError> {
        let failed = |source| GuardError::Registry { path: self.state.clone(), source };
        registry::add(&self.state, site).map_err(failed)?;
        self.boot.install(&self.installed, &self.state).map_err(GuardError::Boot)
    }

    /// Forgets that `site` was armed.
    pub(crate) fn forget_site(&self, site: &Site) {
        registry::remove(&self.state, site);
    }

    /// Starts the watcher of `site`, and returns once it watches. It lives in a session of its own and
    /// has no stream of this process.
    pub(crate) fn start_watcher(&self, site: &Site) -> Result<(), GuardError> {
        let mut command = Command::new(&self.program);
        command.arg("watch").arg(site.root()).arg(site.config_path());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(GuardError::Watcher)?;
        if let Err(error) = await_word(&mut child) {
            // It has nothing that could be lost.
            let _ = child.kill();
            let _ = child.wait();
            return Err(GuardError::Watcher(error));
        }
        let reap = move || drop(child.wait());
        thread::Builder::new()
            .name("watcher".to_owned())
            .spawn(reap)
            .map_err(GuardError::Watcher)?;
        Ok(())
    }

    /// Removes what the host keeps for arming, and returns what that was.
    ///
    /// # Errors
    /// When a site is armed just now, or the system refuses.
    pub fn forget(&self) -> io::Result<Vec<String>> {
        let armed = registry::sites(&self.state);
        let armed = armed.iter().find(|site| !matches!(site.armed(), Ok(None)));
        if let Some(site) = armed {
            let site = site.config_dir();
            let text = format!("{} waits to be confirmed: try again later", site.display());
            return Err(io::Error::other(text));
        }
        let mut removed = self.boot.remove()?;
        match std::fs::remove_dir_all(&self.state) {
            Ok(()) => removed.push(self.state.display().to_string()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        Ok(removed)
    }
}

/// Returns once the watcher says that it watches.
fn await_word(child: &mut Child) -> io::Result<()> {
    let output = child.stdout.take().ok_or_else(|| io::Error::other("it has no output"))?;
    let mut output = File::from(output.as_fd().try_clone_to_owned()?);
    let mut said = Vec::new();
    while said != WATCHING {
        if !readable(&[output.as_fd()], STARTING)?.contains(&true) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "it said nothing"));
        }
        let mut byte = [0];
        if output.read(&mut byte)? == 0 || said.len() > WATCHING.len() {
            return Err(io::Error::other("it ended before it watched"));
        }
        said.extend(byte);
    }
    Ok(())
}

/// Returns where a user's programs keep their state, as the XDG base directories have it.
fn state_directory() -> PathBuf {
    let absolute = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let home = || absolute("HOME").map(|home| home.join(".local/state"));
    match absolute("XDG_STATE_HOME").or_else(home) {
        Some(base) => base.join("windlass"),
        None => format!("/var/tmp/windlass-state-{}", rustix::process::geteuid().as_raw()).into(),
    }
}
