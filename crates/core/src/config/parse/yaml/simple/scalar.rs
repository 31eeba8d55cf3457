//! Keys and scalars.

use super::{KEY, Reader};
use crate::config::node::{Data, Node, Span};
use crate::config::scalar;

/// What a scalar stands in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    Block,
    Flow,
}

impl<'t> Reader<'t> {
    /// Returns where the `:` is, if a key and a value in a block start here.
    pub(super) fn key_end(&self) -> Option<usize> {
        let colon = match self.peek()? {
            quote @ (b'"' | b'\'') => self.quoted_key_end(quote)?,
            _ => self.plain_key_end(Within::Block)?,
        };
        matches!(self.bytes.get(colon + 1), None | Some(b' ' | b'\n')).then_some(colon)
    }

    /// Returns where the `:` is, if a key and a value in a flow map start here.
    pub(super) fn flow_key_end(&self) -> Option<usize> {
        let colon = match self.peek()? {
            quote @ (b'"' | b'\'') => self.quoted_key_end(quote)?,
            _ => self.plain_key_end(Within::Flow)?,
        };
        (self.bytes.get(colon + 1) == Some(&b' ')).then_some(colon)
    }

    fn quoted_key_end(&self, quote: u8) -> Option<usize> {
        let start = self.at + 1;
        let is_end = |byte: &u8| *byte == quote || matches!(byte, b'\\' | b'\n');
        let end = start + self.bytes[start..].iter().position(is_end)?;
        let ends = self.bytes[end] == quote && self.bytes.get(end + 1) == Some(&b':');
        ends.then_some(end + 1)
    }

    fn plain_key_end(&self, within: Within) -> Option<usize> {
        if !self.starts_plain(within) {
            return None;
        }
        let end = self.plain_end(within);
        let is_colon = self.bytes.get(end) == Some(&b':');
        (is_colon && self.bytes[end - 1] != b' ').then_some(end)
    }

    /// Returns the key that ends before `colon`, and goes over that.
    pub(super) fn key(&mut self, colon: usize) -> Option<(&'t str, Span)> {
        let text = self.text;
        let (start, span) = (self.at, self.span(self.at, colon));
        let name = match self.bytes[start] {
            b'"' | b'\'' => &text[start + 1..colon - 1],
            _ => &text[start..colon],
        };
        let is_name = match self.bytes[start] {
            b'"' | b'\'' => true,
            _ => name != "<<" && matches!(scalar::yaml(name), Ok(Data::String(_))),
        };
        self.at = colon + 1;
        self.nodes += 1;
        (is_name && name.len() <= KEY).then_some((name, span))
    }

    pub(super) fn scalar(&mut self, within: Within) -> Option<Node> {
        let start = self.at;
        let data = match self.peek()? {
            b'"' => self.double_quoted()?,
            b'\'' => self.single_quoted()?,
            _ => self.plain(within)?,
        };
        let span = self.span(start, self.at);
        self.node(data, span)
    }

    fn plain(&mut self, within: Within) -> Option<Data> {
        if !self.starts_plain(within) {
            return None;
        }
        let end = self.plain_end(within);
        if self.bytes.get(end) == Some(&b':') {
            return None;
        }
        let text = self.text[self.at..end].trim_end_matches(' ');
        // The parser mistakes a lone `-` before the end of a flow collection for an entry.
        if within == Within::Flow && text.ends_with(" -") {
            return None;
        }
        self.at += text.len();
        scalar::yaml(text).ok()
    }

    /// Tells whether a plain scalar may start here; some that may are not so simple.
    fn starts_plain(&self, within: Within) -> bool {
        let second = self.bytes.get(self.at + 1);
        match self.peek() {
            Some(b'-') => match second {
                None | Some(b' ' | b'\n') => false,
                Some(b',' | b'[' | b']' | b'{' | b'}') => within == Within::Block,
                _ => true,
            },
            Some(
                b'?' | b':' | b',' | b'[' | b']' | b'{' | b'}' | b'#' | b'&' | b'*' | b'!' | b'|'
                | b'>' | b'\'' | b'"' | b'%' | b'@' | b'`' | b' ' | b'\n',
            )
            | None => false,
            _ => true,
        }
    }

    /// Returns where the plain scalar that starts here ends, trailing spaces included: at a line
    /// break, a comment, a `:` that ends a key, or a flow indicator.
    fn plain_end(&self, within: Within) -> usize {
        let flow = within == Within::Flow;
        let mut at = self.at;
        while let Some(byte) = self.bytes.get(at) {
            let next = self.bytes.get(at + 1);
            let ends = match byte {
                b'\n' => true,
                b'#' => self.bytes[at - 1] == b' ',
                b':' => match next {
                    None | Some(b' ' | b'\n') => true,
                    Some(b',' | b'[' | b']' | b'{' | b'}') => flow,
                    _ => false,
                },
                b',' | b'[' | b']' | b'{' | b'}' => flow,
                _ => false,
            };
            if ends {
                break;
            }
            at += 1;
        }
        at
    }

    fn double_quoted(&mut self) -> Option<Data> {
        let mut text = String::new();
        self.at += 1;
        loop {
            let rest = &self.bytes[self.at..];
            let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | b'\n'))?;
            text.push_str(&self.text[self.at..self.at + length]);
            self.at += length + 1;
            match rest[length] {
                b'"' => return Some(Data::String(text)),
                b'\\' => text.push(escaped(self.peek()?)?),
                _ => return None,
            }
            self.at += 1;
        }
    }

    fn single_quoted(&mut self) -> Option<Data> {
        let mut text = String::new();
        self.at += 1;
        loop {
            let rest = &self.bytes[self.at..];
            let length = rest.iter().position(|byte| matches!(byte, b'\'' | b'\n'))?;
            text.push_str(&self.text[self.at..self.at + length]);
            self.at += length + 1;
            if rest[length] == b'\n' {
                return None;
            }
            if self.peek() != Some(b'\'') {
                return Some(Data::String(text));
            }
            text.push('\'');
            self.at += 1;
        }
    }
}

/// Returns what the usual ones of the escapes mean.
fn escaped(letter: u8) -> Option<char> {
    match letter {
        b'n' => Some('\n'),
        b't' => Some('\t'),
        b'r' => Some('\r'),
        b'"' | b'\\' | b'/' => Some(char::from(letter)),
        _ => None,
    }
}
