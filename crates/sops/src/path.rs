//! The way to a value: `db.hosts[0].password`.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// One step on the way to a value.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    /// Into a map.
    Key(String),
    /// Into a list, from 0.
    Index(usize),
}

/// The way from the root of a document to a value, or to a map or list.
///
/// Written `db.hosts[0].password`, with `["…"]` around a key that has other characters than letters,
/// digits, `_` and `-`: `["a/b"].c`. SOPS's own way to write it, `["db"]["hosts"][0]`, is read too.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct KeyPath(Vec<Step>);

/// Says why a text is no [`KeyPath`].
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is not the path of a key: {problem}")]
pub struct PathError {
    text: String,
    problem: &'static str,
}

impl KeyPath {
    /// Returns the path of `steps`.
    pub fn new(steps: Vec<Step>) -> Self {
        Self(steps)
    }

    /// Returns the path of the key `name` at the top.
    pub fn key(name: impl Into<String>) -> Self {
        Self(vec![Step::Key(name.into())])
    }

    /// Returns the steps, outermost first.
    pub fn steps(&self) -> &[Step] {
        &self.0
    }

    /// Returns the path one step further.
    #[must_use]
    pub fn join(&self, step: Step) -> Self {
        Self(self.0.iter().cloned().chain([step]).collect())
    }

    /// Returns whether `other` is this path or leads to something in it.
    pub fn contains(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }

    pub(crate) fn push(&mut self, step: Step) {
        self.0.push(step);
    }

    pub(crate) fn pop(&mut self) {
        self.0.pop();
    }

    /// Returns the names of the maps' keys on the way; places in lists have none.
    pub(crate) fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Index(_) => None,
        })
    }

    /// Returns the additional data that a value here is encrypted with: the keys, each followed by a
    /// colon, and a lone colon where there are none.
    pub(crate) fn additional_data(&self) -> String {
        let mut data = self.keys().fold(String::new(), |data, key| data + key + ":");
        if data.is_empty() {
            data.push(':');
        }
        data
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, step) in self.0.iter().enumerate() {
            match step {
                Step::Index(index) => write!(f, "[{index}]")?,
                Step::Key(key) if !is_plain(key) => write!(f, "[{}]", quoted(key))?,
                Step::Key(key) if at == 0 => f.write_str(key)?,
                Step::Key(key) => write!(f, ".{key}")?,
            }
        }
        Ok(())
    }
}

fn is_plain(key: &str) -> bool {
    !key.is_empty() && key.chars().all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
}

fn quoted(key: &str) -> String {
    serde_json::Value::from(key).to_string()
}

impl FromStr for KeyPath {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = |problem| PathError { text: text.to_owned(), problem };
        let mut path = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let (step, after) = next_step(rest, path.0.is_empty()).map_err(error)?;
            path.0.push(step);
            rest = after;
        }
        if path.0.is_empty() { Err(error("it is empty")) } else { Ok(path) }
    }
}

/// Returns the step that `text` starts with, and what follows it.
fn next_step(text: &str, first: bool) -> Result<(Step, &str), &'static str> {
    if let Some(inner) = text.strip_prefix('[') {
        return bracketed(inner);
    }
    let name = match text.strip_prefix('.') {
        Some(name) if !first => name,
        None if first => text,
        _ => return Err("a key is separated from what precedes it by one dot"),
    };
    let end = name.find(['.', '[']).unwrap_or(name.len());
    if end == 0 {
        return Err("a key is empty; write an empty key as [\"\"]");
    }
    Ok((Step::Key(name[..end].to_owned()), &name[end..]))
}

fn bracketed(inner: &str) -> Result<(Step, &str), &'static str> {
    const UNCLOSED: &str = "a bracket is not closed";
    if !inner.starts_with('"') {
        let (digits, rest) = inner.split_once(']').ok_or(UNCLOSED)?;
        let index =
            digits.parse().map_err(|_| "brackets hold a number or a key in double quotes")?;
        return Ok((Step::Index(index), rest));
    }
    let mut keys = serde_json::Deserializer::from_str(inner).into_iter::<String>();
    let key = keys.next().and_then(Result::ok).ok_or("a key in quotes is written as in JSON")?;
    let rest = inner[keys.byte_offset()..].strip_prefix(']').ok_or(UNCLOSED)?;
    Ok((Step::Key(key), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(name: &str) -> Step {
        Step::Key(name.to_owned())
    }

    #[test]
    fn both_ways_to_write_a_path_are_read() {
        let path = KeyPath::new(vec![key("db"), key("hosts"), Step::Index(0), key("password")]);
        assert_eq!("db.hosts[0].password".parse(), Ok(path.clone()));
        assert_eq!(r#"["db"]["hosts"][0]["password"]"#.parse(), Ok(path));
    }

    #[test]
    fn a_path_is_written_so_that_it_is_read_back() {
        for name in
            ["a", "../etc/passwd", "a.b", "a:b", "", "[0]", "quo\"te", "größe", "line\nbreak"]
        {
            let path = KeyPath::new(vec![key(name), key("x"), Step::Index(3), key(name)]);
            assert_eq!(path.to_string().parse(), Ok(path), "{name}");
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in ["", ".a", "a..b", "a.", "a[", "a[x]", "a[\"b]", "a[0]b", "a[-1]"] {
            assert!(text.parse::<KeyPath>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_additional_data_has_keys_and_no_places_in_lists() {
        let path: KeyPath = "db.hosts[0].password".parse().expect("a path");
        assert_eq!(path.additional_data(), "db:hosts:password:");
        assert_eq!(KeyPath::default().additional_data(), ":");
    }
}
