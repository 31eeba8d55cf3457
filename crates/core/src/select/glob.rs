//! Patterns with `*`, `?` and `[…]`.

/// A pattern that a whole name must match.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Glob {
    tokens: Vec<Token>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Token {
    /// `*`: anything, also nothing.
    Any,
    /// `?`: one character.
    One,
    /// A character that means itself.
    Char(char),
    /// `[a-c]`, `[!a-c]`: one that is, or is not, within one of the ranges.
    Class { negated: bool, ranges: Vec<(char, char)> },
}

impl Glob {
    /// Tells whether `text` has a character that patterns give a meaning to.
    pub(super) fn is_one(text: &str) -> bool {
        text.contains(['*', '?', '['])
    }

    /// Reads a pattern; nothing where a bracket is not closed, or nothing is in it.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut tokens = Vec::new();
        let mut rest = text;
        while let Some(c) = rest.chars().next() {
            rest = &rest[c.len_utf8()..];
            let token = match c {
                '*' if tokens.last() == Some(&Token::Any) => continue,
                '*' => Token::Any,
                '?' => Token::One,
                '[' => {
                    let (token, behind) = class(rest)?;
                    rest = behind;
                    token
                }
                c => Token::Char(c),
            };
            tokens.push(token);
        }
        Some(Self { tokens })
    }

    /// Tells whether all of `name` matches, in time of the product of both lengths.
    pub(super) fn matches(&self, name: &str) -> bool {
        let mut token = 0;
        let mut rest = name;
        // Where the last `*` is, and what was left of the name when it took nothing more.
        let mut retry: Option<(usize, &str)> = None;
        loop {
            let next = rest.chars().next();
            match (self.tokens.get(token), next) {
                (Some(Token::Any), _) => {
                    retry = Some((token, rest));
                    token += 1;
                }
                (Some(one), Some(c)) if one.takes(c) => {
                    rest = &rest[c.len_utf8()..];
                    token += 1;
                }
                (None, None) => return true,
                _ => {
                    let Some((star, left)) = retry else { return false };
                    let Some(c) = left.chars().next() else { return false };
                    rest = &left[c.len_utf8()..];
                    retry = Some((star, rest));
                    token = star + 1;
                }
            }
        }
    }
}

impl Token {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Char(own) => *own == c,
            Self::Class { negated, ranges } => {
                ranges.iter().any(|(from, to)| (*from..=*to).contains(&c)) != *negated
            }
        }
    }
}

/// Reads a class behind its `[`; returns what is behind its `]`, which means itself when it is first.
fn class(text: &str) -> Option<(Token, &str)> {
    let inside = text.strip_prefix('!').unwrap_or(text);
    let first = inside.chars().next()?.len_utf8();
    let end = first + inside[first..].find(']')?;
    let mut ranges = Vec::new();
    let mut chars = inside[..end].chars().peekable();
    while let Some(from) = chars.next() {
        let mut ahead = chars.clone();
        match (ahead.next(), ahead.next()) {
            (Some('-'), Some(to)) => {
                ranges.push((from, to));
                chars = ahead;
            }
            _ => ranges.push((from, from)),
        }
    }
    let negated = inside.len() < text.len();
    Some((Token::Class { negated, ranges }, &inside[end + 1..]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn matches(pattern: &str, name: &str) -> bool {
        Glob::parse(pattern).expect(pattern).matches(name)
    }

    #[test]
    fn patterns_are_those_of_shells() {
        for (pattern, name) in [
            ("*", ""),
            ("*", "web"),
            ("web*", "web"),
            ("web*", "web1.example"),
            ("*1", "web1"),
            ("w*b*1", "webbb11"),
            ("**", "x"),
            ("we?1", "web1"),
            ("?", "é"),
            ("web[12]", "web2"),
            ("web[1-3]", "web2"),
            ("web[!1-3]", "web4"),
            ("[]x]", "]"),
            ("[a-]", "-"),
            ("[!]]", "x"),
            ("a*[0-9]", "ab-7"),
        ] {
            assert!(matches(pattern, name), "{pattern} {name}");
        }
        for (pattern, name) in [
            ("", "x"),
            ("web", "web1"),
            ("web*", "db"),
            ("?", ""),
            ("web[1-3]", "web4"),
            ("web[!1-3]", "web1"),
            ("web[!1]", "web"),
            ("*a", "ab"),
            ("Web", "web"),
        ] {
            assert!(!matches(pattern, name), "{pattern} {name}");
        }
        for unclosed in ["[", "[]", "[!]", "web[1"] {
            assert_eq!(Glob::parse(unclosed), None, "{unclosed}");
        }
    }

    #[test]
    fn many_stars_take_no_longer() {
        let pattern = format!("{}b", "a*".repeat(200));
        assert!(!matches(&pattern, &"a".repeat(2_000)));
    }

    /// Returns the answer as simply as possible.
    fn model(pattern: &[char], name: &[char]) -> bool {
        match (pattern.split_first(), name.split_first()) {
            (None, None) => true,
            (Some(('*', rest)), _) => {
                model(rest, name) || (!name.is_empty() && model(pattern, &name[1..]))
            }
            (Some(('?', rest)), Some((_, left))) => model(rest, left),
            (Some((c, rest)), Some((d, left))) => c == d && model(rest, left),
            _ => false,
        }
    }

    proptest! {
        #[test]
        fn answers_are_those_of_a_simple_model(pattern in "[ab*?]{0,8}", name in "[ab]{0,8}") {
            let chars = |text: &str| text.chars().collect::<Vec<_>>();
            prop_assert_eq!(matches(&pattern, &name), model(&chars(&pattern), &chars(&name)));
        }

        #[test]
        fn nothing_panics(pattern in r"[\[\]!*?a-cé-]{0,12}", name in "[a-cé]{0,8}") {
            if let Some(glob) = Glob::parse(&pattern) {
                glob.matches(&name);
            }
        }
    }
}
