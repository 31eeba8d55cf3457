//! Bytes to text.

use crate::diagnostic::{Diagnostic, Position};

/// Returns the text that is in `file`.
///
/// # Errors
/// When the bytes are no UTF-8: at the first that is not, or by the name of the encoding, where that
/// can be told.
pub fn decode(file: &str, bytes: Vec<u8>) -> Result<String, Diagnostic> {
    if let Some(encoding) = other_encoding(&bytes) {
        let start = Position { line: 1, column: 1 };
        let problem = Diagnostic::error(format!("text is {encoding} and has to be UTF-8"));
        let hint = format!("convert it: `iconv -f {encoding} -t UTF-8`");
        return Err(problem.in_file(file).at(start).hint(hint));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let before = String::from_utf8_lossy(&error.as_bytes()[..valid]);
        let at = Position::of_offset(&before, before.len());
        Diagnostic::error("not UTF-8 text").in_file(file).at(at)
    })
}

/// Returns the encoding that the first bytes tell, if it is not UTF-8: by a byte order mark, or by
/// zeros, which no configuration has, where those of plain letters are.
fn other_encoding(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some("UTF-32"),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some("UTF-16"),
        [a, 0, 0, 0, ..] if *a > 0 => Some("UTF-32LE"),
        [0, 0, 0, a, ..] if *a > 0 => Some("UTF-32BE"),
        [a, 0, b, 0, ..] if *a > 0 && *b > 0 => Some("UTF-16LE"),
        [0, a, 0, b, ..] if *a > 0 && *b > 0 => Some("UTF-16BE"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(bytes: &[u8]) -> String {
        decode("f", bytes.to_vec()).expect_err("no UTF-8").to_string()
    }

    #[test]
    fn text_is_kept_as_it_is() {
        for text in ["", "a", "\u{feff}a: é\r\n", "a\0b"] {
            assert_eq!(decode("f", text.as_bytes().to_vec()).as_deref(), Ok(text));
        }
    }

    #[test]
    fn other_encodings_are_named() {
        let encoded = |order: fn(u16) -> [u8; 2], mark: &str| -> Vec<u8> {
            format!("{mark}a: 1\n").encode_utf16().flat_map(order).collect()
        };
        let says = |encoding: &str| format!("f:1:1: text is {encoding} and has to be UTF-8");
        assert_eq!(said(&encoded(u16::to_le_bytes, "\u{feff}")), says("UTF-16"));
        assert_eq!(said(&encoded(u16::to_be_bytes, "\u{feff}")), says("UTF-16"));
        assert_eq!(said(&encoded(u16::to_le_bytes, "")), says("UTF-16LE"));
        assert_eq!(said(&encoded(u16::to_be_bytes, "")), says("UTF-16BE"));
        assert_eq!(said(b"\xff\xfe\0\0a\0\0\0"), says("UTF-32"));
        assert_eq!(said(b"a\0\0\0:\0\0\0"), says("UTF-32LE"));
        assert_eq!(said(b"\0\0\0a\0\0\0:"), says("UTF-32BE"));
    }

    #[test]
    fn what_is_no_text_is_placed() {
        assert_eq!(said(b"a: 1\nb: \xe9\n"), "f:2:4: not UTF-8 text");
        assert_eq!(
            said("é\u{e000}".as_bytes().split_last().expect("bytes").1),
            "f:1:2: not UTF-8 text"
        );
    }
}
