//! The lines of a TOML text: headers, and keys with their values.

use std::collections::HashMap;
use std::ops::Range;

use toml_parser::Source;
use toml_parser::parser::{Event, EventKind, parse_document};

use super::super::tree::{Item, Key, Shape, Tree};

/// A header, or a key and its value.
#[derive(Debug, PartialEq)]
pub(super) struct Statement {
    pub(super) kind: Kind,
    /// The keys that it writes.
    pub(super) keys: Vec<Key>,
    /// Which segment of its path each of them is; an index can have the name of a key.
    depths: Vec<usize>,
    /// All that lead to it from the root, the indexes of lists of tables included.
    pub(super) path: Vec<String>,
    pub(super) range: Range<usize>,
}

#[derive(Debug, PartialEq)]
pub(super) enum Kind {
    Header { array: bool },
    Pair(Tree),
}

impl Statement {
    /// Tells whether `path` is its own or starts with it.
    pub(super) fn leads_to(&self, path: &[&str]) -> bool {
        self.path.len() <= path.len() && self.path.iter().zip(path).all(|(a, b)| a == b)
    }

    /// Tells whether its path is `path` or starts with it.
    pub(super) fn is_below(&self, path: &[&str]) -> bool {
        path.len() <= self.path.len() && self.path.iter().zip(path).all(|(a, b)| a == b)
    }

    /// Tells whether its keys are the end of its path, with no index between them.
    pub(super) fn is_plain(&self) -> bool {
        let base = self.path.len() - self.keys.len();
        self.depths.iter().enumerate().all(|(number, depth)| base + number == *depth)
    }

    /// Returns the key that writes the segment of its path at `depth`, if it does.
    pub(super) fn key_at(&self, depth: usize) -> Option<&Key> {
        let number = self.depths.iter().position(|at| *at == depth)?;
        self.keys.get(number)
    }
}

/// Returns the statements of `text`, which parses, in order.
pub(super) fn statements(text: &str) -> Option<Vec<Statement>> {
    let source = Source::new(text);
    let tokens: Vec<_> = source.lex().collect();
    let mut events = Vec::new();
    parse_document(&tokens, &mut |event: Event| events.push(event), &mut ());
    let events = events.into_iter().filter(|event| {
        let kind = event.kind();
        !matches!(kind, EventKind::Whitespace | EventKind::Comment | EventKind::Newline)
    });
    let mut reader = Reader { source, events: events.peekable(), tables: Tables::default() };
    let mut statements = Vec::new();
    while let Some(event) = reader.events.next() {
        statements.push(reader.statement(&event)?);
    }
    Some(statements)
}

/// Where the headers so far lead.
#[derive(Default)]
struct Tables {
    /// How many tables each list of tables has.
    lengths: HashMap<Vec<String>, usize>,
    /// The path of the last header.
    open: Vec<String>,
}

impl Tables {
    /// Opens the table that a header with `keys` names, and returns its path and where in it the
    /// keys are.
    fn enter(&mut self, keys: &[Key], array: bool) -> (Vec<String>, Vec<usize>) {
        let mut path = Vec::with_capacity(keys.len());
        let mut depths = Vec::with_capacity(keys.len());
        for (number, key) in keys.iter().enumerate() {
            depths.push(path.len());
            path.push(key.name.clone());
            let length = match self.lengths.get_mut(&path) {
                Some(length) if array && number + 1 == keys.len() => {
                    *length += 1;
                    Some(*length)
                }
                None if array && number + 1 == keys.len() => {
                    self.lengths.insert(path.clone(), 1);
                    Some(1)
                }
                length => length.map(|length| *length),
            };
            path.extend(length.map(|length| (length - 1).to_string()));
        }
        self.open.clone_from(&path);
        (path, depths)
    }
}

struct Reader<'t, I: Iterator<Item = Event>> {
    source: Source<'t>,
    events: std::iter::Peekable<I>,
    tables: Tables,
}

impl<I: Iterator<Item = Event>> Reader<'_, I> {
    fn statement(&mut self, first: &Event) -> Option<Statement> {
        match first.kind() {
            EventKind::StdTableOpen => self.header(first, false),
            EventKind::ArrayTableOpen => self.header(first, true),
            EventKind::SimpleKey => {
                let start = first.span().start();
                let (keys, _) = self.keys(first)?;
                let value = self.value()?;
                let base = self.tables.open.len();
                let path = self.tables.open.iter().cloned();
                let path = path.chain(keys.iter().map(|key| key.name.clone())).collect();
                let depths = (base..base + keys.len()).collect();
                let range = start..value.range.end;
                Some(Statement { kind: Kind::Pair(value), keys, depths, path, range })
            }
            _ => None,
        }
    }

    fn header(&mut self, open: &Event, array: bool) -> Option<Statement> {
        let first = self.events.next()?;
        let (keys, close) = self.keys(&first)?;
        let (path, depths) = self.tables.enter(&keys, array);
        let range = open.span().start()..close.span().end();
        Some(Statement { kind: Kind::Header { array }, keys, depths, path, range })
    }

    /// Returns the keys from `first` on, and what comes after them.
    fn keys(&mut self, first: &Event) -> Option<(Vec<Key>, Event)> {
        let mut keys = vec![self.key(first)?];
        loop {
            let event = self.events.next()?;
            match event.kind() {
                EventKind::KeySep => {
                    let next = self.events.next()?;
                    keys.push(self.key(&next)?);
                }
                _ => return Some((keys, event)),
            }
        }
    }

    fn key(&self, event: &Event) -> Option<Key> {
        let mut name = String::new();
        let raw = self.source.get(event)?;
        raw.decode_key(&mut name, &mut ());
        (event.kind() == EventKind::SimpleKey)
            .then(|| Key { name, range: event.span().start()..event.span().end() })
    }

    fn value(&mut self) -> Option<Tree> {
        let event = self.events.next()?;
        let start = event.span().start();
        match event.kind() {
            EventKind::Scalar => Some(Tree::leaf(Shape::Scalar, start..event.span().end())),
            EventKind::ArrayOpen => self.bracketed(start, Shape::List, EventKind::ArrayClose),
            EventKind::InlineTableOpen => {
                self.bracketed(start, Shape::Map, EventKind::InlineTableClose)
            }
            _ => None,
        }
    }

    fn bracketed(&mut self, start: usize, shape: Shape, close: EventKind) -> Option<Tree> {
        let mut items = Vec::new();
        loop {
            let event = *self.events.peek()?;
            if event.kind() == close {
                self.events.next();
                return Some(Tree { items, ..Tree::leaf(shape, start..event.span().end()) });
            }
            if event.kind() == EventKind::ValueSep {
                self.events.next();
                continue;
            }
            items.push(self.item(&event, shape)?);
        }
    }

    fn item(&mut self, first: &Event, shape: Shape) -> Option<Item> {
        let start = first.span().start();
        if shape == Shape::List {
            let value = self.value()?;
            return Some(Item { start, keys: Vec::new(), indicator: start, value });
        }
        self.events.next();
        let (keys, equals) = self.keys(first)?;
        let value = self.value()?;
        Some(Item { start, keys, indicator: equals.span().end(), value })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_know_their_whole_path() {
        let text = "a.'b c' = 1\n[t]\nx = [1, {y.z = 2}] # c\n[[l]]\nn = 1\n[[l]]\n[l.s]\nn = 2\n[[l.m]]\n";
        let statements = statements(text).expect("statements");
        let paths: Vec<_> = statements.iter().map(|statement| statement.path.join("/")).collect();
        assert_eq!(
            paths,
            ["a/b c", "t", "t/x", "l/0", "l/0/n", "l/1", "l/1/s", "l/1/s/n", "l/1/m/0"]
        );
        let Kind::Pair(list) = &statements[2].kind else { panic!("a pair") };
        assert_eq!(&text[list.range.clone()], "[1, {y.z = 2}]");
        let (trail, rest) = list.trail(&["1", "y", "z"]);
        assert!(rest.is_empty());
        assert_eq!(&text[list.end(&trail).range.clone()], "2");
        let key = |depth| statements[6].key_at(depth).map(|key| &text[key.range.clone()]);
        assert_eq!((key(0), key(1), key(2)), (Some("l"), None, Some("s")));
    }
}
