//! Data keys go between Windlass and the `age` program in both directions. These tests need `age`.

mod common;

use std::io::Write;
use std::process::{Command, Stdio};

use common::{at, entropy, keys, pair};
use windlass_sops::{
    AgeEntry, DataKey, EncryptedFile, Format, Identities, Recipient, Rules, Unlock, encrypt,
};

const SSH: &str = include_str!("keys/ssh_ed25519");
const SSH_PUBLIC: &str = include_str!("keys/ssh_ed25519.pub");

fn age(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let mut child = Command::new("age")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the `age` program, which scripts/check installs");
    child.stdin.take().expect("a pipe").write_all(input).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    output.stdout
}

/// Each key with its recipient: X25519 and SSH.
fn key_pairs() -> [(String, Recipient); 2] {
    let ssh = SSH_PUBLIC.parse().expect("a recipient");
    [(pair().secret().to_owned(), pair().recipient().clone()), (SSH.to_owned(), ssh)]
}

#[test]
fn age_unwraps_the_data_key_of_a_file() {
    for (secret, recipient) in key_pairs() {
        let mut file = tempfile::NamedTempFile::new().expect("a file");
        file.write_all(secret.as_bytes()).expect("it is written");
        let rules = Rules::for_recipients(vec![pair().recipient().clone(), recipient.clone()]);
        let text = encrypt(b"a: one\n", Format::Yaml, &rules, at(0), &mut entropy())
            .expect("it is encrypted");
        let encrypted = EncryptedFile::parse(text.as_bytes(), Format::Yaml).expect("a SOPS file");
        let entry =
            encrypted.metadata().age.iter().find(|entry| entry.recipient == recipient.as_str());
        let wrapped = &entry.expect("an entry").wrapped_key;
        let path = file.path().to_str().expect("UTF-8");
        let bytes = age(&["--decrypt", "--identity", path], wrapped.as_bytes());
        let key = DataKey::new(bytes.try_into().expect("32 bytes"));
        assert!(key == encrypted.data_key(&keys()).expect("a data key"), "{recipient}");
    }
}

#[test]
fn a_data_key_that_age_wrapped_is_unwrapped() {
    for (secret, recipient) in key_pairs() {
        let wrapped = age(&["--encrypt", "--armor", "--recipient", recipient.as_str()], &[7; 32]);
        let wrapped_key = String::from_utf8(wrapped).expect("letters");
        let entry = AgeEntry { recipient: recipient.to_string(), wrapped_key };
        let keys = Identities::parse(&secret, "test").expect("a key");
        assert!(keys.unlock(&[entry]).expect("it opens") == DataKey::new([7; 32]), "{recipient}");
        let short = age(&["--encrypt", "--armor", "--recipient", recipient.as_str()], &[7; 31]);
        let wrapped_key = String::from_utf8(short).expect("letters");
        let entry = AgeEntry { recipient: recipient.to_string(), wrapped_key };
        let error = keys.unlock(&[entry]).expect_err("no data key");
        assert!(error.to_string().ends_with("what it wraps is no data key of 32 bytes"), "{error}");
    }
}
