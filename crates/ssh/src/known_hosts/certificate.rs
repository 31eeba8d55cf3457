//! Whether the certificate of a host may be used.

use russh::keys::ssh_key::Certificate;
use russh::keys::ssh_key::certificate::CertType;

/// The signatures of authorities that are good where the configuration says nothing: those of
/// OpenSSH, which left out `ssh-rsa` (SHA-1) with version 8.2.
const AUTHORITY_SIGNATURES: [&str; 8] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "sk-ssh-ed25519@openssh.com",
    "sk-ecdsa-sha2-nistp256@openssh.com",
    "rsa-sha2-512",
    "rsa-sha2-256",
];

/// Why the certificate of a host is passed over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateProblem {
    /// No `@cert-authority` line trusts its authority for this host.
    #[error("its authority is not trusted for this host")]
    Authority,
    /// It is the certificate of a user.
    #[error("it is not the certificate of a host")]
    Kind,
    /// Its time has not come.
    #[error("it is not valid yet")]
    NotYet,
    /// Its time is over.
    #[error("it has expired")]
    Expired,
    /// It is for other hosts. OpenSSH before 10.1 took one without names for a certificate of
    /// every host; that is refused here, as it is by later ones.
    #[error("it is not for `{0}`")]
    Principal(String),
    /// It asks for something that must be understood, and no such thing is defined for hosts.
    #[error("it has critical options, which are not defined for hosts")]
    CriticalOption,
    /// Its signature is made with an algorithm that is not allowed, or is wrong.
    #[error("its signature is wrong, or made with an algorithm that is not allowed")]
    Signature,
}

/// Checks all of a certificate but who signed it.
pub(super) fn check(
    certificate: &Certificate,
    host: &str,
    authorities: &[String],
    now: u64,
) -> Result<(), CertificateProblem> {
    if certificate.cert_type() != CertType::Host {
        return Err(CertificateProblem::Kind);
    }
    if now < certificate.valid_after() {
        return Err(CertificateProblem::NotYet);
    }
    if now >= certificate.valid_before() {
        return Err(CertificateProblem::Expired);
    }
    if !certificate.valid_principals().iter().any(|principal| principal == host) {
        return Err(CertificateProblem::Principal(host.to_owned()));
    }
    if certificate.critical_options().iter().next().is_some() {
        return Err(CertificateProblem::CriticalOption);
    }
    check_signature(certificate, authorities)
}

fn check_signature(
    certificate: &Certificate,
    authorities: &[String],
) -> Result<(), CertificateProblem> {
    let algorithm = certificate.signature().algorithm();
    let allowed = match authorities {
        [] => AUTHORITY_SIGNATURES.contains(&algorithm.as_str()),
        names => names.iter().any(|name| name == algorithm.as_str()),
    };
    match allowed && certificate.verify_signature().is_ok() {
        true => Ok(()),
        false => Err(CertificateProblem::Signature),
    }
}
