//! YAML scalars, plain where nobody can mistake them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::json::{needs_escape, number_or_word, quoted};
use crate::document::yaml::scalar;
use crate::error::Problem;
use crate::tree::Tree;
use crate::value::{Kind, Value};

/// How far what is inside is further to the right, as SOPS writes it.
const STEP: usize = 4;

/// Returns a value for a map or list in `column`; on several lines only if it stands `alone` on its line.
pub(crate) fn block(
    value: &Value,
    column: usize,
    alone: bool,
) -> Result<Zeroizing<String>, Problem> {
    match value.as_str() {
        Some(text) if value.kind() == Kind::Text && alone && fits_lines(text) => {
            Ok(lines(text, column + STEP))
        }
        _ => flow(value),
    }
}

/// Returns a value on one line, which may stand in brackets too.
pub(crate) fn flow(value: &Value) -> Result<Zeroizing<String>, Problem> {
    let Some(text) = value.as_str() else {
        return Ok(Zeroizing::new(format!("!!binary {}", STANDARD.encode(value.as_bytes()))));
    };
    Ok(match value.kind() {
        Kind::Text if is_plain(text) => Zeroizing::new(text.to_owned()),
        Kind::Text => quoted(text),
        Kind::Time => Zeroizing::new(text.to_owned()),
        Kind::Float => Zeroizing::new(match text {
            "NaN" => ".nan".to_owned(),
            "+Inf" => ".inf".to_owned(),
            "-Inf" => "-.inf".to_owned(),
            text if !text.contains('.') => format!("{text}.0"),
            text => text.to_owned(),
        }),
        kind => number_or_word(kind, text),
    })
}

/// Returns what follows the sign of a comment in `column`; every further line gets a sign of its own.
pub(crate) fn comment(text: &str, column: usize) -> Zeroizing<String> {
    Zeroizing::new(text.replace('\n', &format!("\n{}#", " ".repeat(column))))
}

/// Returns whether `text` can stand in YAML without quotes, in brackets too, for any version of YAML.
fn is_plain(text: &str) -> bool {
    const WORDS: [&str; 6] = ["y", "n", "yes", "no", "on", "off"];
    let inside = |c: char| {
        c.is_alphanumeric()
            || matches!(c, '_' | '-' | '.' | '/' | '@' | '+' | '=' | '%' | '~' | '^' | '$' | ' ')
    };
    text.starts_with(|c: char| c.is_alphanumeric() || matches!(c, '_' | '/' | '$'))
        && !text.ends_with(' ')
        && text.chars().all(inside)
        && scalar::plain(text).is_ok_and(|value| value.kind() == Kind::Text)
        && !looks_like_number(text)
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// Returns whether some YAML reader might take `text` for a number, although ours does not.
fn looks_like_number(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_digit() || "_.-eE+".contains(c);
    text.contains(|c: char| c.is_ascii_digit())
        && text.matches('.').count() <= 1
        && text.chars().all(fits)
}

/// Returns whether `text` can be written as lines below `|` without a loss.
fn fits_lines(text: &str) -> bool {
    let printable = |c: char| c == '\n' || c == '\t' || !needs_escape(c);
    text.contains('\n')
        && !text.starts_with([' ', '\n', '\t'])
        && !text.ends_with("\n\n")
        && text.chars().all(printable)
        && text.lines().all(|line| line.is_empty() || !line.trim().is_empty())
}

fn lines(text: &str, column: usize) -> Zeroizing<String> {
    let mut result = Zeroizing::new(String::with_capacity(text.len() * 2 + 2));
    result.push_str(if text.ends_with('\n') { "|" } else { "|-" });
    for line in text.lines() {
        result.push('\n');
        if !line.is_empty() {
            result.extend(std::iter::repeat_n(' ', column));
            result.push_str(line);
        }
    }
    result
}

/// Returns a key.
pub(crate) fn key(text: &str) -> Zeroizing<String> {
    if is_plain(text) { Zeroizing::new(text.to_owned()) } else { quoted(text) }
}

/// Returns `tree` as what follows a colon or dash of a map or list in `column`: on the same line, or on
/// the lines below.
pub(crate) fn node(tree: &Tree, column: usize) -> Result<Zeroizing<String>, Problem> {
    let (mut text, inner) = (Zeroizing::new(String::new()), column + STEP);
    match tree {
        Tree::Value(value) => {
            text.push(' ');
            text.push_str(&block(value, column, true)?);
        }
        Tree::Map(members) if members.is_empty() => text.push_str(" {}"),
        Tree::List(items) if items.is_empty() => text.push_str(" []"),
        Tree::Map(members) => {
            for (name, tree) in members {
                text.push_str(&format!("\n{}", " ".repeat(inner)));
                text.push_str(&member(name, tree, inner)?);
            }
        }
        Tree::List(items) => {
            for tree in items {
                text.push_str(&format!("\n{}", " ".repeat(inner)));
                text.push_str(&item(tree, inner)?);
            }
        }
    }
    Ok(text)
}

/// Returns a key and what it holds, without the spaces before it.
pub(crate) fn member(name: &str, tree: &Tree, column: usize) -> Result<Zeroizing<String>, Problem> {
    Ok(Zeroizing::new(format!("{}:{}", *key(name), *node(tree, column)?)))
}

/// Returns a place of a list, without the spaces before its dash: a map starts on the dash's line.
pub(crate) fn item(tree: &Tree, column: usize) -> Result<Zeroizing<String>, Problem> {
    let Tree::Map(members) = tree else {
        return Ok(Zeroizing::new(format!("-{}", *node(tree, column)?)));
    };
    if members.is_empty() {
        return Ok(Zeroizing::new("- {}".to_owned()));
    }
    let mut text = Zeroizing::new("- ".to_owned());
    for (at, (name, tree)) in members.iter().enumerate() {
        if at > 0 {
            text.push_str(&format!("\n{}", " ".repeat(column + 2)));
        }
        text.push_str(&member(name, tree, column + 2)?);
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_be_mistaken_is_quoted() {
        for text in [
            "yes",
            "No",
            "null",
            "~",
            "12",
            "1.5",
            "1_000",
            "0x1f",
            "2020-01-02",
            "",
            " a",
            "a ",
            "a: b",
            "a #b",
            "- a",
            "{",
            "*a",
            "&a",
            "!a",
            "%a",
            "a,b",
            "'",
            "1e5",
            "12:30",
            "=",
            "<<",
            "---",
        ] {
            assert!(flow(&Value::text(text)).expect("text").starts_with('"'), "{text}");
        }
        for text in ["a", "hunter2", "a b", "/etc/x", "a.b-c_d", "größe", "$HOME/x"] {
            assert_eq!(*flow(&Value::text(text)).expect("text"), text);
        }
    }

    #[test]
    fn lines_stay_lines_where_nothing_is_lost() {
        let text = |text: &str| block(&Value::text(text), 2, true).expect("text").to_string();
        assert_eq!(text("a\n\nb\n"), "|\n      a\n\n      b");
        assert_eq!(text("a\nb"), "|-\n      a\n      b");
        for odd in [" a\nb", "a\n\n", "\na", "a\r\nb", "a\n \nb", "a\u{85}\nb"] {
            assert!(text(odd).starts_with('"'), "{odd:?}");
        }
        assert_eq!(*block(&Value::text("a\nb"), 0, false).expect("text"), "\"a\\nb\"");
    }

    #[test]
    fn trees_are_indented_by_four() {
        let tree = Tree::Map(vec![(
            "age".to_owned(),
            Tree::List(vec![Tree::Map(vec![
                ("enc".to_owned(), Tree::text("a\nb\n")),
                ("recipient".to_owned(), Tree::text("age1")),
            ])]),
        )]);
        let text = member("sops", &tree, 0).expect("text");
        let expected = "sops:\n    age:\n        - enc: |\n              a\n              b\n          recipient: age1";
        assert_eq!(*text, expected);
    }
}
