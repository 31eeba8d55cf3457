//! JSON, and what YAML shares with it.

use zeroize::Zeroizing;

use super::text_of;
use crate::error::Problem;
use crate::tree::Tree;
use crate::value::{Kind, Value};

/// Returns a value.
pub(crate) fn value(value: &Value) -> Result<Zeroizing<String>, Problem> {
    let text = text_of(value, "JSON")?;
    match value.kind() {
        Kind::Text | Kind::Time => Ok(quoted(text)),
        Kind::Float if !text.ends_with(|c: char| c.is_ascii_digit()) => {
            Err(Problem::NotRepresentable("JSON"))
        }
        kind => Ok(number_or_word(kind, text)),
    }
}

/// Returns a value that needs no quotes. Whole numbers have no point, also where they are floating-point
/// numbers: until version 3.13, SOPS took every number of a JSON file for one.
pub(crate) fn number_or_word(kind: Kind, text: &str) -> Zeroizing<String> {
    Zeroizing::new(match kind {
        Kind::Null => "null".to_owned(),
        Kind::Boolean => text.to_ascii_lowercase(),
        _ => text.to_owned(),
    })
}

/// Returns `text` in double quotes, as JSON and YAML both read it.
pub(crate) fn quoted(text: &str) -> Zeroizing<String> {
    let mut result = Zeroizing::new(String::with_capacity(text.len() + text.len() / 8 + 2));
    result.push('"');
    for c in text.chars() {
        match c {
            '"' => result.push_str("\\\""),
            '\\' => result.push_str("\\\\"),
            '\n' => result.push_str("\\n"),
            '\t' => result.push_str("\\t"),
            '\r' => result.push_str("\\r"),
            c if needs_escape(c) => result.push_str(&format!("\\u{:04x}", u32::from(c))),
            c => result.push(c),
        }
    }
    result.push('"');
    result
}

/// Returns whether `c` is a letter that YAML does not take as it is.
pub(crate) fn needs_escape(c: char) -> bool {
    matches!(c, '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}')
}

/// Returns `tree` on several lines that start with `start`, each level by `step` further; on one line if
/// `step` is empty.
pub(crate) fn tree(tree: &Tree, start: &str, step: &str) -> Result<Zeroizing<String>, Problem> {
    let mut text = Zeroizing::new(String::new());
    write(tree, start, step, &mut text)?;
    Ok(text)
}

fn write(tree: &Tree, start: &str, step: &str, text: &mut String) -> Result<(), Problem> {
    match tree {
        Tree::Value(single) => text.push_str(&value(single)?),
        Tree::Map(members) => {
            let inner = format!("{start}{step}");
            bracketed(('{', '}'), members.len(), start, step, text, |at, text| {
                let (key, tree) = &members[at];
                text.push_str(&quoted(key));
                text.push_str(": ");
                write(tree, &inner, step, text)
            })?;
        }
        Tree::List(items) => {
            let inner = format!("{start}{step}");
            bracketed(('[', ']'), items.len(), start, step, text, |at, text| {
                write(&items[at], &inner, step, text)
            })?;
        }
    }
    Ok(())
}

fn bracketed(
    (open, close): (char, char),
    count: usize,
    start: &str,
    step: &str,
    text: &mut String,
    item: impl Fn(usize, &mut String) -> Result<(), Problem>,
) -> Result<(), Problem> {
    text.push(open);
    for at in 0..count {
        let comma = if at > 0 { "," } else { "" };
        match step {
            "" if at > 0 => text.push_str(", "),
            "" => {}
            step => text.push_str(&format!("{comma}\n{start}{step}")),
        }
        item(at, text)?;
    }
    if count > 0 && !step.is_empty() {
        text.push_str(&format!("\n{start}"));
    }
    text.push(close);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trees_are_indented_or_on_one_line() {
        let map = Tree::Map(vec![
            ("a".to_owned(), Tree::List(vec![Value::integer(1).into(), Value::float(2.0).into()])),
            ("b\"".to_owned(), Tree::Map(Vec::new())),
        ]);
        assert_eq!(*tree(&map, "", "").expect("text"), "{\"a\": [1, 2], \"b\\\"\": {}}");
        let lines = "{\n\t\"a\": [\n\t\t1,\n\t\t2\n\t],\n\t\"b\\\"\": {}\n}";
        assert_eq!(*tree(&map, "", "\t").expect("text"), lines);
    }

    #[test]
    fn quotes_are_read_back_by_json() {
        for text in
            ["", "a\"b\\c", "line\nbreak\r\t", "\u{1}\u{7f}\u{85}\u{2028}\u{feff}", "größe 💥"]
        {
            let back: String = serde_json::from_str(&quoted(text)).expect("JSON");
            assert_eq!(back, text);
        }
        assert_eq!(value(&Value::float(f64::NAN)), Err(Problem::NotRepresentable("JSON")));
    }
}
