//! Long random texts.

use std::sync::LazyLock;

use regex::Regex;

use super::{Hit, is_placeholder};

/// How many bits each character of a random text of 40 characters has at least, of the 6 that base64 has.
const LEAST_BITS: f64 = 4.6;

/// The words beside which a random text is a digest or public.
const PUBLIC: [&str; 14] = [
    "sha",
    "digest",
    "checksum",
    "integrity",
    "fingerprint",
    "hash",
    "md5",
    "blake",
    "ssh-",
    "public",
    "ecdsa-",
    "cert",
    "age1",
    "uuid",
];

static RANDOM: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"["'=:\s](?P<value>[A-Za-z0-9+/_-]{40,}={0,2})(?:["'\s,;]|$)"#)
        .expect("it is a regular expression")
});

pub(super) fn find(line: &str) -> Option<Hit> {
    let lower = line.to_ascii_lowercase();
    if PUBLIC.iter().any(|word| lower.contains(word)) || line.contains("ENC[") {
        return None;
    }
    let value = RANDOM.captures(line)?.name("value")?;
    let text = value.as_str();
    let has = |kind: fn(&char) -> bool| text.chars().filter(kind).count() >= 3;
    let mixed =
        has(char::is_ascii_digit) && has(char::is_ascii_uppercase) && has(char::is_ascii_lowercase);
    let path = text.matches(['/', '-', '_']).count() > text.len() / 8;
    let random =
        mixed && !path && !is_alphabet(text) && !is_placeholder(text) && bits(text) >= LEAST_BITS;
    random.then(|| Hit { what: "a random text", start: value.start(), end: value.end() })
}

/// Returns whether a part of `text` is in the order of the alphabet.
fn is_alphabet(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.windows(6).any(|part| part.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1])))
}

/// Returns how many bits each character of `text` has, by how often each is in it (Shannon).
pub(super) fn bits(text: &str) -> f64 {
    let mut counts = std::collections::BTreeMap::new();
    for c in text.chars() {
        *counts.entry(c).or_insert(0_u32) += 1;
    }
    let length = f64::from(counts.values().sum::<u32>());
    let share = |count: &u32| f64::from(*count) / length;
    -counts.values().map(|count| share(count) * share(count).log2()).sum::<f64>()
}
