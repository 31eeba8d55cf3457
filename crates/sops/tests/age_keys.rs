//! Keys of age and of SSH.

mod common;

use common::{at, entropy, pair};
use windlass_sops::{EncryptedFile, Format, Identities, Recipient, Rules, Unlock, encrypt};

const SSH: &str = include_str!("keys/ssh_ed25519");
const SSH_PUBLIC: &str = include_str!("keys/ssh_ed25519.pub");

#[test]
fn an_ssh_key_opens_what_is_encrypted_for_it() {
    let recipient: Recipient = SSH_PUBLIC.parse().expect("a recipient");
    let rules = Rules::for_recipients(vec![pair().recipient().clone(), recipient.clone()]);
    let text =
        encrypt(b"a: one\n", Format::Yaml, &rules, at(0), &mut entropy()).expect("it is encrypted");
    assert!(
        text.contains("recipient: ssh-ed25519 AAAA")
            || text.contains("recipient: \"ssh-ed25519 AAAA"),
        "{text}"
    );
    let file = EncryptedFile::parse(text.as_bytes(), Format::Yaml).expect("a SOPS file");
    let keys = Identities::parse(SSH, "~/.ssh/id_ed25519").expect("a key");
    assert_eq!(file.decrypt(&keys).expect("it decrypts").text(), b"a: one\n");
    assert_eq!(keys.recipients(), [recipient]);
    assert!(!format!("{keys:?}").contains("PRIVATE"));
}

#[test]
fn one_recipient_named_twice_is_one() {
    let recipient: Recipient = SSH_PUBLIC.parse().expect("a recipient");
    let bare: Recipient =
        SSH_PUBLIC.trim().trim_end_matches(" test@example").parse().expect("a recipient");
    assert_eq!(recipient, bare);
    let rules = Rules::for_recipients(vec![recipient, bare]);
    let text =
        encrypt(b"a: one\n", Format::Yaml, &rules, at(0), &mut entropy()).expect("it is encrypted");
    let file = EncryptedFile::parse(text.as_bytes(), Format::Yaml).expect("a SOPS file");
    assert_eq!(file.metadata().age.len(), 1);
}

#[test]
fn ssh_keys_that_cannot_be_used_say_why() {
    let error = |text: &str| Identities::parse(text, "id").expect_err("refused").to_string();
    assert_eq!(
        error(include_str!("keys/ssh_ed25519_passphrase")),
        "id: the SSH key is protected by a passphrase"
    );
    assert_eq!(error(include_str!("keys/ssh_rsa")), "id: the SSH key is not an Ed25519 key");
    assert_eq!(
        error(&SSH[..SSH.len() - 80]),
        "id: the SSH key is not in OpenSSH's format; `ssh-keygen -p -f FILE` rewrites it so"
    );
    let cut: String = SSH
        .lines()
        .enumerate()
        .filter(|(at, _)| *at != 3)
        .map(|(_, line)| format!("{line}\n"))
        .collect();
    assert!(error(&cut).starts_with("id: the SSH key "));
    assert!(include_str!("keys/ssh_rsa.pub").parse::<Recipient>().is_err());
}

#[test]
fn key_files_and_variables_are_read() {
    let secret = pair().secret();
    let file = format!("# created: 2026\n# public key: {}\n{secret}\n\n", pair().recipient());
    assert_eq!(Identities::parse(&file, "keys.txt").expect("a key").recipients().len(), 1);
    assert_eq!(
        Identities::parse(&format!("{secret} {secret}"), "SOPS_AGE_KEY")
            .expect("keys")
            .recipients()
            .len(),
        2
    );
    assert!(Identities::parse("# nothing\n", "keys.txt").expect("no key").is_empty());
    let error = Identities::parse(&format!("{secret}\nAGE-SECRET-KEY-1HUNTER2\n"), "keys.txt")
        .expect_err("damaged");
    assert_eq!(error.to_string(), "keys.txt, line 2: not an age key (AGE-SECRET-KEY-1…)");
    let error = Identities::parse(pair().recipient().as_str(), "keys.txt").expect_err("public");
    assert_eq!(
        error.to_string(),
        "keys.txt, line 1: a public key is given where a secret one belongs"
    );
}

#[test]
fn a_recipient_in_the_metadata_is_no_more_than_a_name() {
    let rules = Rules::for_recipients(vec![pair().recipient().clone()]);
    let text =
        encrypt(b"a: one\n", Format::Yaml, &rules, at(0), &mut entropy()).expect("it is encrypted");
    let renamed = text.replace(pair().recipient().as_str(), "somebody");
    let file = EncryptedFile::parse(renamed.as_bytes(), Format::Yaml).expect("a SOPS file");
    assert!(file.decrypt(&common::keys()).is_ok());
    let damaged = text.replace("-----BEGIN AGE", "-----BEGIN WHAT");
    let file = EncryptedFile::parse(damaged.as_bytes(), Format::Yaml).expect("a SOPS file");
    assert!(common::keys().unlock(&file.metadata().age).is_err());
}
