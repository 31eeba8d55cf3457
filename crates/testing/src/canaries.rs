//! Secrets that are planted to be looked for: whatever is said or written must not hold one.
//!
//! The search shares nothing with the filter that it tests: it knows every part of 16 bytes of every form
//! of every value, and looks at each place of a text.

use std::collections::HashMap;
use std::fmt;
use std::fmt::Write as _;

use crate::SplitMix64;

/// So many bytes of a form are enough to be found: 16 random letters are in no text by chance.
const PART: usize = 16;

/// The most finds that are told of one text.
const MOST: usize = 5;

const LETTERS: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Named secrets with random values of five kinds: letters, punctuation, other scripts, two lines, and keys.
#[derive(Debug, Clone)]
pub struct Canaries(Vec<(String, String)>);

impl Canaries {
    /// Returns `count` secrets, `C0000` and on; the same ones for the same seed.
    #[must_use]
    pub fn new(seed: u64, count: usize) -> Self {
        let mut random = SplitMix64::new(seed);
        let canary = |at: usize| (format!("C{at:04}"), value(at, &mut random));
        Self((0..count).map(canary).collect())
    }

    /// Returns name and value of each.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Returns the YAML map of all of them.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        let line = |(name, value): &(String, String)| format!("{name}: {}\n", json(value));
        self.0.iter().map(line).collect()
    }

    /// Returns what finds any of these, or of `others`.
    #[must_use]
    pub fn search(&self, others: &[&Self]) -> Search {
        let mut search = Search(HashMap::new());
        for canaries in [self].into_iter().chain(others.iter().copied()) {
            canaries.iter().for_each(|(name, value)| search.add(name, value));
        }
        search
    }
}

fn value(at: usize, random: &mut SplitMix64) -> String {
    let mut letters = |count: usize| -> String {
        (0..count).map(|_| char::from(*random.pick(LETTERS))).collect()
    };
    match at % 5 {
        0 => letters(32),
        1 => format!("{}\"{}\\{}/&%'<{}", letters(8), letters(8), letters(8), letters(8)),
        2 => format!("пароль {} ключ {}", letters(12), letters(12)),
        3 => format!("{}\n{}", letters(24), letters(24)),
        _ => format!("{}+/{}==", letters(20), letters(20)),
    }
}

/// What finds secrets in any of their forms.
pub struct Search(HashMap<[u8; PART], (String, &'static str)>);

/// A part of a secret in a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where it begins, in bytes.
    pub at: usize,
    /// Which secret it is.
    pub name: String,
    /// In which form.
    pub form: &'static str,
}

impl Search {
    fn add(&mut self, name: &str, value: &str) {
        for (form, text) in forms(value) {
            for part in text.as_bytes().windows(PART) {
                let part = part.try_into().expect("a window has its length");
                self.0.entry(part).or_insert_with(|| (name.to_owned(), form));
            }
        }
    }

    /// Returns the first parts of secrets in `text`; none that follows on another.
    #[must_use]
    pub fn find(&self, text: &[u8]) -> Vec<Found> {
        let mut found: Vec<Found> = Vec::new();
        let mut at = 0;
        while at + PART <= text.len() && found.len() < MOST {
            match self.0.get(&text[at..at + PART]) {
                Some((name, form)) => {
                    found.push(Found { at, name: name.clone(), form });
                    at += PART;
                }
                None => at += 1,
            }
        }
        found
    }

    /// Fails the test, saying where, if any part of a secret is in `text`, which is called `what`.
    #[track_caller]
    pub fn assert_none(&self, what: impl fmt::Display, text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        let found = self.find(text);
        let around = found.first().map_or_else(String::new, |first| {
            let end = (first.at + 80).min(text.len());
            String::from_utf8_lossy(&text[first.at.saturating_sub(160)..end]).into_owned()
        });
        assert!(found.is_empty(), "{what} holds secrets: {found:?}; the first one in:\n{around}");
    }
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Search({} parts)", self.0.len())
    }
}

fn forms(value: &str) -> Vec<(&'static str, String)> {
    let bytes = value.as_bytes();
    let quoted = json(value);
    let mut forms = vec![
        ("raw", value.to_owned()),
        ("hex", each(bytes, "", |byte| format!("{byte:02x}"))),
        ("HEX", each(bytes, "", |byte| format!("{byte:02X}"))),
        ("url", percent(bytes)),
        ("percent", each(bytes, "%", |byte| format!("{byte:02x}"))),
        ("json", quoted[1..quoted.len() - 1].to_owned()),
        ("json, letters escaped", escaped(value)),
    ];
    for skip in 0..3 {
        let text = base64(bytes, skip);
        forms.push(("base64url", text.replace('+', "-").replace('/', "_")));
        forms.push(("base64", text));
    }
    forms
}

fn json(value: &str) -> String {
    serde_json::Value::from(value).to_string()
}

fn each(bytes: &[u8], before: &str, form: impl Fn(u8) -> String) -> String {
    bytes.iter().map(|byte| format!("{before}{}", form(*byte))).collect()
}

fn percent(bytes: &[u8]) -> String {
    let one = |byte: &u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
            char::from(*byte).to_string()
        }
        _ => format!("%{byte:02X}"),
    };
    bytes.iter().map(one).collect()
}

fn escaped(value: &str) -> String {
    let mut text = String::new();
    for unit in value.encode_utf16() {
        write!(text, "\\u{unit:04x}").expect("a text takes everything");
    }
    text
}

/// Returns the digits that `bytes` have with `skip` unknown bytes before them, and any after them: only
/// those that depend on `bytes` alone.
fn base64(bytes: &[u8], skip: usize) -> String {
    let bits = (skip * 8)..((skip + bytes.len()) * 8);
    let bit = |at: usize| usize::from(bytes[at / 8 - skip] >> (7 - at % 8) & 1);
    let digits = bits.start.div_ceil(6)..bits.end / 6;
    let digit = |at: usize| (at * 6..at * 6 + 6).fold(0, |sum, at| sum << 1 | bit(at));
    digits.map(|at| char::from(BASE64[digit(at)])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_form_is_found_wherever_it_begins() {
        let canaries = Canaries::new(1, 5);
        let search = canaries.search(&[]);
        for (name, value) in canaries.iter() {
            for (form, text) in forms(value) {
                let found = search.find(format!("… {text} …").as_bytes());
                assert_eq!(found[0].name, name, "{form}");
            }
        }
        assert!(
            search.find(b"a text without any of them, and ENC[AES256_GCM,data:\"\"").is_empty()
        );
    }

    #[test]
    fn base64_is_that_of_the_whole() {
        // `printf 'a quick brown fox' | base64`, with none, one and two bytes before what is looked for.
        let whole = "YSBxdWljayBicm93biBmb3g=";
        for (skip, value) in
            [(0, "a quick brown fox"), (1, " quick brown fox"), (2, "quick brown fox")]
        {
            let digits = base64(value.as_bytes(), skip);
            assert!(digits.len() >= 19 && whole.contains(&digits), "{skip}: {digits}");
        }
    }

    #[test]
    #[should_panic(expected = "the log holds secrets")]
    fn a_find_fails_the_test() {
        let canaries = Canaries::new(1, 1);
        let value = canaries.iter().next().expect("one").1.to_owned();
        canaries.search(&[]).assert_none("the log", value);
    }
}
