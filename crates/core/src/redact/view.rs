//! A text as a reader would decode it, byte by byte with the places that they came from.

use std::borrow::Cow;
use std::ops::Range;

/// At most so many blanks at the start of a line are passed over.
const INDENTATION: usize = 256;

/// What is decoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Escapes {
    /// Nothing.
    None,
    /// `%20`, as in URLs.
    Percent,
    /// `\n`, `\"`, `\x41`, `\u0041`, `\u{41}`: JSON, Rust, C and shells.
    Backslash,
}

/// A text decoded, and without its line breaks and what indents its lines.
#[derive(Debug)]
pub(super) struct View<'t> {
    bytes: Cow<'t, [u8]>,
    /// Where each byte came from; nothing where it is the text itself.
    places: Option<Vec<Range<usize>>>,
}

impl<'t> View<'t> {
    /// Returns the views of `text` that differ from each other.
    pub(super) fn all(text: &'t [u8]) -> Vec<Self> {
        let mut views = vec![Self::of(text, Escapes::None)];
        for (sign, escapes) in [(b'%', Escapes::Percent), (b'\\', Escapes::Backslash)] {
            if text.contains(&sign) {
                views.push(Self::of(text, escapes));
            }
        }
        views
    }

    /// Returns `text` as it reads once `escapes` are decoded.
    pub(super) fn of(text: &'t [u8], escapes: Escapes) -> Self {
        if escapes == Escapes::None && !text.contains(&b'\n') {
            return Self { bytes: Cow::Borrowed(text), places: None };
        }
        let mut view = Joining { bytes: Vec::new(), places: Vec::new(), blanks: None };
        let mut at = 0;
        while at < text.len() {
            let (decoded, length) = decode(&text[at..], escapes);
            for byte in decoded.as_slice() {
                view.push(*byte, at..at + length);
            }
            at += length;
        }
        Self { bytes: Cow::Owned(view.bytes), places: Some(view.places) }
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Returns where the bytes of `range`, which is not empty, stand in the text.
    pub(super) fn place(&self, range: Range<usize>) -> Range<usize> {
        match &self.places {
            None => range,
            Some(places) => places[range.start].start..places[range.end - 1].end,
        }
    }

    /// Returns where in the text the last `count` bytes begin; the start where there are no more.
    pub(super) fn start_of_last(&self, count: usize) -> usize {
        match self.bytes.len().checked_sub(count) {
            None | Some(0) => 0,
            Some(at) if at < self.bytes.len() => self.place(at..at + 1).start,
            Some(_) => self.places.as_ref().map_or(self.bytes.len(), |p| p[p.len() - 1].end),
        }
    }
}

/// Returns `value` as views show it.
pub(super) fn joined(value: &[u8]) -> Vec<u8> {
    View::of(value, Escapes::None).bytes.into_owned()
}

/// Bytes without line breaks.
struct Joining {
    bytes: Vec<u8>,
    places: Vec<Range<usize>>,
    /// How many blanks there were at the start of this line; nothing behind its first character.
    blanks: Option<usize>,
}

impl Joining {
    fn push(&mut self, byte: u8, place: Range<usize>) {
        match (byte, self.blanks) {
            (b'\n', _) => {
                if self.bytes.last() == Some(&b'\r') {
                    self.bytes.pop();
                    self.places.pop();
                }
                self.blanks = Some(0);
            }
            (b' ' | b'\t', Some(count)) if count < INDENTATION => self.blanks = Some(count + 1),
            _ => {
                self.blanks = None;
                self.bytes.push(byte);
                self.places.push(place);
            }
        }
    }
}

/// Up to four bytes: one character.
struct Decoded {
    bytes: [u8; 4],
    length: usize,
}

impl Decoded {
    const fn byte(byte: u8) -> Self {
        Self { bytes: [byte, 0, 0, 0], length: 1 }
    }

    fn char(c: char) -> Self {
        let mut bytes = [0; 4];
        let length = c.encode_utf8(&mut bytes).len();
        Self { bytes, length }
    }

    fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// Returns what `text`, which is not empty, begins with, and how many bytes that takes.
fn decode(text: &[u8], escapes: Escapes) -> (Decoded, usize) {
    let escaped = match (escapes, text[0]) {
        (Escapes::Percent, b'%') => hexadecimal(text, 1..3).map(|n| (byte_of(n), 3)),
        (Escapes::Backslash, b'\\') => backslash(text),
        _ => None,
    };
    escaped.unwrap_or((Decoded::byte(text[0]), 1))
}

fn backslash(text: &[u8]) -> Option<(Decoded, usize)> {
    let byte = match *text.get(1)? {
        b'n' => b'\n',
        b't' => b'\t',
        b'r' => b'\r',
        b'b' => 8,
        b'f' => 12,
        b'x' => return hexadecimal(text, 2..4).map(|number| (byte_of(number), 4)),
        b'u' if text.get(2) == Some(&b'{') => return braced(text),
        b'u' => return unicode(text),
        other => other,
    };
    Some((Decoded::byte(byte), 2))
}

/// Reads `\u{41}`.
fn braced(text: &[u8]) -> Option<(Decoded, usize)> {
    let digits = text.iter().skip(3).take(7).position(|byte| *byte == b'}')?;
    let number = hexadecimal(text, 3..3 + digits)?;
    Some((Decoded::char(char::from_u32(number)?), digits + 4))
}

/// Reads `\u0041`, or two that are one character.
fn unicode(text: &[u8]) -> Option<(Decoded, usize)> {
    let high = hexadecimal(text, 2..6)?;
    if let Some(c) = char::from_u32(high) {
        return Some((Decoded::char(c), 6));
    }
    let low = hexadecimal(text.get(6..).filter(|rest| rest.starts_with(b"\\u"))?, 2..6)?;
    let (high, low) = (high.checked_sub(0xd800)?, low.checked_sub(0xdc00)?);
    let c = char::from_u32(0x1_0000 + (high << 10) + low)?;
    Some((Decoded::char(c), 12))
}

fn hexadecimal(text: &[u8], digits: Range<usize>) -> Option<u32> {
    let digits = text.get(digits).filter(|digits| digits.iter().all(u8::is_ascii_hexdigit))?;
    u32::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

fn byte_of(number: u32) -> Decoded {
    Decoded::byte(u8::try_from(number & 0xff).expect("masked to a byte"))
}
