//! What the known hosts say about the key that a host shows.

use std::time::{SystemTime, UNIX_EPOCH};

use russh::keys::ssh_key::{Certificate, PublicKey};

use super::certificate::{self, CertificateProblem};
use super::{Entry, HostName, KnownHosts, Marker};

/// What a host shows for itself.
#[derive(Debug, Clone)]
pub enum Presented {
    /// A key.
    Key(PublicKey),
    /// A certificate, which an authority signed.
    Certificate(Box<Certificate>),
}

impl Presented {
    /// Returns the key that the host has proved to hold.
    #[must_use]
    pub fn key(&self) -> PublicKey {
        match self {
            Self::Key(key) => key.clone(),
            Self::Certificate(certificate) => PublicKey::new(certificate.public_key().clone(), ""),
        }
    }
}

/// The answer of the known hosts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The host is known by this key.
    Known(Entry),
    /// An authority that is trusted for the host vouches for it.
    Certified(Entry),
    /// Nothing is known of the host; why its certificate was passed over, if it has one.
    Unknown(Option<CertificateProblem>),
    /// The host is known by another key.
    Changed(Entry),
    /// The key, or the authority of the certificate, is revoked.
    Revoked(Entry),
}

impl Verdict {
    /// Returns whether the host is who it says it is.
    #[must_use]
    pub const fn is_trusted(&self) -> bool {
        matches!(self, Self::Known(_) | Self::Certified(_))
    }
}

/// Returns what `hosts` say of `presented` as the key of the host called `name`, at `now`.
///
/// As in OpenSSH: a certificate that cannot be used counts as the bare key in it, and a host that
/// is unknown at its port is looked up without the port. `authorities` are the signatures that
/// certificates may have (`CASignatureAlgorithms`); none of them means the default ones.
#[must_use]
pub fn judge(
    hosts: &KnownHosts,
    name: &HostName,
    presented: &Presented,
    authorities: &[String],
    now: SystemTime,
) -> Verdict {
    let seconds = now.duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs());
    let asked = Asked { principal: name.principal(), authorities, seconds };
    let verdict = asked.judge(&hosts.entries(&name.recorded()), presented);
    match (verdict, name.without_port()) {
        (Verdict::Unknown(problem), Some(host)) => {
            let elsewhere = asked.judge(&hosts.entries(host), presented);
            match elsewhere.is_trusted() || matches!(elsewhere, Verdict::Revoked(_)) {
                true => elsewhere,
                false => Verdict::Unknown(problem),
            }
        }
        (verdict, _) => verdict,
    }
}

struct Asked<'a> {
    principal: &'a str,
    authorities: &'a [String],
    seconds: u64,
}

impl Asked<'_> {
    fn judge(&self, entries: &[Entry], presented: &Presented) -> Verdict {
        match presented {
            Presented::Key(key) => judge_key(entries, key, None),
            Presented::Certificate(certificate) => self.judge_certificate(entries, certificate),
        }
    }

    fn judge_certificate(&self, entries: &[Entry], certificate: &Certificate) -> Verdict {
        let authority = PublicKey::new(certificate.signature_key().clone(), "");
        if let Some(entry) = revoked(entries, &authority) {
            return Verdict::Revoked(entry.clone());
        }
        let checked =
            certificate::check(certificate, self.principal, self.authorities, self.seconds);
        let key = PublicKey::new(certificate.public_key().clone(), "");
        let trusted = find(entries, Marker::Authority, &authority);
        match (trusted, checked) {
            (Some(entry), Ok(())) if revoked(entries, &key).is_none() => {
                Verdict::Certified(entry.clone())
            }
            (Some(_), checked) => judge_key(entries, &key, checked.err()),
            (None, _) => judge_key(entries, &key, Some(CertificateProblem::Authority)),
        }
    }
}

fn judge_key(entries: &[Entry], key: &PublicKey, problem: Option<CertificateProblem>) -> Verdict {
    if let Some(entry) = revoked(entries, key) {
        return Verdict::Revoked(entry.clone());
    }
    if let Some(entry) = find(entries, Marker::None, key) {
        return Verdict::Known(entry.clone());
    }
    let mut plain = entries.iter().filter(|entry| entry.marker == Marker::None);
    let of_the_kind = plain.clone().find(|entry| entry.key.algorithm() == key.algorithm());
    match of_the_kind.or_else(|| plain.next()) {
        Some(entry) => Verdict::Changed(entry.clone()),
        None => Verdict::Unknown(problem),
    }
}

fn revoked<'a>(entries: &'a [Entry], key: &PublicKey) -> Option<&'a Entry> {
    find(entries, Marker::Revoked, key)
}

fn find<'a>(entries: &'a [Entry], marker: Marker, key: &PublicKey) -> Option<&'a Entry> {
    entries.iter().find(|entry| entry.marker == marker && entry.key.key_data() == key.key_data())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const TWO: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIDjzTLWXDBpyP6BWuj5K3vGYWBV/XGvnH3PeZgjtmqd";

    /// The verdict on the first key for `host:port` by a file of `lines`.
    fn verdict(lines: &[String], host: &str, port: u16) -> Verdict {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), lines.join("\n")).unwrap();
        let hosts = KnownHosts::read(&[file.path().to_owned()]).unwrap();
        let presented = Presented::Key(PublicKey::from_openssh(ONE).unwrap());
        judge(&hosts, &HostName::new(host, port, None), &presented, &[], SystemTime::now())
    }

    #[test]
    fn a_key_is_known_unknown_changed_or_revoked() {
        assert!(matches!(verdict(&[format!("web {ONE}")], "web", 22), Verdict::Known(_)));
        assert_eq!(verdict(&[format!("db {ONE}")], "web", 22), Verdict::Unknown(None));
        assert!(matches!(verdict(&[format!("web {TWO}")], "web", 22), Verdict::Changed(_)));
        let revoked = [format!("web {ONE}"), format!("@revoked * {ONE}")];
        assert!(matches!(verdict(&revoked, "web", 22), Verdict::Revoked(_)));
    }

    #[test]
    fn one_of_several_keys_is_enough() {
        let lines = [format!("web {TWO}"), format!("web {ONE}")];
        let Verdict::Known(entry) = verdict(&lines, "web", 22) else { panic!("not known") };
        assert_eq!(entry.line(), 2);
    }

    #[test]
    fn a_host_unknown_at_its_port_may_be_known_without_it() {
        assert!(matches!(verdict(&[format!("web {ONE}")], "web", 2222), Verdict::Known(_)));
        assert_eq!(verdict(&[format!("web {TWO}")], "web", 2222), Verdict::Unknown(None));
        let lines = [format!("[web]:2222 {TWO}"), format!("web {ONE}")];
        assert!(matches!(verdict(&lines, "web", 2222), Verdict::Changed(_)));
        let lines = [format!("@revoked web {ONE}")];
        assert!(matches!(verdict(&lines, "web", 2222), Verdict::Revoked(_)));
    }

    #[test]
    fn an_authority_is_not_a_key_of_the_host() {
        let lines = [format!("@cert-authority * {ONE}")];
        assert_eq!(verdict(&lines, "web", 22), Verdict::Unknown(None));
    }
}
