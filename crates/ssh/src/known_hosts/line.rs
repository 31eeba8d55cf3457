//! One line of a known hosts file.

use data_encoding::BASE64;
use russh::keys::ssh_key::{Algorithm, PublicKey};

use super::pattern;

/// What a line says about the key on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Marker {
    /// It is the host's.
    None,
    /// `@cert-authority`: it signs the certificates of hosts.
    Authority,
    /// `@revoked`: it must not be trusted.
    Revoked,
}

/// A line with hosts and a key, of which the key is read only when the hosts match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) number: usize,
    pub(crate) marker: Marker,
    hosts: Box<str>,
    key: Box<str>,
}

impl Line {
    /// Returns the line, or nothing for a comment, an empty line and one that `ssh` skips as well.
    pub(crate) fn parse(number: usize, text: &str) -> Option<Self> {
        let text = text.trim_start_matches(BLANKS);
        if text.is_empty() || text.starts_with('#') {
            return None;
        }
        let (marker, rest) = marker_of(text)?;
        let (hosts, key) = rest.split_once(BLANKS)?;
        Some(Self { number, marker, hosts: hosts.into(), key: key.into() })
    }

    /// Returns whether the line is about `name`.
    pub(crate) fn is_about(&self, name: &str) -> bool {
        pattern::matches(&self.hosts, name)
    }

    /// Returns the key, or nothing where there is none that can be read: `ssh` skips such a line.
    pub(crate) fn key(&self) -> Option<PublicKey> {
        let text = self.key.trim_start_matches(BLANKS);
        let (name, rest) = text.split_once(BLANKS)?;
        let encoded = rest.trim_start_matches(BLANKS).split(BLANKS).next()?;
        let blob = BASE64.decode(encoded.as_bytes()).ok()?;
        let key = PublicKey::from_bytes(&blob).ok()?;
        let known = !matches!(key.algorithm(), Algorithm::Other(_));
        (known && key.algorithm().as_str() == name).then_some(key)
    }
}

const BLANKS: [char; 2] = [' ', '\t'];

fn marker_of(text: &str) -> Option<(Marker, &str)> {
    if !text.starts_with('@') {
        return Some((Marker::None, text));
    }
    let (word, rest) = text.split_once(BLANKS)?;
    let rest = rest.trim_start_matches(BLANKS);
    match word {
        _ if rest.starts_with('@') => None,
        "@cert-authority" => Some((Marker::Authority, rest)),
        "@revoked" => Some((Marker::Revoked, rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";

    fn line(text: &str) -> Option<Line> {
        Line::parse(1, text)
    }

    #[test]
    fn hosts_key_and_comment_stand_between_blanks() {
        let line = line(&format!(" \tweb,db\t {KEY} me@home and more")).unwrap();
        assert_eq!(line.marker, Marker::None);
        assert!(line.is_about("db"));
        assert!(line.key().is_some());
    }

    #[test]
    fn one_marker_is_understood_and_any_other_drops_the_line() {
        let marker = |text: &str| line(&format!("{text} web {KEY}")).map(|line| line.marker);
        assert_eq!(marker("@cert-authority"), Some(Marker::Authority));
        assert_eq!(marker("@revoked"), Some(Marker::Revoked));
        assert_eq!(marker("@revoked @cert-authority"), None);
        assert_eq!(marker("@whatever"), None);
        assert_eq!(marker("@"), None);
    }

    #[test]
    fn comments_empty_and_torn_lines_are_skipped() {
        for text in ["", "   ", "# web", "web", "@revoked"] {
            assert_eq!(line(text), None, "{text:?}");
        }
        for text in [
            "web ".to_owned(),
            "web ssh-ed25519".to_owned(),
            "web ssh-ed25519 AAAA".to_owned(),
            "web ssh-ed25519 !!!!".to_owned(),
            format!("web {}", KEY.replacen("ssh-ed25519", "ssh-rsa", 1)),
            format!("web {}", &KEY[..60]),
            "web 1024 35 1234567".to_owned(),
        ] {
            assert_eq!(line(&text).and_then(|line| line.key()), None, "{text:?}");
        }
    }
}
