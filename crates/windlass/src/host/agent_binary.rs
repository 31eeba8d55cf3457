//! Where the agent's binary is on the operator's machine: in a file, or in this program itself.

use std::env;
use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use windlass_core::digest::Digest;

use super::embedded_agents::{self, EmbeddedAgent};
use crate::durable;

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
    source: Source,
    machine: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    File(PathBuf),
    Embedded(&'static EmbeddedAgent),
}

/// Where an agent may be.
struct Places<'a> {
    /// What `$WINDLASS_AGENT` says.
    named: Option<&'a OsStr>,
    /// What this program carries.
    embedded: &'static [EmbeddedAgent],
    /// The directory of this program.
    beside: Option<&'a Path>,
}

/// Why there is no agent to send.
#[derive(Debug, thiserror::Error)]
pub enum AgentBinaryError {
    /// There is none for the host.
    #[error("no agent for {machine} was found: {}; looked for {}", carries(.carried), looked_for.join(", "))]
    Missing {
        /// The host's machine.
        machine: String,
        /// The machines that this program carries agents for.
        carried: Vec<&'static str>,
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
    /// What this program carries cannot be unpacked: the program is damaged.
    #[error("the agent for {machine} that this program carries is damaged")]
    Damaged {
        /// The machine that it is for.
        machine: &'static str,
        /// What is wrong.
        #[source]
        source: io::Error,
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
    /// that `$WINDLASS_AGENT` names, or what this program carries, or `windlass-agent-MACHINE` or
    /// `windlass-agent` beside this program.
    ///
    /// # Errors
    /// When there is none, or it is for another machine.
    pub fn find(machine: &str) -> Result<Self, AgentBinaryError> {
        let beside = env::current_exe().ok();
        let named = env::var_os(VARIABLE);
        let places = Places {
            named: named.as_deref().filter(|named| !named.is_empty()),
            embedded: embedded_agents::ALL,
            beside: beside.as_deref().and_then(Path::parent),
        };
        Self::find_in(machine, &places)
    }

    fn find_in(machine: &str, places: &Places<'_>) -> Result<Self, AgentBinaryError> {
        if let Some(named) = places.named {
            return Self::open(PathBuf::from(named))?.made_for(machine);
        }
        if let Some(agent) = places.embedded.iter().find(|agent| agent.machine == machine) {
            return Ok(Self { machine: agent.machine, source: Source::Embedded(agent) });
        }
        let candidates = places.files(machine);
        for path in candidates.iter().filter(|path| path.is_file()) {
            let agent = Self::open(path.clone())?;
            if agent.machine == machine {
                return Ok(agent);
            }
        }
        let looked_for = candidates.iter().map(|path| path.display().to_string());
        let looked_for = looked_for.chain([format!("${VARIABLE}")]).collect();
        let carried = places.embedded.iter().map(|agent| agent.machine).collect();
        Err(AgentBinaryError::Missing { machine: machine.to_owned(), carried, looked_for })
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
            Some(machine) => Ok(Self { source: Source::File(path), machine }),
            None => {
                let reason = "it is no 64-bit ELF program of a machine that agents are built for";
                Err(AgentBinaryError::Unusable { path, reason: reason.to_owned() })
            }
        }
    }

    fn made_for(self, machine: &str) -> Result<Self, AgentBinaryError> {
        let Source::File(path) = &self.source else { return Ok(self) };
        if self.machine == machine {
            return Ok(self);
        }
        let reason = format!("it is for {}, and the host is {machine}", self.machine);
        Err(AgentBinaryError::Unusable { path: path.clone(), reason })
    }

    /// Returns where it is, unless this program carries it.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match &self.source {
            Source::File(path) => Some(path),
            Source::Embedded(_) => None,
        }
    }

    /// Returns a file that it can be started from on this machine: where it is, or one in the user's
    /// cache that what this program carries is unpacked to.
    ///
    /// # Errors
    /// When it cannot be read, or unpacked there.
    pub fn to_file(&self) -> Result<PathBuf, AgentBinaryError> {
        match &self.source {
            Source::File(path) => Ok(path.clone()),
            Source::Embedded(_) => {
                let bytes = self.read()?;
                let path = cache().join(format!("agent-{}", Digest::of(&bytes)));
                let unpacked = unpack(&path, &bytes);
                unpacked.map_err(|source| AgentBinaryError::Io { path: path.clone(), source })?;
                Ok(path)
            }
        }
    }

    /// Returns what `uname -m` prints on the hosts that it is for.
    #[must_use]
    pub const fn machine(&self) -> &'static str {
        self.machine
    }

    /// Returns its bytes.
    ///
    /// # Errors
    /// When the file cannot be read, or what this program carries is damaged.
    pub fn read(&self) -> Result<Vec<u8>, AgentBinaryError> {
        match &self.source {
            Source::File(path) => std::fs::read(path)
                .map_err(|source| AgentBinaryError::Io { path: path.clone(), source }),
            Source::Embedded(agent) => agent
                .unpack()
                .map_err(|source| AgentBinaryError::Damaged { machine: agent.machine, source }),
        }
    }
}

impl Places<'_> {
    fn files(&self, machine: &str) -> Vec<PathBuf> {
        let names = [format!("{NAME}-{machine}"), NAME.to_owned()];
        self.beside.into_iter().flat_map(|dir| names.iter().map(|name| dir.join(name))).collect()
    }
}

/// Returns the directory for what can be made again.
fn cache() -> PathBuf {
    let said = |name| env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let cache = said("XDG_CACHE_HOME").or_else(|| Some(said("HOME")?.join(".cache")));
    cache.unwrap_or_else(env::temp_dir).join("windlass")
}

/// Makes `path` a program that only its owner can change, unless it is there as it should be.
fn unpack(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if std::fs::read(path).is_ok_and(|there| there == bytes) {
        return Ok(());
    }
    let dir = path.parent().unwrap_or(Path::new("."));
    durable::create_dir(dir)?;
    let private = std::fs::Permissions::from_mode(0o700);
    let mut file = tempfile::Builder::new().permissions(private).tempfile_in(dir)?;
    file.write_all(bytes)?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

fn carries(machines: &[&str]) -> String {
    match machines {
        [] => "this windlass carries none".to_owned(),
        machines => format!("this windlass carries those for {}", machines.join(" and ")),
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
    fn what_is_unpacked_is_a_private_program_and_mended_when_it_was_changed() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("windlass/agent");
        for _ in 0..2 {
            unpack(&path, b"program").expect("unpacked");
            let mode = std::fs::metadata(&path).expect("there").permissions().mode();
            assert_eq!(
                (std::fs::read(&path).expect("read"), mode & 0o777),
                (b"program".to_vec(), 0o700)
            );
            std::fs::write(&path, "another").expect("changed");
        }
    }

    #[test]
    fn the_agent_beside_the_program_is_found_for_its_machine() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join(NAME), elf(62)).expect("written");
        let places = Places { named: None, embedded: &[], beside: Some(dir.path()) };
        let find = |machine| AgentBinary::find_in(machine, &places);
        let beside = dir.path().join(NAME);
        assert_eq!(find("x86_64").expect("there").path(), Some(beside.as_path()));
        let missing = find("aarch64").expect_err("none for this machine").to_string();
        assert!(missing.contains("windlass-agent-aarch64"), "{missing}");
        assert!(missing.contains("$WINDLASS_AGENT"), "{missing}");
        std::fs::write(dir.path().join("windlass-agent-aarch64"), elf(183)).expect("written");
        assert_eq!(find("aarch64").expect("there").machine(), "aarch64");
    }

    /// `zstd -c <<<agent`, without its line break.
    const PACKED: &[u8] =
        &[0x28, 0xb5, 0x2f, 0xfd, 0x20, 5, 0x29, 0, 0, b'a', b'g', b'e', b'n', b't'];
    const CARRIED: &[EmbeddedAgent] =
        &[EmbeddedAgent { machine: "x86_64", length: 5, packed: PACKED }];

    #[test]
    fn what_is_carried_goes_before_what_is_beside() {
        let dir = tempfile::tempdir().expect("a directory");
        std::fs::write(dir.path().join(NAME), elf(62)).expect("written");
        let places = Places { named: None, embedded: CARRIED, beside: Some(dir.path()) };
        let agent = AgentBinary::find_in("x86_64", &places).expect("carried");
        assert_eq!((agent.path(), agent.machine()), (None, "x86_64"));
        assert_eq!(agent.read().expect("whole"), b"agent");
        let missing = AgentBinary::find_in("riscv64", &places).expect_err("none").to_string();
        assert!(missing.contains("this windlass carries those for x86_64"), "{missing}");
        std::fs::write(dir.path().join("windlass-agent-aarch64"), elf(183)).expect("written");
        assert!(AgentBinary::find_in("aarch64", &places).expect("beside").path().is_some());
    }

    #[test]
    fn what_is_carried_and_damaged_is_an_error() {
        for (length, packed) in [(5, &PACKED[..8]), (4, PACKED), (6, PACKED)] {
            let agents = Box::leak(Box::new([EmbeddedAgent { machine: "x86_64", length, packed }]));
            let places = Places { named: None, embedded: agents, beside: None };
            let agent = AgentBinary::find_in("x86_64", &places).expect("carried");
            assert!(matches!(agent.read(), Err(AgentBinaryError::Damaged { .. })), "{length}");
        }
    }

    #[test]
    fn the_agent_that_is_named_is_used_or_refused() {
        let dir = tempfile::tempdir().expect("a directory");
        let path = dir.path().join("mine");
        let places = Places { named: Some(path.as_os_str()), embedded: CARRIED, beside: None };
        let find = |machine| AgentBinary::find_in(machine, &places);
        assert!(matches!(find("x86_64"), Err(AgentBinaryError::Io { .. })));
        std::fs::write(&path, "#!/bin/sh\n").expect("written");
        assert!(matches!(find("x86_64"), Err(AgentBinaryError::Unusable { .. })));
        std::fs::write(&path, elf(62)).expect("written");
        assert_eq!(find("x86_64").expect("there").read().expect("read"), elf(62));
        let other = find("aarch64").expect_err("another machine").to_string();
        assert!(other.ends_with("it is for x86_64, and the host is aarch64"), "{other}");
    }
}
