//! What stands where a host is named: a name or a range of names, and perhaps a port.

use std::net::Ipv6Addr;
use std::ops::Range;

use super::range::{HostRange, InvalidRange};

/// The longest name of a host in an inventory, in bytes.
const LONGEST: usize = 255;

/// The hosts that an entry names, and the port that they share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HostPattern {
    /// Their names.
    pub(super) names: HostRange,
    /// The port behind them.
    pub(super) port: Option<u16>,
}

/// Why an entry names no hosts.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidHost {
    #[error("`---` begins a YAML document, and this is an INI inventory")]
    Yaml,
    #[error("ends in `:` without a port")]
    Colon,
    #[error("has a port that is not a number from 1 to 65535")]
    Port,
    #[error("is empty")]
    Empty,
    #[error("is longer than {LONGEST} bytes")]
    Long,
    #[error("begins with {0:?}")]
    Start(char),
    #[error("contains {0:?}")]
    Character(char),
    #[error(transparent)]
    Range(InvalidRange),
}

impl HostPattern {
    /// Reads an entry.
    ///
    /// # Errors
    /// [`InvalidHost`], and the bytes of `text` that it is about.
    pub(super) fn parse(text: &str) -> Result<Self, (InvalidHost, Range<usize>)> {
        let whole = 0..text.len();
        let wrong = |error| Err((error, whole.clone()));
        if text == "---" {
            return wrong(InvalidHost::Yaml);
        }
        let (names, port) = split_port(text);
        let Ok(port) = port.map(parse_port).transpose() else { return wrong(InvalidHost::Port) };
        if port.is_none() && text.ends_with(':') && !is_ipv6(text) {
            return wrong(InvalidHost::Colon);
        }
        // Where it is not at the start, a bracket is before it.
        let start = usize::from(!text.starts_with(names));
        let names = HostRange::parse(names)
            .map_err(|(error, at)| (InvalidHost::Range(error), start + at.start..start + at.end))?;
        match check(&names) {
            Ok(()) => Ok(Self { names, port }),
            Err(error) => wrong(error),
        }
    }
}

/// Checks the first name and the last, which is the longest: the others have the same letters.
fn check(names: &HostRange) -> Result<(), InvalidHost> {
    names.ends().iter().try_for_each(|name| check_name(name))
}

/// Checks a name as it is: it need not be one of the DNS, since `ansible_host` may say where it is.
pub(super) fn check_name(name: &str) -> Result<(), InvalidHost> {
    if name.len() > LONGEST {
        return Err(InvalidHost::Long);
    }
    match name.chars().next() {
        None => return Err(InvalidHost::Empty),
        // Neither could be chosen on the command line.
        Some(c @ ('-' | '!')) => return Err(InvalidHost::Start(c)),
        Some(_) => {}
    }
    match name.chars().find(|c| c.is_control() || c.is_whitespace() || *c == ',') {
        Some(c) => Err(InvalidHost::Character(c)),
        None => Ok(()),
    }
}

/// Returns the names, without the brackets that an IPv6 address may have, and the text of the port.
fn split_port(text: &str) -> (&str, Option<&str>) {
    if let Some(inside) = text.strip_prefix('[') {
        let inner = inside.rsplit_once("]:");
        let inner = inner.filter(|(inner, port)| is_number(port) && is_balanced(inner));
        if let Some((inner, port)) = inner {
            return (inner, Some(port));
        }
        if let Some(address) = inside.strip_suffix(']').filter(|address| is_ipv6(address)) {
            return (address, None);
        }
    }
    match text.rsplit_once(':') {
        Some((names, port)) if is_number(port) && !has_colon(names) => (names, Some(port)),
        _ => (text, None),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_ipv6(text: &str) -> bool {
    text.split('%').next().unwrap_or_default().parse::<Ipv6Addr>().is_ok()
}

/// Tells whether there is a colon outside of brackets.
fn has_colon(text: &str) -> bool {
    let mut inside = false;
    text.chars().any(|c| {
        inside = (inside || c == '[') && c != ']';
        c == ':' && !inside
    })
}

/// Tells whether each bracket has its counterpart.
fn is_balanced(text: &str) -> bool {
    let mut inside = false;
    let balanced = text.chars().all(|c| match c {
        '[' | ']' => std::mem::replace(&mut inside, c == '[') != (c == '['),
        _ => true,
    });
    balanced && !inside
}

fn parse_port(text: &str) -> Result<u16, ()> {
    text.parse().ok().filter(|port| *port > 0).ok_or(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (Vec<String>, Option<u16>) {
        let pattern = HostPattern::parse(text).expect(text);
        (pattern.names.names().collect(), pattern.port)
    }

    #[test]
    fn names_and_ports_are_told_apart() {
        for (text, names, port) in [
            ("web1", vec!["web1"], None),
            ("web1.x:2222", vec!["web1.x"], Some(2222)),
            ("10.0.0.1:22", vec!["10.0.0.1"], Some(22)),
            ("web[1:2]:22", vec!["web1", "web2"], Some(22)),
            ("[a:b]x[1:2]:22", vec!["ax1", "ax2", "bx1", "bx2"], Some(22)),
            ("[a:b]x:22", vec!["ax", "bx"], Some(22)),
            ("2001:db8::1", vec!["2001:db8::1"], None),
            ("::1", vec!["::1"], None),
            ("fe80::", vec!["fe80::"], None),
            ("[2001:db8::1]:22", vec!["2001:db8::1"], Some(22)),
            ("[2001:db8::1]", vec!["2001:db8::1"], None),
            ("[2001:db8::[1:2]]:22", vec!["2001:db8::1", "2001:db8::2"], Some(22)),
            ("web_1", vec!["web_1"], None),
        ] {
            assert_eq!(
                read(text),
                (names.into_iter().map(str::to_owned).collect(), port),
                "{text}"
            );
        }
    }

    #[test]
    fn what_names_no_host_is_told() {
        for (text, expected) in [
            ("---", InvalidHost::Yaml),
            ("web:", InvalidHost::Colon),
            ("web:0", InvalidHost::Port),
            ("web:65536", InvalidHost::Port),
            ("web:99999999999999999999", InvalidHost::Port),
            ("", InvalidHost::Empty),
            ("-oProxyCommand", InvalidHost::Start('-')),
            ("!web", InvalidHost::Start('!')),
            ("a b", InvalidHost::Character(' ')),
            ("a,b", InvalidHost::Character(',')),
            ("a\u{1b}b", InvalidHost::Character('\u{1b}')),
            ("web[3:1]", InvalidHost::Range(InvalidRange::Backwards)),
        ] {
            assert_eq!(HostPattern::parse(text).expect_err(text).0, expected, "{text}");
        }
        let long = format!("{}[1:2]", "x".repeat(LONGEST));
        assert_eq!(HostPattern::parse(&long).expect_err("long").0, InvalidHost::Long);
        assert_eq!(HostPattern::parse("w[3:1]:22").expect_err("backwards").1, 1..6);
    }
}
