//! Known hosts files by the thousand lines, and what OpenSSH makes of them.

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::{chain, connect};
use windlass_ssh::Class;
use windlass_ssh::known_hosts::{Entry, KnownHosts};
use windlass_testing::{SplitMix64, Sshd, SshdOptions, generate_key};

const NAMES: [&str; 8] =
    ["web", "web1", "web1.example.com", "[web]:2222", "[10.1.2.3]:22", "10.1.2.3", "::1", "a-b_c"];

const PATTERNS: [&str; 20] = [
    "web",
    "web1",
    "WEB",
    "web?",
    "web*",
    "*",
    "*.example.com",
    "!web",
    "!web1",
    "!*.example.com",
    "[web]:2222",
    "[*]:2222",
    "[web]:*",
    "10.1.2.3",
    "10.*",
    "10.1.2.?",
    "::1",
    "*:*",
    "a-b_c",
    "",
];

/// A key of ssh-keygen's own making, type and base64.
fn made_key(directory: &Path, name: &str, kind: &str) -> String {
    generate_key(&directory.join(name), kind);
    let line = fs::read_to_string(directory.join(format!("{name}.pub"))).unwrap();
    line.split(' ').take(2).collect::<Vec<_>>().join(" ")
}

/// The hashed form of a name, made by `ssh-keygen -H` and not by the code under test.
fn hashed(directory: &Path, name: &str, key: &str) -> String {
    let file = directory.join("to-hash");
    fs::write(&file, format!("{name} {key}\n")).unwrap();
    let status = Command::new("ssh-keygen").args(["-q", "-H", "-f"]).arg(&file).output().unwrap();
    assert!(status.status.success());
    let line = fs::read_to_string(&file).unwrap();
    line.split(' ').next().unwrap().to_owned()
}

fn random_list(random: &mut SplitMix64, patterns: &[String]) -> String {
    let count = 1 + random.below(4);
    let chosen: Vec<_> = (0..count).map(|_| random.pick(patterns).clone()).collect();
    chosen.join(",")
}

fn random_line(
    random: &mut SplitMix64,
    patterns: &[String],
    hashes: &[String],
    keys: &[String],
) -> String {
    let list = match random.chance(25) {
        true => random.pick(hashes).clone(),
        false => random_list(random, patterns),
    };
    let key = random.pick(keys).clone();
    let marker = *random.pick(&["", "", "", "", "@revoked ", "@cert-authority ", "@unknown "]);
    let (gap, lead) = (*random.pick(&[" ", "\t", "  "]), *random.pick(&["", "", " ", "\t "]));
    let line = format!("{lead}{marker}{list}{gap}{key}");
    match random.below(20) {
        0 => format!("# {line}"),
        1 => line[..random.below(line.len())].to_owned(),
        2 => format!("{line} a comment # more"),
        3 => String::new(),
        _ => line,
    }
}

/// The lines that `ssh-keygen` finds for a name and whose keys it can read, with their markers.
fn found_by_ssh_keygen(file: &Path, name: &str) -> Vec<usize> {
    let mut command = Command::new("ssh-keygen");
    let output = command.args(["-l", "-F", name, "-f"]).arg(file).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let found = text.lines().filter_map(|line| line.split_once(" found: line "));
    found.map(|(_, rest)| rest.split(' ').next().unwrap().trim().parse().unwrap()).collect()
}

#[test]
fn the_same_lines_are_found_as_by_ssh_keygen() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path();
    let mut keys: Vec<String> = (0..6).map(|n| made_key(path, &n.to_string(), "ed25519")).collect();
    keys.push(made_key(path, "ecdsa", "ecdsa"));
    keys.push(made_key(path, "rsa", "rsa"));
    keys.push("ssh-ed25519 AAAA".to_owned());
    keys.push(keys[0].replacen("ssh-ed25519", "ssh-rsa", 1));
    let hashes: Vec<_> = NAMES.iter().map(|name| hashed(path, name, &keys[0])).collect();
    let patterns: Vec<_> = PATTERNS.iter().map(|pattern| (*pattern).to_owned()).collect();
    let file = path.join("known_hosts");
    let mut found = 0;
    for seed in 0..30 {
        let mut random = SplitMix64::new(seed);
        let mut line = || random_line(&mut random, &patterns, &hashes, &keys);
        let lines: Vec<_> = (0..80).map(|_| line()).collect();
        fs::write(&file, lines.join("\n") + "\n").unwrap();
        let ours = KnownHosts::read(std::slice::from_ref(&file)).unwrap();
        for name in NAMES {
            let expected = found_by_ssh_keygen(&file, name);
            let entries: Vec<_> = ours.entries(name).iter().map(Entry::line).collect();
            assert_eq!(entries, expected, "{name}, seed {seed}:\n{}", lines.join("\n"));
            found += expected.len();
        }
    }
    assert!(found > 1_000, "the files say too little: {found} lines were found");
}

/// Whether `ssh` goes on after it has seen the host's key.
fn accepted_by_ssh(server: &Sshd) -> bool {
    let cheap = "KexAlgorithms=curve25519-sha256";
    let output = server.ssh(&["-o", cheap, "127.0.0.1", "true"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let verified = !said.contains("Host key verification failed");
    assert_eq!(verified, output.status.success(), "{said}");
    verified
}

/// Whether this client does.
async fn accepted_here(server: &Sshd) -> bool {
    match connect(server).await {
        Ok(_) => true,
        Err(error) if error.class() == Class::HostKey => false,
        Err(error) => panic!("{}", chain(&error)),
    }
}

fn patterns_for(server: &Sshd) -> Vec<String> {
    let port = server.port();
    vec![
        format!("[127.0.0.1]:{port}"),
        format!("[127.0.0.1]:{port}"),
        format!("[127.*]:{port}"),
        format!("[*]:{port}"),
        "*".to_owned(),
        "127.0.0.1".to_owned(),
        "127.0.0.?".to_owned(),
        "[127.0.0.1]:22".to_owned(),
        format!("![127.0.0.1]:{port}"),
        "!127.0.0.1".to_owned(),
        "web".to_owned(),
    ]
}

/// Compares verdicts on `count` random files of lines with the given markers.
async fn compare(server: &Sshd, keys: &[String], markers: &[&str], count: u64) -> usize {
    let directory = tempfile::tempdir().unwrap();
    let patterns = patterns_for(server);
    let names = [format!("[127.0.0.1]:{}", server.port()), "127.0.0.1".to_owned()];
    let hashes: Vec<_> =
        names.iter().map(|name| hashed(directory.path(), name, &keys[0])).collect();
    let mut accepted = 0;
    for seed in 0..count {
        let mut random = SplitMix64::new(seed);
        let mut line = || {
            let list = match random.chance(20) {
                true => random.pick(&hashes).clone(),
                false => random_list(&mut random, &patterns),
            };
            format!("{}{list} {}\n", random.pick(markers), random.pick(keys))
        };
        let text: String = (0..1 + seed % 4).map(|_| line()).collect();
        server.write_known_hosts(&text);
        let expected = accepted_by_ssh(server);
        assert_eq!(accepted_here(server).await, expected, "seed {seed}:\n{text}");
        accepted += usize::from(expected);
    }
    accepted
}

#[tokio::test]
async fn a_host_is_accepted_and_refused_as_by_ssh() {
    let server = Sshd::start(&SshdOptions::new().host_keys(&["ed25519", "ecdsa"]));
    let directory = tempfile::tempdir().unwrap();
    let keys = [
        server.host_key("ed25519"),
        server.host_key("ed25519"),
        server.host_key("ecdsa"),
        made_key(directory.path(), "other", "ed25519"),
        made_key(directory.path(), "other-ecdsa", "ecdsa"),
        made_key(directory.path(), "other-rsa", "rsa"),
    ];
    let markers = ["", "", "", "", "@revoked ", "@cert-authority "];
    let accepted = compare(&server, &keys, &markers, 40).await;
    assert!((6..34).contains(&accepted), "one-sided: {accepted} of 40 were accepted");
}

#[tokio::test]
async fn a_certificate_is_accepted_and_refused_as_by_ssh() {
    let directory = tempfile::tempdir().unwrap();
    let authority = made_key(directory.path(), "ca", "ed25519");
    let stranger = made_key(directory.path(), "stranger", "ed25519");
    let mut accepted = 0;
    let now = "-5m:+1h";
    // What the certificate is for, how long it is valid, and its options.
    let certificates: [(&str, &str, &[&str]); 5] = [
        ("127.0.0.1", now, &["-h"]),
        ("web,127.0.0.*", now, &["-h"]),
        ("127.0.0.1", "-2h:-1h", &["-h"]),
        ("127.0.0.1", "+1h:+2h", &["-h"]),
        ("127.0.0.1", now, &[]),
    ];
    for (principals, validity, options) in certificates {
        let certificate = directory.path().join("host-cert.pub");
        let server = start_certified(&certificate);
        let public = directory.path().join("host.pub");
        fs::copy(server.path("host_ed25519.pub"), &public).unwrap();
        let mut sign = Command::new("ssh-keygen");
        sign.args(["-q", "-s"]).arg(directory.path().join("ca")).args(["-I", "test"]);
        sign.args(["-n", principals, "-V", validity]).args(options).arg(&public);
        assert!(sign.status().unwrap().success());
        let keys = [
            authority.clone(),
            authority.clone(),
            authority.clone(),
            stranger.clone(),
            server.host_key("ed25519"),
        ];
        let markers = ["@cert-authority ", "@cert-authority ", "", "@revoked "];
        accepted += compare(&server, &keys, &markers, 10).await;
    }
    assert!(accepted > 3, "one-sided: {accepted} were accepted");
}

/// A server that shows the certificate at `path`, which is made for its key afterwards: sshd reads
/// it again for each connection.
fn start_certified(path: &Path) -> Sshd {
    let _ = fs::remove_file(path);
    Sshd::start(&SshdOptions::new().line(format!("HostCertificate {}", path.display())))
}
