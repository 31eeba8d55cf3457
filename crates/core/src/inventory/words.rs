//! A line of an INI inventory to words, as Python's `shlex.split(line, comments=True)` does.

use std::ops::Range;

/// A word without its quotes and backslashes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Word {
    /// What it says.
    pub(super) text: String,
    /// Where it is written, in bytes.
    pub(super) at: Range<usize>,
    /// Where its first `=` is: in `text`, and in the line.
    pub(super) equals: Option<(usize, usize)>,
}

/// Why a line has no words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unfinished {
    /// The quote at this byte is never closed.
    Quote(usize),
    /// The backslash at this byte is the end of the line.
    Backslash(usize),
}

/// Returns the words of `line`. A `#` starts a comment wherever it is not quoted, also inside a word.
pub(super) fn split(line: &str) -> Result<Vec<Word>, Unfinished> {
    words(Chars { line, at: 0, comments: true })
}

/// Returns the words of `text`, in which a `#` is nothing special.
pub(super) fn split_arguments(text: &str) -> Result<Vec<Word>, Unfinished> {
    words(Chars { line: text, at: 0, comments: false })
}

fn words(mut chars: Chars<'_>) -> Result<Vec<Word>, Unfinished> {
    let mut words = Vec::new();
    loop {
        while chars.peek().is_some_and(is_space) {
            chars.next();
        }
        if chars.peek().is_none() || chars.is_at_comment() {
            return Ok(words);
        }
        words.push(word(&mut chars)?);
    }
}

struct Chars<'t> {
    line: &'t str,
    at: usize,
    comments: bool,
}

impl Chars<'_> {
    fn peek(&self) -> Option<char> {
        self.line[self.at..].chars().next()
    }

    fn is_at_comment(&self) -> bool {
        self.comments && self.peek() == Some('#')
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }
}

fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn word(chars: &mut Chars<'_>) -> Result<Word, Unfinished> {
    let start = chars.at;
    let mut word = Word { text: String::new(), at: start..start, equals: None };
    while let Some(c) = chars.peek() {
        let at = chars.at;
        if is_space(c) || chars.is_at_comment() {
            break;
        }
        chars.next();
        match c {
            '\'' | '"' => quoted(chars, c, at, &mut word)?,
            '\\' => word.push(chars.next().ok_or(Unfinished::Backslash(at))?, at),
            c => word.push(c, at),
        }
    }
    word.at.end = chars.at;
    Ok(word)
}

/// Reads up to the closing `quote`. In double quotes, a backslash counts before `\` and `"` only.
fn quoted(
    chars: &mut Chars<'_>,
    quote: char,
    from: usize,
    word: &mut Word,
) -> Result<(), Unfinished> {
    loop {
        let at = chars.at;
        match chars.next().ok_or(Unfinished::Quote(from))? {
            c if c == quote => return Ok(()),
            '\\' if quote == '"' => {
                let escaped = chars.next().ok_or(Unfinished::Quote(from))?;
                if !matches!(escaped, '\\' | '"') {
                    word.push('\\', at);
                }
                word.push(escaped, at);
            }
            c => word.push(c, at),
        }
    }
}

impl Word {
    fn push(&mut self, c: char, at: usize) {
        if c == '=' && self.equals.is_none() {
            self.equals = Some((self.text.len(), at));
        }
        self.text.push(c);
    }

    /// Returns what is before the first `=` and what is behind it, where there is one.
    pub(super) fn assignment(&self) -> Option<(&str, &str)> {
        let (at, _) = self.equals?;
        Some((&self.text[..at], &self.text[at + 1..]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(line: &str) -> Vec<String> {
        split(line).expect(line).into_iter().map(|word| word.text).collect()
    }

    /// The expectations are what Python 3.11 answers.
    #[test]
    fn words_are_those_of_shlex() {
        for (line, expected) in [
            ("a b", vec!["a", "b"]),
            (" a\t b ", vec!["a", "b"]),
            ("a#b c", vec!["a"]),
            ("a # b", vec!["a"]),
            ("a '#b'", vec!["a", "#b"]),
            ("a\\#b", vec!["a#b"]),
            ("''", vec![""]),
            ("a '' b", vec!["a", "", "b"]),
            ("x='a b'\"c d\"e", vec!["x=a bc de"]),
            ("'a\\'", vec!["a\\"]),
            (r#""a\"b\\c\d$""#, vec![r#"a"b\c\d$"#]),
            ("a\\ b", vec!["a b"]),
            ("it\\'s", vec!["it's"]),
            ("''#x", vec![""]),
            ("ü=\u{a0}é", vec!["ü=\u{a0}é"]),
            ("", vec![]),
            ("# all", vec![]),
        ] {
            assert_eq!(texts(line), expected, "{line}");
        }
    }

    #[test]
    fn arguments_have_no_comments() {
        let words = split_arguments("a#b '#c' # d").expect("words");
        let texts: Vec<_> = words.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, ["a#b", "#c", "#", "d"]);
    }

    #[test]
    fn what_is_unfinished_is_placed() {
        assert_eq!(split("a 'b"), Err(Unfinished::Quote(2)));
        assert_eq!(split("a \"b\\"), Err(Unfinished::Quote(2)));
        assert_eq!(split("ab\\"), Err(Unfinished::Backslash(2)));
    }

    #[test]
    fn assignments_know_where_their_value_is() {
        let words = split(r"h 'k'=\=v e").expect("words");
        assert_eq!(words[1].assignment(), Some(("k", "=v")));
        assert_eq!(words[1].equals, Some((1, 5)));
        assert_eq!(words[1].at, 2..9);
        assert_eq!(words[2].assignment(), None);
    }
}
