//! References within one document: `#/$defs/a%20b`.

use std::fmt::Write;

use crate::config::key;
use crate::config::node::Node;

/// Returns the segments of a reference to a place in the same document; nothing for any other.
pub(in crate::config) fn segments(reference: &str) -> Option<Vec<String>> {
    let fragment = reference.strip_prefix('#')?;
    if !fragment.is_empty() && !fragment.starts_with('/') {
        return None;
    }
    let pointer = decoded(fragment);
    Some(key::split_pointer(&pointer).map(std::borrow::Cow::into_owned).collect())
}

/// Returns the part of `root` that `reference`, which stands in it, points to.
pub(in crate::config) fn follow<'n>(root: &'n Node, reference: &str) -> Option<&'n Node> {
    segments(reference)?.iter().try_fold(root, |node, segment| node.child(segment))
}

/// Returns the part of `root` at a JSON pointer.
pub(super) fn at<'n>(root: &'n Node, pointer: &str) -> Option<&'n Node> {
    key::split_pointer(pointer).try_fold(root, |node, segment| node.child(&segment))
}

/// Adds `segment` to a JSON pointer, and returns how long that was before.
pub(super) fn push(pointer: &mut String, segment: &str) -> usize {
    let before = pointer.len();
    pointer.push('/');
    pointer.push_str(&segment.replace('~', "~0").replace('/', "~1"));
    before
}

/// Returns the reference to the place at a JSON pointer.
pub(super) fn reference(pointer: &str) -> String {
    format!("#{}", encoded(pointer))
}

/// Returns `text` without percent encoding; what is no UTF-8 then is replaced.
pub(super) fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        match part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                bytes.extend_from_slice(&part.as_bytes()[2..]);
            }
            None => {
                bytes.push(b'%');
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Returns `text` as a path or a fragment of a URI can hold it.
pub(super) fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => encoded.push(char::from(byte)),
            b'/' | b'-' | b'.' | b'_' | b'~' | b'$' | b':' | b'@' => encoded.push(char::from(byte)),
            _ => write!(encoded, "%{byte:02X}").expect("a string takes all"),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_decoded_and_unescaped() {
        for (reference, expected) in [
            ("#", &[][..]),
            ("#/", &[""]),
            ("#/$defs/a%20b", &["$defs", "a b"]),
            ("#/a~1b/%25/~01", &["a/b", "%", "~1"]),
            ("#/50%/%zz", &["50%", "%zz"]),
        ] {
            assert_eq!(segments(reference).expect("in the document"), expected, "{reference}");
        }
        assert_eq!(segments("#anchor"), None);
        assert_eq!(segments("other.json"), None);
    }

    #[test]
    fn what_is_written_is_read_again() {
        let mut pointer = String::new();
        let names = ["a/b", "~", "é %", "", "x#y", "windlass:///a.json"];
        for name in names {
            push(&mut pointer, name);
        }
        assert_eq!(segments(&reference(&pointer)).expect("in the document"), names);
    }
}
