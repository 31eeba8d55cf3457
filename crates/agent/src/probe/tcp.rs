//! A connection that must open.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use super::patience::within;
use super::{ProbeFailure, unhealthy};

/// Returns when a connection to `text`, a port of `target` or `HOST:PORT`, opened within `timeout`.
pub(super) fn probe(text: &str, target: &str, timeout: Duration) -> Result<(), ProbeFailure> {
    let deadline = Instant::now() + timeout;
    let (host, port) = host_and_port(text, target)?;
    let addresses = resolve(host, port, timeout)?;
    let mut failure = unhealthy(format!("host {host} has no address"));
    for address in addresses {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(late(timeout));
        }
        match TcpStream::connect_timeout(&address, left) {
            Ok(_) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => failure = late(timeout),
            Err(error) => failure = unhealthy(error.to_string().to_lowercase()),
        }
    }
    Err(failure)
}

fn late(timeout: Duration) -> ProbeFailure {
    unhealthy(format!("no connection within {timeout:?}"))
}

/// Returns the address that `text` means, for people.
pub(super) fn described(text: &str, target: &str) -> String {
    match host_and_port(text, target) {
        Ok((host, port)) => format!("{}:{port}", bracketed(host)),
        Err(_) => text.to_owned(),
    }
}

/// Returns `host`, in brackets if it is an IPv6 address: what belongs before `:PORT`.
pub(super) fn bracketed(host: &str) -> String {
    match host.parse::<Ipv6Addr>() {
        Ok(_) => format!("[{host}]"),
        Err(_) => host.to_owned(),
    }
}

fn host_and_port<'a>(text: &'a str, target: &'a str) -> Result<(&'a str, u16), ProbeFailure> {
    let (host, port) = text.rsplit_once(':').unwrap_or((target, text));
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    match port.parse::<u16>() {
        Ok(port) if port > 0 && !bare.is_empty() && !port_has_sign(text) => Ok((bare, port)),
        _ => Err(unhealthy(format!("{text:?} is neither a port nor HOST:PORT"))),
    }
}

/// Returns whether the port is written `+80`, which `parse` takes.
fn port_has_sign(text: &str) -> bool {
    text.rsplit(':').next().is_some_and(|port| port.starts_with('+'))
}

/// Resolves with a timeout, which the resolver of the system does not know.
fn resolve(host: &str, port: u16, timeout: Duration) -> Result<Vec<SocketAddr>, ProbeFailure> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let cannot = |error: io::Error| unhealthy(format!("cannot resolve {host}: {error}"));
    let name = (host.to_owned(), port);
    let resolved = within(timeout, move || name.to_socket_addrs().map(Vec::from_iter));
    let resolved = resolved.map_err(cannot)?;
    resolved.ok_or_else(|| unhealthy(format!("cannot resolve {host} in time")))?.map_err(cannot)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_on_the_target_and_a_host_may_be_named() {
        let read = |text| host_and_port(text, "10.0.0.7").map_err(|error| error.message);
        assert_eq!(read("8080"), Ok(("10.0.0.7", 8080)));
        assert_eq!(read("db:5432"), Ok(("db", 5432)));
        assert_eq!(read("[::1]:80"), Ok(("::1", 80)));
        for bad in ["", "0", "http", "db:", ":80", "db:65536", "+80", "db:+80", "-1"] {
            assert!(read(bad).is_err_and(|error| error.contains(&format!("{bad:?}"))), "{bad}");
        }
    }

    #[test]
    fn addresses_of_six_get_brackets() {
        assert_eq!(described("80", "::1"), "[::1]:80");
        assert_eq!(described("80", "host"), "host:80");
        assert_eq!(described("nonsense", "host"), "nonsense");
    }
}
