//! Values of settings, as people write them.

use serde_json::Value;

use crate::ui::escape;

/// The most characters of a value that are shown; the diff has the rest.
const LONGEST: usize = 80;

/// Returns `value` as JSON on one line, a string without quotes where nothing else could be meant.
pub(crate) fn show(value: &Value) -> String {
    let text = match value {
        Value::String(text) if is_simple(text) => text.clone(),
        value => value.to_string(),
    };
    shortened(&escape::line(&text))
}

/// Tells whether `text` without quotes is read as the same string: not as another type, not as the
/// end of itself.
fn is_simple(text: &str) -> bool {
    let inner = |c: char| c.is_alphanumeric() || " -_./:@+%#=,~$(){}*?&!".contains(c);
    text.starts_with(|c: char| c.is_alphanumeric() || "/_.$~".contains(c))
        && !text.ends_with(' ')
        && text.chars().all(inner)
        && serde_json::from_str::<Value>(text).is_err()
}

fn shortened(text: &str) -> String {
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn simple_strings_have_no_quotes_and_cannot_be_mistaken() {
        let cases = [
            (json!("db.internal"), "db.internal"),
            (json!("http://x:80/?a=b"), "http://x:80/?a=b"),
            (json!("5432"), "\"5432\""),
            (json!("true"), "\"true\""),
            (json!("null"), "\"null\""),
            (json!(""), "\"\""),
            (json!(" x"), "\" x\""),
            (json!("x "), "\"x \""),
            (json!("a → b"), "\"a → b\""),
            (json!("(not set)"), "\"(not set)\""),
            (json!(5432), "5432"),
            (json!(null), "null"),
            (json!([1, "a"]), "[1,\"a\"]"),
            (json!({"a": true}), "{\"a\":true}"),
        ];
        for (value, expected) in cases {
            assert_eq!(show(&value), expected);
        }
    }

    #[test]
    fn values_cannot_reach_the_terminal_or_break_the_line() {
        assert_eq!(show(&json!("a\nb\u{1b}[31m")), "\"a\\nb\\u001b[31m\"");
        assert_eq!(show(&json!("a\u{9b}\u{202e}")), "\"a\\u{9b}\\u{202e}\"");
    }

    #[test]
    fn long_values_are_cut() {
        assert_eq!(show(&json!("ü".repeat(500))), format!("{}…", "ü".repeat(80)));
    }
}
