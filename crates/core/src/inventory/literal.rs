//! Values of INI inventories: Ansible reads them as Python literals where they are some, and as text
//! where they are not.

use std::collections::HashSet;

use crate::config::{Data, Map, Node, Origin};

/// How deeply lists and maps may be nested; what is nested deeper is text.
const DEPTH: usize = 64;

/// Returns what `text` means, as `ast.literal_eval` says: numbers, quoted strings, `True`, `False`,
/// `None`, and lists, tuples, sets and maps of them; `80,443` is a tuple. All else is text.
///
/// Numbers that JSON cannot hold, complex ones among them, are text. Everything in it is placed at
/// `origin`.
pub(super) fn parse(text: &str, origin: &Origin) -> Node {
    let mut reader = Reader { text, at: 0, origin };
    let data = reader.whole().unwrap_or_else(|| Data::String(text.to_owned()));
    Node::new(data, origin.clone())
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    origin: &'t Origin,
}

/// Nothing where the text is no literal.
type Literal = Option<Data>;

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    /// Steps over `token` after spaces, if it is next.
    fn take(&mut self, token: &str) -> bool {
        self.spaces();
        let found = self.rest().starts_with(token);
        if found {
            self.at += token.len();
        }
        found
    }

    fn spaces(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\u{c}']).len();
    }

    fn whole(&mut self) -> Literal {
        let first = self.value(0)?;
        let data =
            if self.take(",") { Data::List(self.items(vec![first], None, 0)?) } else { first };
        self.spaces();
        (self.rest().is_empty() || self.rest().starts_with('#')).then_some(data)
    }

    /// Reads values and commas up to `end`: a bracket, or the end of the text or a comment.
    fn items(&mut self, first: Vec<Data>, end: Option<&str>, depth: usize) -> Option<Vec<Node>> {
        let mut items: Vec<_> = first.into_iter().map(|data| self.node(data)).collect();
        loop {
            self.spaces();
            let ended = match end {
                Some(end) => self.take(end),
                None => self.rest().is_empty() || self.rest().starts_with('#'),
            };
            if ended {
                return Some(items);
            }
            let item = self.value(depth)?;
            items.push(self.node(item));
            self.spaces();
            let more = self.take(",");
            let last = end.map_or_else(
                || self.rest().is_empty() || self.rest().starts_with('#'),
                |end| self.rest().starts_with(end),
            );
            if !more && !last {
                return None;
            }
        }
    }

    fn node(&self, data: Data) -> Node {
        Node::new(data, self.origin.clone())
    }

    fn value(&mut self, depth: usize) -> Literal {
        self.spaces();
        match self.peek()? {
            _ if depth > DEPTH => None,
            '[' => {
                self.next();
                self.items(Vec::new(), Some("]"), depth + 1).map(Data::List)
            }
            '(' => self.parenthesis(depth + 1),
            '{' => self.braces(depth + 1),
            '+' | '-' => self.signed(depth + 1),
            '0'..='9' => self.number(),
            '.' if self.rest().starts_with("...") => {
                self.at += 3;
                Some(Data::String("...".to_owned()))
            }
            '.' => self.number(),
            // An empty set cannot be written otherwise.
            's' => {
                let empty = self.take("set") && self.take("(") && self.take(")");
                empty.then(|| Data::List(Vec::new()))
            }
            _ => self.constant().or_else(|| self.strings()),
        }
    }

    fn parenthesis(&mut self, depth: usize) -> Literal {
        self.next();
        if self.take(")") {
            return Some(Data::List(Vec::new()));
        }
        let first = self.value(depth)?;
        if self.take(")") {
            return Some(first);
        }
        if self.take(",") {
            self.items(vec![first], Some(")"), depth).map(Data::List)
        } else {
            None
        }
    }

    fn braces(&mut self, depth: usize) -> Literal {
        self.next();
        if self.take("}") {
            return Some(Data::Map(Box::default()));
        }
        let first = self.value(depth)?;
        if self.take(":") {
            return self.map(first, depth);
        }
        let more = self.take(",");
        if !more && !self.take("}") {
            return None;
        }
        let first = vec![first];
        let items = if more {
            self.items(first, Some("}"), depth)?
        } else {
            first.into_iter().map(|data| self.node(data)).collect()
        };
        without_copies(items).map(Data::List)
    }

    /// Reads the rest of a map whose first key and colon have been read.
    fn map(&mut self, first: Data, depth: usize) -> Literal {
        let mut map = Map::new();
        let mut key = key(first)?;
        loop {
            let value = self.value(depth)?;
            map.insert(key, self.node(value));
            let more = self.take(",");
            if self.take("}") {
                return Some(Data::Map(Box::new(map)));
            }
            if !more {
                return None;
            }
            key = self.value(depth).and_then(self::key)?;
            if !self.take(":") {
                return None;
            }
        }
    }

    fn constant(&mut self) -> Literal {
        let word: &str = self.rest().split(|c: char| !is_word(c)).next()?;
        let data = match word {
            "True" => Data::Bool(true),
            "False" => Data::Bool(false),
            "None" => Data::Null,
            _ => return None,
        };
        self.at += word.len();
        // `None"x"` is two tokens, which make no literal.
        Some(data)
    }

    fn signed(&mut self, depth: usize) -> Literal {
        let negative = self.next() == Some('-');
        self.spaces();
        let number = match self.peek()? {
            '(' => self.parenthesis(depth),
            '0'..='9' | '.' => self.number(),
            _ => None,
        };
        match number? {
            Data::Integer(number) if negative => integer(-number),
            Data::Float(number) if negative => Some(Data::Float(-number)),
            number @ (Data::Integer(_) | Data::Float(_)) => Some(number),
            _ => None,
        }
    }

    /// Reads a number, which ends where a word would.
    fn number(&mut self) -> Literal {
        let digits = number_length(self.rest());
        let (number, rest) = self.rest().split_at(digits);
        if rest.starts_with(is_word) || rest.starts_with('.') {
            return None;
        }
        let data = number_of(number)?;
        self.at += digits;
        Some(data)
    }

    /// Reads strings, of which several beside each other are one.
    fn strings(&mut self) -> Literal {
        let mut text = String::new();
        let mut bytes = None;
        loop {
            let prefix = self.prefix()?;
            if *bytes.get_or_insert(prefix.bytes) != prefix.bytes {
                return None;
            }
            self.string(&prefix, &mut text)?;
            self.spaces();
            if !self.rest().starts_with(|c: char| c.is_alphabetic() || matches!(c, '"' | '\'')) {
                break;
            }
        }
        let sound = !text.contains('\0') && (bytes == Some(false) || text.is_ascii());
        sound.then_some(Data::String(text))
    }

    fn prefix(&mut self) -> Option<Prefix> {
        let letters = self.rest().find(['"', '\''])?;
        let prefix = match self.rest()[..letters].to_ascii_lowercase().as_str() {
            "" | "u" => Prefix { raw: false, bytes: false },
            "r" => Prefix { raw: true, bytes: false },
            "b" => Prefix { raw: false, bytes: true },
            "br" | "rb" => Prefix { raw: true, bytes: true },
            _ => return None,
        };
        self.at += letters;
        Some(prefix)
    }

    fn string(&mut self, prefix: &Prefix, text: &mut String) -> Option<()> {
        let quote = self.peek()?;
        let triple: String = [quote; 3].iter().collect();
        let end = if self.rest().starts_with(&triple) { triple } else { quote.to_string() };
        self.at += end.len();
        loop {
            if self.rest().starts_with(&end) {
                self.at += end.len();
                return Some(());
            }
            match self.next()? {
                '\\' if prefix.raw => {
                    text.push('\\');
                    text.push(self.next()?);
                }
                '\\' => self.escape(prefix, text)?,
                c if prefix.bytes && !c.is_ascii() => return None,
                c => text.push(c),
            }
        }
    }

    fn escape(&mut self, prefix: &Prefix, text: &mut String) -> Option<()> {
        let c = match self.next()? {
            c @ ('\\' | '\'' | '"') => c,
            'n' => '\n',
            't' => '\t',
            'r' => '\r',
            'a' => '\u{7}',
            'b' => '\u{8}',
            'f' => '\u{c}',
            'v' => '\u{b}',
            'x' => self.hex(2)?,
            'u' if !prefix.bytes => self.hex(4)?,
            'U' if !prefix.bytes => self.hex(8)?,
            'N' if !prefix.bytes => return None,
            c @ '0'..='7' => self.octal(c)?,
            c if prefix.bytes && !c.is_ascii() => return None,
            c => {
                text.push('\\');
                c
            }
        };
        text.push(c);
        Some(())
    }

    fn hex(&mut self, digits: usize) -> Option<char> {
        let hex = self.rest().get(..digits)?;
        if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let number = u32::from_str_radix(hex, 16).ok()?;
        self.at += digits;
        char::from_u32(number)
    }

    fn octal(&mut self, first: char) -> Option<char> {
        let mut number = first.to_digit(8)?;
        for _ in 0..2 {
            let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else { break };
            self.next();
            number = number * 8 + digit;
        }
        char::from_u32(number)
    }
}

/// What stands before a quote.
struct Prefix {
    raw: bool,
    bytes: bool,
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn key(data: Data) -> Option<String> {
    match data {
        Data::String(text) => Some(text),
        Data::Integer(number) => Some(number.to_string()),
        _ => None,
    }
}

/// Returns the items of a set, which holds no collections.
fn without_copies(items: Vec<Node>) -> Option<Vec<Node>> {
    let mut kept: Vec<Node> = Vec::new();
    let mut seen = HashSet::new();
    for item in items {
        if item.data.is_collection() {
            return None;
        }
        if seen.insert(item.to_json().to_string()) {
            kept.push(item);
        }
    }
    Some(kept)
}

fn integer(number: i128) -> Literal {
    let range = i128::from(i64::MIN)..=i128::from(u64::MAX);
    range.contains(&number).then_some(Data::Integer(number))
}

/// Returns how many bytes of `text` belong to a number, whether it is a sound one or not.
fn number_length(text: &str) -> usize {
    let mut before = ' ';
    let in_radix = text.len() > 1 && text.starts_with('0') && !text[1..].starts_with(['e', 'E']);
    let hex = in_radix && text[1..].starts_with(['x', 'X']);
    let belongs = |c: char| {
        let sign = matches!(c, '+' | '-') && matches!(before, 'e' | 'E') && !hex;
        before = c;
        is_word(c) || c == '.' || sign
    };
    text.len() - text.trim_start_matches(belongs).len()
}

/// Returns the number that Python reads in `text`.
fn number_of(text: &str) -> Literal {
    for (prefix, radix) in [("0x", 16), ("0o", 8), ("0b", 2)] {
        let start = text.get(..2).unwrap_or_default().to_ascii_lowercase();
        if start == prefix {
            let digits = grouped(text[2..].strip_prefix('_').unwrap_or(&text[2..]))?;
            return i128::from_str_radix(&digits, radix).ok().and_then(integer);
        }
    }
    if text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'_') {
        let digits = grouped(text)?;
        let padded = digits.starts_with('0') && digits.bytes().any(|byte| byte != b'0');
        return if padded { None } else { digits.parse().ok().and_then(integer) };
    }
    float_of(text)
}

fn float_of(text: &str) -> Literal {
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, "0"));
    let sound = |digits: &str| digits.is_empty() || grouped(digits).is_some_and(|d| is_decimal(&d));
    let unsigned = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
    let empty = whole.is_empty() && (fraction.is_empty() || !mantissa.contains('.'));
    if empty || unsigned.is_empty() || ![whole, fraction, unsigned].into_iter().all(sound) {
        return None;
    }
    let number: f64 = text.replace('_', "").parse().ok()?;
    number.is_finite().then_some(Data::Float(number))
}

fn is_decimal(digits: &str) -> bool {
    digits.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns digits without the single `_` between them, or nothing where one is elsewhere.
fn grouped(digits: &str) -> Option<String> {
    let misplaced = digits.split('_').any(str::is_empty);
    (!misplaced).then(|| digits.replace('_', ""))
}

#[cfg(test)]
mod tests;
