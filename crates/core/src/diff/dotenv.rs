//! Files of `KEY=value`.

use serde_json::{Map, Value};

/// Returns the variables of an environment file; `None` when a line is none. A key without `=` is
/// null: it comes from the environment. Of a repeated key the last counts, as in a shell.
pub(super) fn parse(text: &str) -> Option<Map<String, Value>> {
    let mut variables = Map::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            return Some(variables);
        }
        if rest.starts_with('#') {
            rest = line(rest).1;
            continue;
        }
        let key_end = rest.find(['=', '\n']).unwrap_or(rest.len());
        let key = key(&rest[..key_end])?;
        let (value, after) = match rest[key_end..].strip_prefix('=') {
            Some(value) => read_value(value)?,
            None => (Value::Null, &rest[key_end..]),
        };
        variables.insert(key.to_owned(), value);
        rest = after;
    }
}

/// Returns the name in `text`, which may follow `export`; `None` when it is none.
fn key(text: &str) -> Option<&str> {
    let text = text.trim();
    let name = text.strip_prefix("export").filter(|name| name.starts_with(char::is_whitespace));
    let name = name.unwrap_or(text).trim_start();
    let is_name =
        !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || "'\"".contains(c));
    is_name.then_some(name)
}

/// Returns the value at the beginning of `text`, and what follows it.
fn read_value(text: &str) -> Option<(Value, &str)> {
    let text = text.trim_start_matches([' ', '\t']);
    let (value, after) = if let Some(quoted) = text.strip_prefix('\'') {
        let (value, after) = quoted.split_once('\'')?;
        (value.to_owned(), after)
    } else if let Some(quoted) = text.strip_prefix('"') {
        double_quoted(quoted)?
    } else {
        let (value, after) = line(text);
        return Some((Value::from(uncommented(value)), after));
    };
    let (tail, after) = line(after);
    uncommented(tail).is_empty().then_some((Value::String(value), after))
}

/// Returns the value up to the closing quote, and what follows that; it may have several lines.
fn double_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, &text[at + 1..])),
            '\\' => value.push_str(&unescaped(chars.next()?.1)),
            c => value.push(c),
        }
    }
    None
}

fn unescaped(c: char) -> String {
    match c {
        'n' => "\n".to_owned(),
        'r' => "\r".to_owned(),
        't' => "\t".to_owned(),
        '"' | '\\' | '$' | '`' => c.to_string(),
        c => format!("\\{c}"),
    }
}

/// Returns the first line of `text` and what follows it.
fn line(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or((text, ""))
}

/// Returns `text` without the comment at its end: a `#` begins one only after a space.
fn uncommented(text: &str) -> &str {
    let mut before = ' ';
    for (at, c) in text.char_indices() {
        if c == '#' && before.is_whitespace() {
            return text[..at].trim();
        }
        before = c;
    }
    text.trim()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_what_a_shell_reads() {
        let text = "# no\nA=1\nexport B = x y # no\n\nC='a $b \"c\" # d'\nD=\"l1\nl2\\n\\\"q\\\" \\d\" # no\r\nE=\nF=a#b\nG\nA=2\nH= #x\nexport=1";
        let expected = json!({
            "A": "2", "B": "x y", "C": "a $b \"c\" # d", "D": "l1\nl2\n\"q\" \\d", "E": "",
            "F": "a#b", "G": null, "H": "", "export": "1",
        });
        assert_eq!(parse(text).map(Value::Object), Some(expected));
    }

    #[test]
    fn what_is_no_variable_does_not_parse() {
        for text in ["A B=1", "=1", "A='open", "A=\"open\\", "A=\"x\" y", "'A'=1"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
