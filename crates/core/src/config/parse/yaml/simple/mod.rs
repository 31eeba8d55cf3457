//! The YAML that nearly every configuration is written in, read in one pass without tokens.
//!
//! What it reads: one document of block maps and lists; plain and quoted scalars, and flow
//! collections, that end on the line where they start; literal blocks; comments. At anything else,
//! valid or not, it gives up, and the whole text goes to the real parser. So it reports no error, and
//! what it returns is exactly what the real parser would, which a test holds it to.

mod block;
mod flow;
mod scalar;

use std::sync::Arc;

use super::super::MAX_NODES;
use crate::config::node::{Data, Map, Node, Origin, Span};
use crate::diagnostic::Position;

/// How deeply it follows lists and maps.
const DEPTH: usize = 64;
/// The longest key in bytes, well below where YAML wants a `?` before it.
const KEY: usize = 512;

/// Returns the value of `text`, or nothing where it is not so simple.
pub(super) fn parse(file: &Arc<str>, text: &str) -> Option<Node> {
    let ascii = text.is_ascii();
    let controls = text.bytes().fold(false, |found, byte| found | is_control(byte));
    if controls || (!ascii && text.contains('\u{feff}')) {
        return None;
    }
    let mut reader = Reader {
        file,
        text,
        bytes: text.as_bytes(),
        ascii,
        at: 0,
        line: 1,
        line_start: 0,
        nodes: 0,
    };
    reader.document()
}

fn is_control(byte: u8) -> bool {
    (byte < b' ' && byte != b'\n') || byte == 0x7f
}

struct Reader<'t> {
    file: &'t Arc<str>,
    text: &'t str,
    bytes: &'t [u8],
    ascii: bool,
    /// The byte that is read next.
    at: usize,
    line: u32,
    line_start: usize,
    nodes: usize,
}

impl<'t> Reader<'t> {
    fn document(&mut self) -> Option<Node> {
        self.skip_to_content();
        if self.bytes[self.at..].starts_with(b"---\n") && self.at == self.line_start {
            self.at += 3;
            self.skip_to_content();
        }
        let root = self.block(0)?;
        self.is_done().then_some(root)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    fn is_done(&self) -> bool {
        self.at >= self.bytes.len()
    }

    fn skip_spaces(&mut self) {
        while self.peek() == Some(b' ') {
            self.at += 1;
        }
    }

    /// Tells whether nothing but a comment is left of the line; the byte before is a space.
    fn at_line_end(&self) -> bool {
        matches!(self.peek(), None | Some(b'\n' | b'#'))
    }

    /// Leaves the line, if nothing but a comment is left of it after a value.
    fn end_line(&mut self) -> Option<()> {
        let value_end = self.at;
        self.skip_spaces();
        let commented = self.peek() == Some(b'#');
        if !self.at_line_end() || (commented && self.at == value_end) {
            return None;
        }
        self.skip_to_content();
        Some(())
    }

    /// Goes to the first character of the next content: here, or on a later line. What is left of
    /// this line is space and comment.
    fn skip_to_content(&mut self) {
        loop {
            self.skip_spaces();
            match self.peek() {
                Some(b'#') => self.skip_line(),
                Some(b'\n') => {}
                _ => return,
            }
            self.next_line();
        }
    }

    /// Goes to the end of the line.
    fn skip_line(&mut self) {
        let rest = &self.bytes[self.at..];
        self.at += rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    }

    /// Goes over the line break that is next, if the text does not end here.
    fn next_line(&mut self) {
        if self.peek() == Some(b'\n') {
            self.at += 1;
            self.line += 1;
            self.line_start = self.at;
        }
    }

    /// Returns how far the content is indented that is next; nothing at the end of the text.
    fn indent(&self) -> Option<usize> {
        (!self.is_done()).then(|| self.at - self.line_start)
    }

    /// Tells whether the content is indented more than `column`: it belongs to what stands there.
    fn is_deeper(&self, column: usize) -> bool {
        self.indent().is_some_and(|indent| indent > column)
    }

    fn span(&self, start: usize, end: usize) -> Span {
        let characters = |from: usize, to: usize| {
            let count = if self.ascii { to - from } else { self.text[from..to].chars().count() };
            u32::try_from(count).unwrap_or(u32::MAX)
        };
        let column = characters(self.line_start, start) + 1;
        let position = Position { line: self.line, column };
        Span { position, width: characters(start, end).max(1) }
    }

    /// Returns the node of `data`, if there may be one more.
    fn node(&mut self, data: Data, span: Span) -> Option<Node> {
        self.nodes += 1;
        let node = Node::new(data, Origin::new(Arc::clone(self.file), span));
        (self.nodes <= MAX_NODES / 2).then_some(node)
    }

    /// Puts `node` under a key that is not there yet.
    fn insert(&self, map: &mut Map, (name, span): (&str, Span), mut node: Node) -> Option<()> {
        node.key = Some(span);
        map.insert(name.to_owned(), node).is_none().then_some(())
    }
}

#[cfg(test)]
mod tests;
