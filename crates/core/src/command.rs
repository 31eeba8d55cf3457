//! Commands that run on a target, as values.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// A command: a text for `sh -c`, or an argument list that no shell sees.
///
/// Values reach both as environment variables; in an argument list, `${NAME}` in an argument is
/// replaced by [`Command::argv`], which is safe because no shell reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Command {
    /// For `sh -c`.
    Shell(String),
    /// The program and its arguments.
    Argv(Vec<String>),
}

impl Command {
    /// Returns the argument list to execute with `variables`.
    #[must_use]
    pub fn argv(&self, variables: &BTreeMap<String, String>) -> Vec<String> {
        match self {
            Self::Shell(text) => vec!["sh".to_owned(), "-c".to_owned(), text.clone()],
            Self::Argv(words) => words.iter().map(|word| expand(word, variables)).collect(),
        }
    }
}

/// Returns `text` with each `${NAME}` that `variables` knows replaced; others stay as they are.
#[must_use]
pub fn expand(text: &str, variables: &BTreeMap<String, String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(start) = rest.find("${") {
        let (before, from) = rest.split_at(start);
        out.push_str(before);
        let known = from.find('}').and_then(|end| Some((end, variables.get(&from[2..end])?)));
        if let Some((end, value)) = known {
            out.push_str(value);
            rest = &from[end + 1..];
        } else {
            out.push_str("${");
            rest = &from[2..];
        }
    }
    out + rest
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Shell(text) => f.write_str(text),
            Self::Argv(words) => f.write_str(&words.join(" ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_never_pasted_into_shell_text() {
        let variables = BTreeMap::from([("STAGED".to_owned(), "/tmp/x; rm -rf y".to_owned())]);
        let shell = Command::Shell("nginx -t -c ${STAGED}/nginx.conf".to_owned());
        assert_eq!(shell.argv(&variables)[2], "nginx -t -c ${STAGED}/nginx.conf");
        let argv =
            Command::Argv(vec!["test".to_owned(), "-f".to_owned(), "${STAGED}/a".to_owned()]);
        assert_eq!(argv.argv(&variables)[2], "/tmp/x; rm -rf y/a");
    }

    #[test]
    fn expansion_leaves_the_unknown_and_never_expands_twice() {
        let variables = BTreeMap::from([
            ("A".to_owned(), "${B}".to_owned()),
            ("B".to_owned(), "no".to_owned()),
        ]);
        assert_eq!(expand("${A} ${C} ${ ${B", &variables), "${B} ${C} ${ ${B");
    }
}
