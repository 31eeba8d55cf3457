//! Certificates, good and bad.

use std::io::Read;
use std::net::{Shutdown, TcpListener};
use std::thread;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use windlass_testing::{TestProject, Windlass};

use crate::listening::{path, plain, say, secure};
use crate::{kept, project, refused, windlass};

/// An authority that nobody knows but who is told.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        Self::called("windlass tests")
    }

    fn called(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key"));
        Self(issuer.expect("a certificate"))
    }

    /// Returns what a server needs that has a certificate of this authority for `name`.
    fn server(&self, name: &str, change: impl Fn(&mut CertificateParams)) -> ServerConfig {
        let mut params = params(name);
        change(&mut params);
        let key = KeyPair::generate().expect("a key");
        let certificate = params.signed_by(&key, &self.0).expect("signed");
        served(certificate.der().clone(), &key)
    }

    /// Has `windlass` trust it, and nobody else.
    fn trusted(&self, project: &TestProject, windlass: Windlass) -> Windlass {
        project.write("authority.pem", self.0.pem());
        windlass.env("SSL_CERT_FILE", project.at("authority.pem"))
    }
}

fn params(name: &str) -> CertificateParams {
    CertificateParams::new(vec![name.to_owned()]).expect("a name")
}

fn served(certificate: CertificateDer<'static>, key: &KeyPair) -> ServerConfig {
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let builder = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into());
    let builder = builder.with_safe_default_protocol_versions().expect("versions");
    builder.with_no_client_auth().with_single_cert(vec![certificate], key).expect("they belong")
}

fn configuration(request: &str, to: &mut dyn std::io::Write) -> std::io::Result<()> {
    match path(request) {
        "/app.yaml" => say(to, "200 OK", "ETag: \"1\"\r\n", "name: far\n"),
        _ => say(to, "404 Not Found", "", ""),
    }
}

/// Asks a server with `config`, whose authority is trusted.
#[track_caller]
fn untrusted(authority: &Authority, config: ServerConfig, says: &[&str]) {
    let url = format!("{}/app.yaml", secure(config, configuration));
    let project = project(&format!("\"{url}\""));
    let windlass = authority.trusted(&project, windlass(&project));
    refused(&project, &windlass, &[&[url.as_str()], says].concat());
}

#[test]
fn a_certificate_of_an_authority_that_the_machine_is_told_of() {
    let authority = Authority::new();
    let url = secure(authority.server("127.0.0.1", |_| {}), configuration);
    let project = project(&format!("\"{url}/app.yaml\""));
    let windlass = authority.trusted(&project, windlass(&project));
    let said = windlass.run(&["config", "explain", "dev", "name"]).success();
    assert!(said.stdout.contains(&format!("{url}/app.yaml:1:7: \"far\"")), "{said}");
    assert_eq!(kept(&project), 1);
}

#[test]
fn a_certificate_of_an_authority_that_nobody_knows() {
    let known = Authority::new();
    let says = ["of no authority which this machine trusts", "SSL_CERT_FILE"];
    for other in [Authority::called("somebody else"), Authority::new()] {
        untrusted(&known, other.server("127.0.0.1", |_| {}), &says);
    }
    let key = KeyPair::generate().expect("a key");
    let own = params("127.0.0.1").self_signed(&key).expect("signed");
    untrusted(&known, served(own.der().clone(), &key), &says);
}

#[test]
fn a_certificate_that_is_over_or_has_not_begun() {
    let authority = Authority::new();
    let over = authority.server("127.0.0.1", |params| {
        params.not_before = date_time_ymd(2020, 1, 1);
        params.not_after = date_time_ymd(2021, 1, 1);
    });
    untrusted(&authority, over, &["has a certificate that has expired", "renew it"]);
    let early =
        authority.server("127.0.0.1", |params| params.not_before = date_time_ymd(4000, 1, 1));
    untrusted(&authority, early, &["has a certificate that is not valid yet", "clock"]);
}

#[test]
fn a_certificate_for_another_name() {
    let authority = Authority::new();
    for name in ["config.example.com", "127.0.0.2"] {
        let config = authority.server(name, |_| {});
        untrusted(&authority, config, &["has a certificate for another name"]);
    }
}

#[test]
fn a_server_that_speaks_no_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            // All that the client says is read, or it would learn of a reset and of nothing else.
            let _ = say(&mut stream, "400 Bad Request", "", "");
            let _ = stream.shutdown(Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    let (authority, project) = (Authority::new(), project(&format!("\"{url}/app.yaml\"")));
    let windlass = authority.trusted(&project, windlass(&project));
    let says =
        ["certificate or encryption that cannot be trusted", "is it a server for `https://`?"];
    refused(&project, &windlass, &says);
}

#[test]
fn a_redirect_from_tls_to_none() {
    let authority = Authority::new();
    let location = format!("Location: {}/app.yaml\r\n", plain(configuration));
    let config = authority.server("127.0.0.1", |_| {});
    let url = secure(config, move |_, to| say(to, "302 Found", &location, ""));
    let project = project(&format!("\"{url}/app.yaml\""));
    let windlass = authority.trusted(&project, windlass(&project));
    refused(&project, &windlass, &["redirects from https to http", "allow_http = true"]);
}

#[test]
fn a_file_of_authorities_that_is_none() {
    let project = project("\"https://127.0.0.1:9/app.yaml\"");
    project.write("empty.pem", "not a certificate\n");
    let asked = |file: &str| windlass(&project).env("SSL_CERT_FILE", project.at(file));
    refused(&project, &asked("empty.pem"), &["empty.pem holds no certificates"]);
    refused(&project, &asked("gone.pem"), &["gone.pem", "ca-certificates"]);
}
