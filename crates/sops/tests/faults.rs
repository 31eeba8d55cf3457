//! Damaged and hostile files: an error, or the values that were encrypted, and never others.

mod common;

use std::collections::BTreeMap;

use common::{at, entropy, keys, keys_of, pair, path};
use windlass_sops::{
    EncryptedFile, Format, Identities, KeyPair, Problem, Recipient, RecipientError, Rules,
    SopsError, Unlock, UnlockError, encrypt,
};

fn encrypted(plain: &[u8], format: Format) -> String {
    let rules = Rules::for_recipients(vec![pair().recipient().clone()]);
    encrypt(plain, format, &rules, at(0), &mut entropy()).expect("it is encrypted")
}

/// The values of a file, or nothing if it is refused.
fn values(text: &[u8], format: Format) -> Option<Vec<(String, Vec<u8>)>> {
    values_with(text, format, &keys())
}

fn values_with(text: &[u8], format: Format, unlock: &dyn Unlock) -> Option<Vec<(String, Vec<u8>)>> {
    let plain = EncryptedFile::parse(text, format).ok()?.decrypt(unlock).ok()?;
    let entry =
        |entry: &windlass_sops::Entry| (entry.path.to_string(), entry.value.as_bytes().to_vec());
    Some(plain.entries().iter().map(entry).collect())
}

fn refusal(text: &str, format: Format) -> SopsError {
    let file = EncryptedFile::parse(text.as_bytes(), format);
    file.and_then(|file| file.decrypt(&keys())).expect_err("it is refused")
}

const SMALL: [(Format, &str); 5] = [
    (Format::Yaml, "a: one\nb:\n    - 2\n    - true\nc: two\n"),
    (Format::Json, "{\n\t\"a\": \"one\",\n\t\"b\": [2, true]\n}\n"),
    (Format::Dotenv, "A=one\nB=two\n"),
    (Format::Ini, "[s]\na = one\nb = two\n"),
    (Format::Binary, "one\0two"),
];

#[test]
fn no_flipped_bit_gives_another_value() {
    for (format, plain) in SMALL {
        let text = encrypted(plain.as_bytes(), format);
        let right: Vec<_> = values(text.as_bytes(), format).expect("it decrypts");
        let (mut refused, mut accepted) = (0, 0);
        let file = EncryptedFile::parse(text.as_bytes(), format).expect("a SOPS file");
        let (keys, key) = (keys(), file.data_key(&keys()).expect("a data key"));
        // Unwrapping the key is slow: one bit of each byte of it is enough.
        let armor = text.find("-----BEGIN").expect("a wrapped key")
            ..text.rfind("-----END").expect("its end");
        let end_of_values = text.find("sops").expect("metadata");
        for at in 0..text.len() {
            for bit in 0..8 {
                let mut bytes = text.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                let wrapped_key = armor.contains(&at);
                if wrapped_key && bit != at % 7 {
                    continue;
                }
                let unlock: &dyn Unlock = if wrapped_key { &keys } else { &key };
                match values_with(&bytes, format, unlock) {
                    None => refused += 1,
                    Some(found) => {
                        accepted += 1;
                        assert_eq!(found, right, "{format:?}: bit {bit} of byte {at}");
                        let unprotected =
                            at >= end_of_values || text.as_bytes()[at].is_ascii_whitespace();
                        assert!(
                            unprotected || bytes[at].is_ascii_whitespace(),
                            "{format:?}: bit {bit} of byte {at}"
                        );
                    }
                }
            }
        }
        assert!(refused > accepted, "{format:?}: {refused} refused, {accepted} accepted");
    }
}

#[test]
fn no_cut_gives_another_value() {
    for (format, plain) in SMALL {
        let text = encrypted(plain.as_bytes(), format);
        let right = values(text.as_bytes(), format);
        for end in 0..text.len() {
            let found = values(&text.as_bytes()[..end], format);
            assert!(
                found.is_none() || found == right,
                "{format:?}: cut at {end} of {}",
                text.len()
            );
        }
    }
}

#[test]
fn a_value_moved_to_another_key_or_file_is_refused_by_name() {
    let text = encrypted(b"a: one\nb: two\n", Format::Yaml);
    let lines: Vec<_> = text.lines().collect();
    let of = |line: &str| line.split_once(": ").expect("a value").1.to_owned();
    let moved = text.replace(&of(lines[1]), &of(lines[0]));
    let error = refusal(&moved, Format::Yaml);
    assert_eq!(error.findings().len(), 1);
    assert_eq!(
        (error.findings()[0].key.clone(), error.findings()[0].problem.clone()),
        (path("b"), Problem::NotAuthentic)
    );
    assert_eq!(error.findings()[0].place.map(|place| place.line), Some(2));
    let rules = Rules::for_recipients(vec![pair().recipient().clone()]);
    let other = encrypt(b"a: three\n", Format::Yaml, &rules, at(0), &mut common::entropy_from(4))
        .expect("it is encrypted");
    let foreign = text.replace(&of(lines[0]), &of(other.lines().next().expect("a line")));
    assert!(matches!(refusal(&foreign, Format::Yaml), SopsError::Content(_)));
}

#[test]
fn every_damaged_value_is_named_and_none_is_shown() {
    let text = encrypted(b"a: one\nb: two\nc: three\nd: four\n", Format::Yaml);
    let lines: Vec<_> = text.lines().collect();
    let mut changed: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
    changed[0] = "a: hunter2".to_owned();
    changed[1] = changed[1].replace(",tag:", ",tug:");
    changed[2] = changed[2].replace("type:str", "type:int");
    let error = refusal(&changed.join("\n"), Format::Yaml);
    let expected = "line 1, column 4: a: the value is in the clear, and the rules of this file say that it is encrypted\n\
                    line 2, column 4: b: the ciphertext is damaged: a part of it is missing\n\
                    line 3, column 4: c: the value is not of the type that the ciphertext says";
    assert_eq!(error.to_string(), expected);
    assert!(!format!("{error:?}").contains("hunter2"));
    assert!(
        error.findings().iter().all(
            |finding| finding.problem.hint().is_some() || finding.problem == Problem::WrongType
        )
    );
}

#[test]
fn values_added_removed_or_put_in_another_order_break_the_code() {
    let text = encrypted(b"a: one\nb_unencrypted: two\nlist:\n    - x\n    - y\n", Format::Yaml);
    let lines: Vec<_> = text.lines().collect();
    let swapped =
        text.replace(lines[3], "-1-").replace(lines[4], lines[3]).replace("-1-", lines[4]);
    let removed = text.replace(&format!("{}\n", lines[3]), "");
    let repeated = text.replace(lines[3], &format!("{0}\n{0}", lines[3]));
    let changed = text.replace("two", "three");
    let added = format!("z_unencrypted: 1\n{text}");
    let emptied = text.replace(lines[0], "a: \"\"");
    for other in [swapped, removed, repeated, changed, added, emptied] {
        assert!(matches!(refusal(&other, Format::Yaml), SopsError::MacMismatch), "{other}");
    }
}

#[test]
fn the_code_is_needed_and_has_to_be_of_this_time() {
    let text = encrypted(b"a: one\n", Format::Yaml);
    let mac = text.lines().find(|line| line.contains("mac:")).expect("a code");
    assert!(matches!(
        refusal(&text.replace(mac, "    mac: \"\""), Format::Yaml),
        SopsError::MacMissing
    ));
    assert!(matches!(
        refusal(&text.replace(&format!("{mac}\n"), ""), Format::Yaml),
        SopsError::MacMissing
    ));
    let time = text.lines().find(|line| line.contains("lastmodified:")).expect("a time");
    let other = text.replace(time, "    lastmodified: \"2020-01-01T00:00:00Z\"");
    assert!(matches!(
        refusal(&other, Format::Yaml),
        SopsError::MacUnreadable(Problem::NotAuthentic)
    ));
    let none = text.replace(time, "    lastmodified: yesterday");
    assert!(matches!(refusal(&none, Format::Yaml), SopsError::Metadata { .. }));
}

#[test]
fn the_wrong_key_and_no_key_say_who_can_read_the_file() {
    let file = encrypted(b"a: one\n", Format::Yaml);
    let file = EncryptedFile::parse(file.as_bytes(), Format::Yaml).expect("a SOPS file");
    let bob = KeyPair::generate();
    let error = file.decrypt(&keys_of(&bob)).expect_err("not for bob");
    assert!(
        error.to_string().contains(pair().recipient().as_str())
            && error.to_string().contains(bob.recipient().as_str())
    );
    assert!(error.hint().is_some_and(|hint| hint.contains(bob.recipient().as_str())));
    let error = file.decrypt(&Identities::default()).expect_err("no key");
    assert!(matches!(error, SopsError::Unlock(UnlockError::NoIdentity { .. })));
    assert!(error.to_string().contains(pair().recipient().as_str()));
}

#[test]
fn groups_and_files_without_age_say_what_to_do() {
    let text = encrypted(b"a: one\n", Format::Yaml);
    let (start, rest) = text.split_once("    age:\n").expect("recipients");
    let (age, rest) = rest.split_once("    lastmodified").expect("a time");
    let group: String = age.lines().map(|line| format!("      {line}\n")).collect();
    let groups = format!(
        "{start}    key_groups:\n        - age:\n{group}        - age:\n{group}    lastmodified{rest}"
    );
    let error = refusal(&groups, Format::Yaml);
    assert!(matches!(error, SopsError::KeyGroups(2)), "{error}");
    assert!(error.hint().is_some());
    let pgp =
        format!("{start}    pgp:\n        - fp: ABCD\n          enc: x\n    lastmodified{rest}");
    assert_eq!(
        refusal(&pgp, Format::Yaml).to_string(),
        "the file has no age recipient, only pgp ABCD"
    );
    let none = format!("{start}    age: []\n    lastmodified{rest}");
    assert!(matches!(refusal(&none, Format::Yaml), SopsError::Unlock(_)));
}

#[test]
fn metadata_that_are_damaged_are_named_by_field() {
    let text = encrypted(b"a: one\n", Format::Yaml);
    for (old, new, start) in [
        ("recipient:", "recipent:", "sops.age[0].recipient: missing"),
        (
            "unencrypted_suffix: _unencrypted",
            "encrypted_regex: '('",
            "`(` is not a regular expression",
        ),
        (
            "unencrypted_suffix: _unencrypted",
            "unencrypted_suffix: a\n    encrypted_suffix: b",
            "sops.encrypted_suffix: a file has one rule",
        ),
        ("    lastmodified", "    last", "sops.lastmodified: missing"),
        (
            "unencrypted_suffix: _unencrypted",
            "mac_only_encrypted: perhaps",
            "sops.mac_only_encrypted: true or false",
        ),
    ] {
        let error = refusal(&text.replace(old, new), Format::Yaml);
        assert!(error.to_string().starts_with(start), "{error}");
    }
}

#[test]
fn plugin_and_other_recipients_are_refused_by_name_and_secrets_are_not_repeated() {
    let refused = |text: &str| text.parse::<Recipient>().expect_err("refused");
    assert!(matches!(
        refused("age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t"),
        RecipientError::Plugin(_)
    ));
    assert!(matches!(refused("age1../../bin/sh1qq"), RecipientError::Plugin(_)));
    assert!(matches!(refused("age1pq1qqqq"), RecipientError::PostQuantum(_)));
    assert!(matches!(refused("ssh-rsa AAAAB3NzaC1yc2E="), RecipientError::SshKind(_)));
    assert!(matches!(refused("ssh-ed25519 AAAA"), RecipientError::Invalid(_)));
    assert!(matches!(refused("age1"), RecipientError::Invalid(_)));
    let error = refused(pair().secret());
    assert_eq!(error, RecipientError::SecretKey);
    assert!(!format!("{error} {error:?}").contains("1"));
    let error = Identities::parse("AGE-PLUGIN-YUBIKEY-1QQQ", "keys.txt").expect_err("a plugin");
    assert_eq!(error.to_string(), "keys.txt, line 1: keys of age plugins are not supported");
}

#[test]
fn large_binary_empty_and_path_like_values_come_back() {
    let large = "x".repeat(10 << 20);
    let plain = format!(
        "large: {large}\nbinary: !!binary /wD+\nempty: \"\"\n../../etc/passwd: p\n\"a:b\": q\n\"\": r\n"
    );
    let text = encrypted(plain.as_bytes(), Format::Yaml);
    let file = EncryptedFile::parse(text.as_bytes(), Format::Yaml).expect("a SOPS file");
    let result = file.decrypt(&keys()).expect("it decrypts");
    assert!(result.text() == plain.as_bytes(), "the text comes back");
    let value = |text: &str| result.value(&path(text)).map(|value| value.as_bytes().to_vec());
    assert_eq!(value("large").map(|value| value.len()), Some(10 << 20));
    assert_eq!(value("binary"), Some(vec![0xff, 0, 0xfe]));
    assert_eq!(value("empty"), Some(Vec::new()));
    assert_eq!(value("[\"../../etc/passwd\"]"), Some(b"p".to_vec()));
    assert_eq!(value("[\"a:b\"]"), Some(b"q".to_vec()));
    assert_eq!(value("[\"\"]"), Some(b"r".to_vec()));
}

#[test]
fn bombs_and_what_a_file_cannot_hold_are_refused_with_their_places() {
    let rules = Rules::for_recipients(vec![pair().recipient().clone()]);
    let problems = |text: &str, format| {
        let error =
            encrypt(text.as_bytes(), format, &rules, at(0), &mut entropy()).expect_err("refused");
        error
            .findings()
            .iter()
            .map(|f| (f.place.map_or(0, |p| p.line), f.problem.clone()))
            .collect::<Vec<_>>()
    };
    let deep_yaml = format!("a: {}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(problems(&deep_yaml, Format::Yaml), [(1, Problem::TooDeep)]);
    let deep_json = format!("{{\"a\": {}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(problems(&deep_json, Format::Json), [(1, Problem::TooDeep)]);
    let aliases = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
    assert_eq!(
        problems(aliases, Format::Yaml),
        vec![(2, Problem::Alias), (2, Problem::Alias), (3, Problem::Alias), (3, Problem::Alias)]
    );
    assert_eq!(problems("a: 1\na: 2\n", Format::Yaml), [(2, Problem::DuplicateKey)]);
    assert_eq!(problems("{\"a\": 1, \"a\": 2}", Format::Json), [(1, Problem::DuplicateKey)]);
    assert_eq!(problems("A=1\nA=2\n", Format::Dotenv), [(2, Problem::DuplicateKey)]);
    assert_eq!(
        problems("1: x\ntrue: y\n~: z\n", Format::Yaml),
        vec![(1, Problem::KeyNotText), (2, Problem::KeyNotText), (3, Problem::KeyNotText)]
    );
    assert_eq!(problems("- a\n", Format::Yaml), [(1, Problem::RootNotMap)]);
    assert_eq!(problems("[1]", Format::Json), [(1, Problem::RootNotMap)]);
    assert_eq!(problems("a: 99999999999999999999\n", Format::Yaml), [(1, Problem::NumberTooLarge)]);
    assert_eq!(problems("a: !custom x\n", Format::Yaml), [(1, Problem::Tag("!custom".to_owned()))]);
    assert_eq!(problems("sops: mine\n", Format::Yaml), [(1, Problem::ReservedKey)]);
    assert_eq!(
        problems("a: ENC[AES256_GCM,data:x]\nb: 1\n", Format::Yaml),
        [(1, Problem::CiphertextAmongPlain)]
    );
    assert!(matches!(problems("A=1\nhunter2\n", Format::Dotenv)[..], [(2, Problem::Syntax(_))]));
    let error =
        encrypt(b"a: \xff\n", Format::Yaml, &rules, at(0), &mut entropy()).expect_err("not text");
    assert_eq!(error.to_string(), "line 1, column 4: not UTF-8");
}

#[test]
fn syntax_errors_quote_nothing() {
    let rules = Rules::for_recipients(vec![pair().recipient().clone()]);
    for (format, text) in [
        (Format::Yaml, "a: \"hunter2\nb: hunter2: hunter2\n"),
        (Format::Yaml, "a: *hunter2\n"),
        (Format::Yaml, "a: [hunter2\n"),
        (Format::Yaml, "%hunter2\n"),
        (Format::Json, "{\"a\": hunter2}"),
        (Format::Json, "{\"a\": \"hunter2"),
        (Format::Json, "{\"a\": \"hunter2\" \"hunter2\"}"),
        (Format::Dotenv, "hunter2\n"),
        (Format::Ini, "[s]\nhunter2\n"),
        (Format::Ini, "a = `hunter2\n"),
    ] {
        let error =
            encrypt(text.as_bytes(), format, &rules, at(0), &mut entropy()).expect_err(text);
        assert!(!format!("{error} {error:?}").contains("hunter2"), "{error}");
        assert!(!error.findings().is_empty() && error.findings()[0].place.is_some(), "{error}");
    }
}

#[test]
fn what_the_format_does_not_protect_is_what_the_documentation_says() {
    let text = encrypted(
        b"# comment\na_unencrypted: one\nb_unencrypted: two\nempty: \"\"\nnothing: null\n",
        Format::Yaml,
    );
    let found = |text: &str| -> Option<BTreeMap<String, Vec<u8>>> {
        Some(values(text.as_bytes(), Format::Yaml)?.into_iter().collect())
    };
    let without_comment = text.split_once('\n').expect("a line").1;
    assert!(found(without_comment).is_some());
    assert!(found(&text.replace("a_unencrypted", "z_unencrypted")).is_some());
    assert!(found(&text.replace("empty:", "blank:")).is_some());
    assert!(found(&text.replace("nothing: null\n", "")).is_some());
    assert!(
        found(&text.replace(
            "a_unencrypted: one\nb_unencrypted: two",
            "a_unencrypted: onet\nb_unencrypted: wo"
        ))
        .is_some()
    );
    assert!(found(&text.replace("one", "two")).is_none());
}
