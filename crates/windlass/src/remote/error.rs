//! Why what a server says is not used.

use rustls::CertificateError;
use windlass_core::project::{Checksum, InvalidUrl};

/// Why there is no text from a server. It never quotes what the server said.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RemoteError {
    #[error("{0}")]
    Url(#[from] InvalidUrl),
    #[error("answers with status {0}")]
    Status(u16),
    #[error("redirects more than {0} times")]
    Redirects(usize),
    #[error("redirects to a URL that {0}")]
    RedirectsTo(InvalidUrl),
    #[error("redirects from https to http")]
    Downgrade,
    #[error("redirects to nowhere")]
    NoLocation,
    #[error("answers with a web page where configuration is expected")]
    WebPage,
    #[error("answers with content encoded as {0}")]
    Encoded(String),
    #[error("answers with more than {0} bytes")]
    TooLarge(usize),
    #[error("has checksum {actual} where {expected} is expected")]
    Checksum { expected: Checksum, actual: Checksum },
    #[error("gives no full answer within {0} ms")]
    Timeout(u64),
    #[error("{0}")]
    Certificate(CertificateFault),
    #[error("has a certificate or encryption that cannot be trusted: {0}")]
    Tls(String),
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    #[error("answers with something that is not HTTP: {0}")]
    Protocol(String),
    #[error("cannot be asked: {0}")]
    Roots(String),
}

/// Why the certificate of a server is not trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CertificateFault {
    #[error("has a certificate that is of no authority which this machine trusts")]
    UnknownAuthority,
    #[error("has a certificate that has expired")]
    Expired,
    #[error("has a certificate that is not valid yet")]
    NotYet,
    #[error("has a certificate for another name")]
    OtherName,
}

impl CertificateFault {
    /// Returns what `error` means, if it is one of these.
    fn of(error: &rustls::Error) -> Option<Self> {
        let rustls::Error::InvalidCertificate(fault) = error else { return None };
        match fault {
            // An authority of the same name as one that is known signs with another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                Some(Self::UnknownAuthority)
            }
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                Some(Self::Expired)
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Some(Self::NotYet)
            }
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                Some(Self::OtherName)
            }
            _ => None,
        }
    }

    fn hint(self) -> &'static str {
        match self {
            Self::UnknownAuthority => {
                "an authority of your own belongs in the system's store, or in the file that \
                 SSL_CERT_FILE names"
            }
            Self::Expired => "renew it on the server; is the clock of this machine right?",
            Self::NotYet => "is the clock of this machine right?",
            Self::OtherName => "write the name for which the certificate was made",
        }
    }
}

impl RemoteError {
    /// Returns what to do about it.
    pub(crate) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Url(error) | Self::RedirectsTo(error) => error.hint(),
            Self::Status(401 | 403) => Some("layers are read without a user name or a token"),
            Self::Status(404 | 410) => Some("write `optional = true` if it may be missing"),
            Self::Downgrade => Some("add `allow_http = true` if that is meant"),
            Self::WebPage => Some("is it a login page, or a page about the file?"),
            Self::TooLarge(_) => Some("raise `max_size`, which can be `16MiB` at most"),
            Self::Checksum { .. } => Some("if the change is meant, write the new checksum"),
            Self::Timeout(_) => Some("raise `timeout` if the server is slow"),
            Self::Certificate(fault) => Some(fault.hint()),
            Self::Tls(_) => Some("is it a server for `https://`?"),
            Self::Unreachable(_) => {
                Some("a layer with a `checksum` is needed only once: it is kept in the workspace")
            }
            Self::Roots(_) => Some("install ca-certificates, or set SSL_CERT_FILE"),
            _ => None,
        }
    }

    /// Returns what became of a request that had `timeout_ms` to be answered.
    pub(super) fn of(error: ureq::Error, timeout_ms: u64) -> Self {
        match error {
            ureq::Error::Timeout(_) => Self::Timeout(timeout_ms),
            ureq::Error::Rustls(error) => Self::of_tls(&error),
            ureq::Error::Tls(error) => Self::Tls(error.to_owned()),
            ureq::Error::Protocol(error) => Self::Protocol(error.to_string()),
            ureq::Error::HostNotFound => Self::Unreachable("no such host".to_owned()),
            ureq::Error::Io(error) => Self::of_io(&error, timeout_ms),
            other => Self::Unreachable(other.to_string()),
        }
    }

    fn of_tls(error: &rustls::Error) -> Self {
        match CertificateFault::of(error) {
            Some(fault) => Self::Certificate(fault),
            None => Self::Tls(error.to_string()),
        }
    }

    /// Returns what a failure of the connection means: those of TLS come this way too.
    pub(super) fn of_io(error: &std::io::Error, timeout_ms: u64) -> Self {
        let inner = error.get_ref();
        if let Some(tls) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return Self::of_tls(tls);
        }
        if let Some(inner) = inner.and_then(|inner| inner.downcast_ref::<ureq::Error>()) {
            return match inner {
                ureq::Error::Timeout(_) => Self::Timeout(timeout_ms),
                other => Self::Unreachable(other.to_string()),
            };
        }
        match error.kind() {
            std::io::ErrorKind::TimedOut | std::io::ErrorKind::WouldBlock => {
                Self::Timeout(timeout_ms)
            }
            _ => Self::Unreachable(error.to_string()),
        }
    }
}
