use proptest::prelude::*;

use super::*;
use crate::secret::Secret;

fn secrets(pairs: &[(&str, &[u8])]) -> Secrets {
    let named = |(name, value): &(&str, &[u8])| {
        (SecretName::new(*name).expect("a name"), Secret::new(value.to_vec()))
    };
    Secrets::new(pairs.iter().map(named)).expect("told apart")
}

fn redactor(value: &str) -> Redactor {
    Redactor::new(&secrets(&[("KEY", value.as_bytes())]))
}

/// Encodes as usual programs do.
fn base64(bytes: &[u8], url: bool, padded: bool) -> String {
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..three.len()].copy_from_slice(three);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for at in 0..4 {
            let digit = (bits >> (18 - 6 * at)) & 63;
            let c = match digit {
                _ if at > three.len() => '=',
                0..=25 => char::from(b'A' + digit as u8),
                26..=51 => char::from(b'a' + digit as u8 - 26),
                52..=61 => char::from(b'0' + digit as u8 - 52),
                62 => {
                    if url {
                        '-'
                    } else {
                        '+'
                    }
                }
                _ => {
                    if url {
                        '_'
                    } else {
                        '/'
                    }
                }
            };
            out.push(c);
        }
    }
    if padded { out } else { out.trim_end_matches('=').to_owned() }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn percent(bytes: &[u8], all: bool) -> String {
    let one = |byte: &u8| {
        if byte.is_ascii_alphanumeric() && !all {
            char::from(*byte).to_string()
        } else {
            format!("%{byte:02X}")
        }
    };
    bytes.iter().map(one).collect()
}

/// The ways in which a value gets into a text; `before` and `after` are encoded with it.
fn encodings(value: &str, before: &str, after: &str) -> Vec<String> {
    let whole = format!("{before}{value}{after}");
    let escaped = |text: &str| -> String {
        text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect()
    };
    let mut all = vec![
        whole.clone(),
        hex(whole.as_bytes()),
        hex(whole.as_bytes()).to_uppercase(),
        percent(whole.as_bytes(), false),
        percent(whole.as_bytes(), true).to_lowercase(),
        serde_json::Value::from(whole.as_str()).to_string(),
        escaped(&whole),
        format!("{whole:?}"),
        format!("'{}'", whole.replace('\'', r"'\''")),
        format!("'{}'", whole.replace('\'', r#"'"'"'"#)),
        format!("'{}'", whole.replace('\'', "''")),
    ];
    for (url, padded) in [(false, false), (false, true), (true, false), (true, true)] {
        all.push(base64(whole.as_bytes(), url, padded));
    }
    all
}

#[test]
fn the_usual_encodings_are_replaced_by_the_name() {
    let redactor = redactor("hunter2");
    for (text, clean) in [
        ("password=hunter2;", "password=[secret KEY];"),
        ("aHVudGVyMg==", "[secret KEY]"),
        ("Basic YWRtaW46aHVudGVyMg== x", "Basic YWRtaW46[secret KEY] x"),
        ("68756e74657232", "[secret KEY]"),
        ("%68%75%6e%74%65%72%32", "[secret KEY]"),
        ("hunter1", "hunter1"),
    ] {
        assert_eq!(redactor.redact(text), clean);
    }
    assert!(matches!(redactor.redact("nothing here\n"), Cow::Borrowed(_)));
}

#[test]
fn short_values_stay_and_none_is_no_filter() {
    assert!(redactor("abc").is_none());
    assert!(redactor("").is_none());
    assert_eq!(Redactor::none().redact("abc"), "abc");
    assert_eq!(redactor("abcd").redact("xabcdx"), "x[secret KEY]x");
}

#[test]
fn space_around_a_value_is_no_part_of_it() {
    assert_eq!(redactor("hunter2\n").redact("<hunter2>"), "<[secret KEY]>");
}

#[test]
fn a_value_of_several_lines_is_found_indented_wrapped_and_line_by_line() {
    let key = "-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----\n";
    let redactor = redactor(key);
    let indented = format!("key: |\n    {}", key.replace('\n', "\n    "));
    for text in [
        indented.as_str(),
        "line 2 is > kqhkiG9w0BAQEF <",
        r"{\n-----BEGIN KEY-----\nMIIEvQIBADANBg\nkqhkiG9w0BAQEF\n-----END KEY-----}",
    ] {
        let clean = redactor.redact(text);
        assert!(!clean.contains("kqhkiG") && !clean.contains("MIIE"), "{clean}");
    }
    assert_eq!(redactor.redact("-----BEGIN KEY-----"), "-----BEGIN KEY-----");
    let encoded = base64(key.trim().as_bytes(), false, true);
    let wrapped: Vec<&str> =
        encoded.as_bytes().chunks(20).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    assert_eq!(redactor.redact(&wrapped.join("\r\n  ")), "[secret KEY]");
}

/// A key of which each line is known by itself.
const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQC7\"%é+VJTUt9Us\n\
                   8cKjMzEf\n}\n-----END PRIVATE KEY-----\n";

#[test]
fn each_line_of_a_value_is_found_in_any_encoding() {
    let redactor = redactor(PEM);
    for line in PEM.lines().filter(|line| line.len() >= 8 && !line.starts_with('-')) {
        for (before, after) in [("", ""), ("", "\n"), ("x=", ""), ("key:", "\r\n")] {
            for encoded in encodings(line, before, after) {
                let clean = redactor.redact(&encoded);
                assert!(clean.contains("[secret KEY]"), "{line} in {encoded}: {clean}");
                let around = before.len() + after.len();
                assert!(clean.len() <= 12 + 6 * around + 8, "{line} in {encoded}: {clean}");
            }
        }
    }
    for harmless in ["}\n", "-----BEGIN PRIVATE KEY-----", "fn main() {\n}\n", "7d"] {
        assert_eq!(redactor.redact(harmless), harmless, "not every text holds it");
    }
}

#[test]
fn the_texts_in_a_json_document_are_found_without_its_escapes() {
    let account = serde_json::json!({
        "type": "service",
        "private_key": PEM,
        "scopes": [{"token": "tok-\"quoted\"-1234"}, 12_345_678, true],
    });
    for document in [account.to_string(), format!("{account:#}")] {
        let redactor = redactor(&document);
        for line in PEM.lines().filter(|line| line.len() >= 8 && !line.starts_with('-')) {
            for encoded in [line.to_owned(), base64(line.as_bytes(), false, true)] {
                assert_eq!(redactor.redact(&encoded), "[secret KEY]", "{line}");
            }
        }
        assert_eq!(redactor.redact("tok-\"quoted\"-1234"), "[secret KEY]");
        assert!(!redactor.redact(PEM).contains("8cKjMzEf"));
        assert_eq!(redactor.redact("a service"), "a service", "short texts say little");
        assert_eq!(redactor.redact(&document), "[secret KEY]");
    }
}

#[test]
fn values_that_overlap_leave_nothing_of_either() {
    let secrets = secrets(&[("A", b"abcdefgh"), ("B", b"efghijklmnop"), ("C", b"aaaa")]);
    let redactor = Redactor::new(&secrets);
    assert_eq!(redactor.redact("<abcdefghijklmnop>"), "<[secret B]>");
    assert_eq!(redactor.redact(&"a".repeat(1000)), "[secret C]");
}

#[test]
fn a_text_that_begins_within_a_value_is_clean_too() {
    let redactor = redactor("correct horse battery");
    assert_eq!(redactor.redact_tail("se battery\nnext"), "[secret KEY]\nnext");
    assert_eq!(redactor.redact_tail("tery\n"), "[secret KEY]\n");
    assert_eq!(redactor.redact_tail("ery\n"), "ery\n", "too little to tell");
    assert_eq!(redactor.redact("se battery\nnext"), "se battery\nnext");
}

#[test]
fn binary_values_and_texts_do_not_fail() {
    let value = b"\xff\x00\xfesecret-part\x80\xe2";
    let redactor = Redactor::new(&secrets(&[("BIN", value)]));
    assert_eq!(redactor.redact_bytes(b"<\xff\x00\xfesecret-part\x80\xe2>"), &b"<[secret BIN]>"[..]);
    assert_eq!(redactor.redact("\u{fffd}␀\u{fffd}secret-part"), "\u{fffd}␀\u{fffd}[secret BIN]");
    assert_eq!(redactor.redact(&base64(value, false, true)), "[secret BIN]");
    let odd = Redactor::new(&secrets(&[("ODD", b"\x82\xacabc\xe2")]));
    assert_eq!(odd.redact("€abc€"), "[secret ODD]", "whole characters go");
}

#[test]
fn a_long_value_is_found_at_both_ends() {
    let value: String = (0..200_000).map(|n| format!("{:08x}", n * 2_654_435_761_u64)).collect();
    let redactor = redactor(&value);
    let head = redactor.redact(&value[..3000]);
    assert!(head.len() < 3000 && !head.contains(&value[..16]), "{}", &head[..60]);
    let tail = redactor.redact(&value[value.len() - 10_000..]);
    assert!(!tail.contains(&value[value.len() - 2000..value.len() - 1990]));
}

#[test]
fn a_stream_lets_through_what_cannot_be_part_of_a_value() {
    let mut stream = redactor("hunter2").stream();
    let mut out = stream.push(b"a long beginning without anything to hide in it, hun");
    assert!(out.starts_with(b"a long beginning"));
    out.extend(stream.push(b"ter2 and the rest"));
    out.extend(stream.finish());
    assert_eq!(out, b"a long beginning without anything to hide in it, [secret KEY] and the rest");
}

proptest! {
    #[test]
    fn no_embedding_in_any_encoding_is_left(
        value in "[ -~é\u{1F511}]{2}[!-~]{6,24}",
        before in "[a-z:]{0,7}",
        after in "[a-z:]{0,7}",
        left in "[ -~]{0,9}",
        nth in 0_usize..15,
    ) {
        let redactor = redactor(&value);
        let value = value.trim();
        let encoded = encodings(value, &before, &after).swap_remove(nth);
        let clean = redactor.redact(&format!("{left} {encoded}\n{left}")).into_owned();
        prop_assert!(clean.contains("[secret KEY]"), "{encoded}: {clean}");
        let bare = encodings(value, "", "").swap_remove(nth);
        let core = bare.trim_matches(['"', '\'', '=']);
        prop_assert!(!clean.contains(core), "{encoded}: {clean}");
        // All that is left of it is what was around the value.
        let around = encodings("", &before, &after).swap_remove(nth);
        prop_assert!(clean.len() <= 2 * left.len() + around.len() + 32, "{encoded}: {clean}");
    }

    #[test]
    fn pieces_give_the_same_as_the_whole(
        value in "[a-c\n ]{0,3}[!-~]{4,12}",
        before in "[ -~\n]{0,80}",
        after in "[ -~\n]{0,80}",
        nth in 0_usize..15,
        sizes in proptest::collection::vec(1_usize..9, 1..40),
    ) {
        let redactor = redactor(&value);
        let encoded = encodings(value.trim(), "", "").swap_remove(nth);
        let text = format!("{before} {encoded} {after}");
        let mut stream = redactor.stream();
        let (mut out, mut rest) = (Vec::new(), text.as_bytes());
        for size in sizes.iter().cycle() {
            if rest.is_empty() {
                break;
            }
            let (piece, more) = rest.split_at((*size).min(rest.len()));
            out.extend(stream.push(piece));
            rest = more;
        }
        out.extend(stream.finish());
        prop_assert_eq!(String::from_utf8_lossy(&out), redactor.redact(&text));
    }

    #[test]
    fn any_text_and_value_end_in_a_result(value in "\\PC{0,12}", text in "(\\PC|%|\\\\|\\\\u|\n){0,60}") {
        let redactor = redactor(&value);
        let clean = redactor.redact(&text);
        if redactor.is_none() {
            prop_assert_eq!(&clean, &text);
        }
    }
}
