//! URLs of configuration layers.

use std::net::{Ipv4Addr, Ipv6Addr};

/// Why a URL is no source of configuration. It never quotes the URL, which may hold a password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidUrl {
    /// It starts with neither `https://` nor `http://`.
    #[error("is no `https://` URL")]
    Scheme,
    /// A blank, a control character or a backslash.
    #[error("contains a space, a control character or a backslash")]
    Character,
    /// `user:password@`.
    #[error("contains a user name or a password")]
    Credentials,
    /// Nothing where the host belongs.
    #[error("names no host")]
    NoHost,
    /// Something else than digits after the colon, or too large a number.
    #[error("has a port that is not from 1 to 65535")]
    Port,
    /// `http://` to another host.
    #[error("sends configuration over plain `http://`")]
    Plain,
}

impl InvalidUrl {
    /// Returns what to do about it.
    #[must_use]
    pub fn hint(self) -> Option<&'static str> {
        match self {
            Self::Credentials => Some("remove them: project files are for everyone to read"),
            Self::Plain => Some("write `https://`, or add `allow_http = true`"),
            Self::Scheme | Self::Character | Self::NoHost | Self::Port => None,
        }
    }
}

/// Checks that `url` is an `https://` one, or an `http://` one of this machine or where `allow_http`
/// allows any. What variables made of a URL must be checked again.
///
/// # Errors
/// [`InvalidUrl`] says which rule it breaks.
pub fn check_url(url: &str, allow_http: bool) -> Result<(), InvalidUrl> {
    if url.chars().any(|c| c.is_control() || c.is_whitespace() || c == '\\') {
        return Err(InvalidUrl::Character);
    }
    let (scheme, rest) = url.split_once("://").ok_or(InvalidUrl::Scheme)?;
    if !matches!(scheme, "http" | "https") {
        return Err(InvalidUrl::Scheme);
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if authority.contains('@') {
        return Err(InvalidUrl::Credentials);
    }
    let (host, port) = split_port(authority);
    if host.is_empty() {
        return Err(InvalidUrl::NoHost);
    }
    if !port.is_none_or(is_port) {
        return Err(InvalidUrl::Port);
    }
    if scheme == "http" && !allow_http && !is_loopback(host) {
        return Err(InvalidUrl::Plain);
    }
    Ok(())
}

/// Returns the path of `url`, without what is asked of it.
pub(super) fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let whole = rest.split(['?', '#']).next().unwrap_or_default();
    whole.split_once('/').map_or("", |(_, path)| path)
}

/// Returns host and port; the colons in brackets and in `${…}` separate nothing.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    let after = authority.rfind([']', '}']).unwrap_or(0);
    let colon = authority[after..].rfind(':').map(|at| after + at);
    // A port may be a variable itself: `host:${PORT}`.
    let colon = colon.or_else(|| authority.rfind(":${"));
    colon.map_or((authority, None), |at| (&authority[..at], Some(&authority[at + 1..])))
}

fn is_port(text: &str) -> bool {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    (text.starts_with("${") && text.ends_with('}'))
        || (digits && text.parse::<u16>().is_ok_and(|port| port != 0))
}

fn is_loopback(host: &str) -> bool {
    let v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    match v6 {
        Some(v6) => v6.parse::<Ipv6Addr>().is_ok_and(|address| address.is_loopback()),
        None => {
            host.eq_ignore_ascii_case("localhost")
                || host.parse::<Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_that_are_sources() {
        for good in [
            "https://config.example.com/shop.yaml?x=a@b",
            "https://[2001:db8::1]:8443/x",
            "https://${HOST}:${PORT}/${ENVIRONMENT}.yaml",
            "http://localhost:8080/x",
            "http://127.1.2.3/x",
            "http://[::1]/x",
        ] {
            assert_eq!(check_url(good, false), Ok(()), "{good}");
        }
        assert_eq!(check_url("http://config.internal/x", true), Ok(()));
    }

    #[test]
    fn urls_that_are_none() {
        for (bad, fault) in [
            ("x", InvalidUrl::Scheme),
            ("ftp://x/", InvalidUrl::Scheme),
            ("HTTPS://x/", InvalidUrl::Scheme),
            ("https://x/a b", InvalidUrl::Character),
            ("https://x/\r\nHost: y", InvalidUrl::Character),
            ("https://x\\@y/", InvalidUrl::Character),
            ("https://user:hunter2@x/", InvalidUrl::Credentials),
            ("https://token@x", InvalidUrl::Credentials),
            ("https:///x", InvalidUrl::NoHost),
            ("https://:80/x", InvalidUrl::NoHost),
            ("https://x:0/", InvalidUrl::Port),
            ("https://x:65536/", InvalidUrl::Port),
            ("https://x:/", InvalidUrl::Port),
            ("http://x/", InvalidUrl::Plain),
            ("http://${HOST}/", InvalidUrl::Plain),
            ("http://localhost.example.com/", InvalidUrl::Plain),
            ("http://127.0.0.1.example.com/", InvalidUrl::Plain),
            ("http://[2001:db8::1]/", InvalidUrl::Plain),
        ] {
            assert_eq!(check_url(bad, false), Err(fault), "{bad}");
        }
    }

    #[test]
    fn paths_are_without_queries() {
        assert_eq!(path("https://x/a/b.yaml?c=d.json#e"), "a/b.yaml");
        assert_eq!(path("https://x.yaml"), "");
    }
}
