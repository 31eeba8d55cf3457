//! Maps and lists by indentation, and literal blocks.

use super::{DEPTH, Reader};
use crate::config::node::{Data, Map, Node, Span};

impl Reader<'_> {
    /// Returns the map or list that starts here.
    pub(super) fn block(&mut self, depth: usize) -> Option<Node> {
        if depth > DEPTH || self.is_document_mark() {
            return None;
        }
        if !self.is_dash() {
            return self.mapping(depth);
        }
        let span = self.span(self.at, self.at);
        self.sequence(span, depth)
    }

    fn mapping(&mut self, depth: usize) -> Option<Node> {
        let column = self.indent()?;
        let span = self.span(self.at, self.at);
        let mut map = Map::new();
        loop {
            let colon = self.key_end()?;
            let key = self.key(colon)?;
            let node = self.value(column, depth)?;
            self.insert(&mut map, key, node)?;
            if !self.goes_on(column)? {
                return self.node(Data::Map(Box::new(map)), span);
            }
        }
    }

    fn sequence(&mut self, span: Span, depth: usize) -> Option<Node> {
        let column = self.indent()?;
        let mut list = Vec::new();
        loop {
            list.push(self.item(column, depth)?);
            if !self.goes_on(column)? || !self.is_dash() {
                return self.node(Data::List(list), span);
            }
        }
    }

    /// Tells whether the collection at `column` has one more entry.
    fn goes_on(&self, column: usize) -> Option<bool> {
        if self.is_deeper(column) || self.is_document_mark() {
            return None;
        }
        Some(self.indent() == Some(column))
    }

    /// Returns what stands after a `:`.
    fn value(&mut self, column: usize, depth: usize) -> Option<Node> {
        let colon = self.span(self.at - 1, self.at - 1);
        self.skip_spaces();
        if !self.at_line_end() {
            return self.inline(column, depth);
        }
        self.skip_to_content();
        if self.is_deeper(column) {
            return self.block(depth + 1);
        }
        if self.indent() == Some(column) && self.is_dash() {
            return self.list_beside(depth + 1);
        }
        self.node(Data::Null, colon)
    }

    /// Returns the list that is not indented more than its key. The parser has it where its first
    /// entry begins.
    fn list_beside(&mut self, depth: usize) -> Option<Node> {
        let dash = self.at;
        let span = self.skip_dash();
        self.at = dash;
        if depth > DEPTH { None } else { self.sequence(span, depth) }
    }

    /// Goes over the `-` that is next and the space or comment after it; returns where that ends.
    fn skip_dash(&mut self) -> Span {
        self.at += 1;
        self.skip_spaces();
        if self.peek() == Some(b'#') {
            self.skip_line();
        }
        self.span(self.at, self.at)
    }

    /// Returns what stands after the `-` that is next.
    fn item(&mut self, column: usize, depth: usize) -> Option<Node> {
        let end = self.skip_dash();
        if self.at_line_end() {
            self.skip_to_content();
            let deeper = self.is_deeper(column);
            return if deeper { self.block(depth + 1) } else { self.node(Data::Null, end) };
        }
        if self.is_dash() || self.key_end().is_some() {
            return self.block(depth + 1);
        }
        self.inline(column, depth)
    }

    /// Returns the value on this line, below something at `column`.
    fn inline(&mut self, column: usize, depth: usize) -> Option<Node> {
        if self.peek() == Some(b'|') {
            return self.literal(column);
        }
        let node = self.one_line(depth)?;
        self.end_line()?;
        (!self.is_deeper(column)).then_some(node)
    }

    /// Returns the text of a literal block: `|` or `|-`.
    fn literal(&mut self, column: usize) -> Option<Node> {
        self.at += 1;
        let strip = self.peek() == Some(b'-');
        self.at += usize::from(strip);
        if self.peek() != Some(b'\n') {
            return None;
        }
        self.next_line();
        let first = self.at;
        self.skip_spaces();
        let blank = self.peek() == Some(b'\n');
        let indent = self.indent().filter(|indent| !blank && *indent > column)?;
        let span = Span { width: 1, ..self.span(self.at, self.at) };
        self.at = first;
        let mut text = self.literal_lines(indent)?;
        text.truncate(text.trim_end_matches('\n').len());
        if text.is_empty() {
            return None;
        }
        if !strip {
            text.push('\n');
        }
        self.skip_to_content();
        let node = self.node(Data::String(text), span)?;
        (!self.is_deeper(column)).then_some(node)
    }

    /// Returns the lines that are indented by `indent` at least, without that.
    fn literal_lines(&mut self, indent: usize) -> Option<String> {
        let mut text = String::new();
        loop {
            let start = self.at;
            self.skip_spaces();
            let spaces = self.at - start;
            match self.peek() {
                None if spaces == 0 => return Some(text),
                None => return None,
                Some(b'\n') if spaces > indent => return None,
                Some(b'\n') => {}
                _ if spaces < indent => {
                    self.at = start;
                    return Some(text);
                }
                _ => {
                    self.skip_line();
                    text.push_str(&self.text[start + indent..self.at]);
                }
            }
            if self.is_done() {
                return None;
            }
            text.push('\n');
            self.next_line();
        }
    }

    /// Tells whether an entry of a list is next.
    fn is_dash(&self) -> bool {
        self.peek() == Some(b'-')
            && matches!(self.bytes.get(self.at + 1), None | Some(b' ' | b'\n'))
    }

    /// Tells whether a document ends or starts here.
    fn is_document_mark(&self) -> bool {
        let rest = &self.bytes[self.at..];
        self.at == self.line_start && (rest.starts_with(b"---") || rest.starts_with(b"..."))
    }
}
