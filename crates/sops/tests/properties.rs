//! Whatever a file holds comes back, and nothing that it does not hold.

mod common;

use common::{at, entropy, keys, pair, path};
use proptest::collection::vec;
use proptest::prelude::*;
use windlass_sops::{DataKey, EncryptedFile, Format, Rules, Tree, Value, encrypt};

fn text() -> impl Strategy<Value = String> {
    let odd = prop::sample::select(vec![
        "",
        " ",
        "~",
        "null",
        "yes",
        "1",
        "1.0",
        "0x1F",
        "1_000",
        "2020-01-02",
        "- a",
        "a: b",
        "a #b",
        "#",
        "'",
        "\"",
        "`",
        "a\nb",
        "a\n",
        "\na",
        "a\n\n",
        " a\nb",
        "a\r\nb",
        "\t",
        "|",
        ">",
        "&a",
        "*a",
        "!a",
        "%a",
        "@a",
        "{",
        "[",
        "]",
        ",",
        "---",
        "...",
        "<<",
        "ENC[x]",
        "\u{85}",
        "\u{2028}",
        "\u{feff}",
        "💥",
        "\\n",
        "\\",
        ":",
        "? a",
        "=",
        "a:",
    ]);
    prop_oneof![odd.prop_map(str::to_owned), "[ -~\\n\\té💥]{0,24}", "[a-z]{1,8}"]
}

fn tree() -> impl Strategy<Value = Tree> {
    let value = prop_oneof![
        4 => text().prop_map(Tree::text),
        1 => any::<i64>().prop_map(|number| Value::integer(number).into()),
        1 => any::<bool>().prop_map(|flag| Value::boolean(flag).into()),
        1 => (-1.0e9..1.0e9).prop_map(|number: f64| Value::float(number).into()),
        1 => Just(Value::null().into()),
    ];
    value.prop_recursive(3, 24, 5, |inner| {
        let map =
            vec((text(), inner.clone()), 0..5).prop_map(|mut members: Vec<(String, Tree)>| {
                members.sort_by(|one, other| one.0.cmp(&other.0));
                members.dedup_by(|one, other| one.0 == other.0);
                Tree::Map(members)
            });
        prop_oneof![map, vec(inner, 0..5).prop_map(Tree::List)]
    })
}

fn shown(text: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(text)
}

/// A file that is opened with its data key, which is quicker than with a recipient's.
fn file(plain: &str, format: Format) -> (EncryptedFile, DataKey) {
    let rules = Rules::for_recipients(vec![pair().recipient().clone()]);
    let text =
        encrypt(plain.as_bytes(), format, &rules, at(0), &mut entropy()).expect("it is encrypted");
    let file = EncryptedFile::parse(text.as_bytes(), format).expect("a SOPS file");
    let key = file.data_key(&keys()).expect("a data key");
    (file, key)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_tree_is_set_and_read_back(tree in tree(), other in tree()) {
        for (format, plain) in [(Format::Yaml, "x: 1\nt: 2\nz:\n  - 3\n"), (Format::Json, "{\n  \"x\": 1, \"t\": 2\n}\n")] {
            let (first, key) = file(plain, format);
            let set = first.set(&path("t"), &tree, &key, at(1), &mut entropy()).expect("it is set");
            let set = EncryptedFile::parse(set.as_bytes(), format).expect("a SOPS file");
            let added = set.set(&path("new.key"), &other, &key, at(2), &mut entropy()).expect("it is added");
            let added = EncryptedFile::parse(added.as_bytes(), format).expect("a SOPS file");
            let result = added.decrypt(&key).expect("it decrypts");
            if format == Format::Yaml {
                prop_assert!(result.get(&path("t")) == Some(&tree), "{}", shown(result.text()));
                prop_assert!(result.get(&path("new.key")) == Some(&other), "{}", shown(result.text()));
            }
            let gone = added.unset(&path("new.key"), &key, at(3), &mut entropy()).expect("it is gone");
            let gone = EncryptedFile::parse(gone.as_bytes(), format).expect("a SOPS file").decrypt(&key).expect("it decrypts");
            prop_assert!(gone.get(&path("new.key")).is_none() && gone.get(&path("t")) == result.get(&path("t")));
            let same = added.reencrypt(result.text(), &key, at(4), &mut entropy()).expect("it is encrypted");
            prop_assert!(same == added.text(), "{}
{}
{same}", added.text(), shown(result.text()));
        }
    }

    #[test]
    fn any_text_is_set_in_lines_or_refused(value in text()) {
        for (format, plain, key_path) in [(Format::Dotenv, "A=1\nB=2\n", "A"), (Format::Ini, "[s]\na = 1\nb = 2\n", "s.a")] {
            let (first, key) = file(plain, format);
            let Ok(set) = first.set(&path(key_path), &Tree::text(&value), &key, at(1), &mut entropy()) else { continue };
            let result = EncryptedFile::parse(set.as_bytes(), format).expect("a SOPS file").decrypt(&key).expect("it decrypts");
            prop_assert!(result.value(&path(key_path)) == Some(&Value::text(&value)));
            prop_assert!(result.entries().len() == 2);
        }
    }

    #[test]
    fn any_text_is_refused_or_comes_back(lines in vec("[a-c]?[a-c:#\\-\\[\\]{}|>\"' ]{0,8}", 0..8)) {
        let plain = lines.join("\n");
        let rules = Rules::for_recipients(vec![pair().recipient().clone()]);
        for format in [Format::Yaml, Format::Json, Format::Dotenv, Format::Ini] {
            let Ok(text) = encrypt(plain.as_bytes(), format, &rules, at(0), &mut entropy()) else { continue };
            let file = EncryptedFile::parse(text.as_bytes(), format).expect("a SOPS file");
            let key = file.data_key(&keys()).expect("a data key");
            let result = file.decrypt(&key).expect("it decrypts");
            let again = encrypt(result.text(), format, &rules, at(0), &mut entropy()).expect("it is encrypted again");
            let again = EncryptedFile::parse(again.as_bytes(), format).expect("a SOPS file").decrypt(&keys()).expect("it decrypts");
            prop_assert!(again.documents() == result.documents(), "{format:?}: {plain:?}");
            prop_assert!(again.text() == result.text(), "{format:?}: {plain:?}");
        }
    }
}
