//! A file written anew: what did not change stays to the byte.

mod common;

use common::{at, entropy, keys, keys_of, pair, path};
use windlass_sops::{
    EncryptedFile, Format, Identities, KeyPair, Recipient, Rules, SopsError, Tree, UnlockError,
    Value, encrypt,
};

fn rules() -> Rules {
    Rules::for_recipients(vec![pair().recipient().clone()])
}

fn encrypted(plain: &str, format: Format) -> EncryptedFile {
    let text = encrypt(plain.as_bytes(), format, &rules(), at(0), &mut entropy())
        .expect("it is encrypted");
    read(&text, format)
}

fn read(text: &str, format: Format) -> EncryptedFile {
    EncryptedFile::parse(text.as_bytes(), format).expect("a SOPS file")
}

fn plain(text: &str, format: Format, keys: &Identities) -> String {
    let plain = read(text, format).decrypt(keys).expect("it decrypts");
    String::from_utf8(plain.text().to_vec()).expect("text")
}

/// The lines of `new` that are not in `old`, at the same place.
fn changed<'n>(old: &str, new: &'n str) -> Vec<&'n str> {
    assert_eq!(old.lines().count(), new.lines().count());
    old.lines()
        .zip(new.lines())
        .filter(|(old, new)| old != new)
        .map(|(_, new)| new.trim())
        .collect()
}

#[test]
fn one_value_of_a_thousand_changes_its_line_the_time_and_the_code() {
    let files = [
        (Format::Yaml, "# c\n".to_owned(), "key_{}: value {}\n", ""),
        (Format::Dotenv, "# c\n".to_owned(), "key_{}=value {}\n", ""),
        (Format::Ini, "; c\n[s]\n".to_owned(), "key_{} = value {}\n", ""),
        (Format::Json, "{\n".to_owned(), "\t\"key_{}\": \"value {}\",\n", "\t\"end\": 1\n}\n"),
    ];
    for (format, mut text, line, end) in files {
        for number in 0..1000 {
            text.push_str(&line.replace("{}", &number.to_string()));
        }
        text.push_str(end);
        let file = encrypted(&text, format);
        let edited = text.replace("value 617", "something else");
        let new = file
            .reencrypt(edited.as_bytes(), &keys(), at(60), &mut entropy())
            .expect("it is encrypted");
        let lines = changed(file.text(), &new);
        assert_eq!(lines.len(), 3, "{format:?} {lines:?}");
        assert!(
            lines[0].contains("key_617")
                && lines[1].contains("lastmodified")
                && lines[2].contains("mac")
        );
        assert_eq!(plain(&new, format, &keys()), edited);
        let same = file
            .reencrypt(text.as_bytes(), &keys(), at(60), &mut entropy())
            .expect("it is encrypted");
        assert_eq!(same, file.text(), "nothing was edited");
    }
}

#[test]
fn a_value_that_is_put_back_gets_a_new_ciphertext_and_equal_values_of_a_list_do_not_show() {
    let file = encrypted("list:\n    - same\n    - same\n    - same\n", Format::Yaml);
    let lines: Vec<_> = file.text().lines().skip(1).take(3).collect();
    assert!(lines[0] != lines[1] && lines[1] != lines[2]);
    let more = "list:\n    - same\n    - same\n    - same\n    - same\n";
    let new = file
        .reencrypt(more.as_bytes(), &keys(), at(1), &mut common::entropy_from(7))
        .expect("it is encrypted");
    let new: Vec<_> = new.lines().skip(1).take(4).collect();
    assert_eq!(new[..3], lines[..]);
    assert!(!lines.contains(&new[3]));
}

#[test]
fn lines_come_and_go_with_their_comments() {
    let old = "# top\na: 1\nb:\n    # in b\n    c: x\n    d: yy # beside\n";
    let new = "a: 1\nnew: |\n    more\n    lines\nb:\n    # in b\n    # and more\n    d: yy # beside\ne: {f: 1, g: [z]}\n";
    let file = encrypted(old, Format::Yaml);
    let text =
        file.reencrypt(new.as_bytes(), &keys(), at(1), &mut entropy()).expect("it is encrypted");
    assert_eq!(plain(&text, Format::Yaml, &keys()), new);
    let kept = |line: &&str| line.starts_with("a: ") || line.starts_with("    d: ");
    for kept in file.text().lines().filter(kept) {
        assert!(text.contains(kept), "{kept}");
    }
}

#[test]
fn a_key_is_set_in_place_or_added_behind_its_siblings() {
    let old = "# top\na: 1 # one\nb:\n    c: x\n    d:\n        - yy\nempty:\n{}\n";
    let old = old.replace("{}\n", "nothing: {}\n");
    let set = |key: &str, value: Tree| {
        let file = encrypted(&old, Format::Yaml);
        let text = file.set(&path(key), &value, &keys(), at(1), &mut entropy()).expect("it is set");
        plain(&text, Format::Yaml, &keys())
    };
    assert_eq!(set("a", Tree::text("two")), old.replace("a: 1 ", "a: two "));
    assert_eq!(set("a", Value::integer(2).into()), old.replace("a: 1 ", "a: 2 "));
    assert_eq!(set("b.c", Tree::text("1\n2\n")), old.replace("c: x", "c: |\n        1\n        2"));
    assert_eq!(
        set("b.e", Tree::text("no")),
        old.replace("        - yy\n", "        - yy\n    e: \"no\"\n")
    );
    assert_eq!(set("b.d[0]", Tree::text("z")), old.replace("- yy", "- z"));
    assert_eq!(set("b.d[1]", Tree::text("z")), old.replace("- yy\n", "- yy\n        - z\n"));
    assert_eq!(set("empty", Tree::text("full")), old.replace("empty:", "empty: full"));
    assert_eq!(set("nothing.x", Tree::text("full")), old.replace("{}", "{\"x\": full}"));
    assert_eq!(
        set("x.yy.z", Value::boolean(true).into()),
        format!("{old}x:\n    yy:\n        z: true\n")
    );
    let tree = Tree::List(vec![Tree::Map(vec![
        ("k".to_owned(), Tree::text("v")),
        ("l".to_owned(), Tree::Map(Vec::new())),
    ])]);
    assert_eq!(
        set("b", tree),
        old.replace("b:\n    c: x\n    d:\n        - yy\n", "b:\n    - k: v\n      l: {}\n")
    );
    assert_eq!(set("[\"a/b: c\"]", Tree::text("x")), format!("{old}\"a/b: c\": x\n"));
}

#[test]
fn json_dotenv_and_ini_are_set_in_their_own_style() {
    let cases = [
        (
            Format::Json,
            "{\n  \"a\": \"x\"\n}\n",
            "b.c",
            "{\n  \"a\": \"x\",\n  \"b\": {\n    \"c\": \"v\"\n  }\n}\n",
        ),
        (Format::Json, "{\"a\": \"x\"}", "b", "{\"a\": \"x\", \"b\": \"v\"}"),
        (Format::Json, "{\n\t\"a\": {}\n}\n", "a.b", "{\n\t\"a\": {\n\t\t\"b\": \"v\"\n\t}\n}\n"),
        (Format::Json, "{\n\t\"a\": [1]\n}\n", "a[1]", "{\n\t\"a\": [1, \"v\"]\n}\n"),
        (Format::Dotenv, "A=1\n# c\n", "B", "A=1\n# c\nB=v\n"),
        (Format::Dotenv, "A=1\n# c\n", "A", "A=v\n# c\n"),
        (Format::Ini, "[s]\na = 1\n\n[t]\nb = 2\n", "s.c", "[s]\na = 1\nc = v\n\n[t]\nb = 2\n"),
        (Format::Ini, "[s]\na = 1 ; one\n", "s.a", "[s]\na = v ; one\n"),
        (Format::Ini, "[s]\na = 1\n", "new.b", "[s]\na = 1\n\n[new]\nb = v\n"),
        (Format::Ini, "[s]\na =\n", "s.a", "[s]\na = v\n"),
    ];
    for (format, old, key, new) in cases {
        let file = encrypted(old, format);
        let text = file
            .set(&path(key), &Tree::text("v"), &keys(), at(1), &mut entropy())
            .expect("it is set");
        assert_eq!(plain(&text, format, &keys()), new);
        let value = read(&text, format).decrypt(&keys()).expect("it decrypts");
        assert_eq!(value.value(&path(key)), Some(&Value::text("v")));
    }
}

#[test]
fn what_a_format_cannot_hold_is_refused_and_not_changed() {
    let set = |format, old: &str, key: &str, value: Tree| {
        encrypted(old, format)
            .set(&path(key), &value, &keys(), at(1), &mut entropy())
            .expect_err("refused")
            .to_string()
    };
    let nested = || Tree::Map(vec![("x".to_owned(), Tree::text("y"))]);
    assert_eq!(
        set(Format::Dotenv, "A=1\n", "A", nested()),
        "A: cannot be set: the format holds single values only"
    );
    assert_eq!(
        set(Format::Dotenv, "A=1\n", "A.B", Tree::text("x")),
        "A.B: cannot be set: a dotenv file has keys at the top only"
    );
    assert_eq!(
        set(Format::Dotenv, "A=1\n", "A", Tree::text("c:\\new")),
        "A: dotenv files have no way to write this value"
    );
    assert_eq!(
        set(Format::Ini, "[a]\nb=1\n", "a", Tree::text("x")),
        "a: cannot be set: an INI file has keys in sections: section.key"
    );
    assert_eq!(
        set(Format::Yaml, "a: 1\n", "a.b", Tree::text("x")),
        "a.b: cannot be set: a single value is on the way"
    );
    assert_eq!(
        set(Format::Yaml, "a: [1]\n", "a[5]", Tree::text("x")),
        "a[5]: cannot be set: a list grows at its end only"
    );
    assert!(set(Format::Yaml, "a: 1\n", "sops", Tree::text("x")).contains("reserved"));
    assert!(set(Format::Json, "{\"a\": 1}", "a", Tree::text([0xff])).contains("binary"));
}

#[test]
fn a_key_is_taken_away_with_its_lines() {
    let cases = [
        (
            Format::Yaml,
            "a: 1\nb:\n    c: |\n        x\n    d: 2 # two\ne: 3\n",
            "b.c",
            "a: 1\nb:\n    d: 2 # two\ne: 3\n",
        ),
        (Format::Yaml, "a: 1\nb:\n    c: 2\ne: 3\n", "b", "a: 1\ne: 3\n"),
        (Format::Yaml, "a: 1\nb:\n    c: 2\ne: 3\n", "b.c", "a: 1\nb: {}\ne: 3\n"),
        (Format::Yaml, "a:\n    - 1\n    - 2\n", "a[0]", "a:\n    - 2\n"),
        (Format::Yaml, "a:\n    - 1\nb: 2\n", "a[0]", "a: []\nb: 2\n"),
        (Format::Yaml, "a:\n- b: 1\n  c: 2\n", "a[0].b", "a:\n- c: 2\n"),
        (Format::Yaml, "a: {b: 1, c: 2}\n", "a.c", "a: {b: 1}\n"),
        (Format::Json, "{\n  \"a\": 1,\n  \"b\": 2\n}\n", "b", "{\n  \"a\": 1\n}\n"),
        (Format::Json, "{\n  \"a\": 1,\n  \"b\": 2\n}\n", "a", "{\n  \"b\": 2\n}\n"),
        (Format::Dotenv, "A=1\nB=2\n", "A", "B=2\n"),
        (Format::Ini, "[s]\na = 1\nb = 2\n", "s.a", "[s]\nb = 2\n"),
    ];
    for (format, old, key, new) in cases {
        let text = encrypted(old, format)
            .unset(&path(key), &keys(), at(1), &mut entropy())
            .expect("it is gone");
        assert_eq!(plain(&text, format, &keys()), new, "{format:?} {key}");
    }
    let error =
        encrypted("a: 1\n", Format::Yaml).unset(&path("b.c"), &keys(), at(1), &mut entropy());
    assert!(matches!(error, Err(SopsError::NoSuchKey(_))));
}

#[test]
fn a_new_data_key_changes_every_ciphertext_and_no_value() {
    let text = "# c\na: x\nb:\n    - 1\n    - true\n";
    let file = encrypted(text, Format::Yaml);
    let rotated =
        file.rotate_data_key(&keys(), at(1), &mut common::entropy_from(9)).expect("it is rotated");
    assert_eq!(plain(&rotated, Format::Yaml, &keys()), text);
    for line in file.text().lines().filter(|line| line.contains("ENC[")) {
        assert!(!rotated.contains(line), "{line}");
    }
    let old_key = file.data_key(&keys()).expect("a key");
    assert!(read(&rotated, Format::Yaml).decrypt(&old_key).is_err());
}

#[test]
fn recipients_come_without_and_go_with_a_new_data_key() {
    let bob = KeyPair::generate();
    for format in [Format::Yaml, Format::Json, Format::Dotenv, Format::Ini] {
        let old = match format {
            Format::Yaml => "# c\na:\n    b: x\n",
            Format::Json => "{\n\t\"a\": {\n\t\t\"b\": \"x\"\n\t}\n}\n",
            Format::Dotenv => "# c\nA=x\n",
            _ => "; c\n[a]\nb = x\n",
        };
        let file = encrypted(old, format);
        let refused = file.decrypt(&keys_of(&bob)).expect_err("not yet");
        assert!(matches!(refused, SopsError::Unlock(UnlockError::NotForUs { .. })));
        let both = file.add_recipients(&[bob.recipient().clone()], &keys()).expect("he is added");
        assert_eq!(plain(&both, format, &keys_of(&bob)), old);
        assert_eq!(plain(&both, format, &keys()), old);
        let again = read(&both, format)
            .add_recipients(&[bob.recipient().clone()], &keys())
            .expect("he is there");
        assert_eq!(again, both);
        let key = file.data_key(&keys()).expect("a key");
        let gone = read(&both, format)
            .remove_recipients(
                &[pair().recipient().clone()],
                &keys(),
                at(2),
                &mut common::entropy_from(3),
            )
            .expect("the other goes");
        assert_eq!(plain(&gone, format, &keys_of(&bob)), old);
        assert!(read(&gone, format).decrypt(&keys()).is_err());
        assert!(read(&gone, format).decrypt(&key).is_err(), "the old data key opens nothing");
        let set = read(&gone, format)
            .set_recipients(&[pair().recipient().clone()], &keys_of(&bob), at(3), &mut entropy())
            .expect("they are set");
        assert_eq!(plain(&set, format, &keys()), old);
    }
}

#[test]
fn nobody_is_no_recipient_and_a_stranger_cannot_go() {
    let file = encrypted("a: x\n", Format::Yaml);
    let mine = [pair().recipient().clone()];
    let nobody = file.remove_recipients(&mine, &keys(), at(1), &mut entropy());
    assert!(matches!(nobody, Err(SopsError::NoRecipients)));
    let stranger = [KeyPair::generate().recipient().clone()];
    let error = file.remove_recipients(&stranger, &keys(), at(1), &mut entropy());
    assert!(matches!(error, Err(SopsError::NotARecipient(_))));
    let none =
        encrypt(b"a: x\n", Format::Yaml, &Rules::for_recipients(Vec::new()), at(0), &mut entropy());
    assert!(matches!(none, Err(SopsError::NoRecipients)));
}

#[test]
fn keys_of_other_kinds_are_kept_and_forbid_a_new_data_key() {
    let file = encrypted("a: x\n", Format::Yaml);
    let pgp = "    pgp:\n        - created_at: \"2026-01-01T00:00:00Z\"\n          enc: |-\n            -----BEGIN PGP MESSAGE-----\n          fp: ABCD\n";
    let text =
        file.text().replace("    unencrypted_suffix:", &format!("{pgp}    unencrypted_suffix:"));
    let file = read(&text, Format::Yaml);
    assert_eq!(file.metadata().foreign[0].id, "ABCD");
    let new = file.reencrypt(b"a: y\n", &keys(), at(1), &mut entropy()).expect("it is edited");
    assert!(new.contains(pgp), "{new}");
    let error = file.rotate_data_key(&keys(), at(1), &mut entropy()).expect_err("pgp");
    assert_eq!(
        error.to_string(),
        "the data key cannot be renewed: the file is also encrypted for pgp ABCD"
    );
    let bob: Recipient = KeyPair::generate().recipient().clone();
    let added = file.add_recipients(&[bob], &keys()).expect("he is added");
    assert!(added.contains("fp: ABCD"));
    assert_eq!(plain(&added, Format::Yaml, &keys()), "a: x\n");
}

#[test]
fn the_last_value_can_be_taken_out_and_another_one_be_put_in() {
    for (format, start, key) in [
        (Format::Yaml, "# top\na: x\n", "a"),
        (Format::Json, "{\"a\": \"x\"}\n", "a"),
        (Format::Dotenv, "a=x\n", "a"),
        (Format::Ini, "[s]\na = x\n", "s.a"),
    ] {
        let full = encrypted(start, format);
        let empty =
            full.unset(&path(key), &keys(), at(1), &mut entropy()).expect("it is taken out");
        let empty = EncryptedFile::parse(empty.as_bytes(), format).expect("a SOPS file");
        assert!(empty.decrypt(&keys()).expect("authentic").entries().is_empty(), "{format:?}");
        let value = Tree::text("y");
        let again =
            empty.set(&path(key), &value, &keys(), at(2), &mut entropy()).expect("it is set");
        let again = EncryptedFile::parse(again.as_bytes(), format).expect("a SOPS file");
        let plain = again.decrypt(&keys()).expect("authentic");
        assert_eq!(
            plain.value(&path(key)).and_then(|value| value.as_str()),
            Some("y"),
            "{format:?}"
        );
    }
    let new = windlass_sops::set_plain("# top\n", Format::Yaml, &path("a.b"), &Tree::text("x"));
    assert_eq!(*new.expect("it is set"), "# top\na:\n    b: x\n");
}
