use proptest::prelude::*;

use super::*;

/// Pairs of a text and what `ast.literal_eval` of Python 3.11 makes of it, or the text itself.
const PYTHON: &str = include_str!("python.jsonl");

fn read(text: &str) -> serde_json::Value {
    parse(text, &Origin::of_source("test")).to_json()
}

#[test]
fn literals_are_those_of_python() {
    for line in PYTHON.lines() {
        let (text, expected): (String, serde_json::Value) =
            serde_json::from_str(line).expect("a pair");
        assert_eq!(read(&text), expected, "{text}");
    }
    assert!(PYTHON.lines().count() > 150);
}

#[test]
fn what_json_cannot_hold_is_text() {
    for text in ["1e999", "18446744073709551616", "0xffffffffffffffffff", "'\\0'", "1+2j"] {
        assert_eq!(read(text), text, "{text}");
    }
}

#[test]
fn nesting_is_bounded() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(read(&nested(DEPTH)).is_array());
    assert!(read(&nested(100_000)).is_string());
    assert!(read(&"(".repeat(100_000)).is_string());
}

proptest! {
    #[test]
    fn nothing_panics(text in r#"[\[\](){}'"\\,:+\-.0-9a-fxoObBrRuU_ jTN#é]{0,40}"#) {
        read(&text);
    }

    #[test]
    fn quoted_text_is_that_text(text in "[^\\\\'\0\n]{0,40}") {
        prop_assert_eq!(read(&format!("'{text}'")), text);
    }

    #[test]
    fn whole_numbers_are_themselves(number: i64) {
        prop_assert_eq!(read(&number.to_string()), number);
    }
}
