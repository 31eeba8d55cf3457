//! Which algorithms are offered to a host, most wanted first.

use std::borrow::Cow;

use russh::keys::{Algorithm, EcdsaCurve, HashAlg};
use russh::{Preferred, cipher, kex, mac};

use crate::config::Algorithms;
use crate::known_hosts::{Entry, Marker};

/// Key exchanges, the cheap one first: it is what a server of many connections spends its time on.
/// Whoever wants one that withstands quantum computers says so with `KexAlgorithms`.
const KEY_EXCHANGES: [kex::Name; 9] = [
    kex::CURVE25519,
    kex::CURVE25519_PRE_RFC_8731,
    kex::MLKEM768X25519_SHA256,
    kex::ECDH_SHA2_NISTP256,
    kex::ECDH_SHA2_NISTP384,
    kex::ECDH_SHA2_NISTP521,
    kex::DH_G16_SHA512,
    kex::DH_G14_SHA256,
    kex::DH_GEX_SHA256,
];

/// What is not an algorithm but said among them: strict key exchange (CVE-2023-48795), and that the
/// server may say which signatures it takes.
const EXTENSIONS: [kex::Name; 2] =
    [kex::EXTENSION_SUPPORT_AS_CLIENT, kex::EXTENSION_OPENSSH_STRICT_KEX_AS_CLIENT];

/// Ciphers, those that processors do themselves first.
const CIPHERS: [cipher::Name; 6] = [
    cipher::AES_128_GCM,
    cipher::AES_256_GCM,
    cipher::CHACHA20_POLY1305,
    cipher::AES_128_CTR,
    cipher::AES_192_CTR,
    cipher::AES_256_CTR,
];

/// Checksums, for the ciphers that have none of their own.
const MACS: [mac::Name; 4] =
    [mac::HMAC_SHA256_ETM, mac::HMAC_SHA512_ETM, mac::HMAC_SHA256, mac::HMAC_SHA512];

const HOST_KEYS: [Algorithm; 6] = [
    Algorithm::Ed25519,
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP256 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP384 },
    Algorithm::Ecdsa { curve: EcdsaCurve::NistP521 },
    Algorithm::Rsa { hash: Some(HashAlg::Sha512) },
    Algorithm::Rsa { hash: Some(HashAlg::Sha256) },
];

/// Returns what is offered to a host that is known by `entries`: what the configuration allows.
pub(crate) fn preferred(allowed: &Algorithms, entries: &[Entry]) -> Preferred {
    let mut exchanges = permitted(&KEY_EXCHANGES, &allowed.key_exchange);
    exchanges.extend(EXTENSIONS);
    Preferred {
        kex: Cow::Owned(exchanges),
        key: Cow::Owned(host_keys(&allowed.host_keys, entries)),
        host_key_certificates: Cow::Owned(certificates(&allowed.host_keys, entries)),
        cipher: Cow::Owned(permitted(&CIPHERS, &allowed.ciphers)),
        mac: Cow::Owned(permitted(&MACS, &allowed.macs)),
        compression: Cow::Borrowed(&[russh::compression::NONE]),
    }
}

/// Returns those of `ours` whose names are allowed; where none are named, all are.
fn permitted<T: AsRef<str> + Copy>(ours: &[T], allowed: &[String]) -> Vec<T> {
    let is_allowed = |name: &&T| allowed.is_empty() || allowed.iter().any(|a| a == name.as_ref());
    ours.iter().filter(is_allowed).copied().collect()
}

/// What a certificate's algorithm has behind the name of its key's.
const CERTIFICATE: &str = "-cert-v01@openssh.com";

/// One name of `HostKeyAlgorithms` that is ours too.
#[derive(Debug, Clone, PartialEq)]
struct HostKeyAlgorithm {
    algorithm: Algorithm,
    is_certificate: bool,
}

/// Returns the host key algorithms in the order of `ssh`: those that the host is known by first, and
/// certificates where an authority is trusted. So a server with several keys shows one that can be
/// recognised.
fn ordered(allowed: &[String], entries: &[Entry]) -> Vec<HostKeyAlgorithm> {
    let plain = |entry: &&Entry| entry.marker == Marker::None;
    let kinds: Vec<_> = entries.iter().filter(plain).map(|entry| entry.key.algorithm()).collect();
    let is_known = |ours: &HostKeyAlgorithm| kinds.iter().any(|k| same_kind(k, &ours.algorithm));
    let has_authority = entries.iter().any(|entry| entry.marker == Marker::Authority);
    let mut list = listed(allowed);
    if !list.first().is_some_and(is_known) {
        list.sort_by_key(|ours| !(is_known(ours) || (ours.is_certificate && has_authority)));
    }
    list
}

/// Returns the algorithms of plain keys.
fn host_keys(allowed: &[String], entries: &[Entry]) -> Vec<Algorithm> {
    let list = ordered(allowed, entries).into_iter();
    list.filter(|ours| !ours.is_certificate).map(|ours| ours.algorithm).collect()
}

/// Returns the algorithms of certificates, where they can make a difference: where an authority is
/// trusted or something is revoked for the host. They are offered before plain keys, so only those
/// count that are wanted more than any.
fn certificates(allowed: &[String], entries: &[Entry]) -> Vec<Algorithm> {
    let matter = entries.iter().any(|entry| entry.marker != Marker::None);
    let list = ordered(allowed, entries).into_iter();
    let first = list.take_while(|ours| matter && ours.is_certificate);
    first.map(|ours| ours.algorithm).collect()
}

/// Returns those of our algorithms that are allowed, in that order; where none are named, all, with
/// certificates first, as is the default of `ssh`.
fn listed(allowed: &[String]) -> Vec<HostKeyAlgorithm> {
    let of = |algorithm: &Algorithm, is_certificate| HostKeyAlgorithm {
        algorithm: algorithm.clone(),
        is_certificate,
    };
    if allowed.is_empty() {
        let certificates = HOST_KEYS.iter().map(|algorithm| of(algorithm, true));
        return certificates
            .chain(HOST_KEYS.iter().map(|algorithm| of(algorithm, false)))
            .collect();
    }
    let named = allowed.iter().filter_map(|name| {
        let bare = name.strip_suffix(CERTIFICATE);
        let plain = bare.unwrap_or(name);
        let ours = HOST_KEYS.iter().find(|algorithm| algorithm.as_str() == plain)?;
        Some(of(ours, bare.is_some()))
    });
    named.collect()
}

fn same_kind(known: &Algorithm, offered: &Algorithm) -> bool {
    matches!((known, offered), (Algorithm::Rsa { .. }, Algorithm::Rsa { .. })) || known == offered
}

#[cfg(test)]
mod tests {
    use russh::keys::PublicKey;

    use super::*;

    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJdD7y3aLq454yWBdwLWbieU1ebz9/cu7/QEXn9OIeZJ";
    const ECDSA: &str = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHwf2HMM5TRXvo2SQJjsNkiDD5KqiiNjrGVv3UUh+mMT5RHxiRtOnlqvjhQtBq0VpmpCV/PwUdhOig4vkbqAcEc=";

    fn entry(marker: Marker, key: &str) -> Entry {
        let key = PublicKey::from_openssh(key).unwrap();
        Entry { file: "/k".into(), line: 1, marker, key }
    }

    fn names(algorithms: &[Algorithm]) -> Vec<&str> {
        algorithms.iter().map(Algorithm::as_str).collect()
    }

    fn allowed(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[test]
    fn a_host_is_asked_for_the_key_it_is_known_by() {
        assert_eq!(names(&host_keys(&[], &[]))[0], "ssh-ed25519");
        let known = [entry(Marker::None, ECDSA)];
        assert_eq!(names(&host_keys(&[], &known))[0], "ecdsa-sha2-nistp256");
        let both = [entry(Marker::None, ECDSA), entry(Marker::None, ED25519)];
        assert_eq!(names(&host_keys(&[], &both))[0], "ssh-ed25519");
        let revoked = [entry(Marker::Revoked, ECDSA)];
        assert_eq!(names(&host_keys(&[], &revoked))[0], "ssh-ed25519");
    }

    #[test]
    fn certificates_are_asked_for_where_an_authority_is_trusted() {
        assert!(certificates(&[], &[entry(Marker::None, ED25519)]).is_empty());
        let trusted = [entry(Marker::Authority, ED25519)];
        assert_eq!(certificates(&[], &trusted).len(), HOST_KEYS.len());
        let only = allowed(&["rsa-sha2-512-cert-v01@openssh.com"]);
        assert_eq!(names(&certificates(&only, &trusted)), ["rsa-sha2-512"]);
        let revoked = [entry(Marker::Revoked, ED25519), entry(Marker::None, ED25519)];
        assert_eq!(certificates(&[], &revoked).len(), HOST_KEYS.len(), "an authority is revoked");
        let other = [entry(Marker::Revoked, ED25519), entry(Marker::None, ECDSA)];
        assert_eq!(names(&certificates(&[], &other)), ["ecdsa-sha2-nistp256"]);
    }

    #[test]
    fn only_what_the_configuration_allows_is_offered() {
        let algorithms = Algorithms {
            key_exchange: allowed(&["curve25519-sha256", "diffie-hellman-group1-sha1"]),
            ciphers: allowed(&["aes256-gcm@openssh.com"]),
            macs: allowed(&["hmac-sha2-512"]),
            host_keys: allowed(&["rsa-sha2-256", "ssh-ed25519", "ssh-rsa"]),
            ..Algorithms::default()
        };
        let preferred = preferred(&algorithms, &[]);
        assert_eq!(preferred.kex[0], kex::CURVE25519);
        assert_eq!(preferred.kex.len(), 1 + EXTENSIONS.len());
        assert_eq!(*preferred.cipher, [cipher::AES_256_GCM]);
        assert_eq!(*preferred.mac, [mac::HMAC_SHA512]);
        assert_eq!(names(&preferred.key), ["rsa-sha2-256", "ssh-ed25519"]);
    }
}
