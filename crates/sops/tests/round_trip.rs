//! What is encrypted comes back: text, layout, comments, order and kinds.

mod common;

use common::{at, entropy, keys, pair, path};
use windlass_sops::{EncryptedFile, Format, Kind, Rules, Selection, SopsError, encrypt};

const YAML: &str = "\
# the first comment
db:
    password: hunter2 # beside
    port: 5432
    ratio: 0.5
    tls: true
    empty: \"\"
    nothing: null
    since: 2020-01-02T03:04:05Z
    # above the list
    hosts:
        - one
        # in the list
        - two
    certificate: |
        -----BEGIN-----
        abc

        def
        -----END-----
    # below, in the map
note_unencrypted: seen # and this
list:
    - name: a
      value: 1
    - - x
      - yy
last: end
# at the end
";

fn encrypted(plain: &str, format: Format) -> String {
    let rules = Rules::for_recipients(vec![pair().recipient().clone()]);
    encrypt(plain.as_bytes(), format, &rules, at(0), &mut entropy()).expect("it is encrypted")
}

fn decrypted(text: &str, format: Format) -> String {
    let file = EncryptedFile::parse(text.as_bytes(), format).expect("a SOPS file");
    let plain = file.decrypt(&keys()).expect("it decrypts");
    String::from_utf8(plain.text().to_vec()).expect("text")
}

#[test]
fn yaml_comes_back_to_the_byte() {
    let text = encrypted(YAML, Format::Yaml);
    for secret in ["hunter2", "the first", "beside", "above the", "in the", "at the end"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert!(text.contains("note_unencrypted: seen"));
    assert_eq!(decrypted(&text, Format::Yaml), YAML);
}

#[test]
fn json_comes_back_to_the_byte() {
    for plain in [
        "{\n\t\"a\": \"x\",\n\t\"b\": {\n\t\t\"c\": [1, 2.5, true, null, \"\"]\n\t}\n}\n",
        "{\"a\": \"x\"}",
        "{\n  \"a\": \"x\"\n}\n",
    ] {
        let text = encrypted(plain, Format::Json);
        serde_json::from_str::<serde_json::Value>(&text).expect("JSON");
        assert_eq!(decrypted(&text, Format::Json), plain, "{text}");
    }
}

#[test]
fn dotenv_comes_back_to_the_byte() {
    let plain = "# top\nA=1\n\nB =two words # no comment\nC=line\\nbreak\nD=\nexport E='x'\n";
    let text = encrypted(plain, Format::Dotenv);
    assert!(
        text.contains("sops_age__list_0__map_enc=-----BEGIN AGE ENCRYPTED FILE-----\\n"),
        "{text}"
    );
    assert_eq!(decrypted(&text, Format::Dotenv), plain);
}

#[test]
fn ini_comes_back_to_the_byte() {
    let plain = "top = 1\n\n; about\n[db]\n; the password\npassword = hunter2\nport=5432 ; beside\nempty =\nquoted = `a#b`\n\n[other]\n# x\ny: z\n; at the end\n";
    let text = encrypted(plain, Format::Ini);
    assert!(text.contains("\n\n[sops]\n"), "{text}");
    assert!(
        !text.contains("hunter2") && !text.contains("beside") && !text.contains("at the end"),
        "{text}"
    );
    assert_eq!(decrypted(&text, Format::Ini), plain);
}

#[test]
fn any_bytes_come_back() {
    let bytes: Vec<u8> = (0..=255).cycle().take(100_000).collect();
    let rules = Rules::for_recipients(vec![pair().recipient().clone()]);
    for bytes in [&bytes[..], b"", b"\n"] {
        let text =
            encrypt(bytes, Format::Binary, &rules, at(0), &mut entropy()).expect("it is encrypted");
        let file = EncryptedFile::parse(text.as_bytes(), Format::Binary).expect("a SOPS file");
        assert_eq!(file.decrypt(&keys()).expect("it decrypts").text(), bytes);
    }
}

#[test]
fn several_documents_come_back() {
    let plain = "---\na: 1\n# c\n---\nb: {c: [2, x y]}\n---\n---\nd: |\n    e\n";
    let text = encrypted(plain, Format::Yaml);
    assert_eq!(
        text.matches("mac: ENC").count() + text.matches("\"mac\": \"ENC").count(),
        4,
        "{text}"
    );
    assert_eq!(decrypted(&text, Format::Yaml), plain);
}

#[test]
fn values_keep_their_kinds_and_are_found_by_path() {
    let file = encrypted(YAML, Format::Yaml);
    let file = EncryptedFile::parse(file.as_bytes(), Format::Yaml).expect("a SOPS file");
    let plain = file.decrypt(&keys()).expect("it decrypts");
    let kind = |text: &str| plain.value(&path(text)).map(windlass_sops::Value::kind);
    assert_eq!(kind("db.password"), Some(Kind::Text));
    assert_eq!(kind("db.port"), Some(Kind::Integer));
    assert_eq!(kind("db.ratio"), Some(Kind::Float));
    assert_eq!(kind("db.tls"), Some(Kind::Boolean));
    assert_eq!(kind("db.nothing"), Some(Kind::Null));
    assert_eq!(kind("db.since"), Some(Kind::Time));
    assert_eq!(kind("list[1][0]"), Some(Kind::Text));
    assert_eq!(kind("db.none"), None);
    let hosts: Vec<_> =
        plain.entries().iter().map(|entry| (entry.path.to_string(), entry.encrypted)).collect();
    assert!(hosts.contains(&("db.hosts[1]".to_owned(), true)));
    assert!(hosts.contains(&("note_unencrypted".to_owned(), false)));
    assert!(hosts.contains(&("db.empty".to_owned(), false)));
    assert_eq!(file.listings().len(), plain.entries().len());
    for (listing, entry) in file.listings().iter().zip(plain.entries()) {
        assert_eq!((&listing.path, listing.encrypted), (&entry.path, entry.encrypted));
        assert_eq!(listing.kind, Some(entry.value.kind()));
    }
    assert!(!format!("{plain:?} {file:?} {:?}", plain.entries()).contains("hunter2"));
}

#[test]
fn every_rule_for_what_is_encrypted_works_both_ways() {
    let plain = "# sops:on\na_x: one\nb:\n    c_x: two\n    d: three\n# other\ne: four\n";
    let pattern = |text| windlass_sops::Pattern::new(text).expect("a pattern");
    let cases = [
        (Selection::UnencryptedSuffix("_x".to_owned()), vec!["three", "four"]),
        (Selection::EncryptedSuffix("_x".to_owned()), vec!["one", "two"]),
        (Selection::UnencryptedRegex(pattern("^b$")), vec!["one", "four"]),
        (Selection::EncryptedRegex(pattern("^(b|e)$")), vec!["two", "three", "four"]),
        (Selection::UnencryptedCommentRegex(pattern("sops:on")), vec!["two", "three", "four"]),
        (Selection::EncryptedCommentRegex(pattern("sops:on")), vec!["one"]),
    ];
    for (selection, hidden) in cases {
        for mac_only_encrypted in [false, true] {
            let recipients = vec![pair().recipient().clone()];
            let rules = Rules { recipients, selection: selection.clone(), mac_only_encrypted };
            let text = encrypt(plain.as_bytes(), Format::Yaml, &rules, at(0), &mut entropy())
                .expect("it is encrypted");
            for word in ["one", "two", "three", "four"] {
                assert_eq!(
                    text.contains(word),
                    !hidden.contains(&word),
                    "{selection:?} {word}\n{text}"
                );
            }
            let file = EncryptedFile::parse(text.as_bytes(), Format::Yaml).expect("a SOPS file");
            assert_eq!(file.metadata().selection, selection);
            let result = file.decrypt(&keys()).expect("it decrypts");
            assert_eq!(std::str::from_utf8(result.text()), Ok(plain));
            let changed = text.replace("four", "five").replace("three", "thorn");
            let changed = EncryptedFile::parse(changed.as_bytes(), Format::Yaml)
                .expect("a SOPS file")
                .decrypt(&keys());
            if text.contains("four") || text.contains("three") {
                assert_eq!(changed.is_ok(), mac_only_encrypted, "{selection:?}");
            }
        }
    }
}

#[test]
fn what_is_not_encrypted_says_so() {
    for (text, format) in [
        ("a: 1\n", Format::Yaml),
        ("{}", Format::Json),
        ("A=1\n", Format::Dotenv),
        ("[a]\nb=1\n", Format::Ini),
    ] {
        let error = EncryptedFile::parse(text.as_bytes(), format).expect_err("plain");
        assert!(matches!(error, SopsError::NotEncrypted), "{error}");
        assert!(!EncryptedFile::is_one(text.as_bytes(), format));
        let twice = encrypt(
            encrypted(text, format).as_bytes(),
            format,
            &Rules::for_recipients(vec![pair().recipient().clone()]),
            at(0),
            &mut entropy(),
        );
        assert!(matches!(twice, Err(SopsError::AlreadyEncrypted)), "{format:?}");
    }
}

#[test]
fn spaces_at_the_end_of_lines_are_neither_lost_nor_doubled() {
    for plain in
        ["a: |-\n    x  \n    y  \nb: 1\n", "a: |\n      x\n     \nb: 1\n", "a: x   \nb: 1\n"]
    {
        let once = decrypted(&encrypted(plain, Format::Yaml), Format::Yaml);
        let twice = decrypted(&encrypted(&once, Format::Yaml), Format::Yaml);
        assert_eq!(once, twice);
        let value = |text: &str| {
            let text = encrypted(text, Format::Yaml);
            let file = EncryptedFile::parse(text.as_bytes(), Format::Yaml).expect("a SOPS file");
            file.decrypt(&keys()).expect("it decrypts").value(&path("a")).cloned()
        };
        assert_eq!(value(plain), value(&once));
    }
}

#[test]
fn a_map_that_is_indented_and_an_empty_file_get_metadata_where_they_belong() {
    for plain in ["  a: 1\n  b:\n    c: 2\n", "", "# only a comment\n"] {
        let text = encrypted(plain, Format::Yaml);
        assert_eq!(decrypted(&text, Format::Yaml), plain);
        let file = EncryptedFile::parse(text.as_bytes(), Format::Yaml).expect("a SOPS file");
        let edited = format!("{plain}{}z: 1\n", if plain.starts_with(' ') { "  " } else { "" });
        let new = file
            .reencrypt(edited.as_bytes(), &keys(), at(1), &mut entropy())
            .expect("it is edited");
        assert_eq!(decrypted(&new, Format::Yaml), edited);
        let new =
            file.reencrypt(b"moved: 1\n", &keys(), at(1), &mut entropy()).expect("it is edited");
        assert_eq!(decrypted(&new, Format::Yaml), "moved: 1\n");
    }
}
