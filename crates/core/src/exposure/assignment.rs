//! Values that are assigned to what is called a password or a key.

use std::sync::LazyLock;

use regex::Regex;

use super::entropy::bits;
use super::{Hit, is_placeholder};

/// The least characters of a value that is taken for a secret.
const SHORTEST: usize = 8;

/// How many bits each character of such a value has at least: words have less.
const LEAST_BITS: f64 = 2.8;

/// A name that says what its value is, an assignment, and the value. A name may end in a number or in what
/// the value is encoded with, not in what says that it is elsewhere (`_file`, `_path`, `_ref`).
static ASSIGNMENT: LazyLock<Regex> = LazyLock::new(|| {
    let name = r"(?i)\b[A-Za-z0-9_.-]*(?:password|passwd|passphrase|pwd|secret|token|api[_-]?key|access[_-]?key|private[_-]?key|credentials?)(?:[_-]?(?:key|base64|\d+))*";
    let value = r#"(?:"(?P<double>[^"\\]*)"|'(?P<single>[^']*)'|(?P<bare>[^\s"',;#{}\[\]()]+))"#;
    Regex::new(&format!(r#"{name}["']?\s*(?::=|=>|[:=])\s*{value}"#))
        .expect("it is a regular expression")
});

pub(super) fn find(line: &str) -> Option<Hit> {
    let captures = ASSIGNMENT.captures(line)?;
    let value = ["double", "single", "bare"].iter().find_map(|name| captures.name(name))?;
    let text = value.as_str();
    let quoted = captures.name("bare").is_none();
    looks_random(text, quoted).then(|| Hit {
        what: "a password or a key",
        start: value.start(),
        end: value.end(),
    })
}

/// Returns whether `value` is neither a word nor a reference to something else.
fn looks_random(value: &str, quoted: bool) -> bool {
    let letters = value.chars().any(char::is_alphabetic);
    let mixed = value.chars().any(|c| c.is_ascii_digit())
        || (value.chars().any(char::is_uppercase) && value.chars().any(char::is_lowercase))
        || (quoted && value.chars().any(|c| "!@#%^&*+=?".contains(c)));
    value.chars().count() >= SHORTEST
        && letters
        && mixed
        && !value.contains(char::is_whitespace)
        && !value.contains("::")
        && !value.ends_with(['(', ')', ';'])
        && !is_code(value, quoted)
        && !is_placeholder(value)
        && bits(value) >= LEAST_BITS
}

/// Returns whether `value` names something of a program: `config.db_password`, `os.environ`, `getToken`.
fn is_code(value: &str, quoted: bool) -> bool {
    let word = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let digits = value.chars().filter(char::is_ascii_digit).count();
    !quoted && value.chars().all(word) && digits < 2
}
