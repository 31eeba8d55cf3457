//! Files of `KEY=value`.

use serde_json::{Map, Value};

use crate::config::dotenv;

/// Returns the variables of an environment file; `None` when a line is none. A key without `=` is
/// null: it comes from the environment. Of a repeated key the last counts, as in a shell.
pub(super) fn parse(text: &str) -> Option<Map<String, Value>> {
    let (variables, faults) = dotenv::read(text, "$");
    let pair = |variable: dotenv::Variable<'_>| {
        let value = variable.value.map_or(Value::Null, |value| Value::String(value.text));
        (variable.name.to_owned(), value)
    };
    faults.is_empty().then(|| variables.into_iter().map(pair).collect())
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
