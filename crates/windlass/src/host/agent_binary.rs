//! Where the agent's binary is on the operator's machine.

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Names the binary to use, whatever else there is.
const VARIABLE: &str = "WINDLASS_AGENT";

const NAME: &str = "windlass-agent";

/// The bytes of an ELF header up to and with the machine.
const HEAD: usize = 20;

/// The machines of ELF that agents are built for, as `uname -m` names them: `EM_X86_64`,
/// `EM_AARCH64`.
const MACHINES: [(u16, &str); 2] = [(62, "x86_64"), (183, "aarch64")];

/// The binary of an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentBinary {
    path: PathBuf,
    machine: &'static str,
}

/// Why there is no agent to send.
#[derive(Debug, thiserror::Error)]
pub enum AgentBinaryError {
    /// There is none for the host.
    #[error("no agent for {machine} was found: looked for {}", looked_for.join(", "))]
    Missing {
        /// The host's machine.
        machine: String,
        /// Where it could have been.
        looked_for: Vec<String>,
    },
    /// The file is something else.
    #[error("{} is no agent: {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

impl AgentBinary {
    /// Returns the agent for hosts whose machine is `machine`, as `uname -m` prints it: the file
    /// that `$WINDLASS_AGENT` names, or `windlass-agent-MACHINE` or `windlass-agent` beside this
    /// program.
    ///
    /// # Errors
    /// When there is none, or it is for another machine.
    pub fn find(machine: &str) -> Result<Self, AgentBinaryError> {
        let beside = env::current_exe().ok();
        let beside = beside.as_deref().and_then(Path::parent);
        Self::find_in(machine, env::var_os(VARIABLE).as_deref(), beside)
    }

    fn find_in(
        machine: &str,
        named: Option<&OsStr>,
        beside: Option<&Path>,
    ) -> Result<Self, AgentBinaryError> {
        if let Some(named) = named.filter(|named| !named.is_empty()) {
            return Self::open(PathBuf::from(named))?.made_for(machine);
        }
        let names = [format!("{NAME}-{machine}"), NAME.to_owned()];
        let candidates: Vec<_> =
            beside.into_iter().flat_map(|dir| names.iter().map(|name| dir.join(name))).collect();
        for path in candidates.iter().filter(|path| path.is_file()) {
            let agent = Self::open(path.clone())?;
            if agent.machine == machine {
                return Ok(agent);
            }
        }
        let looked_for = candidates.iter().map(|path| path.display().to_string());
        let looked_for = looked_for.chain([format!("${VARIABLE}")]).collect();
        Err(AgentBinaryError::Missing { machine: machine.to_owned(), looked_for })
    }

    /// Returns the agent in the file at `path`.
    ///
    /// # Errors
    /// When it is no program of a machine that agents are built for.
    pub fn open(path: PathBuf) -> Result<Self, AgentBinaryError> {
        let failed = |source| AgentBinaryError::Io { path: path.clone(), source };
        let mut head = Vec::new();
        let file = File::open(&path).map_err(failed)?;
        file.take(HEAD as u64).read_to_end(&mut head).map_err(failed)?;
        match machine_of(&head) {
            Some(machine) => Ok(Self { path, machine }),
            None => {
                let reason = "it is no 64-bit ELF program of a machine that agents are built for";
                Err(AgentBinaryError::Unusable { path, reason: reason.to_owned() })
            }
        }
    }

    fn made_for(self, machine: &str) -> Result<Self, AgentBinaryError> {
        if self.machine == machine {
            return Ok(self);
        }
        let reason = format!("it is for {}, and the host is {machine}", self.machine);
        Err(AgentBinaryError::Unusable { path: self.path, reason })
    }

    /// Returns where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns what `uname -m` prints on the hosts that it is for.
    #[must_use]
    pub const fn machine(&self) -> &'static str {
        self.machine
    }

    /// Returns its bytes.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn read(&self) -> Result<Vec<u8>, AgentBinaryError> {
        let failed = |source| AgentBinaryError::Io { path: self.path.clone(), source };
        std::fs::read(&self.path).map_err(failed)
    }
}

/// Returns the machine of a little-endian 64-bit ELF program that begins with `head`.
fn machine_of(head: &[u8]) -> Option<&'static str> {
    let head: &[u8; HEAD] = head.first_chunk()?;
    if head[..6] != *b"\x7fELF\x02\x01" {
        return None;
    }
    let machine = u16::from_le_bytes([head[18], head[19]]);
    MACHINES.iter().find(|(number, _)| *number == machine).map(|(_, name)| *name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn elf(machine: u16) -> Vec<u8> {
        let mut head = b"\x7fELF\x02\x01".to_vec();
        head.resize(18, 0);
        head.extend(machine.to_le_bytes());
        head
    }

    #[test]
    fn the_agent_beside_the_program_is_found_for_its_machine() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join(NAME), elf(62)).expect("written");
        let find = |machine| AgentBinary::find_in(machine, None, Some(dir.path()));
        assert_eq!(find("x86_64").expect("there").path(), dir.path().join(NAME));
        let missing = find("aarch64").expect_err("none for this machine").to_string();
        assert!(missing.contains("windlass-agent-aarch64"), "{missing}");
        assert!(missing.contains("$WINDLASS_AGENT"), "{missing}");
        std::fs::write(dir.path().join("windlass-agent-aarch64"), elf(183)).expect("written");
        assert_eq!(find("aarch64").expect("there").machine(), "aarch64");
    }

    #[test]
    fn the_agent_that_is_named_is_used_or_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("mine");
        let find = |machine| AgentBinary::find_in(machine, Some(path.as_os_str()), None);
        assert!(matches!(find("x86_64"), Err(AgentBinaryError::Io { .. })));
        std::fs::write(&path, "#!/bin/sh\n").expect("written");
        assert!(matches!(find("x86_64"), Err(AgentBinaryError::Unusable { .. })));
        std::fs::write(&path, elf(62)).expect("written");
        assert_eq!(find("x86_64").expect("there").read().expect("read"), elf(62));
        let other = find("aarch64").expect_err("another machine").to_string();
        assert!(other.ends_with("it is for x86_64, and the host is aarch64"), "{other}");
    }
}
