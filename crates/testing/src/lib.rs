//! What tests need: projects in temporary directories, the real binary with a clean environment,
//! trees of files to compare, OpenSSH's server, a proxy that fails, the agent, secrets to look for, and random changes that
//! can be repeated.
//!
//! Everything here panics where a test would have to: the message names the path or the command, and
//! the place is the test's own.

mod agent;
mod canaries;
mod project;
mod proxy;
mod random;
mod sshd;
mod tree;
mod windlass;

pub use agent::agent_binary;
pub use canaries::{Canaries, Found, Search};
pub use project::TestProject;
pub use proxy::{Direction, Fault, FaultPoint, Proxy};
pub use random::SplitMix64;
pub use sshd::{Sshd, SshdOptions, generate_key};
pub use tree::{Tree, assert_same_tree};
pub use windlass::{Output, Windlass};
