//! Getting to the host: over TCP, or through a command.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::{ChildStderr, Command};
use tokio::time::{Instant, timeout_at};

use crate::config::{Family, HostConfig};
use crate::error::{Error, Phase};
use crate::options::Options;
use crate::transport::{CommandChild, CommandStream, Through};

/// The most that is kept of what a `ProxyCommand` writes to its standard error.
const LONGEST_MESSAGES: usize = 4096;

/// Returns a TCP connection to the first address of the host that answers.
pub(crate) async fn tcp(config: &HostConfig, limit: Duration) -> Result<TcpStream, Error> {
    let deadline = Instant::now() + limit;
    let late = || timed_out(config, Phase::Connecting, limit);
    let addresses = timeout_at(deadline, addresses(config)).await.map_err(|_| late())??;
    let mut last = None;
    for (index, address) in addresses.iter().enumerate() {
        let left = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        let share = deadline.saturating_duration_since(Instant::now()) / left;
        last = match tokio::time::timeout(share, connect(config, *address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => Some((address, error)),
            Err(_) => Some((address, io::ErrorKind::TimedOut.into())),
        };
    }
    Err(last.map_or_else(late, |(address, error)| unreachable(config, *address, error, limit)))
}

async fn addresses(config: &HostConfig) -> Result<Vec<SocketAddr>, Error> {
    let failed = |source| Error::Lookup {
        host: config.destination.host().to_owned(),
        name: config.host_name.clone(),
        source,
    };
    let found = match config.host_name.parse::<IpAddr>() {
        Ok(address) => vec![SocketAddr::new(address, config.port)],
        Err(_) => tokio::net::lookup_host((config.host_name.as_str(), config.port))
            .await
            .map_err(failed)?
            .collect(),
    };
    let wanted: Vec<_> =
        found.into_iter().filter(|address| is_of(config.family, address)).collect();
    match wanted.is_empty() {
        true => Err(failed(io::Error::other("none of the family that AddressFamily allows"))),
        false => Ok(wanted),
    }
}

const fn is_of(family: Family, address: &SocketAddr) -> bool {
    match family {
        Family::Any => true,
        Family::V4 => address.is_ipv4(),
        Family::V6 => address.is_ipv6(),
    }
}

async fn connect(config: &HostConfig, address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    if let Some(from) = config.bind_address.as_deref().and_then(|text| text.parse().ok()) {
        socket.bind(SocketAddr::new(from, 0))?;
    }
    let stream = socket.connect(address).await?;
    // Without it a request waits for the acknowledgement of the one before it: 40 ms.
    stream.set_nodelay(true)?;
    Ok(stream)
}

fn unreachable(
    config: &HostConfig,
    address: SocketAddr,
    source: io::Error,
    limit: Duration,
) -> Error {
    let host = config.destination.host().to_owned();
    let address = address.to_string();
    match source.kind() {
        io::ErrorKind::TimedOut => timed_out(config, Phase::Connecting, limit),
        io::ErrorKind::ConnectionRefused => Error::Refused { host, address },
        _ => Error::Unreachable { host, address, source },
    }
}

pub(crate) fn timed_out(config: &HostConfig, phase: Phase, after: Duration) -> Error {
    Error::TimedOut { host: config.destination.host().to_owned(), phase, after }
}

/// Returns the input and output of the command that gets to the host, run as `ssh` runs it: by the
/// user's shell, which it replaces.
pub(crate) fn command(
    config: &HostConfig,
    command: &str,
    options: &Options,
) -> Result<(CommandStream, Arc<CommandChild>), Error> {
    let failed = |problem: String| Error::ProxyCommand {
        host: config.destination.host().to_owned(),
        command: command.to_owned(),
        said: problem,
    };
    let mut process = Command::new(&options.shell);
    process.arg("-c").arg(format!("exec {command}")).kill_on_drop(true);
    process.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = process.spawn().map_err(|error| failed(error.to_string()))?;
    let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(failed("it has no input or no output".to_owned()));
    };
    let said = Arc::default();
    if let Some(messages) = child.stderr.take() {
        tokio::spawn(keep(messages, Arc::clone(&said)));
    }
    let child = Arc::new(CommandChild::new(child, said));
    let stream = Through { stream: tokio::io::join(output, input), _kept: Arc::clone(&child) };
    Ok((stream, child))
}

/// Keeps the first bytes that a command writes, and reads the rest so that it never waits.
async fn keep(mut messages: ChildStderr, said: Arc<Mutex<Vec<u8>>>) {
    let mut bytes = [0; 512];
    while let Ok(length @ 1..) = messages.read(&mut bytes).await {
        let mut said = said.lock().unwrap_or_else(PoisonError::into_inner);
        let room = LONGEST_MESSAGES.saturating_sub(said.len());
        said.extend_from_slice(&bytes[..length.min(room)]);
    }
}
