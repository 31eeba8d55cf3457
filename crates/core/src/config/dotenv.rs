//! Lines of `KEY=value`, in the dialect of Docker Compose.
//!
//! | line | means |
//! |---|---|
//! | `KEY=value`, `KEY: value`, `export KEY=value` | the value, up to a `#` after a space, trimmed |
//! | `KEY='value'` | the value as it is, over several lines too; `\'` is a quote |
//! | `KEY="value"` | the same with `\a \b \f \n \r \t \v \" \\ \$` and octal `\0101` |
//! | `KEY=` | the empty text |
//! | `KEY` | whatever the environment says |
//! | `# …` | nothing |
//!
//! Any other backslash stays. Line breaks are `\n` in all values.

use std::ops::Range;

/// A variable of an environment file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Variable<'t> {
    pub(crate) name: &'t str,
    /// Where the name is, in bytes.
    pub(crate) name_at: Range<usize>,
    /// The value; nothing for a name without `=`.
    pub(crate) value: Option<Value>,
}

/// The value of a variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Value {
    pub(crate) text: String,
    /// Whether it is in single quotes, so that no `$` in it means anything.
    pub(crate) literal: bool,
    /// Where it is, with its quotes, in bytes.
    pub(crate) at: Range<usize>,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// A lowercase fragment, which quotes nothing.
    pub(crate) message: &'static str,
    pub(crate) hint: &'static str,
    /// Where it is, in bytes.
    pub(crate) at: Range<usize>,
}

/// Returns the variables that `text` sets, in order, and everything that is wrong with it.
///
/// `dollar` is what `\$` stands for in double quotes: `$$` where variables are still to be
/// substituted in the values, `$` where they are not.
pub(crate) fn read<'t>(text: &'t str, dollar: &'static str) -> (Vec<Variable<'t>>, Vec<Fault>) {
    let mut scanner = Scanner { text, at: 0, dollar };
    let (mut variables, mut faults) = (Vec::new(), Vec::new());
    while scanner.skip_to_statement() {
        match scanner.variable() {
            Ok(variable) => variables.push(variable),
            Err(fault) => {
                scanner.skip_line();
                faults.push(fault);
            }
        }
    }
    (variables, faults)
}

struct Scanner<'t> {
    text: &'t str,
    at: usize,
    dollar: &'static str,
}

impl<'t> Scanner<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    /// Goes to the next line that is neither blank nor a comment; `false` at the end.
    fn skip_to_statement(&mut self) -> bool {
        loop {
            let rest = self.rest();
            self.at += rest.len() - rest.trim_start().len();
            match self.rest().chars().next() {
                None => return false,
                Some('#') => self.skip_line(),
                Some(_) => return true,
            }
        }
    }

    fn skip_line(&mut self) {
        self.at += line(self.rest()).len();
    }

    fn variable(&mut self) -> Result<Variable<'t>, Fault> {
        let line = line(self.rest());
        let length = line.find(['=', ':']).unwrap_or(line.len());
        let (name, name_at) = self.name(&line[..length])?;
        self.at += length;
        let has_value = length < line.len();
        let value = if has_value { Some(self.value()?) } else { None };
        Ok(Variable { name, name_at, value })
    }

    /// Returns the name in `written`, which may follow `export`.
    fn name(&self, written: &'t str) -> Result<(&'t str, Range<usize>), Fault> {
        let written = written.trim_end();
        let exported =
            written.strip_prefix("export").filter(|rest| rest.starts_with(char::is_whitespace));
        let name = exported.unwrap_or(written).trim_start();
        let start = self.at + (written.len() - name.len());
        let is_part = |c: char| c.is_alphanumeric() || "_.-[]".contains(c);
        if name.is_empty() || !name.chars().all(is_part) {
            let at = self.at..self.at + written.len().max(1);
            let hint = "write `NAME=value`, or put `#` in front of a comment";
            return Err(Fault { message: "line sets no variable", hint, at });
        }
        Ok((name, start..start + name.len()))
    }

    /// Reads the value after the separator at which it stands, and the rest of the line.
    fn value(&mut self) -> Result<Value, Fault> {
        self.at += 1;
        let rest = self.rest();
        let blanks = rest.len() - rest.trim_start_matches([' ', '\t']).len();
        self.at += blanks;
        match self.rest().chars().next() {
            Some(quote @ ('\'' | '"')) => self.quoted(quote),
            _ => Ok(self.plain(blanks > 0)),
        }
    }

    fn plain(&mut self, after_blank: bool) -> Value {
        let line = line(self.rest());
        let text = uncommented(line, after_blank);
        let at = self.at..self.at + text.len();
        self.at += line.len();
        Value { text: text.to_owned(), literal: false, at }
    }

    fn quoted(&mut self, quote: char) -> Result<Value, Fault> {
        let start = self.at;
        let content = &self.text[start + 1..];
        let Some(length) = closing(content, quote) else {
            let at = start..start + line(self.rest()).trim_end().len();
            let hint = "close the quote, or quote the other way what holds a quote itself";
            return Err(Fault { message: "quote is not closed", hint, at });
        };
        self.at = start + length + 2;
        let at = start..self.at;
        self.tail()?;
        let content = content[..length].replace("\r\n", "\n");
        let literal = quote == '\'';
        let text =
            if literal { content.replace("\\'", "'") } else { unescaped(&content, self.dollar) };
        Ok(Value { text, literal, at })
    }

    /// Reads what follows a closing quote: nothing but a comment.
    fn tail(&mut self) -> Result<(), Fault> {
        let tail = line(self.rest());
        let extra = uncommented(tail, false);
        if !extra.trim().is_empty() {
            let start = self.at + (extra.len() - extra.trim_start().len());
            let hint = "put all of the value between the quotes";
            let at = start..self.at + extra.len();
            return Err(Fault { message: "text after the closing quote", hint, at });
        }
        self.at += tail.len();
        Ok(())
    }
}

/// Returns the first line of `text`, with its line break.
fn line(text: &str) -> &str {
    text.split_inclusive('\n').next().unwrap_or_default()
}

/// Returns `line` without the comment at its end, trimmed there: a `#` begins one only after a blank.
fn uncommented(line: &str, after_blank: bool) -> &str {
    let mut blank = after_blank;
    for (at, c) in line.char_indices() {
        if c == '#' && blank {
            return line[..at].trim_end();
        }
        blank = c.is_whitespace();
    }
    line.trim_end()
}

/// Returns where the first `quote` in `text` is that no backslash escapes.
fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    for (at, c) in text.char_indices() {
        if c == quote && !escaped {
            return Some(at);
        }
        escaped = c == '\\' && !escaped;
    }
    None
}

fn unescaped(text: &str, dollar: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('\\') {
        out.push_str(before);
        rest = escape(after, dollar, &mut out);
    }
    out.push_str(rest);
    out
}

/// Adds what the escape means whose backslash stands before `text`; returns what follows it.
fn escape<'t>(text: &'t str, dollar: &str, out: &mut String) -> &'t str {
    let mut chars = text.chars();
    match chars.next() {
        Some('a') => out.push('\u{7}'),
        Some('b') => out.push('\u{8}'),
        Some('f') => out.push('\u{c}'),
        Some('n') => out.push('\n'),
        Some('r') => out.push('\r'),
        Some('t') => out.push('\t'),
        Some('v') => out.push('\u{b}'),
        Some('$') => out.push_str(dollar),
        Some(c @ ('"' | '\\' | '`')) => out.push(c),
        Some('0') => return octal(&text[1..], out),
        _ => {
            out.push('\\');
            return text;
        }
    }
    chars.as_str()
}

/// Adds the character that the octal digits (three at most) at the start of `text` write.
fn octal<'t>(text: &'t str, out: &mut String) -> &'t str {
    let digits = text.bytes().take(3).take_while(|byte| matches!(byte, b'0'..=b'7')).count();
    let (digits, rest) = text.split_at(digits);
    let number = u32::from_str_radix(digits, 8).unwrap_or(0);
    out.extend(char::from_u32(number));
    rest
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn values(text: &str) -> Vec<(String, Option<String>)> {
        let (variables, faults) = read(text, "$$");
        assert_eq!(faults, [], "{text}");
        let pair = |v: Variable<'_>| (v.name.to_owned(), v.value.map(|value| value.text));
        variables.into_iter().map(pair).collect()
    }

    fn value(text: &str) -> String {
        values(&format!("K{text}")).remove(0).1.expect("a value")
    }

    #[test]
    fn the_dialect_of_compose() {
        for (written, meant) in [
            ("=VAL", "VAL"),
            (": VAL", "VAL"),
            ("=", ""),
            ("= VAL # comment", "VAL"),
            ("=VAL# not a comment", "VAL# not a comment"),
            ("=#x", "#x"),
            ("= #x", ""),
            ("=a b\t", "a b"),
            ("=\"VAL\" # comment", "VAL"),
            ("=\"VAL # no comment\"", "VAL # no comment"),
            ("='Let\\'s go! \\n $X'", "Let\\'s go! \\n $X".replace("\\'", "'").as_str()),
            ("=\"{\\\"hello\\\": \\\"json\\\"}\"", "{\"hello\": \"json\"}"),
            ("=\"some\\tvalue\\n\\d\"", "some\tvalue\n\\d"),
            ("=\"a\\$b $c\"", "a$$b $c"),
            ("=\"\\0101\\060!\"", "A0!"),
            ("=\"\\\\\"", "\\"),
            ("='l1\r\nl2'\r\n", "l1\nl2"),
            ("=\"l1\nl2\"", "l1\nl2"),
            ("=a=b:c", "a=b:c"),
            ("=a'b\"c", "a'b\"c"),
        ] {
            assert_eq!(value(written), meant, "{written}");
        }
    }

    #[test]
    fn names_and_places() {
        let text = "# no\r\n\n export  A.b-c = 'x' # no\r\nexport=1\nBARE\n";
        let (variables, faults) = read(text, "$");
        assert_eq!(faults, []);
        let names: Vec<_> = variables.iter().map(|v| &text[v.name_at.clone()]).collect();
        assert_eq!(names, ["A.b-c", "export", "BARE"]);
        let value = variables[0].value.as_ref().expect("a value");
        assert_eq!((&text[value.at.clone()], value.literal), ("'x'", true));
        assert_eq!(variables[2].value, None);
    }

    #[test]
    fn every_fault_is_told_and_the_rest_is_read() {
        let text = "A B=1\n=1\nok=1\nC=\"x\" y\n'D'=1\nE='open\nF=\"open\\\"\n";
        let (variables, faults) = read(text, "$");
        let told: Vec<_> = faults.iter().map(|f| (f.message, &text[f.at.clone()])).collect();
        assert_eq!(
            told,
            [
                ("line sets no variable", "A B"),
                ("line sets no variable", "="),
                ("text after the closing quote", "y"),
                ("line sets no variable", "'D'"),
                ("quote is not closed", "'open"),
                ("quote is not closed", "\"open\\\""),
            ]
        );
        assert_eq!(variables.iter().map(|v| v.name).collect::<Vec<_>>(), ["ok"]);
    }

    proptest! {
        #[test]
        fn any_text_ends_in_places_of_it(text in "(\\PC|[=:#'\"\\\\\n\r $a0]|export ){0,40}") {
            let (variables, faults) = read(&text, "$$");
            let values = variables.iter().filter_map(|v| v.value.as_ref()).map(|v| v.at.clone());
            let places = variables.iter().map(|v| v.name_at.clone()).chain(values);
            for at in places.chain(faults.iter().map(|f| f.at.clone())) {
                prop_assert!(text.get(at).is_some());
            }
        }

        #[test]
        fn quoted_values_come_back(value in "(\\PC|[\n\\\\'\"$#]){0,20}") {
            let quoted = value.replace('\\', "\\\\").replace('"', "\\\"").replace('$', "\\$");
            let text = format!("K=\"{quoted}\" # c");
            let (variables, faults) = read(&text, "$");
            prop_assert_eq!(&faults, &[]);
            let read = variables[0].value.as_ref().map(|v| v.text.as_str());
            prop_assert_eq!(read, Some(value.as_str()));
        }
    }
}
