//! What a value may look like.

use std::collections::HashMap;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickBuilder, AhoCorasickKind, MatchKind};
use serde_json::Value;
use zeroize::Zeroizing;

use super::Found;
use super::view::joined;
use crate::secret::{Secret, SecretName};

/// Values of fewer bytes are not looked for.
pub const MIN_LEN: usize = 4;

/// A line of a value, or a text in it, of fewer bytes is not looked for by itself.
const MIN_LINE: usize = 8;

/// A value of more bytes is not looked through for the texts in it.
const READ: usize = 64 << 10;

/// A value of more bytes is looked for in pieces.
const WHOLE: usize = 4 << 10;
/// So many bytes at the beginning and at the end of a long value are looked for.
const ENDS: usize = 16 << 10;
/// The bytes of one piece of a long value.
const PIECE: usize = 1 << 10;

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// All that is looked for.
pub(super) struct Patterns {
    automaton: AhoCorasick,
    shapes: Vec<Shape>,
    names: Vec<SecretName>,
    texts: Vec<Zeroizing<Vec<u8>>>,
    longest: usize,
}

/// What belongs to a match besides what the pattern says.
#[derive(Clone, Copy, Default)]
struct Shape {
    /// The number of the name.
    name: usize,
    /// Base64: the character before holds some bits of the value.
    before: bool,
    /// Base64: so does the one behind; then there is padding.
    after: bool,
}

impl Patterns {
    /// Returns what to look for; nothing where no value is long enough.
    pub(super) fn of<'s>(
        secrets: impl Iterator<Item = (&'s SecretName, &'s Secret)>,
    ) -> Option<Self> {
        let mut all = Collector::default();
        for (number, (name, secret)) in secrets.enumerate() {
            all.names.push(name.clone());
            all.value(number, secret.expose());
        }
        if all.known.is_empty() {
            return None;
        }
        let (mut texts, mut shapes) = (Vec::new(), Vec::new());
        for (text, shape) in all.known {
            texts.push(Zeroizing::new(text));
            shapes.push(shape);
        }
        let automaton = AhoCorasickBuilder::new()
            .match_kind(MatchKind::Standard)
            // Making the other kinds of automata takes the square of the length of a value that
            // repeats itself.
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&texts)
            .expect("far fewer than 2^31 patterns and states: long values are cut");
        let longest = texts.iter().map(|text| text.len()).max().unwrap_or(0);
        Some(Self { automaton, shapes, names: all.names, texts, longest })
    }

    pub(super) fn name(&self, number: usize) -> &SecretName {
        &self.names[number]
    }

    /// Returns how many bytes may have to be seen after the first of a match, and a few more.
    pub(super) const fn reach(&self) -> usize {
        self.longest + 16
    }

    /// Returns each stretch of `bytes` that gives a secret away, and the number of its name.
    pub(super) fn matches<'b>(
        &'b self,
        bytes: &'b [u8],
    ) -> impl Iterator<Item = (Range<usize>, usize)> + 'b {
        self.automaton.find_overlapping_iter(bytes).map(move |found| {
            let shape = self.shapes[found.pattern().as_usize()];
            (widened(bytes, found.start()..found.end(), shape), shape.name)
        })
    }

    /// Returns the longest end of a value that `text` begins with.
    pub(super) fn end_of_a_value(&self, text: &[u8]) -> Option<Found> {
        let end = |(pattern, shape): (&Zeroizing<Vec<u8>>, &Shape)| {
            let most = pattern.len().min(text.len());
            let fits = |length: &usize| text.starts_with(&pattern[pattern.len() - length..]);
            let length = (MIN_LEN..=most).rev().find(fits)?;
            Some(Found { range: widened(text, 0..length, *shape), name: shape.name })
        };
        self.texts.iter().zip(&self.shapes).filter_map(end).max_by_key(|found| found.range.end)
    }
}

/// Returns `range` with the characters around it that hold bits of the value, and padding.
fn widened(bytes: &[u8], range: Range<usize>, shape: Shape) -> Range<usize> {
    let is_digit = |at: usize| bytes.get(at).is_some_and(|byte| is_base64(*byte));
    let Range { mut start, mut end } = range;
    if shape.before && start > 0 && is_digit(start - 1) {
        start -= 1;
    }
    if shape.after && is_digit(end) {
        end += 1;
        end += bytes[end..].iter().take(2).take_while(|byte| **byte == b'=').count();
    }
    start..end
}

const fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

#[derive(Default)]
struct Collector {
    names: Vec<SecretName>,
    known: HashMap<Vec<u8>, Shape>,
}

impl Collector {
    /// Adds everything that `value` may look like. Space around it is no part of it: whoever prints
    /// it may leave that out.
    fn value(&mut self, name: usize, value: &[u8]) {
        let value = value.trim_ascii();
        self.texts(name, value);
        if value.len() <= WHOLE {
            self.encodings(name, value);
            self.lines(name, value);
            return;
        }
        let split = value.len().saturating_sub(ENDS).max(ENDS.min(value.len()));
        for end in [&value[..ENDS.min(value.len())], &value[split..]] {
            end.chunks(PIECE).for_each(|piece| self.encodings(name, piece));
            self.lines(name, end);
        }
    }

    fn encodings(&mut self, name: usize, value: &[u8]) {
        if value.len() < MIN_LEN {
            return;
        }
        self.plain(name, value);
        for (from, to) in [("'", r"'\''"), ("'", r#"'"'"'"#), ("'", "''"), (" ", "+")] {
            if value.contains(&from.as_bytes()[0]) {
                self.plain(name, &replaced(value, from.as_bytes()[0], to.as_bytes()));
            }
        }
        let shape = Shape { name, ..Shape::default() };
        self.add(hex(value, b"0123456789abcdef"), shape);
        self.add(hex(value, b"0123456789ABCDEF"), shape);
        for alphabet in [STANDARD, URL] {
            (0..3).for_each(|offset| self.base64(name, value, alphabet, offset));
        }
    }

    /// Adds the lines of a value, as programs print and encode them one by one, and what lies between
    /// bytes that are no text: a filter for output may have replaced those.
    fn lines(&mut self, name: usize, value: &[u8]) {
        for chunk in value.utf8_chunks() {
            for line in chunk.valid().split(char::is_control) {
                let line = line.trim();
                let is_part = MIN_LINE <= line.len() && line.len() < value.len();
                if is_part && !line.starts_with("-----") {
                    self.encodings(name, line.as_bytes());
                }
            }
        }
    }

    /// Adds the texts in a value that is a JSON document, such as the key in that of an account of a
    /// service: who reads it has them without the escapes.
    fn texts(&mut self, name: usize, value: &[u8]) {
        if value.len() > READ || !matches!(value.first(), Some(b'{' | b'[')) {
            return;
        }
        if let Ok(document) = serde_json::from_slice(value) {
            self.texts_in(name, &document);
        }
    }

    fn texts_in(&mut self, name: usize, document: &Value) {
        match document {
            Value::String(text) if text.trim().len() >= MIN_LINE => {
                let text = text.trim().as_bytes();
                text.chunks(PIECE).for_each(|piece| self.encodings(name, piece));
                self.lines(name, text);
            }
            Value::Array(list) => list.iter().for_each(|inner| self.texts_in(name, inner)),
            Value::Object(map) => map.values().for_each(|inner| self.texts_in(name, inner)),
            _ => {}
        }
    }

    fn plain(&mut self, name: usize, value: &[u8]) {
        self.add(joined(value), Shape { name, ..Shape::default() });
    }

    /// Adds the digits of Base64 that depend on `value` alone when `offset` bytes (of every three) are
    /// before it.
    fn base64(&mut self, name: usize, value: &[u8], alphabet: &[u8; 64], offset: usize) {
        let first = (offset * 8).div_ceil(6);
        let bits = (offset + value.len()) * 8;
        let mut padded = vec![0; offset];
        padded.extend_from_slice(value);
        let digits = base64(&padded, alphabet);
        let text = digits.get(first..bits / 6).unwrap_or_default().to_vec();
        self.add(text, Shape { name, before: offset != 0, after: !bits.is_multiple_of(6) });
    }

    fn add(&mut self, text: Vec<u8>, shape: Shape) {
        if text.len() >= MIN_LEN {
            self.known.entry(text).or_insert(shape);
        }
    }
}

fn replaced(value: &[u8], from: u8, to: &[u8]) -> Vec<u8> {
    let one = |byte: &u8| if *byte == from { to.to_vec() } else { vec![*byte] };
    value.iter().flat_map(one).collect()
}

fn hex(value: &[u8], digits: &[u8; 16]) -> Vec<u8> {
    let digit = |nibble: u8| digits[usize::from(nibble)];
    value.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

/// Returns the digits of `bytes` in Base64, without padding.
fn base64(bytes: &[u8], alphabet: &[u8; 64]) -> Vec<u8> {
    let mut digits = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |at: usize| u32::from(three.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let digit = |at: usize| alphabet[(bits >> (18 - 6 * at)) as usize & 63];
        digits.extend((0..=three.len()).map(digit));
    }
    digits
}
