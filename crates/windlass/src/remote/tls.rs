//! Whom to trust: the authorities of this machine.

use std::path::PathBuf;
use std::sync::Arc;

use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};

/// The variable that names another file of authorities, as OpenSSL has it.
const VARIABLE: &str = "SSL_CERT_FILE";
/// Where distributions keep the file of all authorities.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];

/// Returns how connections are secured: by certificates of the machine's authorities, and nothing
/// less.
///
/// # Errors
/// When there are none, in words.
pub(crate) fn config() -> Result<TlsConfig, String> {
    let file = bundle().ok_or("this machine has no file of certificate authorities")?;
    let pem = std::fs::read(&file).map_err(|error| format!("{}: {error}", file.display()))?;
    let certificates: Vec<Certificate<'static>> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(format!("{} holds no certificates", file.display()));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = TlsConfig::builder().root_certs(RootCerts::Specific(Arc::new(certificates)));
    Ok(config.unversioned_rustls_crypto_provider(provider).build())
}

fn bundle() -> Option<PathBuf> {
    match std::env::var_os(VARIABLE) {
        Some(file) if !file.is_empty() => Some(PathBuf::from(file)),
        _ => BUNDLES.iter().map(PathBuf::from).find(|file| file.is_file()),
    }
}
