//! Projects on disk: found from a directory inside them, loaded whole.

use std::path::{Path, PathBuf};

use windlass_core::config::decode;
use windlass_core::diagnostic::Diagnostic;
use windlass_core::project::Project;

use crate::error::Error;
use crate::host::SshSettings;

/// The name of the project file.
pub const PROJECT_FILE: &str = "windlass.toml";

/// A project file of more bytes than this is refused.
const MAX_PROJECT_FILE: u64 = 4 << 20;

/// A project and the directory that holds it.
#[derive(Debug, Clone)]
pub struct LoadedProject {
    /// The directory of the project file; sources and relative targets start here.
    pub root: PathBuf,
    /// The project file itself.
    pub file: PathBuf,
    /// What the project file says.
    pub project: Project,
}

impl LoadedProject {
    /// Loads the project around `start`: the file itself, or the first `windlass.toml` in that
    /// directory and those above it, up to the root of the git repository where there is one.
    ///
    /// # Errors
    /// [`Error::NoProject`], [`Error::Io`], or [`Error::Invalid`] with all that is wrong in the file.
    pub fn find(start: &Path) -> Result<Self, Error> {
        Self::load(&Self::locate(start)?)
    }

    /// Returns the project file around `start`, as [`find`](Self::find) does, and does not read it.
    ///
    /// # Errors
    /// [`Error::NoProject`], or [`Error::Io`] where `start` cannot be opened.
    pub fn locate(start: &Path) -> Result<PathBuf, Error> {
        let start = start.canonicalize().map_err(Error::io("open", start))?;
        if start.is_file() {
            return Ok(start);
        }
        let mut directory = start.as_path();
        loop {
            let file = directory.join(PROJECT_FILE);
            if file.symlink_metadata().is_ok() {
                return Ok(file);
            }
            match directory.parent() {
                Some(above) if !directory.join(".git").exists() => directory = above,
                _ => return Err(Error::NoProject { start }),
            }
        }
    }

    /// Returns how hosts are reached: `[ssh]`, with paths that start at the project.
    #[must_use]
    pub fn ssh_settings(&self) -> SshSettings {
        let ssh = &self.project.ssh;
        SshSettings {
            config: ssh.config.as_ref().map(|config| self.root.join(&config.value)),
            accept_new: ssh.accept_new,
            connect_timeout: Some(ssh.connect_timeout),
            host_timeout: ssh.host_timeout,
            agent_dir: ssh.agent_dir.clone(),
            becomes: ssh.becomes.clone(),
            become_password_command: ssh.become_password_command.clone(),
        }
    }

    fn load(file: &Path) -> Result<Self, Error> {
        let metadata = std::fs::metadata(file).map_err(Error::io("read", file))?;
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        if !metadata.is_file() || metadata.len() > MAX_PROJECT_FILE {
            let problem = Diagnostic::error("not a regular file of at most 4 MiB").in_file(name);
            return Err(Error::invalid(problem));
        }
        let bytes = std::fs::read(file).map_err(Error::io("read", file))?;
        let text = decode(&name, bytes).map_err(Error::invalid)?;
        let project = Project::parse(&name, &text).map_err(Error::Invalid)?;
        let root = file.parent().unwrap_or(Path::new("/")).to_owned();
        Ok(Self { root, file: file.to_owned(), project })
    }
}
