//! INI values, quoted as `go-ini` does it.

use zeroize::Zeroizing;

use super::loose;
use crate::document::read_ini_value;
use crate::error::Problem;
use crate::value::Value;

/// Returns a value in the quotes that it needs.
pub(super) fn value(value: &Value) -> Result<Zeroizing<String>, Problem> {
    let text = loose(value, "INI")?;
    let candidates = [
        text.clone(),
        Zeroizing::new(format!("`{}`", *text)),
        Zeroizing::new(format!("\"{}\"", *text)),
        Zeroizing::new(format!("\"\"\"{}\"\"\"", *text)),
    ];
    let reads_back = |written: &&Zeroizing<String>| {
        let line = Zeroizing::new(format!(" {}\n", ***written));
        read_ini_value(&line)
            .is_some_and(|found| *found.value == *text && found.range == (1..line.len() - 1))
            || (text.is_empty() && written.is_empty())
    };
    candidates.iter().find(reads_back).cloned().ok_or(Problem::NotRepresentable("INI"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_quoted_as_far_as_it_needs() {
        let written = |text: &str| value(&Value::text(text)).map(|text| text.to_string());
        assert_eq!(written("plain text"), Ok("plain text".to_owned()));
        assert_eq!(written("a#b;c"), Ok("`a#b;c`".to_owned()));
        assert_eq!(written(" a "), Ok("` a `".to_owned()));
        assert_eq!(written("a\nb"), Ok("`a\nb`".to_owned()));
        assert_eq!(written("a`#"), Ok("`a`#`".to_owned()));
        assert_eq!(written("a`\n`b"), Ok("\"\"\"a`\n`b\"\"\"".to_owned()));
        assert_eq!(written("\"x\""), Ok("`\"x\"`".to_owned()));
        assert_eq!(written("c:\\"), Ok("`c:\\`".to_owned()));
        assert_eq!(written("a`\"\"\"\nb"), Err(Problem::NotRepresentable("INI")));
    }
}
