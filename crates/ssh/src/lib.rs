//! An SSH client that goes where `ssh` goes: it takes the user's configuration, keys, agent and
//! known hosts as `ssh` does, asks nobody anything, and runs commands.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use windlass_ssh::{Client, Options};
//!
//! let client = Client::new(Options::from_env());
//! let connection = client.connect(&"ssh://deploy@web-1:2222".parse()?).await?;
//! let finished = connection.exec("uname -r").await?.finish(4096).await?;
//! assert!(finished.status.is_success());
//! # Ok(())
//! # }
//! ```
//!
//! | read | for |
//! |---|---|
//! | [`Destination`] | what an address may be |
//! | [`Options`] | what the caller decides |
//! | [`HostConfig`] | what the ssh configuration says about a host |
//! | [`Client`] | configuration, known hosts, keys and jump hosts, shared by a run |
//! | [`Connection`], [`Exec`] | commands on a host |
//! | [`known_hosts`] | whether a host is who it says it is |
//! | [`Error`] | all that can go wrong, by [`Class`] |
//!
//! What it does not do, on purpose: passwords and conversations, forwarding of agents, ports and
//! displays, and terminals.

mod agent;
mod algorithms;
mod auth;
mod client;
mod config;
mod connection;
mod destination;
mod dial;
mod error;
mod exec;
mod handler;
mod identity;
mod keys;
pub mod known_hosts;
mod options;
mod transport;

pub use auth::Tried;
pub use client::Client;
pub use config::{Algorithms, ConfigError, Family, HostConfig, Route};
pub use connection::Connection;
pub use destination::{Destination, DestinationError};
pub use error::{AuthenticationError, Class, Error, HostKeyError, Phase};
pub use exec::{Exec, Exit, ExitStatus, Finished, Input, Output};
pub use options::{HostKeyPolicy, Keepalive, Options, Retry};
