//! Values as text that notices when it is changed.
//!
//! ```json
//! {
//!   "checksum": "<BLAKE3 of the compact JSON of all the rest, in the order of the file>",
//!   "schema": 1,
//!   …
//! }
//! ```
//!
//! The checksum is of the text without the whitespace between its tokens and without the member
//! itself: `jq -c 'del(.checksum)' FILE | tr -d '\n' | b3sum`. It is not of the parsed value, since
//! a number may come out of a parser another than it went in.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use windlass_core::digest::{Digest, Hasher};

/// Why text does not become a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Damage {
    /// Its schema is newer than the `known` one.
    Newer {
        /// The schema it has.
        schema: u64,
        /// The newest that this version knows.
        known: u32,
    },
    /// It is torn, changed or something else.
    Corrupt {
        /// What is wrong.
        reason: String,
    },
}

#[derive(Deserialize)]
struct Header {
    schema: u64,
}

/// Returns `value` as text with a checksum. The value becomes a JSON object that has a `schema`.
///
/// # Errors
/// [`Damage`] when the text could not be opened again as a `T`: too deep for the parser, say.
pub(super) fn seal<T: DeserializeOwned>(
    value: &impl Serialize,
    known: u32,
) -> Result<String, Damage> {
    let plain = serde_json::to_string_pretty(value).map_err(|error| corrupt(error.to_string()))?;
    let members = plain.strip_prefix('{').ok_or_else(|| corrupt("it is not a JSON object"))?;
    let checksum = Digest::of(&compact(plain.as_bytes()));
    let sealed = format!("{{\n  \"checksum\": \"{checksum}\",{members}\n");
    open::<T>(sealed.as_bytes(), known)?;
    Ok(sealed)
}

/// Returns the value that was sealed.
///
/// # Errors
/// [`Damage::Newer`] when its schema is newer than `known`, whatever else it is; otherwise
/// [`Damage::Corrupt`] when it is not as it was sealed.
pub(super) fn open<T: DeserializeOwned>(bytes: &[u8], known: u32) -> Result<T, Damage> {
    let text = check_schema(bytes, known)?;
    check_sum(text)?;
    serde_json::from_str(text).map_err(|error| corrupt(format!("it does not fit: {error}")))
}

/// Returns the text, if it is JSON of a schema that this version knows.
pub(super) fn check_schema(bytes: &[u8], known: u32) -> Result<&str, Damage> {
    let text = std::str::from_utf8(bytes).map_err(|_| corrupt("it is not UTF-8"))?;
    if text.trim_ascii().is_empty() {
        return Err(corrupt("it is empty"));
    }
    let header: Header = serde_json::from_str(text)
        .map_err(|error| corrupt(format!("it is not JSON with a schema: {error}")))?;
    if header.schema > u64::from(known) {
        return Err(Damage::Newer { schema: header.schema, known });
    }
    Ok(text)
}

fn check_sum(text: &str) -> Result<(), Damage> {
    let compact = compact(text.as_bytes());
    let (claimed, rest) = split(&compact).ok_or_else(|| corrupt("it has no checksum"))?;
    let mut hasher = Hasher::new();
    hasher.update(b"{");
    hasher.update(rest);
    if hasher.finish().to_string().as_bytes() == claimed {
        Ok(())
    } else {
        Err(corrupt("its content does not match its checksum"))
    }
}

/// Returns the checksum that compact text begins with, and the members after it.
fn split(compact: &[u8]) -> Option<(&[u8], &[u8])> {
    let (claimed, rest) = compact.strip_prefix(b"{\"checksum\":\"")?.split_at_checked(64)?;
    Some((claimed, rest.strip_prefix(b"\",")?))
}

/// Returns JSON without the whitespace between its tokens.
fn compact(json: &[u8]) -> Vec<u8> {
    let mut compact = Vec::with_capacity(json.len());
    let (mut in_string, mut escaped) = (false, false);
    for &byte in json {
        if !in_string && byte.is_ascii_whitespace() {
            continue;
        }
        compact.push(byte);
        if byte == b'"' && !escaped {
            in_string = !in_string;
        }
        escaped = in_string && byte == b'\\' && !escaped;
    }
    compact
}

fn corrupt(reason: impl Into<String>) -> Damage {
    Damage::Corrupt { reason: reason.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Sample {
        schema: u32,
        text: String,
        number: serde_json::Value,
    }

    fn sample() -> Sample {
        let text = r#"a "quoted" \ back\\ and  two spaces, ü"#.to_owned();
        Sample { schema: 1, text, number: serde_json::json!([0.1, 5e-324, {"a b": 1e300}]) }
    }

    fn sealed() -> String {
        seal::<Sample>(&sample(), 1).expect("seals")
    }

    fn reason(bytes: &[u8]) -> String {
        match open::<Sample>(bytes, 1).expect_err("damaged") {
            Damage::Corrupt { reason } => reason,
            newer @ Damage::Newer { .. } => panic!("{newer:?}"),
        }
    }

    #[test]
    fn opens_what_it_sealed_however_it_is_laid_out() {
        assert_eq!(open::<Sample>(sealed().as_bytes(), 1), Ok(sample()));
        let spread = sealed().replace(",\n", " ,\n\n\t");
        assert_eq!(open::<Sample>(spread.as_bytes(), 1), Ok(sample()));
    }

    #[test]
    fn the_checksum_is_of_the_compact_json_of_the_rest() {
        let value = serde_json::json!({"schema": 1});
        let sealed = seal::<serde_json::Value>(&value, 1).expect("seals");
        let checksum = Digest::of(br#"{"schema":1}"#);
        assert_eq!(sealed, format!("{{\n  \"checksum\": \"{checksum}\",\n  \"schema\": 1\n}}\n"));
    }

    #[test]
    fn notices_any_byte_that_is_changed() {
        let sealed = sealed().into_bytes();
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            let blank = sealed[at].is_ascii_whitespace() && changed[at].is_ascii_whitespace();
            let opened = open::<Sample>(&changed, 1);
            assert!(opened.is_err() || blank, "byte {at} of {}", String::from_utf8_lossy(&changed));
        }
    }

    #[test]
    fn notices_where_it_was_torn() {
        let sealed = sealed();
        for end in 0..sealed.trim_end().len() {
            assert!(open::<Sample>(&sealed.as_bytes()[..end], 1).is_err(), "{end} bytes");
        }
        assert_eq!(reason(b""), "it is empty");
        assert_eq!(reason(b"\xff"), "it is not UTF-8");
        assert!(reason(b"\0\0\0\0").starts_with("it is not JSON"));
        assert_eq!(reason(br#"{"schema": 1}"#), "it has no checksum");
    }

    #[test]
    fn a_newer_schema_is_told_from_damage() {
        let newer = sealed().replace("\"schema\": 1", "\"schema\": 2");
        let error = open::<Sample>(newer.as_bytes(), 1).expect_err("newer");
        assert_eq!(error, Damage::Newer { schema: 2, known: 1 });
    }

    #[test]
    fn what_could_not_be_opened_again_is_not_sealed() {
        let deep = (0..200).fold(serde_json::Value::Null, |inner, _| serde_json::json!([inner]));
        let value = Sample { number: deep, ..sample() };
        assert!(seal::<Sample>(&value, 1).is_err());
        assert!(seal::<Sample>(&"text", 1).is_err());
        assert!(seal::<Sample>(&serde_json::json!({}), 1).is_err());
    }
}
