//! The agents that this program carries: none, unless it was built with `embedded-agent`.

use std::io;

/// An agent in this program.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EmbeddedAgent {
    /// What `uname -m` prints on the hosts that it is for.
    pub(super) machine: &'static str,
    /// How many bytes the program has.
    pub(super) length: usize,
    /// The program, compressed by zstd.
    pub(super) packed: &'static [u8],
}

#[cfg(feature = "embedded-agent")]
include!(concat!(env!("OUT_DIR"), "/embedded_agents.rs"));

/// All of them.
#[cfg(not(feature = "embedded-agent"))]
pub(super) const ALL: &[EmbeddedAgent] = &[];

impl EmbeddedAgent {
    /// Returns the program.
    pub(super) fn unpack(&self) -> io::Result<Vec<u8>> {
        let program = zstd::bulk::decompress(self.packed, self.length)?;
        if program.len() == self.length {
            Ok(program)
        } else {
            Err(io::Error::new(io::ErrorKind::InvalidData, "it is shorter than it was"))
        }
    }
}
