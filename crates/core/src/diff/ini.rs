//! INI files and the units of systemd.

use serde_json::{Map, Value};

/// Which of the many INIs it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Dialect {
    /// `key = value` or `key: value`, values in quotes or not.
    Ini,
    /// `Key=value`, everything after the sign is the value; `\` joins lines.
    Unit,
}

/// Returns the sections as a map of maps, and the keys before the first section at the top; `None`
/// when a line is neither. A key without a value is null, one that is repeated in its section a list.
pub(super) fn parse(text: &str, dialect: Dialect) -> Option<Value> {
    let text = if dialect == Dialect::Unit { joined(text) } else { text.to_owned() };
    let mut root = Map::new();
    let mut section: Option<String> = None;
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[') {
            section = Some(begin_section(&mut root, header.split_once(']')?.0.trim()));
            continue;
        }
        let (key, value) = setting(line, dialect);
        let map = match &section {
            Some(name) => root.get_mut(name)?.as_object_mut()?,
            None => &mut root,
        };
        insert(map, key, value);
    }
    Some(Value::Object(root))
}

/// Makes sure that there is a section called `name`, and returns where: a key of that name before
/// any section is a different thing, and the section then goes by `[name]`.
fn begin_section(root: &mut Map<String, Value>, name: &str) -> String {
    let is_taken = root.get(name).is_some_and(|value| !value.is_object());
    let name = if is_taken { format!("[{name}]") } else { name.to_owned() };
    root.entry(name.clone()).or_insert_with(|| Value::Object(Map::new()));
    name
}

/// Returns the key and the value on `line`.
fn setting(line: &str, dialect: Dialect) -> (&str, Value) {
    let signs: &[char] = if dialect == Dialect::Unit { &['='] } else { &['=', ':'] };
    let Some(at) = line.find(signs) else { return (line, Value::Null) };
    let (key, value) = (line[..at].trim(), line[at + 1..].trim());
    let value = if dialect == Dialect::Unit { value } else { unquoted(value) };
    (key, Value::from(value))
}

fn unquoted(value: &str) -> &str {
    let inner = |quote| value.strip_prefix(quote)?.strip_suffix(quote);
    inner('"').or_else(|| inner('\'')).unwrap_or(value)
}

fn insert(map: &mut Map<String, Value>, key: &str, value: Value) {
    match map.get_mut(key) {
        None => {
            map.insert(key.to_owned(), value);
        }
        Some(Value::Array(values)) => values.push(value),
        Some(first) => *first = Value::Array(vec![first.take(), value]),
    }
}

/// Returns `text` with each line that ends in `\` joined with the next by a space; comments between
/// them go, as in systemd.
fn joined(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut is_open = false;
    for line in text.lines() {
        let is_comment = line.trim_start().starts_with(['#', ';']);
        if is_comment && is_open {
            continue;
        }
        let part = line.strip_suffix('\\').filter(|_| !is_comment);
        is_open = part.is_some();
        out.push_str(part.unwrap_or(line));
        out.push(if is_open { ' ' } else { '\n' });
    }
    out
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn reads_sections_keys_and_comments() {
        let text = "top = 1\n; no\n[db]\nhost: x\n  port = 80 \n# no\nname = \"a b\"\nflag\n[e.f]\nk='v=w'\n[empty]\n";
        let expected = json!({
            "top": "1",
            "db": {"host": "x", "port": "80", "name": "a b", "flag": null},
            "e.f": {"k": "v=w"},
            "empty": {},
        });
        assert_eq!(parse(text, Dialect::Ini), Some(expected));
    }

    #[test]
    fn a_repeated_key_is_a_list_and_a_repeated_section_one() {
        let text = "[a]\nk=1\n[b]\n[a]\nk=2\nk=3\n";
        assert_eq!(parse(text, Dialect::Ini), Some(json!({"a": {"k": ["1", "2", "3"]}, "b": {}})));
    }

    #[test]
    fn a_unit_keeps_colons_and_quotes_and_joins_lines() {
        let text = "[Service]\nExecStart=/bin/x \\\n# no\n  -p \"80:80\"\nEnvironment=\"A=b c\"\nEnvironment=\n";
        let expected = json!({"Service": {
            "ExecStart": "/bin/x    -p \"80:80\"",
            "Environment": ["\"A=b c\"", ""],
        }});
        assert_eq!(parse(text, Dialect::Unit), Some(expected));
    }

    #[test]
    fn odd_lines_do_no_harm() {
        assert_eq!(parse("[open\n", Dialect::Ini), None);
        let text = "a = 1\n[a]\nb = 2\n[]\n= 3\n";
        let expected = json!({"a": "1", "[a]": {"b": "2"}, "": {"": "3"}});
        assert_eq!(parse(text, Dialect::Ini), Some(expected));
        assert_eq!(unquoted("\""), "\"");
    }
}
