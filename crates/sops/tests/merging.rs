//! Two edits of one file.

mod common;

use common::{at, entropy, entropy_from, keys, keys_of, pair};
use windlass_sops::{EncryptedFile, Format, KeyPair, MergeError, Merged, Rules, encrypt, merge};

const BASE: &str = "# top\na: 1\nb:\n    c: two\n    d: three\n    list:\n        - x\nlast: end\n";

fn base(format: Format, text: &str) -> String {
    let rules = Rules::for_recipients(vec![pair().recipient().clone()]);
    encrypt(text.as_bytes(), format, &rules, at(0), &mut entropy()).expect("it is encrypted")
}

fn edit(file: &str, format: Format, plain: &str, seed: u64) -> String {
    let file = EncryptedFile::parse(file.as_bytes(), format).expect("a SOPS file");
    file.reencrypt(plain.as_bytes(), &keys(), at(1), &mut entropy_from(seed))
        .expect("it is encrypted")
}

fn plain(text: &str, format: Format) -> String {
    let file = EncryptedFile::parse(text.as_bytes(), format).expect("a SOPS file");
    String::from_utf8(file.decrypt(&keys()).expect("it decrypts").text().to_vec()).expect("text")
}

fn merged(base: &str, ours: &str, theirs: &str, format: Format) -> Result<Merged, MergeError> {
    merge(
        Some(base.as_bytes()),
        ours.as_bytes(),
        theirs.as_bytes(),
        format,
        &keys(),
        at(2),
        &mut entropy_from(5),
    )
}

fn yaml(ours: &str, theirs: &str) -> Result<Merged, MergeError> {
    let base = base(Format::Yaml, BASE);
    merged(
        &base,
        &edit(&base, Format::Yaml, ours, 2),
        &edit(&base, Format::Yaml, theirs, 3),
        Format::Yaml,
    )
}

#[test]
fn edits_of_different_keys_merge_even_on_neighbouring_lines() {
    let ours = BASE.replace("two", "2");
    let theirs = BASE.replace("three", "3");
    let result = yaml(&ours, &theirs).expect("they merge");
    assert_eq!(
        plain(&result.text, Format::Yaml),
        BASE.replace("two", "\"2\"").replace("three", "3").replace("\"2\"", "2")
    );
    assert_eq!(result.taken.iter().map(ToString::to_string).collect::<Vec<_>>(), ["b.d"]);
}

#[test]
fn ciphertexts_of_both_sides_stay() {
    let base = base(Format::Yaml, BASE);
    let ours = edit(&base, Format::Yaml, &BASE.replace("a: 1", "a: 11"), 2);
    let theirs = edit(&base, Format::Yaml, &BASE.replace("end", "END"), 3);
    let result = merged(&base, &ours, &theirs, Format::Yaml).expect("they merge").text;
    let line = |text: &str, key: &str| {
        text.lines().find(|line| line.starts_with(key)).expect("a line").to_owned()
    };
    assert_eq!(line(&result, "a:"), line(&ours, "a:"));
    assert_eq!(line(&result, "last:"), line(&theirs, "last:"));
    let differ = result.lines().zip(ours.lines()).filter(|(one, other)| one != other).count();
    assert_eq!(differ, 3, "one value, the time and the code");
}

#[test]
fn keys_and_comments_come_and_go_on_both_sides() {
    let ours =
        "# top\n# more\na: 1\nnew: ours\nb:\n    c: two\n    list:\n        - x\nlast: end\n";
    let theirs = "# top\na: 1\nb:\n    c: two\n    d: three\n    list:\n        - x\n        - yy\nlast: end\n# theirs\nadded: theirs\n";
    let result = yaml(ours, theirs).expect("they merge");
    let expected = "# top\n# more\na: 1\nnew: ours\nb:\n    c: two\n    list:\n        - x\n        - yy\nlast: end\n# theirs\nadded: theirs\n";
    assert_eq!(plain(&result.text, Format::Yaml), expected);
}

#[test]
fn keys_added_at_the_same_place_are_both_added() {
    let result =
        yaml(&format!("{BASE}ours: 1\n"), &format!("{BASE}theirs: 2\n")).expect("they merge");
    assert_eq!(plain(&result.text, Format::Yaml), format!("{BASE}ours: 1\ntheirs: 2\n"));
}

#[test]
fn the_same_key_edited_differently_is_a_conflict_that_names_it_and_shows_nothing() {
    let ours =
        BASE.replace("two", "secret-ours").replace("- x", "- secret-a").replace("last: end\n", "");
    let theirs = BASE
        .replace("two", "secret-theirs")
        .replace("- x", "- secret-b")
        .replace("end", "secret-end");
    let error = yaml(&ours, &theirs).expect_err("a conflict");
    let expected = "b.c: changed on both sides, to different values\n\
                    b.list: changed on both sides, to different values\n\
                    last: removed in ours, and changed in theirs";
    assert_eq!(error.to_string(), expected);
    assert!(!format!("{error:?}").contains("secret-"));
}

#[test]
fn the_same_edit_on_both_sides_is_one() {
    let both = BASE.replace("two", "2 and a half");
    let result = yaml(&both, &both.replace("end", "END")).expect("they merge");
    assert_eq!(plain(&result.text, Format::Yaml), both.replace("end", "END"));
}

#[test]
fn a_side_that_did_nothing_leaves_the_other_as_it_is() {
    let base = base(Format::Yaml, BASE);
    let edited = edit(&base, Format::Yaml, &BASE.replace("two", "2"), 2);
    let result = merged(&base, &base, &edited, Format::Yaml).expect("they merge");
    assert_eq!((result.text, result.taken.len()), (edited.clone(), 1));
    assert_eq!(merged(&base, &edited, &base, Format::Yaml).expect("they merge").text, edited);
}

#[test]
fn every_format_merges() {
    let files = [
        (Format::Json, "{\n\t\"a\": \"1\",\n\t\"b\": \"2\"\n}\n"),
        (Format::Dotenv, "a=1\nb=2\n"),
        (Format::Ini, "[s]\na = 1\nb = 2\n"),
    ];
    for (format, text) in files {
        let base = base(format, text);
        let ours = edit(&base, format, &text.replace('1', "one"), 2);
        let theirs = edit(&base, format, &text.replace('2', "two"), 3);
        let result = merged(&base, &ours, &theirs, format).expect("they merge");
        assert_eq!(plain(&result.text, format), text.replace('1', "one").replace('2', "two"));
    }
    let base = base(Format::Binary, "base");
    let [ours, theirs] =
        [("ours", 2), ("theirs", 3)].map(|(text, seed)| edit(&base, Format::Binary, text, seed));
    assert!(merged(&base, &ours, &theirs, Format::Binary).is_err());
    assert_eq!(merged(&base, &base, &theirs, Format::Binary).expect("they merge").text, theirs);
}

#[test]
fn a_removed_recipient_stays_removed_and_a_new_one_is_added() {
    let (bob, carol) = (KeyPair::generate(), KeyPair::generate());
    let start = base(Format::Yaml, BASE);
    let file = EncryptedFile::parse(start.as_bytes(), Format::Yaml).expect("a SOPS file");
    let base = file.add_recipients(&[bob.recipient().clone()], &keys()).expect("bob comes");
    let file = EncryptedFile::parse(base.as_bytes(), Format::Yaml).expect("a SOPS file");
    let ours = file
        .remove_recipients(&[bob.recipient().clone()], &keys(), at(1), &mut entropy_from(2))
        .expect("bob goes");
    let added = file.add_recipients(&[carol.recipient().clone()], &keys()).expect("carol comes");
    let theirs = edit(&added, Format::Yaml, &BASE.replace("two", "2"), 3);
    for (ours, theirs) in [(&ours, &theirs), (&theirs, &ours)] {
        let result = merged(&base, ours, theirs, Format::Yaml).expect("they merge");
        let file = EncryptedFile::parse(result.text.as_bytes(), Format::Yaml).expect("a SOPS file");
        assert!(file.decrypt(&keys_of(&bob)).is_err());
        assert!(file.decrypt(&keys_of(&carol)).is_ok());
        assert_eq!(plain(&result.text, Format::Yaml), BASE.replace("two", "2"));
        let old = EncryptedFile::parse(base.as_bytes(), Format::Yaml).expect("a SOPS file");
        let old_key = old.data_key(&keys()).expect("a key");
        assert!(file.decrypt(&old_key).is_err(), "bob knows the old data key");
    }
}

#[test]
fn two_new_data_keys_become_a_third() {
    let base = base(Format::Yaml, BASE);
    let file = EncryptedFile::parse(base.as_bytes(), Format::Yaml).expect("a SOPS file");
    let [ours, theirs] = [2, 3].map(|seed| {
        file.rotate_data_key(&keys(), at(1), &mut entropy_from(seed)).expect("it is rotated")
    });
    let result = merged(&base, &ours, &theirs, Format::Yaml).expect("they merge").text;
    let key = |text: &str| {
        EncryptedFile::parse(text.as_bytes(), Format::Yaml)
            .expect("a file")
            .data_key(&keys())
            .expect("a key")
    };
    assert!(key(&result) != key(&ours) && key(&result) != key(&theirs));
    assert_eq!(plain(&result, Format::Yaml), BASE);
}

#[test]
fn files_added_on_both_sides_have_to_agree() {
    let ours = base(Format::Yaml, "a: 1\nb: 2\n");
    let theirs = base(Format::Yaml, "a: 1\nc: 3\n");
    let result = merge(
        None,
        ours.as_bytes(),
        theirs.as_bytes(),
        Format::Yaml,
        &keys(),
        at(2),
        &mut entropy(),
    )
    .expect("they merge");
    assert_eq!(plain(&result.text, Format::Yaml), "a: 1\nb: 2\nc: 3\n");
    let other = base(Format::Yaml, "a: 2\n");
    let error = merge(
        None,
        ours.as_bytes(),
        other.as_bytes(),
        Format::Yaml,
        &keys(),
        at(2),
        &mut entropy(),
    )
    .expect_err("a conflict");
    assert_eq!(error.to_string(), "a: added on both sides with different values");
}
